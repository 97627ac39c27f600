/**
 * Resets a session before its next caller, and verifies the reset.
 *
 * A function or a trigger can change any state of a session without a trace in the statement's text. So every session
 * is reset after every caller, together with the caller's last statement if that is known:
 *
 * 1. `checkSql` releases advisory locks, reseeds `random()`, and reports what the commands below do not reset: prepared
 *    statements that a caller made or removed, the `search_path` under which this server's own ones were prepared, and
 *    libraries and extensions with their own state.
 * 2. `resetSql` is `DISCARD ALL` without `DEALLOCATE ALL` and `DISCARD PLANS`, which would drop the prepared
 * statements,
 *    and with `RESET ROLE`, which returns to the role of `ALTER ROLE ... SET role`.
 *
 * If the report differs from that of the fresh session, `DISCARD ALL` follows. If it still differs, or a library with
 * its own state was loaded, the session can't be used again.
 */

/** Restores the session's own user and role. `DEFAULT` does nothing in single-user mode, in which PGlite runs. */
export const ownUserSql = ({ singleUser }: ServerFacts): string =>
  `SET SESSION AUTHORIZATION ${singleUser ?? "DEFAULT"}; RESET ROLE`

export const resetSql = (facts: ServerFacts): string =>
  `CLOSE ALL; ${ownUserSql(facts)}; RESET ALL; UNLISTEN *; DISCARD TEMP; DISCARD SEQUENCES`

/**
 * Extensions and libraries that keep only settings in a session, which `RESET ALL` resets: of PostgreSQL's own, and of
 * those that Aurora offers. Others keep state that SQL can't reset, such as the connections of dblink or the global
 * variables of PL/Perl.
 */
const stateless = [
  "adminpack,amcheck,autoinc,auth_delay,bloom,btree_gin,btree_gist,citext,cube,dict_int,dict_snowball,dict_xsyn",
  "earthdistance,file_fdw,fuzzystrmatch,hstore,insert_username,intagg,intarray,isn,llvmjit,lo,ltree,moddatetime",
  "old_snapshot,pageinspect,passwordcheck,pg_buffercache,pg_freespacemap,pg_prewarm,pg_stat_statements,pg_surgery",
  "pg_trgm,pg_visibility,pg_walinspect,pgcrypto,pgrowlocks,pgstattuple,plpgsql,refint,seg,sslinfo,tablefunc,tcn",
  "tsm_system_rows,tsm_system_time,unaccent,uuid-ossp,xml2",
  "address_standardizer,address_standardizer-3,address_standardizer_data_us,aws_commons,aws_lambda,aws_s3,h3,hll,ip4r",
  "libpgrouting-3,pg_bigm,pg_cron,pg_partman,pg_repack,pg_similarity,pgaudit,pgrouting,pgtap,postgis,postgis-3",
  "postgis_raster,postgis_raster-3,postgis_tiger_geocoder,postgis_topology,postgis_topology-3,prefix,rdkit,rum,vector"
].join(",")

const statelessArray = `'{${stateless}}'`

/** What a server reports about itself when a session begins. */
export interface ServerFacts {
  /** 15 for PostgreSQL 15.20. */
  readonly majorVersion: number
  readonly isSuperuser: boolean
  /** The user of an embedded server in single-user mode, which can load only its own extensions. */
  readonly singleUser?: string | undefined
}

/**
 * Selects the foreign state of a session. From version 18 on, that is the modules loaded in this session; before, the
 * extensions installed in the database, used or not. It includes temporary replication slots, and the replication
 * origin, which only a superuser can query.
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
 * The foreign state that a session may have: from version 18 on, that of the fresh session; before, where installed
 * extensions count, none, even if they were installed earlier.
 */
export const foreignAllowed = ({ isSuperuser, majorVersion }: ServerFacts, fresh: Report): string =>
  majorVersion >= 18 ? fresh.foreign : isSuperuser ? "{} {} false" : "{} {}"

/**
 * Selects one row: for each prepared statement whether a caller made it, `search_path`, and the foreign state. It runs
 * with a caller's `search_path`, and so qualifies every name. Lists take half of the time of counts.
 */
export const checkSql = (facts: ServerFacts): string =>
  `SELECT ARRAY(SELECT p.from_sql FROM pg_catalog.pg_prepared_statement() p)::pg_catalog.text, pg_catalog.current_setting('search_path'), pg_catalog.pg_advisory_unlock_all(), pg_catalog.setseed($1), ${foreignSql(facts)}`

/** The row of {@link checkSql}. */
export interface Report {
  /** `{f,f,t}`: three statements, of which a caller made one. */
  readonly statements: string
  readonly searchPath: string
  readonly foreign: string
}

/** Reads the report from the values of the check's row. */
export const reportOf = ([statements = "", searchPath = "", , , ...foreign]: ReadonlyArray<string>): Report => ({
  statements,
  searchPath,
  foreign: foreign.join(" ")
})

/** {@link Report.statements} if this server made them all. */
export const ownStatements = (count: number): string => `{${Array.from({ length: count }, () => "f").join(",")}}`

/** PostgreSQL's command tags for the commands of {@link resetSql}. */
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
    const bytes = Buffer.from(value)
    const size = Buffer.alloc(4)
    size.writeInt32BE(bytes.length)
    return [size, bytes]
  })
  return message("D", Buffer.concat([count, ...sized]))
}

/**
 * The whole answer of a clean session to the check and the reset, in bytes. Any other answer is parsed message by
 * message.
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
