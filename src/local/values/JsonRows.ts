/**
 * Converts rows in binary format directly to the JSON text of a response.
 *
 * The HTTP server needs the JSON text only. Without an object for each field, a result of many rows takes a third of
 * the time, and hardly any memory.
 */
import { Result } from "effect"
import type { ResultSetOptions } from "../../data-api/DataApi.ts"
import type { Reason } from "../../data-api/DataApiError.ts"
import * as Binary from "../../data-api/postgres/BinaryValues.ts"
import { fieldText } from "../../data-api/rest-json/ExactJson.ts"
import { resultTooLarge, unreadable } from "../engine/Failures.ts"
import type { Column, RowReader, Value } from "../engine/Session.ts"
import { builtInType } from "./PostgresTypes.ts"
import { fieldBytes, readerOf } from "./ResultRecords.ts"

/**
 * Buffers of texts that are done, for the next ones: a few, and none of an unusually large result. Node has no pool for
 * buffers of some kilobytes, and memory outside of V8's heap, once for each call, makes V8 collect all of its heap.
 */
const spare: Array<Buffer> = []
const mostSpare = 32
const largestSpare = 65_536

/** A buffer to which UTF-8 text is appended. */
class Text {
  bytes = spare.pop() ?? Buffer.allocUnsafe(1024)
  length = 0

  /** The text; its buffer is left to others. */
  take(): string {
    const { bytes, length } = this
    const text = bytes.toString("utf8", 0, length)
    if (spare.length < mostSpare && bytes.length <= largestSpare) spare.push(bytes)
    this.bytes = Buffer.alloc(0)
    this.length = 0
    return text
  }

  /** Ensures room for this many more bytes. */
  reserve(octets: number): void {
    if (this.length + octets <= this.bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + octets))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }

  /** Copies bytes, for which the caller has reserved room. For a few bytes this is faster than `set`. */
  copy(from: Uint8Array, start: number, end: number): void {
    const { bytes } = this
    let at = this.length
    for (let index = start; index < end; index++) bytes[at++] = from[index] ?? 0
    this.length = at
  }

  write(text: string): void {
    this.reserve(3 * text.length)
    this.length += this.bytes.write(text, this.length)
  }
}

/** Writes a value as a field. Returns the number of bytes that the service counts, or why it can't be returned. */
type Writer = (out: Text, bytes: Uint8Array, offset: number, size: number) => number | Binary.Unreadable

const ascii = (text: string): Uint8Array => Buffer.from(text, "latin1")

const openString = ascii('{"stringValue":"')
const closeString = ascii('"}')
const openLong = ascii('{"longValue":')
const nullField = ascii('{"isNull":true}')
const trueField = ascii('{"booleanValue":true}')
const falseField = ascii('{"booleanValue":false}')
const digitZero = 48
const minus = 45
const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const openBracket = 0x5b
const closeBracket = 0x5d
const closeBrace = 0x7d

/** Upper bound in bytes of the JSON around a value. */
const frame = 64

/** Longer texts, in bytes, are written by `JSON.stringify`, which is then faster. */
const shortText = 512

/** A writer for types without a faster one. */
const anyField =
  (read: Binary.Reader): Writer =>
  (out, bytes, offset, size) => {
    const field = read(bytes, offset, size)
    if (field instanceof Binary.Unreadable) return field
    out.write(fieldText(field))
    return fieldBytes(field)
  }

const longText = anyField(Binary.text)

const text: Writer = (out, bytes, offset, size) => {
  if (size > shortText) return longText(out, bytes, offset, size)
  const start = out.length
  out.reserve(frame + size)
  out.copy(openString, 0, openString.length)
  const target = out.bytes
  let at = out.length
  for (let index = offset; index < offset + size; index++) {
    const octet = bytes[index] ?? 0
    if (octet < 0x20 || octet === quote || octet === backslash) {
      out.length = start
      return longText(out, bytes, offset, size)
    }
    target[at++] = octet
  }
  out.length = at
  out.copy(closeString, 0, closeString.length)
  return size
}

const spelled =
  (spell: Binary.Speller): Writer =>
  (out, bytes, offset) => {
    const length = spell(bytes, offset)
    if (length < 0) return Binary.infinite
    out.reserve(frame + length)
    out.copy(openString, 0, openString.length)
    out.copy(Binary.scratch, 0, length)
    out.copy(closeString, 0, closeString.length)
    return length
  }

