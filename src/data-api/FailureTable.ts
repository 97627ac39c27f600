/**
 * Every failure of the Data API in one table: its form on the wire, whether the statement ran, whether it is retried,
 * what it means and what to do. A second table says the same of PostgreSQL's own errors, by SQLSTATE. Pure.
 */
import * as Rec from "effect/Record"
import type { Operation } from "./Operation.ts"

/**
 * Whether the request reached the database and ran there.
 *
 * - `no`: certainly not; nothing of it took effect, and a retry is safe.
 * - `yes`: the database ran it. A statement that PostgreSQL refused changed nothing, but a retry would fail as well; a
 *   statement whose result could not be returned has taken effect.
 * - `unknown`: the response was lost. Only a read, or work declared idempotent, may be retried.
 */
export type DidRun = "no" | "yes" | "unknown"

/**
 * How long `RetryPolicy` retries: for its `budget`, for its `connectBudget`, or for its number of `attempts`. `caller`:
 * the cause may be temporary, but only the caller can retry.
 */
export type Retry = "budget" | "connectBudget" | "attempts" | "caller"

/** The tag of the reason of `effect/sql` that a failure is reported as. */
export type SqlErrorTag =
  | "ConnectionError"
  | "AuthenticationError"
  | "AuthorizationError"
  | "StatementTimeoutError"
  | "UnknownError"

/** One failure. */
export interface Failure {
  /** The service's exceptions for this failure; a server sends the first. */
  readonly codes: readonly [string, ...ReadonlyArray<string>]
  readonly status: number
  /** The service's model gives the exception no message. */
  readonly isSilent?: true
  readonly didRun: DidRun
  /** `didRun` of a commit, if it differs. */
  readonly atCommit?: DidRun
  /** Absent: a retry would fail as well. */
  readonly retry?: Retry
  readonly sqlError: SqlErrorTag
  readonly meaning: string
}

/** A failure without its exceptions, if it has the one that is named like it. */
type Entry = Omit<Failure, "codes"> & Partial<Pick<Failure, "codes">>

/** Defaults of most failures: the service refused the request, and a retry would fail as well. */
const usual = { status: 400, didRun: "no", sqlError: "UnknownError" } as const

const failure = (meaning: string, rest: Partial<Failure> = {}): Entry => ({ ...usual, ...rest, meaning })

const connection = { sqlError: "ConnectionError" } as const
const silent = { isSilent: true, ...connection } as const
/** For failures that only a client notices: a server reports them as its internal error. */
const inside: Failure["codes"] = ["InternalServerErrorException"]
const lost = { ...silent, status: 500, didRun: "unknown", codes: inside } as const

const entries = {
  DatabaseError: failure("PostgreSQL refused the statement, and kept nothing of it.", { didRun: "yes" }),
  DatabaseResuming: failure("The database is resuming after being paused.", { ...connection, retry: "budget" }),
  DatabaseUnavailable: failure("The database's writer is not available: it is restarting or failing over.", {
    ...silent,
    status: 504,
    didRun: "unknown",
    retry: "attempts"
  }),
  DatabaseNotFound: failure("The cluster has no database instance.", { ...connection, status: 404 }),
  HttpEndpointNotEnabled: failure(
    "The Data API is not enabled for this cluster, or there is no such cluster in this region.",
    connection
  ),
  InvalidResourceState: failure("The cluster is in a state in which it accepts no calls.", connection),
  InvalidSecret: failure("The secret holds no usable user name and password.", { sqlError: "AuthenticationError" }),
  SecretsError: failure("The secret could not be read.", { sqlError: "AuthenticationError" }),
  StatementTimeout: failure("The statement timed out after 45 seconds.", { sqlError: "StatementTimeoutError" }),
  TransactionNotFound: failure(
    "The transaction was not found: it has ended, or expired after 3 minutes without a call or 24 hours in all.",
    { status: 404, atCommit: "unknown" }
  ),
  NotFound: failure("The cluster, the secret or the transaction was not found.", { status: 404, atCommit: "unknown" }),
  // The service has no exception for it: its message identifies it.
  TransactionBusy: failure("Another statement of the transaction is still running.", {
    retry: "budget",
    codes: ["DatabaseErrorException"]
  }),
  UnsupportedResult: failure("The statement took effect, but its result can't be returned.", { didRun: "yes" }),
  AccessDenied: failure("IAM denies the caller this action on this cluster.", {
    status: 403,
    sqlError: "AuthorizationError",
    codes: ["AccessDeniedException", "AccessDenied", "NotAuthorized", "OptInRequired"]
  }),
  Forbidden: failure("The caller lacks a privilege.", { status: 403, sqlError: "AuthorizationError" }),
  BadRequest: failure("The service refused the request."),
  Validation: failure("The request is not valid.", {
    codes: [
      "ValidationException",
      "SerializationException",
      "ValidationError",
      "MalformedHttpRequestException",
      "RequestEntityTooLargeException",
      "UnknownOperationException"
    ]
  }),
  Throttled: failure("Rate exceeded", {
    ...connection,
    retry: "budget",
    codes: [
      "ThrottlingException",
      "Throttling",
      "ThrottledException",
      "TooManyRequestsException",
      "RequestLimitExceeded",
      "RequestThrottled",
      "RequestThrottledException",
      "SlowDown"
    ]
  }),
  Unauthenticated: failure("The request's credentials were refused.", {
    status: 403,
    sqlError: "AuthenticationError",
    codes: [
      "UnrecognizedClientException",
      "ExpiredTokenException",
      "ExpiredToken",
      "InvalidSignatureException",
      "SignatureDoesNotMatch",
      "MissingAuthenticationTokenException",
      "MissingAuthenticationToken",
      "IncompleteSignature",
      "IncompleteSignatureException",
      "InvalidClientTokenId",
      "InvalidAccessKeyId",
      "AuthFailure",
      "RequestExpired",
      "RequestInTheFuture",
      "RequestTimeTooSkewed"
    ]
  }),
  InternalServerError: failure("The service had an internal error.", {
    ...lost,
    retry: "attempts",
    codes: ["InternalServerErrorException", "InternalFailure", "InternalServerError"]
  }),
  ServiceUnavailable: failure("The service is not available at the moment.", {
    ...silent,
    status: 503,
    didRun: "unknown",
    retry: "attempts",
    codes: ["ServiceUnavailableError", "ServiceUnavailable", "ServiceUnavailableException"]
  }),
  ConnectFailed: failure("No connection was established; nothing was sent.", {
    ...silent,
    status: 500,
    retry: "connectBudget",
    codes: inside
  }),
  ConnectionLost: failure("The connection broke, or no answer came in time.", { ...lost, retry: "attempts" }),
  UnexpectedResponse: failure("The answer is not one of the Data API's.", lost),
  InvalidRequest: failure("The request could never succeed, and was not sent.", { codes: ["ValidationException"] }),
  OutcomeUnknown: failure("The answer to a write or a commit was lost, and it was not retried.", lost),
  NotCommitted: failure("The transaction failed before its commit was sent, so nothing of it was kept.", {
    ...silent,
    status: 500,
    retry: "caller",
    codes: inside
  })
} satisfies Readonly<Record<string, Entry>>

