/**
 * Finds the rows of VALUES that have one shape: the same tokens, but for placeholders and for numbers that count up by
 * one from row to row. Pure.
 */
import { type Token, tokenize } from "../../../data-api/statement/SqlLexer.ts"

/** A part of the text. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A token of the first row that is another one in each row. */
export interface Mark extends Span {
  readonly counts: boolean
  /** Whether it is an item of the row by itself, or the operand of a cast: no operator or function sees its type. */
  readonly isPlain: boolean
}

export interface Row extends Span {
  /** The values of its placeholders, as indexes of the statement's values. */
  readonly values: ReadonlyArray<number>
}

/** The rows of one VALUES, at least two with at least one value each. */
export interface AlikeRows extends Span {
  readonly rows: readonly [Row, Row, ...ReadonlyArray<Row>]
  /** The items of the first row. */
  readonly items: ReadonlyArray<Span>
  readonly marks: ReadonlyArray<Mark>
}

/** A query in a row is run for each row; DEFAULT means nothing outside of VALUES. */
const fixed = /^(?:default|select|table|values)$/i

/** A statement's tokens without white space, and their texts. */
export interface Source {
  readonly tokens: ReadonlyArray<Token>
  readonly texts: ReadonlyArray<string>
}

export const sourceOf = (sql: string): Source => {
  const tokens = tokenize(sql).filter(({ kind }) => kind !== "space")
  return { tokens, texts: tokens.map(({ end, start }) => sql.slice(start, end)) }
}

/** The token after the parenthesis that closes the one at `open`; undefined if a row can't be moved to a SELECT. */
const afterRow = ({ texts, tokens }: Source, open: number, refused: RegExp): number | undefined => {
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    const text = texts[at] ?? ""
    const kind = tokens[at]?.kind
    if (text === "(" || text === "[") depth++
    else if (text === ")" || text === "]") depth--
    else if (kind === "comment" || (kind === "word" && refused.test(text))) return undefined
    if (depth === 0) return at + 1
  }
  return undefined
}

/**
 * The tokens at which the rows begin, and the one after the last row; undefined if a row has one of the words that keep it
 * from being moved to a SELECT.
 */
const boundaries = (source: Source, first: number, refused: RegExp): ReadonlyArray<number> | undefined => {
  const found = [first]
  for (let open = first; ; ) {
    const after = afterRow(source, open, refused)
    if (after === undefined) return undefined
    if (source.texts[after] !== ",") return [...found, after]
    open = after + 1
    if (source.texts[open] !== "(") return undefined
    found.push(open)
  }
}

type Change = "value" | "counter" | undefined

/** How a token changes from row to row; null if it is none of the ways. */
const changeOf = ({ texts, tokens }: Source, places: ReadonlyArray<number>): Change | null => {
  const [first = 0] = places
  const text = texts[first]
  const kind = tokens[first]?.kind
  if (places.every((at) => texts[at] === text)) return undefined
  if (kind === "parameter") return places.every((at) => tokens[at]?.kind === kind) ? "value" : null
  const from = Number(text)
  const counts =
    kind === "number" &&
    Number.isInteger(from) &&
    from + places.length <= 2_147_483_647 &&
    places.every((at, row) => texts[at] === String(from + row))
  return counts ? "counter" : null
}

/** Whether a cast follows, of either form. */
const isCast = ({ texts }: Source, at: number): boolean =>
  texts[at + 1] === "::" ||
  (/^as$/i.test(texts[at + 1] ?? "") && texts[at - 1] === "(" && /^cast$/i.test(texts[at - 2] ?? ""))

/** The first and the last token of an item of a row. */
export interface Item {
  readonly first: number
  readonly last: number
}

/** The items of the row between two tokens, its parentheses. */
export const itemsOf = ({ texts }: Source, open: number, close: number): ReadonlyArray<Item> => {
  let depth = 0
  let first = open + 1
  const items: Array<Item> = []
  for (let at = open; at <= close; at++) {
    const text = texts[at]
    if (text === "(" || text === "[") depth++
    else if (text === ")" || text === "]") depth--
    if (at < close && !(text === "," && depth === 1)) continue
    items.push({ first, last: at - 1 })
    first = at + 1
  }
  return items
}

