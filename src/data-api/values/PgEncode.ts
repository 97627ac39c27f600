/**
 * Encodes JavaScript values as parameters of the Data API. Every value means the same as with `@effect/sql-pg`, so that
 * a program can pass the same values to either driver. Pure; no I/O.
 */

import type * as BigDecimal from "effect/BigDecimal"
import * as Result from "effect/Result"
import type { Field } from "../DataApi.ts"
import { dateOf } from "./Calendar.ts"
import { toHex } from "./Octets.ts"
import { pgElementByOid, pgTypeByOid } from "./PgOids.ts"
import { caught, PgValueError, pad, type Row, refuse, setOwn } from "./PgRefusal.ts"

/** An encoded parameter, by how its type is known. */
export type PgParameter =
  /** The type is known from the value, or was given with it. */
  | { readonly _tag: "Typed"; readonly type: string; readonly value: Field }
  /** A string: PostgreSQL infers its type from the statement. */
  | { readonly _tag: "Text"; readonly value: Field }
  /** NULL: PostgreSQL infers its type from the statement. */
  | { readonly _tag: "Null"; readonly value: Field }
  /** An array of strings: `text[]`, unless PostgreSQL infers an array of another type. */
  | { readonly _tag: "TextArray"; readonly value: Field }
  /** An empty array, whose type can't be known from the value. */
  | { readonly _tag: "EmptyArray"; readonly value: Field }

