/** The values of constants as they are written in SQL. Pure. */
import { writeArray } from "../../values/ArrayText.ts"
import { octetEscapes, textOfOctets } from "../../values/OctetEscapes.ts"

/**
 * The type that PostgreSQL gives a constant; a string has none before it is known where it stands. `empty` is the string
 * `{}`, as which psycopg2 writes an empty array, or an empty array with a cast.
 */
export type LiteralKind = "string" | "empty" | "null" | ScalarKind | `_${ScalarKind}` | "_text"
type ScalarKind = "bool" | "int4" | "int8" | "numeric"

export interface Literal {
  readonly kind: LiteralKind
  /** The value as PostgreSQL reads it from text. */
  readonly text: string | null
}

export const isString = (word = ""): boolean => /^[eE]?'/.test(word)

const control: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }

const ESCAPES = /* @__PURE__ */ new RegExp(
  String.raw`${octetEscapes}|\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})|\\([\s\S])|''?`,
  "g"
)

/** What an escape stands for; undefined if it is no text, or a quote that ends the string before another line. */
const unescaped = (written: string, short?: string, long?: string, one?: string): string | undefined => {
  if (written.startsWith("'")) return written === "''" ? "'" : undefined
  const code = short ?? long
  if (code !== undefined) {
    const point = Number.parseInt(code, 16)
    return point === 0 || point > 0x10ffff ? undefined : String.fromCodePoint(point)
  }
  if (one === undefined) return textOfOctets(written)
  return /[uU]/.test(one) ? undefined : (control[one] ?? one)
}

/** The value of `'...'` or `E'...'`; undefined if it is no text, or goes on in another line. */
export const stringValue = (word: string): string | undefined => {
  if (word.length < 2 || !word.endsWith("'")) return undefined
  if (word.startsWith("'")) return word.slice(1, -1).replaceAll("''", "'")
  let isText = true
  const text = word.slice(2, -1).replaceAll(ESCAPES, (written, short, long, one) => {
    const value = unescaped(written, short, long, one)
    isText &&= value !== undefined
    return value ?? ""
  })
  return isText && text.isWellFormed() ? text : undefined
}

const MOST = { int4: 2_147_483_647n, int8: 9_223_372_036_854_775_807n } as const

/** A number with or without a sign, in the type that PostgreSQL gives it; undefined for other notations. */
export const numberValue = (sign: "" | "-", word: string): Literal | undefined => {
  const text = sign + word
  if (/^(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(word) && !/^\d+$/.test(word)) return { kind: "numeric", text }
  if (!/^\d+$/.test(word)) return undefined
  const number = BigInt(word) - (sign === "" ? 0n : 1n)
  const kind = number <= MOST.int4 ? "int4" : number <= MOST.int8 ? "int8" : "numeric"
  return { kind, text }
}

const arrays: ReadonlyArray<LiteralKind> = ["_text", "_bool", "_int4", "_int8", "_numeric"]
const widening: ReadonlyArray<ReadonlyArray<LiteralKind>> = [
  ["int4", "int8", "numeric"],
  ["_int4", "_int8", "_numeric"]
]

/** The kind that holds the values of several kinds, in each of which they are the same; undefined if there is none. */
export const commonKind = (kinds: ReadonlySet<LiteralKind>): LiteralKind | undefined => {
  const own = new Set(kinds)
  own.delete("null")
  if (own.delete("empty") && !arrays.some((kind) => own.has(kind))) own.add("string")
  if (own.size <= 1) return [...own][0] ?? "null"
  const order = widening.find((kinds) => [...own].every((kind) => kinds.includes(kind)))
  return order?.findLast((kind) => own.has(kind))
}

/** An array of constants as one: of text, if they have no type and no cast follows; undefined for several types. */
export const arrayValue = (elements: ReadonlyArray<Literal>, isCast: boolean): Literal | undefined => {
  const values = elements.map(({ text }) => text)
  const text = writeArray({ dimensions: [{ size: values.length, lower: 1 }], elements: values })
  const kinds = elements.map(({ kind }) => kind)
  // Strings are read in the type of the others.
  const typed = kinds.filter((kind) => kind !== "string" && kind !== "empty" && kind !== "null")
  switch (commonKind(new Set(typed))) {
    case "null":
      return { kind: isCast ? "string" : "_text", text }
    case "bool":
      return { kind: "_bool", text }
    case "int4":
      return { kind: "_int4", text }
    case "int8":
      return { kind: "_int8", text }
    case "numeric":
      return { kind: "_numeric", text }
    default:
      return undefined
  }
}
