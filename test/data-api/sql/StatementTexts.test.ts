import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import { questionOf, rememberText, StatementTexts } from "../../../src/data-api/sql/StatementTexts.ts"
import { encode } from "../../../src/data-api/values/PgValue.ts"

const question = (sql: string, values: ReadonlyArray<unknown>) => {
  const statement = Result.getOrThrow(new StatementTexts(10).find(sql, values.length))
  return questionOf(statement, Result.getOrThrow(encode(values)))
}

it("what is asked holds the types that are known, and cuts lists of one type short", () => {
  assert.deepInclude(question("select greatest($1, $2)", [1.5, "2"]), { types: ["float8", undefined] })
  const list = question("select 1 where a in ($1, $2, $3) and b = $4", ["x", null, "y", 7n])
  assert.deepInclude(list, { sql: "select 1 where a in ($1) and b = $2", types: [undefined, "int8"] })
  assert.deepStrictEqual(list.standsFor, [0, 0, 0, 1])
  const rows = question("insert into t values ($1, $2), ($3, $4)", ["x", null, "y", 1])
  assert.deepInclude(rows, { sql: "insert into t values ($1, $2)", types: [undefined, "int4"] })
  const mixed = question("select 1 where a in ($1, $2)", ["x", 1])
  assert.deepInclude(mixed, { sql: "select 1 where a in ($1, $2)", types: [undefined, "int4"] })
})

/** Whether the statement is still the one that was found before. */
const holds = (texts: StatementTexts, sql: string, before: unknown): boolean =>
  Result.getOrThrow(texts.find(sql, 0)) === before

it("statements that are only classified count too, and the least recently used one is dropped", () => {
  const texts = new StatementTexts(2)
  const first = Result.getOrThrow(texts.find("select 1", 0))
  texts.kind("select 2")
  assert.isTrue(holds(texts, "select 1", first))
  texts.kind("select 3")
  assert.isTrue(holds(texts, "select 1", first))
  texts.kind("select 4")
  texts.kind("select 5")
  assert.isFalse(holds(texts, "select 1", first))
})

it("of long statements fewer are held", () => {
  const texts = new StatementTexts(500)
  const sql = (number: number) => `select ${number} /*${"x".repeat(1_000_000)}*/`
  const first = Result.getOrThrow(texts.find(sql(1), 0))
  texts.kind(sql(2))
  texts.kind(sql(3))
  assert.isTrue(holds(texts, sql(1), first))
  for (const number of [4, 5, 6]) texts.kind(sql(number))
  assert.isFalse(holds(texts, sql(1), first))
})

it("of one statement 32 texts are held, and fewer long ones, but always one", () => {
  const held = (length: number): number => {
    const statement = Result.getOrThrow(new StatementTexts(1).find("select $1", 1))
    for (let number = 0; number < 100; number++) {
      const made = { sql: "x".repeat(length), literal: new Set<number>(), lists: [], numbers: [], learnt: undefined }
      assert.strictEqual(rememberText(statement, `${number}`.padEnd(10), made), made)
    }
    return statement.texts.size
  }
  assert.deepStrictEqual([100, 99_990, 600_000].map(held), [32, 5, 1])
})
