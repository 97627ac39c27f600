/** CREATE TABLE AS, SELECT INTO and CREATE MATERIALIZED VIEW: their tags say how many rows there are, the service not. */
import * as Effect from "effect/Effect"
import { type ClientStatement, statementOf } from "../statement/ClientStatement.ts"
import { literal } from "../statement/DescribeSql.ts"
import { fieldText } from "../statement/FieldText.ts"
import type { Session } from "./ClientSession.ts"
import { asItIs } from "./RowStatements.ts"
import { done } from "./StatementOutcome.ts"

/** The setting that carries the number of rows out of the block that counts them. */
const SETTING = "alex_gateway.created"

interface Creation {
  /** The statement as EXECUTE takes it. */
  readonly sql: string
  readonly query: ClientStatement
  /** The table's name, with which nothing is done where it exists. */
  readonly unless?: string
}

/** The index of a word outside of all parentheses. */
const atTop = (words: ReadonlyArray<string>, wanted: string): number => {
  let depth = 0
  return words.findIndex((word) => {
    if (word === "(") depth++
    else if (word === ")") depth--
    return depth === 0 && word === wanted
  })
}

const endsWithout = (words: ReadonlyArray<string>): boolean => words.slice(-3).join(" ") === "with no data"

/** `SELECT ... INTO table ...`, which EXECUTE does not take, as CREATE TABLE AS. */
const selectInto = ({ sql, starts, words }: ClientStatement): Creation | undefined => {
  const into = atTop(words, "into")
  if (into === -1 || !/^(?:select|with)$/.test(words[0] ?? "")) return undefined
  let at = into + 1
  while (/^(?:temp|temporary|unlogged|local|global)$/.test(words[at] ?? "")) at++
  const kind = words.slice(into + 1, at).join(" ")
  if (words[at] === "table") at++
  const end = words[at + 1] === "." ? at + 3 : at + 1
  const [from = 0, name = 0, after = sql.length] = [starts[into], starts[at], starts[end]]
  const query = sql.slice(0, from) + sql.slice(after)
  return { sql: `create ${kind} table ${sql.slice(name, after)} as ${query}`, query: statementOf(query) }
}

/** What a statement makes of a query, with its rows. */
export const creationOf = (statement: ClientStatement): Creation | undefined => {
  const { sql, starts, words } = statement
  if (words[0] !== "create") return selectInto(statement)
  const table = words
    .slice(0, 5)
    .findIndex((word, index) => word === "table" || (word === "view" && words[index - 1] === "materialized"))
  const as = table === -1 ? -1 : atTop(words, "as")
  if (as === -1 || endsWithout(words) || !/^(?:select|with|values|table|\()$/.test(words[as + 1] ?? "")) {
    return undefined
  }
  // WITH DATA is not the query's.
  const end = words.slice(-2).join(" ") === "with data" ? starts.at(-2) : undefined
  const query = statementOf(sql.slice(starts[as + 1], end))
  if (words[table + 1] !== "if") return { sql, query }
  const name = table + 4
  return { sql, query, unless: sql.slice(starts[name], starts[words[name + 1] === "." ? name + 3 : name + 1]).trim() }
}

/** Runs the statement in a block that counts its rows; what PostgreSQL refuses it refuses in its own words. */
export const createFrom = Effect.fnUntraced(function* (
  session: Session,
  statement: ClientStatement,
  { query, sql, unless }: Creation
) {
  const answer = yield* session.describe(query, [])
  if (answer === "unknown" || "sqlState" in answer) return yield* asItIs(session, statement)
  if (session.transaction === undefined) yield* session.begin(true)
  const exists = unless === undefined ? "false" : `to_regclass(${literal(unless)}) is not null`
  const body = `declare n bigint; skips bool := ${exists}; begin execute ${literal(sql)}; get diagnostics n = row_count;
perform set_config('${SETTING}', case when not skips then n::text else '' end, true); end`
  yield* session.send({ sql: `do ${literal(body)}` })
  const { records } = yield* session.send({ sql: `select current_setting('${SETTING}')` })
  const field = records?.[0]?.[0]
  session.noteNames(statement.sql)
  const count = field === undefined ? "" : fieldText(field)
  const view = statement.words.includes("materialized") ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS"
  return done(count ? `SELECT ${count}` : view)
})
