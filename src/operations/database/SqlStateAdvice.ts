/** What is wrong, and its fix, for errors of PostgreSQL by SQLSTATE. */
import type { Advice, Cluster } from "./Advice.ts"

/** An error of PostgreSQL. */
export interface Refusal {
  /** The database's own words. */
  readonly message: string
  /** The function of PostgreSQL's sources that reports the error: its words depend on `lc_messages`. */
  readonly routine: string | undefined
  /** The objects that PostgreSQL names as the cause, if any. */
  readonly objects: string | undefined
  readonly cluster: Cluster | undefined
  readonly overDataApi: boolean
}

const withTls = "Add ?sslmode=require to DATABASE_URL"

/** In another language than English the words do not say whether the connection had TLS. */
const fixOfAccess = (message: string): string => {
  if (/no encryption|SSL off/.test(message)) return `${withTls}: the server takes connections with TLS`
  const line =
    "Add a line for this host, user and database to the server's pg_hba.conf, or connect from where it allows"
  return /encryption|SSL on/.test(message) ? line : `${withTls} if the server takes connections with TLS. ${line}`
}

/** The server's rules of who may connect from where; many require TLS. */
const onAccessRules = (message: string): Advice => ({
  code: "access-rules",
  problem: `The server does not let this user in from here: ${message}`,
  fix: fixOfAccess(message)
})

/** The role does not exist or may not log in, or its certificate or its entry in pg_hba.conf is refused. */
const onUser = (refusal: Refusal): Advice => {
  const { message, overDataApi } = refusal
  if (message.includes("pg_hba.conf")) return onAccessRules(message)
  if (overDataApi) return onPassword(refusal)
  return {
    code: "password",
    problem: `The server refused the user: ${message}`,
    fix: "Correct the user in DATABASE_URL, or create it: CREATE ROLE ... LOGIN"
  }
}

const onPassword = ({ message, overDataApi }: Refusal): Advice => {
  if (message.includes("pg_hba.conf")) return onAccessRules(message)
  return overDataApi
    ? {
        code: "password",
        problem: "The user or the password in the secret was refused",
        fix: "Put the user's present password into the secret at AURORA_SECRET_ARN; right after a rotation, try again"
      }
    : {
        code: "password",
        problem: "The user or the password was refused",
        fix: "Correct the user and the password in DATABASE_URL, and look whether the password has expired"
      }
}

const onDatabaseName = ({ cluster, overDataApi }: Refusal): Advice => {
  const name = cluster === undefined ? "" : ` "${cluster.database}"`
  return {
    code: "database-name",
    problem: `The database${name} does not exist`,
    fix: overDataApi
      ? "Correct AURORA_DATABASE, or create the database"
      : "Correct the name at the end of DATABASE_URL, or create the database"
  }
}

/** A replica, or a session that the settings make read-only. */
export const takesNoWrites: Advice = {
  code: "read-only",
  problem: "The database takes no writes: this is a replica or a reader, or default_transaction_read_only is on",
  fix: "Use the writer's address (a cluster's own endpoint, not its reader endpoint), or turn the setting off"
}

const onConflict: Advice = {
  code: "conflict",
  problem: "Two transactions blocked each other, and this one was rolled back",
  fix: "Try again"
}

/** The limit may be the server's, the database's or the role's. */
const onConnections = ({ message, overDataApi }: Refusal): Advice => {
  const problem = "The database has no free connection"
  return {
    code: "connections",
    problem: overDataApi ? problem : `${problem}: ${message}`,
    fix: `Wait, close idle clients, or raise ${overDataApi ? "the cluster's capacity" : "the limit of the server, the database or the role"}`
  }
}

const onShutdown: Advice = {
  code: "shutdown",
  problem: "The database was shut down or restarted, or an administrator ended the session",
  fix: "Try again when it is up"
}

const onClosedDatabase = ({ message, routine }: Refusal): Advice | undefined =>
  routine === "CheckMyDatabase" || message.includes("not currently accepting connections")
    ? {
        code: "closed",
        problem: `Nobody may connect to the database: ${message}`,
        fix: "Connect to another database of the server, and run ALTER DATABASE ... ALLOW_CONNECTIONS true"
      }
    : undefined

const hasNul = /: 0x00$/

/** Octets in a database that takes any; a NUL is refused in values that are written. */
const onEncoding = ({ message }: Refusal): Advice | undefined =>
  hasNul.test(message)
    ? undefined
    : {
        code: "encoding",
        problem: `The database holds a text that is not UTF-8: ${message}`,
        fix: "Correct the text; a database whose encoding is SQL_ASCII takes any octets, and pg_dump copies them as they are"
      }

