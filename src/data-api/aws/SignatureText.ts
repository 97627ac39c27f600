/**
 * The text that AWS Signature Version 4 signs for a POST of JSON without a query, the only kind of request in the Data
 * API. Pure: the caller computes the hashes and the signature.
 */
import * as Redacted from "effect/Redacted"

/** The AWS credentials that sign a request. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: Redacted.Redacted
  readonly sessionToken?: Redacted.Redacted | undefined
}

/** The parts of a request that are signed. */
export interface Unsigned {
  /** The host, with the port if it is not the protocol's default. */
  readonly host: string
  readonly path: string
  readonly body: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/** A request that is not signed yet. */
export interface Draft {
  /** The day of the signature, from which its key is derived: `20260102`. */
  readonly day: string
  readonly canonical: string
  /** Returns the text to sign; takes the SHA-256 of `canonical` in hexadecimal digits. */
  readonly textToSign: (canonicalHash: string) => string
  /** Returns the headers of the signed request; takes the signature in hexadecimal digits. */
  readonly headers: (signature: string) => Record<string, string>
}

/** Writes what requests to one region sign. */
export class Drafts {
  readonly #region: string
  /** The second of the last request, and its text: 1,000 requests in a second have the same. */
  #second = Number.NaN
  #time = ""

  constructor(region: string) {
    this.#region = region
  }

  #timeOf(now: number): string {
    const second = Math.floor(now / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#time = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, "")
    }
    return this.#time
  }

  draft(credentials: Credentials, { host, now, path }: Unsigned, bodyHash: string): Draft {
    const time = this.#timeOf(now)
    const day = time.slice(0, 8)
    const token = credentials.sessionToken === undefined ? "" : Redacted.value(credentials.sessionToken)
    const names = `content-type;host;x-amz-date${token === "" ? "" : ";x-amz-security-token"}`
    const scope = `${day}/${this.#region}/rds-data/aws4_request`
    return {
      day,
      canonical:
        `POST\n${path}\n\ncontent-type:application/json\nhost:${host}\nx-amz-date:${time}\n` +
        `${token === "" ? "" : `x-amz-security-token:${token}\n`}\n${names}\n${bodyHash}`,
      textToSign: (canonicalHash) => `AWS4-HMAC-SHA256\n${time}\n${scope}\n${canonicalHash}`,
      headers: (signature) => ({
        "content-type": "application/json",
        "user-agent": "alex-database",
        host,
        "x-amz-date": time,
        ...(token === "" ? {} : { "x-amz-security-token": token }),
        authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
      })
    }
  }
}
