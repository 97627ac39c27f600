/** What a browser has to be told before a web page of an allowed origin can send requests and read the answers. */
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

/** The headers of answers that a client reads: the session, the version, and where to get a token. */
const exposed = "Mcp-Session-Id, Mcp-Protocol-Version, WWW-Authenticate, Retry-After"

/** The answer to a browser that asks whether a page may send a request, if this is such a question. */
export const preflight = ({
  headers,
  method
}: HttpServerRequest.HttpServerRequest): HttpServerResponse.HttpServerResponse | undefined =>
  method === "OPTIONS" && headers["origin"] !== undefined && headers["access-control-request-method"] !== undefined
    ? HttpServerResponse.empty({
        status: 204,
        headers: {
          "access-control-allow-methods": "GET, POST, DELETE",
          "access-control-allow-headers": headers["access-control-request-headers"] ?? "Authorization, Content-Type",
          "access-control-max-age": "7200"
        }
      })
    : undefined

/** The answer to a page of an allowed origin, which may read it. */
export const readable = (
  response: HttpServerResponse.HttpServerResponse,
  origin: string
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.setHeaders(response, {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": exposed,
    vary: "Origin"
  })
