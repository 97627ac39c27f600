/** CREATE TABLE AS, SELECT INTO and CREATE MATERIALIZED VIEW: their tags need a row count, which the service omits. */
import * as Effect from "effect/Effect"
import { literal } from "../../data-api/statement/Quoting.ts"
import { type ClientStatement, statementOf } from "../statement/ClientStatement.ts"
import { fieldText } from "../statement/FieldText.ts"
import type { Session } from "./ClientSession.ts"
import { asItIs } from "./RowStatements.ts"
import { done } from "./StatementOutcome.ts"

/** The setting that carries the row count out of the DO block. */
const SETTING = "alex_gateway.created"

interface Creation {
  /** The statement in a form that EXECUTE of PL/pgSQL accepts. */
  readonly sql: string
  readonly query: ClientStatement
  /** The table's name in IF NOT EXISTS. */
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

/** Rewrites `SELECT ... INTO table ...`, which EXECUTE refuses, as CREATE TABLE AS. */
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

/** Reads a statement that creates a table or view with the rows of a query; undefined for any other. */
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
  // WITH DATA is not part of the query.
  const end = words.slice(-2).join(" ") === "with data" ? starts.at(-2) : undefined
  const query = statementOf(sql.slice(starts[as + 1], end))
  if (words[table + 1] !== "if") return { sql, query }
  const name = table + 4
  return { sql, query, unless: sql.slice(starts[name], starts[words[name + 1] === "." ? name + 3 : name + 1]).trim() }
}

/** Runs the statement in a DO block that counts its rows; one that PostgreSQL refuses is sent as written. */
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
