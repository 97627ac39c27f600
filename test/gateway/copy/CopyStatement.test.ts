import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import { type CopyOptions, copyOf } from "../../../src/gateway/copy/CopyStatement.ts"
import { statementsOf } from "../../../src/gateway/statement/ClientStatement.ts"

const refusalOf = (sql: string): string => {
  const [statement] = statementsOf(sql)
  if (statement === undefined) return assert.fail("no statement")
  return Result.match(copyOf(statement), {
    onFailure: ({ code, message }) => `${code} ${message}`,
    onSuccess: (copy) => `accepted as ${JSON.stringify(copy?.options)}`
  })
}

const textOptions: CopyOptions = {
  format: "text",
  delimiter: "\t",
  nullText: "\\N",
  header: false,
  quote: '"',
  escapeWith: '"',
  forceQuote: [],
  forceNotNull: [],
  forceNull: []
}
const csvOptions: CopyOptions = { ...textOptions, format: "csv", delimiter: ",", nullText: "" }

const parsed = (sql: string) => {
  const [statement] = statementsOf(sql)
  if (statement === undefined) return assert.fail("no statement")
  return Result.getOrThrowWith(copyOf(statement), ({ message }) => new Error(`${sql}: ${message}`))
}

it("the options of COPY mean the same in the list and in the older form", () => {
  for (const [older, list, options] of [
    ["", "", textOptions],
    [
      "with delimiter as ';' null as 'x'",
      "(delimiter ';', null 'x')",
      { ...textOptions, delimiter: ";", nullText: "x" }
    ],
    ["delimiter e'\\t'", "(delimiter e'\\t')", textOptions],
    ["delimiter e'\\x01'", "(delimiter E'\\001')", { ...textOptions, delimiter: "\u0001" }],
    ["delimiter e'\\u007c'", "(delimiter $a$|$a$)", { ...textOptions, delimiter: "|" }],
    ["null e'\\xc3\\251\\v\\\\N'", "(null $$év\\N$$)", { ...textOptions, nullText: "év\\N" }],
    ["null 'it''s'", "(null 'it''s')", { ...textOptions, nullText: "it's" }],
    ["binary", "(format binary)", { ...textOptions, format: "binary" }],
    ["csv", "(format 'csv')", csvOptions],
    ["csv header", "(format csv, header)", { ...csvOptions, header: true }],
    [
      "csv quote as 'q' escape as 'e'",
      "(format csv, quote 'q', escape 'e')",
      { ...csvOptions, quote: "q", escapeWith: "e" }
    ],
    ["csv quote 'q'", "(format csv, quote 'q')", { ...csvOptions, quote: "q", escapeWith: "q" }],
    ["csv force not null a, b", "(format csv, force_not_null (a, b))", { ...csvOptions, forceNotNull: ["a", "b"] }],
    [
      'csv force null "A b" header',
      '(format csv, force_null ("A b"), header on)',
      { ...csvOptions, forceNull: ["A b"], header: true }
    ]
  ] as const) {
    assert.deepStrictEqual(parsed(`copy t from stdin ${older}`)?.options, options, older)
    assert.deepStrictEqual(parsed(`copy t from stdin ${list === "" ? "" : `with ${list}`}`)?.options, options, list)
  }
  for (const [older, list, forceQuote] of [
    ["force quote a, b", "force_quote (a, b)", ["a", "b"]],
    ["force quote *", "force_quote *", "*"]
  ] as const) {
    assert.deepStrictEqual(parsed(`copy t to stdout csv ${older}`)?.options, { ...csvOptions, forceQuote }, older)
    assert.deepStrictEqual(
      parsed(`copy t to stdout (format csv, ${list})`)?.options,
      { ...csvOptions, forceQuote },
      list
    )
  }
  assert.strictEqual(parsed("copy t from stdin (header false)")?.options.header, false)
  assert.strictEqual(parsed("copy t from stdin (header match)")?.options.header, "match")
  assert.strictEqual(parsed("copy t from stdin (header 1)")?.options.header, true)
})

