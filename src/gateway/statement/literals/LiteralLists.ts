/** Finds the lists of a statement whose elements are alike but for their constants: VALUES, and those of IN. Pure. */
import type { ClientStatement } from "../ClientStatement.ts"
import { ALONE, type Item, itemsAt } from "./LiteralItems.ts"
import { commonKind, type LiteralKind } from "./LiteralValue.ts"

/**
 * - `values`: the rows of VALUES
 * - `rows`: the rows of `in ((1, 'a'), (2, 'b'))`
 * - `items`: the elements of `in (1, 2)`
 */
export type ListForm = "values" | "rows" | "items"

/** A list of alike elements. */
export interface LiteralList {
  readonly form: ListForm
  /** Where it is in the text, with VALUES and without the parentheses of IN. */
  readonly start: number
  readonly end: number
  /** The columns of an element; the constants in them count from 0 through all of them. */
  readonly columns: ReadonlyArray<Item>
  /** What each constant of an element is in all of them together; undefined for strings beside numbers. */
  readonly kinds: ReadonlyArray<LiteralKind | undefined>
  /** The kinds of the first constant. */
  readonly firstKinds: ReadonlySet<LiteralKind>
  /** The values of the constants, element by element. */
  readonly values: ReadonlyArray<ReadonlyArray<string | null>>
}

type Rows = ReadonlyArray<ReadonlyArray<Item>>

interface Found {
  readonly rows: Rows
  /** The index of the word after the last row. */
  readonly after: number
}

/** The rows in parentheses that begin at a word. */
const rowsAt = (words: ReadonlyArray<string>, first: number): Found | undefined => {
  const rows: Array<ReadonlyArray<Item>> = []
  for (let open = first; words[open] === "("; ) {
    const read = itemsAt(words, open)
    if (read === undefined) return undefined
    rows.push(read.items)
    if (words[read.close + 1] !== ",") return { rows, after: read.close + 1 }
    open = read.close + 2
  }
  return undefined
}

const isNull = ({ shape, slots }: Item): boolean => shape === ALONE && slots[0]?.literal.kind === "null"

/** Whether NULL may stand for an item: a constant alone, or one that is cast. */
const mayBeNull = ({ shape, slots }: Item): boolean =>
  slots.length === 1 && (shape === ALONE || shape.startsWith(`${ALONE}\u0001::\u0001`))

/** The item that all items of a column are like; undefined if they are not alike. */
const templateOf = (items: ReadonlyArray<Item>): Item | undefined => {
  const template = items.find((item) => !isNull(item)) ?? items[0]
  if (template === undefined) return undefined
  const alike = items.every((item) => item.shape === template.shape || (mayBeNull(template) && isNull(item)))
  return alike ? template : undefined
}

const read = (
  { starts, words }: ClientStatement,
  form: ListForm,
  from: number,
  { after, rows }: Found
): LiteralList | undefined => {
  const [first = []] = rows
  const width = first.length
  if (rows.length < 2 || !rows.every((row) => row.length === width)) return undefined
  const columns = first.flatMap((_, column) => templateOf(rows.flatMap((row) => row[column] ?? [])) ?? [])
  if (columns.length < width) return undefined
  const count = columns.reduce((sum, { slots }) => sum + slots.length, 0)
  const seen = Array.from({ length: count }, () => new Set<LiteralKind>())
  const values = rows.map((row) =>
    row
      .flatMap(({ slots }) => slots)
      .map(({ literal }, at) => {
        seen[at]?.add(literal.kind)
        return literal.text
      })
  )
  const last = form === "items" ? after : after - 1
  const end = (starts[last] ?? 0) + (form === "items" ? 0 : (words[last]?.length ?? 0))
  const firstKinds = seen[0] ?? new Set()
  return { form, start: starts[from] ?? 0, end, columns, kinds: seen.map(commonKind), firstKinds, values }
}

const listAt = (statement: ClientStatement, at: number): LiteralList | undefined => {
  const { words } = statement
  const word = words[at]
  if (words[at + 1] !== "(") return undefined
  if (word === "values") {
    const found = rowsAt(words, at + 1)
    return found === undefined ? undefined : read(statement, "values", at, found)
  }
  if (word !== "in") return undefined
  if (words[at + 2] === "(") {
    const found = rowsAt(words, at + 2)
    return found === undefined || words[found.after] !== ")" ? undefined : read(statement, "rows", at + 2, found)
  }
  const found = itemsAt(words, at + 1)
  if (found === undefined) return undefined
  return read(statement, "items", at + 2, { rows: found.items.map((item) => [item]), after: found.close })
}

/** What may stand side by side in a list of IN. */
const scalars = new Set<LiteralKind>(["string", "empty", "null", "int4", "int8", "numeric"])

/** Whether the list can be one parameter: each of its constants has one type in all elements, and one has any. */
const isSendable = ({ columns, firstKinds, form, kinds }: LiteralList): boolean => {
  if (kinds.every((kind) => kind === "null")) return false
  // Elements of IN get one type together, so that strings and numbers may be in one list.
  if (form === "items" && columns[0]?.shape === ALONE) return [...firstKinds].every((kind) => scalars.has(kind))
  return !kinds.includes(undefined)
}

/** The lists of at least so many characters that can be sent as one parameter each, in their order. */
export const literalLists = (statement: ClientStatement, shortest: number): ReadonlyArray<LiteralList> => {
  const lists: Array<LiteralList> = []
  let end = 0
  for (const [at, word] of statement.words.entries()) {
    if ((word !== "values" && word !== "in") || (statement.starts[at] ?? 0) < end) continue
    const list = listAt(statement, at)
    if (list === undefined || list.end - list.start < shortest || !isSendable(list)) continue
    lists.push(list)
    end = list.end
  }
  return lists
}
