/** Converts a failed Data API call to `effect/sql`'s error, with the same reasons as `@effect/sql-pg`. */
import * as SqlError from "effect/sql/SqlError"
import type { DataApiError, Reason } from "../DataApiError.ts"
import { failures, ofSqlState } from "../FailureTable.ts"

/** The reasons of `effect/sql` that have only a message. */
const classes = {
  AuthenticationError: SqlError.AuthenticationError,
  AuthorizationError: SqlError.AuthorizationError,
  ConnectionError: SqlError.ConnectionError,
  ConstraintError: SqlError.ConstraintError,
  DeadlockError: SqlError.DeadlockError,
  LockTimeoutError: SqlError.LockTimeoutError,
  SerializationError: SqlError.SerializationError,
  SqlSyntaxError: SqlError.SqlSyntaxError,
  StatementTimeoutError: SqlError.StatementTimeoutError,
  UnknownError: SqlError.UnknownError
}

/** Whether a result was refused because it exceeds the service's limit of 1 MiB. */
export const isOverSize = (reason: Reason): boolean =>
  reason._tag === "UnsupportedResult" && /size limit|response size/i.test(reason.message)

/** Whether a failure may be due to an infinite date or time, for which the service fails without a message. */
export const isInfinite = (reason: Reason): boolean =>
  reason._tag === "OutcomeUnknown"
    ? reason.lost === "InternalServerError"
    : reason._tag === "InternalServerError" &&
      (reason.message === "" || reason.message === failures.InternalServerError.meaning)

/** Whether a result was refused because of the type of a column. */
const isUnreturned = (reason: Reason): boolean =>
  reason._tag === "UnsupportedResult" && /unsupported data type/i.test(reason.message)

/** Whether the result of a statement could not be returned, and casts may help. */
export const needsCasts = (reason: Reason): boolean => isUnreturned(reason) || isInfinite(reason)

/** Whether the service refused several statements in one request. */
const isMultistatement = (reason: Reason): boolean =>
  reason._tag === "Validation" && /multistatement/i.test(reason.message)

/** The answer to a write or a commit was lost. A caller that retries what `isRetryable` says might run it twice. */
class LostAnswer extends SqlError.ConnectionError {
  override get isRetryable(): boolean {
    return false
  }
}

const messageOf = (reason: Reason): string => {
  if (isInfinite(reason)) {
    return reason._tag === "OutcomeUnknown"
      ? `${reason.message} If it returns an infinite date or time, it has run: cast that column to text.`
      : "The Data API failed without a message, as it does if a result holds an infinite date or time: cast that column to text."
  }
  if (isMultistatement(reason)) {
    return `${reason.message} Run each statement by itself, within sql.withTransaction if they belong together.`
  }
  if (isOverSize(reason))
    return `${reason.message} Read it as a stream or, if it writes or locks rows, select fewer rows or columns at a time.`
  if (isUnreturned(reason)) return `${reason.message} Cast the column to text.`
  return reason.message
}

/** The reason for `effect/sql`, with another message if the caller passes one. */
export const sqlErrorReason = (error: DataApiError, message = messageOf(error.reason)): SqlError.SqlErrorReason => {
  const props = { cause: error, message, operation: error.operation }
  const reason = error.reason
  if (reason._tag === "OutcomeUnknown") return new LostAnswer(props)
  // PostgreSQL itself refuses them as a syntax error.
  if (isMultistatement(reason)) return new SqlError.SqlSyntaxError(props)
  if (reason._tag !== "DatabaseError") return new classes[failures[reason._tag].sqlError](props)
  const { sqlError } = ofSqlState(reason.sqlState ?? "")
  return sqlError === "UniqueViolation"
    ? new SqlError.UniqueViolation({ ...props, constraint: error.constraint ?? "unknown" })
    : new classes[sqlError](props)
}

/** The failure as `SqlClient` reports it; `cause` of the reason is the `DataApiError`. */
export const toSqlError = (error: DataApiError): SqlError.SqlError =>
  new SqlError.SqlError({ reason: sqlErrorReason(error) })
