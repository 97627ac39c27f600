/**
 * What a session must be rid of before its next caller, and how it is shown that it is.
 *
 * A function or a trigger can set anything, and no statement's text gives that away. So every session is reset after
 * every caller, in the message that carries the caller's last statement where that is known:
 *
 * 1. `checkSql` releases advisory locks, seeds `random()` again and reports what the commands below do not cover:
 *    prepared statements made or removed by a caller, the `search_path` that those of this server were prepared under,
 *    and libraries and extensions with state of their own.
 * 2. `resetSql` is `DISCARD ALL` without `DEALLOCATE ALL` and `DISCARD PLANS`, which would cost the prepared
 *    statements, and with `RESET ROLE`, which returns to the role of `ALTER ROLE ... SET role`.
 *
 * Where the report differs from that of the fresh session, `DISCARD ALL` follows; where it still differs, or a library
 * with state of its own was loaded, the session can't be used again.
 */
import type * as PgProtocol from "@effect/sql-pg/PgProtocol"
import type { TransactionStatus, Value } from "../engine/Session.ts"

/** The session's own user and role again; `DEFAULT` does nothing in the single-user mode that PGlite runs in. */
export const ownUserSql = ({ singleUser }: ServerFacts): string =>
  `SET SESSION AUTHORIZATION ${singleUser ?? "DEFAULT"}; RESET ROLE`

export const resetSql = (facts: ServerFacts): string =>
  `CLOSE ALL; ${ownUserSql(facts)}; RESET ALL; UNLISTEN *; DISCARD TEMP; DISCARD SEQUENCES`

/**
 * Extensions and libraries that keep nothing in a session but settings, which `RESET ALL` resets. Others keep state
 * that SQL can't reset, such as the connections of dblink, or the global variables of PL/Perl.
 */
const stateless = [
  ..."adminpack amcheck autoinc auth_delay aws_commons aws_lambda aws_s3 bloom btree_gin btree_gist citext cube".split(
    " "
  ),
  ..."dict_int dict_snowball dict_xsyn earthdistance file_fdw fuzzystrmatch hstore insert_username intagg intarray".split(
    " "
  ),
  ..."isn llvmjit lo ltree moddatetime old_snapshot pageinspect passwordcheck pg_buffercache pg_freespacemap".split(
    " "
  ),
  ..."pg_prewarm pg_stat_statements pg_surgery pg_trgm pg_visibility pg_walinspect pgcrypto pgrowlocks".split(" "),
  ..."pgstattuple plpgsql refint seg sslinfo tablefunc tcn tsm_system_rows tsm_system_time unaccent uuid-ossp".split(
    " "
  ),
  ..."vector xml2".split(" ")
]

const statelessArray = `'{${stateless.join(",")}}'`

/** What a server says of itself when a session begins. */
export interface ServerFacts {
  /** 15 for PostgreSQL 15.20. */
  readonly majorVersion: number
  readonly isSuperuser: boolean
  /** The user of an embedded server in single-user mode, which can load nothing but what it came with. */
  readonly singleUser?: string | undefined
}

/**
 * Modules loaded in this session since version 18; before, the extensions installed in the database, used or not.
 * Replication slots and origins count too, which only a superuser may look at.
 */
const foreignSql = ({ isSuperuser, majorVersion, singleUser }: ServerFacts): string => {
  if (singleUser !== undefined) return "0"
  const libraries =
    majorVersion >= 18
      ? `(SELECT count(*) FROM pg_catalog.pg_get_loaded_modules() m WHERE split_part(m.file_name, '.', 1) <> ALL (${statelessArray}) AND m.file_name !~ '_and_')`
      : `(SELECT count(*) FROM pg_catalog.pg_extension e WHERE e.extname <> ALL (${statelessArray}))`
  const slots =
    "(SELECT count(*) FROM pg_catalog.pg_get_replication_slots() s WHERE s.temporary AND s.active_pid = pg_catalog.pg_backend_pid())"
  const origin = isSuperuser ? " + pg_catalog.pg_replication_origin_session_is_setup()::int" : ""
  return `${libraries} + ${slots}${origin}`
}

/** One row: prepared statements made by callers, prepared statements in all, `search_path`, foreign state. */
export const checkSql = (facts: ServerFacts): string =>
  `SELECT (count(*) FILTER (WHERE p.from_sql))::text, count(*)::text, current_setting('search_path'), (${foreignSql(facts)})::text, pg_catalog.pg_advisory_unlock_all()::text, pg_catalog.setseed($1)::text FROM pg_catalog.pg_prepared_statement() p`

/** What {@link checkSql} reported. */
export interface Report {
  readonly callersStatements: number
  readonly statements: number
  readonly searchPath: string
  readonly foreign: string
}

/** Takes the messages of one request up to its ReadyForQuery. */
export interface Receiver {
  /** The server said how the request ended; one that falls silent sends ReadyForQuery at most. */
  readonly answered: boolean
  /** Takes the next message; true when it was the last. */
  readonly accept: (message: PgProtocol.BackendMessage<Value>) => boolean
  /** Reads a value where it lies in the parser's buffer. */
  readonly read: (bytes: Uint8Array, offset: number, size: number, column: number) => Value
}

const absent = new Uint8Array(0)
const decoder = new TextDecoder()

const textOf = (value: Value | undefined): string => (value instanceof Uint8Array ? decoder.decode(value) : "")

/** Takes the answer to a command of the session's own. */
export class CommandReceiver implements Receiver {
  answered = false
  failed = false
  status: TransactionStatus = "I"
  readonly #onEnd: (receiver: CommandReceiver) => void
  #row: ReadonlyArray<Value> | undefined

  constructor(onEnd: (receiver: CommandReceiver) => void) {
    this.#onEnd = onEnd
  }

  /** The report, where the command was the check and succeeded. */
  get report(): Report | undefined {
    if (this.failed || this.#row === undefined) return undefined
    const [callersStatements, statements, searchPath, foreign] = this.#row.map(textOf)
    return {
      callersStatements: Number(callersStatements),
      statements: Number(statements),
      searchPath: searchPath ?? "",
      foreign: foreign ?? ""
    }
  }

  /** A copy: the parser's buffer is overwritten by what follows. */
  read(bytes: Uint8Array, offset: number, size: number): Value {
    return size < 0 ? absent : bytes.slice(offset, offset + size)
  }

  accept(message: PgProtocol.BackendMessage<Value>): boolean {
    if (message._tag === "DataRow") this.#row = message.values
    if (message._tag === "CommandComplete") this.answered = true
    if (message._tag === "ErrorResponse") {
      this.answered = true
      this.failed = true
    }
    if (message._tag !== "ReadyForQuery") return false
    this.status = message.status
    this.#onEnd(this)
    return true
  }
}

/** Requests sent at once are answered one after the other. */
export class ReceiverSequence implements Receiver {
  readonly #receivers: ReadonlyArray<Receiver>
  #index = 0

  constructor(receivers: ReadonlyArray<Receiver>) {
    this.#receivers = receivers
  }

  get finished(): boolean {
    return this.#index === this.#receivers.length
  }

  get answered(): boolean {
    return this.finished && this.#receivers.every(({ answered }) => answered)
  }

  accept(message: PgProtocol.BackendMessage<Value>): boolean {
    if (this.#receivers[this.#index]?.accept(message) === true) this.#index++
    return this.finished
  }

  read(bytes: Uint8Array, offset: number, size: number, column: number): Value {
    return this.#receivers[this.#index]?.read(bytes, offset, size, column) ?? absent
  }
}
