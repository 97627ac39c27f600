import { assert, it } from "@effect/vitest"
import { shapeOf, wordsOf } from "../../../src/data-api/statement/Shape.ts"

it("statements that differ in their values alone have one shape, and others have not", () => {
  const shape = (sql: string) => shapeOf(wordsOf(sql))
  assert.strictEqual(
    shape("select a from t where id = 1 and b = 'x'"),
    shape("select a from t where id = 22 and b = 'yy'")
  )
  for (const [a, b] of [
    ["select a from t where id = 1", "select a from t where id = 3000000000"],
    ["select 1::varchar(3)", "select 1::varchar(4)"],
    ["select a, b from t order by 1", "select a, b from t order by 2"],
    ["select 1", "select 1.5"],
    ['select "a" from t', 'select "b" from t'],
    ["select $1 from t", "select $2 from t"]
  ] as const) {
    assert.notStrictEqual(shape(a), shape(b), a)
  }
})
