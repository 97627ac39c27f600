/**
 * Packs long lists of a statement into one JSON parameter each, since the service limits the length of a statement more
 * than that of a value: `in ($1, $2, ...)` becomes `in (select r::int4 from json_array_elements_text(...))`. Pure.
 */
import { elements, itemCast } from "./Lists.ts"
import { bare, type ListStart, type Placement, placed, type Template } from "./Placeholders.ts"

/** A list that is sent as one JSON array. */
export interface PackedList {
  /** The name of its parameter. */
  readonly name: string
  /** The values of each element, as indexes of the statement's values. */
  readonly elements: ReadonlyArray<ReadonlyArray<number>>
  readonly rows: boolean
}

/** The JSON array of a list. `textOf` gives a value as PostgreSQL reads it from text, or null for NULL. */
export const listJson = ({ elements, rows }: PackedList, textOf: (value: number) => string | null): string => {
  const texts = elements.map((element) => element.map(textOf))
  return JSON.stringify(rows ? texts : texts.flat())
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

/** How a list's values are in its text. */
export interface Values {
  readonly placementOf: (value: number) => Placement | undefined
  /** Whether a value takes the type of the others in its column: NULL, and an array without elements. */
  readonly takesType: (value: number) => boolean
}

/** Where a list is. INSERT converts each value by itself; a subquery gives a column one type first. */
type Where = "insert" | "in" | "values"

/** A text as a value of a type; text that is cast to `regclass` would be a name, and not a number. */
const castOf = (text: string, type: string): string =>
  type === "" ? text : type === "regclass" ? `${text}::oid::${type}` : `${text}::${type}`

/** An expression for the text of a column of a list; undefined if its elements do not have one type. */
const typedColumn = (
  text: string,
  values: ReadonlyArray<number>,
  { placementOf, takesType }: Values,
  where: Where
): string | undefined => {
  const own = values.filter((value) => !takesType(value))
  const placements = (own.length > 0 ? own : values).map((value) => placementOf(value) ?? bare)
  if (placements.some(({ _tag }) => _tag === "Literal")) return undefined
  const types = placements.map((placement) => (placement._tag === "Cast" ? placement.type : ""))
  const type = columnType(types)
  if (type === undefined) return undefined
  // The type of an untyped NULL is left to INSERT, and is text in VALUES, as without the list.
  if (own.length === 0 && type === "") return where === "in" ? undefined : "null"
  // A float8 does not hold every int8, which INSERT would have stored as it is.
  return where === "insert" && type === "float8" && types.includes("int8") ? undefined : castOf(text, type)
}

/** What a list of rows replaces of the text before it; undefined if it can't be replaced. */
const rowsOpening = (before: string): string | undefined => {
  const text = before.trimEnd()
  if (!text.endsWith("(")) return undefined
  const outside = text.slice(0, -1).trimEnd()
  if (outside.endsWith("(")) return before.slice(text.length - 1)
  return /\bvalues$/i.test(outside.slice(-7)) ? before.slice(outside.length - 6) : undefined
}

const plain = /^\s*,\s*$/
/** What follows the last value of the last row: another row would not be in the list. */
const rowsEnd = /^\s*\)(?!\s*(?:,|--|\/\*))/

interface Place {
  readonly list: PackedList
  readonly select: string
  readonly end: number
  /** The cast of each item, as it is written. */
  readonly cast: string
}

/** Whether only commas and parentheses separate the values of a list, each of which is there once. */
const isPlain = (
  { parameters, pieces, repeated }: Template,
  { at: start, rows }: ListStart,
  end: number,
  width: number
) => {
  for (let at = start; at < end; at++) {
    const after = pieces[at + 1] ?? ""
    if (repeated.has(parameters[at] ?? 0)) return false
    const isLast = (at - start) % width === width - 1
    if (!isLast && !plain.test(after)) return false
    if (isLast && rows && !(at === end - 1 ? rowsEnd : /^\s*\)/).test(after)) return false
  }
  return true
}

const place = (template: Template, start: ListStart, name: string, values: Values, where: Where): Place | undefined => {
  const { parameters } = template
  const starts = elements(template, start)
  const end = starts?.at(-1)
  if (starts === undefined || end === undefined) return undefined
  const width = (starts[1] ?? end) - start.at
  if (!isPlain(template, start, end, width)) return undefined
  const packed = starts.slice(0, -1).map((from) => parameters.slice(from, from + width))
  const columns = Array.from({ length: width }, (_, column) =>
    typedColumn(
      start.rows ? `(r->>${column})` : "r",
      packed.map((element) => element[column] ?? 0),
      values,
      where
    )
  )
  if (columns.includes(undefined)) return undefined
  const cast = start.rows ? "" : (itemCast.exec(template.pieces[end] ?? "")?.[0] ?? "")
  const select = start.rows
    ? `select ${columns.map((column, index) => `${column} as column${index + 1}`).join(", ")} from json_array_elements(:${name}::json) as alex_rows(r)`
    : `select ${columns[0]}${cast} from json_array_elements_text(:${name}::json) as alex_rows(r)`
  return { list: { name, elements: packed, rows: start.rows }, select, end, cast }
}

/** The statement with its lists packed; undefined if it has none that can be. */
export const packLists = (template: Template, values: Values): Packed | undefined => {
  const { lists, parameters, pieces } = template
  const starts = new Map(lists.map((list) => [list.at, list]))
  const packed: Array<PackedList> = []
  // Parts, because to shorten a text that was put together copies the whole of it.
  const parts = [pieces[0] ?? ""]
  let at = 0
  let inserts = false
  while (at < parameters.length) {
    const before = pieces[at] ?? ""
    inserts ||= /\binsert\b/i.test(before)
    const start = starts.get(at)
    const opening = start?.rows === true ? rowsOpening(before) : ""
    const isValues = opening !== undefined && /^v/i.test(opening)
    const found =
      start === undefined || opening === undefined
        ? undefined
        : place(template, start, `list${packed.length + 1}`, values, !isValues ? "in" : inserts ? "insert" : "values")
    if (found === undefined || opening === undefined) {
      const value = parameters[at] ?? 0
      parts.push(placed(value, values.placementOf(value)), pieces[at + 1] ?? "")
      at++
      continue
    }
    packed.push(found.list)
    const last = parts.pop() ?? ""
    const rest = pieces[found.end] ?? ""
    parts.push(
      last.slice(0, last.length - opening.length),
      isValues ? `(${found.select})` : found.select,
      found.list.rows ? rest.replace(/^\s*\)/, "") : rest.slice(found.cast.length)
    )
    at = found.end
  }
  return packed.length === 0 ? undefined : { sql: parts.join(""), lists: packed }
}
