import { assert, describe, it } from "@effect/vitest"
import type { CopyOptions } from "../../../src/gateway/copy/CopyStatement.ts"
import { recordReader, rowWriter } from "../../../src/gateway/copy/CopyText.ts"
import { csv, readPieces, recordsOf, text } from "./copyOptions.ts"

const names = ["a", "b"]

const inPieces = (input: string, size: number) => input.match(new RegExp(`[\\s\\S]{1,${size}}`, "g")) ?? []
const readAll = (options: CopyOptions, input: string, size: number) => recordsOf(options, names, inPieces(input, size))

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
        // PostgreSQL names the last line of a row that has several.
        [2, 3, options.format === "csv" ? 5 : 4]
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

describe("the writer of COPY", () => {
  it("escapes each character of the text format that a reader would take for something else", () => {
    const write = rowWriter(text, names)
    assert.strictEqual(write(["\b\f\n\r\t\v\\", null]), "\\b\\f\\n\\r\\t\\v\\\\\t\\N\n")
    assert.strictEqual(rowWriter({ ...text, delimiter: "|" }, names)(["a|b", "\t"]), "a\\|b|\\t\n")
    assert.strictEqual(rowWriter({ ...text, delimiter: "^" }, names)(["a^b", "]-"]), "a\\^b^]-\n")
  })

  it("quotes of CSV what would be read as something else, and no more", () => {
    const write = rowWriter(csv, names)
    assert.strictEqual(write(["plain text", null]), "plain text,\n")
    assert.strictEqual(write(["", 'say "hi"']), '"","say ""hi"""\n')
    assert.strictEqual(write(["a,b", "c\nd"]), '"a,b","c\nd"\n')
    assert.strictEqual(write(["\\.", "x"]), "\\.,x\n")
    assert.strictEqual(rowWriter(csv, ["a"])(["\\."]), '"\\."\n')
    assert.strictEqual(rowWriter({ ...csv, escapeWith: "\\" }, names)(['q"\\', "x"]), '"q\\"\\\\",x\n')
    assert.strictEqual(rowWriter({ ...csv, forceQuote: ["b"] }, names)(["1", "2"]), '1,"2"\n')
    assert.strictEqual(rowWriter({ ...csv, forceQuote: "*" }, names)(["1", null]), '"1",\n')
  })
})

