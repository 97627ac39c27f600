/**
 * The failures of the Data API as data. Each says what happened, whether the statement ran, and whether the same
 * request may succeed later.
 */
import * as Schema from "effect/Schema"
import { columnIn, constraintIn, parseDatabaseMessage } from "./DatabaseMessage.ts"
import { type DidRun, didRun, type FailureTag, retryOf } from "./FailureTable.ts"
import { Operation } from "./Operation.ts"

export { type DatabaseMessage, parseDatabaseMessage } from "./DatabaseMessage.ts"
export type { DidRun } from "./FailureTable.ts"

const text = { message: Schema.String }

/** The database refused the statement. `message` is the service's line; the other members are parsed from it. */
export class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", {
  ...text,
  primary: Schema.String,
  hint: Schema.optionalKey(Schema.String),
  position: Schema.optionalKey(Schema.Int),
  sqlState: Schema.optionalKey(Schema.String)
}) {
  /** Parses the service's line. */
  static readonly fromMessage = (message: string): DatabaseError =>
    new DatabaseError({ message, ...parseDatabaseMessage(message) })
}
/** The instance was paused and is resuming; nothing ran. Retry for up to a minute. */
export class DatabaseResuming extends Schema.TaggedError<DatabaseResuming>()("DatabaseResuming", text) {}
/** The writer could not be reached: it is restarting or failing over. */
export class DatabaseUnavailable extends Schema.TaggedError<DatabaseUnavailable>()("DatabaseUnavailable", text) {}
/** The cluster has no instance. */
export class DatabaseNotFound extends Schema.TaggedError<DatabaseNotFound>()("DatabaseNotFound", text) {}
/** The Data API is off for this cluster, or the ARN is not a cluster in this region. */
export class HttpEndpointNotEnabled extends Schema.TaggedError<HttpEndpointNotEnabled>()(
  "HttpEndpointNotEnabled",
  text
) {}
/** The cluster is in a state in which it accepts no calls. */
export class InvalidResourceState extends Schema.TaggedError<InvalidResourceState>()("InvalidResourceState", text) {}
/** The secret has no usable user name and password. */
export class InvalidSecret extends Schema.TaggedError<InvalidSecret>()("InvalidSecret", text) {}
/** The secret is missing, can't be decrypted, or could not be fetched in time. */
export class SecretsError extends Schema.TaggedError<SecretsError>()("SecretsError", text) {}
/** The statement reached the limit of 45 seconds: it was cancelled, or continues if `continueAfterTimeout` was set. */
export class StatementTimeout extends Schema.TaggedError<StatementTimeout>()("StatementTimeout", {
  ...text,
  dbConnectionId: Schema.optionalKey(Schema.Int),
  /** The request had `continueAfterTimeout`, so the statement continues. */
  continues: Schema.optionalKey(Schema.Boolean)
}) {}
/** The transaction id is unknown, expired or ended. */
export class TransactionNotFound extends Schema.TaggedError<TransactionNotFound>()("TransactionNotFound", text) {}
/** Commit or rollback: the ARN, the secret or the transaction was not found. */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", text) {}
/** Another statement of the same transaction is still running; this one was not started. */
export class TransactionBusy extends Schema.TaggedError<TransactionBusy>()("TransactionBusy", text) {}
/** The statement ran, but its result is of a type, a shape or a size that can't be returned. */
export class UnsupportedResult extends Schema.TaggedError<UnsupportedResult>()("UnsupportedResult", text) {}
/** IAM denies the caller this action on this cluster. */
export class AccessDenied extends Schema.TaggedError<AccessDenied>()("AccessDenied", text) {}
/** The caller lacks a privilege. */
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", text) {}
/** The service refused the request. */
export class BadRequest extends Schema.TaggedError<BadRequest>()("BadRequest", text) {}
/** The service refused the request's form: several statements, a `schema`, a member out of bounds. */
export class Validation extends Schema.TaggedError<Validation>()("Validation", text) {}
/** Too many requests; this one was not run. */
export class Throttled extends Schema.TaggedError<Throttled>()("Throttled", text) {}
/** The request's signature or credentials were refused (expired, unknown, wrong). */
export class Unauthenticated extends Schema.TaggedError<Unauthenticated>()("Unauthenticated", {
  ...text,
  /** The front end's own code, for example `ExpiredTokenException`. */
  code: Schema.String
}) {}
/** The service had an internal error (500). An infinite date or timestamp in a result also causes it. */
export class InternalServerError extends Schema.TaggedError<InternalServerError>()("InternalServerError", {
  ...text,
  /** `InternalServerErrorException`, or the unmodelled `InternalFailure`. */
  code: Schema.String
}) {}
/** The service is not available at the moment (503). */
export class ServiceUnavailable extends Schema.TaggedError<ServiceUnavailable>()("ServiceUnavailable", text) {}
/** No connection was established: refused, unknown host, TLS. Nothing was sent. */
export class ConnectFailed extends Schema.TaggedError<ConnectFailed>()("ConnectFailed", text) {}
/** The connection broke or timed out after the request may have been sent. */
export class ConnectionLost extends Schema.TaggedError<ConnectionLost>()("ConnectionLost", text) {}
/** The response is not one of the Data API's: a proxy's page, or an undocumented code. */
export class UnexpectedResponse extends Schema.TaggedError<UnexpectedResponse>()("UnexpectedResponse", {
  ...text,
  code: Schema.String,
  status: Schema.Int
}) {}
/** The request could never succeed and was not sent: too long, too large, or with a value that can't be encoded. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", text) {}
/** The request may have run, and is neither a read nor declared idempotent, so it was not retried. */
export class OutcomeUnknown extends Schema.TaggedError<OutcomeUnknown>()("OutcomeUnknown", {
  ...text,
  /** The tag of the failure that hid the outcome, for example `ConnectionLost`. */
  lost: Schema.String
}) {}

