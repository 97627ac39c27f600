import { assert, describe, it } from "@effect/vitest"
import type { CopyOptions } from "../../../src/gateway/copy/CopyStatement.ts"
import { recordReader, rowWriter } from "../../../src/gateway/copy/CopyText.ts"
import { csv, text } from "./copyOptions.ts"

const names = ["a", "b"]

const readAll = (options: CopyOptions, input: string, size: number) => {
  const reader = recordReader(options, names)
  const pieces = input.match(new RegExp(`[\\s\\S]{1,${size}}`, "g")) ?? []
  return [...pieces.flatMap((piece) => [...reader.read(piece)]), ...reader.end()]
}

for (const options of [text, csv]) {
  describe(`COPY in ${options.format}`, () => {
    const rows = [
      ["1", "one"],
      ["2", null],
      ["3", 'tab\t, comma, "quote", \\back\\ and a\nline break\r']
    ]
    const written = rows.map(rowWriter(options, names)).join("")

    it("reads the rows that it writes, in pieces of any size", () => {
      for (const size of [1, 2, 3, 7, 1000]) {
        assert.deepStrictEqual(
          readAll(options, written, size).map(({ values }) => values),
          rows
        )
      }
    })

    it("leaves out the first line where it is a header, and counts it", () => {
      const found = readAll({ ...options, header: true }, `a${options.delimiter}b\n${written}`, 5)
      assert.deepStrictEqual(
        found.map(({ values }) => values),
        rows
      )
      assert.deepStrictEqual(
        found.map(({ line }) => line),
        [2, 3, 4]
      )
    })

    it("reads nothing behind the mark of the end", () => {
      const [first = ""] = rows.map(rowWriter(options, names))
      const found = readAll(options, `${first}\\.\n${first}`, 4)
      assert.deepStrictEqual(
        found.map(({ values }) => values),
        rows.slice(0, 1)
      )
    })

    it("reads a last line without a line break", () => {
      assert.deepStrictEqual(
        readAll(options, `1${options.delimiter}one`, 2).map(({ line, values }) => ({ line, values })),
        [{ line: 1, values: ["1", "one"] }]
      )
    })
  })
}

describe("COPY in text", () => {
  it("reads a line of two million characters in pieces of seven", () => {
    const value = "a".repeat(2_000_000)
    const [record] = readAll(text, `1\t${value}\n`, 7)
    assert.deepStrictEqual(record, { values: ["1", value], line: 1, text: `1\t${value}` })
  })

  it("reads line breaks behind backslashes as data, wherever the pieces end", () => {
    const input = "1\ta\\\nb\\\\\n\\\\\\\n\\\\\t2\n"
    for (const size of [1, 2, 3, 4, 5, 100]) {
      assert.deepStrictEqual(
        readAll(text, input, size).map(({ values }) => values),
        [
          ["1", "a\nb\\"],
          ["\\\n\\", "2"]
        ]
      )
    }
  })
})

for (const options of [text, csv]) {
  it(`COPY in ${options.format} says how much of a record has arrived that is not complete`, () => {
    const reader = recordReader(options, names)
    reader.read(`1${options.delimiter}one\n`)
    assert.strictEqual(reader.left(), 0)
    reader.read(`2${options.delimiter}`)
    reader.read("two")
    assert.strictEqual(reader.left(), 5)
    reader.read("\n")
    assert.strictEqual(reader.left(), 0)
  })
}
