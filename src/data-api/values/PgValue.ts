/**
 * PostgreSQL values on the Data API's wire: a JavaScript value to a parameter, a result column to JavaScript values.
 *
 * The meaning of every value is that of `@effect/sql-pg`: a program gets and gives the same JavaScript values on
 * either driver. Pure; no I/O.
 */
import * as BigDecimal from "effect/BigDecimal"
import * as Result from "effect/Result"
import type { ArrayValue, ColumnMetadata, Field } from "../DataApi.ts"

/** A value that has no form on the wire, or an answer that has no form in JavaScript. Never holds the value itself. */
export class PgValueError extends Error {
  override readonly name = "PgValueError"
}

const refuse = (message: string): never => {
  throw new PgValueError(message)
}

/** Runs a codec; its refusal becomes a failure, anything else stays a defect. */
const caught = <A>(evaluate: () => A): Result.Result<A, PgValueError> => {
  try {
    return Result.succeed(evaluate())
  } catch (error) {
    if (error instanceof PgValueError) return Result.fail(error)
    // JSON has no form for a bigint or a value that holds itself, and says so by these two.
    if (error instanceof TypeError) return Result.fail(new PgValueError("the value has no JSON form"))
    if (error instanceof SyntaxError) return Result.fail(new PgValueError("a json column came back broken"))
    throw error
  }
}

/**
 * A parameter as it is sent: `cast` is the type that is written after the placeholder, empty where the value binds as
 * what it is (text, or an untyped NULL).
 *
 * An empty array has no type to be seen, so it is not sent at all: the statement gets the literal `'{}'` in its place,
 * whose type PostgreSQL takes from the context. `value` is then absent.
 */
export interface PgParameter {
  readonly cast: string
  readonly value?: Field
}

const NULL: Field = { isNull: true }
const untypedNull: PgParameter = { cast: "", value: NULL }
const emptyArray: PgParameter = { cast: "{}" }

/** The names of the built-in types, by their object ids in `pg_type`. */
const typeNames: ReadonlyMap<number, string> = new Map([
  [16, "bool"],
  [17, "bytea"],
  [19, "name"],
  [20, "int8"],
  [21, "int2"],
  [23, "int4"],
  [25, "text"],
  [26, "oid"],
  [114, "json"],
  [650, "cidr"],
  [700, "float4"],
  [701, "float8"],
  [869, "inet"],
  [1042, "bpchar"],
  [1043, "varchar"],
  [1082, "date"],
  [1083, "time"],
  [1114, "timestamp"],
  [1184, "timestamptz"],
  [1186, "interval"],
  [1266, "timetz"],
  [1700, "numeric"],
  [2205, "regclass"],
  [2950, "uuid"],
  [3802, "jsonb"]
])

/** Element types by the object id of their array type. */
const arrayElementNames: ReadonlyMap<number, string> = new Map([
  [1000, "bool"],
  [1001, "bytea"],
  [1003, "name"],
  [1016, "int8"],
  [1005, "int2"],
  [1007, "int4"],
  [1009, "text"],
  [1028, "oid"],
  [199, "json"],
  [651, "cidr"],
  [1021, "float4"],
  [1022, "float8"],
  [1041, "inet"],
  [1014, "bpchar"],
  [1015, "varchar"],
  [1182, "date"],
  [1183, "time"],
  [1115, "timestamp"],
  [1185, "timestamptz"],
  [1187, "interval"],
  [1270, "timetz"],
  [1231, "numeric"],
  [2210, "regclass"],
  [2951, "uuid"],
  [3807, "jsonb"]
])

// ---------------------------------------------------------------------------------------------------------------
// Parameters
// ---------------------------------------------------------------------------------------------------------------

const INT8_MIN = -(2n ** 63n)
const INT8_MAX = 2n ** 63n - 1n
/** The last microsecond of a day, and the midnight after it, which `time` admits. */
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

const pad = (value: number, size: number): string => String(value).padStart(size, "0")

/** The numbers up to 59 with two digits. Twice as fast as padding them, or as a Date's own text. */
const pairs: ReadonlyArray<string> = Array.from({ length: 60 }, (_, value) => pad(value, 2))

const microsText = (micros: number): string => (micros === 0 ? "" : `.${pad(micros, 6)}`)

/** `HH:MM:SS[.ffffff]` of microseconds; hours are not limited to a day. */
const clockText = (micros: bigint): string => {
  const seconds = micros / 1_000_000n
  const minutes = seconds / 60n
  const hours = String(minutes / 60n).padStart(2, "0")
  return `${hours}:${pad(Number(minutes % 60n), 2)}:${pad(Number(seconds % 60n), 2)}${microsText(Number(micros % 1_000_000n))}`
}

