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

/** Reads rows from pieces of any size. */
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
      if (!this.#rest.subarray(0, 11).equals(Buffer.from(header.subarray(0, 11))))
        return "COPY file signature not recognized"
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

  #record(): CopyRecord | string | undefined {
    if (this.#ended || this.#rest.length < 2) return undefined
    const count = this.#rest.readInt16BE(0)
    if (count === -1) {
      this.#ended = true
      return undefined
    }
    if (count !== this.#typeOids.length) return `row field count is ${count}, expected ${this.#typeOids.length}`
    const values: Array<string | null> = []
    let at = 2
    for (const typeOid of this.#typeOids) {
      if (this.#rest.length < at + 4) return undefined
      const size = this.#rest.readInt32BE(at)
      at += 4
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
