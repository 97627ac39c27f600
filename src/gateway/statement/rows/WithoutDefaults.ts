/**
 * Leaves the columns out of an INSERT whose value is DEFAULT in every row, as Drizzle and Sequelize write columns: outside
 * of VALUES the word means nothing, and the rows could not be packed. Pure.
 */
import type { ClientStatement } from "../ClientStatement.ts"
import { type Item, isValues, itemsOf, rowItems, sourceOf } from "./AlikeRows.ts"
import { type Edit, editedStatement } from "./EditedText.ts"

/** A query in a row is run for each row. */
const queries = /^(?:select|table|values)$/i

/** The INSERT without those columns; the same statement if it has none, or nothing else. */
export const withoutDefaults = (statement: ClientStatement): ClientStatement => {
  const { sql, words } = statement
  if (words[0] !== "insert" || !words.includes("default")) return statement
  const source = sourceOf(sql)
  const { texts, tokens } = source
  const at = tokens.findIndex((_, at) => isValues(source, at))
  const open = texts[at - 1] === ")" ? texts.lastIndexOf("(", at - 1) : -1
  if (open < 0) return statement
  const names = itemsOf(source, open, at - 1)
  const rows = rowItems(source, at + 1, queries)
  const isDefault = (item: Item | undefined) =>
    item !== undefined && item.first === item.last && /^default$/i.test(texts[item.first] ?? "")
  const isLeft = names.map((_, column) => rows.length > 0 && rows.every(({ items }) => isDefault(items[column])))
  if (!isLeft.includes(true) || !isLeft.includes(false) || rows[0]?.items.length !== names.length) return statement
  const kept = (items: ReadonlyArray<Item>): string =>
    items
      .filter((_, column) => isLeft[column] === false)
      .map(({ first, last }) => sql.slice(tokens[first]?.start, tokens[last]?.end))
      .join(", ")
  const lists = [{ open, close: at - 1, items: names }, ...rows]
  const edits = lists.map(
    ({ close, items, open }): Edit => ({
      start: tokens[open]?.end ?? 0,
      end: tokens[close]?.start ?? 0,
      text: kept(items)
    })
  )
  return editedStatement(statement, edits)
}
