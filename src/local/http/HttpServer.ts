/**
 * A `DataApi` over HTTP with REST-JSON, for the AWS SDK of any language, an ORM's Data API driver or the AWS CLI.
 *
 * AWS does not document some responses. This server sends 404 `UnknownOperationException` for an unknown path, 405 with
 * the same code and `Allow` for a method other than POST, 413 `RequestEntityTooLargeException` for a request over 4 MiB, and 415
 * `UnsupportedMediaTypeException` for a content type other than JSON.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http"
import { Clock, Context, type Duration, Effect, Exit, type Fiber, Layer } from "effect"
import { DataApi } from "../../data-api/DataApi.ts"
import type { DataApiError } from "../../data-api/DataApiError.ts"
import { MAX_REQUEST_BYTES } from "../../data-api/Limits.ts"
import { Operation } from "../../data-api/Operation.ts"
import { paths } from "../../data-api/rest-json/Operations.ts"
import type { Call } from "../../data-api/rest-json/RequestReader.ts"
import { encodeResponse, type Response } from "../../data-api/rest-json/ResponseWriter.ts"
import type { EngineRequest } from "../engine/Engine.ts"
import { type Admitted, admit, type Gate, TransactionHomes, transactionIdOf } from "./Admission.ts"
import { type Answer, answerOf, refusal, send, sendEarly, tooLarge, written } from "./Answers.ts"
import { any, type Clusters } from "./Clusters.ts"
import { type Body, type Bound, browserSign, foreignHost, type ListenError, listen, readBody } from "./Listener.ts"
import type { RequestHead, ServeWhole } from "./WholeRequests.ts"

/** One answered request, for a log. */
export interface RequestLog {
  readonly requestId: string
  /** The operation; or the path, if it is not one of an operation. */
  readonly operation: string
  /** The HTTP status; undefined if an injected fault dropped the response. */
  readonly status?: number | undefined
  /** Milliseconds from the last byte of the request to the response. */
  readonly millis: number
  /** Rows returned. */
  readonly rows?: number | undefined
  /** Records updated, or parameter sets run. */
  readonly updated?: number | undefined
  readonly transactionId?: string | undefined
  /** The exception's code. */
  readonly error?: string | undefined
  readonly message?: string | undefined
  /** The decoded call with its SQL and values, which may be confidential: for tracing only. */
  readonly call?: Call | undefined
}

/** Where and how to listen; all members have a default. */
export interface HttpServerOptions {
  /** Default 127.0.0.1. Any address other than loopback opens the database to the network. */
  readonly host?: string | undefined
  /** Default 8080; 0 takes any free port. */
  readonly port?: number | undefined
  /** The clusters to serve; by default any cluster's ARN is accepted. */
  readonly clusters?: Clusters | undefined
  /** Host names, in lower case, that requests may use besides loopback names and addresses. */
  readonly allowedHosts?: ReadonlyArray<string> | undefined
  readonly onRequest?: ((entry: RequestLog) => void) | undefined
  /** How long running requests may take when the server stops. Default 10 seconds. */
  readonly grace?: Duration.Input | undefined
}

const operations = new Map(Operation.literals.map((operation) => [paths[operation], operation]))

/** A response, and its values for the log. */
interface Served extends Pick<RequestLog, "rows" | "updated" | "transactionId"> {
  readonly answer: Answer | "dropped"
}

const json = /^application\/(?:json|x-amz-json-1\.[01])\s*(?:;|$)/i

/** The operation by the request line and the headers, or the response that refuses the request. */
const route = ({ headers, method, target }: RequestHead, allowedHosts: ReadonlyArray<string>): Operation | Answer => {
  const sign = browserSign(headers, allowedHosts)
  if (sign !== undefined) {
    const advice = sign === foreignHost ? " If the name is this server's, allow it with --allow-host." : ""
    const message = `Refused: the request comes from a browser or a foreign page (${sign}).${advice}`
    return refusal(403, "AccessDeniedException", message)
  }
  const query = target.indexOf("?")
  const path = query < 0 ? target : target.slice(0, query)
  const operation = operations.get(path)
  if (operation === undefined && path !== "/ExecuteSql") return refusal(404, "UnknownOperationException", "")
  if (method !== "POST") return { ...refusal(405, "UnknownOperationException", ""), allow: "POST" }
  if (operation === undefined)
    return refusal(
      400,
      "BadRequestException",
      "This API is deprecated and not available. Use ExecuteStatement API instead"
    )
  const { "content-encoding": encoding = "identity", "content-type": type } = headers
  if ((type !== undefined && !json.test(type)) || encoding.toLowerCase() !== "identity")
    return refusal(415, "UnsupportedMediaTypeException", "The request's content must be plain application/json.")
  return operation
}

