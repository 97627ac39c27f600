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

/** An endpoint for messages: without a user name and password. */
export const shown = (endpoint: string): string =>
  parse(endpoint)?.href.replace(/\/$/, "") ?? "an endpoint that is not a URL"
