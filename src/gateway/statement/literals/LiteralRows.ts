/** Finds the literals in rows of VALUES that are alike but for them. Pure. */
import { type Item, isValues, rowItems, type Source, type Span } from "../rows/AlikeRows.ts"
import { type Literal, literalAt } from "./Literal.ts"

/** A literal that a parameter can replace. */
export interface Replaceable extends Span, Pick<Literal, "value" | "type"> {
  /** What follows the parameter: the cast of the column's other values, which a NULL may lack. */
  readonly cast: string
}

interface LiteralItem extends Literal {
  readonly at: number
  /** The cast behind the literal, if there is one. */
  readonly cast: string
}

/** An item that is a literal, perhaps with a cast; undefined for any other. */
const itemAt = (source: Source, first: number, last: number): LiteralItem | undefined => {
  const literal = literalAt(source, first)
  if (literal === undefined) return undefined
  const from = first + literal.size
  if (from > last) return { ...literal, at: first, cast: "" }
  // A sign is applied after the cast.
  if (literal.size > 1 || source.tokens[from]?.kind !== "cast") return undefined
  const isType = source.tokens
    .slice(from, last + 1)
    .every(({ kind }, at) => kind !== "symbol" || /^[.,()[\]]$/.test(source.texts[from + at] ?? ""))
  return isType ? { ...literal, at: first, cast: source.texts.slice(from, last + 1).join(" ") } : undefined
}

const hasOneText = (texts: ReadonlyArray<string>): boolean => texts.every((text) => text === texts[0])

/** The literals of a column; undefined if the column has something else. */
const columnOf = (source: Source, places: ReadonlyArray<Item>): ReadonlyArray<Replaceable> | undefined => {
  if (hasOneText(places.map(({ first, last }) => source.texts.slice(first, last + 1).join(" ")))) return []
  const items = places.map(({ first, last }) => itemAt(source, first, last))
  if (!items.every((item) => item !== undefined)) return undefined
  const given = items.filter(({ cast, value }) => value !== null || cast !== "")
  if (!hasOneText(given.map(({ cast }) => cast))) return undefined
  const type = items.find(({ value }) => value !== null)?.type ?? "unknown"
  return items.map((item) => ({
    start: source.tokens[item.at]?.start ?? 0,
    end: source.tokens[item.at + item.size - 1]?.end ?? 0,
    value: item.value,
    type: item.value === null ? type : item.type,
    cast: item.cast === "" ? (given[0]?.cast ?? "") : ""
  }))
}

/** The literals of the rows that begin at the token after VALUES; none if a column has something else, too. */
const rowsAt = (source: Source, first: number): ReadonlyArray<Replaceable> => {
  const rows = rowItems(source, first)
  const found: Array<Replaceable> = []
  for (const column of rows[0]?.items.keys() ?? []) {
    const literals = columnOf(
      source,
      rows.flatMap(({ items }) => items[column] ?? [])
    )
    if (literals === undefined) return []
    found.push(...literals)
  }
  return found
}

/** The literals in alike rows that differ from row to row. */
export const literalRows = (source: Source): ReadonlyArray<Replaceable> =>
  source.tokens.flatMap((_, at) => (isValues(source, at) ? rowsAt(source, at + 1) : []))
