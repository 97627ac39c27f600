/** Ways in which one caller could reach the next one through a pooled session. */

/** What caller A runs, and what caller B looks at. */
export interface Contamination {
  readonly name: string
  readonly run: string
  /** A query of one value, or one that fails; it must come out as it did before A. */
  readonly check: string
  /** Where the way exists; on both engines when absent. */
  readonly only?: "PGlite" | "PostgreSQL" | undefined
  /** It can't be run in a function or a trigger, or not be detected there. */
  readonly directOnly?: true | undefined
}

const setting = (name: string, value: string): Contamination => ({
  name: `setting ${name}`,
  run: `set ${name} = ${value}`,
  check: `select current_setting('${name}')`
})

const custom = "select coalesce(nullif(current_setting('app.tenant', true), ''), 'none')"
const callersStatements = "select count(*) from pg_prepared_statements where from_sql"
const advisoryLocks = "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"

/** Every statement that is prepared under a name of the server's own becomes another. */
const replaced = `do $do$
declare prepared record;
begin
  for prepared in select name from pg_prepared_statements where name like 'sqlx%' loop
    execute format('deallocate %I', prepared.name);
    execute format('prepare %I as select ''replaced''', prepared.name);
  end loop;
end $do$`

/** A `count` that is one short, and a `current_setting` that tells what was set at first. */
export const shadows = [
  "create schema shadows",
  `create function shadows.current_setting(text) returns text language sql as $$ select '"$user", public'::text $$`,
  "create function shadows.one_more(int8) returns int8 language sql as $$ select $1 + 1 $$",
  "create function shadows.but_one(int8) returns int8 language sql as $$ select case when $1 > 0 then $1 - 1 else 0 end $$",
  "create aggregate shadows.count(*) (sfunc = shadows.one_more, stype = int8, initcond = '0', finalfunc = shadows.but_one)"
]

export const contaminations: ReadonlyArray<Contamination> = [
  setting("work_mem", "'1MB'"),
  setting("search_path", "elsewhere, public"),
  setting("timezone", "'Asia/Tokyo'"),
  setting("datestyle", "'German'"),
  setting("intervalstyle", "'iso_8601'"),
  setting("bytea_output", "'escape'"),
  setting("extra_float_digits", "-10"),
  setting("xmloption", "'document'"),
  setting("standard_conforming_strings", "off"),
  setting("quote_all_identifiers", "on"),
  setting("default_transaction_read_only", "on"),
  setting("default_transaction_isolation", "'serializable'"),
  setting("default_transaction_deferrable", "on"),
  setting("statement_timeout", "4711"),
  setting("lock_timeout", "4711"),
  setting("idle_in_transaction_session_timeout", "4711"),
  setting("row_security", "off"),
  setting("session_replication_role", "replica"),
  setting("check_function_bodies", "off"),
  setting("default_tablespace", "'pg_default'"),
  setting("client_min_messages", "'error'"),
  setting("application_name", "'other'"),
  setting("plan_cache_mode", "force_custom_plan"),
  setting("enable_seqscan", "off"),
  setting("plpgsql.variable_conflict", "'use_column'"),
  { ...setting("client_encoding", "'latin1'"), only: "PostgreSQL" },
  {
    name: "session characteristics",
    run: "set session characteristics as transaction read only",
    check: "show transaction_read_only"
  },
  { name: "SET ROLE", run: "set role pg_monitor", check: "select current_user::text" },
  {
    name: "role by set_config",
    run: "select set_config('role', 'pg_monitor', false)",
    check: "select current_user::text"
  },
  { name: "session authorization", run: "set session authorization pg_monitor", check: "select session_user::text" },
  {
    name: "role below a session authorization",
    run: "select set_config('session_authorization', 'pg_monitor', false)",
    check: "select session_user::text || current_user"
  },
  { name: "custom setting", run: "select set_config('app.tenant', '42', false)", check: custom },
  {
    name: "custom setting, its function spelt with escapes",
    run: `select U&"set\\005fconfig"('app.tenant', '42', false)`,
    check: custom
  },
  {
    name: "custom setting, by update of pg_settings",
    run: "update pg_settings set setting = 'Asia/Tokyo' where name = 'TimeZone'",
    check: "show timezone"
  },
  { name: "temporary table", run: "create temp table leak as select 1", check: "select * from leak" },
  {
    name: "temporary table that covers a table",
    run: "create temp table ground as select 'temporary' as v",
    check: "select v from ground"
  },
  { name: "temporary view", run: "create temp view leak as select 1", check: "select * from leak" },
  { name: "temporary sequence", run: "create temp sequence leak", check: "select nextval('leak')" },
  {
    name: "temporary type",
    run: "create type pg_temp.leak as (a int)",
    check: "select to_regtype('pg_temp.leak')::text"
  },
  {
    name: "temporary function",
    run: "create function pg_temp.leak() returns int language sql as 'select 1'",
    check: "select pg_temp.leak()"
  },
  { name: "advisory lock", run: "select pg_advisory_lock(7)", check: advisoryLocks },
  { name: "shared advisory lock", run: "select pg_advisory_lock_shared(7, 8)", check: advisoryLocks },
  { name: "tried advisory lock", run: "select pg_try_advisory_lock(9)", check: advisoryLocks },
  { name: "LISTEN", run: "listen leak", check: "select count(*) from pg_listening_channels()" },
  { name: "prepared statement", run: "prepare leak as select 1", check: "execute leak" },
  { name: "prepared statement, as listed", run: "prepare leak as select 1", check: callersStatements },
  {
    name: "prepared statement, hidden by what has the names of the catalogue's functions",
    run: `do $do$
    begin
      perform set_config('search_path', 'shadows, pg_catalog', false);
      execute 'prepare leak as select 1';
    end $do$`,
    check: callersStatements
  },
  { name: "all statements deallocated", run: "deallocate all", check: "select v from ground" },
  { name: "the server's own statements replaced", run: replaced, check: "select v from ground", directOnly: true },
  { name: "cursor WITH HOLD", run: "declare leak cursor with hold for select 1", check: "fetch all from leak" },
  {
    name: "cursor WITH HOLD, as listed",
    run: "declare leak cursor with hold for select 1",
    check: "select count(*) from pg_cursors where is_holdable"
  },
  { name: "currval", run: "select nextval('counting')", check: "select currval('counting')" },
  { name: "lastval", run: "select nextval('counting')", check: "select lastval()" },
  {
    name: "random seed",
    run: "select setseed(0.5)",
    check: "select (random() = 0.9851677175347999)::text"
  },
  {
    name: "replication origin",
    run: "select pg_replication_origin_session_setup('alex_engine_leak')",
    check: "select pg_replication_origin_session_is_setup()::text",
    only: "PostgreSQL"
  },
  {
    name: "temporary replication slot",
    run: "select pg_create_physical_replication_slot('alex_engine_leak', false, true)",
    check: "select count(*) from pg_replication_slots where temporary and active_pid = pg_backend_pid()",
    only: "PostgreSQL"
  },
  {
    name: "LOAD",
    run: "load 'auto_explain'",
    check: "select coalesce(current_setting('auto_explain.log_min_duration', true), 'not loaded')",
    only: "PostgreSQL",
    directOnly: true
  }
]
