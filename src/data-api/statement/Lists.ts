/**
 * Shortens the lists of a statement: `in ($1, $2, $3)` to `in ($1)`, the rows of VALUES to one row, or as many as a
 * column has types. The parameter types are the same for every length, so that one lookup is enough. Pure.
 */
import type { ListStart, Template } from "./Placeholders.ts"

/** The shortened statement. `standsFor` has, for each value of the whole one, the parameter that represents it. */
export interface Shortened {
  readonly sql: string
  readonly count: number
  readonly standsFor: ReadonlyArray<number>
}

/** The kind of each of the values in one position of a list's elements; the same for all if they have one type. */
export type Kinds = (values: ReadonlyArray<number>) => ReadonlyArray<string>

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

/** A position in the elements of a list. */
interface Column {
  /** The first value of each kind. */
  readonly firsts: ReadonlyArray<number>
  /** Each value, and the first one of its kind. */
  readonly represented: ReadonlyArray<readonly [value: number, first: number]>
}

const columnOf = (values: ReadonlyArray<number>, kinds: ReadonlyArray<string>): Column => {
  const firsts = new Map<string, number>()
  const represented = values.map((value, at) => {
    const kind = kinds[at] ?? ""
    const first = firsts.get(kind) ?? value
    firsts.set(kind, first)
    return [value, first] as const
  })
  return { firsts: [...firsts.values()], represented }
}

/** The columns of a list; undefined if it keeps its length. */
const columnsOf = (
  { parameters, repeated }: Template,
  starts: ReadonlyArray<number>,
  kindsOf: Kinds
): ReadonlyArray<Column> | undefined => {
  const [first = 0, second = 0] = starts
  const columns = Array.from({ length: second - first }, (_, column) =>
    starts.slice(0, -1).map((start) => parameters[start + column] ?? 0)
  )
  return columns.some((values) => values.some((value) => repeated.has(value)))
    ? undefined
    : columns.map((values) => columnOf(values, kindsOf(values)))
}

/** Shortens the lists of values. `from` is where the statement begins in the text. */
export const shorten = (template: Template, from: number, kindsOf: Kinds): Shortened => {
  const { parameters, pieces } = template
  const lists = new Map(template.lists.map((list) => [list.at, list]))
  const numbers = new Map<number, number>()
  const standsFor: Array<number> = []
  const number = (value: number): number => {
    const known = numbers.get(value) ?? numbers.size
    numbers.set(value, known)
    standsFor[value] = known
    return known
  }
  let sql = (pieces[0] ?? "").slice(from)
  let place = 0
  while (place < parameters.length) {
    const list = lists.get(place)
    const starts = list === undefined ? undefined : elements(template, list)
    const columns = starts === undefined ? undefined : columnsOf(template, starts, kindsOf)
    const end = (columns === undefined ? undefined : starts?.at(-1)) ?? place + 1
    const width = columns?.length ?? 1
    const rows = Math.max(1, ...(columns ?? []).map(({ firsts }) => firsts.length))
    for (let row = 0; row < rows; row++) {
      for (let at = place; at < place + width; at++) {
        const firsts = columns?.[at - place]?.firsts
        sql += `$${number(firsts?.[row] ?? firsts?.[0] ?? parameters[at] ?? 0) + 1}`
        if (at < place + width - 1 || row < rows - 1) sql += pieces[at + 1] ?? ""
      }
    }
    for (const { represented } of columns ?? []) {
      for (const [value, first] of represented) standsFor[value] = standsFor[first] ?? 0
    }
    sql += pieces[end] ?? ""
    place = end
  }
  return { sql, count: numbers.size, standsFor }
}
