/** The five operations of the Data API on PostgreSQL sessions, with the service's behaviour. */
import { Effect, Scope } from "effect"
import { DataApi, type Operation } from "../../data-api/DataApi.ts"
import { DataApiError, type Reason } from "../../data-api/DataApiError.ts"
import { defaultLimits, type Limits } from "../EngineLimits.ts"
import { batchExecuteStatement } from "./BatchExecuteStatement.ts"
import { type EngineRequest, executeStatement } from "./ExecuteStatement.ts"
import { Execution } from "./Execution.ts"
import * as OpenTransactions from "./OpenTransactions.ts"
import { type Bounded, refusalOf } from "./RequestBounds.ts"
import type { SessionSource } from "./Session.ts"

export type { EngineRequest } from "./ExecuteStatement.ts"

/** Options of the engine. */
export interface EngineOptions {
  /** The database of a request that names none. */
  readonly database: string
  readonly limits?: Partial<Limits> | undefined
}

/** Runs an operation; its failures name the operation. */
const answering = <A>(operation: Operation, answer: () => Effect.Effect<A, Reason>): Effect.Effect<A, DataApiError> =>
  Effect.mapError(Effect.suspend(answer), (reason) => new DataApiError({ operation, reason }))

/** Runs an operation on a whole transaction, unless the request is out of bounds. */
const transacting = <A>(
  operation: Operation,
  request: Bounded,
  limits: Limits,
  answer: () => Effect.Effect<A, Reason>
): Effect.Effect<A, DataApiError> =>
  answering(operation, () => {
    const refusal = refusalOf(request, [], limits)
    return refusal === undefined ? answer() : Effect.fail(refusal)
  })

/**
 * Runs Data API calls on sessions of `source`.
 *
 * A call without a transaction has its own session, and leaves nothing in it. Open transactions are rolled back when
 * the scope closes.
 */
export const make = Effect.fnUntraced(function* (
  source: SessionSource,
  options: EngineOptions
): Effect.fn.Return<DataApi["Service"], never, Scope.Scope> {
  const limits: Limits = { ...defaultLimits, ...options.limits }
  const transactions = yield* OpenTransactions.make(source, limits)
  const scope = yield* Scope.Scope
  const execution = new Execution({ source, transactions, limits, scope, database: options.database })
  return DataApi.of({
    executeStatement: (request: EngineRequest) =>
      answering("ExecuteStatement", () => executeStatement(execution, request)),
    batchExecuteStatement: (request) =>
      answering("BatchExecuteStatement", () => batchExecuteStatement(execution, request)),
    beginTransaction: (request) =>
      transacting("BeginTransaction", request, limits, () =>
        Effect.map(transactions.begin(execution.databaseOf(request)), (transactionId) => ({ transactionId }))
      ),
    commitTransaction: (request) =>
      transacting("CommitTransaction", request, limits, () =>
        Effect.as(transactions.commit(request.transactionId), { transactionStatus: "Transaction Committed" })
      ),
    rollbackTransaction: (request) =>
      transacting("RollbackTransaction", request, limits, () =>
        Effect.as(transactions.rollback(request.transactionId), { transactionStatus: "Rollback Complete" })
      )
  })
})
