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
 * Names of modules loaded in this session since version 18; before, of the extensions installed in the database, used or
 * not. Replication slots and origins count too, which only a superuser may look at.
 */
const foreignSql = ({ isSuperuser, majorVersion, singleUser }: ServerFacts): string => {
  if (singleUser !== undefined) return "'{}'"
  const libraries =
    majorVersion >= 18
      ? `ARRAY(SELECT m.file_name FROM pg_catalog.pg_get_loaded_modules() m WHERE pg_catalog.split_part(m.file_name, '.', 1) OPERATOR(pg_catalog.<>) ALL (${statelessArray}) AND m.file_name OPERATOR(pg_catalog.!~) '_and_')`
      : `ARRAY(SELECT e.extname FROM pg_catalog.pg_extension e WHERE e.extname OPERATOR(pg_catalog.<>) ALL (${statelessArray}))`
  const slots =
    "ARRAY(SELECT s.slot_name FROM pg_catalog.pg_get_replication_slots() s WHERE s.temporary AND s.active_pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid())"
  const origin = isSuperuser ? ", pg_catalog.pg_replication_origin_session_is_setup()::pg_catalog.text" : ""
  return `${libraries}::pg_catalog.text, ${slots}::pg_catalog.text${origin}`
}

/**
 * The foreign state that a session may have: that of the fresh session, but before 18, where the extensions installed
 * count, none, whether they were there before or not.
 */
export const foreignAllowed = ({ isSuperuser, majorVersion }: ServerFacts, fresh: Report): string =>
  majorVersion >= 18 ? fresh.foreign : isSuperuser ? "{} {} false" : "{} {}"

/**
 * One row: for each prepared statement whether a caller made it, `search_path`, and the foreign state. It runs under the
 * `search_path` that a caller left, and so names every schema. Lists cost half of what counts do.
 */
export const checkSql = (facts: ServerFacts): string =>
  `SELECT ARRAY(SELECT p.from_sql FROM pg_catalog.pg_prepared_statement() p)::pg_catalog.text, pg_catalog.current_setting('search_path'), pg_catalog.pg_advisory_unlock_all(), pg_catalog.setseed($1), ${foreignSql(facts)}`

/** What {@link checkSql} reported. */
export interface Report {
  /** `{f,f,t}`: three statements, of which a caller made one. */
  readonly statements: string
  readonly searchPath: string
  readonly foreign: string
}

/** The report in the values of the check's row. */
export const reportOf = ([statements = "", searchPath = "", , , ...foreign]: ReadonlyArray<string>): Report => ({
  statements,
  searchPath,
  foreign: foreign.join(" ")
})

/** {@link Report.statements} where this server made them all. */
export const ownStatements = (count: number): string => `{${Array.from({ length: count }, () => "f").join(",")}}`

/** What PostgreSQL calls the commands of {@link resetSql} when they are done. */
const resetTags = "CLOSE CURSOR ALL,SET,RESET,RESET,UNLISTEN,DISCARD TEMP,DISCARD SEQUENCES".split(",")

const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5, type)
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

const bindComplete = message("2", Buffer.alloc(0))
const ready = message("Z", Buffer.from("I"))
const commandComplete = (tag: string): Buffer => message("C", Buffer.from(`${tag}\0`))

const dataRow = (values: ReadonlyArray<string>): Buffer => {
  const count = Buffer.alloc(2)
  count.writeInt16BE(values.length)
  const sized = values.flatMap((value) => {
    const octets = Buffer.from(value)
    const size = Buffer.alloc(4)
    size.writeInt32BE(octets.length)
    return [size, octets]
  })
  return message("D", Buffer.concat([count, ...sized]))
}

/**
 * The whole answer to the check and the reset, in octets, of a session that nothing was left in. One that differs, if
 * only in its wording, is read message by message.
 */
export const untouchedAnswer = ({ foreign, searchPath, statements }: Report): Uint8Array =>
  Buffer.concat([
    bindComplete,
    dataRow([statements, searchPath, "", "", ...foreign.split(" ")]),
    commandComplete("SELECT 1"),
    ready,
    ...resetTags.map(commandComplete),
    ready
  ])
