/**
 * Decodes rows faster than Schema: most columns already hold the values that the schema makes of them. Any value that
 * is not plainly right is left to Schema, so that every result and every error is the same as Schema's.
 */
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { Decimal, parseDecimal } from "../domain/Decimal.ts"

/** Marks a value that Schema has to decode. */
const unsure = Symbol("unsure")

/** Decodes a value, or returns {@link unsure}. */
type Read = (value: unknown) => unknown

const text: Read = (value) => (typeof value === "string" ? value : unsure)
const number: Read = (value) => (typeof value === "number" ? value : unsure)
const boolean: Read = (value) => (typeof value === "boolean" ? value : unsure)
const date: Read = (value) => (value instanceof Date && !Number.isNaN(value.getTime()) ? value : unsure)
const decimal: Read = (value) => (typeof value === "string" ? (parseDecimal(value) ?? unsure) : unsure)

/** A value that may also be null. */
const orNull =
  (read: Read): Read =>
  (value) =>
    value === null ? null : read(value)

/** An object with members of one kind, as json has them. */
const record =
  (read: Read): Read =>
  (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return unsure
    // A copy has its final shape at once, which is faster than to add members one by one.
    const copy: Record<string, unknown> = { ...value }
    if (Object.hasOwn(copy, "__proto__") || Object.getOwnPropertySymbols(copy).length > 0) return unsure
    for (const name in copy) {
      const member = copy[name]
      const found = read(member)
      if (found === unsure) return unsure
      if (found !== member) copy[name] = found
    }
    return copy
  }

const defaults: SchemaAST.ParseOptions = {}

/** A value that also has to pass checks. */
const checked = (read: Read | undefined, ast: SchemaAST.AST): Read | undefined => {
  const { checks } = ast
  if (checks === undefined || read === undefined) return read
  return (value) => {
    const found = read(value)
    if (found === unsure) return unsure
    for (const check of checks) {
      if (check._tag === "FilterGroup" || check.run(found, ast, defaults) !== undefined) return unsure
    }
    return found
  }
}

/** The reader of a schema that is recognized as a whole. */
const wholeOf = (ast: SchemaAST.AST): Read | undefined => {
  if (ast === Decimal.ast) return decimal
  if (ast === Schema.Date.ast) return date
  if (ast !== Schema.Json.ast) return undefined
  const isJson = Schema.is(Schema.Json)
  return (value) => (isJson(value) ? value : unsure)
}

/** The reader of a union: of literals, or of a value and null. */
const unionOf = ({ types }: SchemaAST.Union): Read | undefined => {
  const literals = types.flatMap((type) => (type._tag === "Literal" && isPlain(type) ? [type.literal] : []))
  if (literals.length === types.length) {
    const known = new Set<unknown>(literals)
    return (value) => (known.has(value) ? value : unsure)
  }
  const [first, second, ...others] = types
  if (first === undefined || second?._tag !== "Null" || !isPlain(second) || others.length > 0) return undefined
  const read = readOf(first)
  return read === undefined ? undefined : orNull(read)
}

/** The reader of a schema that keeps values of the right kind as they are. */
const kindOf = (ast: SchemaAST.AST): Read | undefined => {
  switch (ast._tag) {
    case "String":
      return text
    case "Number":
      return number
    case "Boolean":
      return boolean
    case "Union":
      return unionOf(ast)
    case "Objects": {
      const [index, ...others] = ast.indexSignatures
      if (index === undefined || others.length > 0 || ast.propertySignatures.length > 0) return undefined
      const read = index.parameter._tag === "String" && isPlain(index.parameter) ? readOf(index.type) : undefined
      return read === undefined ? undefined : record(read)
    }
    default:
      return undefined
  }
}

/** Whether a schema has neither an encoding nor checks. */
const isPlain = (ast: SchemaAST.AST): boolean =>
  ast.encoding === undefined &&
  ast.checks === undefined &&
  !("encodingChecks" in ast && ast.encodingChecks !== undefined)

/** The reader of a schema; undefined if Schema has to decode all of its values. */
const readOf = (ast: SchemaAST.AST): Read | undefined => {
  const whole = wholeOf(ast)
  if (whole !== undefined) return whole
  if (ast.encoding !== undefined || ("encodingChecks" in ast && ast.encodingChecks !== undefined)) return undefined
  return checked(kindOf(ast), ast)
}

interface Column {
  readonly name: string
  readonly read: Read
}

/** The columns of a schema of rows; empty if Schema has to decode one of them. */
const decodedColumns = (ast: SchemaAST.AST): ReadonlyArray<Column> => {
  if (ast._tag !== "Objects" || !isPlain(ast) || ast.indexSignatures.length > 0) return []
  const columns: Array<Column> = []
  for (const { name, type } of ast.propertySignatures) {
    const read = readOf(type)
    if (read === undefined || typeof name !== "string" || name === "__proto__") return []
    columns.push({ name, read })
  }
  return columns
}

/** Makes a decoder of rows, which returns undefined for a row that Schema has to decode. */
export const quickReader = <A, I>({
  ast
}: Schema.Codec<A, I>): ((row: { readonly [column: string]: unknown }) => A | undefined) => {
  let columns: ReadonlyArray<Column> | undefined
  let empty: Record<string, unknown> = {}
  return (row) => {
    if (columns === undefined) {
      columns = decodedColumns(ast)
      empty = Object.fromEntries(columns.map(({ name }) => [name, null]))
    }
    if (columns.length === 0) return undefined
    const entity = { ...empty }
    for (const { name, read } of columns) {
      const value = read(row[name])
      if (value === unsure) return undefined
      entity[name] = value
    }
    // Every member was read as the schema says.
    return entity as A
  }
}
