/**
 * Encodes JavaScript values as parameters of the Data API. Every value means the same as with `@effect/sql-pg`, so that
 * a program can pass the same values to either driver. Pure; no I/O.
 */

import type * as BigDecimal from "effect/BigDecimal"
import * as Result from "effect/Result"
import type { Field } from "../DataApi.ts"
import {
  arrayTexts,
  blob,
  bool,
  decimalText,
  float,
  floatText,
  int8,
  integer,
  json,
  literal,
  text,
  timestampText
} from "./PgLiterals.ts"
import { pgElementByOid, pgTypeByOid } from "./PgOids.ts"
import { caught, PgValueError, type Row, refuse, setOwn } from "./PgRefusal.ts"

/**
 * An encoded parameter, by how its type is known. `list` has the elements of an array for `string_to_array`, if they can
 * be sent in that form.
 */
export type PgParameter =
  /** The type is known from the value, or was given with it. */
  | { readonly _tag: "Typed"; readonly type: string; readonly value: Field; readonly list?: Field }
  /** A string: PostgreSQL infers its type from the statement. */
  | { readonly _tag: "Text"; readonly value: Field }
  /** NULL: PostgreSQL infers its type from the statement. */
  | { readonly _tag: "Null"; readonly value: Field }
  /** An array of strings: `text[]`, unless PostgreSQL infers an array of another type. */
  | { readonly _tag: "TextArray"; readonly value: Field; readonly list?: Field }
  /** An empty array, whose type can't be known from the value. */
  | { readonly _tag: "EmptyArray"; readonly value: Field }

