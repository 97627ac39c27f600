/**
 * The failures of the Data API as data. Each says what happened, whether the statement ran, and whether the same
 * request may succeed later.
 */
import * as Schema from "effect/Schema"
import type { Operation } from "./DataApi.ts"

/**
 * Whether the request reached the database and ran there.
 *
 * - `no`: certainly not; nothing of it took effect, and repeating it is safe.
 * - `yes`: the database ran it. A statement that PostgreSQL refused has left nothing behind, but the answer will not
 *   get better by asking again; a statement whose result could not be returned has taken effect.
 * - `unknown`: the answer was lost. Only a read, or work declared idempotent, may be repeated.
 */
export type DidRun = "no" | "yes" | "unknown"

/** The parts of a database's error message, as the service writes them on one line. */
export interface DatabaseMessage {
  readonly primary: string
  readonly hint?: string
  readonly position?: number
  readonly sqlState?: string
}

const sqlStateOf = /SQLState:\s*([0-9A-Z]{5})\s*$/

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
/** No connection came about: refused, unknown host, TLS. Nothing was sent. */
export class ConnectFailed extends Schema.TaggedError<ConnectFailed>()("ConnectFailed", text) {}
/** The connection broke, or the time ran out, after the request was on its way. */
export class ConnectionLost extends Schema.TaggedError<ConnectionLost>()("ConnectionLost", text) {}
/** The answer is not one of the Data API's: a proxy's page, or a code that nobody documents. */
export class UnexpectedResponse extends Schema.TaggedError<UnexpectedResponse>()("UnexpectedResponse", {
  ...text,
  code: Schema.String,
  status: Schema.Int
}) {}
/** The request could never succeed and was not sent: too long, too large, a value that has no form on the wire. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", text) {}
/** The request may have run, and is neither a read nor declared idempotent, so it was not sent again. */
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

/** Every kind of failure. Put together when there is one: a program that starts pays for what it does not need. */
export const Reason = Schema.suspend(() =>
  Schema.Union([
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
  ])
)
export type Reason = typeof Reason.Type

const ranOrNot = (reason: Reason, operation: Operation): DidRun => {
  switch (reason._tag) {
    case "DatabaseError":
      // A login that was refused, a database that does not exist, a connection that could not be had and a server that
      // is starting come before any statement; a serialization failure or deadlock has rolled everything back.
      return /^(28|3D|53|57P03|40001|40P01)/.test(reason.sqlState ?? "") ? "no" : "yes"
    case "UnsupportedResult":
      return "yes"
    case "StatementTimeout":
      return reason.continues === true ? "yes" : "no"
    case "DatabaseUnavailable":
    case "InternalServerError":
    case "ServiceUnavailable":
    case "ConnectionLost":
    case "UnexpectedResponse":
    case "OutcomeUnknown":
      return "unknown"
    case "TransactionNotFound":
    case "NotFound":
      return operation === "CommitTransaction" ? "unknown" : "no"
    default:
      return "no"
  }
}

const retryable = (reason: Reason): boolean => {
  switch (reason._tag) {
    case "DatabaseResuming":
    case "DatabaseUnavailable":
    case "TransactionBusy":
    case "Throttled":
    case "InternalServerError":
    case "ServiceUnavailable":
    case "ConnectFailed":
    case "ConnectionLost":
    case "NotCommitted":
      return true
    case "UnexpectedResponse":
      return reason.status >= 500
    case "DatabaseError":
      // 28P01: the secret is being rotated; 53300: too many connections; 57P0x: the server is starting or stopping.
      return /^(28P01|53300|57P0[123]|40001|40P01|55P03)$/.test(reason.sqlState ?? "")
    default:
      return false
  }
}

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
  operation: Schema.Literals([
    "ExecuteStatement",
    "BatchExecuteStatement",
    "BeginTransaction",
    "CommitTransaction",
    "RollbackTransaction"
  ]),
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
    return ranOrNot(this.reason, this.operation)
  }

  /** Whether the cause may pass. That repeating is safe, only `didRun` says. */
  get isRetryable(): boolean {
    return retryable(this.reason)
  }

  /** PostgreSQL's five characters, where the database itself refused. */
  get sqlState(): string | undefined {
    return this.reason._tag === "DatabaseError" ? this.reason.sqlState : undefined
  }
}

