/**
 * Long statements with one element in place of each list, which have the same types and columns. Statements whose lists
 * differ in length are described once, and a question never exceeds the length of a statement for its lists. Pure.
 */
import * as Result from "effect/Result"
import { characters } from "../../../data-api/Limits.ts"
import { shorten } from "../../../data-api/statement/Lists.ts"
import { fromNumbered } from "../../../data-api/statement/Placeholders.ts"
import { type ClientStatement, statementOf } from "../ClientStatement.ts"
import { indexOfCharacter } from "../ErrorPosition.ts"
import { alikeRows } from "./AlikeRows.ts"
import { edited } from "./EditedText.ts"

/** Shorter statements are described as they are, in UTF-16 units. */
const LONG = 8000

export interface ShortStatement {
  readonly statement: ClientStatement
  /** The types that the client declares for its parameters. */
  readonly types: ReadonlyArray<string>
  /** For each parameter of the whole statement, the index of the one that stands for it. */
  readonly standsFor: ReadonlyArray<number>
}

/**
 * A statement with those of its alike rows that are the first to have a declared type in a column: PostgreSQL infers
 * from the types together. `standsFor` has, for a value of any row, the one of its type and column.
 */
const withFewRows = (sql: string, typeOf: (value: number) => string) => {
  const standsFor = new Map<number, number>()
  const edits = alikeRows(sql).flatMap(({ end, rows }) => {
    const [{ end: from }] = rows
    const first = new Map<string, number>()
    const kept = rows.filter(({ values }) => {
      const size = first.size
      for (const [column, value] of values.entries()) {
        const key = `${column} ${typeOf(value)}`
        const known = first.get(key)
        if (known === undefined) first.set(key, value)
        else standsFor.set(value, known)
      }
      return first.size > size
    })
    const others = kept.slice(1).map((row) => `, ${sql.slice(row.start, row.end)}`)
    return { start: from, end, text: others.join("") }
  })
  return { sql: edited(sql, edits), standsFor }
}

/** The short form of a long statement; undefined if it is not long, or has no lists of one declared type. */
export const shortStatement = (
  { offset, sql }: ClientStatement,
  types: ReadonlyArray<string>
): ShortStatement | undefined => {
  if (sql.length < LONG) return undefined
  const typeOf = (value: number): string => types[value] ?? "unknown"
  const few = withFewRows(sql, typeOf)
  const template = fromNumbered(few.sql)
  if (Result.isFailure(template)) return undefined
  const short = shorten(template.success, 0, (values) => values.map(typeOf))
  if (short.count === template.success.count && few.standsFor.size === 0) return undefined
  const standsFor = [...short.standsFor]
  for (const [value, other] of few.standsFor) standsFor[value] ??= short.standsFor[other] ?? 0
  const shortTypes: Array<string> = []
  for (const [value, at] of standsFor.entries()) shortTypes[at] ??= typeOf(value)
  return { statement: statementOf(short.sql, offset), types: shortTypes, standsFor }
}

const isParameter = (word = ""): boolean => /^\$\d+$/.test(word)

/** The indexes of a text's parameters among its words. */
const parametersOf = ({ words }: ClientStatement): ReadonlyArray<number> =>
  words.flatMap((word, at) => (isParameter(word) ? [at] : []))

/** The word of the whole statement that stands at a word of the short one; undefined if none does. */
const wordInWhole = (whole: ClientStatement, { standsFor, statement }: ShortStatement, at: number) => {
  const kept = new Set<number>()
  const first = new Set<number>()
  for (const [value, stand] of standsFor.entries()) {
    if (!first.has(stand)) kept.add(value)
    first.add(stand)
  }
  const own = parametersOf(statement)
  const theirs = parametersOf(whole).filter((word) => kept.has(Number(whole.words[word]?.slice(1)) - 1))
  const isSame = (one: number, other: number): boolean =>
    statement.words[one] === whole.words[other] ||
    (isParameter(statement.words[one]) && isParameter(whole.words[other]))
  // From the parameter before it, and where rows were left out in between, from the one after it.
  const before = own.findLastIndex((word) => word <= at)
  const from = own[before] ?? 0
  const inWhole = theirs[before] ?? 0
  const steps = Array.from({ length: at - from + 1 }, (_, step) => step)
  if (steps.every((step) => isSame(from + step, inWhole + step))) return inWhole + at - from
  const next = own[before + 1] ?? statement.words.length
  const found = (theirs[before + 1] ?? whole.words.length) - (next - at)
  return isSame(at, found) ? found : undefined
}

/** A position in a short statement as one in the whole statement, both from 1; undefined if it has none there. */
export const positionInWhole = (
  whole: ClientStatement,
  short: ShortStatement,
  position: number
): number | undefined => {
  const { sql, starts, words } = short.statement
  const index = indexOfCharacter(sql, position - 1)
  if (index >= sql.length) return characters(whole.sql) + 1
  const at = starts.findLastIndex((start) => start <= index)
  const found = wordInWhole(whole, short, at)
  const start = found === undefined ? undefined : whole.starts[found]
  if (start === undefined) return undefined
  const within = isParameter(words[at]) ? 0 : index - (starts[at] ?? 0)
  return characters(whole.sql.slice(0, start + within)) + 1
}