/** A moment in UTC, from milliseconds since 1970 with a fraction down to microseconds. Years before 1 are `BC`. */
const timestampText = (value: unknown, zone: string): string => {
  if (value instanceof Date) {
    const year = value.getUTCFullYear()
    if (year >= 1 && year <= 9999) {
      const day = `${pad(year, 4)}-${pairs[value.getUTCMonth() + 1]}-${pairs[value.getUTCDate()]}`
      const time = `${pairs[value.getUTCHours()]}:${pairs[value.getUTCMinutes()]}:${pairs[value.getUTCSeconds()]}`
      return `${day} ${time}.${pad(value.getUTCMilliseconds(), 3)}${zone}`
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

/** `@effect/sql-pg` counts years astronomically, `0000` being 1 BC; PostgreSQL reads the name. */
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

/** The text that PostgreSQL reads as `value` of `type`: what an array literal or a cast takes. */
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
      return `\\x${Buffer.from(blob(value)).toString("hex")}`
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
  if (value === null || value === undefined) return { cast: type, value: NULL }
  switch (type) {
    case "bool":
      return typeof value === "boolean"
        ? { cast: type, value: { booleanValue: value } }
        : refuse("a bool parameter takes a boolean")
    case "int2":
      return { cast: type, value: { longValue: integer(value, type, -32768, 32767) } }
    case "int4":
      return { cast: type, value: { longValue: integer(value, type, -2147483648, 2147483647) } }
    case "oid":
    case "regclass":
      return { cast: type, value: { longValue: integer(value, type, 0, 4294967295) } }
    case "int8": {
      // A long beyond 2^53 would be rounded by JSON in JavaScript; its text is exact.
      const long = int8(value)
      const narrow = Number(long)
      return { cast: type, value: Number.isSafeInteger(narrow) ? { longValue: narrow } : { stringValue: String(long) } }
    }
    case "float4":
    case "float8": {
      const given = float(value, type)
      const double = type === "float4" ? Math.fround(given) : given
      // JSON has no NaN, infinities or negative zero.
      return Number.isFinite(double) && !Object.is(double, -0)
        ? { cast: type, value: { doubleValue: double } }
        : { cast: type, value: { stringValue: floatText(double) } }
    }
    case "bytea":
      return { cast: type, value: { blobValue: blob(value) } }
    default:
      return { cast: type, value: { stringValue: literal(type, value) } }
  }
}

/**
 * The mark on a typed parameter of `@effect/sql-pg`'s `PgTypes`. Known by its text, so that a bundle which only speaks
 * the Data API does not carry that driver.
 */
const ParameterTypeId = "~@effect/sql-pg/PgTypes/Parameter"

const isTypedParameter = (value: object): value is { readonly oid: number; readonly value: unknown } =>
  ParameterTypeId in value && value[ParameterTypeId] === ParameterTypeId && "oid" in value && "value" in value

const fromTypedParameter = (oid: number, value: unknown): PgParameter => {
  if (oid === 0) {
    return value === null || value === undefined
      ? untypedNull
      : { cast: "", value: { stringValue: text(String(value), "text") } }
  }
  const element = arrayElementNames.get(oid)
  if (element !== undefined) {
    if (value === null || value === undefined) return { cast: `${element}[]`, value: NULL }
    return Array.isArray(value)
      ? { cast: `${element}[]`, value: { stringValue: arrayLiteral(element, value) } }
      : refuse(`a ${element}[] parameter takes an array`)
  }
  const type = typeNames.get(oid)
  return type === undefined
    ? refuse(`no type name is known for the object id ${oid}; send text and cast it in the statement`)
    : typed(type, value)
}

const isPlainObject = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** The type that a value has by what it is, or undefined for text and NULL, which take theirs from the statement. */
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
      if (BigDecimal.isBigDecimal(value)) return "numeric"
      if (isPlainObject(value)) return "jsonb"
  }
  return refuse(
    `a ${typeof value === "object" ? "class instance" : typeof value} has no PostgreSQL type: send a string, number, bigint, boolean, Date, BigDecimal, Uint8Array, array or plain object, or a typed parameter`
  )
}

/** All digits, the scale kept: `12.50` stays `12.50`. */
const decimalText = ({ scale, value }: BigDecimal.BigDecimal): string => {
  if (scale < -131072 || scale > 16383) return refuse("the decimal has more digits than PostgreSQL's numeric")
  const digits = String(value < 0n ? -value : value)
  const sign = value < 0n ? "-" : ""
  if (scale <= 0) return value === 0n ? "0" : `${sign}${digits}${"0".repeat(-scale)}`
  const padded = digits.padStart(scale + 1, "0")
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}

