import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { BinaryReader, binaryRow, header, trailer } from "../../../src/gateway/copy/CopyBinary.ts"
import { noShapes } from "../../../src/gateway/values/TypeShape.ts"

const TEXT = 25
const INT4 = 23
const types = [INT4, TEXT]

const rowsOf = (...rows: ReadonlyArray<ReadonlyArray<string | null>>): ReadonlyArray<Uint8Array> =>
  rows.map((row) => Result.getOrThrow(binaryRow(row, types, undefined)))

const readAll = (bytes: Buffer, size: number) => {
  const reader = new BinaryReader(types, noShapes)
  const records: Array<ReadonlyArray<string | null>> = []
  for (let at = 0; at < bytes.length; at += size) {
    const read = reader.read(bytes.subarray(at, at + size))
    if (typeof read === "string") return read
    records.push(...read.map(({ values }) => values))
  }
  return records
}

describe("COPY in binary", () => {
  const rows = [
    ["1", "one"],
    ["2", null],
    [null, ""],
    ["-4", "Zürich €"]
  ]

  it("reads the rows that it writes, in pieces of any size", () => {
    const bytes = Buffer.concat([header, ...rowsOf(...rows), trailer])
    for (const size of [1, 2, 3, 7, 1000]) assert.deepStrictEqual(readAll(bytes, size), rows)
  })

  it("reads a header with an extension", () => {
    const extended = Buffer.from(header)
    extended.writeInt32BE(3, 15)
    const bytes = Buffer.concat([extended, Buffer.alloc(3), ...rowsOf(...rows), trailer])
    for (const size of [1, 20, 1000]) assert.deepStrictEqual(readAll(bytes, size), rows)
  })

  it("reads a value of four million bytes in pieces of ten", () => {
    const text = "0123456789".repeat(400_000)
    assert.deepStrictEqual(readAll(Buffer.concat([header, ...rowsOf(["1", text]), trailer]), 10), [["1", text]])
  })

  it("says how much of a row has arrived that is not complete", () => {
    const reader = new BinaryReader(types, noShapes)
    const [row = new Uint8Array(0)] = rowsOf(["1", "0123456789"])
    reader.read(Buffer.concat([header, row]))
    assert.strictEqual(reader.left, 0)
    reader.read(row.subarray(0, 19))
    assert.strictEqual(reader.left, 9)
    reader.read(row.subarray(19))
    assert.strictEqual(reader.left, 0)
  })

  it("refuses another signature, a header of a negative length, other numbers of values, damaged ones, and a second end", () => {
    const negative = Buffer.from(header)
    negative.writeInt32BE(-1, 15)
    const refusals: ReadonlyArray<readonly [bytes: Buffer, why: string]> = [
      [Buffer.from("PGCOPY\n1,one\n2,two\n"), "COPY file signature not recognized"],
      [negative, "invalid COPY file header (missing length)"],
      [Buffer.concat([header, Buffer.of(0, 3)]), "row field count is 3, expected 2"],
      [Buffer.concat([header, Buffer.of(0, 2, 0, 0, 0, 1, 9)]), "incorrect binary data format"],
      [Buffer.concat([header, trailer, trailer]), "received copy data after EOF marker"]
    ]
    for (const [bytes, why] of refusals) for (const size of [1, 1000]) assert.strictEqual(readAll(bytes, size), why)
  })
})
