/** COPY's binary format. Pure. */
import * as Result from "effect/Result"
import { ByteQueue } from "../protocol/ByteQueue.ts"
import type { Refused } from "../statement/Refused.ts"
import { versionFault } from "../values/BinaryForms.ts"
import { fromBinary } from "../values/ComposedForms.ts"
import { binaryValue } from "../values/EncodedValues.ts"
import { type Encoding, utf8 } from "../values/Encodings.ts"
import type { TypeShapes } from "../values/TypeShape.ts"
import type { CopyRecord } from "./CopyText.ts"

/** The signature, without flags and extension. */
export const header: Uint8Array = Buffer.concat([Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"), Buffer.alloc(8)])

export const trailer: Uint8Array = Buffer.from([0xff, 0xff])

/** Writes a row; fails if the gateway has no binary form for a type, or the encoding lacks a character. */
export const binaryRow = (
  row: ReadonlyArray<string | null>,
  typeOids: ReadonlyArray<number>,
  encoded: ReadonlySet<number> | undefined,
  encoding = utf8
): Result.Result<Uint8Array, Refused> => {
  const count = Buffer.alloc(2)
  count.writeInt16BE(row.length)
  const parts: Array<Uint8Array> = [count]
  for (const [index, value] of row.entries()) {
    const size = Buffer.alloc(4)
    parts.push(size)
    if (value === null) {
      size.writeInt32BE(-1)
      continue
    }
    const bytes = binaryValue(typeOids[index] ?? 0, value, encoded?.has(index) === true, encoding)
    if (Result.isFailure(bytes)) return Result.fail(bytes.failure)
    size.writeInt32BE(bytes.success.length)
    parts.push(bytes.success)
  }
  return Result.succeed(Buffer.concat(parts))
}

/** What is wrong with the header of a file, as far as it has come; undefined if nothing is. */
const headerFault = (file: Buffer): string | undefined => {
  if (!file.subarray(0, 11).equals(header.subarray(0, 11))) return "COPY file signature not recognized"
  if (file.length < 15) return "invalid COPY file header (missing flags)"
  const critical = file.readInt32BE(11) >> 16
  if ((critical & 1) !== 0) return "invalid COPY file header (WITH OIDS)"
  if (critical !== 0) return "unrecognized critical flags in COPY file header"
  return file.length < 19 || file.readInt32BE(15) < 0 ? "invalid COPY file header (missing length)" : undefined
}

/** The bytes of the header without its extension. */
const HEADER_BYTES = 19

/** Reads rows from pieces of any size, and refuses what PostgreSQL refuses, in its words. */
export class BinaryReader {
  readonly #typeOids: ReadonlyArray<number>
  readonly #shapes: TypeShapes
  readonly #encoding: Encoding
  readonly #received = new ByteQueue()
  /** The header without its extension, once it has arrived. */
  #header: Buffer | undefined
  #begun = false
  #ended = false
  /** The values of the row that is not complete. */
  #values: Array<string | null> | undefined
  /** The size of its next value, once it is known. */
  #size: number | undefined
  #taken = 0
  #line = 0
  /** The SQLSTATE of its error messages. */
  code = "22P04"

  constructor(typeOids: ReadonlyArray<number>, shapes: TypeShapes, encoding = utf8) {
    this.#encoding = encoding
    this.#typeOids = typeOids
    this.#shapes = shapes
  }

  /** How many bytes of a row have arrived that is not complete. */
  get left(): number {
    return this.#taken + this.#received.length
  }

  /** The records that this piece completes, or an error message. */
  read(piece: Uint8Array): ReadonlyArray<CopyRecord> | string {
    this.#received.push(piece)
    const fault = this.#begun ? undefined : this.#begin()
    if (fault !== undefined) return fault
    const records: Array<CopyRecord> = []
    for (;;) {
      const record = this.#record()
      if (record === undefined) return records
      if (typeof record === "string") return record
      records.push(record)
    }
  }

  /** An error message where the data ends before the file does. A file may lack the mark of its end. */
  end(): string | undefined {
    const rest = this.#received.take(this.#received.length) ?? Buffer.alloc(0)
    if (!this.#begun) return headerFault(this.#header ?? rest) ?? "invalid COPY file header (wrong length)"
    return this.#values === undefined ? undefined : "unexpected EOF in COPY data"
  }

  /** Reads the header, as far as it has arrived; returns an error message. */
  #begin(): string | undefined {
    this.#header ??= this.#received.take(HEADER_BYTES)
    if (this.#header === undefined) return undefined
    const fault = headerFault(this.#header)
    if (fault !== undefined) return fault
    this.#begun = this.#received.take(this.#header.readInt32BE(HEADER_BYTES - 4)) !== undefined
    return undefined
  }

  #record(): CopyRecord | string | undefined {
    if (!this.#begun) return undefined
    if (this.#ended) return this.#received.length > 0 ? "received copy data after EOF marker" : undefined
    if (this.#values === undefined) {
      const count = this.#received.take(2)?.readInt16BE()
      if (count === undefined) return undefined
      if (count === -1) {
        this.#ended = true
        return this.#record()
      }
      if (count !== this.#typeOids.length) return `row field count is ${count}, expected ${this.#typeOids.length}`
      this.#values = []
    }
    const values = this.#values
    while (values.length < this.#typeOids.length) {
      const value = this.#value(this.#typeOids[values.length] ?? 0)
      if (value === undefined || typeof value === "string") return value
      values.push(value.text)
    }
    this.#values = undefined
    this.#taken = 0
    return { values, line: ++this.#line, text: "" }
  }

  /** The next value; undefined if it has not arrived, or an error message. */
  #value(typeOid: number): { readonly text: string | null } | string | undefined {
    this.#size ??= this.#received.take(4)?.readInt32BE()
    if (this.#size === undefined) return undefined
    if (this.#size < -1) return "invalid field size"
    const bytes = this.#size < 0 ? null : this.#received.take(this.#size)
    if (bytes === undefined) return undefined
    this.#taken += Math.max(0, this.#size)
    this.#size = undefined
    const text = bytes === null ? null : fromBinary(typeOid, bytes, this.#shapes, this.#encoding)
    if (text !== undefined) return { text }
    const fault = bytes === null ? undefined : versionFault(typeOid, bytes)
    if (fault !== undefined) this.code = "XX000"
    return fault ?? "incorrect binary data format"
  }
}
