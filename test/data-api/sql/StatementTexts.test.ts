import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import { questionOf, StatementTexts } from "../../../src/data-api/sql/StatementTexts.ts"
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
