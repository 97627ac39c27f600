/** AWS Signature Version 4 by Node's own cryptography. */
import { createHmac, hash } from "node:crypto"
import * as Redacted from "effect/Redacted"
import { type Credentials, Drafts, type Unsigned } from "./SignatureText.ts"

export type { Credentials, Unsigned } from "./SignatureText.ts"

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest()

/** Octets of a block of SHA-256, to which HMAC pads its key, and of a hash. */
const BLOCK = 64
const HASH = 32

/**
 * HMAC-SHA-256 (RFC 2104) with one key, as two hashes in one step each: half the time of `createHmac`, which creates an
 * object of OpenSSL for each text.
 */
class KeyedHash {
  readonly #innerKey = Buffer.alloc(BLOCK, 0x36)
  /** The outer key, and room for the inner hash. */
  readonly #outer = Buffer.alloc(BLOCK + HASH, 0x5c)

  /** @param key At most {@link BLOCK} octets. */
  constructor(key: Buffer) {
    for (const [at, octet] of key.entries()) {
      this.#innerKey[at] = octet ^ 0x36
      this.#outer[at] = octet ^ 0x5c
    }
  }

  /** The hexadecimal digits for an ASCII text. */
  digits(text: string): string {
    const inner = Buffer.allocUnsafe(BLOCK + text.length)
    this.#innerKey.copy(inner)
    inner.write(text, BLOCK, "latin1")
    this.#outer.write(hash("sha256", inner), BLOCK, "hex")
    return hash("sha256", this.#outer)
  }
}

/** Signs for one region. It caches the key that is derived from the day and the secret. */
export class Signer {
  readonly #region: string
  readonly #drafts: Drafts
  #derivedFrom = ""
  #key: KeyedHash | undefined

  constructor(region: string) {
    this.#region = region
    this.#drafts = new Drafts(region)
  }

  #keyOf(credentials: Credentials, day: string): KeyedHash {
    const secret = Redacted.value(credentials.secretAccessKey)
    const from = `${day}/${secret}`
    if (this.#key !== undefined && from === this.#derivedFrom) return this.#key
    const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), this.#region), "rds-data"), "aws4_request")
    this.#key = new KeyedHash(key)
    this.#derivedFrom = from
    return this.#key
  }

  /** Returns the headers of the signed request. */
  sign(credentials: Credentials, unsigned: Unsigned): Record<string, string> {
    const draft = this.#drafts.draft(credentials, unsigned, hash("sha256", unsigned.body))
    const toSign = draft.textToSign(hash("sha256", draft.canonical))
    return draft.headers(this.#keyOf(credentials, draft.day).digits(toSign))
  }
}
