import { assert, it } from "@effect/vitest"
import {
  createdBy,
  indexBuiltConcurrently,
  nameOf,
  partsOf
} from "../../../../src/operations/migrate/statements/StatementParts.ts"

it("parts are the tokens that mean something, words in lower case", () => {
  const parts = partsOf('Create /* a */ TABLE "My Table" -- b\n (x TEXT)')
  assert.deepStrictEqual(
    parts.map(({ text }) => text),
    ["create", "table", '"My Table"', "(", "x", "text", ")"]
  )
  assert.strictEqual(parts[1]?.start, 15)
  assert.strictEqual(parts[1]?.end, 20)
})

it("a name is that of its quotes, doubled ones read once", () => {
  const named = (sql: string) => partsOf(sql).map(nameOf)
  assert.deepStrictEqual(named('Users "Users" "a""b"'), ["users", "Users", 'a"b'])
})

it("what a statement creates has a kind and an unqualified name", () => {
  const created = (sql: string) => {
    const parts = partsOf(sql)
    const found = createdBy(parts)
    const part = found === undefined ? undefined : parts[found.at]
    return found === undefined || part === undefined ? undefined : `${found.kind} ${nameOf(part)}`
  }
  const creations: Readonly<Record<string, string | undefined>> = {
    "create table a (b int)": "table a",
    'create table if not exists "A" (b int)': "table A",
    "create unlogged table a (b int)": "table a",
    "create or replace function f() returns int": "function f",
    "create table s.a (b int)": undefined,
    "drop table a": undefined,
    "select create": undefined
  }
  for (const [sql, expected] of Object.entries(creations)) assert.strictEqual(created(sql), expected, sql)
})

it("an index that is built concurrently has a name, if it was given one", () => {
  const built = (sql: string) => indexBuiltConcurrently(partsOf(sql))
  assert.strictEqual(built("create index concurrently a on t (x)"), "a")
  assert.strictEqual(built('CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "A" ON t (x)'), "A")
  for (const sql of [
    "create index concurrently on t (x)",
    "create index a on t (x)",
    "drop index concurrently a",
    "reindex table concurrently a"
  ]) {
    assert.isUndefined(built(sql), sql)
  }
})
