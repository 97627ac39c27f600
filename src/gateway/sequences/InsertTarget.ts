/** Reads an INSERT, as far as it tells which sequences it uses. Pure. */
import { isRead } from "../../data-api/sql/ReadOnly.ts"
import type { ClientStatement } from "../statement/ClientStatement.ts"

/** The table of an INSERT, as written, and the columns whose values it gives. */
export interface InsertTarget {
  readonly table: string
  readonly columns: ReadonlyArray<string>
}

/** Characters of an INSERT whose rows are so few that the numbers of all fit into a response. */
const LONGEST = 30_000

/** Whether each parenthesis is closed, and the last word closes one: an error at the end would be another one. */
const isClosed = (words: ReadonlyArray<string>): boolean => {
  let depth = 0
  for (const word of words) depth += word === "(" ? 1 : word === ")" ? -1 : 0
  return depth === 0 && words.at(-1) === ")"
}

const read = ({ returnsRows, sql, starts, words }: ClientStatement): InsertTarget | undefined => {
  if (words[0] !== "insert" || words[1] !== "into" || returnsRows === true || sql.length > LONGEST) return undefined
  const afterName = words[3] === "." ? 5 : 3
  const table = sql.slice(starts[2], starts[afterName]).trim()
  if (words[afterName] === "default" && words.length === afterName + 2) return { table, columns: [] }
  const close = words[afterName] === "(" ? words.indexOf(")", afterName) : -1
  if (close === -1 || words[close + 1] !== "values" || words.includes("conflict") || !isClosed(words)) return undefined
  const isSettled = isRead(sql.slice(starts[close + 1]))
  return isSettled ? { table, columns: words.slice(afterName + 1, close).filter((word) => word !== ",") } : undefined
}

const known = /* @__PURE__ */ new WeakMap<ClientStatement, { readonly target: InsertTarget | undefined }>()

/**
 * The target of an INSERT without RETURNING that uses no sequence but those of the table's defaults; undefined for any
 * other statement. A conflict uses a number that no row has.
 */
export const insertTarget = (statement: ClientStatement): InsertTarget | undefined => {
  const found = known.get(statement) ?? { target: read(statement) }
  known.set(statement, found)
  return found.target
}
