/** The state of a transaction of the service, and the errors of a failed one. */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as SqlError from "effect/sql/SqlError"
import { DataApiError, notCommitted } from "../DataApiError.ts"
import { sqlErrorReason, toSqlError } from "./SqlErrors.ts"

export class Transaction {
  readonly id: string
  /** One statement at a time: the service refuses a second one of the same transaction. */
  readonly turn = Semaphore.makeUnsafe(1)
  /**
   * The failures that may have aborted the transaction, until a rollback to a savepoint repairs all of them, or their own
   * statement succeeds in another form. There may be several, since another fiber's statement may fail in the meantime.
   */
  readonly unrepaired = new Set<DataApiError>()
  /** Whether a commit was sent, as an operation or as a statement. Before that nothing is kept. */
  commitSent = false
  /** The failures of this transaction; the caller may also see failures of other databases. */
  readonly failures = new WeakSet<DataApiError>()
  rollbackFailure: DataApiError | undefined
  /**
   * What stands for the statements so far that may change what a name means, such as SET search_path or CREATE TABLE;
   * empty if there is none.
   */
  names = ""

  constructor(id: string) {
    this.id = id
  }

  /** The first failure that is not repaired. */
  get failure(): DataApiError | undefined {
    return this.unrepaired.values().next().value
  }
}

/** Turns an unknown outcome into `NotCommitted` if it is the transaction's own and no commit was sent. */
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

/** Why the commit of an aborted transaction fails. */
export const rolledBack = "The transaction was rolled back, since a statement in it had failed"

/** Fails for an aborted transaction: PostgreSQL would report its commit as a success. */
export const refuseIfFailed = ({ commitSent, failure }: Transaction): Effect.Effect<void, SqlError.SqlError> =>
  failure === undefined
    ? Effect.void
    : Effect.fail(
        new SqlError.SqlError({
          reason: sqlErrorReason(
            commitSent ? failure : notCommitted(failure),
            `${rolledBack}: ${failure.reason.message}`
          )
        })
      )
