/** The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding. Pure but for salt and nonce. */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto"
import * as Result from "effect/Result"

export const MECHANISM = "SCRAM-SHA-256"

/** PostgreSQL's default. */
const ITERATIONS = 4096

const hmac = (key: Uint8Array, text: string | Uint8Array): Buffer => createHmac("sha256", key).update(text).digest()

/** The stored form of a password, which does not reveal the password. */
export interface Verifier {
  readonly salt: Uint8Array
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

/** @param password in ASCII, which SASLprep leaves unchanged */
export const verifierOf = (password: string): Verifier => {
  const salt = randomBytes(16)
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, "sha256")
  const clientKey = hmac(salted, "Client Key")
  return {
    salt,
    storedKey: createHash("sha256").update(clientKey).digest(),
    serverKey: hmac(salted, "Server Key")
  }
}

/** The state of an authentication between the client's first and last message. */
export interface Exchange {
  /** The server's first message. */
  readonly challenge: string
  readonly clientFirst: string
  /** The client's GS2 header in base64, which its last message must repeat. */
  readonly header: string
  readonly nonce: string
}

const attribute = (message: string, name: string): string | undefined =>
  message
    .split(",")
    .find((part) => part.startsWith(`${name}=`))
    ?.slice(2)

/** Reads the client's first message, a SASLInitialResponse. */
export const begin = (verifier: Verifier, body: Uint8Array): Result.Result<Exchange, string> => {
  const text = Buffer.from(body)
  const end = text.indexOf(0)
  if (end === -1 || text.length < end + 5) return Result.fail("malformed SCRAM message")
  if (text.toString("utf8", 0, end) !== MECHANISM)
    return Result.fail("client selected an invalid SASL authentication mechanism")
  const first = text.toString("utf8", end + 5)
  const parts = /^([ny],[^,]*,)(.*)$/s.exec(first)
  const clientFirst = parts?.[2] ?? ""
  const clientNonce = attribute(clientFirst, "r")
  if (parts?.[1] === undefined || !clientNonce) return Result.fail("malformed SCRAM message")
  const nonce = clientNonce + randomBytes(18).toString("base64")
  return Result.succeed({
    challenge: `r=${nonce},s=${Buffer.from(verifier.salt).toString("base64")},i=${ITERATIONS}`,
    clientFirst,
    header: Buffer.from(parts[1]).toString("base64"),
    nonce
  })
}

/** Checks the client's last message. Returns the server's last message, or undefined if the password is wrong. */
export const finish = (verifier: Verifier, exchange: Exchange, body: Uint8Array): string | undefined => {
  const last = Buffer.from(body).toString("utf8")
  const proof = Buffer.from(attribute(last, "p") ?? "", "base64")
  const withoutProof = last.replace(/,p=[^,]*$/, "")
  if (attribute(last, "r") !== exchange.nonce || attribute(last, "c") !== exchange.header || proof.length !== 32) {
    return undefined
  }
  const signed = `${exchange.clientFirst},${exchange.challenge},${withoutProof}`
  const signature = hmac(verifier.storedKey, signed)
  const clientKey = proof.map((byte, index) => byte ^ (signature[index] ?? 0))
  const storedKey = createHash("sha256").update(clientKey).digest()
  if (!timingSafeEqual(storedKey, verifier.storedKey)) return undefined
  return `v=${hmac(verifier.serverKey, signed).toString("base64")}`
}
