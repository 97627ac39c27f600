/**
 * Decodes the Data API's results to the JavaScript values that `@effect/sql-pg` returns for the same query.
 * Pure; no I/O.
 */
import type * as Result from "effect/Result"
import type { ArrayValue, ColumnMetadata, Field } from "../DataApi.ts"
import { daysOf } from "./Calendar.ts"
import type { Cell, Cells } from "./Cells.ts"
import { intervalOf, microsOf } from "./Intervals.ts"
import { fromEscaped, fromHex } from "./Octets.ts"
import { caught, type PgValueError, pad, type Row, refuse, setOwn } from "./PgRefusal.ts"
import { parseJson } from "./SoundJson.ts"

/** An element of an `arrayValue` that is not NULL. */
type Scalar = string | number | bigint | boolean | Uint8Array

type Decode = (value: Scalar) => unknown

const digitAt = (value: string, at: number): number => value.charCodeAt(at) - 48
const twoDigits = (value: string, at: number): number => digitAt(value, at) * 10 + digitAt(value, at + 1)

/** 2000-01-01, from which PostgreSQL counts microseconds. */
const POSTGRES_EPOCH_MS = 946684800000

const unknownForm = (what: string) => refuse(`${what} came back in an unknown form`)

const noText = (what: string) => refuse(`${what} came back as something other than text`)

const timestampPattern =
  /^[+]?(\d{4,})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:Z|([+-])(\d\d)(?::?(\d\d))?(?::?(\d\d))?)?( BC)?$/

const timestampOf = (year: number, month: number, day: number, seconds: number, micros: number): Date => {
  const ms = (daysOf(year, month, day) * 86400 + seconds) * 1000 + Math.floor(micros / 1000)
  // Rounded to milliseconds towards 2000, as an integer division of PostgreSQL's microseconds rounds.
  return new Date(micros % 1000 !== 0 && ms < POSTGRES_EPOCH_MS ? ms + 1 : ms)
}

/** `YYYY-MM-DD HH:MM:SS[.fff[fff]]` in UTC, or with an offset, which the text of an array may have. */
const timestamp: Decode = (value) => {
  if (typeof value !== "string") return noText("a timestamp")
  const length = value.length
  // `.678+09` is as long as six digits; a sign comes before all digits.
  const plain = length === 19 || length === 23 || (length === 26 && value.charCodeAt(23) >= 48)
  if (plain && value.charCodeAt(4) === 45 && value.charCodeAt(10) === 32 && value.charCodeAt(length - 1) <= 57) {
    const seconds = twoDigits(value, 11) * 3600 + twoDigits(value, 14) * 60 + twoDigits(value, 17)
    let micros = 0
    for (let at = 20; at < length; at++) micros = micros * 10 + digitAt(value, at)
    if (length === 23) micros *= 1000
    const year = twoDigits(value, 0) * 100 + twoDigits(value, 2)
    const date = timestampOf(year, twoDigits(value, 5), twoDigits(value, 8), seconds, micros)
    if (!Number.isNaN(date.getTime())) return date
  }
  const parts = timestampPattern.exec(value)
  // The same as in @effect/sql-pg.
  if (value === "infinity" || value === "-infinity") return new Date(Number.NaN)
  if (parts === null) return unknownForm("a timestamp")
  const year = parts[12] === undefined ? Number(parts[1]) : 1 - Number(parts[1])
  const offset = Number(parts[9] ?? 0) * 3600 + Number(parts[10] ?? 0) * 60 + Number(parts[11] ?? 0)
  const clock = Number(parts[4]) * 3600 + Number(parts[5]) * 60 + Number(parts[6])
  const seconds = parts[8] === "-" ? clock + offset : clock - offset
  return timestampOf(year, Number(parts[2]), Number(parts[3]), seconds, Number((parts[7] ?? "").padEnd(6, "0")))
}

const date: Decode = (value) => {
  if (typeof value !== "string") return noText("a date")
  const named = /^(\d{4,})(-\d\d-\d\d) BC$/.exec(value)
  if (named === null) return value.startsWith("+") ? value.slice(1) : value
  const year = Number(named[1]) - 1
  return `${year === 0 ? "" : "-"}${pad(year, 4)}${named[2]}`
}

