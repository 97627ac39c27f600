/** The address of a service in place of AWS's own. Pure. */

/**
 * The URL of an endpoint, without the user and the password that it may hold: calls are signed, so they have no use, and
 * could only be shown somewhere. Undefined where it is no URL of HTTP.
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

/** An endpoint as it may be shown: without a user or a password. */
export const shown = (endpoint: string): string =>
  parse(endpoint)?.href.replace(/\/$/, "") ?? "an endpoint that is not a URL"
