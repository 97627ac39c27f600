/** The text sent to the service for a client's statement, with the service's placeholders for `$1`. Pure. */
import * as Result from "effect/Result"
import { isLonger, MAX_SQL_LENGTH } from "../../data-api/Limits.ts"
import { type PackedList, packLists } from "../../data-api/statement/PackedLists.ts"
import { castTo, fromNumbered, type Placement, render, type Template } from "../../data-api/statement/Placeholders.ts"
import type { ClientStatement } from "./ClientStatement.ts"
import { packRows } from "./rows/PackedRows.ts"
import type { Wrapped } from "./Wrapped.ts"

export interface SentText {
  /** The text with `$1`, which `sql` was made from. */
  readonly wrapped: string
  readonly casts: ReadonlyArray<string> | undefined
  readonly sql: string
  /** The number of its parameters. */
  readonly count: number
  /** The indexes of the parameters that occur in it, from 0. */
  readonly used: ReadonlySet<number>
  /** The lists that are sent as one parameter each, because the text would be too long. */
  readonly lists: ReadonlyArray<PackedList>
  /** The indexes of the arrays that could be sent as lists of texts. */
  readonly arrays: ReadonlyArray<number>
  /** Whether they are. */
  readonly listed: boolean
}

interface Sendable {
  readonly sql: string
  readonly lists: ReadonlyArray<PackedList>
  readonly listed: boolean
}

const packedLists = (template: Template, placements: ReadonlyArray<Placement>): Sendable => ({
  ...(packLists(template, { placementOf: (value) => placements[value], takesType: () => false }) ?? {
    sql: render(template, placements),
    lists: []
  }),
  listed: false
})

/** The statement, with its lists packed if it would be too long. */
const fitting = (
  sql: string,
  template: Template,
  casts: ReadonlyArray<string>,
  arrays: ReadonlyArray<number>
): Sendable => {
  const types = Array.from({ length: template.count }, (_, index) => casts[index] ?? "pg_catalog.text")
  const placements = types.map(castTo)
  const listed = types.map((type, index): Placement => (arrays.includes(index) ? { _tag: "List", type } : castTo(type)))
  const whole = render(template, listed)
  if (!isLonger(whole, MAX_SQL_LENGTH)) return { sql: whole, lists: [], listed: true }
  const lists = packedLists(template, placements)
  if (!isLonger(lists.sql, MAX_SQL_LENGTH)) return lists
  const rows = packRows(sql, casts)
  const read = rows === undefined ? undefined : fromNumbered(rows.sql)
  if (rows === undefined || read === undefined || Result.isFailure(read)) return lists
  const packed = packedLists(
    read.success,
    placements.map((placement, value) => rows.placements.get(value) ?? placement)
  )
  return { ...packed, lists: [...rows.lists, ...packed.lists] }
}

const isSame = (one: ReadonlyArray<number>, other: ReadonlyArray<number>): boolean =>
  one.length === other.length && one.every((index, at) => index === other[at])

/**
 * The text to send, with a cast for each parameter; a failure if the placeholders can't be read.
 *
 * @param arrays the indexes of the arrays that can be sent as lists of texts
 */
export const sentText = (
  { made, words }: ClientStatement,
  wrapped: Wrapped,
  casts: ReadonlyArray<string> | undefined,
  arrays: ReadonlyArray<number>
): Result.Result<SentText, string> => {
  const known = made.sent
  if (known?.wrapped === wrapped.sql && known.casts === casts && isSame(known.arrays, arrays))
    return Result.succeed(known)
  return Result.map(fromNumbered(wrapped.sql), (template) => {
    // `$1` in the body of a function is the function's argument, not a parameter of the statement.
    if (
      casts === undefined &&
      words[0] === "create" &&
      /^(?:function|procedure)$/.test(words[words[1] === "or" ? 3 : 1] ?? "")
    ) {
      const own = Array.from({ length: template.count }, (_, at) => ({ _tag: "Literal" as const, text: `$${at + 1}` }))
      const sql = render(template, own)
      made.sent = { wrapped: wrapped.sql, casts, arrays, sql, count: 0, used: new Set(), lists: [], listed: false }
      return made.sent
    }
    const { listed, lists, sql } = fitting(wrapped.sql, template, casts ?? [], arrays)
    const used = new Set(template.parameters)
    for (const value of lists.flatMap(({ elements }) => elements.flat())) used.delete(value)
    made.sent = { wrapped: wrapped.sql, casts, arrays, sql, count: template.count, used, lists, listed }
    return made.sent
  })
}
