/**
 * Packs long lists of a statement into one JSON parameter each, since the service limits the length of a statement more
 * than that of a value: `in ($1, $2, ...)` becomes `in (select r::int4 from json_array_elements_text(...))`. Pure.
 */
import { columnOf, type Values, type Where } from "./ListColumns.ts"
import { elements, itemCast } from "./Lists.ts"
import { type ListStart, placed, type Template } from "./Placeholders.ts"

/** A list that is sent as one JSON array. */
export interface PackedList {
  /** The name of its parameter. */
  readonly name: string
  /** The values of each element, as indexes of the statement's values. */
  readonly elements: ReadonlyArray<ReadonlyArray<number>>
  readonly rows: boolean
  /** For each column of several types, which of them each row has: further items of the rows. */
  readonly types?: ReadonlyArray<ReadonlyArray<number>>
}

/** The JSON array of a list. `textOf` gives a value as PostgreSQL reads it from text, or null for NULL. */
export const listJson = ({ elements, rows, types }: PackedList, textOf: (value: number) => string | null): string => {
  const texts = elements.map(
    (element, at): ReadonlyArray<string | number | null> => [
      ...element.map(textOf),
      ...(types?.map((column) => column[at] ?? 0) ?? [])
    ]
  )
  return JSON.stringify(rows ? texts : texts.flat())
}

/** A statement with packed lists. */
export interface Packed {
  readonly sql: string
  readonly lists: ReadonlyArray<PackedList>
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
  const columns: Array<string> = []
  const types: Array<ReadonlyArray<number>> = []
  for (let column = 0; column < width; column++) {
    const item = (at: number) => (start.rows ? `(r->>${at})` : "r")
    const found = columnOf(
      item(column),
      start.rows ? item(width + types.length) : undefined,
      packed.map((element) => element[column] ?? 0),
      values,
      where
    )
    if (found === undefined) return undefined
    columns.push(found.text)
    if (found.types !== undefined) types.push(found.types)
  }
  const cast = start.rows ? "" : (itemCast.exec(template.pieces[end] ?? "")?.[0] ?? "")
  const select = start.rows
    ? `select ${columns.map((column, index) => `${column} as column${index + 1}`).join(", ")} from json_array_elements(:${name}::json) as alex_rows(r)`
    : `select ${columns[0]}${cast} from json_array_elements_text(:${name}::json) as alex_rows(r)`
  const list: PackedList = { name, elements: packed, rows: start.rows, ...(types.length === 0 ? {} : { types }) }
  return { list, select, end, cast }
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
