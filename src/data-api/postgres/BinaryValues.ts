/**
 * Converts PostgreSQL's binary format to the service's fields.
 *
 * The binary format does not depend on the session's DateStyle, TimeZone, bytea_output or extra_float_digits. Times are
 * UTC, `YYYY-MM-DD HH:MM:SS` with a fraction of no, three or six digits.
 *
 * This is the hot path: values are read from the connection's buffer directly, without a view for each.
 */
import type { ArrayValue, Field } from "../DataApi.ts"
import { DAYS_TO_2000, dateOf } from "../values/Calendar.ts"
import type { ElementsMember } from "../values/PgOids.ts"

/** A value that the service can't return: an infinite time, or an array of more than one dimension. */
export class Unreadable {
  readonly kind: "infinite" | "multidimensional"
  constructor(kind: "infinite" | "multidimensional") {
    this.kind = kind
  }
}

/** Reads the value of `size` bytes at `offset`. */
export type Reader = (bytes: Uint8Array, offset: number, size: number) => Field | Unreadable

/** One shared object for every NULL. */
export const sqlNull: Field = { isNull: true }

export const infinite = new Unreadable("infinite")
const multidimensional = new Unreadable("multidimensional")

// Many values come from the same buffer, and a view of it costs more than a read, so the last view is cached.
let viewedBytes: Uint8Array = new Uint8Array(0)
let viewed: DataView = new DataView(viewedBytes.buffer)
let viewedText: Buffer = Buffer.from(viewedBytes.buffer)
const view = (bytes: Uint8Array): DataView => {
  if (bytes !== viewedBytes) {
    viewedBytes = bytes
    viewed = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    viewedText = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
  return viewed
}

const decodeText = (bytes: Uint8Array, offset: number, size: number): string => {
  view(bytes)
  return viewedText.toString("utf8", offset, offset + size)
}

/**
 * A buffer in which values are written as ASCII. A string that is concatenated from pieces would stay a tree of them.
 */
export let scratch: Buffer = Buffer.alloc(64)

/** Writes a value's text to `scratch` and returns its length; a negative length means an infinite time. */
export type Speller = (bytes: Uint8Array, offset: number) => number

const spelled =
  (spell: Speller): Reader =>
  (bytes, offset) => {
    const length = spell(bytes, offset)
    return length < 0 ? infinite : { stringValue: scratch.toString("latin1", 0, length) }
  }

const zero = 48
const dash = 45
const colon = 58

const putTwo = (at: number, value: number): void => {
  const tens = Math.floor(value / 10)
  scratch[at] = zero + tens
  scratch[at + 1] = zero + value - tens * 10
}

const putThree = (at: number, value: number): void => {
  const hundreds = Math.floor(value / 100)
  scratch[at] = zero + hundreds
  putTwo(at + 1, value - hundreds * 100)
}

export const text: Reader = (bytes, offset, size) => ({ stringValue: decodeText(bytes, offset, size) })

/** Removes white space between JSON tokens, as the service does. */
const compactJson = (text: string): string => {
  let compact = ""
  let copied = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === 34) {
      for (index++; index < text.length && text.charCodeAt(index) !== 34; index++) {
        if (text.charCodeAt(index) === 92) index++
      }
    } else if (code === 32 || code === 10 || code === 13 || code === 9) {
      compact += text.slice(copied, index)
      copied = index + 1
    }
  }
  return copied === 0 ? text : compact + text.slice(copied)
}

export const json: Reader = (bytes, offset, size) => ({ stringValue: compactJson(decodeText(bytes, offset, size)) })
/** The first byte is the format's version. */
export const jsonb: Reader = (bytes, offset, size) => json(bytes, offset + 1, size - 1)
export const bool: Reader = (bytes, offset) => ({ booleanValue: bytes[offset] === 1 })
/** The value is copied, because a view would keep the whole buffer in memory. */
export const bytea: Reader = (bytes, offset, size) => ({ blobValue: bytes.slice(offset, offset + size) })
export const readInt2 = (bytes: Uint8Array, offset: number): number => view(bytes).getInt16(offset)
export const readInt4 = (bytes: Uint8Array, offset: number): number => view(bytes).getInt32(offset)
export const readOid = (bytes: Uint8Array, offset: number): number => view(bytes).getUint32(offset)
export const int2: Reader = (bytes, offset) => ({ longValue: readInt2(bytes, offset) })
export const int4: Reader = (bytes, offset) => ({ longValue: readInt4(bytes, offset) })
export const oid: Reader = (bytes, offset) => ({ longValue: readOid(bytes, offset) })
export const float8: Reader = (bytes, offset) => ({ doubleValue: view(bytes).getFloat64(offset) })

