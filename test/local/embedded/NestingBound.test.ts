/** What is nested too deeply never reaches the embedded database: its stack may be smaller than that of a test's thread. */
import { assert, it } from "@effect/vitest"
import { refusalOfDepth } from "../../../src/local/embedded/NestingBound.ts"

const nested = (open: string, close: string, depth: number, inner: string) =>
  open.repeat(depth) + inner + close.repeat(depth)

const isRefused = (sql: string) => refusalOfDepth({ sql, parameters: [] })?.sqlState === "54001"

it("subselects of more than 800 levels are refused, in whatever they stand", () => {
  const forms: ReadonlyArray<readonly [open: string, close: string, inner: string]> = [
    ["select (", ")", "select 1"],
    ["SELECT (\n", "\n)", "VALUES (1)"],
    ["select exists (", ")", "select 1"],
    ["select array(", ")", "select 1"],
    ["select true in (", ")", "select true"],
    ["select * from (", ") t", "select 1"],
    ["select (select 2) + (", ")", "select 1"],
    ["select '(' || (", ")", "select '1'"],
    ["select (/* ( */ -- ( and more\n", ")", "select 1"],
    ["with a as (", ") select * from a", "select 1"]
  ]
  for (const [open, close, inner] of forms) {
    for (const levels of [801, 1_500, 2_400]) assert.isTrue(isRefused(nested(open, close, levels, inner)), open)
    assert.isFalse(isRefused(nested(open, close, 700, inner)), open)
  }
})

it("parentheses and brackets of more than 1,500 levels are refused, in whatever they stand", () => {
  for (const [open, close] of [
    ["(", ")"],
    ["row(", ")"],
    ["array[", "]"],
    ["abs(", ")"],
    ["case when 1 in (", ") then 1 end"]
  ] as const) {
    assert.isTrue(isRefused(`select ${nested(open, close, 1_501, "1")}`), open)
    assert.isFalse(isRefused(`select ${nested(open, close, 1_200, "1")}`), open)
  }
})

it("statements that are long and not deep are not refused", () => {
  const statements = [
    `select ${"(select 1) + ".repeat(2_000)}1`,
    `select 1${" union all (select 1)".repeat(2_900)}`,
    `insert into t values ${"((1)), ".repeat(8_000)}(1)`,
    `select 1 where true${" or exists (select 1)".repeat(2_400)}`,
    `select '${"(select ".repeat(8_000)}'`,
    `select $a$${"(select ".repeat(8_000)}$a$`
  ]
  for (const sql of statements) assert.isFalse(isRefused(sql), sql.slice(0, 60))
})

it("quotes that never end hide nothing, however many there are", () => {
  const quotes = Array.from({ length: 150_000 }, (_, index) => `$q${index}$ `).join("")
  assert.isFalse(isRefused(`select ${quotes}`))
  assert.isTrue(isRefused(`select ${quotes}${nested("(", ")", 1_501, "1")}`))
  assert.isFalse(isRefused(`select $a$${quotes}${"(".repeat(2_000)}$a$`))
})