describe("an escape of the text format", () => {
  const unescapedOf = (written: string) => readAll({ ...text, header: false }, `${written}\t\n`, 1000)[0]?.values[0]

  it("stands for a character, or for itself", () => {
    assert.strictEqual(unescapedOf("\\b\\f\\n\\r\\t\\v\\\\\\q\\'"), "\b\f\n\r\t\v\\q'")
    assert.strictEqual(unescapedOf("\\x41\\x4a5\\101\\60\\7"), "AJ5A0\u0007")
    assert.strictEqual(unescapedOf("\\xg"), "xg")
  })

  it("stands for an octet of UTF-8 where it is a number", () => {
    assert.strictEqual(unescapedOf("x\\303\\251y"), "xéy")
    assert.strictEqual(unescapedOf("\\xe2\\x82\\254"), "€")
    assert.strictEqual(unescapedOf("\\xF0\\x9F\\x98\\x80"), "😀")
    assert.strictEqual(unescapedOf("\\xef\\xbb\\xbfa"), "\ufeffa")
  })

  it("is refused where the octets are no text", () => {
    for (const written of ["\\303y", "\\xff", "\\251", "\\x00", "\\000", "a\\400", "\\xc0\\x80", "\\xed\\xa0\\x80"]) {
      const line = `${written}\t`
      const refused = { code: "22021", message: 'invalid byte sequence for encoding "UTF8"', line: 2, text: line }
      assert.deepStrictEqual<unknown>(readPieces(text, names, [`a\tb\n${line}\n`]), refused, written)
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

describe("a line of COPY", () => {
  const mixed = "literal newline found in data"
  const corrupt = "end-of-copy marker corrupt"
  const otherBreak = "end-of-copy marker does not match previous newline style"
  const open = "unterminated CSV quoted field"
  const expected: ReadonlyArray<readonly [CopyOptions, string, ReadonlyArray<string | null> | string]> = [
    [text, "a\rb\r", ["a", "b"]],
    [text, "a\r\nb", ["a", "b"]],
    [text, "\r\r", ["", ""]],
    [text, "a\\\rb\nc", ["a\rb", "c"]],
    [text, "a\\\r\n", ["a\r"]],
    [text, "a\\", ["a"]],
    [text, "a\r\nb\n", mixed],
    [text, "a\rb\n", mixed],
    [text, "a\nb\r", "literal carriage return found in data"],
    [text, "a\r\nb\r", "literal carriage return found in data"],
    [text, "a\\.\nb\n", ["a"]],
    [text, "a\r\\.\rb", ["a"]],
    [text, "a\r\n\\.\r\nb", ["a"]],
    [text, "a\r\n\\.\n", otherBreak],
    [text, "a\n\\.\r\n", otherBreak],
    [text, "\\.x\n", corrupt],
    [text, "a\r\n\\.x", corrupt],
    [text, "a\r\n\\.\r", corrupt],
    [text, "a\n\\.", corrupt],
    // The first fault is told, whatever it is.
    [text, "\\377\na\nb\r\n", 'invalid byte sequence for encoding "UTF8"'],
    [text, "\\.x\n\\377\n", corrupt],
    [csv, "a\rb\r", ["a", "b"]],
    [csv, '"a\rb"\r"c\nd"\r', ["a\rb", "c\nd"]],
    [csv, '"a\r\nb"\nc\n', ["a\r\nb", "c"]],
    [csv, "a\r\nb\n", "unquoted newline found in data"],
    [csv, "a\nb\r\n", "unquoted carriage return found in data"],
    [csv, "\\.", ["\\."]],
    [csv, "\\.x\n", ["\\.x"]],
    [csv, "x\\.\n", ["x\\."]],
    [csv, "a\r\n\\.\r\nb", ["a"]],
    [csv, "a\r\n\\.\nb", "unquoted newline found in data"],
    [csv, "a\n\\.\r\nb", otherBreak],
    [csv, '"a', open],
    [csv, '"a\nb\n', open],
    [csv, 'a"b\n', open],
    [csv, '"""\n', open],
    [{ ...csv, escapeWith: "\\" }, '"a\\"b\\\\"\n', ['a"b\\']],
    [{ ...csv, escapeWith: "\\" }, '"a\\', open],
    [{ ...csv, escapeWith: "\\" }, '"a\\"\n', open]
  ]

  it("ends with the input's kind of line break, and is refused where PostgreSQL would refuse it", () => {
    for (const [options, input, outcome] of expected) {
      for (const size of [1, 2, 3, 100]) {
        const read = readPieces(options, ["a"], inPieces(input, size))
        const found = "message" in read ? read.message : read.map(({ values }) => values[0])
        assert.deepStrictEqual<unknown>(found, outcome, `${options.format} ${JSON.stringify(input)} by ${size}`)
      }
    }
  })
})

it("CSV with any quote and any escape is read as it was written", () => {
  const marks = ["!", '"', "#", "$", "%", "&", "'", "*", "/", "\\", "^", "`", "|", "~", "x"]
  const rows = [...marks, ...marks.map((mark) => `a${mark}${mark}b${mark}`), marks.join(""), "$$ $& $`", "a\nb", "\\."]
  for (const quote of marks) {
    for (const escapeWith of marks) {
      const options = { ...csv, quote, escapeWith }
      const written = rows.map((value) => rowWriter(options, names)([value, null])).join("")
      assert.deepStrictEqual(
        readAll(options, written, 100).map(({ values }) => values),
        rows.map((value) => [value, null]),
        `quote ${quote} escape ${escapeWith}`
      )
    }
  }
  assert.strictEqual(rowWriter({ ...csv, quote: "$", escapeWith: "$" }, names)(["a$b", "c"]), "$a$$b$,c\n")
})
