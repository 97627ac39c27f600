/** Which lists of numbers are packed, and what replaces them. */
import { assert, it } from "@effect/vitest"
import { packNumbers, shortenNumbers } from "../../../src/data-api/statement/NumberLists.ts"

const query = (type: string, name: string) =>
  `select r::${type} from json_array_elements_text(:${name}::json) as alex_rows(r)`

it("a list of whole numbers is a query in its place, of the type that PostgreSQL gives the widest", () => {
  assert.deepStrictEqual(packNumbers("select a from t where a IN ( 1, -22,/* x */ 3 ) and b not in (4,3000000000)"), {
    sql: `select a from t where a IN ( ${query("int4", "numbers1")} ) and b not in (${query("int8", "numbers2")})`,
    sent: [
      { name: "numbers1", json: '["1","-22","3"]' },
      { name: "numbers2", json: '["4","3000000000"]' }
    ]
  })
  for (const [number, type] of [
    ["2147483647", "int4"],
    ["2147483648", "int8"],
    ["9223372036854775807", "int8"],
    ["9223372036854775808", "numeric"]
  ] as const) {
    assert.strictEqual(
      packNumbers(`delete from t where a in (1,${number}) returning a`)?.sql,
      `delete from t where a in (${query(type, "numbers1")}) returning a`
    )
  }
})

it("no other list is packed", () => {
  for (const list of ["1", "1, :p1", "1, 2.5", "1, a", "1, '2'", "1 + 1, 2", "select 1, 2", "(1), (2)", "1, 2", "1,"]) {
    const sql = `select a from t where a in (${list}`
    if (list !== "1, 2") assert.isUndefined(packNumbers(`${sql})`), list)
    assert.isUndefined(packNumbers(sql), list)
  }
  assert.isUndefined(packNumbers("select 'a in (1, 2)', \"in (1, 2)\" -- in (1, 2)"))
  assert.isUndefined(packNumbers('select "in"(1, 2), inn(1, 2)'))
})

it("a shortened list has its widest number", () => {
  assert.strictEqual(
    shortenNumbers("select 1 where a in (1, 70, -800) or b in (9) or b in (1, 2)"),
    "select 1 where a in (800) or b in (9) or b in (2)"
  )
})
