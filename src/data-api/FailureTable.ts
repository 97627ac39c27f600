/**
 * Every failure of the Data API in one table: what it is on the wire, whether the statement ran, whether it is retried,
 * what it means and what to do. A second table says the same of PostgreSQL's own refusals, by their SQLSTATE. Pure.
 */
import type { Operation } from "./Operation.ts"

/**
 * Whether the request reached the database and ran there.
 *
 * - `no`: certainly not; nothing of it took effect, and repeating it is safe.
 * - `yes`: the database ran it. A statement that PostgreSQL refused has left nothing behind, but the answer will not
 *   get better by asking again; a statement whose result could not be returned has taken effect.
 * - `unknown`: the answer was lost. Only a read, or work declared idempotent, may be repeated.
 */
export type DidRun = "no" | "yes" | "unknown"

/**
 * How long `RetryPolicy` retries: for its `budget`, for its `connectBudget`, or for its number of `attempts`. `caller`:
 * the cause may pass, but only the caller can retry.
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
  /** The service's exceptions that mean it; a server sends the first. Empty for what a client notices by itself. */
  readonly codes: readonly [string, ...ReadonlyArray<string>]
  readonly status: number
  /** The service's model gives the exception no message. */
  readonly isSilent?: true
  readonly didRun: DidRun
  /** Where it is another at a commit. */
  readonly atCommit?: DidRun
  /** Absent: a retry would fail as well. */
  readonly retry?: Retry
  readonly sqlError: SqlErrorTag
  readonly meaning: string
  readonly advice: string
}

const connection = { sqlError: "ConnectionError" } as const
const inside = { codes: ["InternalServerErrorException"], status: 500, isSilent: true } as const

