/** Finds the literals in rows of VALUES that are alike but for them. Pure. */
import { type Item, isValues, rowItems, type Source } from "../rows/AlikeRows.ts"
import { type Literal, literalAt } from "./Literal.ts"
import { arrayAt, isArray, type Replaceable, spanOf } from "./LiteralLists.ts"

interface LiteralItem extends Literal {
  readonly at: number
  /** The cast behind the literal, if there is one. */
  readonly cast: string
}

/** An item that is a literal, perhaps with a cast; undefined for any other. */
const itemAt = (source: Source, first: number, last: number): LiteralItem | undefined => {
  const literal = arrayAt(source, first) ?? literalAt(source, first)
  if (literal === undefined) return undefined
  const from = first + literal.size
  if (from > last) return { ...literal, at: first, cast: "" }
  if (literal.isSigned || source.tokens[from]?.kind !== "cast") return undefined
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
  const type = items.find(({ type }) => type !== "unknown")?.type ?? "unknown"
  // psycopg2 writes an empty list as a string.
  const isEmpty = ({ value }: Literal) => value === "{}" && isArray(type)
  return items.map((item) => ({
    ...spanOf(source, item.at, item),
    value: item.value,
    type: item.value === null || isEmpty(item) ? type : item.type,
    // A NULL may lack the cast that the others have.
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
