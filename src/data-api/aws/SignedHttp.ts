/**
 * A `DataApi` over HTTP: it writes, signs and sends requests, and reads responses. The signer and the URL are passed.
 */

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { DataApi } from "../DataApi.ts"
import { DataApiError, InvalidRequest, type Reason } from "../DataApiError.ts"
import type { Operation } from "../Operation.ts"
import { ColumnMemory } from "../rest-json/ColumnMemory.ts"
import { paths, type Requests, type Responses } from "../rest-json/Operations.ts"
import { encodeRequest } from "../rest-json/RequestWriter.ts"
import { decodeAnswer } from "../rest-json/ResponseReader.ts"
import type { Answer } from "../rest-json/WireFailures.ts"
import { makeTraffic } from "../Telemetry.ts"
import { lengthOf } from "../values/Octets.ts"
import type { Loss, Transport, Options as TransportOptions } from "./http/Transport.ts"
import type { Credentials, Unsigned } from "./SignatureText.ts"

/** The cluster that requests are for. */
export interface Cluster {
  /** The ARN of the Aurora cluster, in its exact letter case. */
  readonly clusterArn: string
  /** The ARN of the secret with the database's user and password. */
  readonly secretArn: Redacted.Redacted
  /** The database of requests that name none. Without it, the database with the user's name. */
  readonly database?: string | undefined
  readonly transport?: TransportOptions | undefined
}

/** Signs requests: directly, or by a promise where the cryptography is asynchronous. */
export interface Signer {
  readonly sign: (
    credentials: Credentials,
    unsigned: Unsigned
  ) => Record<string, string> | Promise<Record<string, string>>
}

/** The URL that requests go to, and the signer for its region. */
export interface Service {
  readonly url: URL
  readonly signer: Signer
}

/** The failure for an endpoint that is not a URL. The message leaves the endpoint out: it may hold a password. */
export const notAnEndpoint = (): Reason =>
  new InvalidRequest({
    message: "The endpoint is not a URL: give one such as https://host or http://127.0.0.1:8080."
  })

/** Milliseconds that a signature's time may differ from the service's, as the service allows. */
const CLOCK_TOLERANCE = 5 * 60_000

/** The service's time, if the response refuses a request whose time differs too much from it. */
const refusedTime = (answer: Answer, signedAt: number): number | undefined => {
  const { date } = answer.headers
  const time = answer.status === 403 && typeof date === "string" ? Date.parse(date) : Number.NaN
  return Math.abs(time - signedAt) >= CLOCK_TOLERANCE ? time : undefined
}

/** Sends a request to a path of the service. */
const sendBy =
  (transport: Transport) =>
  (url: URL, path: string, headers: Record<string, string>, body: string): Effect.Effect<Answer, Loss> =>
    Effect.callback<Answer, Loss>((resume) => {
      const port = url.port === "" ? undefined : Number(url.port)
      const target = { protocol: url.protocol, hostname: url.hostname, port, path, headers, body }
      const giveUp = transport.send(target, (result) => resume(Effect.fromResult(result)))
      return Effect.sync(giveUp)
    })

export const make = Effect.fnUntraced(function* (
  config: Cluster,
  connect: (options: TransportOptions | undefined) => Transport,
  service: Effect.Effect<Service, Reason>,
  credentials: Effect.Effect<Credentials, Reason>
): Effect.fn.Return<DataApi["Service"], never, Scope.Scope> {
  const transport = yield* Effect.acquireRelease(
    Effect.sync(() => connect(config.transport)),
    (open) => Effect.sync(() => open.close())
  )
  const cluster = {
    resourceArn: config.clusterArn,
    secretArn: Redacted.value(config.secretArn),
    database: config.database
  }
  const send = sendBy(transport)
  const trafficOf = makeTraffic()
  const memory = new ColumnMemory()
  /** Milliseconds that the service's clock is ahead of this machine's. */
  let ahead = 0

  // These generator functions are created once: V8 takes longer to create one for each call than to run it.

  /** Signs and sends a body once. Gives the service's time as well if it refuses this machine's. */
  const attempt = Effect.fnUntraced(function* (operation: Operation, { signer, url }: Service, body: string) {
    const path = `${url.pathname.replace(/\/$/, "")}${paths[operation]}`
    const context = yield* Effect.context<never>()
    const now = Context.get(context, Clock.Clock).currentTimeMillisUnsafe() + ahead
    const signed = signer.sign(yield* credentials, { host: url.host, path, body, now })
    const headers = signed instanceof Promise ? yield* Effect.promise(() => signed) : signed
    const answer = yield* send(url, path, headers, body)
    const traffic = trafficOf(operation)
    traffic.sent.updateUnsafe(lengthOf(body), context)
    traffic.received.updateUnsafe(answer.size, context)
    return { answer, serviceTime: refusedTime(answer, now) }
  })

  /** The answer to a body; if the first one refuses this machine's time, the second one. */
  const exchange = Effect.fnUntraced(function* (operation: Operation, body: string) {
    const to = yield* service
    const { answer, serviceTime } = yield* attempt(operation, to, body)
    if (serviceTime === undefined) return answer
    // This machine's clock is wrong. The refused request did not run, so it can be retried.
    ahead = serviceTime - (yield* Clock.currentTimeMillis)
    return (yield* attempt(operation, to, body)).answer
  })

  const call = <O extends Operation>(operation: O, request: Requests[O]): Effect.Effect<Responses[O], DataApiError> =>
    Effect.suspend(() =>
      Effect.matchEffect(exchange(operation, encodeRequest(cluster, operation, request)), {
        onFailure: (reason) => Effect.fail(new DataApiError({ operation, reason })),
        onSuccess: (answer) => {
          const asked = "sql" in request ? { sql: request.sql, memory } : undefined
          const decoded = decodeAnswer(operation, answer, asked)
          if (Result.isSuccess(decoded)) return Effect.succeed(decoded.success)
          const { reason, requestId } = decoded.failure
          return Effect.fail(new DataApiError({ operation, reason, ...(requestId === undefined ? {} : { requestId }) }))
        }
      })
    )

  return DataApi.of({
    executeStatement: (request) => call("ExecuteStatement", request),
    batchExecuteStatement: (request) => call("BatchExecuteStatement", request),
    beginTransaction: (request) => call("BeginTransaction", request),
    commitTransaction: (request) => call("CommitTransaction", request),
    rollbackTransaction: (request) => call("RollbackTransaction", request)
  })
})
