/** Finds the objects that migrations create. */
import type { Migration } from "../Migration.ts"
import { createdBy, nameOf, type Part, partsOf } from "./StatementParts.ts"

/** What the migrations create in the current schema, in the order in which they create it. */
export interface CreatedObjects {
  readonly tables: ReadonlyArray<string>
  /** `parameters` as `DROP FUNCTION` takes them, `body` without its quotes. */
  readonly functions: ReadonlyArray<{ readonly name: string; readonly parameters: string; readonly body: string }>
  /** The indexes, also those of primary and unique keys. PostgreSQL keeps their names apart from those of tables too. */
  readonly indexes: ReadonlyArray<CreatedIndex>
  /** The columns, also those that are added to a table: `table.column`. */
  readonly columns: ReadonlyArray<string>
  /** The constraints that are named. */
  readonly constraints: ReadonlyArray<string>
}

/** `ofTable` tells the index of a key, which is created together with its table, from one that is created by itself. */
export interface CreatedIndex {
  readonly name: string
  readonly table: string
  readonly ofTable: boolean
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

/** Splits at the commas outside parentheses, up to a parenthesis that was not opened. */
const betweenCommas = (parts: ReadonlyArray<Part>): ReadonlyArray<ReadonlyArray<Part>> => {
  const elements: Array<Array<Part>> = [[]]
  let depth = 0
  for (const part of parts) {
    if (part.text === ")" && --depth < 0) break
    if (depth === 0 && part.text === ",") elements.push([])
    else elements.at(-1)?.push(part)
    if (part.text === "(") depth++
  }
  return elements
}

/** The parts of a table's definition between its parentheses, as they stand between commas. */
const elementsOf = (parts: ReadonlyArray<Part>, from: number): ReadonlyArray<ReadonlyArray<Part>> => {
  const open = parts.findIndex(({ text }, index) => index >= from && text === "(")
  return open === -1 ? [] : betweenCommas(parts.slice(open + 1))
}

const notColumn = new Set(["constraint", "primary", "unique", "check", "foreign", "exclude", "like"])

/** The column that an element of a table's definition declares, if it declares one. */
const columnOf = ([first]: ReadonlyArray<Part>): string | undefined => {
  const isName = first?.kind === "identifier" || (first?.kind === "word" && !notColumn.has(first.text))
  return first !== undefined && isName ? nameOf(first) : undefined
}

const beforeTableName = new Set(["alter", "table", "if", "exists", "only"])
const beforeColumnName = new Set(["add", "column", "if", "not", "exists"])

const pastWords = (parts: ReadonlyArray<Part>, words: ReadonlySet<string>): ReadonlyArray<Part> =>
  parts.slice(parts.findIndex(({ kind, text }) => kind !== "word" || !words.has(text)))

/** The columns that ALTER TABLE adds, as `table.column`. */
const addedColumns = (parts: ReadonlyArray<Part>): ReadonlyArray<string> => {
  if (parts[0]?.text !== "alter" || parts[1]?.text !== "table") return []
  const [table, ...actions] = pastWords(parts, beforeTableName)
  if (table === undefined) return []
  return betweenCommas(actions).flatMap((action) => {
    const column = action[0]?.text === "add" ? columnOf(pastWords(action, beforeColumnName)) : undefined
    return column === undefined ? [] : [`${nameOf(table)}.${column}`]
  })
}

/** The name that PostgreSQL gives to the index of a key, if an element of a table's definition declares one. */
const keyOf = (element: ReadonlyArray<Part>, table: string): string | undefined => {
  const at = element.findIndex(({ kind, text }) => kind === "word" && (text === "primary" || text === "unique"))
  const named = element[at - 1]
  if (at === -1) return undefined
  if (named !== undefined && element[at - 2]?.text === "constraint") return nameOf(named)
  if (element[at]?.text === "primary") return `${table}_pkey`
  const listed = at === 0 ? element.slice(1) : element.slice(0, 1)
  const columns = listed.filter(({ kind }) => kind === "word" || kind === "identifier").map(nameOf)
  return `${table}_${columns.join("_")}_key`
}

/** The names after CONSTRAINT, except of those that are dropped if they exist. */
const constraintsOf = (parts: ReadonlyArray<Part>): ReadonlyArray<string> =>
  parts.flatMap((name, index) => {
    const before = parts[index - 1]
    const isNamed = before?.kind === "word" && before.text === "constraint" && name.text !== "if"
    return isNamed ? [nameOf(name)] : []
  })

const beforeIndexName = new Set(["create", "unique", "index", "concurrently", "if", "not", "exists"])

/** The index that a statement creates by itself, under a name. */
const indexOf = (parts: ReadonlyArray<Part>): CreatedIndex | undefined => {
  if (
    !/^create (unique )?index /.test(
      parts
        .slice(0, 4)
        .map(({ text }) => text)
        .join(" ")
    )
  )
    return undefined
  const at = parts.findIndex(({ kind, text }) => kind !== "word" || !beforeIndexName.has(text))
  const [name, on, only, table] = parts.slice(at, at + 4)
  const of = only?.text === "only" ? table : only
  return name === undefined || on?.text !== "on" || of === undefined
    ? undefined
    : { name: nameOf(name), table: nameOf(of), ofTable: false }
}

/** The tables with their columns, the functions, the indexes and the constraints that the migrations create. */
export const createdObjects = (migrations: ReadonlyArray<Migration>): CreatedObjects => {
  const tables = new Set<string>()
  const functions = new Map<string, CreatedObjects["functions"][number]>()
  const indexes: Array<CreatedIndex> = []
  const columns: Array<string> = []
  const constraints = new Set<string>()
  for (const { sql } of migrations.flatMap((migration) => migration.statements)) {
    const parts = partsOf(sql)
    const index = indexOf(parts)
    if (index !== undefined) indexes.push(index)
    columns.push(...addedColumns(parts))
    for (const name of constraintsOf(parts)) constraints.add(name)
    const created = createdBy(parts)
    const part = created && parts[created.at]
    if (created === undefined || part === undefined) continue
    if (created.kind === "table") {
      const table = nameOf(part)
      tables.add(table)
      const elements = elementsOf(parts, created.at + 1)
      columns.push(...elements.flatMap((element) => columnOf(element) ?? []).map((column) => `${table}.${column}`))
      const keys = elements.flatMap((element) => keyOf(element, table) ?? [])
      indexes.push(...keys.map((name) => ({ name, table, ofTable: true })))
    }
    if (created.kind !== "function" && created.kind !== "procedure") continue
    const parameters = parametersOf(sql, parts, created.at + 1)
    functions.set(`${part.text}(${parameters})`, { name: nameOf(part), parameters, body: bodyOf(parts) })
  }
  return { tables: [...tables], functions: [...functions.values()], indexes, columns, constraints: [...constraints] }
}