/** A number, or a bigint where a number would round. */
export const readInt8 = (bytes: Uint8Array, offset: number): number | bigint => {
  const data = view(bytes)
  const rounded = data.getInt32(offset) * 4_294_967_296 + data.getUint32(offset + 4)
  return Number.isSafeInteger(rounded) ? rounded : data.getBigInt64(offset)
}

export const int8: Reader = (bytes, offset) => ({ longValue: readInt8(bytes, offset) })

/** Smaller float4 values have fewer than six significant digits. */
const smallestNormalFloat4 = 2 ** -126

/** The shortest decimal that reads back as the same float4: 3.14, not 3.140000104904175. */
export const shortestFloat4 = (value: number): number => {
  if (!Number.isFinite(value)) return value
  const fewest = Math.abs(value) < smallestNormalFloat4 ? 1 : 6
  for (let digits = fewest; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits))
    if (Math.fround(shorter) === value) return shorter
  }
  return Number(value.toPrecision(9))
}

export const float4: Reader = (bytes, offset) => ({ doubleValue: shortestFloat4(view(bytes).getFloat32(offset)) })

const hexDigits = Buffer.from("0123456789abcdef")

export const spellUuid: Speller = (bytes, offset) => {
  let at = 0
  for (let index = 0; index < 16; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) scratch[at++] = dash
    const byte = bytes[offset + index] ?? 0
    scratch[at++] = hexDigits[byte >> 4] ?? zero
    scratch[at++] = hexDigits[byte & 15] ?? zero
  }
  return at
}

export const uuid: Reader = spelled(spellUuid)

const spellWord = (word: string): number => scratch.write(word, 0, "latin1")

/** Format: the number of groups, the weight of the first, the sign, the scale, then groups of four decimal digits. */
export const spellNumeric: Speller = (bytes, offset) => {
  const data = view(bytes)
  const groups = data.getInt16(offset)
  const weight = data.getInt16(offset + 2)
  const sign = data.getUint16(offset + 4)
  const scale = data.getUint16(offset + 6)
  if (sign === 0xc000) return spellWord("NaN")
  if (sign === 0xd000) return spellWord("Infinity")
  if (sign === 0xf000) return spellWord("-Infinity")
  const longest = Math.max(weight, 0) * 4 + scale + 16
  if (longest > scratch.length) scratch = Buffer.alloc(longest)
  let at = 0
  if (sign === 0x4000) scratch[at++] = 45
  const first = at
  // Groups that were not sent are zeros.
  const putGroup = (index: number): void => {
    const value = index < 0 || index >= groups ? 0 : data.getUint16(offset + 8 + index * 2)
    const hundreds = Math.floor(value / 100)
    putTwo(at, hundreds)
    putTwo(at + 2, value - hundreds * 100)
    at += 4
  }
  for (let index = 0; index <= weight; index++) putGroup(index)
  let zeros = 0
  while (first + zeros < at - 1 && scratch[first + zeros] === zero) zeros++
  if (zeros > 0) {
    scratch.copyWithin(first, first + zeros, at)
    at -= zeros
  }
  if (at === first) scratch[at++] = zero
  if (scale === 0) return at
  scratch[at++] = 46
  const end = at + scale
  for (let index = weight + 1; at < end; index++) putGroup(index)
  return end
}

export const numeric: Reader = spelled(spellNumeric)

const numericText = (bytes: Uint8Array, offset: number): string =>
  scratch.toString("latin1", 0, spellNumeric(bytes, offset))

/** Writes `YYYY-MM-DD` for a day counted from 2000-01-01 (proleptic Gregorian), and returns the year. */
const putDate = (days: number): number => {
  const { day, month, year } = dateOf(days + DAYS_TO_2000)
  const century = Math.floor(year / 100)
  putTwo(0, century)
  putTwo(2, year - century * 100)
  scratch[4] = dash
  putTwo(5, month)
  scratch[7] = dash
  putTwo(8, day)
  return year
}

