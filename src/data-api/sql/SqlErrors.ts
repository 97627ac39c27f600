/** From a failed Data API call to `effect/sql`'s error, with the same reasons that `@effect/sql-pg` gives. */
import * as SqlError from "effect/sql/SqlError"
import type { DataApiError, Reason } from "../DataApiError.ts"

interface Props {
  readonly cause: DataApiError
  readonly message: string
  readonly operation: string
}

const ofSqlState = (sqlState: string, primary: string, props: Props): SqlError.SqlErrorReason => {
  if (sqlState.startsWith("08")) return new SqlError.ConnectionError(props)
  if (sqlState.startsWith("28")) return new SqlError.AuthenticationError(props)
  if (sqlState === "42501") return new SqlError.AuthorizationError(props)
  if (sqlState.startsWith("42")) return new SqlError.SqlSyntaxError(props)
  if (sqlState === "23505") {
    // The service sends no field of its own for the constraint.
    const constraint = /constraint "([\s\S]+)"/.exec(primary)?.[1] ?? "unknown"
    return new SqlError.UniqueViolation({ ...props, constraint })
  }
  if (sqlState.startsWith("23")) return new SqlError.ConstraintError(props)
  if (sqlState === "40P01") return new SqlError.DeadlockError(props)
  if (sqlState === "40001") return new SqlError.SerializationError(props)
  if (sqlState === "55P03") return new SqlError.LockTimeoutError(props)
  if (sqlState === "57014") return new SqlError.StatementTimeoutError(props)
  return new SqlError.UnknownError(props)
}

/** Whether a result was refused because it is larger than the service returns in one answer, 1 MiB. */
export const isOverSize = (reason: Reason): boolean =>
  reason._tag === "UnsupportedResult" && /size limit|response size/i.test(reason.message)

const messageOf = (reason: Reason): string => {
  if (reason._tag !== "UnsupportedResult") return reason.message
  if (isOverSize(reason)) return `${reason.message} Read it as a stream, or select fewer rows or columns at a time.`
  if (/unsupported data type/i.test(reason.message)) return `${reason.message} Cast the column to text.`
  return reason.message
}

/** The reason, said with another message: what a caller sees when the failure has consequences of its own. */
export const sqlErrorReason = (error: DataApiError, message = messageOf(error.reason)): SqlError.SqlErrorReason => {
  const props: Props = { cause: error, message, operation: error.operation }
  const reason = error.reason
  switch (reason._tag) {
    case "DatabaseError":
      return ofSqlState(reason.sqlState ?? "", reason.primary, props)
    case "StatementTimeout":
      return new SqlError.StatementTimeoutError(props)
    case "AccessDenied":
    case "Forbidden":
      return new SqlError.AuthorizationError(props)
    case "Unauthenticated":
    case "InvalidSecret":
    case "SecretsError":
      return new SqlError.AuthenticationError(props)
    case "DatabaseResuming":
    case "DatabaseUnavailable":
    case "DatabaseNotFound":
    case "HttpEndpointNotEnabled":
    case "InvalidResourceState":
    case "Throttled":
    case "InternalServerError":
    case "ServiceUnavailable":
    case "ConnectFailed":
    case "ConnectionLost":
    case "UnexpectedResponse":
    case "OutcomeUnknown":
    case "NotCommitted":
      return new SqlError.ConnectionError(props)
    default:
      return new SqlError.UnknownError(props)
  }
}

/** The failure as `SqlClient` reports it; `cause` of the reason is the `DataApiError`. */
export const toSqlError = (error: DataApiError): SqlError.SqlError =>
  new SqlError.SqlError({ reason: sqlErrorReason(error) })