const NULL: Field = { isNull: true }
const untypedNull: PgParameter = { _tag: "Null", value: NULL }
const emptyArray: PgParameter = { _tag: "EmptyArray", value: { stringValue: "{}" } }
/** Quotes `char` and `bit`, which would otherwise mean other types: `bpchar(1)` and `bit(1)`. */
const quoted = (type: string): string => type.replace(/^(?:bit|char)(?=$|\[)/, '"$&"')
const typedAs = (type: string, value: Field): PgParameter => ({ _tag: "Typed", type: quoted(type), value })

/** The forms of an array, without its type. */
const arrayForms = (element: string, values: ReadonlyArray<unknown>) => {
  const { list, literal } = arrayTexts(element, values)
  const value: Field = { stringValue: literal }
  return list === undefined ? { value } : { value, list: { stringValue: list } }
}

const typedArray = (element: string, values: ReadonlyArray<unknown>): PgParameter => ({
  _tag: "Typed",
  type: quoted(`${element}[]`),
  ...arrayForms(element, values)
})

const typed = (type: string, value: unknown): PgParameter => {
  if (value === null || value === undefined) return typedAs(type, NULL)
  switch (type) {
    case "bool":
      return typedAs(type, { booleanValue: bool(value) })
    case "int2":
    case "int4":
    case "oid":
    case "regclass":
      return typedAs(type, { longValue: integer(value, type) })
    case "int8": {
      // A long beyond 2^53 would be rounded by JSON in JavaScript; its text is exact.
      const long = int8(value)
      const narrow = Number(long)
      return typedAs(type, Number.isSafeInteger(narrow) ? { longValue: narrow } : { stringValue: String(long) })
    }
    case "float4":
    case "float8": {
      const double = float(value, type)
      // JSON has no NaN, infinities or negative zero.
      return Number.isFinite(double) && !Object.is(double, -0)
        ? typedAs(type, { doubleValue: double })
        : typedAs(type, { stringValue: floatText(double) })
    }
    case "bytea":
      return typedAs(type, { blobValue: blob(value) })
    default:
      return typedAs(type, { stringValue: literal(type, value) })
  }
}

/**
 * The mark of a typed parameter of `@effect/sql-pg`'s `PgTypes`. It is not imported, so that a bundle for the Data API
 * does not include that driver.
 */
const ParameterTypeId = "~@effect/sql-pg/PgTypes/Parameter"

/** A value with its type, as `@effect/sql-pg`'s `PgTypes` creates them. */
export const typedParameter = (oid: number, value: unknown) => ({ [ParameterTypeId]: ParameterTypeId, oid, value })

const isTypedParameter = (value: object): value is { readonly oid: number; readonly value: unknown } =>
  ParameterTypeId in value && value[ParameterTypeId] === ParameterTypeId && "oid" in value && "value" in value

const fromTypedParameter = (oid: number, value: unknown): PgParameter => {
  if (value === undefined) return refuse("a value with a type can't be undefined; null is NULL")
  if (oid === 0) {
    return value === null ? untypedNull : { _tag: "Text", value: { stringValue: text(String(value), "text") } }
  }
  const element = pgElementByOid.get(oid)?.name
  if (element !== undefined) {
    if (value === null) return typedAs(`${element}[]`, NULL)
    return Array.isArray(value) ? typedArray(element, value) : refuse(`a ${element}[] parameter takes an array`)
  }
  const type = pgTypeByOid.get(oid)?.name
  return type === undefined
    ? refuse(`no type name is known for the object id ${oid}; send text and cast it in the statement`)
    : typed(type, value)
}

/** Recognized by its mark, so that a bundle without decimals does not include the module. */
const isBigDecimal = (value: unknown): value is BigDecimal.BigDecimal =>
  typeof value === "object" && value !== null && "~effect/BigDecimal" in value

const isPlainObject = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** The type of a value; undefined for text and NULL, whose type depends on the statement. */
const typeOf = (value: unknown): string | undefined => {
  switch (typeof value) {
    case "undefined":
    case "string":
      return undefined
    case "boolean":
      return "bool"
    case "bigint":
      return "int8"
    case "number":
      if (!Number.isInteger(value)) return "float8"
      if (value >= -2147483648 && value <= 2147483647) return "int4"
      return Number.isSafeInteger(value) ? "int8" : "float8"
    case "object":
      if (value === null) return undefined
      if (value instanceof Date) return "timestamptz"
      if (value instanceof Uint8Array || value instanceof Int8Array) return "bytea"
      if (isBigDecimal(value)) return "numeric"
      if (isPlainObject(value)) return "jsonb"
  }
  return refuse(
    `a ${typeof value === "object" ? "class instance" : typeof value} has no PostgreSQL type: send a string, number, bigint, boolean, Date, BigDecimal, Uint8Array, array or plain object, or a typed parameter`
  )
}

/** Converts a value to what `literal` and `typed` accept for the type: int8 as bigint, decimals as text. */
const asTyped = (type: string, value: unknown): unknown => {
  if (type === "int8" && typeof value === "number") return BigInt(value)
  if (type === "numeric" && isBigDecimal(value)) return decimalText(value)
  return value
}

const fromArray = (values: ReadonlyArray<unknown>): PgParameter => {
  if (values.length === 0) return emptyArray
  let elementType: string | undefined
  // The type of an array of strings depends on the statement.
  let open = true
  const elements: Array<unknown> = []
  for (const element of values) {
    if (element === null || element === undefined) {
      elements.push(null)
      continue
    }
    if (Array.isArray(element)) return refuse("an array parameter can't be nested")
    let type: string
    if (typeof element === "object" && isTypedParameter(element)) {
      if (element.value === null || element.value === undefined) {
        elements.push(null)
        continue
      }
      const name = element.oid === 0 ? "text" : pgTypeByOid.get(element.oid)?.name
      if (name === undefined) return refuse(`no array type is known for the object id ${element.oid}`)
      type = name
      open &&= element.oid === 0
      elements.push(element.value)
    } else {
      const known = typeOf(element)
      open &&= known === undefined
      type = known ?? "text"
      elements.push(asTyped(type, element))
    }
    if (elementType === undefined) elementType = type
    else if (elementType !== type) {
      return refuse(`the elements of an array parameter are of different types, ${elementType} and ${type}`)
    }
  }
  if (elementType === undefined) {
    return refuse("an array with only NULL elements has no known type: use a typed array parameter")
  }
  return open ? { _tag: "TextArray", ...arrayForms(elementType, elements) } : typedArray(elementType, elements)
}

const parameterOf = (value: unknown): PgParameter => {
  if (typeof value === "string") return { _tag: "Text", value: { stringValue: text(value, "text") } }
  if (value === null || value === undefined) return untypedNull
  if (typeof value === "object") {
    if (isTypedParameter(value)) return fromTypedParameter(value.oid, value.value)
    if (Array.isArray(value)) return fromArray(value)
  }
  const type = typeOf(value)
  return type === undefined ? untypedNull : typed(type, asTyped(type, value))
}

/**
 * Encodes each value by its JavaScript type, never by the look of its text.
 *
 * A boolean is `bool`, a whole number `int4` or `int8`, any other number `float8`, a bigint `int8`, a `BigDecimal`
 * `numeric`, a `Date` `timestamptz`, a `Uint8Array` `bytea`, an array an array of its elements' type, a plain object
 * `jsonb`, `null` and `undefined` NULL. A string has the type that PostgreSQL infers from the statement; a typed
 * parameter of `@effect/sql-pg`'s `PgTypes` has its own.
 *
 * @example
 * ```ts
 * import { PgValue } from "alex-database/data-api"
 *
 * PgValue.encode([7, "x", [1, null]])
 * // succeeds with [
 * //   { _tag: "Typed", type: "int4", value: { longValue: 7 } },
 * //   { _tag: "Text", value: { stringValue: "x" } },
 * //   { _tag: "Typed", type: "int4[]", value: { stringValue: '{"1",NULL}' }, list: { stringValue: "1,NULL" } }
 * // ]
 * ```
 */
export const encode = (values: ReadonlyArray<unknown>): Result.Result<ReadonlyArray<PgParameter>, PgValueError> =>
  caught(() => values.map(parameterOf))

const jsonElement = (value: unknown): unknown => {
  switch (typeof value) {
    case "undefined":
      return null
    case "string":
      return text(value, "text")
    case "bigint":
      return String(int8(value))
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0) ? value : floatText(value)
    case "object": {
      if (value === null) return null
      if (value instanceof Date) return timestampText(value, "+00")
      if (Array.isArray(value)) return value.map(jsonElement)
      if (isTypedParameter(value)) return typedElement(value.oid, value.value)
      if (isPlainObject(value)) return value
      const type = typeOf(value)
      return type === undefined ? null : literal(type, asTyped(type, value))
    }
    default:
      return typeOf(value) === "bool" ? value : null
  }
}

