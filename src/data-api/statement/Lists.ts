/**
 * Shortens the lists of a statement to their first element: `in ($1, $2, $3)` to `in ($1)`, the rows of VALUES to the
 * first one. The parameter types are the same for every length, so that one lookup is enough. Pure.
 */
import type { ListStart, Template } from "./Placeholders.ts"

/** The shortened statement. `standsFor` has, for each value of the whole one, the parameter that represents it. */
export interface Shortened {
  readonly sql: string
  readonly count: number
  readonly standsFor: ReadonlyArray<number>
}

/** Whether the values in one position of a list's elements have one type. */
export type OneType = (values: ReadonlyArray<number>) => boolean

/**
 * A cast of an element of `in (...)` that PostgreSQL compares in the same way in a subquery. That is not so for numbers
 * with a fraction, since a list is given the type of its other side, and a subquery is not.
 */
export const itemCast =
  /^\s*::\s*(?:int2|int4|int8|int|integer|smallint|bigint|uuid|text|varchar|date|timestamp|timestamptz)(?=\s*[,)])/i

const boundary = {
  rows: /^([^()]*)\)\s*,\s*\(\s*$/,
  items: new RegExp(`^((?:${itemCast.source.slice(1)})?)\\s*,\\s*$`, "i")
}

/** The first placeholder of each element of a list, and the end; undefined if the elements differ in form. */
export const elements = (
  { parameters, pieces }: Template,
  { at, rows }: ListStart
): ReadonlyArray<number> | undefined => {
  const starts = [at]
  let width: string | undefined
  let inside = ""
  for (let place = at; place < parameters.length; place++) {
    const after = pieces[place + 1] ?? ""
    const next = (rows ? boundary.rows : boundary.items).exec(after)
    if (next !== null) {
      inside += (next[1] ?? "").trimEnd()
      width ??= inside
      if (inside !== width) return undefined
      inside = ""
      starts.push(place + 1)
    } else {
      const end = after.indexOf(")")
      const text = end === -1 ? after : after.slice(0, end)
      // Other lists are not shortened: each length is then another statement.
      if (text.includes("(")) return undefined
      inside += end === -1 ? `${text}$` : text.trimEnd()
      if (end === -1) continue
      return starts.length > 1 && inside === width ? [...starts, place + 1] : undefined
    }
  }
  return undefined
}

/** Whether the values of every element have the types of the first element's. */
const alike = (template: Template, starts: ReadonlyArray<number>, oneType: OneType): boolean => {
  const [first = 0, second = 0] = starts
  const width = second - first
  const columns = Array.from({ length: width }, (_, column) =>
    starts.slice(0, -1).map((start) => template.parameters[start + column] ?? 0)
  )
  return columns.every((values) => !values.some((value) => template.repeated.has(value)) && oneType(values))
}

/** Shortens the lists whose elements are alike. `from` is where the statement begins in the text. */
export const shorten = (template: Template, from: number, oneType: OneType): Shortened => {
  const { parameters, pieces } = template
  const lists = new Map(template.lists.map((list) => [list.at, list]))
  const numbers = new Map<number, number>()
  const standsFor: Array<number> = []
  const number = (value: number): number => {
    const known = numbers.get(value)
    if (known !== undefined) return known
    numbers.set(value, numbers.size)
    return numbers.size - 1
  }
  let sql = (pieces[0] ?? "").slice(from)
  let place = 0
  while (place < parameters.length) {
    const list = lists.get(place)
    const starts = list === undefined ? undefined : elements(template, list)
    const cut = starts !== undefined && alike(template, starts, oneType)
    const [first = place, second = place + 1] = cut ? starts : []
    const end = cut ? (starts.at(-1) ?? second) : second
    for (let at = first; at < second; at++) {
      const value = parameters[at] ?? 0
      standsFor[value] = number(value)
      sql += `$${(standsFor[value] ?? 0) + 1}`
      if (at + 1 < second) sql += pieces[at + 1] ?? ""
    }
    for (let at = second; at < end; at++) {
      standsFor[parameters[at] ?? 0] = standsFor[parameters[first + ((at - first) % (second - first))] ?? 0] ?? 0
    }
    sql += pieces[end] ?? ""
    place = end
  }
  return { sql, count: numbers.size, standsFor }
}