/** The service's exception codes and HTTP statuses, for those reasons that have one of their own. */
export const wireCodes = {
  DatabaseError: { code: "DatabaseErrorException", status: 400 },
  DatabaseResuming: { code: "DatabaseResumingException", status: 400 },
  DatabaseUnavailable: { code: "DatabaseUnavailableException", status: 504 },
  DatabaseNotFound: { code: "DatabaseNotFoundException", status: 404 },
  HttpEndpointNotEnabled: { code: "HttpEndpointNotEnabledException", status: 400 },
  InvalidResourceState: { code: "InvalidResourceStateException", status: 400 },
  InvalidSecret: { code: "InvalidSecretException", status: 400 },
  SecretsError: { code: "SecretsErrorException", status: 400 },
  StatementTimeout: { code: "StatementTimeoutException", status: 400 },
  TransactionNotFound: { code: "TransactionNotFoundException", status: 404 },
  NotFound: { code: "NotFoundException", status: 404 },
  // The service has no code of its own for it: the sentence in the message is what tells.
  TransactionBusy: { code: "DatabaseErrorException", status: 400 },
  UnsupportedResult: { code: "UnsupportedResultException", status: 400 },
  AccessDenied: { code: "AccessDeniedException", status: 403 },
  Forbidden: { code: "ForbiddenException", status: 403 },
  BadRequest: { code: "BadRequestException", status: 400 },
  Validation: { code: "ValidationException", status: 400 },
  Throttled: { code: "ThrottlingException", status: 400 },
  ServiceUnavailable: { code: "ServiceUnavailableError", status: 503 }
} as const satisfies Partial<Record<Reason["_tag"], { readonly code: string; readonly status: number }>>

const unauthenticated = new Set([
  "ExpiredTokenException",
  "ExpiredToken",
  "UnrecognizedClientException",
  "InvalidSignatureException",
  "SignatureDoesNotMatch",
  "MissingAuthenticationTokenException",
  "MissingAuthenticationToken",
  "IncompleteSignature",
  "IncompleteSignatureException",
  "InvalidClientTokenId"
])

const throttled = new Set([
  "ThrottlingException",
  "Throttling",
  "ThrottledException",
  "TooManyRequestsException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "RequestThrottledException",
  "SlowDown"
])

/** What the service's answer says, before it is a {@link Reason}. */
export interface WireFailure {
  /** The exception's name; empty when the answer had none. */
  readonly code: string
  readonly status: number
  readonly message: string
  readonly dbConnectionId?: number | undefined
}

/**
 * The reason that stands for a failed answer of the service.
 *
 * @example
 * ```ts
 * import { reasonOf } from "alex-database/data-api"
 *
 * reasonOf({ code: "DatabaseErrorException", status: 400, message: "ERROR: division by zero; SQLState: 22012" })._tag
 * // "DatabaseError"
 * ```
 */
export const reasonOf = ({ code, dbConnectionId, message, status }: WireFailure): Reason => {
  const said = (fallback: string) => ({ message: message === "" || message === "UnknownError" ? fallback : message })
  switch (code) {
    case "DatabaseErrorException":
      return message.includes("Transaction is still running a query")
        ? new TransactionBusy({ message })
        : DatabaseError.fromMessage(message)
    case "DatabaseResumingException":
      return new DatabaseResuming(said("The database is resuming after being paused."))
    case "DatabaseUnavailableException":
      return new DatabaseUnavailable(said("The database's writer is not available."))
    case "DatabaseNotFoundException":
      return new DatabaseNotFound(said("The cluster has no database instance."))
    case "HttpEndpointNotEnabledException":
      return new HttpEndpointNotEnabled(said("The Data API is not enabled for this cluster."))
    case "InvalidResourceStateException":
      return new InvalidResourceState(said("The cluster is in a state that takes no calls."))
    case "InvalidSecretException":
      return new InvalidSecret(said("The secret holds no usable user name and password."))
    case "SecretsErrorException":
      return new SecretsError(said("The secret could not be read."))
    case "StatementTimeoutException":
      return new StatementTimeout({
        ...said("The statement timed out."),
        ...(dbConnectionId === undefined ? {} : { dbConnectionId })
      })
    case "TransactionNotFoundException":
      return new TransactionNotFound(said("The transaction was not found."))
    case "NotFoundException":
      return new NotFound(said("The cluster, the secret or the transaction was not found."))
    case "UnsupportedResultException":
      return new UnsupportedResult(said("The result can't be returned."))
    case "AccessDeniedException":
      return new AccessDenied(said("Access is denied."))
    case "ForbiddenException":
      return new Forbidden(said("The caller lacks a privilege."))
    case "BadRequestException":
      return sqlStateOf.test(message)
        ? DatabaseError.fromMessage(message)
        : new BadRequest(said("The request was refused."))
    case "ValidationException":
    case "SerializationException":
      return new Validation(said("The request is not valid."))
    case "InternalServerErrorException":
    case "InternalFailure":
    case "InternalServerError":
      return new InternalServerError({ ...said("The service failed inside."), code })
    case "ServiceUnavailableError":
    case "ServiceUnavailable":
    case "ServiceUnavailableException":
      return new ServiceUnavailable(said("The service is not available at the moment."))
  }
  if (unauthenticated.has(code))
    return new Unauthenticated({ ...said("The request's credentials were refused."), code })
  if (throttled.has(code) || status === 429) return new Throttled(said("Rate exceeded"))
  return new UnexpectedResponse({ ...said(`HTTP ${status} without a reason`), code, status })
}
