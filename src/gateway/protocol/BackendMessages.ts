/** Encodes the server's messages of PostgreSQL's protocol 3. Pure. */
import * as Result from "effect/Result"
import { type Encoding, utf8 } from "../values/Encodings.ts"
import type { Format } from "./FrontendMessages.ts"

/** I: idle, T: in a transaction, E: in a transaction that has failed. */
export type TransactionStatus = "I" | "T" | "E"

/** The fields of an error or a notice. */
export interface ErrorFields {
  readonly severity: "ERROR" | "FATAL" | "NOTICE" | "WARNING"
  /** The SQLSTATE. */
  readonly code: string
  readonly message: string
  readonly detail?: string | undefined
  readonly hint?: string | undefined
  /** Counted in characters of the client's text, from 1. */
  readonly position?: number | undefined
  readonly where?: string | undefined
  readonly schema?: string | undefined
  readonly table?: string | undefined
  readonly column?: string | undefined
  readonly dataType?: string | undefined
  readonly constraint?: string | undefined
  /** The function of PostgreSQL that reports the error: drivers know some errors by it. */
  readonly routine?: string | undefined
}

/** One column of a RowDescription. */
export interface FieldDescription {
  readonly name: string
  readonly tableOid: number
  readonly columnNumber: number
  readonly typeOid: number
  readonly typeSize: number
  readonly typeModifier: number
}

const textOf = (text: string): Buffer => Buffer.from(`${text}\0`)
/** What the encoding lacks is left out: a message that must not lack anything is checked before. */
const encoded = (text: string, encoding: Encoding): Uint8Array =>
  encoding.isUtf8
    ? textOf(text)
    : Result.getOrElse(encoding.encode(`${text}\0`), () => textOf(text.replaceAll(/[^\p{ASCII}]/gu, "?")))
const int16 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value)
  return bytes
}
const int32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value | 0)
  return bytes
}

const message = (type: string, ...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  let size = 4
  for (const part of parts) size += part.length
  return Buffer.concat([Buffer.from(type), int32(size), ...parts])
}

export const authenticationOk = message("R", int32(0))
export const authenticationSasl = (mechanisms: ReadonlyArray<string>): Uint8Array =>
  message("R", int32(10), ...mechanisms.map(textOf), Buffer.from([0]))
export const authenticationSaslContinue = (data: string): Uint8Array => message("R", int32(11), Buffer.from(data))
export const authenticationSaslFinal = (data: string): Uint8Array => message("R", int32(12), Buffer.from(data))
export const parameterStatus = (name: string, value: string, encoding = utf8): Uint8Array =>
  message("S", textOf(name), encoded(value, encoding))
export const backendKeyData = (processId: number, secret: Uint8Array): Uint8Array =>
  message("K", int32(processId), secret)
export const negotiateProtocolVersion = (minor: number, unknown: ReadonlyArray<string>): Uint8Array =>
  message("v", int32((3 << 16) | minor), int32(unknown.length), ...unknown.map(textOf))
const ready = {
  I: message("Z", Buffer.from("I")),
  T: message("Z", Buffer.from("T")),
  E: message("Z", Buffer.from("E"))
}
export const readyForQuery = (status: TransactionStatus): Uint8Array => ready[status]
export const commandComplete = (tag: string): Uint8Array => message("C", textOf(tag))
export const emptyQueryResponse = message("I")
export const noData = message("n")
export const parseComplete = message("1")
export const bindComplete = message("2")
export const closeComplete = message("3")
export const portalSuspended = message("s")
export const copyDone = message("c")
export const copyData = (bytes: Uint8Array): Uint8Array => message("d", bytes)

const copyResponse = (type: string, format: Format, columns: number): Uint8Array => {
  const code = format === "binary" ? 1 : 0
  const formats = Array.from({ length: columns }, () => int16(code))
  return message(type, Buffer.from([code]), int16(columns), ...formats)
}
export const copyInResponse = (format: Format, columns: number): Uint8Array => copyResponse("G", format, columns)
export const copyOutResponse = (format: Format, columns: number): Uint8Array => copyResponse("H", format, columns)