/** Every failure, by the tag of its reason. */
export const failures = /* @__PURE__ */ Rec.map(
  entries,
  (entry, tag): Failure => ({ codes: [`${tag}Exception`], ...entry })
)

/** The tag of a failure, for example `ConnectionLost`. */
export type FailureTag = keyof typeof entries

/** What to do about each failure. Separate from `failures`, so that a bundle that never shows it leaves it out. */
export const failureAdvice: Readonly<Record<FailureTag, string>> = {
  DatabaseError: "`sqlState` says why. Retry 40001 and 40P01 with `DataApiSql.retryTransaction`.",
  DatabaseResuming: 'It is retried for 90 seconds. For longer: `RetryPolicy.layer({ budget: "5 minutes" })`.',
  DatabaseUnavailable: "Reads are retried. Check the cluster's status.",
  DatabaseNotFound: "Add an instance of class `db.serverless`.",
  HttpEndpointNotEnabled:
    "Check ARN and region, then enable the Data API. `alex-db check` says which of these is wrong.",
  InvalidResourceState: "Start it, or wait until its modification is complete.",
  InvalidSecret: "Its text must be JSON with `username` and `password`.",
  SecretsError: "Check its ARN and region, and that its key may be used to decrypt it.",
  StatementTimeout: "Add an index, work in smaller steps, or set `continueAfterTimeout`; the statement then runs on.",
  TransactionNotFound: "Retry the whole transaction, with less time between its calls.",
  NotFound: "Check the ARNs. If they are right, the transaction has expired.",
  TransactionBusy: "Run the statements of a transaction one after another. The driver does so for its own.",
  UnsupportedResult: "Cast the column to text, or read a large result with `sql.stream`.",
  AccessDenied: "Give the caller's role the policy of the guide on Aurora.",
  Forbidden: "Give the caller's role the policy of the guide on Aurora.",
  BadRequest: "The message says why.",
  Validation: "Send one statement at a time, without `schema`, and names within their limits.",
  Throttled: "It is retried for 90 seconds. Send fewer requests at a time.",
  Unauthenticated: "Renew them (`aws sso login`), and check this machine's clock.",
  InternalServerError: "Reads are retried. An infinite date or timestamp in a result causes it too: cast it to text.",
  ServiceUnavailable: "Reads are retried.",
  ConnectFailed: "It is retried for 15 seconds. Check network, proxy, region and endpoint.",
  ConnectionLost: "Reads are retried. A write fails with `OutcomeUnknown`.",
  UnexpectedResponse:
    "Check what responds at the endpoint, for example a proxy. Reads are retried if the status is 500 or more.",
  InvalidRequest: "The message says what to do.",
  OutcomeUnknown:
    "Check what is stored, then decide; or declare writes `RetryPolicy.idempotent`. For commits `DataApiSql.layer({ resolveCommit: true })` checks for you.",
  NotCommitted: "Retry the whole transaction."
}