/** As the codecs of `type` take it: whole numbers beyond int4 as bigint, decimals as text. */
const asTyped = (type: string, value: unknown): unknown => {
  if (type === "int8" && typeof value === "number") return BigInt(value)
  if (type === "numeric" && BigDecimal.isBigDecimal(value)) return decimalText(value)
  return value
}

const fromArray = (values: ReadonlyArray<unknown>): PgParameter => {
  if (values.length === 0) return emptyArray
  let elementType: string | undefined
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
      const name = element.oid === 0 ? "text" : typeNames.get(element.oid)
      if (name === undefined) return refuse(`no array type is known for the object id ${element.oid}`)
      type = name
      elements.push(element.value)
    } else {
      type = typeOf(element) ?? "text"
      elements.push(asTyped(type, element))
    }
    if (elementType === undefined) elementType = type
    else if (elementType !== type) {
      return refuse(`the elements of an array parameter are of different types, ${elementType} and ${type}`)
    }
  }
  return elementType === undefined
    ? refuse("the type of an array of nothing but NULL can't be seen: use a typed array parameter")
    : { cast: `${elementType}[]`, value: { stringValue: arrayLiteral(elementType, elements) } }
}

const parameterOf = (value: unknown): PgParameter => {
  if (typeof value === "string") return { cast: "", value: { stringValue: text(value, "text") } }
  if (value === null || value === undefined) return untypedNull
  if (typeof value === "object") {
    if (isTypedParameter(value)) return fromTypedParameter(value.oid, value.value)
    if (Array.isArray(value)) return fromArray(value)
  }
  const type = typeOf(value)
  return type === undefined ? untypedNull : typed(type, asTyped(type, value))
}

/**
 * How each value is sent, by what it is and never by how its text looks.
 *
 * A boolean is `bool`, a whole number `int4` or `int8`, any other number `float8`, a bigint `int8`, a `BigDecimal`
 * `numeric`, a `Date` `timestamptz`, a `Uint8Array` `bytea`, an array an array of its elements' type, a plain object
 * `jsonb`, `null` and `undefined` NULL. A string is `text`: where a column is of another type, write a cast, or send a
 * typed parameter of `@effect/sql-pg`'s `PgTypes`.
 *
 * @example
 * ```ts
 * import { PgValue } from "alex-database/data-api"
 *
 * PgValue.encode([7, "x", [1, null]])
 * // succeeds with [
 * //   { cast: "int4", value: { longValue: 7 } },
 * //   { cast: "", value: { stringValue: "x" } },
 * //   { cast: "int4[]", value: { stringValue: '{"1",NULL}' } }
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
  const type = arrayElementNames.get(oid) ?? typeNames.get(oid) ?? (oid === 0 ? "text" : undefined)
  if (type === undefined) return refuse(`no type name is known for the object id ${oid}`)
  if (type === "json" || type === "jsonb" || type === "bool") return value
  return Array.isArray(value)
    ? value.map((element) => (element === null || element === undefined ? null : literal(type, element)))
    : literal(type, value)
}

/**
 * Rows as objects of whose JSON `json_populate_recordset` makes rows of the columns' types: text that PostgreSQL reads,
 * numbers, arrays for array columns, anything for json columns.
 *
 * @param members the members of a row that are its values
 * @param columns the columns that they are for, in the same order
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

/** The JSON of a value that may hold what JSON can't. */
export const encodeJson = (value: unknown): Result.Result<string, PgValueError> => caught(() => json(value))

/** Sets a member, also the one that assignment would take for the prototype. */
const setOwn = (row: Row, name: string, value: unknown): void => {
  if (name === "__proto__")
    Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true })
  else row[name] = value
}

// ---------------------------------------------------------------------------------------------------------------
// Results
// ---------------------------------------------------------------------------------------------------------------

/** What an element of an `arrayValue` is, beside SQL NULL. */
type Scalar = string | number | bigint | boolean | Uint8Array

type Decode = (value: Scalar) => unknown

const digitAt = (value: string, at: number): number => value.charCodeAt(at) - 48
const twoDigits = (value: string, at: number): number => digitAt(value, at) * 10 + digitAt(value, at + 1)

/** Days from 1970-01-01 to a day of the proleptic Gregorian calendar, as `days_from_civil` of Howard Hinnant has it. */
const daysFromCivil = (year: number, month: number, day: number): number => {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719468
}

