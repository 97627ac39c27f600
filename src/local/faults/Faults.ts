/**
 * Faults on demand: a `DataApi` that pauses, throttles, delays, drops and fails over as Aurora may.
 *
 * What befalls a call is a function of the plan, its seed and the call's number, so that a run can be repeated. Over
 * HTTP a dropped connection is a socket closed without an answer; in process it is the failure a client would see.
 */
import { Cause, Clock, Context, Effect, Exit, Layer, Option, Schema } from "effect"
import {
  type BatchExecuteStatementRequest,
  DataApi,
  type EndTransactionRequest,
  type ExecuteStatementRequest,
  type Operation
} from "../../data-api/DataApi.ts"
import {
  ConnectFailed,
  ConnectionLost,
  DataApiError,
  DatabaseResuming,
  DatabaseUnavailable,
  InternalServerError,
  type Reason,
  ServiceUnavailable,
  StatementTimeout,
  Throttled
} from "../../data-api/DataApiError.ts"

/**
 * What can befall one call. `before`: nothing is executed; `after`: it is executed and the answer lost.
 *
 * - `connect-failed`: refused before anything is sent (in process; over HTTP it looks like `dropped-before`).
 * - `transaction-expired`: the call's transaction has been rolled back as idle.
 * - `failover`: the writer is gone; the call fails, and every open transaction is lost.
 * - `statement-timeout`: the statement is cancelled, or finished unheard if `continueAfterTimeout` was asked for.
 */
export const Fault = Schema.Literals([
  "resuming",
  "throttled",
  "connect-failed",
  "dropped-before",
  "dropped-after",
  "500-before",
  "500-after",
  "503-before",
  "503-after",
  "504-before",
  "504-after",
  "transaction-expired",
  "failover",
  "statement-timeout"
])
export type Fault = typeof Fault.Type

const Rate = Schema.Finite.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 1 })))
const Count = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000_000 })))
const Millis = Schema.Finite.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 3_600_000 })))

/**
 * Which faults to expect. Everything is optional; the empty plan is a healthy cluster.
 *
 * @example
 * ```json
 * { "seed": 7, "pause": { "seconds": 15 }, "latency": { "medianMs": 10, "p99Ms": 80 }, "rates": { "dropped-after": 0.01 } }
 * ```
 */
export const FaultPlan = Schema.Struct({
  /** Where the draws start; 1 when absent. */
  seed: Schema.optionalKey(Schema.Int),
  /** A paused cluster: it resumes `seconds` after the first call, or after `calls` of them. */
  pause: Schema.optionalKey(
    Schema.Union([
      Schema.Struct({ seconds: Schema.Finite.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 86_400 }))) }),
      Schema.Struct({ calls: Count })
    ])
  ),
  /** A log-normal delay before each call, in milliseconds. */
  latency: Schema.optionalKey(Schema.Struct({ medianMs: Millis, p99Ms: Schema.optionalKey(Millis) })),
  /** How often each fault occurs, as a share of all calls; at most one befalls a call. */
  rates: Schema.optionalKey(
    Schema.Record(Fault, Schema.optionalKey(Rate)).pipe(
      Schema.check(
        Schema.makeFilter((rates) => {
          const total = Object.values(rates).reduce<number>((sum, rate) => sum + (rate ?? 0), 0)
          return total <= 1 ? undefined : `the rates must not exceed 1 together, got ${total}`
        })
      )
    )
  ),
  /** Faults for certain calls, counted from 1 since the plan was set. They go before the rates. */
  schedule: Schema.optionalKey(Schema.Array(Schema.Struct({ call: Count, fault: Fault })))
})
export type FaultPlan = typeof FaultPlan.Type

/** One of the uniform numbers in [0, 1) that belong to a call: a 32-bit mix (murmur3's finaliser) of the three. */
const draw = (seed: number, call: number, nth: number): number => {
  let h = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(call, 0xc2b2ae35) ^ Math.imul(nth + 1, 0x27d4eb2f)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) / 0x1_0000_0000
}

/** The 99th percentile of the standard normal distribution. */
const z99 = 2.3263478740408408

const latencyOf = ({ latency, seed = 1 }: FaultPlan, call: number): number => {
  if (latency === undefined) return 0
  const { medianMs, p99Ms = medianMs } = latency
  if (medianMs === 0 || p99Ms <= medianMs) return medianMs
  const normal = Math.sqrt(-2 * Math.log(1 - draw(seed, call, 1))) * Math.cos(2 * Math.PI * draw(seed, call, 2))
  return medianMs * Math.exp((normal * Math.log(p99Ms / medianMs)) / z99)
}

/**
 * What the plan has in store for its `call`-th call, pauses aside.
 *
 * @example
 * ```ts
 * import { decide } from "./Faults.ts"
 *
 * decide({ schedule: [{ call: 2, fault: "dropped-after" }] }, 2)
 * // { fault: "dropped-after", delayMs: 0 }
 * ```
 */
