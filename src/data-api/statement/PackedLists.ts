/**
 * Packs long lists of a statement into one JSON parameter each, since the service limits the length of a statement more
 * than that of a value: `in ($1, $2, ...)` becomes `in (select r::int4 from json_array_elements_text(...))`. Pure.
 */
import { elements } from "./Lists.ts"
import { type ListStart, type Placement, placed, type Template } from "./Placeholders.ts"

/** A list that is sent as one JSON array. */
export interface PackedList {
  /** The name of its parameter. */
  readonly name: string
  /** The values of each element, as indexes of the statement's values. */
  readonly elements: ReadonlyArray<ReadonlyArray<number>>
  readonly rows: boolean
}

/** A statement with packed lists. */
export interface Packed {
  readonly sql: string
  readonly lists: ReadonlyArray<PackedList>
}

/** The types of JavaScript's numbers. PostgreSQL gives a column of several of them the last one. */
const numbers = ["int4", "int8", "float8"]

/** The type of a column of a list, empty for text; undefined if its elements have several types. */
export const columnType = (types: ReadonlyArray<string>): string | undefined => {
  const several = new Set(types)
  if (several.size <= 1) return types[0] ?? ""
  return types.every((type) => numbers.includes(type)) ? numbers.findLast((type) => several.has(type)) : undefined
}

/** An expression for the text of a column of a list; undefined if its elements do not have one type. */
const typedColumn = (text: string, placements: ReadonlyArray<Placement>): string | undefined => {
  if (placements.length === 0) return "null"
  if (placements.some(({ _tag }) => _tag === "Literal")) return undefined
  const type = columnType(placements.map((placement) => (placement._tag === "Cast" ? placement.type : "")))
  return type === "" ? text : type && `${text}::${type}`
}

/** Where a list of rows begins in the text before it; a list of items begins after the text. */
const rowsStart = /(?:\bvalues\s*|(?<=\(\s*))\(\s*$/i

const plain = /^\s*,\s*$/

interface Place {
  readonly list: PackedList
  readonly select: string
  readonly end: number
}

/**
 * @param placementOf How the text contains a value; undefined for a NULL without a type.
 */
const place = (
  template: Template,
  start: ListStart,
  name: string,
  placementOf: (value: number) => Placement | undefined
): Place | undefined => {
  const { parameters, pieces, repeated } = template
  const starts = elements(template, start)
  const end = starts?.at(-1)
  if (starts === undefined || end === undefined) return undefined
  const width = (starts[1] ?? end) - start.at
  for (let at = start.at; at < end; at++) {
    if (repeated.has(parameters[at] ?? 0)) return undefined
    const isLast = (at - start.at) % width === width - 1
    if (!isLast && !plain.test(pieces[at + 1] ?? "")) return undefined
    if (isLast && start.rows && !/^\s*\)/.test(pieces[at + 1] ?? "")) return undefined
  }
  const packed = starts.slice(0, -1).map((from) => parameters.slice(from, from + width))
  const columns = Array.from({ length: width }, (_, column) =>
    typedColumn(
      start.rows ? `(r->>${column})` : "r",
      packed.flatMap((element) => placementOf(element[column] ?? 0) ?? [])
    )
  )
  if (columns.includes(undefined)) return undefined
  const select = start.rows
    ? `select ${columns.map((column, index) => `${column} as column${index + 1}`).join(", ")} from json_array_elements(:${name}::json) as alex_rows(r)`
    : `select ${columns[0]} from json_array_elements_text(:${name}::json) as alex_rows(r)`
  return { list: { name, elements: packed, rows: start.rows }, select, end }
}

/** The statement with its lists packed; undefined if it has none that can be. */
export const packLists = (
  template: Template,
  placements: ReadonlyArray<Placement>,
  isNull: (value: number) => boolean
): Packed | undefined => {
  const { lists, parameters, pieces } = template
  const starts = new Map(lists.map((list) => [list.at, list]))
  const packed: Array<PackedList> = []
  let sql = pieces[0] ?? ""
  let at = 0
  while (at < parameters.length) {
    const start = starts.get(at)
    const found =
      start === undefined
        ? undefined
        : place(template, start, `list${packed.length + 1}`, (value) =>
            isNull(value) && placements[value]?._tag === "Bare" ? undefined : placements[value]
          )
    const opening = start?.rows === true ? rowsStart.exec(sql) : null
    if (found === undefined || (found.list.rows && opening === null)) {
      const value = parameters[at] ?? 0
      sql += placed(value, placements[value]) + (pieces[at + 1] ?? "")
      at++
      continue
    }
    packed.push(found.list)
    const rest = pieces[found.end] ?? ""
    if (opening === null) sql += found.select + rest
    else {
      const isValues = opening[0].trim() !== "("
      sql = sql.slice(0, opening.index) + (isValues ? `(${found.select})` : found.select) + rest.replace(/^\s*\)/, "")
    }
    at = found.end
  }
  return packed.length === 0 ? undefined : { sql, lists: packed }
}
