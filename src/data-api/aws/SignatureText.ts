/**
 * What AWS Signature Version 4 signs of a POST of JSON without a query, the only request that the Data API has. Pure: who
 * calls it has the hashes and the signature, by whichever cryptography.
 */
import * as Redacted from "effect/Redacted"

/** Who signs. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: Redacted.Redacted
  readonly sessionToken?: Redacted.Redacted | undefined
}

/** What is signed. */
export interface Unsigned {
  /** Host, and port where it is not the protocol's own. */
  readonly host: string
  readonly path: string
  readonly body: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/** A request on its way to be signed. */
export interface Draft {
  /** The day of the signature, which its key derives from: `20260102`. */
  readonly day: string
  readonly canonical: string
  /** The text to be signed, by the SHA-256 of `canonical` in hexadecimal digits. */
  readonly textToSign: (canonicalHash: string) => string
  /** The headers of the signed request, by the signature in hexadecimal digits. */
  readonly headers: (signature: string) => Record<string, string>
}

export const draftOf = (
  region: string,
  credentials: Credentials,
  { host, now, path }: Unsigned,
  bodyHash: string
): Draft => {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, "")
  const day = time.slice(0, 8)
  const token = credentials.sessionToken === undefined ? undefined : Redacted.value(credentials.sessionToken)
  const names = `content-type;host;x-amz-date${token === undefined ? "" : ";x-amz-security-token"}`
  const scope = `${day}/${region}/rds-data/aws4_request`
  return {
    day,
    canonical:
      `POST\n${path}\n\ncontent-type:application/json\nhost:${host}\nx-amz-date:${time}\n` +
      `${token === undefined ? "" : `x-amz-security-token:${token}\n`}\n${names}\n${bodyHash}`,
    textToSign: (canonicalHash) => `AWS4-HMAC-SHA256\n${time}\n${scope}\n${canonicalHash}`,
    headers: (signature) => ({
      "content-type": "application/json",
      "user-agent": "alex-database",
      host,
      "x-amz-date": time,
      ...(token === undefined ? {} : { "x-amz-security-token": token }),
      authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
    })
  }
}