export const decide = (
  plan: FaultPlan,
  call: number
): { readonly fault: Fault | undefined; readonly delayMs: number } => {
  const delayMs = latencyOf(plan, call)
  const scheduled = plan.schedule?.find((one) => one.call === call)
  if (scheduled !== undefined) return { fault: scheduled.fault, delayMs }
  if (plan.rates === undefined) return { fault: undefined, delayMs }
  let left = draw(plan.seed ?? 1, call, 0)
  for (const fault of Fault.literals) {
    left -= plan.rates[fault] ?? 0
    if (left < 0) return { fault, delayMs }
  }
  return { fault: undefined, delayMs }
}

/** What has happened since the plan was set. */
export interface FaultState {
  readonly plan: FaultPlan
  readonly calls: number
  /** How often each fault befell a call. */
  readonly injected: Readonly<Partial<Record<Fault, number>>>
  readonly openTransactions: number
}

interface Attempt<A> {
  readonly operation: Operation
  readonly transactionId: string | undefined
  readonly continueAfterTimeout: boolean
  readonly execute: Effect.Effect<A, DataApiError>
}

const resumingMessage =
  "The Aurora DB instance db-ALEXLOCAL is resuming after being auto-paused. Please wait a few seconds and try again."

const lost = () => new ConnectionLost({ message: "The connection was closed without an answer." })
const broken = () => new InternalServerError({ code: "InternalServerErrorException", message: "The service failed." })
const unavailable = () => new ServiceUnavailable({ message: "The service is not available." })
const writerGone = () => new DatabaseUnavailable({ message: "The writer is not available." })

/** The faults that keep a call from being executed. */
const before: Partial<Record<Fault, () => Reason>> = {
  resuming: () => new DatabaseResuming({ message: resumingMessage }),
  throttled: () => new Throttled({ message: "Rate exceeded" }),
  "connect-failed": () => new ConnectFailed({ message: "The connection was refused." }),
  "dropped-before": lost,
  "500-before": broken,
  "503-before": unavailable,
  "504-before": writerGone
}

/** The faults that take the answer of a call that was executed. */
const after: Partial<Record<Fault, () => Reason>> = {
  "dropped-after": lost,
  "500-after": broken,
  "503-after": unavailable,
  "504-after": writerGone
}

/** Which faults can befall a call at all: commits know no resume, and only transactions expire. */
const applies = (fault: Fault, { operation, transactionId }: Attempt<unknown>): boolean => {
  switch (fault) {
    case "resuming":
      return transactionId === undefined
    case "transaction-expired":
      return transactionId !== undefined
    case "statement-timeout":
      return operation === "ExecuteStatement" || operation === "BatchExecuteStatement"
    default:
      return true
  }
}

const hasEnded = (operation: Operation, exit: Exit.Exit<unknown, DataApiError>): boolean => {
  if (Exit.isSuccess(exit)) return operation === "CommitTransaction" || operation === "RollbackTransaction"
  const reason = Option.map(Cause.findErrorOption(exit.cause), (error) => error.reason._tag)
  return Option.contains(reason, "TransactionNotFound") || Option.contains(reason, "NotFound")
}

/** A `DataApi` with faults, and their control. */
export interface Wrapped {
  readonly api: DataApi["Service"]
  readonly faults: Faults["Service"]
}

/**
 * The control of a faulty `DataApi`, in process and behind the control endpoint.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Faults, LocalDataApi } from "alex-database/local"
 *
 * const flaky = Faults.layer({ seed: 7, rates: { throttled: 0.1 } }).pipe(
 *   Layer.provide(LocalDataApi.layer({ dataDir: "memory" }))
 * )
 * const program = Effect.gen(function*() {
 *   const faults = yield* Faults
 *   yield* faults.set({ pause: { calls: 3 } })
 * }).pipe(Effect.provide(flaky))
 * ```
 */
export class Faults extends Context.Service<
  Faults,
  {
    /** The plan, and what has happened since it was set. */
    readonly state: Effect.Effect<FaultState>
    /** Replaces the plan and counts from the start. */
    readonly set: (plan: FaultPlan) => Effect.Effect<void>
    /** Ends every open transaction now; calls under way are answered with `DatabaseUnavailable`. */
    readonly failover: Effect.Effect<void>
  }
