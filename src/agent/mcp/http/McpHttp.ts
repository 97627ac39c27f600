/**
 * The tools as an MCP server over Streamable HTTP, for many users on one database.
 *
 * The library implements the protocol. This module adds what the library leaves out: the user of a request, the hosts
 * and origins that are allowed, the end of idle sessions, the limit of a body.
 */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as ByteSize from "effect/ByteSize"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as RcMap from "effect/RcMap"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as SqlClient from "effect/sql/SqlClient"
import type { Accounts, Instruments, Jobs, Portfolios, Positions, Users } from "../../../repository/index.ts"
import { shared } from "../../calls/shared.ts"
import * as ToolCalls from "../../calls/ToolCalls.ts"
import * as UserTools from "../../tools/UserTools.ts"
import { advertisedIn } from "../capabilities.ts"
import { heard } from "../heardMessages.ts"
import { layerRoutes, RequestUser, type ServerOptions, sessionVersions, valueLimit } from "../McpServer.ts"
import { codes, type Refusal } from "../refusedMessages.ts"
import { makeSessions } from "./HttpSessions.ts"
import * as Identity from "./Identity.ts"
import { preflight, readable } from "./Origins.ts"

/** The services that the tools need. */
type Database = SqlClient.SqlClient | Accounts | Instruments | Jobs | Portfolios | Positions | Users

/** Where the server listens, on which database, and whose tokens it takes. */
export interface HttpOptions extends ServerOptions {
  readonly database: Layer.Layer<Database, unknown>
  readonly identity: Omit<Identity.IdentityOptions, "audience"> & { readonly audience?: string | undefined }
  readonly host: string
  readonly port: number
  /** The URL that clients use for the server; its own address unless given. */
  readonly resource?: URL | undefined
  /** Host names that requests may use, besides those of loopback. */
  readonly allowedHosts?: ReadonlyArray<string> | undefined
  /** Origins whose web pages may send requests, besides the one that is asked; none unless given. */
  readonly allowedOrigins?: ReadonlyArray<string> | undefined
  /** How long a session lasts without a request; 30 minutes unless given. */
  readonly idle?: Duration.Input | undefined
}

const path = "/mcp"
const metadataPath = "/.well-known/oauth-protected-resource"
const sessionHeader = "mcp-session-id"
const versionHeader = "mcp-protocol-version"
/** Milliseconds. Longer than proxies keep idle connections, so that none is closed while they send a request. */
const keepAliveTimeout = 75_000
const largestBody = ByteSize.megabytes(4)
const loopback = ["localhost", "127.0.0.1", "[::1]"]

/** Calls tools for the user of each request; the handlers of a user are kept for 5 minutes. */
const callsOf = Effect.fnUntraced(function* ({ database, granted, limits, result }: HttpOptions) {
  const services = yield* shared(database)
  const opened = Layer.unwrap(Effect.map(services, Layer.succeedContext))
  const maxResult = valueLimit(result, limits?.maxResult)
  const users = yield* RcMap.make({
    lookup: (user: string) =>
      ToolCalls.make(UserTools.layer({ user, granted }).pipe(Layer.provide(opened)), {
        ...limits,
        granted,
        maxResult,
        caller: { user }
      }),
    idleTimeToLive: "5 minutes"
  })
  return (name: string, args: unknown) =>
    Effect.gen(function* () {
      const user = yield* RequestUser
      if (user === undefined) return ToolCalls.nobody
      const call = yield* RcMap.get(users, user)
      return yield* call(name, args)
    }).pipe(Effect.scoped)
})

const nameOf = (host: string): string => URL.parse(`http://${host}`)?.hostname ?? ""

/** Whether a web page has the address that it asks: that of a proxy which serves both. */
const isSame = (origin: string, host: string): boolean => URL.parse(origin)?.host === host.toLowerCase()

const refuse = (status: number, message: string, headers: Readonly<Record<string, string>> = {}) =>
  HttpServerResponse.jsonUnsafe({ error: message }, { status, headers })

/** A client finds the request of an error by its id, and one without an id by its response, which then has to fail. */
const refuseMessage = ({ code, line }: Refusal) =>
  HttpServerResponse.text(line, { status: code === codes.params ? 200 : 400, contentType: "application/json" })

