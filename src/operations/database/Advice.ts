/** Turns a failure into what is wrong and how to fix it, for every misconfiguration of the access to a database. */
import { Predicate } from "effect"
import { SqlError } from "effect/sql"
import { adviceOnFailure } from "./DataApiAdvice.ts"
import { dataApiReasonOf, dependentObjectsOf, messageOf, routineOf, sqlStateOf } from "./DatabaseFailure.ts"
import { fixOfState, operationAdvice, unknownFix } from "./OperationAdvice.ts"
import { adviceOnSqlState, fixOfMigration } from "./SqlStateAdvice.ts"

/** What is wrong, in one sentence, and what to do. `code` names the case for programs. */
export interface Advice {
  readonly code: string
  readonly problem: string
  readonly fix: string
}

/** The configuration of the cluster, if there is one; it tells some failures apart. */
export interface Cluster {
  readonly clusterArn: string
  readonly region: string
  readonly database: string
}

/** The code of a socket or of TLS, found anywhere below an error. */
const socketCode = (error: unknown, depth = 0): string | undefined => {
  if (depth > 8 || !Predicate.isObject(error)) return undefined
  const code = Predicate.hasProperty(error, "code") ? error.code : undefined
  // A missing file has the same code as a missing socket, but its call is not `connect`.
  const isFile = code === "ENOENT" && !(Predicate.hasProperty(error, "syscall") && error.syscall === "connect")
  if (typeof code === "string" && !isFile && /^E[A-Z]{3,}|^ERR_|CERT|^UNABLE_TO_/.test(code)) return code
  const next = Predicate.hasProperty(error, "reason") ? error.reason : undefined
  return (
    socketCode(next, depth + 1) ??
    socketCode(Predicate.hasProperty(error, "cause") ? error.cause : undefined, depth + 1)
  )
}

const unresolved: Advice = {
  code: "network",
  problem: "The host's name can't be resolved",
  fix: "Correct the host, or the network"
}

const unanswered: Advice = {
  code: "network",
  problem: "The server in DATABASE_URL does not answer",
  fix: "Check the address, and whether a firewall or a security group lets this machine through"
}

const bySocketCode: Readonly<Record<string, Advice>> = {
  ECONNREFUSED: {
    code: "network",
    problem: "Nothing listens at the address in DATABASE_URL",
    fix: "Start PostgreSQL there, or correct host and port"
  },
  ENOENT: {
    code: "network",
    problem: "There is no PostgreSQL at the socket in DATABASE_URL",
    fix: "Start PostgreSQL there, or correct the folder and the port"
  },
  ENOTFOUND: unresolved,
  EAI_AGAIN: unresolved,
  ETIMEDOUT: unanswered,
  ECONNRESET: {
    code: "network",
    problem: "The server in DATABASE_URL closed the connection",
    fix: "Check that PostgreSQL is what listens there, and whether it asks for TLS (sslmode=require)"
  }
}

const onSocket = (code: string): Advice | undefined => {
  if (!/CERT|^UNABLE_TO_|^ERR_TLS/.test(code)) return Object.hasOwn(bySocketCode, code) ? bySocketCode[code] : undefined
  return {
    code: "tls",
    problem: `The server's certificate can't be verified: ${code}`,
    fix: "Set NODE_EXTRA_CA_CERTS in the environment to the file of its authority, for Amazon RDS global-bundle.pem"
  }
}

const notPostgres: Advice = {
  code: "not-postgres",
  problem: "What answers at the address in DATABASE_URL is not PostgreSQL",
  fix: "Correct host and port: PostgreSQL listens on 5432, unless its configuration says otherwise"
}

/**
 * Whether a message's length is really four bytes of text or of a TLS record; PostgreSQL has no message of a gigabyte.
 */
const isNoLength = (length: number): boolean => {
  const bytes = [24, 16, 8, 0].map((shift) => (length >>> shift) & 0xff)
  const isText = bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x0d)
  return isText || length > 0x4000_0000 || (bytes[0] === 3 && (bytes[1] ?? 9) <= 4)
}

/** Messages of `@effect/sql-pg` about a connection, which have no code. */
const byDriversWords: Readonly<Record<string, Advice>> = {
  "Connection timed out": unanswered,
  "Connection closed": {
    code: "closed",
    problem: "The server closed the connection while a statement or a transaction was in progress",
    fix: "Run the command again; if it happens each time, read the server's log, and look at the role's idle_in_transaction_session_timeout"
  },
  "Connection closed unexpectedly": {
    code: "network",
    problem: "The server in DATABASE_URL closed the connection",
    fix: "Check that PostgreSQL is what listens there, whether it asks for TLS (sslmode=require), and its log"
  },
  "The server requested password authentication": {
    code: "password",
    problem: "The server asks for a password, and DATABASE_URL has none",
    fix: "Write it after the user's name: postgres://user:password@host/database"
  },
  "The server does not support TLS": {
    code: "tls",
    problem: "DATABASE_URL asks for TLS, and the server has none",
    fix: "Turn on ssl in the server's configuration, or take sslmode out of DATABASE_URL where the network is trusted"
  }
}

