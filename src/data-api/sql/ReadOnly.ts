/** Whether a statement only reads, decided by its words alone. Pure. */
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

/** A name that PostgreSQL does not change, and that is one in its catalogue as it stands. */
const plainName = /^[a-z_][\w$]*$/

/**
 * The functions that a query calls and of which it is not known that they have no side effects: of a query that only reads
 * there are none. Undefined for a statement that writes, or locks unless it may, and for a function that its name alone
 * does not identify.
 *
 * It is conservative: SELECT, VALUES, TABLE, SHOW and WITH without a word that writes or locks. It does not detect a view
 * or an operator that calls others.
 */
export const unknownFunctions = (sql: string, mayLock = false): ReadonlyArray<string> | undefined => {
  const tokens = meaningful(sql)
  const texts = tokens.map((token) => sql.slice(token.start, token.end).toLowerCase())
  const first = texts.find((text) => text !== "(")
  if (first === undefined || !/^(?:select|values|table|show|with)$/.test(first)) return undefined
  const unknown: Array<string> = []
  const reads = tokens.every(({ kind }, index) => {
    const text = texts[index] ?? ""
    if (/^(?:update|share)$/.test(text) && isLock(texts, index)) return mayLock
    if (kind === "word" && effects.has(text)) return false
    if ((kind !== "word" && kind !== "identifier") || texts[index + 1] !== "(") return true
    const before = texts[index - 1]
    // A table alias or the name of a common table expression, with its columns.
    if (before === "as" || before === "with" || before === "recursive") return true
    if (pure.has(text) && (before !== "." || texts[index - 2] === "pg_catalog")) return true
    if (before !== "." && syntax.has(text)) return true
    unknown.push(text)
    return plainName.test(text)
  })
  return reads ? unknown : undefined
}

/**
 * Whether a statement is a query that changes nothing, so that it may run twice: one in which every called function is a
 * known built-in without side effects.
 *
 * @example
 * ```ts
 * import { ReadOnly } from "alex-database/data-api"
 *
 * ReadOnly.isRead("select count(*) from users") // true
 * ReadOnly.isRead("select my_function()") // false
 * ```
 */
export const isRead = (sql: string): boolean => unknownFunctions(sql)?.length === 0