>()("alex-database/local/Faults") {
  /** A faulty `DataApi` around another, and its control. */
  static readonly wrap = (api: DataApi["Service"], initial: FaultPlan = {}): Wrapped => {
    let plan = initial
    let calls = 0
    let injected: Partial<Record<Fault, number>> = {}
    /** When the resume that the first call of a pause began is done, in milliseconds since 1970. */
    let resumedAt: number | undefined
    /** Counts failovers: a call that sees it change was under way during one. */
    let epoch = 0
    const open = new Set<string>()

    const abandon = (transactionId: string): Effect.Effect<void> => {
      open.delete(transactionId)
      // It may have ended already, or be running a statement, whose call then sees to it.
      return Effect.ignore(api.rollbackTransaction({ transactionId }))
    }

    const failover = Effect.suspend(() => {
      epoch++
      return Effect.forEach([...open], abandon, { discard: true })
    })

    /** Runs a call; one that a failover overtook has lost its transaction and its answer. */
    const through = <A>({ execute, operation, transactionId }: Attempt<A>): Effect.Effect<A, DataApiError> =>
      Effect.suspend(() => {
        const started = epoch
        return Effect.exit(execute).pipe(
          Effect.flatMap((exit) => {
            if (transactionId !== undefined && hasEnded(operation, exit)) open.delete(transactionId)
            if (started === epoch) return exit
            const lost = Effect.fail(new DataApiError({ operation, reason: writerGone() }))
            return transactionId === undefined ? lost : Effect.andThen(abandon(transactionId), lost)
          })
        )
      })

    const befall = <A>(attempt: Attempt<A>, fault: Fault): Effect.Effect<A, DataApiError> => {
      const { continueAfterTimeout, operation, transactionId } = attempt
      const fail = (reason: Reason) => Effect.fail(new DataApiError({ operation, reason }))
      injected[fault] = (injected[fault] ?? 0) + 1
      const early = before[fault]
      if (early !== undefined) return fail(early())
      const late = after[fault]
      if (late !== undefined) return Effect.andThen(Effect.exit(through(attempt)), fail(late()))
      if (fault === "failover") return Effect.andThen(failover, fail(writerGone()))
      if (fault === "transaction-expired")
        return transactionId === undefined ? through(attempt) : Effect.andThen(abandon(transactionId), through(attempt))
      const timeout = "canceling statement due to statement timeout"
      if (continueAfterTimeout)
        return Effect.andThen(
          Effect.exit(through(attempt)),
          fail(new StatementTimeout({ message: timeout, continues: true }))
        )
      // A cancelled statement leaves its transaction aborted, as any failed one does.
      const aborted =
        transactionId === undefined
          ? Effect.void
          : Effect.ignore(api.executeStatement({ sql: "SELECT 1/0", transactionId }))
      return Effect.andThen(aborted, fail(new StatementTimeout({ message: timeout })))
    }

    const isPaused = (call: number, now: number): boolean => {
      if (plan.pause === undefined) return false
      if ("calls" in plan.pause) return call <= plan.pause.calls
      resumedAt ??= now + plan.pause.seconds * 1000
      return now < resumedAt
    }

    const attempt = <A>(one: Attempt<A>): Effect.Effect<A, DataApiError> =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const call = ++calls
        const { delayMs, fault } = decide(plan, call)
        const happens =
          applies("resuming", one) && isPaused(call, now)
            ? "resuming"
            : fault !== undefined && applies(fault, one)
              ? fault
              : undefined
        const answer = happens === undefined ? through(one) : befall(one, happens)
        return delayMs === 0 ? answer : Effect.delay(answer, delayMs)
      })

    const statement = (
      request: ExecuteStatementRequest | BatchExecuteStatementRequest | EndTransactionRequest
    ): Pick<Attempt<unknown>, "transactionId" | "continueAfterTimeout"> => ({
      transactionId: request.transactionId,
      continueAfterTimeout: "continueAfterTimeout" in request && request.continueAfterTimeout === true
    })

    return {
      api: DataApi.of({
        executeStatement: (request) =>
          attempt({ ...statement(request), operation: "ExecuteStatement", execute: api.executeStatement(request) }),
        batchExecuteStatement: (request) =>
          attempt({
            ...statement(request),
            operation: "BatchExecuteStatement",
            execute: api.batchExecuteStatement(request)
          }),
        beginTransaction: (request) =>
          attempt({
            operation: "BeginTransaction",
            transactionId: undefined,
            continueAfterTimeout: false,
            execute: Effect.suspend(() => {
              const started = epoch
              return Effect.tap(api.beginTransaction(request), ({ transactionId }) =>
                started === epoch ? Effect.sync(() => open.add(transactionId)) : abandon(transactionId)
              )
            })
          }),
        commitTransaction: (request) =>
          attempt({ ...statement(request), operation: "CommitTransaction", execute: api.commitTransaction(request) }),
        rollbackTransaction: (request) =>
          attempt({
            ...statement(request),
            operation: "RollbackTransaction",
            execute: api.rollbackTransaction(request)
          })
      }),
      faults: Faults.of({
        state: Effect.sync(() => ({ plan, calls, injected, openTransactions: open.size })),
        set: (next) =>
          Effect.sync(() => {
            plan = next
            calls = 0
            injected = {}
            resumedAt = undefined
          }),
        failover
      })
    }
  }

  /** Puts the faults of a plan between a `DataApi` and its users. */
  static readonly layer = (plan?: FaultPlan): Layer.Layer<DataApi | Faults, never, DataApi> =>
    Layer.effectContext(
      Effect.map(DataApi, (inner) => {
        const { api, faults } = Faults.wrap(inner, plan)
        return Context.make(DataApi, api).pipe(Context.add(Faults, faults))
      })
    )
}