/** Whether a tag is that of a failure of the Data API. */
export const isFailureTag = (tag: string): tag is FailureTag => Object.hasOwn(failures, tag)

/** The failure of each of the service's exceptions. */
const tagsOfCodes = (): ReadonlyMap<string, FailureTag> => {
  const tags = new Map<string, FailureTag>()
  for (const tag of Object.keys(failures).filter(isFailureTag)) {
    for (const code of failures[tag].codes) if (!tags.has(code)) tags.set(code, tag)
  }
  return tags
}
let known: ReadonlyMap<string, FailureTag> | undefined

/** The failure of one of the service's exceptions, if the exception is known. */
export const tagOfCode = (code: string): FailureTag | undefined => {
  known ??= tagsOfCodes()
  return known.get(code)
}

/** What an SQLSTATE means for the statement that failed with it. */
export interface SqlStateMeaning {
  readonly didRun: DidRun
  readonly retry?: Retry
  /** The tag of the reason of `effect/sql`: the same as `@effect/sql-pg`'s, except for lost connections. */
  readonly sqlError:
    | SqlErrorTag
    | "SqlSyntaxError"
    | "UniqueViolation"
    | "ConstraintError"
    | "DeadlockError"
    | "SerializationError"
    | "LockTimeoutError"
}

const refused = ["", "yes", "UnknownError"] as const

/** The first entry applies that has a beginning of the SQLSTATE. */
const sqlStates: ReadonlyArray<
  readonly [beginnings: string, didRun: DidRun, sqlError: SqlStateMeaning["sqlError"], retry?: Retry]
> = [
  // No connection was established: refused, too many of them, or the server is starting or stopping. 57P05: the server
  // ended the session between two statements, so this one was not read.
  ["08001 08004 53300 57P03 57P05", "no", "ConnectionError", "attempts"],
  // The server ended a transaction that was idle or open for too long, and rolled it back.
  ["25P03 25P04", "no", "ConnectionError", "caller"],
  // PostgreSQL refused a statement that violates the protocol, for example one with too few parameters.
  ["08P01", "yes", "ConnectionError"],
  // The connection broke, or the server ended the session (shutdown, crash of another session, database dropped),
  // perhaps right after the statement had committed.
  ["08 57P01 57P02", "unknown", "ConnectionError", "attempts"],
  ["57P04", "unknown", "ConnectionError"],
  ["40003", "unknown", "UnknownError"],
  // Everything was rolled back: only the whole transaction can be retried.
  ["40001", "no", "SerializationError", "caller"],
  ["40P01", "no", "DeadlockError", "caller"],
  // 28P01 also occurs while a secret is being rotated.
  ["28P01", "no", "AuthenticationError", "attempts"],
  ["28", "no", "AuthenticationError"],
  ["3D", "no", "UnknownError"],
  ["42501", "yes", "AuthorizationError"],
  ["42", "yes", "SqlSyntaxError"],
  ["23505", "yes", "UniqueViolation"],
  ["23", "yes", "ConstraintError"],
  ["55P03", "yes", "LockTimeoutError", "caller"],
  ["57014", "yes", "StatementTimeoutError"]
]

/**
 * What an SQLSTATE of PostgreSQL means for the statement.
 *
 * @example
 * ```ts
 * import { ofSqlState } from "./FailureTable.ts"
 *
 * ofSqlState("57P03") // { didRun: "no", retry: "attempts", sqlError: "ConnectionError" }
 * ```
 */
export const ofSqlState = (sqlState: string): SqlStateMeaning => {
  // With any other SQLSTATE the statement ran until it failed, and nothing of it was kept.
  const isMeant = ([beginnings]: (typeof sqlStates)[number]) =>
    beginnings.split(" ").some((beginning) => sqlState.startsWith(beginning))
  const [, didRun, sqlError, retry] = sqlStates.find(isMeant) ?? refused
  return { didRun, sqlError, ...(retry === undefined ? {} : { retry }) }
}

/** The members of a failure that decide whether the request ran and whether it is retried. */
interface Met {
  readonly _tag: FailureTag
  readonly sqlState?: string
  readonly continues?: boolean
  readonly status?: number
}

/** Whether the request ran. */
export const didRun = (reason: Met, operation: Operation): DidRun => {
  const failure: Failure = failures[reason._tag]
  if (reason._tag === "DatabaseError") return ofSqlState(reason.sqlState ?? "").didRun
  if (reason.continues === true) return "yes"
  return operation === "CommitTransaction" ? (failure.atCommit ?? failure.didRun) : failure.didRun
}

/** How the request is retried if that is safe; undefined if a retry would fail as well. */
export const retryOf = (reason: Met): Retry | undefined => {
  const failure: Failure = failures[reason._tag]
  if (reason._tag === "DatabaseError") return ofSqlState(reason.sqlState ?? "").retry
  if (reason._tag === "UnexpectedResponse" && reason.status !== undefined && reason.status >= 500) return "attempts"
  return failure.retry
}