/** A row, with the tokens of its parentheses. */
export interface RowItems {
  readonly open: number
  readonly close: number
  readonly items: ReadonlyArray<Item>
}

/** The rows that begin at the token after VALUES, at least two of one width; none if one can't be moved. */
export const rowItems = (source: Source, first: number, refused = fixed): ReadonlyArray<RowItems> => {
  const places = boundaries(source, first, refused) ?? []
  const end = places.at(-1) ?? 0
  const rows = places.slice(0, -1).map((open, row): RowItems => {
    const next = places[row + 1] ?? end
    // A comma is between two rows, and none behind the last.
    const close = next === end ? end - 1 : next - 2
    return { open, close, items: itemsOf(source, open, close) }
  })
  return rows.length > 1 && rows.every(({ items }) => items.length === rows[0]?.items.length) ? rows : []
}

/** Whether a list of rows follows the token. */
export const isValues = ({ texts, tokens }: Source, at: number): boolean =>
  tokens[at]?.kind === "word" && texts[at + 1] === "(" && /^values$/i.test(texts[at] ?? "")

const numberOf = (parameter: string): number => Number(parameter.slice(1)) - 1

/** The rows that begin at the token after VALUES. */
const rowsAt = (source: Source, first: number, once: ReadonlySet<string>): AlikeRows | undefined => {
  const [, second, ...others] = boundaries(source, first, fixed) ?? []
  const end = others.at(-1)
  if (second === undefined || end === undefined) return undefined
  const starts = [first, second, ...others.slice(0, -1)]
  const width = second - first
  if (end + 1 - first !== starts.length * width) return undefined
  const items = itemsOf(source, first, second - 2).map((item) => ({
    start: source.tokens[item.first]?.start ?? 0,
    end: source.tokens[item.last]?.end ?? 0
  }))
  const marks: Array<Mark> = []
  const valuesAt: Array<number> = []
  for (let offset = 0; offset < width - 1; offset++) {
    const places = starts.map((start) => start + offset)
    const change = changeOf(source, places)
    if (change === null) return undefined
    if (change === undefined) continue
    if (change === "value") {
      if (!places.every((at) => once.has(source.texts[at] ?? ""))) return undefined
      valuesAt.push(offset)
    }
    const { end: to = 0, start = 0 } = source.tokens[first + offset] ?? {}
    const isPlain = isCast(source, first + offset) || items.some((item) => item.start === start && item.end === to)
    marks.push({ start, end: to, counts: change === "counter", isPlain })
  }
  if (valuesAt.length === 0) return undefined
  const rowOf = (start: number): Row => ({
    start: source.tokens[start]?.start ?? 0,
    end: source.tokens[start + width - 2]?.end ?? 0,
    values: valuesAt.map((offset) => numberOf(source.texts[start + offset] ?? ""))
  })
  return {
    start: source.tokens[first - 1]?.start ?? 0,
    end: source.tokens[end - 1]?.end ?? 0,
    rows: [rowOf(first), rowOf(second), ...starts.slice(2).map(rowOf)],
    items,
    marks
  }
}

/** The parameters that a statement has in one place only. */
const onceIn = ({ texts, tokens }: Source): ReadonlySet<string> => {
  const once = new Set<string>()
  const seen = new Set<string>()
  for (const [at, text] of texts.entries()) {
    if (tokens[at]?.kind !== "parameter") continue
    if (seen.has(text)) once.delete(text)
    else once.add(text)
    seen.add(text)
  }
  return once
}

/** The lists of alike rows in a statement, in their order. */
export const alikeRows = (sql: string): ReadonlyArray<AlikeRows> => {
  const source = sourceOf(sql)
  const once = onceIn(source)
  return source.tokens.flatMap((_, at) => (isValues(source, at) ? (rowsAt(source, at + 1, once) ?? []) : []))
}
