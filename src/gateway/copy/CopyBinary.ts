/** COPY's binary format. Pure. */
import { toBinary } from "../values/BinaryForms.ts"
import { fromBinary } from "../values/ComposedForms.ts"
import type { TypeShapes } from "../values/TypeShape.ts"
import type { CopyRecord } from "./CopyText.ts"

/** The signature, without flags and extension. */
export const header: Uint8Array = Buffer.concat([Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"), Buffer.alloc(8)])

export const trailer: Uint8Array = Buffer.from([0xff, 0xff])

/** Writes a row; undefined if the gateway has no binary form for a type. */
export const binaryRow = (
  row: ReadonlyArray<string | null>,
  typeOids: ReadonlyArray<number>,
  encoded: ReadonlySet<number> | undefined
): Uint8Array | undefined => {
  const count = Buffer.alloc(2)
  count.writeInt16BE(row.length)
  const parts: Array<Uint8Array> = [count]
  for (const [index, value] of row.entries()) {
    const bytes =
      value === null
        ? null
        : encoded?.has(index) === true
          ? Buffer.from(value.slice(2), "hex")
          : toBinary(typeOids[index] ?? 0, value)
    if (bytes === undefined) return undefined
    const size = Buffer.alloc(4)
    size.writeInt32BE(bytes === null ? -1 : bytes.length)
    parts.push(size)
    if (bytes !== null) parts.push(bytes)
  }
  return Buffer.concat(parts)
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

/** Reads rows from pieces of any size, and refuses what PostgreSQL refuses, in its words. */
export class BinaryReader {
  readonly #typeOids: ReadonlyArray<number>
  readonly #shapes: TypeShapes
  #rest: Buffer = Buffer.alloc(0)
  #begun = false
  #ended = false
  #line = 0

  constructor(typeOids: ReadonlyArray<number>, shapes: TypeShapes) {
    this.#typeOids = typeOids
    this.#shapes = shapes
  }

  /** The records that this piece completes, or an error message. */
  read(piece: Uint8Array): ReadonlyArray<CopyRecord> | string {
    this.#rest = Buffer.concat([this.#rest, piece])
    if (!this.#begun) {
      if (this.#rest.length < 19) return []
      const fault = headerFault(this.#rest)
      if (fault !== undefined) return fault
      const extension = this.#rest.readInt32BE(15)
      if (this.#rest.length < 19 + extension) return []
      this.#rest = this.#rest.subarray(19 + extension)
      this.#begun = true
    }
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
    if (!this.#begun) return headerFault(this.#rest) ?? "invalid COPY file header (wrong length)"
    return this.#rest.length < 2 ? undefined : "unexpected EOF in COPY data"
  }

  #record(): CopyRecord | string | undefined {
    if (this.#ended && this.#rest.length > 0) return "received copy data after EOF marker"
    if (this.#rest.length < 2) return undefined
    const count = this.#rest.readInt16BE(0)
    if (count === -1) {
      this.#ended = true
      this.#rest = this.#rest.subarray(2)
      return this.#record()
    }
    if (count !== this.#typeOids.length) return `row field count is ${count}, expected ${this.#typeOids.length}`
    const values: Array<string | null> = []
    let at = 2
    for (const typeOid of this.#typeOids) {
      if (this.#rest.length < at + 4) return undefined
      const size = this.#rest.readInt32BE(at)
      at += 4
      if (size < -1) return "invalid field size"
      if (this.#rest.length < at + size) return undefined
      const text = size < 0 ? null : fromBinary(typeOid, this.#rest.subarray(at, at + size), this.#shapes)
      if (text === undefined) return "incorrect binary data format"
      values.push(text)
      at += Math.max(0, size)
    }
    this.#rest = this.#rest.subarray(at)
    return { values, line: ++this.#line, text: "" }
  }
}
