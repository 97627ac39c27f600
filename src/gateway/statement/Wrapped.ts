/**
 * Wraps a statement so that PostgreSQL returns each row as text, whatever its types: in one column, as a composite
 * value. Pure.
 */
import { literal } from "../../data-api/statement/Quoting.ts"
import type { ErrorFields } from "../protocol/BackendMessages.ts"
import type { ClientStatement } from "./ClientStatement.ts"

/** The name of the subquery, unlikely as a column name. */
const ROW = "alex_gateway_row"

export interface Wrapped {
  readonly sql: string
  /** Characters before the statement's own text. */
  readonly prefix: number
}

/** The texts that wrap a statement: before it, where its tail begins, and after it. */
export interface Frame {
  readonly lead: string
  readonly middle: string
  readonly trail: string
}

/** @param names the columns' names in parentheses, or nothing for their own */
export const frameOf = (
  { kind, tail }: Pick<ClientStatement, "kind" | "tail">,
  names: string,
  expressions: string
): Frame => {
  const trail = `\n) select ${expressions} from ${ROW}`
  if (tail > 0) return { lead: "", middle: `, ${ROW}${names} as (\n`, trail }
  if (kind === "write") return { lead: `with ${ROW}${names} as (\n`, middle: "", trail }
  return { lead: `select ${expressions} from (\n`, middle: "", trail: `\n) ${ROW}${names}` }
}

/** Columns whose binary form PostgreSQL writes. */
export interface SentColumns {
  /** The number of all columns. */
  readonly count: number
  /** The send functions by column index, from 0. */
  readonly functions: ReadonlyMap<number, string>
}

/**
 * The same for a statement that writes, which PostgreSQL refuses before it runs if it has another number of columns.
 *
 * The condition is dropped by the planner, after both sides of UNION were counted.
 */
export const withColumns = ({ prefix, sql }: Wrapped, count: number): Wrapped => {
  const nulls = Array.from({ length: count }, () => "null").join(", ")
  return {
    prefix,
    sql: `${sql} where true or exists (select from (select * from ${ROW} union all select ${nulls}) counted)`
  }
}

/** The SQLSTATE and words of PostgreSQL's refusal of another number of columns. */
export const hasOtherColumns = ({ code, message, position }: ErrorFields): boolean =>
  code === "42601" && position === undefined && message === "each UNION query must have the same number of columns"

/** Wraps a statement; the columns of `sent` are in the row as the text of a bytea. */
export const wrap = (statement: ClientStatement, sent?: SentColumns): Wrapped => {
  if (sent !== undefined) return wrapped(statement, sent)
  statement.made.wrapped ??= wrapped(statement, undefined)
  return statement.made.wrapped
}

const wrapped = (statement: ClientStatement, sent: SentColumns | undefined): Wrapped => {
  const { sql, tail } = statement
  const names = Array.from({ length: sent?.count ?? 0 }, (_, index) => `c${index}`)
  const values = names.map((name, index) => {
    const send = sent?.functions.get(index)
    return send === undefined ? name : `${literal("\\x")} || encode(${send}(${name}), 'hex')`
  })
  const { lead, middle, trail } =
    sent === undefined
      ? frameOf(statement, "", `${ROW}::text`)
      : frameOf(statement, `(${names.join(", ")})`, `row(${values.join(", ")})::text`)
  return { sql: lead + sql.slice(0, tail) + middle + sql.slice(tail) + trail, prefix: lead.length }
}

/** The values of a row from its text, as `record_out` writes it; null is SQL's NULL. */
export const readRow = (text: string): ReadonlyArray<string | null> => {
  const end = text.length - 1
  if (!text.includes('"')) {
    return text
      .slice(1, end)
      .split(",")
      .map((value) => (value === "" ? null : value))
  }
  const values: Array<string | null> = []
  let at = 1
  for (;;) {
    if (text[at] === '"') {
      let value = ""
      let from = ++at
      for (;;) {
        const c = text[at]
        if (c === undefined) return values
        if (c === '"' || c === "\\") {
          value += text.slice(from, at)
          if (c === '"' && text[at + 1] !== '"') break
          // A quote or backslash is doubled, or escaped by a backslash.
          from = at + 1
          at += 2
        } else at++
      }
      values.push(value)
      at++
    } else {
      const comma = text.indexOf(",", at)
      const stop = comma === -1 ? end : comma
      values.push(stop === at ? null : text.slice(at, stop))
      at = stop
    }
    if (at >= end) return values
    at++
    if (at === end) {
      values.push(null)
      return values
    }
  }
}