/** The beginning of an absolute URL in a request line, which replaces the Host header (RFC 9112, 3.2.2). */
const authority = /^https?:\/\/([^/?#]*)/i

const headOf = ({ headers, method = "", rawHeaders, url = "/" }: IncomingMessage): RequestHead => {
  const [start = "", host] = authority.exec(url) ?? []
  return {
    method,
    target: url.slice(start.length) || "/",
    headers: host === undefined ? headers : { ...headers, host },
    bytes: rawHeaders.reduce((sum, text) => sum + text.length + 2, url.length + 16)
  }
}

/** The engine returns records as the JSON text to send (`recordsAsJson`); any other `DataApi` returns fields. */
const executeStatement = (api: DataApi["Service"], request: EngineRequest) => api.executeStatement(request)

const run = (
  api: DataApi["Service"],
  call: Call,
  database: string | undefined
): Effect.Effect<Response, DataApiError> => {
  switch (call.operation) {
    case "ExecuteStatement":
      return executeStatement(api, { ...call.request, database, recordsAsJson: true })
    case "BatchExecuteStatement":
      return api.batchExecuteStatement({ ...call.request, database })
    case "BeginTransaction":
      return api.beginTransaction({ ...call.request, database })
    case "CommitTransaction":
      return api.commitTransaction(call.request)
    case "RollbackTransaction":
      return api.rollbackTransaction(call.request)
  }
}

const rowCounts = (response: Response): Pick<RequestLog, "rows" | "updated"> => {
  if ("updateResults" in response) return { updated: response.updateResults.length }
  if ("transactionId" in response || "transactionStatus" in response) return {}
  if ("recordsJson" in response) return { rows: response.rowCount }
  const { numberOfRecordsUpdated, records } = response
  if (records !== undefined) return { rows: records.length }
  return numberOfRecordsUpdated === undefined ? {} : { updated: numberOfRecordsUpdated }
}

/** Sends the response to a request; calls `lost`, if given, when it can't be delivered. */
type Reply = (requestId: string, answer: Answer | "dropped", lost?: () => void) => void

/** The state that all calls of a server share. */
interface Front {
  readonly api: DataApi["Service"]
  readonly gate: Gate
  readonly fork: <A>(call: Effect.Effect<A>) => Fiber.Fiber<A>
  readonly onRequest: HttpServerOptions["onRequest"]
}

/** Sends a response, and logs it. */
const respond = (
  { onRequest }: Front,
  reply: Reply,
  started: number,
  operation: string,
  { answer, rows, transactionId, updated }: Served,
  call?: Call
): void => {
  const requestId = crypto.randomUUID()
  reply(requestId, answer)
  onRequest?.({
    requestId,
    operation,
    status: answer === "dropped" ? undefined : answer.status,
    millis: performance.now() - started,
    rows,
    updated,
    transactionId,
    error: answer === "dropped" ? "connection dropped" : answer.failure?.code,
    message: answer === "dropped" ? undefined : answer.failure?.message,
    call
  })
}

/** Runs an admitted call, and records the cluster of a transaction that it begins. */
const serve = ({ api, gate: { clock, homes } }: Front, { call, database }: Admitted): Effect.Effect<Served> =>
  Effect.tapDefect(
    Effect.match(run(api, call, database), {
      onSuccess: (response): Served => {
        const asked = transactionIdOf(call)
        const began = "transactionId" in response ? response.transactionId : undefined
        if (began !== undefined) homes.begun(began, call.target.resourceArn, clock.currentTimeMillisUnsafe())
        if ("transactionStatus" in response && asked !== undefined) homes.ended(asked)
        return {
          answer: { status: 200, body: encodeResponse(response) },
          ...rowCounts(response),
          transactionId: began ?? asked
        }
      },
      onFailure: ({ reason }): Served => ({ answer: answerOf(reason), transactionId: transactionIdOf(call) })
    }),
    (defect) => Effect.logError(`${call.operation} died`, defect)
  )

/**
 * Rolls back a transaction whose id could not be delivered: nobody can end it, and it would hold its connection, which
 * may be the only one, until it expires.
 */
const giveBack =
  ({ api, fork, gate }: Front, { target }: Call, transactionId: string) =>
  (): void => {
    gate.homes.ended(transactionId)
    // It fails only if the transaction has ended, or will as its time is up.
    fork(Effect.ignore(api.rollbackTransaction({ ...target, transactionId })))
  }

/** Admits a call, runs it and sends the response. */
const handle = (front: Front, reply: Reply, head: RequestHead, operation: Operation, body: Buffer): void => {
  const started = performance.now()
  const admitted = admit(front.gate, head, operation, body)
  if (admitted === "dropped" || "status" in admitted) {
    respond(front, reply, started, operation, { answer: admitted })
    return
  }
  front.fork(serve(front, admitted)).addObserver((exit) => {
    const served: Served = Exit.isSuccess(exit) ? exit.value : { answer: refusal(500, "InternalFailure", "") }
    const { transactionId } = served
    const lost =
      operation === "BeginTransaction" && transactionId !== undefined
        ? giveBack(front, admitted.call, transactionId)
        : undefined
    respond(front, (id, answer) => reply(id, answer, lost), started, operation, served, admitted.call)
  })
}

/** Options of the HTTP front end. */
interface FrontOptions extends Pick<HttpServerOptions, "allowedHosts" | "clusters" | "onRequest"> {
  /** The largest request, in bytes. Default 4 MiB, as in the service. */
  readonly maxRequestBytes?: number | undefined
}

const frontOf = ({ clusters = any(), onRequest }: FrontOptions): Effect.Effect<Front, never, DataApi> =>
  Effect.gen(function* () {
    const gate: Gate = { clusters, homes: new TransactionHomes(), clock: yield* Clock.Clock }
    return { api: yield* DataApi, gate, fork: Effect.runForkWith(yield* Effect.context<never>()), onRequest }
  })

/** Calls `lost` if a response is not written before its connection is closed. */
const watch = ({ socket }: IncomingMessage, response: ServerResponse, lost: () => void): void => {
  if (socket.destroyed) lost()
  else socket.once("close", lost)
  response.once("finish", () => socket.off("close", lost))
}

/**
 * Handles requests of any form, which node:http has read.
 *
 * @param expecting Whether the requests wait to be asked for their bodies.
 */
const listener =
  (
    front: Front,
    { allowedHosts = [], maxRequestBytes = MAX_REQUEST_BYTES }: FrontOptions,
    expecting = false
  ): RequestListener =>
  (request, response) => {
    const head = headOf(request)
    const routed = route(head, allowedHosts)
    const limit = maxRequestBytes - head.bytes
    const reply: Reply = (requestId, answer, lost) => {
      if (lost !== undefined) watch(request, response, lost)
      send(response, requestId, answer)
    }
    const refuse = (reply: Reply, answer: Answer) =>
      respond(front, reply, performance.now(), typeof routed === "string" ? routed : head.target, { answer })
    if (expecting) {
      const isTooLarge = Number(head.headers["content-length"]) > limit
      const refused = typeof routed !== "string" ? routed : isTooLarge ? tooLarge : undefined
      if (refused !== undefined) return refuse((requestId) => sendEarly(request, response, requestId, refused), refused)
      response.writeContinue()
    }
    readBody(request, limit, (body: Body) => {
      if (body === "aborted") return
      if (typeof routed !== "string") refuse(reply, routed)
      else if (body === "too large") refuse(reply, tooLarge)
      else handle(front, reply, head, routed, body)
    })
  }

/** Handles requests of the usual form that arrive in one piece. */
const serveWhole =
  (front: Front, { allowedHosts = [] }: FrontOptions): ServeWhole =>
  (head, body, answered) => {
    const routed = route(head, allowedHosts)
    const reply: Reply = (requestId, answer, lost) => answered(written(requestId, answer), lost)
    if (typeof routed === "string") handle(front, reply, head, routed, body)
    else respond(front, reply, performance.now(), head.target, { answer: routed })
  }

/**
 * A Data API on a port of this machine.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { HttpServer, LocalDataApi } from "alex-database/local"
 *
 * const server = HttpServer.layer({ port: 8080 }).pipe(Layer.provide(LocalDataApi.layer({ dataDir: "memory" })))
 * const main = Layer.launch(server)
 * ```
 */
export class HttpServer extends Context.Service<HttpServer, Bound>()("alex-database/local/HttpServer") {
  /** Creates a request listener for any HTTP server, on the `DataApi` of the context. */
  static readonly requestListener = Effect.fnUntraced(function* (
    options: FrontOptions = {}
  ): Effect.fn.Return<RequestListener, never, DataApi> {
    return listener(yield* frontOf(options), options)
  })

  /** Serves the `DataApi` of the context until the scope closes. */
  static readonly make = Effect.fn("HttpServer.make")(function* (options: HttpServerOptions = {}) {
    const { grace = "10 seconds", host = "127.0.0.1", port = 8080 } = options
    const front = yield* frontOf(options)
    const whole = { maxBytes: MAX_REQUEST_BYTES, serve: serveWhole(front, options) }
    const onExpecting = listener(front, options, true)
    return yield* listen({ host, port, grace, onRequest: listener(front, options), onExpecting, whole })
  })

  /**
   * Serves the provided `DataApi` over HTTP. See {@link HttpServer.make}.
   *
   * @errors ListenError
   */
  static readonly layer = (options?: HttpServerOptions): Layer.Layer<HttpServer, ListenError, DataApi> =>
    Layer.effect(HttpServer, HttpServer.make(options))
}