const typedElement = (oid: number, value: unknown): unknown => {
  if (value === null || value === undefined) return null
  const type = pgElementByOid.get(oid)?.name ?? pgTypeByOid.get(oid)?.name ?? (oid === 0 ? "text" : undefined)
  if (type === undefined) return refuse(`no type name is known for the object id ${oid}`)
  if (type === "json" || type === "jsonb" || type === "bool") return value
  return Array.isArray(value)
    ? value.map((element) => (element === null || element === undefined ? null : literal(type, element)))
    : literal(type, value)
}

/**
 * Encodes rows as objects for `json_populate_recordset`, which converts their JSON to the columns' types: text that
 * PostgreSQL reads, numbers, arrays for array columns, any value for json columns.
 *
 * @param members The members of a row that are its values.
 * @param columns The columns for these members, in the same order.
 */
export const encodeRows = (
  members: ReadonlyArray<string>,
  columns: ReadonlyArray<string>,
  rows: ReadonlyArray<Readonly<Record<string, unknown>>>
): Result.Result<ReadonlyArray<Row>, PgValueError> => {
  let at = 0
  const encoded = caught(() =>
    rows.map((row, index) => {
      at = index
      const object: Row = {}
      for (let member = 0; member < members.length; member++) {
        setOwn(object, columns[member] ?? "", jsonElement(row[members[member] ?? ""]))
      }
      return object
    })
  )
  return Result.mapError(encoded, (error) => new PgValueError(`in row ${at}, ${error.message}`))
}

/** The JSON of a value; fails if the value has no JSON form. */
export const encodeJson = (value: unknown): Result.Result<string, PgValueError> => caught(() => json(value))
