/** Converts values of common types between PostgreSQL's text and binary forms. Pure. */
import * as Result from "effect/Result"
import { oidOf, pgElementByOid } from "../../data-api/values/PgOids.ts"
import { floatText } from "../statement/FieldText.ts"
import { readArray } from "./ArrayText.ts"
import { daysOfText, microsOfTime, microsOfTimestamp, textOfDays, textOfTime, textOfTimestamp } from "./DateTimes.ts"
import { type ReadText, utf8 } from "./Encodings.ts"

type WriteText = (text: string) => Uint8Array | undefined

interface Form {
  /** Undefined if the text is not a value of the type. */
  readonly write: (text: string, encode: WriteText) => Uint8Array | undefined
  /** Undefined if the bytes are not a value of the type. */
  readonly read: (bytes: Buffer, readText: ReadText) => string | undefined
}

const sized = (size: number, write: (bytes: Buffer) => void): Uint8Array => {
  const bytes = Buffer.alloc(size)
  write(bytes)
  return bytes
}

/** The form of a type whose values all have `size` bytes. */
const fixed = (size: number, write: (bytes: Buffer, text: string) => void, read: (bytes: Buffer) => string): Form => ({
  write: (text) => sized(size, (bytes) => write(bytes, text)),
  read: (bytes) => (bytes.length === size ? read(bytes) : undefined)
})

const plainText: Form = { write: (text, encode) => encode(text), read: (bytes, read) => read(bytes) }

/** The type `"char"`: an octet, of which 0 is the empty text and those beyond ASCII are written as `\351`. */
const oneOctet: Form = {
  write: (text) => {
    const octal = /^\\([0-7]{3})$/.exec(text)?.[1]
    if (octal !== undefined) return Uint8Array.of(Number.parseInt(octal, 8))
    const bytes = Buffer.from(text === "" ? "\0" : text)
    return bytes.length === 1 ? bytes : undefined
  },
  read: (bytes) => {
    const octet = bytes.length === 1 ? bytes[0] : undefined
    if (octet === undefined || octet === 0) return octet === undefined ? undefined : ""
    return octet < 0x80 ? String.fromCharCode(octet) : `\\${octet.toString(8)}`
  }
}

const micros = (of: (text: string) => bigint | undefined, textOf: (micros: bigint) => string): Form => ({
  write: (text) => {
    const value = of(text)
    return value === undefined ? undefined : sized(8, (bytes) => bytes.writeBigInt64BE(value))
  },
  read: (bytes) => (bytes.length === 8 ? textOf(bytes.readBigInt64BE()) : undefined)
})

const date: Form = {
  write: (text) => {
    const days = daysOfText(text)
    return days === undefined ? undefined : sized(4, (bytes) => bytes.writeInt32BE(days))
  },
  read: (bytes) => (bytes.length === 4 ? textOfDays(bytes.readInt32BE()) : undefined)
}

const uuid: Form = {
  write: (text) => Buffer.from(text.replaceAll("-", ""), "hex"),
  read: (bytes) =>
    bytes.length === 16
      ? bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
      : undefined
}

const bytea: Form = {
  write: (text) => (text.startsWith("\\x") ? Buffer.from(text.slice(2), "hex") : undefined),
  read: (bytes) => `\\x${bytes.toString("hex")}`
}

const jsonb: Form = {
  write: (text, encode) => {
    const bytes = encode(text)
    return bytes === undefined ? undefined : Buffer.concat([Buffer.from([1]), bytes])
  },
  read: (bytes, read) => (bytes[0] === 1 ? read(bytes.subarray(1)) : undefined)
}

/** PostgreSQL's words for another version of a type than its only one. */
const versionFaults: ReadonlyMap<number, string> = new Map([
  [3802, "unsupported jsonb version number "],
  [4072, "unsupported jsonpath version number: "]
])

/** PostgreSQL's error on a binary value whose first octet is not the version of its type; undefined on others. */
export const versionFault = (typeOid: number, [version]: Uint8Array): string | undefined => {
  const fault = versionFaults.get(typeOid)
  return fault === undefined || version === undefined || version === 1 ? undefined : fault + version
}

const NUMERIC_SIGNS: Readonly<Record<string, number>> = { NaN: 0xc000, Infinity: 0xd000, "-Infinity": 0xf000 }