/** Where the metadata of a resource is: its path stands behind the well-known one (RFC 9728). */
const metadataPathOf = ({ pathname }: URL): string => `${metadataPath}${pathname.replace(/\/$/, "")}`

/** The answer to a client without a valid token, which says where to get one. */
const challenge = (resource: URL, { reason }: Identity.NotIdentified) => {
  const where = `resource_metadata="${resource.origin}${metadataPathOf(resource)}"`
  switch (reason) {
    case "missing":
      return refuse(401, "Send a token of the authorization server", { "www-authenticate": `Bearer ${where}` })
    case "invalid":
      return refuse(401, "The token is not valid here", {
        "www-authenticate": `Bearer error="invalid_token", ${where}`
      })
    case "unavailable":
      return refuse(503, "Tokens can't be verified at the moment. Try again soon", { "retry-after": "5" })
  }
}

/** The library's handler of the protocol, as a web handler. */
const routes = Effect.fnUntraced(function* (options: HttpOptions) {
  const calls = yield* callsOf(options)
  const layer = layerRoutes({ ...options, calls, path })
  return yield* Effect.acquireRelease(
    Effect.sync(() => HttpRouter.toWebHandler(layer, { disableLogger: true })),
    ({ dispose }) => Effect.promise(dispose)
  )
})

/** Makes the check of hosts and origins: it returns the refusal of a request, if there is one. */
const makeGate = (options: HttpOptions, resource: URL) => {
  const { allowedHosts = [], allowedOrigins = [], host } = options
  const hosts = new Set([...loopback, host, resource.hostname, ...allowedHosts].map((name) => name.toLowerCase()))
  return (request: HttpServerRequest.HttpServerRequest) => {
    const { host: asked = "", origin } = request.headers
    if (!hosts.has(nameOf(asked).toLowerCase())) return refuse(403, "This host is not served here")
    if (origin !== undefined && !allowedOrigins.includes(origin) && !isSame(origin, asked))
      return refuse(403, "This origin may not send requests here")
    return undefined
  }
}

const metadataOf = (resource: URL, issuer: string) =>
  HttpServerResponse.jsonUnsafe({
    resource: resource.href,
    authorization_servers: [issuer],
    bearer_methods_supported: ["header"],
    resource_name: "Alex database"
  })

const isMetadata = (asked: string, resource: URL): boolean =>
  [metadataPath, `${metadataPath}${path}`, metadataPathOf(resource)].includes(asked)

/** The body of a request, if its method has one; `None` if it is too long or can't be read. */
const bodyOf = (request: HttpServerRequest.HttpServerRequest) =>
  request.method === "POST" ? Effect.option(request.arrayBuffer) : Effect.succeedSome(undefined)

/** What the library does not say when it refuses a request. */
const reasons: Readonly<Record<number, string>> = {
  400: "The request is not one of this version of the protocol: send one message a request, and Mcp-Session-Id with DELETE",
  406: "Accept both application/json and text/event-stream",
  415: "Send the message as application/json"
}

/** A client that takes anything, or does not say what it takes, takes what the protocol answers. */
const accepting = (accept: string | undefined): string =>
  accept === undefined || accept.includes("*/*") ? "application/json, text/event-stream" : accept

/** A session has the version that it began with, also for clients that name another one in each request. */
const versionOf = (session: string | undefined, version: string | undefined): Readonly<Record<string, string>> =>
  version === undefined || (session !== undefined && sessionVersions.has(version)) ? {} : { [versionHeader]: version }

/** The request for the protocol's handler, without the token and the origin, which have been checked. */
const forwarded = (
  { headers: given, method }: HttpServerRequest.HttpServerRequest,
  resource: URL,
  body: string | undefined
): Request => {
  const { authorization: _token, origin: _origin, [versionHeader]: version, ...others } = given
  const headers = { ...others, ...versionOf(given[sessionHeader], version), accept: accepting(given["accept"]) }
  return new Request(new URL(path, resource), { method, headers, ...(body === undefined ? {} : { body }) })
}

const advertises = /"method"\s*:\s*"(initialize|server\/discover)"/

