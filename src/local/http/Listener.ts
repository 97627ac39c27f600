/** Shared by the HTTP server and the control endpoint: listens on a port, reads bodies, and detects browsers. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server
} from "node:http"
import type { Duplex } from "node:stream"
import { type Duration, Effect, Schema } from "effect"
import { lingerMillis, refusal, sendEarly } from "./Answers.ts"
import { type ServeWhole, WholeRequests } from "./WholeRequests.ts"

/** Where a listener is bound. */
export interface Bound {
  readonly host: string
  readonly port: number
  /** For example `http://127.0.0.1:8080`. */
  readonly url: string
}

/** The server can't listen on the port. The message says why and what to do, in one line. */
export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", {
  message: Schema.String,
  host: Schema.String,
  port: Schema.Int
}) {}

const listenProblem = (host: string, port: number, code: string): string => {
  const where = `port ${port} on ${host}`
  switch (code) {
    case "EADDRINUSE":
      return `Can't listen: ${where} is in use. Choose another port, or 0 for any that is free.`
    case "EACCES":
      return `Can't listen: ${where} is not allowed to this user. Choose a port above 1023.`
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `Can't listen: ${host} is not an address of this machine. Choose one that is, such as 127.0.0.1 or ::1, without a port or brackets.`
    default:
      return `Can't listen on ${where}: ${code}. Choose another address or port.`
  }
}

/** What to say of a server that can't listen, by the failure of Node's. */
export const listenError = (host: string, port: number, cause: unknown): ListenError => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
  return new ListenError({ message: listenProblem(host, port, code), host, port })
}

const loopbackNames = /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i

/** Whether a host name or address stays on this machine. */
export const isLoopback = (host: string): boolean => loopbackNames.test(host) || host === "::1"

/** The sign of a request to another host's name, which the server may be told to allow. */
export const foreignHost = "its Host is not this server"

const addressLiteral = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/i

/**
 * Why a request seems to come from a browser. A page of any origin can reach a loopback port, and this one runs SQL.
 *
 * A foreign `Host` indicates a page whose name was rebound to this address (DNS rebinding). `sec-fetch-mode` alone does
 * not indicate a browser, since Node's own `fetch` sends it.
 *
 * @returns The header that indicates a browser; undefined if there is none.
 */
export const browserSign = (headers: IncomingHttpHeaders, allowedHosts: ReadonlyArray<string>): string | undefined => {
  if (headers.origin !== undefined) return "it has an Origin header"
  if (headers["sec-fetch-site"] !== undefined || headers["sec-fetch-dest"] !== undefined)
    return "it has a browser's Sec-Fetch headers"
  const host = (headers.host ?? "").replace(/:\d+$/, "")
  if (isLoopback(host) || addressLiteral.test(host) || allowedHosts.includes(host.toLowerCase())) return undefined
  return foreignHost
}

/** A body, or why there is none. */
export type Body = Buffer | "too large" | "aborted"

/**
 * Reads a body up to `limit` bytes. A larger body is still read, and dropped, up to sixteen times the limit, so that
 * the sender can read the response.
 */
export const readBody = (request: IncomingMessage, limit: number, done: (body: Body) => void): void => {
  const chunks: Array<Buffer> = []
  let size = 0
  request.on("data", (chunk: Buffer) => {
    size += chunk.length
    if (size <= limit) chunks.push(chunk)
    else chunks.length = 0
    if (size > 16 * limit) request.destroy()
  })
  request.on("end", () =>
    done(size > limit ? "too large" : chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks))
  )
  request.on("error", () => done("aborted"))
}

interface ParserFailure {
  readonly status: string
  readonly code: string
  readonly message: string
}

const malformed: ParserFailure = {
  status: "400 Bad Request",
  code: "MalformedHttpRequestException",
  message: "The HTTP request is malformed."
}

const parserFailures: Readonly<Record<string, ParserFailure>> = {
  HPE_HEADER_OVERFLOW: {
    status: "431 Request Header Fields Too Large",
    code: "RequestEntityTooLargeException",
    message: "The request's headers are too large: send less than 16 KiB of them."
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: "408 Request Timeout",
    code: "RequestTimeoutException",
    message: "The request did not arrive in time and did not run: send it again."
  }
}

/**
 * Sends these bytes and ends a connection. The client may never end its own half, so the socket is then destroyed.
 * That is delayed, because the client would lose the response if some of its own data were still unread.
 */
const endSocket = (socket: Duplex, bytes: string): void => {
  const timer = setTimeout(() => socket.destroy(), lingerMillis)
  socket.once("close", () => clearTimeout(timer))
  socket.resume()
  socket.end(bytes)
}

const oneHost = refusal(400, malformed.code, "A request of HTTP/1.1 has exactly one Host header.")

const unexpected = refusal(
  417,
  "ExpectationFailedException",
  "The Expect header holds something other than 100-continue, the only expectation that can be met."
)

/** Whether a request has one Host header (RFC 9112, 3.2); one of HTTP/1.0 may have none. */
const hasOneHost = ({ httpVersion, rawHeaders }: IncomingMessage): boolean => {
  const hosts = rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === "host").length
  return hosts === 1 || (hosts === 0 && httpVersion === "1.0")
}

