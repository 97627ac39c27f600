/**
 * A `DataApi` over HTTP: it writes, signs and sends requests, and reads responses. The signer and the URL are passed.
 */

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { DataApi } from "../DataApi.ts"
import { DataApiError, InvalidRequest, type Reason } from "../DataApiError.ts"
import type { Operation } from "../Operation.ts"
import { ColumnMemory } from "../rest-json/ColumnMemory.ts"
import { paths, type Requests, type Responses } from "../rest-json/Operations.ts"
import { requestWriter } from "../rest-json/RequestWriter.ts"
import { decodeAnswer } from "../rest-json/ResponseReader.ts"
import { type Answer, readFailure } from "../rest-json/WireFailures.ts"
import { makeTraffic, type TrafficMetrics } from "../Telemetry.ts"
import { lengthOf } from "../values/Octets.ts"
import type { Loss, Target, Transport, Options as TransportOptions } from "./http/Transport.ts"
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

/** Where requests go to, and the signer for its region. */
export interface Service {
  readonly signer: Signer
  /** The host as it is signed, with the port if it is not the protocol's default. */
  readonly host: string
  /** What the operations' paths begin with. */
  readonly basePath: string
  readonly place: Pick<Target, "protocol" | "hostname" | "port">
}

/** The service at a URL, whose parts are read once instead of for each request. */
export const serviceAt = ({ host, hostname, pathname, port, protocol }: URL, signer: Signer): Service => ({
  signer,
  host,
  basePath: pathname.replace(/\/$/, ""),
  place: { protocol, hostname, port: port === "" ? undefined : Number(port) }
})

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
  const mayRefuse = answer.status === 403 || answer.status === 400
  const time = mayRefuse && typeof date === "string" ? Date.parse(date) : Number.NaN
  if (!(Math.abs(time - signedAt) >= CLOCK_TOLERANCE)) return undefined
  // A 400 is usually the database's own: it has run.
  return answer.status === 403 || readFailure(answer)._tag === "Unauthenticated" ? time : undefined
}

/** A request whose body is written, and the reader of its answer. */
interface Exchange<A> {
  readonly operation: Operation
  readonly body: string
  readonly inTransaction: boolean
  readonly read: (answer: Answer) => Effect.Effect<A, DataApiError>
}

/** What an answer leads to that refuses this machine's time. */
type Corrected<A> = (serviceTime: number, answer: Answer) => Effect.Effect<A, DataApiError>

const isKnown = <A, E>(value: Effect.Effect<A, E>): value is Exit.Success<A, E> =>
  Exit.isExit(value) && Exit.isSuccess(value)

/** Goes on with a value, at once where it is known: each effect in between is a step of the interpreter for every call. */
const withKnown = <A, B>(
  operation: Operation,
  value: Effect.Effect<A, Reason>,
  then: (value: A) => Effect.Effect<B, DataApiError>
): Effect.Effect<B, DataApiError> =>
  isKnown(value)
    ? then(value.value)
    : Effect.matchEffect(value, {
        onFailure: (reason) => Effect.fail(new DataApiError({ operation, reason })),
        onSuccess: then
      })

