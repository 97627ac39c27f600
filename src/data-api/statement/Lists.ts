/**
 * A statement whose lists of values are cut to their first element: `in ($1, $2, $3)` to `in ($1)`, rows of VALUES to
 * the first. The types of its parameters are the same for every length. Pure.
 */
import type { ListStart, Template } from "./Placeholders.ts"

/** A statement with `$n` placeholders, and for each value of the whole statement the one that stands for it. */
export interface Shortened {
  readonly sql: string
  readonly count: number
  readonly standsFor: ReadonlyArray<number>
}

/** Whether values that stand at the same place of a list's elements are of one type. */
export type OneType = (values: ReadonlyArray<number>) => boolean

const boundary = { rows: /^([^()]*)\)\s*,\s*\(\s*$/, items: /^\s*(),\s*$/ }

/** The elements of a list: the places of the placeholders of each, or undefined where they are not all alike. */
const elements = ({ parameters, pieces }: Template, { at, rows }: ListStart): ReadonlyArray<number> | undefined => {
  const starts = [at]
  let width: string | undefined
  let inside = ""
  for (let place = at; place < parameters.length; place++) {
    const after = pieces[place + 1] ?? ""
    const next = (rows ? boundary.rows : boundary.items).exec(after)
    if (next !== null) {
      inside += next[1]
      width ??= inside
      if (inside !== width) return undefined
      inside = ""
      starts.push(place + 1)
    } else {
      const end = after.indexOf(")")
      const text = end === -1 ? after : after.slice(0, end)
      // What is not simple is left as it is: one statement for each length.
      if (text.includes("(") || (!rows && text.trim() !== "")) return undefined
      inside += end === -1 ? `${text}$` : text
      if (end === -1) continue
      return starts.length > 1 && inside === width ? [...starts, place + 1] : undefined
    }
  }
  return undefined
}

/** Whether every element's values are of the types of the first one's. */
const alike = (template: Template, starts: ReadonlyArray<number>, oneType: OneType): boolean => {
  const [first = 0, second = 0] = starts
  const width = second - first
  if (starts.some((start, index) => start !== first + index * width)) return false
  const columns = Array.from({ length: width }, (_, column) =>
    starts.slice(0, -1).map((start) => template.parameters[start + column] ?? 0)
  )
  return columns.every((values) => !values.some((value) => template.repeated.has(value)) && oneType(values))
}

/** Cuts the lists of a statement whose elements are alike. `from` is where the text begins that counts. */
export const shorten = (template: Template, from: number, oneType: OneType): Shortened => {
  const { parameters, pieces } = template
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
    const list = template.lists.find(({ at }) => at === place)
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