/** By the tag of the reason. */
export const failures = {
  DatabaseError: {
    codes: ["DatabaseErrorException"],
    status: 400,
    didRun: "yes",
    sqlError: "UnknownError",
    meaning: "PostgreSQL refused the statement, and kept nothing of it.",
    advice: "`sqlState` says why. Retry 40001 and 40P01 with `DataApiSql.retryTransaction`."
  },
  DatabaseResuming: {
    codes: ["DatabaseResumingException"],
    status: 400,
    didRun: "no",
    retry: "budget",
    ...connection,
    meaning: "The database is resuming after being paused.",
    advice: 'It is retried for 90 seconds. For longer: `RetryPolicy.layer({ budget: "5 minutes" })`.'
  },
  DatabaseUnavailable: {
    codes: ["DatabaseUnavailableException"],
    status: 504,
    isSilent: true,
    didRun: "unknown",
    retry: "attempts",
    ...connection,
    meaning: "The database's writer is not available: it is restarting or failing over.",
    advice: "Reads are retried. Check the cluster's status."
  },
  DatabaseNotFound: {
    codes: ["DatabaseNotFoundException"],
    status: 404,
    didRun: "no",
    ...connection,
    meaning: "The cluster has no database instance.",
    advice: "Add an instance of class `db.serverless`."
  },
  HttpEndpointNotEnabled: {
    codes: ["HttpEndpointNotEnabledException"],
    status: 400,
    didRun: "no",
    ...connection,
    meaning: "The Data API is not enabled for this cluster, or there is no such cluster in this region.",
    advice: "Check ARN and region, then enable the Data API. `alex-db check` tells which it is."
  },
  InvalidResourceState: {
    codes: ["InvalidResourceStateException"],
    status: 400,
    didRun: "no",
    ...connection,
    meaning: "The cluster is in a state that takes no calls.",
    advice: "Start it, or wait until its modification is complete."
  },
  InvalidSecret: {
    codes: ["InvalidSecretException"],
    status: 400,
    didRun: "no",
    sqlError: "AuthenticationError",
    meaning: "The secret holds no usable user name and password.",
    advice: "Its text must be JSON with `username` and `password`."
  },
  SecretsError: {
    codes: ["SecretsErrorException"],
    status: 400,
    didRun: "no",
    sqlError: "AuthenticationError",
    meaning: "The secret could not be read.",
    advice: "Check its ARN and region, and that its key may be used to decrypt it."
  },
  StatementTimeout: {
    codes: ["StatementTimeoutException"],
    status: 400,
    didRun: "no",
    sqlError: "StatementTimeoutError",
    meaning: "The statement timed out after 45 seconds.",
    advice: "Add an index, work in smaller steps, or set `continueAfterTimeout`; the statement then runs on."
  },
  TransactionNotFound: {
    codes: ["TransactionNotFoundException"],
    status: 404,
    didRun: "no",
    atCommit: "unknown",
    sqlError: "UnknownError",
    meaning:
      "The transaction was not found: it has ended, or expired after 3 minutes without a call or 24 hours in all.",
    advice: "Retry the whole transaction, with less time between its calls."
  },
  NotFound: {
    codes: ["NotFoundException"],
    status: 404,
    didRun: "no",
    atCommit: "unknown",
    sqlError: "UnknownError",
    meaning: "The cluster, the secret or the transaction was not found.",
    advice: "Check the ARNs. If they are right, the transaction has expired."
  },
  TransactionBusy: {
    // The service has no exception of its own for it: the sentence in the message tells.
    codes: ["DatabaseErrorException"],
    status: 400,
    didRun: "no",
    retry: "budget",
    sqlError: "UnknownError",
    meaning: "Another statement of the transaction is still running.",
    advice: "Run the statements of a transaction one after another. The driver does so for its own."
  },
  UnsupportedResult: {
    codes: ["UnsupportedResultException"],
    status: 400,
    didRun: "yes",
    sqlError: "UnknownError",
    meaning: "The statement took effect, but its result can't be returned.",
    advice: "Cast the column to text, or read a large result with `sql.stream`."
  },
  AccessDenied: {
    codes: ["AccessDeniedException"],
    status: 403,
    didRun: "no",
    sqlError: "AuthorizationError",
    meaning: "IAM denies the caller this action on this cluster.",
    advice: "Give the caller's role the policy of the guide on Aurora."
  },
  Forbidden: {
    codes: ["ForbiddenException"],
    status: 403,
    didRun: "no",
    sqlError: "AuthorizationError",
    meaning: "The caller lacks a privilege.",
    advice: "Give the caller's role the policy of the guide on Aurora."
  },
  BadRequest: {
    codes: ["BadRequestException"],
    status: 400,
    didRun: "no",
    sqlError: "UnknownError",
    meaning: "The service refused the request.",
    advice: "The message says why."
  },
  Validation: {
    codes: ["ValidationException", "SerializationException"],
    status: 400,
    didRun: "no",
    sqlError: "UnknownError",
    meaning: "The request is not valid.",
    advice: "Send one statement at a time, without `schema`, and names within their limits."
  },
  Throttled: {
    codes: [
      "ThrottlingException",
      "Throttling",
      "ThrottledException",
      "TooManyRequestsException",
      "RequestLimitExceeded",
      "RequestThrottled",
      "RequestThrottledException",
      "SlowDown"
    ],
    status: 400,
    didRun: "no",
    retry: "budget",
    ...connection,
    meaning: "Rate exceeded",
    advice: "It is retried for 90 seconds. Send fewer requests at a time."
  },
  Unauthenticated: {
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
      "InvalidClientTokenId"
    ],
    status: 403,
    didRun: "no",
    sqlError: "AuthenticationError",
    meaning: "The request's credentials were refused.",
    advice: "Renew them (`aws sso login`), and check this machine's clock."
  },
  InternalServerError: {
    codes: ["InternalServerErrorException", "InternalFailure", "InternalServerError"],
    status: 500,
    isSilent: true,
    didRun: "unknown",
    retry: "attempts",
    ...connection,
    meaning: "The service failed inside.",
    advice: "Reads are retried. An infinite date or timestamp in a result causes it too: cast it to text."
  },
  ServiceUnavailable: {
    codes: ["ServiceUnavailableError", "ServiceUnavailable", "ServiceUnavailableException"],
    status: 503,
    isSilent: true,
    didRun: "unknown",
    retry: "attempts",
    ...connection,
    meaning: "The service is not available at the moment.",
    advice: "Reads are retried."
  },
  ConnectFailed: {
    ...inside,
    didRun: "no",
    retry: "connectBudget",
    ...connection,
    meaning: "No connection was established; nothing was sent.",
    advice: "It is retried for 15 seconds. Check network, proxy, region and endpoint."
  },
  ConnectionLost: {
    ...inside,
    didRun: "unknown",
    retry: "attempts",
    ...connection,
    meaning: "The connection broke, or no answer came in time.",
    advice: "Reads are retried. A write fails with `OutcomeUnknown`."
  },
  UnexpectedResponse: {
    ...inside,
    didRun: "unknown",
    ...connection,
    meaning: "The answer is not one of the Data API's.",
    advice: "Check what answers at the endpoint: a proxy, perhaps. Reads are retried where the status is 500 or more."
  },
  InvalidRequest: {
    codes: ["ValidationException"],
    status: 400,
    didRun: "no",
    sqlError: "UnknownError",
    meaning: "The request could never succeed, and was not sent.",
    advice: "The message says what to do."
  },
  OutcomeUnknown: {
    ...inside,
    didRun: "unknown",
    ...connection,
    meaning: "The answer to a write or a commit was lost, and it was not retried.",
    advice:
      "Check what is stored, then decide; or declare writes `RetryPolicy.idempotent`. For commits `DataApiSql.layer({ resolveCommit: true })` checks for you."
  },
  NotCommitted: {
    ...inside,
    didRun: "no",
    retry: "caller",
    ...connection,
    meaning: "The transaction failed before its commit was sent, so nothing of it was kept.",
    advice: "Retry the whole transaction."
  }
} as const satisfies Readonly<Record<string, Failure>>

