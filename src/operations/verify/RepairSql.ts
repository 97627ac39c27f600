/** The SQL that repairs what differs from the migrations. */
import { literal, quotedName } from "../../data-api/statement/Quoting.ts"
import type { Catalogue, CatalogueObject } from "./Catalogue.ts"

/** The input of a repair: the catalogue as expected, and as found. */
export interface Source {
  readonly expected: Catalogue
  readonly found: Catalogue
}

const quoted = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : quotedName(name))

const alter = (object: CatalogueObject, action: string): string =>
  `alter table ${quoted(object.table ?? object.name)} ${action}`

/** The parts of a column's definition as the catalogue prints it. */
const columnOf = (definition: string) => {
  const [, type = "", collation = "", notNull, , value] =
    /^(.*?)( collate (?:"[^"]*"|\S+))?( not null)?( default (.*))?$/s.exec(definition) ?? []
  return { type, collation, isRequired: notNull !== undefined, value }
}

const changeColumn = (expected: CatalogueObject, found: CatalogueObject): ReadonlyArray<string> => {
  const name = quoted(expected.name)
  const [to, from] = [columnOf(expected.definition), columnOf(found.definition)]
  const isMoment = to.type === "timestamp with time zone" && from.type === "timestamp without time zone"
  const using = isMoment ? `${name} at time zone 'UTC'` : `${name}::${to.type}`
  return [
    ...(to.type === from.type && to.collation === from.collation
      ? []
      : [`alter column ${name} drop default`, `alter column ${name} type ${to.type}${to.collation} using ${using}`]),
    ...(to.value === undefined
      ? from.value === undefined
        ? []
        : [`alter column ${name} drop default`]
      : [`alter column ${name} set default ${to.value}`]),
    ...(to.isRequired === from.isRequired ? [] : [`alter column ${name} ${to.isRequired ? "set" : "drop"} not null`])
  ].map((action) => alter(expected, action))
}

const withoutMarks = (definition: string): string => definition.replace(/ \((invalid|disabled|always|replica)\)$/, "")

/** Old rows may break a constraint: as NOT VALID it holds for new rows at once, and can be validated later. */
const addConstraint = (object: CatalogueObject): string => {
  const canWait = /^(CHECK|FOREIGN KEY)/.test(object.definition) && !object.definition.endsWith("NOT VALID")
  return alter(object, `add constraint ${quoted(object.name)} ${object.definition}${canWait ? " not valid" : ""}`)
}

/** Makes a constraint that holds for new rows hold for all. */
export const validate = (object: CatalogueObject): string => alter(object, `validate constraint ${quoted(object.name)}`)

/** Changes the properties of a table: logged or not, with row security or without. */
const changeTable = (name: string, expected: string, found: string): ReadonlyArray<string> => {
  const [to, from] = [expected.split(", "), found.split(", ")]
  const actions = [
    ["unlogged", "set unlogged", "set logged"],
    ["row security", "enable row level security", "disable row level security"],
    ["forced row security", "force row level security", "no force row level security"]
  ] as const
  return actions
    .filter(([property]) => to.includes(property) !== from.includes(property))
    .map(([property, on, off]) => `alter table ${quoted(name)} ${to.includes(property) ? on : off}`)
}

/** Whether a statement lets roles see rows that row security hides from them. */
export const exposes = (statement: string): boolean =>
  statement.endsWith(" disable row level security") || statement.endsWith(" no force row level security")

const isRoutine = (name: string): boolean => name.endsWith(")")

/** `name(arguments)`, the name quoted where it must be. */
const routine = (name: string): string => {
  const at = name.indexOf("(")
  return quoted(name.slice(0, at)) + name.slice(at)
}

/** The object and the role of a privilege, as GRANT and REVOKE name them. */
const privileged = ({ name, table }: CatalogueObject, { found }: Source) => {
  const of = table ?? ""
  const owner = found.find((object) => object.table === null && object.name === of)?.owner
  return {
    on: isRoutine(of) ? `function ${routine(of)}` : quoted(of),
    role: name === "(owner)" ? quoted(owner ?? "CURRENT_USER") : name
  }
}

const withoutOption = (privileges: string): string => privileges.replaceAll(" with grant option", "")

const grant = (object: CatalogueObject, source: Source): string => {
  const { on, role } = privileged(object, source)
  return `grant ${withoutOption(object.definition)} on ${on} to ${role}`
}

/** Privileges on a column are revoked with those on its table. */
const revoke = (object: CatalogueObject, source: Source): string => {
  const { on, role } = privileged(object, source)
  return `revoke all on ${on} from ${role}`
}

const policySql = ({ definition, name, table }: CatalogueObject): string =>
  `create policy ${quoted(name)} on ${quoted(table ?? "")} ${definition}`

const commentSql = ({ name }: CatalogueObject, text: string | null): string =>
  `comment on ${name} is ${text === null ? "null" : literal(text)}`

const createTable = (object: CatalogueObject, source: Source): ReadonlyArray<string> => {
  const parts = source.expected.filter(({ table }) => table === object.name)
  const columns = parts.filter(({ kind }) => kind === "column").map((one) => `${quoted(one.name)} ${one.definition}`)
  const rank = ({ definition }: CatalogueObject) => (/^(PRIMARY|UNIQUE)/.test(definition) ? 0 : 1)
  const constraints = parts.filter(({ kind }) => kind === "constraint").sort((a, b) => rank(a) - rank(b))
  return [
    `create table ${quoted(object.name)} (${columns.join(", ")})`,
    ...changeTable(object.name, object.definition, ""),
    // The table is empty, so no row can break a constraint.
    ...constraints.map((one) => alter(one, `add constraint ${quoted(one.name)} ${one.definition}`)),
    ...parts.filter(({ kind }) => kind === "index" || kind === "trigger").map(({ definition }) => definition)
  ]
}

/** The statements that create a missing object. */
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
    case "rule":
      return [object.definition]
    case "policy":
      return [policySql(object)]
    case "privilege":
      return [grant(object, source)]
    case "comment":
      return [commentSql(object, object.definition)]
    case "function":
      return object.source === null ? [] : [object.source]
    default:
      return []
  }
}

/** The statements that change an object into the expected one. */
export const change = (expected: CatalogueObject, found: CatalogueObject, source: Source): ReadonlyArray<string> => {
  switch (expected.kind) {
    case "table":
      return changeTable(expected.name, expected.definition, found.definition)
    case "column":
      return changeColumn(expected, found)
    case "trigger":
      if (withoutMarks(found.definition) === expected.definition)
        return [alter(expected, `enable trigger ${quoted(expected.name)}`)]
      return [...remove(found, source), ...make(expected, source)]
    case "function":
    case "comment":
      return make(expected, source)
    default:
      return [...remove(found, source), ...make(expected, source)]
  }
}

/** The statements that drop an object that no migration creates. */
export const remove = (object: CatalogueObject, source: Source): ReadonlyArray<string> => {
  const name = quoted(object.name)
  switch (object.kind) {
    case "column":
    case "constraint":
      return [alter(object, `drop ${object.kind} ${name}`)]
    case "trigger":
    case "rule":
    case "policy":
      return [`drop ${object.kind} ${name} on ${quoted(object.table ?? "")}`]
    case "privilege":
      return [revoke(object, source)]
    case "comment":
      return [commentSql(object, null)]
    case "function":
    case "aggregate":
      return [`drop routine ${routine(object.name)}`]
    case "extension":
      return []
    default:
      return [`drop ${object.kind.replace("-", " ")} ${name}`]
  }
}