const time: Decode = (value) =>
  typeof value === "string" && /^\d\d:\d\d:\d\d(?:\.\d{1,6})?$/.test(value) ? microsOf(value) : unknownForm("a time")

/** `HH:MM:SS[.ffffff]` with the zone's hours, and its minutes if it has any. */
const timetz: Decode = (value) => {
  const parts = typeof value === "string" ? /^([\d:.]+)([+-]\d\d)(?::?(\d\d))?(?::\d\d)?$/.exec(value) : null
  return parts === null ? unknownForm("a timetz") : `${parts[1]}${parts[2]}:${parts[3] ?? "00"}`
}

const interval: Decode = (value) =>
  (typeof value === "string" ? intervalOf(value) : undefined) ?? unknownForm("an interval")

const asText: Decode = String
const asNumber: Decode = Number
const asBigInt: Decode = (value) =>
  typeof value === "bigint"
    ? value
    : typeof value === "string" || (typeof value === "number" && Number.isSafeInteger(value))
      ? BigInt(value)
      : refuse("an int8 came back as a number that JavaScript rounds")
const asFloat4: Decode = (value) => Math.fround(Number(value))
const asJson: Decode = (value) => {
  if (typeof value !== "string") return noText("json")
  return parseJson(value)
}
const asBytes: Decode = (value) => {
  // A text is in the session's `bytea_output`.
  const octets =
    typeof value !== "string" ? value : value.startsWith("\\x") ? fromHex(value.slice(2)) : fromEscaped(value)
  if (!(octets instanceof Uint8Array)) return refuse("bytea came back as something other than bytes")
  // A Buffer has other methods than a plain Uint8Array.
  return new Uint8Array(octets.buffer, octets.byteOffset, octets.byteLength)
}
const asItIs: Decode = (value) => value

/** An IPv6 address that PostgreSQL writes with dots because its first 96 bits are 0. */
const compatible = /^::(\d+)\.(\d+)\.(\d+)\.(\d+)(?=\/|$)/

const group = (high: string, low: string): string => (Number(high) * 256 + Number(low)).toString(16)

/** An address and the length of its prefix, if it has one. */
const network = (
  value: Scalar
): { readonly address: string; readonly prefix: string | undefined; readonly width: string } => {
  if (typeof value !== "string" || !/^[\da-f.:]+(?:\/\d+)?$/i.test(value)) {
    return unknownForm("an inet or a cidr")
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

/** By the `typeName` of the column's metadata. A type that is not listed, such as an enum, is decoded as text. */
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
  ["cidr", cidr],
  ["interval", interval],
  ["timetz", timetz],
  ["regclass", asNumber]
])

/** An element of an array in text; those of boxes, which have commas, are separated by semicolons. */
const plainElement = /"(?:[^"\\]|\\.)*"|[^,{}"]+/gs
const boxElement = /[^;{}]+/g

