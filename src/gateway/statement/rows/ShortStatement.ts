/**
 * Long statements with one element in place of each list, which have the same types and columns. Statements whose lists
 * differ in length are described once, and a question never exceeds the length of a statement for its lists. Pure.
 */
import * as Result from "effect/Result"
import { shorten } from "../../../data-api/statement/Lists.ts"
import { fromNumbered } from "../../../data-api/statement/Placeholders.ts"
import { type ClientStatement, statementOf } from "../ClientStatement.ts"
import { alikeRows, edited } from "./AlikeRows.ts"

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
  const oneType = (values: ReadonlyArray<number>): boolean => new Set(values.map(typeOf)).size === 1
  const short = shorten(template.success, 0, oneType)
  if (short.count === template.success.count && few.standsFor.size === 0) return undefined
  const standsFor = [...short.standsFor]
  for (const [value, other] of few.standsFor) standsFor[value] ??= short.standsFor[other] ?? 0
  const shortTypes: Array<string> = []
  for (const [value, at] of standsFor.entries()) shortTypes[at] ??= typeOf(value)
  return { statement: statementOf(short.sql, offset), types: shortTypes, standsFor }
}
