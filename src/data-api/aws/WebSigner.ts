/** AWS Signature Version 4 by Web Crypto, for runtimes without Node. */
import * as Redacted from "effect/Redacted"
import { toHex } from "../values/Octets.ts"
import { type Credentials, Drafts, type Unsigned } from "./SignatureText.ts"

const octets = (text: string) => new TextEncoder().encode(text)

const sha256 = async (text: string): Promise<string> =>
  toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", octets(text))))

const keyOf = (key: Uint8Array<ArrayBuffer>): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"])

const hmac = async (key: CryptoKey, text: string): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await crypto.subtle.sign("HMAC", key, octets(text)))

const derive = async (secret: string, texts: ReadonlyArray<string>): Promise<CryptoKey> => {
  let key = await keyOf(octets(`AWS4${secret}`))
  for (const text of texts) key = await keyOf(await hmac(key, text))
  return key
}

/** Signs for one region. It caches the key that is derived from the day and the secret. */
export class WebSigner {
  readonly #region: string
  readonly #drafts: Drafts
  #derivedFrom = ""
  #key: Promise<CryptoKey> | undefined

  constructor(region: string) {
    this.#region = region
    this.#drafts = new Drafts(region)
  }

  #keyOf(credentials: Credentials, day: string): Promise<CryptoKey> {
    const secret = Redacted.value(credentials.secretAccessKey)
    const from = `${day}/${secret}`
    if (this.#key !== undefined && from === this.#derivedFrom) return this.#key
    this.#derivedFrom = from
    this.#key = derive(secret, [day, this.#region, "rds-data", "aws4_request"])
    return this.#key
  }

  /** Returns the headers of the signed request. */
  async sign(credentials: Credentials, unsigned: Unsigned): Promise<Record<string, string>> {
    const draft = this.#drafts.draft(credentials, unsigned, await sha256(unsigned.body))
    const toSign = draft.textToSign(await sha256(draft.canonical))
    return draft.headers(toHex(await hmac(await this.#keyOf(credentials, draft.day), toSign)))
  }
}