/** Parses the text of an array of one dimension, in which NULL may be that of JSON. */
const arrayText = (value: Scalar, pattern: RegExp, decode: Decode): ReadonlyArray<unknown> => {
  if (value === "{}") return []
  // One with bounds of its own is refused, as by sql-pg.
  const elements = typeof value === "string" && /^{(?!{)/.test(value) ? value.slice(1, -1).match(pattern) : null
  if (elements === null) return unknownForm("an array")
  return elements.map((element) => {
    if (element.startsWith('"')) return decode(element.slice(1, -1).replace(/\\(.)/gs, "$1"))
    return /^null$/i.test(element) ? null : decode(element)
  })
}

/** How a column's values and the elements of its arrays are decoded. */
interface Decoder {
  readonly value: Decode
  readonly element: Decode
}

const decoderOf = (typeName: string): Decoder => {
  if (!typeName.startsWith("_")) {
    const decode = decoders.get(typeName) ?? asText
    return { value: decode, element: decode }
  }
  const element = decoders.get(typeName.slice(1)) ?? asText
  // If the service can't return arrays of the type, the whole array comes as text.
  const pattern = typeName === "_box" ? boxElement : plainElement
  return { value: (one) => arrayText(one, pattern, element), element }
}

const text: Decoder = { value: asText, element: asText }

const elementsOf = (array: ArrayValue): ReadonlyArray<Scalar | null> => {
  if ("stringValues" in array) return array.stringValues
  if ("longValues" in array) return array.longValues
  if ("doubleValues" in array) return array.doubleValues
  if ("booleanValues" in array) return array.booleanValues
  // An empty array may come in any variant, this one too.
  return array.arrayValues.length === 0 ? [] : refuse("an array of arrays came back, which has no form in JavaScript")
}

const fieldValue = (field: Field, { element: decodeElement, value: decode }: Decoder): unknown => {
  // isNull first: a response may set it together with another member.
  if ("isNull" in field && field.isNull) return null
  if ("stringValue" in field) return decode(field.stringValue)
  if ("longValue" in field) return decode(field.longValue)
  if ("doubleValue" in field) return decode(field.doubleValue)
  if ("booleanValue" in field) return decode(field.booleanValue)
  if ("arrayValue" in field) {
    return elementsOf(field.arrayValue).map((element) => (element === null ? null : decodeElement(element)))
  }
  if ("blobValue" in field) return decode(field.blobValue)
  return refuse("a field came back without a value")
}

type Columns = ReadonlyArray<ColumnMetadata>

/** Rows as records, or as the cells of all of them. */
export type Rows = Cells | ReadonlyArray<ReadonlyArray<Field>>

const cellValue = (cell: Cell, decoder: Decoder): unknown => {
  if (cell === null) return null
  return typeof cell === "object" ? fieldValue(cell, decoder) : decoder.value(cell)
}

/** Reads each row by the place of its first value in a list. */
const everyRow = <A>(
  columns: Columns,
  rows: Rows,
  rowAt: (values: ReadonlyArray<Cell>, first: number) => A
): ReadonlyArray<A> => {
  const requireWidth = (width: number) =>
    width === columns.length || refuse("a row came back with more or fewer values than columns")
  if (!("width" in rows)) {
    return rows.map((record) => {
      requireWidth(record.length)
      return rowAt(record, 0)
    })
  }
  requireWidth(rows.width)
  const all: Array<A> = []
  for (let first = 0; first < rows.values.length; first += rows.width) all.push(rowAt(rows.values, first))
  return all
}

const decodersOf = (columns: Columns): ReadonlyArray<Decoder> => columns.map((column) => decoderOf(column.typeName))

/**
 * Decodes rows to arrays, in column order.
 *
 * `numeric` is a string, `int8` a bigint, `int2`, `int4`, `oid` and floats numbers, `timestamp` and `timestamptz` a
 * `Date`, `date` a string, `time` microseconds since midnight as a bigint, json its value, `bytea` a `Uint8Array`,
 * any other type text; an array is an array of these.
 */
export const decodeValues = (
  columns: Columns,
  rows: Rows
): Result.Result<ReadonlyArray<ReadonlyArray<unknown>>, PgValueError> =>
  caught(() => {
    const decoders = decodersOf(columns)
    return everyRow(columns, rows, (values, first) =>
      decoders.map((decoder, index) => cellValue(values[first + index] ?? null, decoder))
    )
  })

/** Decodes rows to objects by column label, with the values of {@link decodeValues}. */
export const decodeRows = (columns: Columns, rows: Rows): Result.Result<ReadonlyArray<Row>, PgValueError> =>
  caught(() => {
    const decoders = decodersOf(columns)
    const labels = columns.map((column) => column.label || column.name)
    const empty: Row = {}
    for (const label of labels) setOwn(empty, label, null)
    return everyRow(columns, rows, (values, first) => {
      // A copy has its final shape at once, which is faster than to add members one by one.
      const row: Row = { ...empty }
      for (let index = 0; index < labels.length; index++) {
        setOwn(row, labels[index] ?? "", cellValue(values[first + index] ?? null, decoders[index] ?? text))
      }
      return row
    })
  })