/** Digits in base 10,000; the first one is multiplied by 10,000 to the power of `weight`. */
const numeric: Form = {
  write: (text) => {
    const special = NUMERIC_SIGNS[text]
    if (special !== undefined) return sized(8, (bytes) => bytes.writeUInt16BE(special, 4))
    const match = /^(-?)(\d*)(?:\.(\d*))?$/.exec(text)
    if (match === null) return undefined
    const [, sign = "", whole = "", fraction = ""] = match
    const integer = whole.padStart(Math.ceil(whole.length / 4) * 4, "0")
    const digits = ((integer + fraction.padEnd(Math.ceil(fraction.length / 4) * 4, "0")).match(/.{4}/g) ?? []).map(
      Number
    )
    let weight = integer.length / 4 - 1
    while (digits[0] === 0) {
      digits.shift()
      weight--
    }
    while (digits.at(-1) === 0) digits.pop()
    return sized(8 + digits.length * 2, (bytes) => {
      bytes.writeInt16BE(digits.length, 0)
      bytes.writeInt16BE(digits.length === 0 ? 0 : weight, 2)
      bytes.writeUInt16BE(sign === "-" && digits.length > 0 ? 0x4000 : 0, 4)
      bytes.writeInt16BE(fraction.length, 6)
      for (const [index, digit] of digits.entries()) bytes.writeInt16BE(digit, 8 + index * 2)
    })
  },
  read: (bytes) => {
    if (bytes.length < 8) return undefined
    const count = bytes.readInt16BE(0)
    const weight = bytes.readInt16BE(2)
    const sign = bytes.readUInt16BE(4)
    const scale = bytes.readInt16BE(6)
    const special = Object.entries(NUMERIC_SIGNS).find(([, code]) => code === sign)
    if (special !== undefined) return special[0]
    if (bytes.length !== 8 + count * 2) return undefined
    const groups = Array.from({ length: count }, (_, index) =>
      String(bytes.readInt16BE(8 + index * 2)).padStart(4, "0")
    )
    const before = Math.max(0, weight + 1)
    // Groups that were not sent are zeros.
    const whole =
      groups
        .slice(0, before)
        .join("")
        .padEnd(before * 4, "0")
        .replace(/^0+(?=\d)/, "") || "0"
    const zeros = "0".repeat(Math.max(0, -weight - 1) * 4)
    const fraction = (zeros + groups.slice(before).join("")).slice(0, Math.max(0, scale)).padEnd(scale, "0")
    const text = scale > 0 ? `${whole}.${fraction}` : whole
    return sign === 0x4000 ? `-${text}` : text
  }
}

/** The shortest text that reads back as the same float4: JavaScript would write it with the digits of a float8. */
const float4Text = (value: number): string => {
  for (let digits = value === 0 ? 10 : 1; digits <= 9; digits++) {
    const text = value.toPrecision(digits)
    if (Math.fround(Number(text)) === value) return floatText(Number(text))
  }
  return floatText(value)
}

const formsByName: Readonly<Record<string, Form>> = {
  bool: fixed(
    1,
    (bytes, text) => bytes.writeUInt8(text === "t" ? 1 : 0),
    (bytes) => (bytes[0] === 0 ? "f" : "t")
  ),
  bytea,
  char: oneOctet,
  name: plainText,
  int8: fixed(
    8,
    (bytes, text) => bytes.writeBigInt64BE(BigInt(text)),
    (bytes) => String(bytes.readBigInt64BE())
  ),
  int2: fixed(
    2,
    (bytes, text) => bytes.writeInt16BE(Number(text)),
    (bytes) => String(bytes.readInt16BE())
  ),
  int4: fixed(
    4,
    (bytes, text) => bytes.writeInt32BE(Number(text)),
    (bytes) => String(bytes.readInt32BE())
  ),
  text: plainText,
  oid: fixed(
    4,
    (bytes, text) => bytes.writeUInt32BE(Number(text)),
    (bytes) => String(bytes.readUInt32BE())
  ),
  json: plainText,
  float4: fixed(
    4,
    (bytes, text) => bytes.writeFloatBE(Number(text)),
    (bytes) => float4Text(bytes.readFloatBE())
  ),
  float8: fixed(
    8,
    (bytes, text) => bytes.writeDoubleBE(Number(text)),
    (bytes) => floatText(bytes.readDoubleBE())
  ),
  unknown: plainText,
  bpchar: plainText,
  varchar: plainText,
  date,
  time: micros(microsOfTime, textOfTime),
  timestamp: micros(microsOfTimestamp, (value) => textOfTimestamp(value, "")),
  timestamptz: micros(microsOfTimestamp, (value) => textOfTimestamp(value, "+00")),
  numeric,
  void: { write: () => new Uint8Array(0), read: () => "" },
  uuid,
  jsonb
}

/** Forms by type object id. */
const forms: ReadonlyMap<number, Form> = new Map(
  Object.entries(formsByName).map(([name, form]) => [oidOf(name), form] as const)
)

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const writeArrayForm = (elementOid: number, form: Form, text: string, encode: WriteText): Uint8Array | undefined => {
  const { dimensions, elements } = readArray(text)
  const parts = [int32(dimensions.length), int32(elements.includes(null) ? 1 : 0), int32(elementOid)]
  for (const { lower, size } of dimensions) parts.push(int32(size), int32(lower))
  for (const element of elements) {
    const bytes = element === null ? null : form.write(element, encode)
    if (bytes === undefined) return undefined
    if (bytes === null) parts.push(int32(-1))
    else parts.push(int32(bytes.length), Buffer.from(bytes))
  }
  return Buffer.concat(parts)
}

/**
 * Writes a value in binary; undefined if the gateway has no binary form for the type, or the encoding lacks a character.
 */
export const toBinary = (typeOid: number, text: string, encoding = utf8): Uint8Array | undefined => {
  const encode = (part: string) => Result.getOrUndefined(encoding.encode(part))
  const form = forms.get(typeOid)
  if (form !== undefined) return form.write(text, encode)
  const element = pgElementByOid.get(typeOid)
  const elementForm = forms.get(element?.oid ?? 0)
  return element === undefined || elementForm === undefined
    ? undefined
    : writeArrayForm(element.oid, elementForm, text, encode)
}

/** The function that reads binary values of a common type; undefined for any other type. */
export const readBinaryForm = (typeOid: number): Form["read"] | undefined => forms.get(typeOid)?.read

/** Whether the binary form of a type is its text. */
export const isText = (typeOid: number): boolean => forms.get(typeOid) === plainText

/** Whether the gateway can write the binary form of a type itself. */
export const isWritten = (typeOid: number): boolean =>
  forms.has(typeOid) || forms.has(pgElementByOid.get(typeOid)?.oid ?? 0)
