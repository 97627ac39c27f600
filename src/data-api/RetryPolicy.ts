/**
 * Decides which calls are retried, and for how long.
 *
 * A call that certainly did not run is retried until the budget is spent. A call that may have run is retried only if a
 * second run does no harm; otherwise the caller gets `OutcomeUnknown`.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import { DataApi, oneSessionOf, withOneSession } from "./DataApi.ts"
import { type DataApiError, outcomeUnknown } from "./DataApiError.ts"
import { type Retry, retryOf } from "./FailureTable.ts"
import type { Operation } from "./Operation.ts"
import { isRead } from "./sql/ReadOnly.ts"
import { makeMetrics, type OperationMetrics } from "./Telemetry.ts"

/** How long calls are retried. */
export interface Options {
  /**
   * How long to retry, from the first failure on, if the database is resuming, the call is throttled or the transaction
   * is busy. Default 90 seconds; a resume takes about 15 seconds, or 30 and more after a day's pause.
   */
  readonly budget?: Duration.Input | undefined
  /** How long to retry if no connection can be established, often because of a wrong name. Default 15 seconds. */
  readonly connectBudget?: Duration.Input | undefined
  /**
   * How many times to retry a failure that the statement itself may cause (status 500), or a wrong password.
   * Default 3.
   */
  readonly attempts?: number | undefined
  /** The first wait; each further one is twice as long. Default 200 milliseconds. */
  readonly firstDelay?: Duration.Input | undefined
  /** The longest wait. Default 5 seconds. */
  readonly longestDelay?: Duration.Input | undefined
}

/** Whether the current work may run twice without harm, as an upsert may. Default false. */
export const Idempotent = Context.Reference<boolean>("alex-database/data-api/Idempotent", { defaultValue: () => false })

/**
 * Declares that the statements of an effect may run twice without harm, so that they are retried when an answer is
 * lost. A commit is not: a second one could not tell whether the first had happened.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { SqlClient } from "effect/sql"
 * import { RetryPolicy } from "alex-database/data-api"
 *
 * const touch = Effect.gen(function*() {
 *   const sql = yield* SqlClient.SqlClient
 *   yield* sql`update jobs set status = 'running' where status = 'pending'`
 * }).pipe(RetryPolicy.idempotent)
 * ```
 */
export const idempotent = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Idempotent, true)

/**
 * Runs before each retry of a failed call, for example to tell a user why it takes so long. Does nothing by default.
 * `attempt` counts from 1; `delayMillis` is the wait before the retry.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { RetryPolicy } from "alex-database/data-api"
 *
 * const announced = Effect.provideService(RetryPolicy.BeforeRetry, ({ error, attempt }) =>
 *   attempt === 1 ? Console.error(`Waiting: ${error.reason._tag}`) : Effect.void
 * )
 * ```
 */
export const BeforeRetry = Context.Reference<
  (retry: {
    readonly error: DataApiError
    readonly attempt: number
    readonly delayMillis: number
  }) => Effect.Effect<void>
>("alex-database/data-api/BeforeRetry", { defaultValue: () => () => Effect.void })

/** How a failed call is retried, if at all. */
type Verdict = Exclude<Retry, "caller"> | "never" | "outcomeUnknown"

/** Whether a call that may have run can run again, and whether it writes. */
interface Nature {
  readonly repeatable: boolean
  readonly writes: boolean
}

const verdictOn = (error: DataApiError, repeatable: boolean): Verdict => {
  if (error.didRun === "unknown" && !repeatable) return "outcomeUnknown"
  const retry = retryOf(error.reason)
  if (error.didRun === "yes" || retry === undefined || retry === "caller") return "never"
  // An interruption waits for its rollback, so the caller decides how long to wait for a running statement.
  if (error.reason._tag === "TransactionBusy" && error.operation === "RollbackTransaction") return "never"
  return retry
}

type DelayBefore = (verdict: Verdict, attempt: number, elapsed: number) => Effect.Effect<number | undefined>

/** Milliseconds before the next attempt, with 20 per cent of jitter; undefined if there is none. */
const delays = (options: Options): DelayBefore => {
  const budgets = {
    budget: Duration.toMillis(options.budget ?? "90 seconds"),
    connectBudget: Duration.toMillis(options.connectBudget ?? "15 seconds")
  }
  const attempts = options.attempts ?? 3
  const firstDelay = Duration.toMillis(options.firstDelay ?? "200 millis")
  const longestDelay = Duration.toMillis(options.longestDelay ?? "5 seconds")
  return (verdict, attempt, elapsed) => {
    if (verdict === "never" || verdict === "outcomeUnknown") return Effect.undefined
    if (verdict === "attempts" ? attempt > attempts : elapsed >= budgets[verdict]) return Effect.undefined
    return Effect.map(Random.next, (jitter) =>
      Math.round(Math.min(longestDelay, firstDelay * 2 ** (attempt - 1)) * (0.8 + 0.4 * jitter))
    )
  }
}

