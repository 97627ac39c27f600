/** Reads literals whose value a parameter can carry. Pure. */
import { pgTypeByName } from "../../../data-api/values/PgOids.ts"
import type { Source } from "../rows/AlikeRows.ts"

/** A literal of a statement. */
export interface Literal {
  /** Its value as text; null for NULL. */
  readonly value: string | null
  /** The object id of its type; `unknown` for a string and for NULL, whose type PostgreSQL infers. */
  readonly type: string
  /** The number of its tokens. */
  readonly size: number
  /** Whether a sign is before it, which is a token of its own and applied after a cast. */
  readonly isSigned: boolean
}

const oidOf = (name: string): string => String(pgTypeByName.get(name)?.oid)

const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }

/**
 * The value of `'...'` with `standard_conforming_strings`, or of `E'...'`; undefined for other strings, and for one with a
 * numbered escape or continued in another line.
 */
export const stringValue = (text: string): string | undefined => {
  if (text.startsWith("'")) return text.slice(1, -1).replaceAll("''", "'")
  if (!/^[eE]'/.test(text)) return undefined
  let isKnown = true
  const value = text.slice(2, -1).replaceAll(/''|'|\\([\s\S]?)/g, (written: string, letter?: string) => {
    if (written === "''") return "'"
    isKnown &&= letter !== undefined && letter !== "" && !/[xuU0-7]/.test(letter)
    return escapes[letter ?? ""] ?? letter ?? ""
  })
  return isKnown ? value : undefined
}

const numberType = (text: string): string | undefined => {
  if (!/^(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return undefined
  if (!/^\d+$/.test(text)) return oidOf("numeric")
  const value = BigInt(text)
  return oidOf(value <= 2_147_483_647n ? "int4" : value <= 9_223_372_036_854_775_807n ? "int8" : "numeric")
}

/** The literal that begins at a token; undefined if none does. */
export const literalAt = ({ texts, tokens }: Source, at: number): Literal | undefined => {
  const text = texts[at] ?? ""
  const kind = tokens[at]?.kind
  if (kind === "string") {
    const value = stringValue(text)
    return value === undefined ? undefined : { value, type: "unknown", size: 1, isSigned: false }
  }
  if (kind === "word") {
    const word = text.toLowerCase()
    if (word === "null") return { value: null, type: "unknown", size: 1, isSigned: false }
    if (word !== "true" && word !== "false") return undefined
    return { value: word, type: oidOf("bool"), size: 1, isSigned: false }
  }
  const isSigned = text === "-" || text === "+"
  const digits = isSigned ? texts[at + 1] : text
  const type = tokens[isSigned ? at + 1 : at]?.kind === "number" ? numberType(digits ?? "") : undefined
  if (type === undefined) return undefined
  return { value: text === "-" ? `-${digits}` : (digits ?? ""), type, size: isSigned ? 2 : 1, isSigned }
}

const numbers = ["int4", "int8", "numeric"].map(oidOf)

/** The type of literals together: the widest of numbers; undefined if they are of several kinds. */
export const typeOfAll = (literals: ReadonlyArray<Literal>): string | undefined => {
  const types = new Set(literals.filter(({ value }) => value !== null).map(({ type }) => type))
  if (types.size < 2) return [...types][0] ?? "unknown"
  return [...types].every((type) => numbers.includes(type)) ? numbers.findLast((type) => types.has(type)) : undefined
}