/** The tag of a failure, for example `ConnectionLost`. */
export type FailureTag = keyof typeof failures

const isTag = (tag: string): tag is FailureTag => Object.hasOwn(failures, tag)

/** The failure of each of the service's exceptions. */
const tagsOfCodes = (): ReadonlyMap<string, FailureTag> => {
  const tags = new Map<string, FailureTag>()
  for (const tag of Object.keys(failures).filter(isTag)) {
    for (const code of failures[tag].codes) if (!tags.has(code)) tags.set(code, tag)
  }
  return tags
}
let known: ReadonlyMap<string, FailureTag> | undefined

/** The failure that an exception of the service means, if it is a known one. */
export const tagOfCode = (code: string): FailureTag | undefined => {
  known ??= tagsOfCodes()
  return known.get(code)
}

/** What an SQLSTATE means for the statement that met it. */
export interface SqlStateMeaning {
  readonly didRun: DidRun
  readonly retry?: Retry
  /** The tag of the reason of `effect/sql`, as `@effect/sql-pg` has it but for lost connections. */
  readonly sqlError:
    | SqlErrorTag
    | "SqlSyntaxError"
    | "UniqueViolation"
    | "ConstraintError"
    | "DeadlockError"
    | "SerializationError"
    | "LockTimeoutError"
}

/** PostgreSQL ran the statement as far as it could, and kept nothing of it. */
const refused = { didRun: "yes", sqlError: "UnknownError" } as const
const notConnected = { didRun: "no", retry: "attempts", sqlError: "ConnectionError" } as const
const connectionLost = { didRun: "unknown", retry: "attempts", sqlError: "ConnectionError" } as const

/** The first that a state begins with counts. */
const sqlStates: ReadonlyArray<readonly [beginning: string, SqlStateMeaning]> = [
  // No connection was established: refused, too many of them, or the server is starting or stopping.
  ["08001", notConnected],
  ["08004", notConnected],
  ["53300", notConnected],
  ["57P03", notConnected],
  // A statement that the protocol does not allow, with too few parameters for one, was refused.
  ["08P01", { didRun: "yes", sqlError: "ConnectionError" }],
  ["08", connectionLost],
  // The server ended the session between two statements, so this one was not read.
  ["57P05", notConnected],
  ["25P03", { didRun: "no", retry: "caller", sqlError: "ConnectionError" }],
  // The server ended the session (shutdown, crash of another session, database dropped), perhaps right after the
  // statement had committed.
  ["57P01", connectionLost],
  ["57P02", connectionLost],
  ["57P04", { didRun: "unknown", sqlError: "ConnectionError" }],
  ["40003", { didRun: "unknown", sqlError: "UnknownError" }],
  // Everything was rolled back: only the whole transaction can be retried.
  ["40001", { didRun: "no", retry: "caller", sqlError: "SerializationError" }],
  ["40P01", { didRun: "no", retry: "caller", sqlError: "DeadlockError" }],
  // 28P01 also while a secret is being rotated.
  ["28P01", { didRun: "no", retry: "attempts", sqlError: "AuthenticationError" }],
  ["28", { didRun: "no", sqlError: "AuthenticationError" }],
  ["3D", { didRun: "no", sqlError: "UnknownError" }],
  ["42501", { didRun: "yes", sqlError: "AuthorizationError" }],
  ["42", { didRun: "yes", sqlError: "SqlSyntaxError" }],
  ["23505", { didRun: "yes", sqlError: "UniqueViolation" }],
  ["23", { didRun: "yes", sqlError: "ConstraintError" }],
  ["55P03", { didRun: "yes", retry: "caller", sqlError: "LockTimeoutError" }],
  ["57014", { didRun: "yes", sqlError: "StatementTimeoutError" }]
]

/**
 * What PostgreSQL's refusal means for the statement.
 *
 * @example
 * ```ts
 * import { ofSqlState } from "./FailureTable.ts"
 *
 * ofSqlState("57P03") // { didRun: "no", retry: "attempts", sqlError: "ConnectionError" }
 * ```
 */
export const ofSqlState = (sqlState: string): SqlStateMeaning =>
  sqlStates.find(([beginning]) => sqlState.startsWith(beginning))?.[1] ?? refused

/** As much of a failure as decides whether it ran and whether it is retried. */
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

/** How the request is retried, if it is safe to; undefined where a retry would fail as well. */
export const retryOf = (reason: Met): Retry | undefined => {
  const failure: Failure = failures[reason._tag]
  if (reason._tag === "DatabaseError") return ofSqlState(reason.sqlState ?? "").retry
  if (reason._tag === "UnexpectedResponse" && reason.status !== undefined && reason.status >= 500) return "attempts"
  return failure.retry
}
