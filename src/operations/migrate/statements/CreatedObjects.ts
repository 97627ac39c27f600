/** Finds the objects that migrations create. */
import type { Migration } from "../Migration.ts"
import { createdBy, nameOf, type Part, partsOf } from "./StatementParts.ts"

/** What the migrations create in the current schema, in the order in which they create it. */
export interface CreatedObjects {
  readonly tables: ReadonlyArray<string>
  /** `parameters` as `DROP FUNCTION` takes them, `body` without its quotes. */
  readonly functions: ReadonlyArray<{ readonly name: string; readonly parameters: string; readonly body: string }>
}

/** The parameters of a function without their defaults: the text between its parentheses. */
const parametersOf = (sql: string, parts: ReadonlyArray<Part>, open: number): string => {
  let depth = 0
  let text = ""
  let isDefault = false
  for (const part of parts.slice(open)) {
    if (part.text === "(") depth++
    if (part.text === ")" && --depth === 0) return text.trim()
    if (depth === 1 && part.text === ",") isDefault = false
    if (depth === 1 && (part.text === "default" || part.text === "=")) isDefault = true
    if (!isDefault && !(depth === 1 && part.text === "(")) text += ` ${sql.slice(part.start, part.end)}`
  }
  return text.trim()
}

const bodyOf = (parts: ReadonlyArray<Part>): string => {
  const quoted = parts.find(({ kind }) => kind === "dollarString")?.text ?? ""
  const tag = quoted.indexOf("$", 1) + 1
  return quoted.slice(tag, -tag)
}

/** The tables and functions that the migrations create. */
export const createdObjects = (migrations: ReadonlyArray<Migration>): CreatedObjects => {
  const tables = new Set<string>()
  const functions = new Map<string, CreatedObjects["functions"][number]>()
  for (const { sql } of migrations.flatMap((migration) => migration.statements)) {
    const parts = partsOf(sql)
    const created = createdBy(parts)
    const part = created && parts[created.at]
    if (created === undefined || part === undefined) continue
    if (created.kind === "table") tables.add(nameOf(part))
    if (created.kind !== "function" && created.kind !== "procedure") continue
    const parameters = parametersOf(sql, parts, created.at + 1)
    functions.set(`${part.text}(${parameters})`, { name: nameOf(part), parameters, body: bodyOf(parts) })
  }
  return { tables: [...tables], functions: [...functions.values()] }
}