/** 2000-01-01, from which PostgreSQL counts its microseconds. */
const POSTGRES_EPOCH_MS = 946684800000

const timestampPattern =
  /^[+]?(\d{4,})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:Z|[+]00(?::?00)?)?( BC)?$/

const timestampOf = (year: number, month: number, day: number, seconds: number, micros: number): Date => {
  const ms = (daysFromCivil(year, month, day) * 86400 + seconds) * 1000 + Math.floor(micros / 1000)
  // Cut to milliseconds towards 2000, as a count of microseconds from there is cut by integer division.
  return new Date(micros % 1000 !== 0 && ms < POSTGRES_EPOCH_MS ? ms + 1 : ms)
}

/** `YYYY-MM-DD HH:MM:SS[.fff[fff]]`, in UTC. */
const timestamp: Decode = (value) => {
  if (typeof value !== "string") return refuse("a timestamp came back as something other than text")
  const length = value.length
  const plain = (length === 19 || length === 23 || length === 26) && value.charCodeAt(4) === 45
  if (plain && value.charCodeAt(10) === 32 && value.charCodeAt(length - 1) <= 57) {
    const seconds = twoDigits(value, 11) * 3600 + twoDigits(value, 14) * 60 + twoDigits(value, 17)
    let micros = 0
    for (let at = 20; at < length; at++) micros = micros * 10 + digitAt(value, at)
    if (length === 23) micros *= 1000
    const year = twoDigits(value, 0) * 100 + twoDigits(value, 2)
    const date = timestampOf(year, twoDigits(value, 5), twoDigits(value, 8), seconds, micros)
    if (!Number.isNaN(date.getTime())) return date
  }
  const parts = timestampPattern.exec(value)
  if (parts === null) return refuse("a timestamp came back in an unknown form")
  const year = parts[8] === undefined ? Number(parts[1]) : 1 - Number(parts[1])
  const seconds = Number(parts[4]) * 3600 + Number(parts[5]) * 60 + Number(parts[6])
  return timestampOf(year, Number(parts[2]), Number(parts[3]), seconds, Number((parts[7] ?? "").padEnd(6, "0")))
}

const date: Decode = (value) => {
  if (typeof value !== "string") return refuse("a date came back as something other than text")
  const named = /^(\d{4,})(-\d\d-\d\d) BC$/.exec(value)
  if (named === null) return value.startsWith("+") ? value.slice(1) : value
  const year = Number(named[1]) - 1
  return `${year === 0 ? "" : "-"}${pad(year, 4)}${named[2]}`
}

const time: Decode = (value) => {
  const parts = typeof value === "string" ? /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(value) : null
  if (parts === null) return refuse("a time came back in an unknown form")
  const seconds = Number(parts[1]) * 3600 + Number(parts[2]) * 60 + Number(parts[3])
  return BigInt(seconds) * 1_000_000n + BigInt((parts[4] ?? "").padEnd(6, "0"))
}

const asText: Decode = (value) => (typeof value === "string" ? value : String(value))
const asNumber: Decode = (value) => (typeof value === "number" ? value : Number(value))
const asBigInt: Decode = (value) =>
  typeof value === "bigint"
    ? value
    : typeof value === "string" || (typeof value === "number" && Number.isSafeInteger(value))
      ? BigInt(value)
      : refuse("an int8 came back as a number that JavaScript has rounded")
const asFloat4: Decode = (value) => Math.fround(Number(value))
const asJson: Decode = (value) => {
  if (typeof value !== "string") return refuse("json came back as something other than text")
  return JSON.parse(value)
}
const asBytes: Decode = (value) =>
  value instanceof Uint8Array
    ? // A Buffer is a Uint8Array with another prototype and other methods.
      new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : refuse("bytea came back as something other than bytes")
const asItIs: Decode = (value) => value

/** An address that PostgreSQL writes with dots because its first 96 bits are 0. */
const compatible = /^::(\d+)\.(\d+)\.(\d+)\.(\d+)(?=\/|$)/

const group = (high: string, low: string): string => (Number(high) * 256 + Number(low)).toString(16)

/** An address and the length of its prefix, where there is one. */
const network = (
  value: Scalar
): { readonly address: string; readonly prefix: string | undefined; readonly width: string } => {
  if (typeof value !== "string" || !/^[\da-f.:]+(?:\/\d+)?$/i.test(value)) {
    return refuse("an inet or a cidr came back in an unknown form")
  }
  const text = value.toLowerCase()
  const hexadecimal = text.replace(compatible, (_, a, b, c, d) => `::${group(a, b)}:${group(c, d)}`)
  const [address = "", prefix] = hexadecimal.split("/")
  return { address, prefix, width: address.includes(":") ? "128" : "32" }
}