/** The transaction failed before its commit was sent, so nothing that its statements did was kept. */
export class NotCommitted extends Schema.TaggedError<NotCommitted>()("NotCommitted", {
  ...text,
  /** The tag of the failure that ended the transaction, for example `ConnectionLost`. */
  lost: Schema.String
}) {}

/** The class of each failure. */
export const reasons = {
  DatabaseError,
  DatabaseResuming,
  DatabaseUnavailable,
  DatabaseNotFound,
  HttpEndpointNotEnabled,
  InvalidResourceState,
  InvalidSecret,
  SecretsError,
  StatementTimeout,
  TransactionNotFound,
  NotFound,
  TransactionBusy,
  UnsupportedResult,
  AccessDenied,
  Forbidden,
  BadRequest,
  Validation,
  Throttled,
  Unauthenticated,
  InternalServerError,
  ServiceUnavailable,
  ConnectFailed,
  ConnectionLost,
  UnexpectedResponse,
  InvalidRequest,
  OutcomeUnknown,
  NotCommitted
} satisfies { readonly [Tag in FailureTag]: { readonly prototype: { readonly _tag: Tag } } }

/** Every kind of failure. The union is built when it is first used, so that a program starts faster. */
export const Reason = Schema.suspend(() => Schema.Union(Object.values(reasons)))
export type Reason = typeof Reason.Type

/**
 * A failed Data API call.
 *
 * `reason` is one tagged error for each kind of failure. A caller decides by `didRun` and `isRetryable`. No message of
 * this package holds a parameter's value or a secret, but PostgreSQL's own message may quote text that it could not
 * read (SQLSTATE 22P02), as with every other client.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { DataApi } from "alex-database/data-api"
 *
 * const count = Effect.gen(function*() {
 *   const api = yield* DataApi
 *   return yield* api.executeStatement({ sql: "select count(*) from users" })
 * }).pipe(Effect.catchReason("DataApiError", "DatabaseResuming", () => Effect.succeed("waking up")))
 * ```
 */
export class DataApiError extends Schema.TaggedError<DataApiError>()("DataApiError", {
  operation: Operation,
  reason: Reason,
  /** The service's id of the request, for AWS support. */
  requestId: Schema.optionalKey(Schema.String)
}) {
  override readonly cause = this.reason

  override get message(): string {
    return `${this.operation}: ${this.reason.message}`
  }

  /** Whether the request ran. See {@link DidRun}. */
  get didRun(): DidRun {
    return didRun(this.reason, this.operation)
  }

  /** Whether the cause may be temporary. It does not say that a retry is safe: see `didRun`. */
  get isRetryable(): boolean {
    return retryOf(this.reason) !== undefined
  }

  /** PostgreSQL's SQLSTATE, five characters, if the database itself refused the statement. */
  get sqlState(): string | undefined {
    return this.reason._tag === "DatabaseError" ? this.reason.sqlState : undefined
  }

  /** The same by the name that clients of PostgreSQL's own protocol give it, and 57014 for `StatementTimeout`. */
  get code(): string | undefined {
    return this.reason._tag === "StatementTimeout" ? "57014" : this.sqlState
  }

  /** The constraint or unique index that the statement violated, if PostgreSQL's message names one. */
  get constraint(): string | undefined {
    return this.reason._tag === "DatabaseError" ? constraintIn(this.reason) : undefined
  }

  /** The column that may not be NULL, if the statement violated that. */
  get column(): string | undefined {
    return this.reason._tag === "DatabaseError" ? columnIn(this.reason) : undefined
  }
}

/** The same failed call with another reason. */
export const because = ({ operation, requestId }: DataApiError, reason: Reason): DataApiError =>
  new DataApiError({ operation, reason, ...(requestId === undefined ? {} : { requestId }) })

const lostTo = ({ reason }: DataApiError): string => (reason._tag === "OutcomeUnknown" ? reason.lost : reason._tag)

/** Turns a failure that may hide a write or a commit into `OutcomeUnknown`; returns any other unchanged. */
export const outcomeUnknown = (error: DataApiError): DataApiError => {
  if (error.didRun !== "unknown" || error.reason._tag === "OutcomeUnknown") return error
  const what =
    error.operation === "CommitTransaction"
      ? "The commit may or may not have happened"
      : "The statement may or may not have run, and was not retried"
  const why = error.reason.message === "" ? "." : `: ${error.reason.message}`
  return because(error, new OutcomeUnknown({ message: `${what}${why}`, lost: lostTo(error) }))
}

/** Turns an unknown outcome before the commit was sent into `NotCommitted`: without a commit nothing was kept. */
export const notCommitted = (error: DataApiError): DataApiError => {
  if (error.didRun !== "unknown") return error
  const what = "The transaction did not commit, because it failed before its commit was sent"
  return because(error, new NotCommitted({ message: `${what}: ${error.reason.message}`, lost: lostTo(error) }))
}
