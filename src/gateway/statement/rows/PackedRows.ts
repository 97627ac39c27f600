/**
 * Packs the rows of VALUES into one JSON parameter, where they are more than placeholders: the first row becomes the
 * expressions of a SELECT, so that casts, functions and running numbers are evaluated for each row as they were. Pure.
 */
import type { PackedList } from "../../../data-api/statement/PackedLists.ts"
import type { Placement } from "../../../data-api/statement/Placeholders.ts"
import { type AlikeRows, alikeRows, type Mark } from "./AlikeRows.ts"
import { type Edit, edited } from "./EditedText.ts"

/** A statement whose rows are packed, with `$1` for its placeholders. */
export interface PackedRows {
  readonly sql: string
  readonly placements: ReadonlyMap<number, Placement>
  readonly lists: ReadonlyArray<PackedList>
}

/** Types of numbers, as casts name them, of which each holds the values of those before it. */
const widening = [
  ["int2", "int4", "int8", '"numeric"'],
  ["int2", "int4", "float8"],
  ["_int2", "_int4", "_int8", "_numeric"]
]

/** The cast of a column of values; undefined if they are of several types. */
const castOf = (casts: ReadonlyArray<string>, { isPlain }: Mark): string | undefined => {
  const several = new Set(casts)
  if (several.size === 1) return casts[0]
  if (!isPlain) return undefined
  const order = widening.find((types) => casts.every((cast) => types.includes(cast)))
  return order?.findLast((type) => several.has(type))
}

/** The casts of each column of values; undefined if one has several types. */
const castsOf = ({ marks, rows }: AlikeRows, casts: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
  const found = marks
    .filter(({ counts }) => !counts)
    .map((mark, column) =>
      castOf(
        rows.map(({ values }) => casts[values[column] ?? 0] ?? "pg_catalog.text"),
        mark
      )
    )
  return found.every((cast) => cast !== undefined) ? found : undefined
}

/** What makes a query of the rows. The placeholders of the first one stay, and `parameter` is the list. */
const editsOf = (sql: string, { end, items, marks, rows, start }: AlikeRows, parameter: number): Array<Edit> => {
  const [first] = rows
  const counters = marks.filter(({ counts }) => counts)
  const alias = counters.length > 0 ? "with ordinality as alex_rows(alex_row, alex_number)" : "as alex_rows(alex_row)"
  const inside = [
    ...counters.map((mark) => {
      const shift = Number(sql.slice(mark.start, mark.end)) - 1
      return { start: mark.start, end: mark.end, text: `((alex_number + ${shift})::int4)` }
    }),
    ...items.map((item, index) => ({ start: item.end, end: item.end, text: ` as column${index + 1}` }))
  ]
  return [
    { start, end: first.start + 1, text: "(select " },
    // A name is put after a counter that ends where it begins.
    ...inside.sort((one, other) => one.start - other.start),
    { start: first.end - 1, end, text: ` from json_array_elements($${parameter + 1}::json) ${alias})` }
  ]
}

/** The statement with its alike rows packed; undefined if it has none. `casts` are those of its values. */
export const packRows = (sql: string, casts: ReadonlyArray<string>): PackedRows | undefined => {
  const edits: Array<Edit> = []
  const lists: Array<PackedList> = []
  const placements = new Map<number, Placement>()
  for (const list of alikeRows(sql)) {
    const types = castsOf(list, casts)
    if (types === undefined) continue
    const [first, second] = list.rows
    for (const [column, cast] of types.entries()) {
      placements.set(first.values[column] ?? 0, { _tag: "Literal", text: `((alex_row->>${column})::${cast})` })
    }
    const name = `rows${lists.length + 1}`
    // The text has no other use of it, since the row is in the list.
    const parameter = second.values[0] ?? 0
    placements.set(parameter, { _tag: "Literal", text: `:${name}` })
    edits.push(...editsOf(sql, list, parameter))
    lists.push({ name, elements: list.rows.map(({ values }) => values), rows: true })
  }
  return lists.length === 0 ? undefined : { sql: edited(sql, edits), placements, lists }
}