export const parameterDescription = (types: ReadonlyArray<number>): Uint8Array =>
  message("t", int16(types.length), ...types.map(int32))

const described = new WeakMap<ReadonlyArray<FieldDescription>, Uint8Array>()

/** A RowDescription with every column in text format, encoded once for each list of columns. */
export const rowDescriptionOfText = (fields: ReadonlyArray<FieldDescription>, encoding = utf8): Uint8Array => {
  if (!encoding.isUtf8) return rowDescription(fields, () => "text", encoding)
  const bytes = described.get(fields) ?? rowDescription(fields, () => "text")
  described.set(fields, bytes)
  return bytes
}

export const rowDescription = (
  fields: ReadonlyArray<FieldDescription>,
  formatOf: (column: number) => Format,
  encoding = utf8
): Uint8Array =>
  message(
    "T",
    int16(fields.length),
    ...fields.flatMap((field, column) => [
      encoded(field.name, encoding),
      int32(field.tableOid),
      int16(field.columnNumber),
      int32(field.typeOid),
      int16(field.typeSize),
      int32(field.typeModifier),
      int16(formatOf(column) === "binary" ? 1 : 0)
    ])
  )

/** The response to a FunctionCall. */
export const functionCallResponse = (value: Uint8Array | string | null): Uint8Array => {
  if (value === null) return message("V", int32(-1))
  const bytes = Buffer.from(value)
  return message("V", int32(bytes.length), bytes)
}

/** One row: strings are sent as UTF-8, null as SQL's NULL. */
export const dataRow = (values: ReadonlyArray<Uint8Array | string | null>): Uint8Array => {
  let size = 7
  for (const value of values) {
    size += 4
    if (value !== null) size += typeof value === "string" ? Buffer.byteLength(value) : value.length
  }
  const bytes = Buffer.allocUnsafe(size)
  bytes[0] = 0x44
  bytes.writeInt32BE(size - 1, 1)
  bytes.writeInt16BE(values.length, 5)
  let at = 7
  for (const value of values) {
    if (value === null) bytes.writeInt32BE(-1, at)
    else if (typeof value === "string") {
      const length = bytes.write(value, at + 4)
      bytes.writeInt32BE(length, at)
      at += length
    } else {
      bytes.set(value, at + 4)
      bytes.writeInt32BE(value.length, at)
      at += value.length
    }
    at += 4
  }
  return bytes
}

const errorOrNotice = (type: string, fields: ErrorFields, encoding: Encoding): Uint8Array => {
  const texts = Object.values(fields)
    .map((value) => (typeof value === "string" ? value : ""))
    .join("")
  const checked = encoding.encode(texts)
  // As PostgreSQL does, names the character that the client can't be told.
  if (Result.isFailure(checked)) return errorOrNotice(type, { severity: fields.severity, ...checked.failure }, utf8)
  const parts: Array<Uint8Array> = []
  const add = (code: string, value: string | number | undefined) => {
    // A null character would end the field, and the client would read the rest as the next field.
    if (value !== undefined) parts.push(Buffer.from(code), encoded(String(value).replaceAll("\0", ""), encoding))
  }
  add("S", fields.severity)
  add("V", fields.severity)
  add("C", fields.code)
  add("M", fields.message)
  add("D", fields.detail)
  add("H", fields.hint)
  add("P", fields.position)
  add("W", fields.where)
  add("s", fields.schema)
  add("t", fields.table)
  add("c", fields.column)
  add("d", fields.dataType)
  add("n", fields.constraint)
  add("R", fields.routine)
  return message(type, ...parts, Buffer.from([0]))
}

export const errorResponse = (fields: ErrorFields, encoding = utf8): Uint8Array => errorOrNotice("E", fields, encoding)
export const noticeResponse = (fields: ErrorFields, encoding = utf8): Uint8Array => errorOrNotice("N", fields, encoding)
