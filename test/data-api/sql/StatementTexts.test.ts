import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import {
  hasOpenTypes,
  questionOf,
  rememberText,
  StatementTexts,
  textKey,
  textOf
} from "../../../src/data-api/sql/StatementTexts.ts"
import { encode } from "../../../src/data-api/values/PgValue.ts"

const known = (sql: string, count: number) => Result.getOrThrow(new StatementTexts(10).find(sql, count))
const parametersOf = (values: ReadonlyArray<unknown>) => Result.getOrThrow(encode(values))

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
      const made = {
        sql: "x".repeat(length),
        literal: new Set<number>(),
        listed: new Set<number>(),
        lists: [],
        numbers: [],
        learnt: undefined
      }
      assert.strictEqual(rememberText(statement, `${number}`.padEnd(10), made), made)
    }
    return statement.texts.size
  }
  assert.deepStrictEqual([100, 99_990, 600_000].map(held), [32, 5, 1])
})

it("of two statements that take turns neither is dropped, however often", () => {
  const texts = new StatementTexts(500)
  const sql = (number: number) => `select ${number} /*${"x".repeat(1_000_000)}*/`
  const [first, second] = [1, 2].map((number) => Result.getOrThrow(texts.find(sql(number), 0)))
  for (let turn = 0; turn < 10; turn++) {
    assert.isTrue(holds(texts, sql(1), first))
    assert.isTrue(holds(texts, sql(2), second))
  }
})

it("where none is to be held, none is", () => {
  const texts = new StatementTexts(0)
  assert.isFalse(holds(texts, "select 1", Result.getOrThrow(texts.find("select 1", 0))))
})

it("a statement is given as many values as it has parameters", () => {
  for (const count of [0, 1, 3]) {
    const found = new StatementTexts(10).find("select $1, $2", count)
    assert.strictEqual(
      Result.isFailure(found) ? found.failure : "found",
      `The statement takes 2 parameters, but ${count} were given.`
    )
  }
})

it("values of other types are another text", () => {
  const sets = [
    [1, "a"],
    [1.5, "a"],
    [2 ** 31, "a"],
    [null, "a"],
    ["a", "a"],
    ["a", 1],
    [["a"], "a"],
    [[], "a"]
  ]
  const keys = sets.map((values) => textKey(parametersOf(values)))
  assert.strictEqual(new Set(keys).size, sets.length)
  assert.strictEqual(textKey(parametersOf([7, "b"])), keys[0])
})

it("a NULL is asked for where it has several places, each of which the service infers by itself", () => {
  const open = (sql: string) => hasOpenTypes(known(sql, 1), parametersOf([null]))
  assert.isTrue(open("select 1 where $1 is null or a = $1"))
  assert.isFalse(open("select 1 where a = $1"))
  assert.isFalse(open("select 1 where $1::int is null or a = $1::int"))
})

it("what a long list holds is sent in the list alone", () => {
  const count = 20_000
  const list = Array.from({ length: count }, (_, at) => `$${at + 1}`).join(", ")
  const statement = known(`select 1 where a in (${list}) and b = $${count + 1}`, count + 1)
  const text = textOf(statement, parametersOf([...Array.from({ length: count }, (_, at) => at), "b"]))
  assert.strictEqual(text.lists.length, 1)
  assert.strictEqual(text.literal.size, count)
  assert.isFalse(text.literal.has(count))
})

it("a long list of numbers in a query is sent as a parameter, and one in a definition is left in its place", () => {
  const list = Array.from({ length: 20_000 }, (_, at) => at).join(", ")
  const text = (sql: string) => textOf(known(sql, 0), [])
  assert.strictEqual(text(`select 1 where a in (${list})`).numbers.length, 1)
  const definition = `create table t (a int check (a in (${list})))`
  assert.deepInclude(text(definition), { sql: definition, numbers: [] })
})