const say = (error: DataApiError, attempt: number, delay: number) => {
  const details = { operation: error.operation, failure: error.reason._tag, attempt, delayMillis: delay }
  const event = Effect.flatMap(Effect.currentSpan, (span) =>
    Effect.map(Clock.currentTimeNanos, (now) => span.event("data_api.retry", now, details))
  )
  return Effect.andThen(Effect.ignore(event), Effect.annotateLogs(Effect.logDebug("A call is retried"), details))
}

/** Retries a call that has failed, as its failures allow. */
const retry = <A>(
  error: DataApiError,
  send: Effect.Effect<A, DataApiError>,
  { repeatable, writes }: Nature,
  { delayBefore, measures }: { readonly delayBefore: DelayBefore; readonly measures: OperationMetrics }
): Effect.Effect<A, DataApiError> =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    let failure = error
    let lost: DataApiError | undefined
    for (let attempt = 1; ; attempt++) {
      if (failure.didRun === "unknown") lost ??= failure
      const verdict = verdictOn(failure, repeatable)
      const elapsed = (yield* Clock.currentTimeMillis) - start
      const delay = yield* delayBefore(verdict, attempt, elapsed)
      if (delay === undefined) {
        // The last attempt did not run, but an earlier one may have.
        if (writes && lost !== undefined && failure.didRun === "no") return yield* outcomeUnknown(lost)
        return yield* verdict === "outcomeUnknown" ? outcomeUnknown(failure) : failure
      }
      if (attempt === 1 && failure.reason._tag === "DatabaseResuming") yield* Metric.update(measures.resumes, 1)
      yield* Metric.update(measures.retries, 1)
      yield* say(failure, attempt, delay)
      yield* (yield* BeforeRetry)({ error: failure, attempt, delayMillis: delay })
      yield* Effect.sleep(delay)
      const answer = yield* Effect.result(send)
      if (answer._tag === "Success") return answer.success
      failure = answer.failure
    }
  })

/** One request, counted and timed. */
const measured = <A>(request: Effect.Effect<A, DataApiError>, measures: OperationMetrics) =>
  Effect.contextWith((context: Context.Context<never>) => {
    const clock = Context.get(context, Clock.Clock)
    const start = clock.currentTimeMillisUnsafe()
    // At once for both metrics: an update by `Metric.update` is two further steps of the interpreter for every call.
    return Effect.onExit(request, () => {
      measures.requests.updateUnsafe(1, context)
      measures.latency.updateUnsafe(clock.currentTimeMillisUnsafe() - start, context)
      return Effect.void
    })
  })

const make = Effect.fnUntraced(function* (options: Options) {
  const api = yield* DataApi
  const metricsOf = makeMetrics()
  const delayBefore = delays(options)

  const call = <A>(
    operation: Operation,
    request: Effect.Effect<A, DataApiError>,
    natureOf: (declared: boolean) => Nature
  ): Effect.Effect<A, DataApiError> => {
    const measures = metricsOf(operation)
    const send = measured(request, measures)
    return Effect.catch(send, (error) =>
      Effect.flatMap(Idempotent, (declared) => retry(error, send, natureOf(declared), { delayBefore, measures }))
    )
  }

  const retrying = DataApi.of({
    executeStatement: (request) =>
      call("ExecuteStatement", api.executeStatement(request), (declared) => {
        const reads = isRead(request.sql)
        return { repeatable: declared || reads, writes: !reads }
      }),
    batchExecuteStatement: (request) =>
      call("BatchExecuteStatement", api.batchExecuteStatement(request), (declared) => ({
        repeatable: declared,
        writes: true
      })),
    // A transaction whose id was lost holds no locks, and the service ends it after 3 minutes.
    beginTransaction: (request) =>
      call("BeginTransaction", api.beginTransaction(request), () => ({ repeatable: true, writes: false })),
    commitTransaction: (request) =>
      call("CommitTransaction", api.commitTransaction(request), () => ({ repeatable: false, writes: true })),
    rollbackTransaction: (request) =>
      call("RollbackTransaction", api.rollbackTransaction(request), () => ({ repeatable: true, writes: false }))
  })
  return withOneSession(retrying, oneSessionOf(api))
})

/**
 * Wraps a `DataApi` into one that retries what may be retried.
 *
 * Every retry is logged at debug level, is an event `data_api.retry` of the current span, and counts in the metric
 * `data_api_retries`. A call that finds the database paused counts in `data_api_resumes`. Every request counts in
 * `data_api_requests`, and its duration in `data_api_latency_milliseconds`.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { RetryPolicy } from "alex-database/data-api"
 * import { LocalDataApi } from "alex-database/local"
 *
 * const patient = RetryPolicy.layer({ budget: "5 minutes" }).pipe(
 *   Layer.provide(LocalDataApi.layer({ dataDir: ".alex-db" }))
 * )
 * ```
 */
export const layer = (options: Options = {}): Layer.Layer<DataApi, never, DataApi> =>
  Layer.effect(DataApi, make(options))
