/** Finds lists of literals: `array[1, 2]`, and the list of `in (1, 2)`. Pure. */
import { pgElementByOid, pgTypeByOid } from "../../../data-api/values/PgOids.ts"
import { writeArray } from "../../values/ArrayText.ts"
import type { Source, Span } from "../rows/AlikeRows.ts"
import { type Literal, literalAt, typeOfAll } from "./Literal.ts"

/** A literal that a parameter can replace. */
export interface Replaceable extends Span, Pick<Literal, "value" | "type"> {
  /** What stands before the parameter. */
  readonly before?: string
  /** What follows it: a cast. */
  readonly cast: string
}

/** Shorter lists outside of rows stay in the text. */
const FEW = 10

const text = 25

interface LiteralList {
  readonly items: ReadonlyArray<{ readonly at: number; readonly literal: Literal }>
  /** The type of all of them. */
  readonly type: string
  /** The token that closes the list. */
  readonly close: number
}

/** The list whose first item is at a token; undefined if it has anything but literals of one kind. */
const listAt = (source: Source, first: number, closing: string): LiteralList | undefined => {
  const items: Array<{ readonly at: number; readonly literal: Literal }> = []
  for (let at = first; ; ) {
    const literal = literalAt(source, at)
    if (literal === undefined) return undefined
    items.push({ at, literal })
    const after = at + literal.size
    if (source.texts[after] === closing) {
      const type = typeOfAll(items.map(({ literal }) => literal))
      return type === undefined ? undefined : { items, type, close: after }
    }
    if (source.texts[after] !== ",") return undefined
    at = after + 1
  }
}

/** Whether a type is one of arrays. */
export const isArray = (type: string): boolean => pgElementByOid.has(Number(type))

/** The array that begins at a token, as one literal; undefined if none does. Strings without a type are text. */
export const arrayAt = (source: Source, at: number): Literal | undefined => {
  if (source.texts[at + 1] !== "[" || !/^array$/i.test(source.texts[at] ?? "")) return undefined
  const list = listAt(source, at + 2, "]")
  const type = list === undefined ? undefined : pgTypeByOid.get(list.type === "unknown" ? text : Number(list.type))
  if (list === undefined || type === undefined) return undefined
  const elements = list.items.map(({ literal }) => literal.value)
  return {
    value: writeArray({ dimensions: [{ lower: 1, size: elements.length }], elements }),
    type: String(type.arrayOid),
    size: list.close + 1 - at,
    isSigned: false
  }
}

/** The place of a literal. */
export const spanOf = ({ tokens }: Source, at: number, { size }: Literal): Span => ({
  start: tokens[at]?.start ?? 0,
  end: tokens[at + size - 1]?.end ?? 0
})

/** An array, read once in a query of its own: PostgreSQL would read a parameter's text again for each row. */
const readOnce = (array: Literal): Pick<Replaceable, "before" | "cast"> => ({
  before: "(select ",
  cast: `)::pg_catalog."${pgElementByOid.get(Number(array.type))?.name}"[]`
})

/** The literals of long lists anywhere in a statement. An array is one literal. */
export const literalLists = (source: Source): ReadonlyArray<Replaceable> =>
  source.tokens.flatMap(({ kind }, at) => {
    if (kind !== "word") return []
    const array = arrayAt(source, at)
    if (array !== undefined) {
      const { type, value } = array
      return array.size > 2 * FEW ? [{ ...spanOf(source, at, array), ...readOnce(array), type, value }] : []
    }
    if (source.texts[at + 1] !== "(" || !/^in$/i.test(source.texts[at] ?? "")) return []
    const list = listAt(source, at + 2, ")")
    if (list === undefined || list.items.length < FEW) return []
    return list.items.map(({ at, literal }) => ({
      ...spanOf(source, at, literal),
      value: literal.value,
      type: list.type,
      cast: ""
    }))
  })
