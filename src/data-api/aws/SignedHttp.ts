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
  const time = answer.status === 403 && typeof date === "string" ? Date.parse(date) : Number.NaN
  return Math.abs(time - signedAt) >= CLOCK_TOLERANCE ? time : undefined
}

/** Sends a request to the service. */
const sendBy =
  (transport: Transport) =>
  (target: Target): Effect.Effect<Answer, Loss> =>
    Effect.callback<Answer, Loss>((resume) => {
      const giveUp = transport.send(target, (result) => resume(Effect.fromResult(result)))
      return Effect.sync(giveUp)
    })

/** Goes on with the headers of a signed request, at once where the signer needs no promise. */
const whenSigned = <A, E>(
  signed: ReturnType<Signer["sign"]>,
  then: (headers: Record<string, string>) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  signed instanceof Promise
    ? Effect.flatMap(
        Effect.promise(() => signed),
        then
      )
    : then(signed)

/** Sends a body, signed, and gives the answer; if the first one refuses this machine's time, the second one. */
const exchangeBy = (
  send: ReturnType<typeof sendBy>,
  service: Effect.Effect<Service, Reason>,
  credentials: Effect.Effect<Credentials, Reason>
) => {
  const trafficOf = makeTraffic()
  /** Milliseconds that the service's clock is ahead of this machine's. */
  let ahead = 0

  /** Signs and sends a body once. Gives the service's time as well if it refuses this machine's. */
  const attempt = (operation: Operation, { basePath, host, place, signer }: Service, body: string) =>
    Effect.flatMap(credentials, (current) =>
      Effect.contextWith((context: Context.Context<never>) => {
        const path = basePath + paths[operation]
        const now = Context.get(context, Clock.Clock).currentTimeMillisUnsafe() + ahead
        const sent = whenSigned(signer.sign(current, { host, path, body, now }), (headers) =>
          send({ ...place, path, headers, body })
        )
        return Effect.map(sent, (answer) => {
          const traffic = trafficOf(operation)
          traffic.sent.updateUnsafe(lengthOf(body), context)
          traffic.received.updateUnsafe(answer.size, context)
          return { answer, serviceTime: refusedTime(answer, now) }
        })
      })
    )

  return (operation: Operation, body: string): Effect.Effect<Answer, Reason> =>
    Effect.flatMap(service, (to) =>
      Effect.flatMap(attempt(operation, to, body), ({ answer, serviceTime }) => {
        if (serviceTime === undefined) return Effect.succeed(answer)
        // This machine's clock is wrong. The refused request did not run, so it can be retried.
        return Effect.flatMap(Clock.currentTimeMillis, (now) => {
          ahead = serviceTime - now
          return Effect.map(attempt(operation, to, body), (second) => second.answer)
        })
      })
    )
}

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
  const memory = new ColumnMemory()
  const exchange = exchangeBy(sendBy(transport), service, credentials)

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