it("a COPY names a table with or without columns, or a query, and a way from or to the client", () => {
  for (const [sql, expected] of [
    ["copy t from stdin", { direction: "in", table: "t", tableName: "t", columns: undefined, query: undefined }],
    ["copy binary t to stdout", { direction: "out", table: "t", tableName: "t", columns: undefined, query: undefined }],
    [
      'COPY "My schema".T (a, "B c") FROM STDIN',
      { direction: "in", table: '"My schema".T', tableName: "t", columns: ["a", '"B c"'], query: undefined }
    ],
    [
      'copy "a.b"."The ""T"". x" from stdin',
      { direction: "in", table: '"a.b"."The ""T"". x"', tableName: 'The "T". x', columns: undefined, query: undefined }
    ],
    [
      "copy (select 1, (2)) to stdout",
      { direction: "out", table: undefined, tableName: "", columns: undefined, query: "select 1, (2)" }
    ],
    ["copy t to stdin", { direction: "out", table: "t", tableName: "t", columns: undefined, query: undefined }]
  ] as const) {
    const { options, queryAt, ...copy } = parsed(sql) ?? assert.fail(sql)
    assert.deepStrictEqual(copy, expected)
    assert.strictEqual(queryAt, sql.indexOf("(select") + 1)
    assert.strictEqual(options.format, sql.includes("binary") ? "binary" : "text")
  }
  for (const sql of ["copy t from '/tmp/file'", "copy t to program 'cat'", "copy (select 1) from stdin"]) {
    assert.isUndefined(parsed(sql), sql)
  }
})

it("an option that is unknown, or given twice, is refused in PostgreSQL's words", () => {
  for (const [options, why] of [
    ["(format xml)", '22023 COPY format "xml" not recognized'],
    ["(nonsense 1)", '42601 option "nonsense" not recognized'],
    ["(header, header)", "42601 conflicting or redundant options"],
    ["csv csv", "42601 conflicting or redundant options"],
    ["force nothing a", '42601 option "force_nothing" not recognized']
  ] as const) {
    assert.strictEqual(refusalOf(`copy t from stdin ${options}`), why)
  }
})

it("options that are not of the format or the direction are refused in PostgreSQL's words", () => {
  for (const [statement, why] of [
    ["from stdin (format binary, delimiter ',')", "42601 cannot specify DELIMITER in BINARY mode"],
    ["from stdin (format binary, null '')", "42601 cannot specify NULL in BINARY mode"],
    ["to stdout (format binary, header)", "0A000 cannot specify HEADER in BINARY mode"],
    ["to stdout (header match)", '0A000 cannot use "match" with HEADER in COPY TO'],
    ["from stdin (delimiter 'ab')", "0A000 COPY delimiter must be a single one-byte character"],
    ["from stdin (delimiter 'a')", '22023 COPY delimiter cannot be "a"'],
    ["from stdin (delimiter E'\\n')", "22023 COPY delimiter cannot be newline or carriage return"],
    ["from stdin (null E'a\\r')", "22023 COPY null representation cannot use newline or carriage return"],
    ["from stdin (delimiter ',', null 'a,b')", "0A000 COPY delimiter must not appear in the NULL specification"],
    ["from stdin (quote '!')", "0A000 COPY quote available only in CSV mode"],
    ["from stdin (format csv, quote '!!')", "0A000 COPY quote must be a single one-byte character"],
    ["from stdin (format csv, escape 'ü')", "0A000 COPY escape must be a single one-byte character"],
    ["from stdin (format csv, quote ',')", "22023 COPY delimiter and quote must be different"],
    ["from stdin (format csv, null '\"')", "0A000 CSV quote character must not appear in the NULL specification"],
    ["from stdin (format csv, force_quote *)", "0A000 COPY force quote only available using COPY TO"]
  ] as const) {
    assert.strictEqual(refusalOf(`copy t ${statement}`), why)
  }
})

it("what COPY of PostgreSQL takes and the gateway does not is refused as not supported", () => {
  const lacking = { "encoding 'euc_jp'": 'COPY with the encoding "euc_jp" is not supported by the gateway' }
  for (const [option, why] of Object.entries(lacking)) {
    assert.strictEqual(refusalOf(`copy t from stdin (${option})`), `0A000 ${why}`)
    assert.strictEqual(refusalOf(`copy t from stdin ${option}`), `0A000 ${why}`)
  }
  assert.strictEqual(refusalOf("copy t from stdin where a > 1"), "0A000 COPY ... WHERE is not supported by the gateway")
  assert.include(refusalOf("copy t from stdin (encoding 'UTF8', freeze, header off)"), "accepted")
  assert.include(refusalOf("copy t from stdin with csv header encoding 'utf-8'"), "accepted")
})
