/** A transaction of the service, what has become of it, and how its failures are worded. */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as SqlError from "effect/sql/SqlError"
import { DataApiError, notCommitted } from "../DataApiError.ts"
import { sqlErrorReason, toSqlError } from "./SqlErrors.ts"

export interface Transaction {
  readonly id: string
  /** The service refuses a statement while another of the same transaction runs. */
  readonly turn: Semaphore.Semaphore
  /** The failure that aborted the transaction, until a rollback to a savepoint repairs it. */
  failure: DataApiError | undefined
  /** Whether a commit was sent, by the service's operation or as a statement. Until then nothing can be kept. */
  commitSent: boolean
  /** Its own failures, as opposed to those of other databases that its caller may use at the same time. */
  readonly failures: WeakSet<DataApiError>
  rollbackFailure: DataApiError | undefined
  /** The statements so far that may have changed what a name in a later one means. */
  names: string
}

export const newTransaction = (id: string): Transaction => ({
  id,
  turn: Semaphore.makeUnsafe(1),
  failure: undefined,
  commitSent: false,
  failures: new WeakSet(),
  rollbackFailure: undefined,
  names: ""
})

/** What a transaction has failed with, if the failure is its own. */
export const failureOf =
  (transaction: Transaction) =>
  <E>(error: E): E | SqlError.SqlError => {
    const failure = SqlError.isSqlError(error) ? error.reason.cause : error
    return failure instanceof DataApiError &&
      failure.didRun === "unknown" &&
      transaction.failures.has(failure) &&
      !transaction.commitSent
      ? toSqlError(notCommitted(failure))
      : error
  }

/** PostgreSQL would answer the commit of an aborted transaction with success. */
export const refuseIfFailed = ({ commitSent, failure }: Transaction): Effect.Effect<void, SqlError.SqlError> =>
  failure === undefined
    ? Effect.void
    : Effect.fail(
        new SqlError.SqlError({
          reason: sqlErrorReason(
            commitSent ? failure : notCommitted(failure),
            `The transaction was rolled back, since a statement in it had failed: ${failure.reason.message}`
          )
        })
      )
