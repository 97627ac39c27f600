/**
 * The failures of the Data API as data. Each says what happened, whether the statement ran, and whether the same
 * request may succeed later.
 */
import * as Schema from "effect/Schema"
import { type DidRun, didRun, type FailureTag, retryOf } from "./FailureTable.ts"
import { Operation } from "./Operation.ts"

export type { DidRun } from "./FailureTable.ts"

/** The parts of a database's error message, as the service writes them on one line. */
export interface DatabaseMessage {
  readonly primary: string
  readonly hint?: string
  readonly position?: number
  readonly sqlState?: string
}

/**
 * Takes the service's one-line message apart: `ERROR: primary; Hint: h; Position: 8; SQLState: 42601`.
 *
 * Known parts are peeled from the right, since the primary message may itself hold `; ` and `: `. The older form,
 * with a line break before each part, reads the same.
 *
 * @example
 * ```ts
 * import { parseDatabaseMessage } from "alex-database/data-api"
 *
 * parseDatabaseMessage("ERROR: relation \"t\" does not exist; Position: 15; SQLState: 42P01")
 * // { primary: "relation \"t\" does not exist", position: 15, sqlState: "42P01" }
 * ```
 */
export const parseDatabaseMessage = (message: string): DatabaseMessage => {
  let rest = message.trim()
  const peel = (pattern: RegExp): string | undefined => {
    const match = pattern.exec(rest)
    if (match === null) return undefined
    rest = rest.slice(0, match.index).trimEnd()
    return match[1]
  }
  const sqlState = peel(/(?:;\s*|\s+|^)SQLState:\s*([0-9A-Z]{5})\s*$/)
  peel(/(?:;|\n)\s*Where:\s*([\s\S]*)$/)
  const at = peel(/(?:;|\n)\s*Position:\s*(\d+)\s*$/)
  const position = at === undefined ? undefined : Number(at)
  const hint = peel(/(?:;|\n)\s*Hint:\s*((?:(?!(?:;|\n)\s*Hint:)[\s\S])*)$/)
  peel(/\n\s*Detail:\s*([\s\S]*)$/)
  return {
    primary: rest.replace(/^(?:ERROR|FATAL|PANIC):\s*/, ""),
    ...(hint === undefined ? {} : { hint }),
    ...(position === undefined ? {} : { position }),
    ...(sqlState === undefined ? {} : { sqlState })
  }
}

const text = { message: Schema.String }

