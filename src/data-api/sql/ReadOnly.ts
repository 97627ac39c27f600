/** Whether a statement only reads: by its words alone, or by what PostgreSQL says of the functions in its plan. */
import * as Effect from "effect/Effect"
import type { ExecuteStatementResponse, SqlParameter } from "../DataApi.ts"
import { quotedName, unquotedName } from "../statement/Quoting.ts"
import { meaningful } from "../statement/SqlLexer.ts"

const listOf = (list: string): ReadonlyArray<string> => list.trim().split(/\s+/)

const words = (list: string): ReadonlySet<string> => new Set(listOf(list))

/** Words of statements and clauses that write, lock, or run code that is not in the statement. */
const effects = words("insert update delete merge into call do copy lock truncate execute analyze nextval setval")

/** Words that may precede a parenthesis without a function call: syntax, and types with modifiers. */
const syntax = words(`
  all and any array as between by case cast coalesce cube distinct else end except exclude exists filter from
  greatest group grouping having ilike in intersect is join lateral least like limit materialized not null nullif
  offset on or order over partition range recursive rollup row rows select sets similar some table then union using
  values when where window with within
  bit bpchar char character decimal interval numeric time timestamp timestamptz varbit varchar varying
`)

/** Names that begin with the same words. */
const family = (beginning: string, rest: string): ReadonlyArray<string> => listOf(rest).map((end) => beginning + end)

const ofBothJsons = `agg array_elements array_elements_text array_length build_array build_object each each_text extract_path
  extract_path_text object object_agg object_keys populate_record populate_recordset strip_nulls to_record
  to_recordset typeof`

/** Built-in functions without side effects. Any other function counts as one with side effects. */
const pure = new Set([
  ...listOf(`
  abs age ascii avg bit_and bit_length bit_or bool_and bool_or btrim cardinality cbrt ceil ceiling char_length
  character_length chr clock_timestamp col_description concat concat_ws corr count cume_dist current_database
  current_schema current_schemas current_setting date_bin date_part date_trunc decode degrees dense_rank div encode
  every exp extract first_value floor format format_type gcd generate_series generate_subscripts initcap isfinite
  justify_days justify_hours justify_interval lag last_value lcm lead left length ln log log10 lower lpad ltrim
  make_date make_interval make_time make_timestamp make_timestamptz max md5 min mod mode now nth_value ntile
  num_nonnulls num_nulls obj_description octet_length overlay parse_ident percent_rank percentile_cont
  percentile_disc pg_column_size pg_database_size pg_relation_size pg_size_pretty pg_table_size
  pg_total_relation_size pg_typeof pg_xact_status pi position power quote_ident quote_literal quote_nullable radians
  random rank repeat replace reverse right round row_number row_to_json rpad rtrim scale sha256 sign split_part sqrt
  starts_with statement_timestamp stddev stddev_pop stddev_samp string_agg string_to_array strpos substr substring
  sum timeofday transaction_timestamp translate trim trim_array trim_scale trunc unnest upper var_pop var_samp
  variance version width_bucket
`),
  ...family("array_", "agg append cat length lower position positions prepend remove replace to_json to_string upper"),
  ...family("json_", ofBothJsons),
  ...family("jsonb_", ofBothJsons),
  ...family("jsonb_", "insert path_exists path_match path_query path_query_array path_query_first pretty set"),
  ...family("has_", "column database function schema sequence table").map((name) => `${name}_privilege`),
  ...family(
    "pg_get_",
    `constraintdef expr function_arguments function_identity_arguments function_result functiondef indexdef serial_sequence
    triggerdef userbyid viewdef`
  ),
  ...family("regexp_", "count like match matches replace split_to_array split_to_table substr"),
  ...family("to_", "char date hex json jsonb number regclass regnamespace regtype timestamp")
])

/** Whether a word stands in `for update`, `for no key update`, `for share` or `for key share`. */
const isLock = (texts: ReadonlyArray<string>, index: number): boolean =>
  /(?:^| )for (?:(?:no )?key )?(?:update|share)$/.test(texts.slice(Math.max(0, index - 3), index + 1).join(" "))

/** Whether the words of a statement are those of a query: SELECT, VALUES, TABLE, SHOW and WITH without one that writes. */
const reads = (sql: string, mayLock: boolean, mayCall: boolean): boolean => {
  const tokens = meaningful(sql)
  const texts = tokens.map((token) => sql.slice(token.start, token.end).toLowerCase())
  const first = texts.find((text) => text !== "(")
  if (first === undefined || !/^(?:select|values|table|show|with)$/.test(first)) return false
  return tokens.every(({ kind }, index) => {
    const text = texts[index] ?? ""
    if (/^(?:update|share)$/.test(text) && isLock(texts, index)) return mayLock
    if (kind === "word" && effects.has(text)) return false
    if (mayCall || (kind !== "word" && kind !== "identifier") || texts[index + 1] !== "(") return true
    const before = texts[index - 1]
    // A table alias or the name of a common table expression, with its columns.
    if (before === "as" || before === "with" || before === "recursive") return true
    if (pure.has(text) && (before !== "." || texts[index - 2] === "pg_catalog")) return true
    return before !== "." && syntax.has(text)
  })
}

/**
 * Whether a statement is a query that changes nothing, so that it may run twice: one in which every called function is a
 * known built-in without side effects.
 *
 * It is conservative, but does not detect a view, an operator or a cast that calls others: {@link changesNothing} does.
 *
 * @example
 * ```ts
 * import { ReadOnly } from "alex-database/data-api"
 *
 * ReadOnly.isRead("select count(*) from users") // true
 * ReadOnly.isRead("select my_function()") // false
 * ```
 */
export const isRead = (sql: string): boolean => reads(sql, false, false)

