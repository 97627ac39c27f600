/**
 * Checks AWS Signature Version 4 for a server: whether the header is well formed and scoped to this service, and, if
 * the secret key is known, whether the signature is valid.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import type { IncomingHttpHeaders } from "node:http"
import { Redacted, Result } from "effect"
import { Unauthenticated } from "../../data-api/DataApiError.ts"

/** The parts of a request that are signed. */
export interface SignedRequest {
  readonly method: string
  /** The path with its query, as in the request line. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
}

/** The claims of the header: who signed, when, and for which region. */
export interface Credential {
  readonly accessKeyId: string
  readonly region: string
  readonly scope: string
  readonly timestamp: string
  readonly signedHeaders: ReadonlyArray<string>
  readonly signature: string
}

const refused = (code: string, message: string) => Result.fail(new Unauthenticated({ code, message }))

/** A header's own value: a signed header `constructor` must not match `Object.prototype`. */
const headerOf = (headers: IncomingHttpHeaders, name: string): string | undefined => {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined
  return typeof value === "string" ? value : value?.join(",")
}

const parameters = [
  ["Credential", /[\s,]Credential=([^\s,]+)/],
  ["Signature", /[\s,]Signature=([^\s,]+)/],
  ["SignedHeaders", /[\s,]SignedHeaders=([^\s,]+)/]
] as const

/** Milliseconds by which the caller's clock and the service's may differ. */
const skewMillis = 5 * 60_000

/**
 * Reads the `Authorization` header and checks its form and its credential scope
 * (`<key>/<date>/<region>/rds-data/aws4_request`).
 *
 * @param regions The accepted regions; any region if undefined.
 */
export const readCredential = (
  headers: IncomingHttpHeaders,
  regions: ReadonlySet<string> | undefined
): Result.Result<Credential, Unauthenticated> => {
  const authorization = headers.authorization
  if (authorization === undefined || authorization.trim() === "")
    return refused("MissingAuthenticationTokenException", "Missing Authentication Token")
  if (!/^\s*AWS4-HMAC-SHA256\s/.test(authorization))
    return refused("IncompleteSignatureException", "Authorization header requires the algorithm AWS4-HMAC-SHA256.")
  const [credential, signature, signed] = parameters.map(([, pattern]) => pattern.exec(authorization)?.[1])
  if (credential === undefined || signature === undefined || signed === undefined) {
    const lacking = parameters.filter(([, pattern]) => !pattern.test(authorization))
    const message = lacking.map(([name]) => `Authorization header requires '${name}' parameter.`).join(" ")
    return refused("IncompleteSignatureException", message)
  }
  const timestamp = headerOf(headers, "x-amz-date")
  if (timestamp === undefined || !/^\d{8}T\d{6}Z$/.test(timestamp))
    return refused("IncompleteSignatureException", "Authorization header requires existence of a 'X-Amz-Date' header.")
  const parts = credential.split("/")
  const accessKeyId = parts.at(-5)
  const date = parts.at(-4)
  const region = parts.at(-3)
  if (accessKeyId === undefined || accessKeyId === "" || region === undefined)
    return refused("IncompleteSignatureException", "Credential must have at least 5 slash-delimited elements.")
  const wrong: Array<string> = []
  if (parts.at(-1) !== "aws4_request")
    wrong.push("Credential should be scoped with a valid terminator: 'aws4_request'.")
  if (parts.at(-2) !== "rds-data") wrong.push("Credential should be scoped to correct service: 'rds-data'.")
  if (regions?.has(region) === false) wrong.push("Credential should be scoped to a valid region.")
  if (date !== timestamp.slice(0, 8)) wrong.push("Date in Credential scope does not match YYYYMMDD of 'X-Amz-Date'.")
  if (wrong.length > 0) return refused("InvalidSignatureException", wrong.join(" "))
  const signedHeaders = signed.split(";")
  if (!signedHeaders.includes("host"))
    return refused(
      "InvalidSignatureException",
      "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    )
  return Result.succeed({
    accessKeyId,
    region,
    scope: `${date}/${region}/rds-data/aws4_request`,
    timestamp,
    signedHeaders,
    signature
  })
}

const hmac = (key: string | Buffer, data: string): Buffer => createHmac("sha256", key).update(data).digest()

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex")

const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

const canonicalRequest = ({ body, headers, method, target }: SignedRequest, credential: Credential): string => {
  const [path = "/", query = ""] = target.split("?", 2)
  // Sorted by name first: with the equals sign between name and value, `a-b` would come before `a`.
  const pairs = [...new URLSearchParams(query)].map(([key, value]) => `${encoded(key)}\n${encoded(value)}`).sort()
  const lines = credential.signedHeaders.map(
    (name) => `${name}:${(headerOf(headers, name) ?? "").trim().replace(/ +/g, " ")}\n`
  )
  return [
    method,
    path.split("/").map(encoded).join("/"),
    pairs.map((pair) => pair.replace("\n", "=")).join("&"),
    lines.join(""),
    credential.signedHeaders.join(";"),
    sha256(body)
  ].join("\n")
}

const instant = (timestamp: string): number =>
  Date.parse(timestamp.replace(/^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/, "$1-$2-$3T$4:$5:$6Z"))

/**
 * Checks the signature itself.
 *
 * @param now Milliseconds since 1970. A request whose time differs by more than five minutes is refused.
 */
export const verifySignature = (
  request: SignedRequest,
  credential: Credential,
  secretKey: Redacted.Redacted,
  now: number
): Result.Result<void, Unauthenticated> => {
  const at = instant(credential.timestamp)
  if (!(Math.abs(now - at) <= skewMillis)) {
    const when = at < now ? "expired" : "not yet current"
    return refused("InvalidSignatureException", `Signature ${when}: ${credential.timestamp} is over 5 min. away.`)
  }
  const key = credential.scope
    .split("/")
    .reduce<string | Buffer>((key, part) => hmac(key, part), `AWS4${Redacted.value(secretKey)}`)
  const toSign = `AWS4-HMAC-SHA256\n${credential.timestamp}\n${credential.scope}\n${sha256(canonicalRequest(request, credential))}`
  const right = Buffer.from(hmac(key, toSign).toString("hex"))
  const given = Buffer.from(credential.signature)
  return given.length === right.length && timingSafeEqual(given, right)
    ? Result.succeed(undefined)
    : refused(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. " +
          "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
      )
}
