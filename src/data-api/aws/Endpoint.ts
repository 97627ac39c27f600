/** Custom endpoints, used in place of AWS's own. Pure. */

/**
 * Parses an endpoint's URL, without a user name and password: signed calls need neither, and a message could reveal
 * them. Undefined if it is not an HTTP URL.
 *
 * @example
 * ```ts
 * import * as Endpoint from "./Endpoint.ts"
 *
 * Endpoint.parse("http://user:password@127.0.0.1:8080")?.href // "http://127.0.0.1:8080/"
 * Endpoint.parse("127.0.0.1:8080") // undefined
 * ```
 */
export const parse = (endpoint: string): URL | undefined => {
  const url = URL.parse(endpoint)
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined
  url.username = ""
  url.password = ""
  return url
}

/** The domains of the partitions outside of `amazonaws.com`, by what the names of their regions begin with. */
const domains: ReadonlyArray<readonly [beginning: string, domain: string]> = [
  ["cn-", "amazonaws.com.cn"],
  ["eusc-", "amazonaws.eu"],
  ["us-iso-", "c2s.ic.gov"],
  ["us-isob-", "sc2s.sgov.gov"],
  ["eu-isoe-", "cloud.adc-e.uk"],
  ["us-isof-", "csp.hci.ic.gov"]
]

/**
 * The service's own endpoint in a region, as the SDK's table of partitions has it.
 *
 * @example
 * ```ts
 * import * as Endpoint from "./Endpoint.ts"
 *
 * Endpoint.ofRegion("us-east-1") // "https://rds-data.us-east-1.amazonaws.com"
 * Endpoint.ofRegion("cn-north-1") // "https://rds-data.cn-north-1.amazonaws.com.cn"
 * ```
 */
export const ofRegion = (region: string): string => {
  const domain = domains.find(([beginning]) => region.startsWith(beginning))?.[1] ?? "amazonaws.com"
  return `https://rds-data.${region}.${domain}`
}

/** An endpoint for messages: without a user name and password. */
export const shown = (endpoint: string): string =>
  parse(endpoint)?.href.replace(/\/$/, "") ?? "an endpoint that is not a URL"
