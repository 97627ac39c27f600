import { assert, it } from "@effect/vitest"
import { shapeOf, wordsOf } from "../../../src/data-api/statement/Shape.ts"

it("statements that differ in their values alone have one shape, and others have not", () => {
  const shape = (sql: string) => shapeOf(wordsOf(sql))
  for (const [a, b] of [
    ["select a from t where id = 1 and b = 'x'", "select a from t where id = 22 and b = 'yy'"],
    ["select a from t where id between 1 and 2", "select a from t where id between 30 and 2147483647"],
    ["select a + 1, a - 2, a * 3 from t", "select a + 10, a - 20, a * 30 from t"],
    ["select a > 1, a < 1, a / 1, a % 1 from t", "select a > 22, a < 22, a / 22, a % 22 from t"],
    ["select a from t limit 1 offset 0", "select a from t limit 100 offset 200"],
    ["select a from t where id = 2147483648", "select a from t where id = 9223372036854775807"],
    ["select A from t -- note", "SELECT a\nFROM /* note */ t"]
  ] as const) {
    assert.strictEqual(shape(a), shape(b), a)
  }
  for (const [a, b] of [
    ["select a from t where id = 1", "select a from t where id = 3000000000"],
    ["select a from t where id = 2147483647", "select a from t where id = 2147483648"],
    ["select a from t where id = 9223372036854775807", "select a from t where id = 9223372036854775808"],
    ["select a b from t", "select ab from t"],
    ['select "a" from t', 'select "A" from t'],
    ["select 1::varchar(3)", "select 1::varchar(4)"],
    ["select a, b from t order by 1", "select a, b from t order by 2"],
    ["select 1", "select 1.5"],
    ['select "a" from t', 'select "b" from t'],
    ["select $1 from t", "select $2 from t"]
  ] as const) {
    assert.notStrictEqual(shape(a), shape(b), a)
  }
})