/** A host has no prefix. */
const inet: Decode = (value) => {
  const { address, prefix, width } = network(value)
  return prefix === undefined || prefix === width ? address : `${address}/${prefix}`
}

/** A network has one, even if it is a single host's. */
const cidr: Decode = (value) => {
  const { address, prefix, width } = network(value)
  return `${address}/${prefix ?? width}`
}

/** By the `typeName` of the column's metadata. A type that is not here, an enum for one, is text. */
const decoders: ReadonlyMap<string, Decode> = new Map([
  ["bool", asItIs],
  ["int2", asNumber],
  ["smallserial", asNumber],
  ["int4", asNumber],
  ["serial", asNumber],
  ["oid", asNumber],
  ["int8", asBigInt],
  ["bigserial", asBigInt],
  ["float4", asFloat4],
  ["float8", asNumber],
  ["numeric", asText],
  ["date", date],
  ["time", time],
  ["timestamp", timestamp],
  ["timestamptz", timestamp],
  ["json", asJson],
  ["jsonb", asJson],
  ["bytea", asBytes],
  ["inet", inet],
  ["cidr", cidr]
])

const decoderOf = (typeName: string): Decode =>
  decoders.get(typeName.startsWith("_") ? typeName.slice(1) : typeName) ?? asText

const elementsOf = (array: ArrayValue): ReadonlyArray<Scalar | null> => {
  if ("stringValues" in array) return array.stringValues
  if ("longValues" in array) return array.longValues
  if ("doubleValues" in array) return array.doubleValues
  if ("booleanValues" in array) return array.booleanValues
  // An empty array may come in any variant, this one too.
  return array.arrayValues.length === 0 ? [] : refuse("an array of arrays came back, which has no form in JavaScript")
}

const fieldValue = (field: Field, decode: Decode): unknown => {
  // The order matters: an answer may set isNull beside another member.
  if ("isNull" in field && field.isNull) return null
  if ("stringValue" in field) return decode(field.stringValue)
  if ("longValue" in field) return decode(field.longValue)
  if ("doubleValue" in field) return decode(field.doubleValue)
  if ("booleanValue" in field) return decode(field.booleanValue)
  if ("arrayValue" in field) {
    return elementsOf(field.arrayValue).map((element) => (element === null ? null : decode(element)))
  }
  if ("blobValue" in field) return decode(field.blobValue)
  return refuse("a field came back without a value")
}

type Columns = ReadonlyArray<ColumnMetadata>
type Records = ReadonlyArray<ReadonlyArray<Field>>

const decodedRows = (columns: Columns, records: Records): ReadonlyArray<ReadonlyArray<unknown>> => {
  const columnDecoders = columns.map((column) => decoderOf(column.typeName))
  return records.map((record) => {
    if (record.length !== columns.length) return refuse("a row came back with more or fewer values than columns")
    return record.map((field, index) => fieldValue(field, columnDecoders[index] ?? asText))
  })
}

/**
 * The rows as arrays, in column order.
 *
 * `numeric` is a string, `int8` a bigint, `int2`, `int4`, `oid` and floats numbers, `timestamp` and `timestamptz` a
 * `Date`, `date` a string, `time` microseconds since midnight as a bigint, json its value, `bytea` a `Uint8Array`,
 * everything else text; arrays are arrays of these.
 */
export const decodeValues = (
  columns: Columns,
  records: Records
): Result.Result<ReadonlyArray<ReadonlyArray<unknown>>, PgValueError> => caught(() => decodedRows(columns, records))

/** A row by column label; of several columns of one label the last wins. */
export type Row = Record<string, unknown>

/** The rows as objects by column label; values as {@link decodeValues} has them. */
export const decodeRows = (columns: Columns, records: Records): Result.Result<ReadonlyArray<Row>, PgValueError> =>
  caught(() => {
    const labels = columns.map((column) => column.label || column.name)
    const columnDecoders = columns.map((column) => decoderOf(column.typeName))
    return records.map((record) => {
      if (record.length !== labels.length) return refuse("a row came back with more or fewer values than columns")
      const row: Row = {}
      for (let index = 0; index < record.length; index++) {
        const label = labels[index]
        const field = record[index]
        if (label === undefined || field === undefined) continue
        setOwn(row, label, fieldValue(field, columnDecoders[index] ?? asText))
      }
      return row
    })
  })