/** Where a database's encoding lacks a character. */
export const lacksCharacter = "Use a database whose encoding is UTF8: this one has no such character"

const askAuthor =
  "Ask who wrote it: in psql, \\dy lists event triggers, and \\d with a table's name the triggers of the table"

const outsideTransaction =
  "Move the statement into a migration of its own, whose first line is -- alex: no transaction: it can run in none"

const onMigration: Readonly<Record<string, string>> = {
  "25001": outsideTransaction,
  "25006": takesNoWrites.fix,
  "2D000": outsideTransaction,
  "42501": "Run alex-db migrate as the owner of what the message names, or grant the role the privilege",
  "55P04":
    "Move what uses the new value into a migration after this one: it can be used once its transaction has ended",
  P0001: askAuthor
}

/** What to do about a migration whose statement is right, and which the database refuses all the same. */
export const fixOfMigration = (state: string | undefined): string | undefined =>
  state !== undefined && Object.hasOwn(onMigration, state) ? onMigration[state] : undefined

const bySqlState: Readonly<Record<string, Advice | ((refusal: Refusal) => Advice | undefined)>> = {
  "28P01": onPassword,
  "28000": onUser,
  "3D000": onDatabaseName,
  "3F000": {
    code: "schema",
    problem: "The search path names no schema that exists",
    fix: "Create the schema, or set another: ALTER ROLE ... SET search_path = public"
  },
  "42P01": ({ message }) => ({
    code: "not-migrated",
    problem: "The database has not been migrated",
    fix: `Run alex-db migrate: ${message}`
  }),
  "42703": ({ message }) => ({
    code: "column",
    problem: `A table differs from the migrations: ${message}`,
    fix: "Run alex-db migrate, then alex-db verify, which names what differs"
  }),
  "42883": ({ message }) => ({
    code: "function",
    problem: `A function is missing: ${message}`,
    fix: 'Run alex-db migrate; for uuid_generate_v4 make sure that the schema of the extension "uuid-ossp" is in the search path'
  }),
  "42501": ({ message, overDataApi, routine }) => ({
    code: "privilege",
    problem: `The database's role lacks a privilege: ${message}`,
    fix:
      routine === "check_enable_rls" || message.includes("row-level security")
        ? "Use a role with BYPASSRLS, or the table's owner where row-level security is not forced"
        : `Grant it, or use ${overDataApi ? "the secret of a role" : "a role in DATABASE_URL"} that owns the tables`
  }),
  "22021": onEncoding,
  "22P05": ({ message }) => ({
    code: "encoding",
    problem: `The database can't hold the text: ${message}`,
    fix: lacksCharacter
  }),
  "25006": takesNoWrites,
  "2BP01": ({ message, objects }) => ({
    code: "dependents",
    problem: `Something else depends on it: ${objects ?? message}`,
    fix: "Drop or change that first; nothing was dropped"
  }),
  "53100": {
    code: "disk-full",
    problem: "The database's disk is full",
    fix: "Free space or add storage, and try again; nothing of the statement was kept"
  },
  "53200": {
    code: "memory",
    problem: "The database has too little memory for the statement",
    fix: "Try again with fewer rows at a time, or raise the cluster's capacity"
  },
  "53300": onConnections,
  "55000": onClosedDatabase,
  "55P03": {
    code: "lock",
    problem: "Another session holds a lock, and the wait for it timed out",
    fix: "Try again when it has ended; pg_stat_activity and pg_locks name it"
  },
  "57014": {
    code: "cancelled",
    problem: "The statement was cancelled: it took longer than statement_timeout, or somebody cancelled it",
    fix: "Raise statement_timeout for the role, and try again"
  },
  "57P01": onShutdown,
  "57P02": onShutdown,
  P0001: ({ message }) => ({
    code: "raised",
    problem: `A function or a trigger of the database refused it: ${message}`,
    fix: askAuthor
  }),
  "57P03": { code: "starting", problem: "The database is starting up", fix: "Wait a moment and try again" },
  "40001": onConflict,
  "40P01": onConflict
}

/** What is wrong, and its fix, by SQLSTATE, where there is more to say than the database's own words. */
export const adviceOnSqlState = (state: string, refusal: Refusal): Advice | undefined => {
  const advice = Object.hasOwn(bySqlState, state) ? bySqlState[state] : undefined
  return typeof advice === "function" ? advice(refusal) : advice
}