/** Writes `HH:MM:SS` with no fraction, exactly three digits where milliseconds suffice, else six; returns the end. */
const putTime = (at: number, microseconds: number): number => {
  const seconds = Math.floor(microseconds / 1_000_000)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  putTwo(at, hours)
  scratch[at + 2] = colon
  putTwo(at + 3, minutes - hours * 60)
  scratch[at + 5] = colon
  putTwo(at + 6, seconds - minutes * 60)
  const fraction = microseconds - seconds * 1_000_000
  if (fraction === 0) return at + 8
  scratch[at + 8] = 46
  const milliseconds = Math.floor(fraction / 1000)
  putThree(at + 9, milliseconds)
  if (milliseconds * 1000 === fraction) return at + 12
  putThree(at + 12, fraction - milliseconds * 1000)
  return at + 15
}

/** The length of the date written up to `end`; rewrites it if the year has more than four digits or is before 1. */
const spelledDate = (year: number, end: number): number => {
  if (year > 0 && year < 10_000) return end
  const rest = scratch.toString("latin1", 4, end)
  return spellWord(year > 0 ? `${year}${rest}` : `${String(1 - year).padStart(4, "0")}${rest} BC`)
}

export const spellDate: Speller = (bytes, offset) => {
  const day = view(bytes).getInt32(offset)
  return day === 2_147_483_647 || day === -2_147_483_648 ? -1 : spelledDate(putDate(day), 10)
}

export const date: Reader = spelled(spellDate)

export const spellTime: Speller = (bytes, offset) => putTime(0, Number(readInt8(bytes, offset)))

export const time: Reader = spelled(spellTime)

const microsecondsOfDay = 86_400_000_000

export const spellTimestamp: Speller = (bytes, offset) => {
  const data = view(bytes)
  const high = data.getInt32(offset)
  const low = data.getUint32(offset + 4)
  if ((high === 0x7fffffff && low === 0xffffffff) || (high === -0x80000000 && low === 0)) return -1
  const value = high * 4_294_967_296 + low
  let day = Math.floor(value / microsecondsOfDay)
  let microseconds = value - day * microsecondsOfDay
  if (!Number.isSafeInteger(value)) {
    const exact = data.getBigInt64(offset)
    const rest = exact % BigInt(microsecondsOfDay)
    microseconds = Number(rest < 0n ? rest + BigInt(microsecondsOfDay) : rest)
    day = Number((exact - BigInt(microseconds)) / BigInt(microsecondsOfDay))
  }
  const year = putDate(day)
  scratch[10] = 32
  return spelledDate(year, putTime(11, microseconds))
}

export const timestamp: Reader = spelled(spellTimestamp)

/** Format: family, prefix length, whether it is a cidr, address length, address. */
const address = (
  bytes: Uint8Array,
  offset: number,
  size: number
): { readonly text: string; readonly bits: number; readonly isHost: boolean } => {
  const octets = bytes.slice(offset + 4, offset + size)
  const bits = bytes[offset + 1] ?? 0
  if (octets.length === 4) return { text: octets.join("."), bits, isHost: bits === 32 }
  const groups = Array.from({ length: 8 }, (_, index) =>
    view(octets)
      .getUint16(index * 2)
      .toString(16)
  )
  // The longest run of two or more zero groups is written `::`.
  let start = -1
  let length = 1
  for (let index = 0; index < 8; index++) {
    let end = index
    while (end < 8 && groups[end] === "0") end++
    if (end - index > length) {
      start = index
      length = end - index
    }
    if (end > index) index = end
  }
  const mapped = start === 0 && (length === 6 || (length === 5 && groups[5] === "ffff"))
  const shown = mapped
    ? `${length === 6 ? "::" : "::ffff:"}${octets.subarray(12).join(".")}`
    : start < 0
      ? groups.join(":")
      : `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`
  return { text: shown, bits, isHost: bits === 128 }
}

export const inet: Reader = (bytes, offset, size) => {
  const { text, bits, isHost } = address(bytes, offset, size)
  return { stringValue: isHost ? text : `${text}/${bits}` }
}

export const cidr: Reader = (bytes, offset, size) => {
  const { text, bits } = address(bytes, offset, size)
  return { stringValue: `${text}/${bits}` }
}