const NULL: Field = { isNull: true }
const untypedNull: PgParameter = { _tag: "Null", value: NULL }
const emptyArray: PgParameter = { _tag: "EmptyArray", value: { stringValue: "{}" } }
/** Quotes `char` and `bit`, which would otherwise mean other types: `bpchar(1)` and `bit(1)`. */
const quoted = (type: string): string => type.replace(/^(?:bit|char)(?=$|\[)/, '"$&"')
const typedAs = (type: string, value: Field): PgParameter => ({ _tag: "Typed", type: quoted(type), value })

const INT8_MIN = -(2n ** 63n)
const INT8_MAX = 2n ** 63n - 1n
/** Microseconds of a day. `time` also allows the midnight at its end. */
const DAY_MICROS = 86_400_000_000n

const text = (value: unknown, type: string): string => {
  if (typeof value !== "string") return refuse(`a ${type} parameter takes a string, not a ${typeof value}`)
  if (value.includes("\u0000")) return refuse("PostgreSQL text can't hold the character U+0000")
  if (!value.isWellFormed()) return refuse("PostgreSQL text can't hold half of a surrogate pair")
  return value
}

const integer = (value: unknown, type: string, min: number, max: number): number =>
  typeof value === "number" && Number.isInteger(value) && value >= min && value <= max
    ? value + 0 // -0 becomes 0
    : refuse(`a ${type} parameter takes an integer from ${min} to ${max}`)

const int8 = (value: unknown): bigint =>
  typeof value === "bigint" && value >= INT8_MIN && value <= INT8_MAX
    ? value
    : refuse("an int8 parameter takes a bigint from -2^63 to 2^63 - 1")

const float = (value: unknown, type: string): number =>
  typeof value === "number" ? value : refuse(`a ${type} parameter takes a number, not a ${typeof value}`)

const json = (value: unknown): string => {
  const written: string | undefined = JSON.stringify(value)
  return written === undefined ? refuse("the value has no JSON form") : written
}

/** The numbers from 0 to 59 with two digits. A lookup is twice as fast as padding or as a Date's own text. */
const pairs: ReadonlyArray<string> = Array.from({ length: 60 }, (_, value) => pad(value, 2))

const microsText = (micros: number): string => (micros === 0 ? "" : `.${pad(micros, 6)}`)

/** Microseconds as `HH:MM:SS[.ffffff]`; there may be more than 24 hours. */
const clockText = (micros: bigint): string => {
  const seconds = micros / 1_000_000n
  const minutes = seconds / 60n
  const hours = String(minutes / 60n).padStart(2, "0")
  return `${hours}:${pad(Number(minutes % 60n), 2)}:${pad(Number(seconds % 60n), 2)}${microsText(Number(micros % 1_000_000n))}`
}

/** The last day that was formatted: consecutive rows often have the same day. */
let lastDay = { number: Number.NaN, text: "" }

const dayText = (day: number): string => {
  if (day !== lastDay.number) {
    const { day: date, month, year } = dateOf(day)
    lastDay = { number: day, text: `${pad(year, 4)}-${pairs[month]}-${pairs[date]}` }
  }
  return lastDay.text
}

const DAY_MS = 86_400_000
/** The first millisecond of year 1, and of year 10000. */
const YEAR_1 = -62_135_596_800_000
const YEAR_10000 = 253_402_300_800_000

/**
 * A time in UTC, from a Date or milliseconds since 1970, whose fraction is kept to microseconds. Years before 1 are
 * `BC`.
 */
const timestampText = (value: unknown, zone: string): string => {
  if (value instanceof Date) {
    const at = value.getTime()
    if (at >= YEAR_1 && at < YEAR_10000) {
      const day = Math.floor(at / DAY_MS)
      const ms = at - day * DAY_MS
      const seconds = Math.floor(ms / 1000)
      const minutes = Math.floor(seconds / 60)
      const hours = Math.floor(minutes / 60)
      const clock = `${pairs[hours]}:${pairs[minutes - hours * 60]}:${pairs[seconds - minutes * 60]}`
      return `${dayText(day)} ${clock}.${pad(ms - seconds * 1000, 3)}${zone}`
    }
  }
  const ms = value instanceof Date ? value.getTime() : value
  if (typeof ms !== "number" || Number.isNaN(ms)) return refuse("a timestamp parameter takes a valid Date or a number")
  if (ms === Number.POSITIVE_INFINITY) return "infinity"
  if (ms === Number.NEGATIVE_INFINITY) return "-infinity"
  const micros = Math.trunc(ms * 1000)
  const wholeMs = Math.floor(micros / 1000)
  const date = new Date(wholeMs)
  const year = date.getUTCFullYear()
  if (Number.isNaN(year)) return refuse("the timestamp parameter is outside what a Date can hold")
  const fraction = date.getUTCMilliseconds() * 1000 + (micros - wholeMs * 1000)
  const day = `${pad(year > 0 ? year : 1 - year, 4)}-${pad(date.getUTCMonth() + 1, 2)}-${pad(date.getUTCDate(), 2)}`
  const time = `${pad(date.getUTCHours(), 2)}:${pad(date.getUTCMinutes(), 2)}:${pad(date.getUTCSeconds(), 2)}`
  return `${day} ${time}${microsText(fraction)}${zone}${year > 0 ? "" : " BC"}`
}

/** Converts the astronomical years of `@effect/sql-pg`, in which `0000` is 1 BC, to PostgreSQL's `BC`. */
const dateText = (value: unknown): string => {
  const written = text(value, "date")
  const astronomical = /^(-\d{4,}|0000)(-\d\d-\d\d)$/.exec(written)
  if (astronomical === null) return written
  return `${pad(1 + Math.abs(Number(astronomical[1])), 4)}${astronomical[2]} BC`
}

const isInterval = (value: unknown): value is { months: number; days: number; microseconds: bigint } =>
  typeof value === "object" && value !== null && "months" in value && "days" in value && "microseconds" in value

const intervalText = (value: unknown): string => {
  if (!isInterval(value)) return refuse("an interval parameter takes { months, days, microseconds }")
  const months = integer(value.months, "interval's months", -2147483648, 2147483647)
  const days = integer(value.days, "interval's days", -2147483648, 2147483647)
  const micros = int8(value.microseconds)
  return `${months} mons ${days} days ${micros < 0n ? "-" : ""}${clockText(micros < 0n ? -micros : micros)}`
}

const floatText = (value: number): string => (Object.is(value, -0) ? "-0" : String(value))

const blob = (value: unknown): Uint8Array => {
  if (value instanceof Uint8Array) return value
  if (value instanceof Int8Array) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return refuse("a bytea parameter takes a Uint8Array")
}

/** The text that PostgreSQL reads as `value` of `type`, for an array literal or a cast. */
const literal = (type: string, value: unknown): string => {
  switch (type) {
    case "bool":
      return typeof value === "boolean" ? String(value) : refuse("a bool parameter takes a boolean")
    case "int2":
      return String(integer(value, type, -32768, 32767))
    case "int4":
      return String(integer(value, type, -2147483648, 2147483647))
    case "oid":
    case "regclass":
      return String(integer(value, type, 0, 4294967295))
    case "int8":
      return String(int8(value))
    case "float4":
      return floatText(Math.fround(float(value, type)))
    case "float8":
      return floatText(float(value, type))
    case "bytea":
      return `\\x${toHex(blob(value))}`
    case "json":
    case "jsonb":
      return json(value)
    case "date":
      return dateText(value)
    case "time": {
      const micros = int8(value)
      return micros >= 0n && micros <= DAY_MICROS
        ? clockText(micros)
        : refuse("a time parameter takes microseconds from 0 to 86,400,000,000")
    }
    case "timestamp":
      return timestampText(value, "")
    case "timestamptz":
      return timestampText(value, "+00")
    case "interval":
      return intervalText(value)
    default:
      return text(value, type)
  }
}

const arrayLiteral = (type: string, values: ReadonlyArray<unknown>): string =>
  `{${values
    .map((value) =>
      value === null || value === undefined ? "NULL" : `"${literal(type, value).replace(/["\\]/g, "\\$&")}"`
    )
    .join(",")}}`

const typed = (type: string, value: unknown): PgParameter => {
  if (value === null || value === undefined) return typedAs(type, NULL)
  switch (type) {
    case "bool":
      return typeof value === "boolean"
        ? typedAs(type, { booleanValue: value })
        : refuse("a bool parameter takes a boolean")
    case "int2":
      return typedAs(type, { longValue: integer(value, type, -32768, 32767) })
    case "int4":
      return typedAs(type, { longValue: integer(value, type, -2147483648, 2147483647) })
    case "oid":
    case "regclass":
      return typedAs(type, { longValue: integer(value, type, 0, 4294967295) })
    case "int8": {
      // A long beyond 2^53 would be rounded by JSON in JavaScript; its text is exact.
      const long = int8(value)
      const narrow = Number(long)
      return typedAs(type, Number.isSafeInteger(narrow) ? { longValue: narrow } : { stringValue: String(long) })
    }
    case "float4":
    case "float8": {
      const given = float(value, type)
      const double = type === "float4" ? Math.fround(given) : given
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
  if (oid === 0) {
    return value === null || value === undefined
      ? untypedNull
      : { _tag: "Text", value: { stringValue: text(String(value), "text") } }
  }
  const element = pgElementByOid.get(oid)?.name
  if (element !== undefined) {
    if (value === null || value === undefined) return typedAs(`${element}[]`, NULL)
    return Array.isArray(value)
      ? typedAs(`${element}[]`, { stringValue: arrayLiteral(element, value) })
      : refuse(`a ${element}[] parameter takes an array`)
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

/** All digits with the scale: `12.50` stays `12.50`. */
const decimalText = ({ scale, value }: BigDecimal.BigDecimal): string => {
  if (scale < -131072 || scale > 16383) return refuse("the decimal has more digits than PostgreSQL's numeric")
  const digits = String(value < 0n ? -value : value)
  const sign = value < 0n ? "-" : ""
  if (scale <= 0) return value === 0n ? "0" : `${sign}${digits}${"0".repeat(-scale)}`
  const padded = digits.padStart(scale + 1, "0")
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
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
  const value = { stringValue: arrayLiteral(elementType, elements) }
  return open ? { _tag: "TextArray", value } : typedAs(`${elementType}[]`, value)
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
 * //   { _tag: "Typed", type: "int4[]", value: { stringValue: '{"1",NULL}' } }
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
