/**
 * Faults on demand: a `DataApi` that pauses, throttles, delays, drops connections and fails over, as Aurora may.
 *
 * The plan, its seed and the call's number decide the fault of a call, so that a run can be repeated. Over HTTP a
 * dropped connection is a socket that is closed without a response; in process it is the failure that a client would
 * see.
 */
import { Cause, Clock, Context, Effect, Exit, Layer, Option } from "effect"
import {
  DataApi,
  type ExecuteStatementRequest,
  type Operation,
  oneSessionOf,
  withOneSession
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
import { decide, type Fault, type FaultPlan } from "./FaultPlan.ts"

/** The plan, and the calls and faults since it was set. */
export interface FaultState {
  readonly plan: FaultPlan
  readonly calls: number
  /** How often each fault happened to a call. */
  readonly injected: Readonly<Partial<Record<Fault, number>>>
  readonly openTransactions: number
}

interface Attempt<A> {
  readonly operation: Operation
  readonly transactionId?: string | undefined
  readonly continueAfterTimeout?: boolean | undefined
  readonly execute: Effect.Effect<A, DataApiError>
}

const resumingMessage =
  "The Aurora DB instance db-ALEXLOCAL is resuming after being auto-paused. Please wait a few seconds and try again."

const lost = () => new ConnectionLost({ message: "The connection was closed without an answer." })
const broken = () => new InternalServerError({ code: "InternalServerErrorException", message: "The service failed." })
const unavailable = () => new ServiceUnavailable({ message: "The service is not available." })
const writerGone = () => new DatabaseUnavailable({ message: "The writer is not available." })

/** Faults for which the call is not executed. */
const before: Partial<Record<Fault, () => Reason>> = {
  resuming: () => new DatabaseResuming({ message: resumingMessage }),
  throttled: () => new Throttled({ message: "Rate exceeded" }),
  "connect-failed": () => new ConnectFailed({ message: "The connection was refused." }),
  "dropped-before": lost,
  "500-before": broken,
  "503-before": unavailable,
  "504-before": writerGone
}

/** Faults for which the call is executed, but its response is lost. */
const after: Partial<Record<Fault, () => Reason>> = {
  "dropped-after": lost,
  "500-after": broken,
  "503-after": unavailable,
  "504-after": writerGone
}

/**
 * Whether a call can have a fault: a call in a transaction never finds a paused cluster, and only transactions expire.
 */
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

const timeout = "canceling statement due to statement timeout"

/** Runs the calls of a `DataApi` with the faults of a plan. */
class FaultyCalls {
  readonly #api: DataApi["Service"]
  #plan: FaultPlan
  #calls = 0
  #injected: Partial<Record<Fault, number>> = {}
  /** When the resume ends that the first call began, in milliseconds since 1970. */
  #resumedAt: number | undefined
  /** Counts failovers. If it changes during a call, a failover occurred during the call. */
  #epoch = 0
  readonly #open = new Set<string>()

  constructor(api: DataApi["Service"], plan: FaultPlan) {
    this.#api = api
    this.#plan = plan
  }

  get state(): FaultState {
    return { plan: this.#plan, calls: this.#calls, injected: this.#injected, openTransactions: this.#open.size }
  }

  set(plan: FaultPlan): void {
    this.#plan = plan
    this.#calls = 0
    this.#injected = {}
    this.#resumedAt = undefined
  }

  readonly failover: Effect.Effect<void> = Effect.suspend(() => {
    this.#epoch++
    return Effect.forEach([...this.#open], (id) => this.#abandon(id), { discard: true })
  })

  /** Runs a call with the fault and the delay that the plan has for it. */
  attempt<A>(one: Attempt<A>): Effect.Effect<A, DataApiError> {
    return Effect.suspend(() => {
      const call = ++this.#calls
      return this.#plan.pause !== undefined && applies("resuming", one)
        ? Effect.flatMap(Clock.currentTimeMillis, (now) => this.#decided(one, call, this.#isPaused(call, now)))
        : this.#decided(one, call, false)
    })
  }

  #decided<A>(one: Attempt<A>, call: number, isPaused: boolean): Effect.Effect<A, DataApiError> {
    const { delayMs, fault } = decide(this.#plan, call)
    const happens = isPaused ? "resuming" : fault !== undefined && applies(fault, one) ? fault : undefined
    const answer = happens === undefined ? this.#through(one) : this.#inject(one, happens)
    return delayMs === 0 ? answer : Effect.delay(answer, delayMs)
  }

  /** Records the transaction that a call begins; if a failover occurred meanwhile, the transaction is lost. */
  noting<A extends { readonly transactionId: string }>(begin: Effect.Effect<A, DataApiError>) {
    return Effect.suspend(() => {
      const started = this.#epoch
      return Effect.tap(begin, ({ transactionId }) =>
        started === this.#epoch ? Effect.sync(() => this.#open.add(transactionId)) : this.#abandon(transactionId)
      )
    })
  }

  #abandon(transactionId: string): Effect.Effect<void> {
    this.#open.delete(transactionId)
    // It may have ended already. If it runs a statement, the call of that statement ends it.
    return Effect.ignore(this.#api.rollbackTransaction({ transactionId }))
  }

  #isPaused(call: number, now: number): boolean {
    const { pause } = this.#plan
    if (pause === undefined) return false
    if ("calls" in pause) return call <= pause.calls
    this.#resumedAt ??= now + pause.seconds * 1000
    return now < this.#resumedAt
  }

  /** Runs a call; if a failover occurred meanwhile, its transaction and its response are lost. */
  #through<A>({ execute, operation, transactionId }: Attempt<A>): Effect.Effect<A, DataApiError> {
    return Effect.suspend(() => {
      const started = this.#epoch
      return Effect.exit(execute).pipe(
        Effect.flatMap((exit) => {
          if (transactionId !== undefined && hasEnded(operation, exit)) this.#open.delete(transactionId)
          if (started === this.#epoch) return exit
          const lost = Effect.fail(new DataApiError({ operation, reason: writerGone() }))
          return transactionId === undefined ? lost : Effect.andThen(this.#abandon(transactionId), lost)
        })
      )
    })
  }

  #inject<A>(attempt: Attempt<A>, fault: Fault): Effect.Effect<A, DataApiError> {
    const { operation, transactionId } = attempt
    const fail = (reason: Reason) => Effect.fail(new DataApiError({ operation, reason }))
    this.#injected[fault] = (this.#injected[fault] ?? 0) + 1
    const early = before[fault]
    if (early !== undefined) return fail(early())
    const late = after[fault]
    if (late !== undefined) return Effect.andThen(Effect.exit(this.#through(attempt)), fail(late()))
    if (fault === "failover") return Effect.andThen(this.failover, fail(writerGone()))
    if (fault === "statement-timeout") return this.#timeOut(attempt)
    const through = this.#through(attempt)
    return transactionId === undefined ? through : Effect.andThen(this.#abandon(transactionId), through)
  }

  /** Fails with a timeout. A cancelled statement aborts its transaction, like any failed one. */
  #timeOut(attempt: Attempt<unknown>): Effect.Effect<never, DataApiError> {
    const { continueAfterTimeout, operation, transactionId } = attempt
    const fail = (continues?: true) =>
      Effect.fail(
        new DataApiError({
          operation,
          reason: new StatementTimeout({ message: timeout, ...(continues ? { continues } : {}) })
        })
      )
    if (continueAfterTimeout === true) return Effect.andThen(Effect.exit(this.#through(attempt)), fail(true))
    if (transactionId === undefined) return fail()
    const aborted = this.#api.executeStatement({ sql: "SELECT 1/0", transactionId })
    return Effect.andThen(Effect.ignore(aborted), fail())
  }
}

/** The operations of `api`, with the faults of `calls`. */
const faulty = (api: DataApi["Service"], calls: FaultyCalls): DataApi["Service"] =>
  withOneSession(
    DataApi.of({
      executeStatement: (request: ExecuteStatementRequest) => {
        const { continueAfterTimeout, transactionId } = request
        const execute = api.executeStatement(request)
        return calls.attempt({ operation: "ExecuteStatement", transactionId, continueAfterTimeout, execute })
      },
      batchExecuteStatement: (request) => {
        const { transactionId } = request
        const execute = api.batchExecuteStatement(request)
        return calls.attempt({ operation: "BatchExecuteStatement", transactionId, execute })
      },
      beginTransaction: (request) =>
        calls.attempt({ operation: "BeginTransaction", execute: calls.noting(api.beginTransaction(request)) }),
      commitTransaction: (request) => {
        const { transactionId } = request
        return calls.attempt({ operation: "CommitTransaction", transactionId, execute: api.commitTransaction(request) })
      },
      rollbackTransaction: (request) => {
        const { transactionId } = request
        const execute = api.rollbackTransaction(request)
        return calls.attempt({ operation: "RollbackTransaction", transactionId, execute })
      }
    }),
    oneSessionOf(api)
  )

/** A `DataApi` with faults, and the control of its faults. */
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
    /** The plan, and the calls and faults since it was set. */
    readonly state: Effect.Effect<FaultState>
    /** Replaces the plan and resets the counts. */
    readonly set: (plan: FaultPlan) => Effect.Effect<void>
    /** Ends every open transaction now; running calls fail with `DatabaseUnavailable`. */
    readonly failover: Effect.Effect<void>
  }
>()("alex-database/local/Faults") {
  /** Wraps a `DataApi` into one with faults. */
  static readonly wrap = (api: DataApi["Service"], plan: FaultPlan = {}): Wrapped => {
    const calls = new FaultyCalls(api, plan)
    const { failover } = calls
    return {
      api: faulty(api, calls),
      faults: Faults.of({
        state: Effect.sync(() => calls.state),
        set: (next) => Effect.sync(() => calls.set(next)),
        failover
      })
    }
  }

  /** Wraps the provided `DataApi` into one with the faults of a plan. */
  static readonly layer = (plan?: FaultPlan): Layer.Layer<DataApi | Faults, never, DataApi> =>
    Layer.effectContext(
      Effect.map(DataApi, (inner) => {
        const { api, faults } = Faults.wrap(inner, plan)
        return Context.make(DataApi, api).pipe(Context.add(Faults, faults))
      })
    )
}
