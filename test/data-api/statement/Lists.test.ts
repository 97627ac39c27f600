import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import { shorten } from "../../../src/data-api/statement/Lists.ts"
import { fromNumbered } from "../../../src/data-api/statement/Placeholders.ts"

const shortened = (sql: string, types: ReadonlyArray<string> = []) => {
  const template = fromNumbered(sql)
  if (Result.isFailure(template)) return assert.fail(template.failure)
  return shorten(template.success, 0, (values) => values.map((value) => types[value] ?? ""))
}

it("lists of any length are one statement, and each value is that of its place in the first element", () => {
  assert.deepStrictEqual(shortened("select * from t where a = $1 and b in ($2, $3,$4) and c = $5"), {
    sql: "select * from t where a = $1 and b in ($2) and c = $3",
    count: 3,
    standsFor: [0, 1, 1, 1, 2]
  })
  assert.deepStrictEqual(shortened("insert into t (a, b) values ($1,$2),($3,$4),\n($5,$6) returning *"), {
    sql: "insert into t (a, b) values ($1,$2) returning *",
    count: 2,
    standsFor: [0, 1, 0, 1, 0, 1]
  })
  assert.deepStrictEqual(
    shortened("select 1 where (a, b) in (($1, $2), ($3, $4))").sql,
    "select 1 where (a, b) in (($1, $2))"
  )
  assert.strictEqual(
    shortened("insert into t values ($1, default, now_at), ($2, default, now_at)").sql,
    "insert into t values ($1, default, now_at)"
  )
  assert.deepStrictEqual(shortened("select $1 + $2 + $1 where a in ($3, $4)"), {
    sql: "select $1 + $2 + $1 where a in ($3)",
    count: 3,
    standsFor: [0, 1, 2, 2]
  })
})

it("a list may end on a line of its own", () => {
  assert.strictEqual(
    shortened("select 1 where a in (\n  $1,\n  $2,\n  $3\n) and b").sql,
    "select 1 where a in (\n  $1\n) and b"
  )
  assert.strictEqual(
    shortened("insert into t values ($1, $2), (\n$3, $4\n) returning a").sql,
    "insert into t values ($1, $2\n) returning a"
  )
})

it("what is not a list of equals keeps its length", () => {
  for (const sql of [
    "select f($1, $2, $3)",
    "select array[$1, $2]",
    "select 1 where a in ($1, 2, $2)",
    "select 1 where a in ($1, lower($2))",
    "insert into t values ($1, 1), ($2, 2)",
    "insert into t values ($1, 1), ($2, 2), ($3, 1)",
    "select 1 where a in ($1, $2 + 1, $3)",
    "insert into t values ($1, lower($2)), ($3, lower($4))",
    "select 1 where a in ($1, $1)",
    "select -- in (\n coalesce($1, $2)",
    "select 1 where a in ($1 /* ) */, $2)"
  ]) {
    assert.strictEqual(shortened(sql).sql, sql)
  }
  assert.strictEqual(shortened("values ($1), ($2)", ["int4", "text"]).sql, "values ($1), ($2)")
  assert.strictEqual(shortened("values ($1), ($2)", ["int4", "int4"]).sql, "values ($1)")
  assert.strictEqual(
    shortened("values ($1, $2), ($3, $4)", ["int4", "int4", "int4", "text"]).sql,
    "values ($1, $2), ($1, $3)"
  )
})

it("a list has a row for each type of the column with the most, whatever combinations there are", () => {
  const types = "int4 text int4 int4 int8 int4 int4 bool int4 text".split(" ")
  assert.deepStrictEqual(
    shortened("insert into t values ($1, $2), ($3, $4), ($5, $6), ($7, $8), ($9, $10) returning -$11", types),
    {
      sql: "insert into t values ($1, $2), ($3, $4), ($1, $5) returning -$6",
      count: 6,
      standsFor: [0, 1, 0, 3, 2, 3, 0, 4, 0, 1, 5]
    }
  )
  assert.deepStrictEqual(shortened("select 1 where a in ($1, $2, $3) and b = $4", ["int4", "text", "int4"]), {
    sql: "select 1 where a in ($1, $2) and b = $3",
    count: 3,
    standsFor: [0, 1, 0, 2]
  })
  const list = (length: number) => `values ${Array.from({ length }, (_, at) => `($${at + 1})`).join(", ")}`
  assert.strictEqual(
    shortened(
      list(50_000),
      Array.from({ length: 50_000 }, (_, at) => `t${at % 40}`)
    ).sql,
    list(40)
  )
})