/** Advice on messages of `@effect/sql-pg` about bytes that it could not parse. */
const onProtocol = (message: string): Advice | undefined => {
  const length = /^Message length (\d+) exceeds/.exec(message)?.[1]
  if (length !== undefined && !isNoLength(Number(length))) {
    return {
      code: "too-large",
      problem: `One message of the database has ${length} bytes, more than the driver takes`,
      fix: "Read large values in parts, for example with substr"
    }
  }
  if (length !== undefined || /^Invalid message length/.test(message)) return notPostgres
  if (/^Authentication method \d+ is not supported/.test(message)) {
    return {
      code: "authentication",
      problem: "The server in DATABASE_URL asks for a way to authenticate that the driver does not have",
      fix: "Let the role log in with a password (scram-sha-256 in pg_hba.conf), or correct host and port"
    }
  }
  return Object.hasOwn(byDriversWords, message) ? byDriversWords[message] : undefined
}

/** What to do where another application's tables have the names of Alex's. */
const ownDatabase =
  "Name a database of Alex's own in DATABASE_URL or AURORA_DATABASE, empty or one of Alex's, or rename what is named here"

/** What to do where the search path does not lead to the one schema that holds Alex's tables, or is to hold them. */
const oneSchema =
  "Set search_path to the one schema of Alex's tables, for example ALTER ROLE ... SET search_path = public, or ?options=-c%20search_path%3Dpublic at the end of DATABASE_URL"

/**
 * What to do about what is in the way of Alex's tables.
 *
 * @param misplaced Whether the search path is the reason.
 */
export const onForeign = (misplaced: boolean): Pick<Advice, "code" | "fix"> =>
  misplaced ? { code: "schema", fix: oneSchema } : { code: "foreign", fix: ownDatabase }

/** What to do about a server that is too old for Alex's tables. */
export const newerServer: Pick<Advice, "code" | "fix"> = {
  code: "server-version",
  fix: "Upgrade the server, or name a database of a newer one in DATABASE_URL or AURORA_CLUSTER_ARN"
}

const refusedText = (message: string, state: string | undefined): string =>
  `The database refused: ${message}${state === undefined ? "" : ` (SQLSTATE ${state})`}`

/** What a failure whose fix depends on the case says of it. */
const ownAdvice = (error: unknown): Partial<Advice> => {
  if (Predicate.hasProperty(error, "refusal") && Predicate.hasProperty(error, "fix"))
    return { problem: String(error.refusal), fix: String(error.fix) }
  const fix = Predicate.hasProperty(error, "sqlState") ? fixOfMigration(String(error.sqlState)) : undefined
  return fix === undefined ? {} : { fix }
}

/**
 * What is wrong and how to fix it.
 *
 * @param error Whatever reaching the database failed with.
 * @param cluster The configuration of the cluster, if the backend is `data-api`.
 */
export const adviceOn = (error: unknown, cluster?: Cluster): Advice => {
  const fallback: Advice = {
    code: "unknown",
    problem: error instanceof Error ? error.message : String(error),
    fix: unknownFix
  }
  if (Predicate.hasProperty(error, "_tag") && error._tag === "ConfigurationError") {
    const verb = / is not set: /.test(fallback.problem) ? "Set" : "Correct"
    return {
      code: "configuration",
      problem: fallback.problem,
      fix: `${verb} it in the environment or in .env; .env.example names every variable`
    }
  }
  if (Predicate.hasProperty(error, "_tag") && error._tag === "LocalDataApiError") {
    const problem = fallback.problem.replace(/\.$/, "")
    return Predicate.hasProperty(error, "ofServer")
      ? { code: "server", problem, fix: "DATABASE_URL names the server, or --database-url of alex-db serve" }
      : { code: "folder", problem, fix: "ALEX_DB_DIR names the folder of the embedded database" }
  }
  if (Predicate.hasProperty(error, "_tag") && (error._tag === "NotAlexs" || error._tag === "ForeignTables")) {
    const misplaced = Predicate.hasProperty(error, "misplaced") && error.misplaced === true
    return { problem: fallback.problem, ...onForeign(misplaced) }
  }
  if (Predicate.hasProperty(error, "syscall") && error.syscall === "uv_cwd") {
    return { code: "folder", problem: "The working folder was removed", fix: "Change to a folder that exists" }
  }
  const tag = Predicate.hasProperty(error, "_tag") ? String(error._tag) : ""
  const step = Object.hasOwn(operationAdvice, tag) ? operationAdvice[tag] : undefined
  if (step !== undefined) return { code: step.code, problem: fallback.problem, fix: step.fix, ...ownAdvice(error) }
  const socket = socketCode(error)
  if (!SqlError.isSqlError(error)) return (socket === undefined ? undefined : onSocket(socket)) ?? fallback
  const message = messageOf(error)
  const state = sqlStateOf(error)
  const reason = dataApiReasonOf(error)
  const objects = dependentObjectsOf(error)
  const refusal = { message, routine: routineOf(error), objects, cluster, overDataApi: reason !== undefined }
  return (
    (state === undefined ? undefined : adviceOnSqlState(state, refusal)) ??
    (reason === undefined ? undefined : adviceOnFailure(reason, message, cluster)) ??
    (socket === undefined ? undefined : onSocket(socket)) ??
    onProtocol(message) ?? {
      code: "database",
      problem: refusedText(message, state),
      fix: fixOfState(state)
    }
  )
}
