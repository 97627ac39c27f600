/** What a statement is without its constants: programs that write values into their statements send a new text each time. */
import { meaningful } from "./SqlLexer.ts"

/** A whole number after one of these is a value, not a type modifier or a column number. */
const beforeValues = new Set(["=", "<", ">", "+", "-", "*", "/", "%", "limit", "offset", "and", "between"])

/** The type of a number depends on its size. */
const sizeOf = (digits: string): string => {
  if (digits.length < 10) return "4"
  const value = BigInt(digits)
  return value <= 2_147_483_647n ? "4" : value <= 9_223_372_036_854_775_807n ? "8" : digits
}

/** A statement's words, in lower case, and its other tokens as written, without space and comments. */
export const wordsOf = (sql: string): ReadonlyArray<string> =>
  meaningful(sql).map(({ end, kind, start }) => {
    const text = sql.slice(start, end)
    return kind === "word" ? text.toLowerCase() : text
  })

/** The text without its constants, which change neither the types of its parameters nor its columns. */
export const shapeOf = (words: ReadonlyArray<string>): string => {
  const shape: Array<string> = []
  let before = ""
  for (const word of words) {
    const isNumber = beforeValues.has(before) && /^\d+$/.test(word)
    shape.push(word.startsWith("'") ? "''" : isNumber ? sizeOf(word) : word)
    before = word
  }
  return shape.join(" ")
}