/** Makes the function that sends a body, signed, once; `ahead` is what the service's clock is ahead, in milliseconds. */
const attemptBy =
  (transport: Transport) =>
  <A>(
    { body, inTransaction, operation, read }: Exchange<A>,
    { basePath, host, place, signer }: Service,
    {
      ahead,
      corrected,
      credentials,
      traffic
    }: {
      readonly ahead: number
      readonly credentials: Credentials
      readonly traffic: TrafficMetrics
      readonly corrected: Corrected<A>
    }
  ): Effect.Effect<A, DataApiError> =>
    Effect.contextWith((context: Context.Context<never>) => {
      const path = basePath + paths[operation]
      const now = Context.get(context, Clock.Clock).currentTimeMillisUnsafe() + ahead

      const settled = (result: Result.Result<Answer, Loss>): Effect.Effect<A, DataApiError> => {
        if (Result.isFailure(result)) return Effect.fail(new DataApiError({ operation, reason: result.failure }))
        const answer = result.success
        traffic.sent.updateUnsafe(lengthOf(body), context)
        traffic.received.updateUnsafe(answer.size, context)
        const serviceTime = refusedTime(answer, now)
        return serviceTime === undefined ? read(answer) : corrected(serviceTime, answer)
      }
      const send = (headers: Record<string, string>) =>
        Effect.callback<A, DataApiError>((resume) => {
          const giveUp = transport.send({ ...place, path, headers, body, inTransaction }, (result) =>
            // The fiber reads the answer, and not the socket: whatever a reader throws is then the fiber's defect.
            resume(Effect.suspend(() => settled(result)))
          )
          return Effect.sync(giveUp)
        })

      const signed = signer.sign(credentials, { host, path, body, now })
      if (!(signed instanceof Promise)) return send(signed)
      return Effect.flatMap(
        Effect.promise(() => signed),
        send
      )
    })

/** Sends a body, signed, and reads the answer; if the first one refuses this machine's time, the second one. */
const exchangeBy = (
  transport: Transport,
  service: () => Effect.Effect<Service, Reason>,
  credentials: () => Effect.Effect<Credentials, Reason>
) => {
  const attempt = attemptBy(transport)
  const trafficOf = makeTraffic()
  let ahead = 0

  return <A>(exchange: Exchange<A>): Effect.Effect<A, DataApiError> => {
    const { operation, read } = exchange
    const traffic = trafficOf(operation)
    const send = (corrected: Corrected<A>) =>
      withKnown(operation, service(), (to) =>
        withKnown(operation, credentials(), (current) =>
          attempt(exchange, to, { ahead, corrected, credentials: current, traffic })
        )
      )
    return send((serviceTime) =>
      // This machine's clock is wrong. The refused request did not run, so it can be retried.
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        ahead = serviceTime - now
        return send((_, answer) => read(answer))
      })
    )
  }
}

/**
 * Makes the service.
 *
 * @param service Where requests go to, and `credentials` what signs them, asked for before each request. One that is known
 *   already is returned as an `Exit`, which takes no step of its own.
 */
export const make = Effect.fnUntraced(function* (
  config: Cluster,
  connect: (options: TransportOptions | undefined) => Transport,
  service: () => Effect.Effect<Service, Reason>,
  credentials: () => Effect.Effect<Credentials, Reason>
): Effect.fn.Return<DataApi["Service"], never, Scope.Scope> {
  const transport = yield* Effect.acquireRelease(
    Effect.sync(() => connect(config.transport)),
    (open) => Effect.sync(() => open.close())
  )
  const encode = requestWriter({
    resourceArn: config.clusterArn,
    secretArn: Redacted.value(config.secretArn),
    database: config.database
  })
  const memory = new ColumnMemory()
  const exchange = exchangeBy(transport, service, credentials)

  const call = <O extends Operation>(operation: O, request: Requests[O]): Effect.Effect<Responses[O], DataApiError> => {
    const read = (answer: Answer) => {
      const asked = "sql" in request ? { sql: request.sql, memory } : undefined
      const decoded = decodeAnswer(operation, answer, asked)
      if (Result.isSuccess(decoded)) return Effect.succeed(decoded.success)
      const { reason, requestId } = decoded.failure
      return Effect.fail(new DataApiError({ operation, reason, ...(requestId === undefined ? {} : { requestId }) }))
    }
    const inTransaction = "transactionId" in request && request.transactionId !== undefined
    return Effect.suspend(() => exchange({ operation, body: encode(request), inTransaction, read }))
  }

  return DataApi.of({
    executeStatement: (request) => call("ExecuteStatement", request),
    batchExecuteStatement: (request) => call("BatchExecuteStatement", request),
    beginTransaction: (request) => call("BeginTransaction", request),
    commitTransaction: (request) => call("CommitTransaction", request),
    rollbackTransaction: (request) => call("RollbackTransaction", request)
  })
})
