/**
 * Moves the constants of a long statement into parameters: each list of them into a JSON array, and each long string.
 * PostgreSQL is asked for the types of the strings by a short statement, in which one element stands for each list. Pure.
 */
import type { ClientStatement } from "../ClientStatement.ts"
import { edited, editedStatement } from "../rows/EditedText.ts"
import { ALONE, arrayAt, type Item } from "./LiteralItems.ts"
import { type LiteralList, literalLists } from "./LiteralLists.ts"
import { commonKind, isString, type Literal, type LiteralKind, stringValue } from "./LiteralValue.ts"

/** Shorter lists and strings stay in the text. */
const LONG = 200

/** A part of the statement whose constants are one parameter. */
interface Part {
  readonly start: number
  readonly end: number
  /** How many types the question asks for. */
  readonly asks: number
  /** What stands for it in the question; the first parameter that it may use is given. */
  readonly question: (parameter: number) => string
  /** What replaces it, for its parameter and the casts that were asked for. */
  readonly sent: (parameter: number, casts: ReadonlyArray<string>) => string
  readonly cast: (casts: ReadonlyArray<string>) => string
  readonly value: string
}

/** The text of an item with its constants replaced; they count from `first`. */
const withSlots = (
  { sql, starts, words }: ClientStatement,
  { from, slots, to }: Item,
  first: number,
  textOf: (slot: number) => string
): string => {
  const edits = slots.map((slot, at) => ({
    start: starts[slot.from] ?? 0,
    end: (starts[slot.to - 1] ?? 0) + (words[slot.to - 1]?.length ?? 0),
    text: textOf(first + at)
  }))
  const start = starts[from] ?? 0
  const shifted = edits.map(({ end, text, start: at }) => ({ start: at - start, end: end - start, text }))
  return edited(sql.slice(start, starts[to]), shifted).trimEnd()
}

/** The items of an element with their constants replaced. */
const itemsWith = (statement: ClientStatement, { columns }: LiteralList, textOf: (slot: number) => string) => {
  let first = 0
  return columns.map((item) => {
    const text = withSlots(statement, item, first, textOf)
    first += item.slots.length
    return text
  })
}

const typed = (kind: LiteralKind | undefined): string => `(null::pg_catalog.${kind})`

/** For each constant of an element its place among the strings, whose types are asked for. */
const stringsOf = (kinds: LiteralList["kinds"]): ReadonlyMap<number, number> =>
  new Map(kinds.flatMap((kind, slot) => (kind === "string" ? [slot] : [])).map((slot, at) => [slot, at]))

const listPart = (statement: ClientStatement, list: LiteralList): Part => {
  const { columns, end, firstKinds, form, kinds, start, values } = list
  const strings = stringsOf(kinds)
  const isAlone = form === "items" && columns[0]?.shape === ALONE
  const number = commonKind(new Set([...firstKinds].filter((kind) => kind !== "string" && kind !== "empty")))
  const question = (parameter: number): string => {
    const texts = itemsWith(statement, list, (slot) => {
      const at = strings.get(slot)
      return at === undefined ? (kinds[slot] === "null" ? "null" : typed(kinds[slot])) : `$${parameter + at}`
    })
    // The type of all elements of IN together is that of a parameter beside them.
    if (isAlone) return number === "null" ? `$${parameter}` : `${typed(number)}, $${parameter}`
    if (form === "items") return `(${texts[0]}), $${parameter + strings.size}`
    // PostgreSQL allows in a single row what it refuses in several.
    return `${form === "values" ? "values " : ""}(${texts.join(", ")}), (${texts.join(", ")})`
  }
  const sent = (parameter: number, casts: ReadonlyArray<string>): string => {
    const texts = itemsWith(statement, list, (slot) => {
      if (!isAlone && kinds[slot] === "null") return "null"
      const asked = isAlone ? 0 : strings.get(slot)
      return `((alex_row->>${slot})::${asked === undefined ? `pg_catalog.${kinds[slot]}` : casts[asked]})`
    })
    const items = form === "items" && !isAlone ? [`(${texts[0]})::${casts[strings.size]}`] : texts
    const named = items.map((text, at) => `${text} as column${at + 1}`).join(", ")
    const select = `select ${named} from json_array_elements($${parameter}) as alex_rows(alex_row)`
    return form === "values" ? `(${select})` : select
  }
  const asks = isAlone ? 1 : strings.size + (form === "items" ? 1 : 0)
  return { start, end, asks, question, sent, cast: () => "pg_catalog.json", value: JSON.stringify(values) }
}

