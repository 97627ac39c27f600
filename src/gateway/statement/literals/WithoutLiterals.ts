/**
 * Makes parameters of the literals of a long statement, which the service then takes: psycopg2, Rails and Sequelize write
 * values into the text. Those in alike rows of VALUES are packed afterwards. Pure.
 */
import { type ClientStatement, statementOf } from "../ClientStatement.ts"
import { edited, type Source, sourceOf } from "../rows/AlikeRows.ts"
import { stringValue } from "./Literal.ts"
import { literalLists, type Replaceable } from "./LiteralLists.ts"
import { literalRows } from "./LiteralRows.ts"
import { withoutDefaults } from "./WithoutDefaults.ts"

/** Shorter statements are sent as they are, in UTF-16 units: the service takes 65,536 characters, with what is added. */
const LONG = 60_000

/** Shorter strings outside of rows stay in the text. */
const LONG_STRING = 200

/** The most parameters that a statement can have in PostgreSQL's protocol. */
const MOST = 65_535

/** A statement with parameters in place of literals. */
export interface WithoutLiterals {
  readonly statement: ClientStatement
  /** For each parameter, the object id of its type, or `unknown`. */
  readonly types: ReadonlyArray<string>
  readonly values: ReadonlyArray<string | null>
}

/** Words before which an expression begins. Before others a string may be a part of a constant, as in `date '...'`. */
const before = /^(?:select|then|else|when|like|ilike|and|or|not|between|values|returning)$/i

/** Whether a statement is too long to be sent with its literals. */
export const isLong = ({ kind, sql }: ClientStatement): boolean =>
  sql.length >= LONG && (kind === "query" || kind === "write")

/** The long strings of a statement that are expressions by themselves. */
const longStrings = ({ texts, tokens }: Source): ReadonlyArray<Replaceable> =>
  tokens.flatMap(({ end, kind, start }, at) => {
    if (kind !== "string" || end - start < LONG_STRING || tokens[at + 1]?.kind === "string") return []
    const previous = texts[at - 1] ?? ""
    const begins = tokens[at - 1]?.kind === "word" ? before.test(previous) : /^[(,=<>|+*/%[]$/.test(previous)
    const value = begins ? stringValue(texts[at] ?? "") : undefined
    return value === undefined ? [] : [{ start, end, value, type: "unknown", cast: "" }]
  })

/** Literals in their order. One within another, a string in an array, goes with that. */
const apart = (literals: ReadonlyArray<Replaceable>): ReadonlyArray<Replaceable> => {
  const found: Array<Replaceable> = []
  for (const literal of literals.toSorted((one, other) => one.start - other.start || other.end - one.end)) {
    if (literal.start >= (found.at(-1)?.end ?? 0)) found.push(literal)
  }
  return found
}

/** The statement without its literals; undefined if it is not long, has parameters already, or no literal to replace. */
export const withoutLiterals = (long: ClientStatement): WithoutLiterals | undefined => {
  if (!isLong(long)) return undefined
  const sql = withoutDefaults(long.sql)
  const source = sourceOf(sql)
  if (source.tokens.some(({ kind, unterminated }) => kind === "parameter" || unterminated === true)) return undefined
  const rows = literalRows(source)
  const literals = apart([...rows, ...literalLists(source), ...longStrings(source)])
  if (literals.length === 0 || literals.length > MOST) return undefined
  const edits = literals.map(({ before = "", cast, end, start }, index) => ({
    start,
    end,
    text: `${before}$${index + 1}${cast}`
  }))
  return {
    statement: statementOf(edited(sql, edits), long.offset),
    types: literals.map(({ type }) => type),
    values: literals.map(({ value }) => value)
  }
}
