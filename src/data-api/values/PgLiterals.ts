/** The text in which PostgreSQL reads a value of a type, or the refusal of a value that the type doesn't have. Pure. */
import type * as BigDecimal from "effect/BigDecimal"
import { listText } from "./ArrayLists.ts"
import { dateOf } from "./Calendar.ts"
import { type Interval, textOfInterval } from "./Intervals.ts"
import { toHex } from "./Octets.ts"
import { pad, refuse } from "./PgRefusal.ts"

const INT8_MIN = -(2n ** 63n)
const INT8_MAX = 2n ** 63n - 1n
/** Microseconds of a day. `time` also allows the midnight at its end. */
const DAY_MICROS = 86_400_000_000n

export const text = (value: unknown, type: string): string => {
  if (typeof value !== "string") return refuse(`a ${type} parameter takes a string, not a ${typeof value}`)
  if (value.includes("\u0000")) return refuse("PostgreSQL text can't hold the character U+0000")
  if (!value.isWellFormed()) return refuse("PostgreSQL text can't hold half of a surrogate pair")
  return value
}

export const bool = (value: unknown): boolean =>
  typeof value === "boolean" ? value : refuse("a bool parameter takes a boolean")

const integers = {
  int2: [-32768, 32767],
  int4: [-2147483648, 2147483647],
  oid: [0, 4294967295],
  regclass: [0, 4294967295]
} as const

export const integer = (value: unknown, type: keyof typeof integers, name: string = type): number => {
  const [min, max] = integers[type]
  return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max
    ? value + 0 // -0 becomes 0
    : refuse(`a ${name} parameter takes an integer from ${min} to ${max}`)
}

export const int8 = (value: unknown): bigint =>
  typeof value === "bigint" && value >= INT8_MIN && value <= INT8_MAX
    ? value
    : refuse("an int8 parameter takes a bigint from -2^63 to 2^63 - 1")

export const float = (value: unknown, type: "float4" | "float8"): number => {
  if (typeof value !== "number") return refuse(`a ${type} parameter takes a number, not a ${typeof value}`)
  return type === "float4" ? Math.fround(value) : value
}

export const json = (value: unknown): string => {
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
export const timestampText = (value: unknown, zone: string): string => {
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

const isInterval = (value: unknown): value is Interval =>
  typeof value === "object" && value !== null && "months" in value && "days" in value && "microseconds" in value

const intervalText = (value: unknown): string => {
  if (!isInterval(value)) return refuse("an interval parameter takes { months, days, microseconds }")
  const months = integer(value.months, "int4", "interval's months")
  const days = integer(value.days, "int4", "interval's days")
  return textOfInterval({ months, days, microseconds: int8(value.microseconds) }, clockText)
}

export const floatText = (value: number): string => (Object.is(value, -0) ? "-0" : String(value))

export const blob = (value: unknown): Uint8Array => {
  if (value instanceof Uint8Array) return value
  if (value instanceof Int8Array) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return refuse("a bytea parameter takes a Uint8Array")
}

/** The text that PostgreSQL reads as `value` of `type`, for an array literal or a cast. */
export const literal = (type: string, value: unknown): string => {
  switch (type) {
    case "bool":
      return String(bool(value))
    case "int2":
    case "int4":
    case "oid":
    case "regclass":
      return String(integer(value, type))
    case "int8":
      return String(int8(value))
    case "float4":
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

/** An array in two forms. */
export interface ArrayTexts {
  /** The text that PostgreSQL reads as the array. */
  readonly literal: string
  /** The elements as a list of texts; undefined if one of them would be read as something else. */
  readonly list: string | undefined
}

export const arrayTexts = (type: string, values: ReadonlyArray<unknown>): ArrayTexts => {
  const texts = values.map((value) => (value === null || value === undefined ? null : literal(type, value)))
  const quoted = texts.map((element) => (element === null ? "NULL" : `"${element.replace(/["\\]/g, "\\$&")}"`))
  return { literal: `{${quoted.join(",")}}`, list: listText(texts) }
}

/** A decimal with all digits of its scale: `12.50` stays `12.50`. */
export const decimalText = ({ scale, value }: BigDecimal.BigDecimal): string => {
  if (scale < -131072 || scale > 16383) return refuse("the decimal has more digits than PostgreSQL's numeric")
  const digits = String(value < 0n ? -value : value)
  const sign = value < 0n ? "-" : ""
  if (scale <= 0) return value === 0n ? "0" : `${sign}${digits}${"0".repeat(-scale)}`
  const padded = digits.padStart(scale + 1, "0")
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}
