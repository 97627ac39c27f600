/** Which rows of VALUES are packed, what replaces them, and what the question for their types keeps of them. */
import { assert, describe, it } from "@effect/vitest"
import { statementOf } from "../../../src/gateway/statement/ClientStatement.ts"
import { packRows } from "../../../src/gateway/statement/rows/PackedRows.ts"
import { shortStatement } from "../../../src/gateway/statement/rows/ShortStatement.ts"

const packed = (sql: string, casts: ReadonlyArray<string> = []) => {
  const found = packRows(sql, casts)
  if (found === undefined) return undefined
  const literal = (value: number) => {
    const placement = found.placements.get(value)
    return placement?._tag === "Literal" ? placement.text : `$${value + 1}`
  }
  return found.sql.replaceAll(/\$(\d+)/g, (_, number: string) => literal(Number(number) - 1))
}

const from = "from json_array_elements(:rows1::json)"

describe("rows of one shape", () => {
  it("are a query of the first one's expressions", () => {
    assert.strictEqual(
      packed(
        "insert into t (a, b, c) VALUES ($1::VARCHAR, now(), cast($2 as int) * -2), ($3::VARCHAR, now(), cast($4 as int) * -2) returning *",
        ["varchar", "int4", "varchar", "int4"]
      ),
      `insert into t (a, b, c) (select ((alex_row->>0)::varchar)::VARCHAR as column1, now() as column2, cast(((alex_row->>1)::int4) as int) * -2 as column3 ${from} as alex_rows(alex_row)) returning *`
    )
    assert.strictEqual(
      packed("select a from (VALUES ($2, 0, 7, $1), ($3, 1, 7, $1), ($4, 2, 7, $1)) as imp(a, n) order by n"),
      `select a from ((select ((alex_row->>0)::pg_catalog.text) as column1, ((alex_number + -1)::int4) as column2, 7 as column3, $1 as column4 ${from} with ordinality as alex_rows(alex_row, alex_number))) as imp(a, n) order by n`
    )
    assert.deepStrictEqual(packRows("values ($1, 'x'), ($2, 'x')", [])?.lists, [
      { name: "rows1", elements: [[0], [1]], rows: true }
    ])
  })

  it("have the widest of several types of numbers, where only a cast sees it", () => {
    for (const [item, casts, cast] of [
      ["$::INTEGER", ["int2", "int4", "int2"], "int4"],
      ["$", ["int8", "int4", '"numeric"'], '"numeric"'],
      ["cast($ as text)", ["int4", "float8", "int2"], "float8"],
      ["$::int[]", ["_int2", "_int4", "_int2"], "_int4"],
      ["$", ["int8", "float8", "int8"], undefined],
      ["$", ["text", "int4", "int4"], undefined],
      ["$ + 1", ["int2", "int4", "int4"], undefined],
      ["f($, 2)", ["int2", "int4", "int4"], undefined]
    ] as const) {
      const rows = casts.map((_, at) => `(${item.replace("$", `$${at + 1}`)}, 1)`).join(", ")
      const first = item.replace("$", `((alex_row->>0)::${cast})`)
      const expected =
        cast === undefined ? undefined : `(select ${first} as column1, 1 as column2 ${from} as alex_rows(alex_row))`
      assert.strictEqual(packed(`values ${rows}`, casts), expected, `${item} of ${casts.join()}`)
    }
  })

  it("are left as they are if a SELECT could not be in their place", () => {
    for (const sql of [
      "insert into t values ($1, default), ($2, default)",
      "insert into t values ($1, (select max(id) from t)), ($2, (select max(id) from t))",
      "insert into t values ($1, 1), ($2, 3)",
      "insert into t values ($1, 2), ($2, 1)",
      "insert into t values ($1, 01), ($2, 02)",
      "insert into t values ($1, 1.5), ($2, 2.5)",
      "insert into t values ($1, 2147483646), ($2, 2147483647)",
      "insert into t values ($1, 'a'), ($2, 'b')",
      "insert into t values ($1, now()), ($2, now(), 1)",
      "insert into t values ($1::int), (2::int)",
      "insert into t values ($1 + $2), ($3 + $1)",
      "insert into t values ($1, now()), ($2, now()) on conflict (a) do update set a = $1",
      "insert into t values ($1, now() /* one */), ($2, now() /* one */)",
      "insert into t values ($1, now()), ($2, now()), -- more\n ($3, now())",
      "insert into t values ($1, now()), ($2, now()), (default, $3)",
      "insert into t values (1, now()), (2, now())",
      "insert into t values ($1, now())",
      'select "values"($1, now()), ($2, now())',
      "insert into t values ($1, now()), ($2, now("
    ]) {
      assert.isUndefined(packed(sql), sql)
    }
  })

  it("have a row of each declared type in the question for their types", () => {
    const types = ["25", "21", "25", "23", "25", "0", "25", "21"]
    const declared = Array.from({ length: 800 }, (_, at) => types[at % 8] ?? "")
    const rows = declared.flatMap((_, at) => (at % 2 === 0 ? `($${at + 1}::text, $${at + 2}::int, ${at / 2})` : []))
    const short = shortStatement(statementOf(`insert into t values ${rows.join(", ")} returning $801::int`), [
      ...declared,
      "23"
    ])
    assert.strictEqual(
      short?.statement.sql,
      "insert into t values ($1::text, $2::int, 0), ($3::text, $4::int, 1), ($5::text, $6::int, 2) returning $7::int"
    )
    assert.deepStrictEqual(short?.types, ["25", "21", "25", "23", "25", "0", "23"])
    assert.strictEqual(short?.standsFor.length, 801)
    for (const [value, at] of short?.standsFor.entries() ?? []) {
      assert.strictEqual(short?.types[at], [...declared, "23"][value])
    }
  })
})
