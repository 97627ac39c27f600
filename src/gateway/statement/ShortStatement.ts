/**
 * Long statements with one element in place of each list, which have the same types and columns. Statements whose lists
 * differ in length are described once, and a question never exceeds the length of a statement for its lists. Pure.
 */
import * as Result from "effect/Result"
import { shorten } from "../../data-api/statement/Lists.ts"
import { fromNumbered } from "../../data-api/statement/Placeholders.ts"
import { type ClientStatement, statementOf } from "./ClientStatement.ts"

/** Shorter statements are described as they are, in UTF-16 units. */
const LONG = 8000

export interface ShortStatement {
  readonly statement: ClientStatement
  /** The types that the client declares for its parameters. */
  readonly types: ReadonlyArray<string>
  /** For each parameter of the whole statement, the index of the one that stands for it. */
  readonly standsFor: ReadonlyArray<number>
}

/** The short form of a long statement; undefined if it is not long, or has no lists of one declared type. */
export const shortStatement = (
  { offset, sql }: ClientStatement,
  types: ReadonlyArray<string>
): ShortStatement | undefined => {
  if (sql.length < LONG) return undefined
  const template = fromNumbered(sql)
  if (Result.isFailure(template)) return undefined
  const typeOf = (value: number): string => types[value] ?? "unknown"
  const oneType = (values: ReadonlyArray<number>): boolean => new Set(values.map(typeOf)).size === 1
  const short = shorten(template.success, 0, oneType)
  if (short.count === template.success.count) return undefined
  const shortTypes: Array<string> = []
  for (const [value, at] of short.standsFor.entries()) shortTypes[at] ??= typeOf(value)
  return { statement: statementOf(short.sql, offset), types: shortTypes, standsFor: short.standsFor }
}