/** The answer of the protocol's handler; one that advertises capabilities advertises those that are served. */
const returned = Effect.fnUntraced(function* (response: Response, body: string | undefined) {
  const reason = response.body === null ? reasons[response.status] : undefined
  if (reason !== undefined) return refuse(response.status, reason)
  if (!advertises.test(body ?? "")) return HttpServerResponse.fromWeb(response)
  const text = yield* Effect.promise(() => response.text())
  const { "content-length": _length, ...named } = Object.fromEntries(response.headers)
  return HttpServerResponse.text(advertisedIn(text), {
    status: response.status,
    headers: named,
    contentType: named["content-type"]
  })
})

/** Makes the handler of requests: it finds the user and the session, and passes the request to the protocol. */
const makeFront = Effect.fnUntraced(function* (options: HttpOptions, resource: URL) {
  const { handler } = yield* routes(options)
  const audience = options.identity.audience ?? resource.href
  const userOf = yield* Identity.make({ ...options.identity, audience })
  const gate = makeGate(options, resource)
  const end = (id: string) => {
    const request = new Request(new URL(path, resource), { method: "DELETE", headers: { [sessionHeader]: id } })
    return Effect.ignore(Effect.tryPromise(() => handler(request, Context.empty())))
  }
  const sessions = makeSessions(options.idle ?? "30 minutes", end)
  yield* Effect.forkScoped(Effect.repeat(sessions.expire, Schedule.spaced("1 minute")))

  const answer = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest, user: string) {
    const session = request.headers[sessionHeader]
    if (session !== undefined && !(yield* sessions.admits(session, user))) {
      return refuse(404, "There is no such session. Send initialize again")
    }
    const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity"
    if (encoding !== "identity") return refuse(415, "Send the message without a content-encoding")
    const body = yield* bodyOf(request)
    if (Option.isNone(body)) return refuse(413, "The body is too long or can't be read")
    const read = body.value === undefined ? undefined : heard(new Uint8Array(body.value))
    if (read !== undefined && Result.isFailure(read)) return refuseMessage(read.failure)
    const text = read?.success.text
    const web = forwarded(request, resource, text)
    const response = yield* Effect.promise(() => handler(web, Context.make(RequestUser, user)))
    const begun = response.headers.get(sessionHeader)
    if (session === undefined && begun !== null) yield* sessions.begin(begun, user)
    if (session !== undefined && request.method === "DELETE") yield* sessions.forget(session)
    return yield* returned(response, text)
  })

  const answered = Effect.fnUntraced(
    function* (request: HttpServerRequest.HttpServerRequest) {
      const asking = preflight(request)
      if (asking !== undefined) return asking
      const [asked = ""] = request.url.split("?")
      if (isMetadata(asked, resource)) return metadataOf(resource, options.identity.issuer)
      // A proxy may pass on its own path or this one.
      if (asked !== path && asked !== resource.pathname) return refuse(404, `The tools are at ${path}`)
      const { user } = yield* userOf(request.headers["authorization"])
      return yield* answer(request, user)
    },
    Effect.catchTag("NotIdentified", (error) => Effect.as(Effect.logWarning(error.message), challenge(resource, error)))
  )

  return Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const refused = gate(request)
    if (refused !== undefined) return refused
    const response = yield* answered(request)
    const { origin } = request.headers
    return origin === undefined ? response : readable(response, origin)
  }).pipe(Effect.provideService(HttpIncomingMessage.MaxBodySize, largestBody))
})

/**
 * Serves the tools over HTTP until the scope ends; succeeds with the address, once it listens. The user of a request is
 * the one whom its token names, and no argument can name another.
 *
 * @errors ServeError
 */
export const serve = Effect.fn("McpHttp.serve")(function* (options: HttpOptions) {
  const listening = NodeHttpServer.layerServer(() => createServer({ keepAliveTimeout }), {
    host: options.host,
    port: options.port,
    gracefulShutdownTimeout: Duration.seconds(5)
  })
  const context = yield* Layer.build(listening)
  const server = Context.get(context, HttpServer.HttpServer)
  const { address } = server
  const port = address._tag === "UnixPathAddress" ? options.port : address.port
  const shownHost = options.host.includes(":") ? `[${options.host}]` : options.host
  const resource = options.resource ?? new URL(`http://${shownHost}:${port}${path}`)
  yield* server.serve(yield* makeFront(options, resource))
  return resource
})