/** Nodes of a plan that do not show all their expressions: those of VALUES, LIMIT and the frames of windows. */
const hiding = /\b(?:Values Scan|Limit|WindowAgg)\b/

/** Built-in functions, and those of extensions, that are volatile and write nothing. */
const harmless = `random.*|gen_random_.*|gen_salt|uuid.*|clock_timestamp|timeofday|currval|lastval|pg_.*_size|pg_lock_status
|pg_(get|show|stat_get)_.*|pg_hba_file_rules|pg_ident_file_mappings|pg_prepared_xact|pg_sequence_last_value|pg_is_in_recovery
|pg_current_.*_lsn|pg_blocking_pids|pg_stat_statements(_info)?|pg_buffercache_pages`

/**
 * Selects a row if a function of a plan may write: one that is volatile, or an aggregate of one's own with such a one. A
 * plan names no casts and no domain's constraints, and operators by their symbols. Where nodes hide some, the functions of
 * the views that the statement names count as well.
 */
const writers = `with recursive called as materialized (
  select distinct trim('".' from m[1]) as schema, trim('"' from m[2]) as name
  from regexp_matches(:plan, '((?:"[^"]+"|[a-z0-9_])+[.])?((?:"[^"]+"|[a-z0-9_])+)[(]', 'g') m
), used as materialized (
  select refobjid as id, classid, objid from pg_catalog.pg_depend
  where refclassid = 'pg_catalog.pg_proc'::regclass and refobjid > 16383
), viewed as (
  select oid from pg_catalog.pg_class where relkind = 'v' and oid > 16383 and strpos(lower(:words), lower(relname)) > 0
  union
  select refobjid from viewed join pg_catalog.pg_rewrite r on ev_class = viewed.oid
  join pg_catalog.pg_depend on classid = r.tableoid and objid = r.oid and refclassid = 'pg_catalog.pg_class'::regclass
)
select 1 from pg_catalog.pg_proc p where (provolatile = 'v' or p.oid in (
  select aggfnoid from pg_catalog.pg_aggregate join pg_catalog.pg_proc f on f.oid in (aggtransfn, aggfinalfn,
    aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn, aggminvtransfn, aggmfinalfn) and f.provolatile = 'v'
  where aggfnoid > 16383
))
and not ((pronamespace = 11 or prolang = 13) and proname ~ '^(${harmless.replaceAll("\n", "")})$')
and (exists (select 1 from called where name = replace(proname, '"', '""')
  and case when schema is null then pg_function_is_visible(p.oid)
    else schema in ('pg_temp', trim('"' from pronamespace::regnamespace::text)) end)
or p.oid in (select castfunc from pg_catalog.pg_cast where oid > 16383)
or p.oid in (select oprcode from pg_catalog.pg_operator where oid > 16383 and strpos(:plan, oprname) > 0)
or p.oid in (
  select id from used join pg_catalog.pg_constraint c on classid = c.tableoid and objid = c.oid
  join pg_catalog.pg_type t on t.oid = contypid
  where strpos(:plan, typname) > 0 or strpos(lower(:words), lower(typname)) > 0
)
or :hides and p.oid in (
  select id from used join pg_catalog.pg_rewrite r on classid = r.tableoid and objid = r.oid join viewed on viewed.oid = ev_class
)) limit 1`

type Sent<E> = Effect.Effect<ExecuteStatementResponse, E>

/** The calls in a statement, written as those of a plan. */
const calls = (sql: string): ReadonlyArray<string> => {
  const tokens = meaningful(sql)
  const texts = tokens.map(({ end, kind, start }) => {
    const text = sql.slice(start, end)
    return kind === "word" ? text.toLowerCase() : text
  })
  const nameAt = (index: number) => quotedName(unquotedName(texts[index]))
  return tokens.flatMap(({ kind }, index) => {
    if ((kind !== "word" && kind !== "identifier") || texts[index + 1] !== "(") return []
    return [`${texts[index - 1] === "." ? `${nameAt(index - 2)}.` : ""}${nameAt(index)}(`]
  })
}

/**
 * Whether a query changes nothing, so that it may run twice: its words are those of a query, and PostgreSQL says that no
 * function in its plan may write, be it that of a view, an operator, a policy or a cast.
 *
 * @param explain Sends the statement with the prefix.
 * @param ask Sends another statement.
 * @param isOverSize Whether the plan is too large for a response, as one with long constants may be. Then the words decide,
 * and the functions of the views that they name.
 */
export const changesNothing = <E>(
  sql: string,
  mayLock: boolean,
  explain: (prefix: string) => Sent<E>,
  ask: (sql: string, parameters: ReadonlyArray<SqlParameter>) => Sent<E>,
  isOverSize: (error: E) => boolean
): Effect.Effect<boolean> => {
  if (!reads(sql, mayLock, true)) return Effect.succeed(false)
  const mayWrite = (plan: ReadonlyArray<string>, hides: boolean) =>
    ask(writers, [
      { name: "plan", value: { stringValue: [...plan, ...(hides ? calls(sql) : [])].join("\n") } },
      { name: "words", value: { stringValue: sql } },
      { name: "hides", value: { booleanValue: hides } }
    ])
  const asked = Effect.matchEffect(explain("explain (verbose, costs off) "), {
    onFailure: (error) =>
      isOverSize(error) && reads(sql, mayLock, false) ? mayWrite([sql], true) : Effect.fail(error),
    onSuccess: ({ records = [] }) => {
      const lines = records.map(([line]) => (line !== undefined && "stringValue" in line ? line.stringValue : ""))
      const hides = lines.some((line) => hiding.test(line))
      return mayWrite(lines, hides)
    }
  })
  return Effect.match(asked, { onFailure: () => false, onSuccess: ({ records }) => records?.length === 0 })
}
