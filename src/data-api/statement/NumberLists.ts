/**
 * Lists of whole numbers that a caller wrote into a statement: `in (1, 2, 3)`. The service limits the length of a
 * statement, so long ones are sent as one JSON parameter each. Pure.
 */
import { meaningful } from "./SqlLexer.ts"

/** A list of numbers that is sent as one JSON array. */
export interface SentNumbers {
  /** The name of its parameter. */
  readonly name: string
  readonly json: string
}

interface NumberList {
  /** Where the first number begins, and where the last one ends. */
  readonly start: number
  readonly end: number
  readonly numbers: ReadonlyArray<string>
}

const isWhole = /^\d+$/

/** The lists of a statement that have nothing but whole numbers. */
const numberLists = (sql: string): ReadonlyArray<NumberList> => {
  const tokens = meaningful(sql)
  const textAt = (index: number): string => sql.slice(tokens[index]?.start, tokens[index]?.end)
  const lists: Array<NumberList> = []
  for (let at = 0; at < tokens.length - 2; at++) {
    if (tokens[at]?.kind !== "word" || textAt(at).toLowerCase() !== "in" || textAt(at + 1) !== "(") continue
    const numbers: Array<string> = []
    let next = at + 2
    do {
      const sign = textAt(next) === "-" ? "-" : ""
      if (sign !== "") next++
      if (!isWhole.test(textAt(next))) break
      numbers.push(sign + textAt(next))
      next += 2
    } while (textAt(next - 1) === ",")
    if (numbers.length > 1 && textAt(next - 1) === ")") {
      lists.push({ start: tokens[at + 2]?.start ?? 0, end: tokens[next - 2]?.end ?? 0, numbers })
    }
  }
  return lists
}

/** The number with the most digits, or the largest of those, by which PostgreSQL decides the type. */
const widest = (numbers: ReadonlyArray<string>): bigint =>
  numbers.reduce((most, number) => {
    const value = BigInt(number.replace("-", ""))
    return value > most ? value : most
  }, 0n)

const typeOf = (value: bigint): string =>
  value <= 2_147_483_647n ? "int4" : value <= 9_223_372_036_854_775_807n ? "int8" : "numeric"

const replaced = (
  sql: string,
  lists: ReadonlyArray<NumberList>,
  by: (list: NumberList, index: number) => string
): string => {
  const parts: Array<string> = []
  let at = 0
  for (const [index, list] of lists.entries()) {
    parts.push(sql.slice(at, list.start), by(list, index))
    at = list.end
  }
  return parts.join("") + sql.slice(at)
}

/** The statement with its lists of numbers as parameters; undefined if it has none. */
export const packNumbers = (
  sql: string
): { readonly sql: string; readonly sent: ReadonlyArray<SentNumbers> } | undefined => {
  const lists = numberLists(sql)
  if (lists.length === 0) return undefined
  const nameOf = (index: number): string => `numbers${index + 1}`
  return {
    sql: replaced(sql, lists, ({ numbers }, index) => {
      const type = typeOf(widest(numbers))
      return `select r::${type} from json_array_elements_text(:${nameOf(index)}::json) as alex_rows(r)`
    }),
    sent: lists.map(({ numbers }, index) => ({ name: nameOf(index), json: JSON.stringify(numbers) }))
  }
}

/** The statement with one number in place of each list, which has the same types. */
export const shortenNumbers = (sql: string): string =>
  replaced(sql, numberLists(sql), ({ numbers }) => String(widest(numbers)))