/** Format: the number of bits, then the bits. */
export const bits: Reader = (bytes, offset, size) => {
  const length = view(bytes).getInt32(offset)
  let digits = ""
  for (const byte of bytes.subarray(offset + 4, offset + size)) digits += byte.toString(2).padStart(8, "0")
  return { stringValue: digits.slice(0, length) }
}

const boundText = (field: Field | Unreadable): string => {
  if ("stringValue" in field) return field.stringValue
  return "longValue" in field ? String(field.longValue) : ""
}

/** Format: flags (1 empty, 2 and 4 inclusive bounds, 8 and 16 infinite bounds), then the finite bounds. */
export const range =
  (bound: Reader): Reader =>
  (bytes, offset) => {
    const flags = bytes[offset] ?? 0
    if ((flags & 1) !== 0) return { stringValue: "empty" }
    let at = offset + 1
    const next = (): string => {
      const size = view(bytes).getInt32(at)
      at += 4 + size
      return boundText(bound(bytes, at - size, size))
    }
    const lower = (flags & 8) !== 0 ? "" : next()
    const upper = (flags & 16) !== 0 ? "" : next()
    return { stringValue: `${(flags & 2) !== 0 ? "[" : "("}${lower},${upper}${(flags & 4) !== 0 ? "]" : ")"}` }
  }

/** Format: dimensions, a null flag, the element's OID, each dimension's length and lower bound, then the elements. */
const elements = (bytes: Uint8Array, offset: number, read: Reader): ReadonlyArray<Field | null> | Unreadable => {
  const data = view(bytes)
  const dimensions = data.getInt32(offset)
  if (dimensions === 0) return []
  if (dimensions > 1) return multidimensional
  const fields: Array<Field | null> = []
  const count = data.getInt32(offset + 12)
  let at = offset + 20
  for (let index = 0; index < count; index++) {
    const size = data.getInt32(at)
    at += 4
    if (size < 0) {
      fields.push(null)
      continue
    }
    const field = read(bytes, at, size)
    if (field instanceof Unreadable) return field
    fields.push(field)
    at += size
  }
  return fields
}

/** Puts fields into one member of an array value; a field of another kind becomes NULL. */
const arrayValue = (fields: ReadonlyArray<Field | null>, member: ElementsMember): ArrayValue => {
  switch (member) {
    case "booleanValues":
      return { booleanValues: fields.map((field) => (field && "booleanValue" in field ? field.booleanValue : null)) }
    case "longValues":
      return { longValues: fields.map((field) => (field && "longValue" in field ? field.longValue : null)) }
    case "doubleValues":
      return { doubleValues: fields.map((field) => (field && "doubleValue" in field ? field.doubleValue : null)) }
    case "stringValues":
      return { stringValues: fields.map((field) => (field && "stringValue" in field ? field.stringValue : null)) }
  }
}

export const array =
  (read: Reader, member: ElementsMember): Reader =>
  (bytes, offset) => {
    const fields = elements(bytes, offset, read)
    return fields instanceof Unreadable ? fields : { arrayValue: arrayValue(fields, member) }
  }

/** `numeric` as a number, which may lose digits: a long if it has no scale, else a double. */
export const numericAsNumber: Reader = (bytes, offset) => {
  const digits = numericText(bytes, offset)
  if (!/^-?\d+$/.test(digits)) return { doubleValue: Number(digits) }
  const rounded = Number(digits)
  if (Number.isSafeInteger(rounded)) return { longValue: rounded }
  const exact = BigInt(digits)
  return BigInt.asIntN(64, exact) === exact ? { longValue: exact } : { doubleValue: rounded }
}

/** An array of `numeric` as numbers: doubles if any element has a scale, else longs. */
export const numericArrayAsNumbers: Reader = (bytes, offset) => {
  const fields = elements(bytes, offset, numericAsNumber)
  if (fields instanceof Unreadable) return fields
  if (fields.every((field) => field === null || "longValue" in field)) {
    return { arrayValue: arrayValue(fields, "longValues") }
  }
  const doubles = fields.map((field) =>
    field !== null && "longValue" in field ? { doubleValue: Number(field.longValue) } : field
  )
  return { arrayValue: arrayValue(doubles, "doubleValues") }
}

/** `int8` as text, which is exact for clients whose numbers are doubles. */
export const int8AsText: Reader = (bytes, offset) => ({ stringValue: String(readInt8(bytes, offset)) })