const digits = new Uint8Array(20)

const writeInteger = (out: Text, value: number): void => {
  let at = digits.length
  let rest = Math.abs(value)
  do {
    const tenth = Math.floor(rest / 10)
    digits[--at] = digitZero + (rest - tenth * 10)
    rest = tenth
  } while (rest > 0)
  if (value < 0) digits[--at] = minus
  out.copy(digits, at, digits.length)
}

const long =
  (read: (bytes: Uint8Array, offset: number) => number | bigint, open: Uint8Array, close: Uint8Array): Writer =>
  (out, bytes, offset) => {
    out.reserve(frame)
    out.copy(open, 0, open.length)
    const start = out.length
    const value = read(bytes, offset)
    if (typeof value === "number") writeInteger(out, value)
    else out.write(String(value))
    const length = out.length - start
    out.copy(close, 0, close.length)
    return length
  }

const brace = Uint8Array.of(closeBrace)

const bool: Writer = (out, bytes, offset) => {
  const field = bytes[offset] === 1 ? trueField : falseField
  out.reserve(frame)
  out.copy(field, 0, field.length)
  return 1
}

const writers: ReadonlyMap<Binary.Reader, Writer> = new Map([
  [Binary.text, text],
  [Binary.bool, bool],
  [Binary.int2, long(Binary.readInt2, openLong, brace)],
  [Binary.int4, long(Binary.readInt4, openLong, brace)],
  [Binary.oid, long(Binary.readOid, openLong, brace)],
  [Binary.int8, long(Binary.readInt8, openLong, brace)],
  [Binary.int8AsText, long(Binary.readInt8, openString, closeString)],
  [Binary.numeric, spelled(Binary.spellNumeric)],
  [Binary.uuid, spelled(Binary.spellUuid)],
  [Binary.date, spelled(Binary.spellDate)],
  [Binary.time, spelled(Binary.spellTime)],
  [Binary.timestamp, spelled(Binary.spellTimestamp)]
])

const writerOf = ({ dataTypeOid }: Column, options: ResultSetOptions): Writer | undefined => {
  const type = builtInType(dataTypeOid)
  const read = type && readerOf(type, options)
  return read && (writers.get(read) ?? anyField(read))
}

/** Writes rows as they arrive: `[[{"longValue":7},{"isNull":true}]]`. */
export class JsonRows implements RowReader {
  readonly #writers: ReadonlyArray<Writer>
  readonly #out = new Text()
  #octets = 0
  #unreadable: Binary.Unreadable | undefined
  rowCount = 0

  private constructor(writers: ReadonlyArray<Writer>) {
    this.#writers = writers
  }

  /** Creates a reader; undefined if a column does not have a built-in type that can be returned. */
  static of(columns: ReadonlyArray<Column>, options: ResultSetOptions): JsonRows | undefined {
    const all: Array<Writer> = []
    for (const column of columns) {
      const writer = writerOf(column, options)
      if (writer === undefined) return undefined
      all.push(writer)
    }
    // Without columns, no value would write the opening bracket of a row.
    return all.length === 0 ? undefined : new JsonRows(all)
  }

  read(bytes: Uint8Array, offset: number, size: number, column: number): Value {
    const out = this.#out
    out.reserve(frame)
    out.bytes[out.length++] = comma
    if (column === 0) out.bytes[out.length++] = openBracket
    const octets = size < 0 ? this.#null() : this.#writers[column]?.(out, bytes, offset, size)
    if (typeof octets === "number") this.#octets += 4 + octets
    else this.#unreadable ??= octets
    return Binary.sqlNull
  }

  #null(): number {
    this.#out.copy(nullField, 0, nullField.length)
    return 0
  }

  end(): void {
    const out = this.#out
    out.reserve(2)
    out.bytes[out.length++] = closeBracket
    this.#octets += 2
    this.rowCount++
  }

  /** The text of all rows, or why they can't be returned. It can be taken once. */
  text(maxBytes: number): Result.Result<string, Reason> {
    if (this.#unreadable !== undefined) return Result.fail(unreadable(this.#unreadable))
    if (this.#octets > maxBytes) return Result.fail(resultTooLarge())
    if (this.rowCount === 0) return Result.succeed("[]")
    const out = this.#out
    out.reserve(1)
    // The opening bracket replaces the comma before the first row.
    out.bytes[0] = openBracket
    out.bytes[out.length++] = closeBracket
    return Result.succeed(out.take())
  }
}