/** The database refused the statement; `message` is the service's own line, the other members are taken from it. */
export class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", {
  ...text,
  primary: Schema.String,
  hint: Schema.optionalKey(Schema.String),
  position: Schema.optionalKey(Schema.Int),
  sqlState: Schema.optionalKey(Schema.String)
}) {
  /** Reads the parts out of the service's line. */
  static readonly fromMessage = (message: string): DatabaseError =>
    new DatabaseError({ message, ...parseDatabaseMessage(message) })
}
/** The instance was paused and is resuming; nothing was run. Ask again for up to a minute. */
export class DatabaseResuming extends Schema.TaggedError<DatabaseResuming>()("DatabaseResuming", text) {}
/** The writer could not be reached: restarting, or failing over. */
export class DatabaseUnavailable extends Schema.TaggedError<DatabaseUnavailable>()("DatabaseUnavailable", text) {}
/** The cluster has no instance. */
export class DatabaseNotFound extends Schema.TaggedError<DatabaseNotFound>()("DatabaseNotFound", text) {}
/** The Data API is off for this cluster, or the ARN is not a cluster in this region. */
export class HttpEndpointNotEnabled extends Schema.TaggedError<HttpEndpointNotEnabled>()(
  "HttpEndpointNotEnabled",
  text
) {}
/** The cluster is in a state in which it takes no calls. */
export class InvalidResourceState extends Schema.TaggedError<InvalidResourceState>()("InvalidResourceState", text) {}
/** The secret has no usable user name and password. */
export class InvalidSecret extends Schema.TaggedError<InvalidSecret>()("InvalidSecret", text) {}
/** The secret is missing, can't be decrypted, or could not be fetched in time. */
export class SecretsError extends Schema.TaggedError<SecretsError>()("SecretsError", text) {}
/** The statement ran into the limit of 45 seconds: it was cancelled, or goes on if that was asked for. */
export class StatementTimeout extends Schema.TaggedError<StatementTimeout>()("StatementTimeout", {
  ...text,
  dbConnectionId: Schema.optionalKey(Schema.Int),
  /** The request had `continueAfterTimeout`, so the statement runs on. */
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
/** The service failed inside (500). An infinite date or timestamp in a result also ends this way. */
export class InternalServerError extends Schema.TaggedError<InternalServerError>()("InternalServerError", {
  ...text,
  /** `InternalServerErrorException`, or the unmodelled `InternalFailure`. */
  code: Schema.String
}) {}
/** The service is not available at the moment (503). */
export class ServiceUnavailable extends Schema.TaggedError<ServiceUnavailable>()("ServiceUnavailable", text) {}
/** No connection was established: refused, unknown host, TLS. Nothing was sent. */
export class ConnectFailed extends Schema.TaggedError<ConnectFailed>()("ConnectFailed", text) {}
/** The connection broke, or the time ran out, after the request was on its way. */
export class ConnectionLost extends Schema.TaggedError<ConnectionLost>()("ConnectionLost", text) {}
/** The answer is not one of the Data API's: a proxy's page, or an undocumented code. */
export class UnexpectedResponse extends Schema.TaggedError<UnexpectedResponse>()("UnexpectedResponse", {
  ...text,
  code: Schema.String,
  status: Schema.Int
}) {}
/** The request could never succeed and was not sent: too long, too large, a value that has no form on the wire. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", text) {}
/** The request may have run, and is neither a read nor declared idempotent, so it was not retried. */
export class OutcomeUnknown extends Schema.TaggedError<OutcomeUnknown>()("OutcomeUnknown", {
  ...text,
  /** The tag of the failure that hid the outcome, for example `ConnectionLost`. */
  lost: Schema.String
}) {}

/** The transaction failed before its commit was sent: whatever its statements did, nothing of it was kept. */
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

/** Every kind of failure. Put together when there is one: a program that starts pays for what it does not need. */
export const Reason = Schema.suspend(() => Schema.Union(Object.values(reasons)))
export type Reason = typeof Reason.Type

/**
 * A failed Data API call.
 *
 * `reason` is one tagged error for each kind of failure; `didRun` and `isRetryable` are what a caller decides by.
 * No message written here holds a parameter's value or a secret. The database's own sentence may quote text that it
 * could not read (SQLSTATE 22P02), as it does on every other way to PostgreSQL.
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
  /** The service's id of the request, to be quoted to AWS. */
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

  /** Whether the cause may pass. That repeating is safe, only `didRun` says. */
  get isRetryable(): boolean {
    return retryOf(this.reason) !== undefined
  }

  /** PostgreSQL's five characters, where the database itself refused. */
  get sqlState(): string | undefined {
    return this.reason._tag === "DatabaseError" ? this.reason.sqlState : undefined
  }
}

/** The same failed call with another reason. */
const because = ({ operation, requestId }: DataApiError, reason: Reason): DataApiError =>
  new DataApiError({ operation, reason, ...(requestId === undefined ? {} : { requestId }) })

const lostTo = ({ reason }: DataApiError): string => (reason._tag === "OutcomeUnknown" ? reason.lost : reason._tag)

/** A failure that leaves open whether a write or a commit happened says so; any other stays what it is. */
export const outcomeUnknown = (error: DataApiError): DataApiError => {
  if (error.didRun !== "unknown" || error.reason._tag === "OutcomeUnknown") return error
  const what =
    error.operation === "CommitTransaction"
      ? "The commit may or may not have happened"
      : "The statement may or may not have run, and was not retried"
  return because(error, new OutcomeUnknown({ message: `${what}: ${error.reason.message}`, lost: lostTo(error) }))
}

/** A failure before the commit was sent: the transaction did not commit, even if a statement's answer was lost. */
export const notCommitted = (error: DataApiError): DataApiError => {
  if (error.didRun !== "unknown") return error
  const what = "The transaction did not commit, because it failed before its commit was sent"
  return because(error, new NotCommitted({ message: `${what}: ${error.reason.message}`, lost: lostTo(error) }))
}
