/**
 * The SQL that puts right what differs from the migrations. What an operator has added is left alone.
 */
import type { Catalogue, CatalogueObject } from "./Catalogue.ts"

/** What a repair draws on: the catalogue as it should be, and the statements that create functions, by name. */
export interface Source {
  readonly expected: Catalogue
  readonly functions: ReadonlyMap<string, string>
}

const quoted = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`)

const alter = (object: CatalogueObject, action: string): string =>
  `alter table ${quoted(object.table ?? object.name)} ${action}`

/** The parts of a column's definition as the catalogue prints it. */
const columnOf = (definition: string) => {
  const [, type = "", notNull, , value] = /^(.*?)( not null)?( default (.*))?$/.exec(definition) ?? []
  return { type, isRequired: notNull !== undefined, value }
}

const changeColumn = (expected: CatalogueObject, found: CatalogueObject): ReadonlyArray<string> => {
  const name = quoted(expected.name)
  const [to, from] = [columnOf(expected.definition), columnOf(found.definition)]
  const isMoment = to.type === "timestamp with time zone" && from.type === "timestamp without time zone"
  const using = isMoment ? `${name} at time zone 'UTC'` : `${name}::${to.type}`
  return [
    ...(to.type === from.type
      ? []
      : [`alter column ${name} drop default`, `alter column ${name} type ${to.type} using ${using}`]),
    ...(to.value === undefined
      ? from.value === undefined
        ? []
        : [`alter column ${name} drop default`]
      : [`alter column ${name} set default ${to.value}`]),
    ...(to.isRequired === from.isRequired ? [] : [`alter column ${name} ${to.isRequired ? "set" : "drop"} not null`])
  ].map((action) => alter(expected, action))
}

const withoutMarks = (definition: string): string => definition.replace(/ \((invalid|disabled|replica)\)$/, "")

/** Old rows may break a rule: it holds for new ones at once, and is validated when they are changed. */
const addConstraint = (object: CatalogueObject): string => {
  const canWait = /^(CHECK|FOREIGN KEY)/.test(object.definition) && !object.definition.endsWith("NOT VALID")
  return alter(object, `add constraint ${quoted(object.name)} ${object.definition}${canWait ? " not valid" : ""}`)
}

const functionSql = (object: CatalogueObject, { functions }: Source): ReadonlyArray<string> => {
  const sql = functions.get(object.name.replace(/\(.*$/, ""))
  return sql === undefined ? [] : [sql]
}

const createTable = (object: CatalogueObject, source: Source): ReadonlyArray<string> => {
  const parts = source.expected.filter(({ table }) => table === object.name)
  const columns = parts.filter(({ kind }) => kind === "column").map((one) => `${quoted(one.name)} ${one.definition}`)
  const rank = ({ definition }: CatalogueObject) => (/^(PRIMARY|UNIQUE)/.test(definition) ? 0 : 1)
  const constraints = parts.filter(({ kind }) => kind === "constraint").sort((a, b) => rank(a) - rank(b))
  return [
    `create table ${quoted(object.name)} (${columns.join(", ")})`,
    ...constraints.map(addConstraint),
    ...parts.filter(({ kind }) => kind === "index" || kind === "trigger").map(({ definition }) => definition)
  ]
}

/** The statements that make an object that is missing. */
export const make = (object: CatalogueObject, source: Source): ReadonlyArray<string> => {
  switch (object.kind) {
    case "extension":
      return [`create extension if not exists ${quoted(object.name)}`]
    case "table":
      return createTable(object, source)
    case "column":
      return [alter(object, `add column ${quoted(object.name)} ${object.definition}`)]
    case "constraint":
      return [addConstraint(object)]
    case "index":
    case "trigger":
      return [object.definition]
    case "function":
      return functionSql(object, source)
    default:
      return []
  }
}

/** The statements that change an object into what it should be. */
export const change = (expected: CatalogueObject, found: CatalogueObject, source: Source): ReadonlyArray<string> => {
  const name = quoted(expected.name)
  switch (expected.kind) {
    case "column":
      return changeColumn(expected, found)
    case "constraint":
      return [alter(expected, `drop constraint ${name}`), addConstraint(expected)]
    case "index":
      return [`drop index ${name}`, expected.definition]
    case "trigger":
      return withoutMarks(found.definition) === expected.definition
        ? [alter(expected, `enable trigger ${name}`)]
        : [`drop trigger ${name} on ${quoted(expected.table ?? "")}`, expected.definition]
    case "function":
      return functionSql(expected, source)
    default:
      return []
  }
}