/** Words after which a string is a constant by itself; after others it may belong to them, as in `date '2026-01-01'`. */
const before = new Set("select then else when and or not like ilike between returning in from".split(" "))

const isFree = (word = ""): boolean => /^[-+*/<>=~!@#%^&|`?(,[]$/.test(word) || before.has(word)

/** A string that stands alone, or the elements of an array that is cast. */
const stringPart = (start: number, end: number, value: string, textOf = (name: string) => name): Part => ({
  start,
  end,
  asks: 1,
  question: (parameter) => `$${parameter}`,
  sent: (parameter) => textOf(`$${parameter}`),
  cast: ([cast = ""]) => cast,
  value
})

/** An array. PostgreSQL would read the text of a parameter again for each row, and that of a subquery once. */
const arrayPart = (start: number, end: number, { kind, text }: Literal): Part => {
  if (kind === "string") return stringPart(start, end, text ?? "", (name) => `(select ${name})`)
  const cast = `pg_catalog.${kind}`
  const sent = (parameter: number) => `(select $${parameter})::${cast}`
  return { start, end, asks: 0, question: () => typed(kind), sent, cast: () => cast, value: text ?? "" }
}

/** The long strings and arrays outside of the lists. For GROUP BY a string is the same as itself, but not a parameter. */
const constantParts = ({ starts, words }: ClientStatement, lists: ReadonlyArray<LiteralList>): ReadonlyArray<Part> => {
  const seen = new Set<string>()
  const groups = words.includes("group")
  const grouped = new Set(
    words.filter((word) => groups && word.length >= LONG && isString(word) && seen.size === seen.add(word).size)
  )
  const found: Array<Part> = []
  let past = 0
  for (const [at, word] of words.entries()) {
    const start = starts[at] ?? 0
    if (start < past || !isFree(words[at - 1]) || lists.some((list) => list.start <= start && start < list.end))
      continue
    const array = arrayAt(words, at)
    const last = (array?.to ?? at + 1) - 1
    const end = (starts[last] ?? 0) + (words[last]?.length ?? 0)
    if (end - start < LONG) continue
    past = end
    if (array !== undefined) found.push(arrayPart(start, end, array.literal))
    const after = words[at + 1]
    if (!isString(word) || isString(after) || after === "uescape" || grouped.has(word)) continue
    const text = stringValue(word)
    if (text !== undefined) found.push(stringPart(start, end, text))
  }
  return found
}

export interface PackedLiterals {
  /** The statement that is described in place of the whole one. */
  readonly question: ClientStatement
  /** The values of the parameters that follow the client's own. */
  readonly values: ReadonlyArray<string>
  /** The statement to send, and the casts of its parameters, from those of the question. */
  readonly sent: (casts: ReadonlyArray<string>) => {
    readonly statement: ClientStatement
    readonly casts: ReadonlyArray<string>
  }
}

/** The statement with its long lists of constants, and its long strings, as parameters; undefined if it has none. */
export const packLiterals = (statement: ClientStatement, own: number): PackedLiterals | undefined => {
  const lists = literalLists(statement, LONG)
  const parts = [...lists.map((list) => listPart(statement, list)), ...constantParts(statement, lists)].sort(
    (one, other) => one.start - other.start
  )
  if (parts.length === 0) return undefined
  const firsts = parts.map((_, at) => parts.slice(0, at).reduce((sum, { asks }) => sum + asks, own))
  const asked = parts.map(({ end, question, start }, at) => ({ start, end, text: question((firsts[at] ?? 0) + 1) }))
  const sent = (casts: ReadonlyArray<string>) => {
    const found = parts.map(({ asks }, at) => casts.slice(firsts[at], (firsts[at] ?? 0) + asks))
    const edits = parts.map((part, at) => ({
      start: part.start,
      end: part.end,
      text: part.sent(own + at + 1, found[at] ?? [])
    }))
    return {
      statement: editedStatement(statement, edits),
      casts: [...casts.slice(0, own), ...parts.map(({ cast }, at) => cast(found[at] ?? []))]
    }
  }
  return { question: editedStatement(statement, asked), values: parts.map(({ value }) => value), sent }
}