/** Responds to data that is not a valid request, and ends its connection. */
const answerMalformed = (server: Server): void => {
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable) return void socket.destroy()
    const { code, message, status } = parserFailures[error.code ?? ""] ?? malformed
    const body = JSON.stringify({ message })
    endSocket(
      socket,
      `HTTP/1.1 ${status}\r\nx-amzn-ErrorType: ${code}\r\nx-amzn-RequestId: ${crypto.randomUUID()}\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`
    )
  })
}

/** Passes on the requests that have one Host header; while the server closes, their connections end with the responses. */
const answersOn =
  (state: { readonly closing: boolean }) =>
  (onRequest: RequestListener): RequestListener =>
  (request, response) => {
    if (state.closing) response.setHeader("connection", "close")
    response.on("finish", () => {
      if (state.closing) request.socket.end()
    })
    if (hasOneHost(request)) onRequest(request, response)
    else sendEarly(request, response, crypto.randomUUID(), oneHost)
  }

/** Responds to an expectation other than 100-continue. */
const refuseExpectation =
  (onRequest: RequestListener): RequestListener =>
  (request, response) => {
    // An empty header expects nothing.
    if (request.headers.expect === "") onRequest(request, response)
    else sendEarly(request, response, crypto.randomUUID(), unexpected)
  }

/** Creates a socket that only its user can read and write, by the process's umask. */
const privately = (server: Server, path: string) => (listening: () => void) => {
  const mask = process.umask(0o177)
  try {
    server.listen({ path }, listening)
  } finally {
    process.umask(mask)
  }
}

/**
 * How long idle connections are kept, in milliseconds. If one is closed just as a client uses it, a write may be lost.
 */
const idleMillis = 120_000

interface Times {
  readonly headers: number
  readonly request: number
  readonly check: number
}

/** Reads whole requests directly, and hands over connections with any other data to node:http. */
const readWhole = (
  server: Server,
  { maxBytes, serve }: { readonly maxBytes: number; readonly serve: ServeWhole },
  times: Times
): WholeRequests | undefined => {
  // Other runtimes have no such listener, and read all requests themselves.
  const [handOver] = server.rawListeners("connection")
  if (handOver === undefined) return undefined
  const requests = new WholeRequests({
    serve,
    maxBytes,
    patience: { ...times, idle: idleMillis },
    handOver: (socket) => Reflect.apply(handOver, server, [socket]),
    refuse: (socket, why) => {
      const code = why === "too late" ? "ERR_HTTP_REQUEST_TIMEOUT" : "HPE_INVALID_EOF_STATE"
      server.emit("clientError", Object.assign(new Error(why), { code }), socket)
    }
  })
  server.removeAllListeners("connection")
  server.on("connection", (socket) => requests.add(socket))
  const checks = setInterval(() => requests.check(), times.check).unref()
  server.on("close", () => clearInterval(checks))
  return requests
}

/**
 * Listens until the scope closes. Then no new request is accepted, running requests are completed within `grace`, and
 * every connection is closed.
 */
export const listen = Effect.fnUntraced(function* (options: {
  readonly host?: string
  /** 0 takes any free port. */
  readonly port?: number
  /** A Unix domain socket for this user only, in place of a port. */
  readonly socketPath?: string
  readonly grace: Duration.Input
  readonly onRequest: RequestListener
  /** Takes a request whose body comes only when asked for with 100 Continue; by default each is asked for its body. */
  readonly onExpecting?: RequestListener
  /** Serves requests of the usual form that arrive in one piece, up to `maxBytes`. */
  readonly whole?: { readonly maxBytes: number; readonly serve: ServeWhole }
  /** How long headers and whole requests may take, and the interval of the check, in milliseconds. */
  readonly times?: Times
}) {
  const { grace, host = options.socketPath ?? "127.0.0.1", onRequest, port = 0, socketPath } = options
  const { times = { headers: 15_000, request: 60_000, check: 30_000 } } = options
  const state = { closing: false }
  const answering = answersOn(state)
  const server = createServer(
    {
      keepAliveTimeout: idleMillis,
      headersTimeout: times.headers,
      requestTimeout: times.request,
      connectionsCheckingInterval: times.check,
      noDelay: true,
      // This server, not Node, responds to a request without Host or with an unknown expectation.
      requireHostHeader: false
    },
    answering(onRequest)
  )
  server.on("checkExpectation", answering(refuseExpectation(onRequest)))
  if (options.onExpecting !== undefined) server.on("checkContinue", answering(options.onExpecting))
  answerMalformed(server)
  const requests = options.whole === undefined ? undefined : readWhole(server, options.whole, times)
  const open = Effect.callback<number, ListenError>((resume) => {
    const failed = (cause: Error) => resume(Effect.fail(listenError(host, port, cause)))
    server.once("error", failed)
    const bind = socketPath === undefined ? server.listen.bind(server, { host, port }) : privately(server, socketPath)
    bind(() => {
      server.off("error", failed)
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
    })
  })
  const close = Effect.callback<void>((resume) => {
    state.closing = true
    server.close(() => resume(Effect.void))
    server.closeIdleConnections()
    requests?.close()
  }).pipe(
    Effect.timeoutOption(grace),
    Effect.andThen(
      Effect.sync(() => {
        server.closeAllConnections()
        requests?.destroy()
      })
    )
  )
  const bound = yield* Effect.acquireRelease(open, () => close)
  const shown = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host
  return { host, port: bound, url: `http://${shown}:${bound}` } satisfies Bound
})
