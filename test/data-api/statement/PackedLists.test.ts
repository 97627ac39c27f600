/** Which lists are packed, and what replaces them. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { listJson, packLists } from "../../../src/data-api/statement/PackedLists.ts"
import { bare, castTo, fromNumbered, type Placement } from "../../../src/data-api/statement/Placeholders.ts"

/**
 * A value's placement by a type's name: `text` is a value without a cast, `strings` one that takes its place's type, `null` and `{}` take the others' type, and
 * what is in quotes is the type of a column, which a string takes.
 */
const placementOf = (type: string): Placement =>
  type === "text" || type === "strings" || type === "null"
    ? bare
    : type === "{}"
      ? { _tag: "Literal", text: "'{}'" }
      : castTo(type)

/** The packed statement, in whose lists `types` repeat. */
const packed = (sql: string, types: ReadonlyArray<string> = ["text"]) => {
  const template = fromNumbered(sql)
  if (Result.isFailure(template)) return assert.fail(template.failure)
  const typeOf = (value: number) => types[value % types.length] ?? ""
  return packLists(template.success, {
    placementOf: (value) => placementOf(typeOf(value)),
    takesType: (value) => typeOf(value) === "null" || typeOf(value) === "{}",
    takesTypeOfPlace: (value) => typeOf(value).includes('"') || typeOf(value) === "strings"
  })
}

const items = (column: string, name = "list1") =>
  `select ${column} from json_array_elements_text(:${name}::json) as alex_rows(r)`
const rows = (columns: ReadonlyArray<string>, name = "list1") =>
  `select ${columns.map((column, at) => `${column} as column${at + 1}`).join(", ")} from json_array_elements(:${name}::json) as alex_rows(r)`

describe("a packed list", () => {
  it("is a query in place of its elements", () => {
    assert.deepStrictEqual(packed("select -$1 where a in ($2, $3,\n$4) and b = $5", ["int4"]), {
      sql: `select -(:p1::int4) where a in (${items("r::int4")}) and b = (:p5::int4)`,
      lists: [{ name: "list1", elements: [[1], [2], [3]], rows: false }]
    })
    assert.deepStrictEqual(packed("insert into t (a, b) VALUES ($1, $2), ($3, $4) returning *", ["int4", "text"]), {
      sql: `insert into t (a, b) (${rows(["(r->>0)::int4", "(r->>1)"])}) returning *`,
      lists: [
        {
          name: "list1",
          elements: [
            [0, 1],
            [2, 3]
          ],
          rows: true
        }
      ]
    })
    assert.strictEqual(
      packed("select 1 where (a, b) not in ( ($1, $2), ($3, $4) ) and c")?.sql,
      `select 1 where (a, b) not in ( ${rows(["(r->>0)", "(r->>1)"])} ) and c`
    )
    assert.strictEqual(
      packed("select 1 where a in (\n  $1,\n  $2\n) and b")?.sql,
      `select 1 where a in (\n  ${items("r")}\n) and b`
    )
    assert.strictEqual(
      packed("select * from (values ($1), ($2)) as v(a) where a in ($3, $4)")?.sql,
      `select * from ((${rows(["(r->>0)"])})) as v(a) where a in (${items("r", "list2")})`
    )
  })

  it("takes its type from the values that have one", () => {
    for (const [types, column] of [
      [["int4", "null"], "(r->>0)::int4"],
      [["null", "timestamptz"], "(r->>0)::timestamptz"],
      [["{}", "int4[]"], "(r->>0)::int4[]"],
      [["{}", "text"], "(r->>0)"],
      [["null"], "null"],
      [["int4", "int8"], "(r->>0)::int8"],
      [["float8", "int4"], "(r->>0)::float8"],
      [["regclass"], "(r->>0)::oid::regclass"],
      [["int4", "text"], undefined],
      [["numeric", "int4"], undefined],
      [["{}"], undefined]
    ] as const) {
      const sql = column === undefined ? undefined : `insert into t (${rows([column])})`
      assert.strictEqual(packed("insert into t values ($1), ($2), ($3), ($4)", types)?.sql, sql, types.join())
    }
  })

  it("has whole numbers and fractions only where the database itself gives them one type", () => {
    const types = ["int8", "float8"]
    // INSERT stores each of them for itself: an int8 of more digits than a float8 would lose them.
    assert.isUndefined(packed("insert into t values ($1), ($2)", types))
    assert.isUndefined(packed("with x as (insert into t (values ($1), ($2)) returning a) select * from x", types))
    assert.strictEqual(
      packed("select 1 where a in ($1, $2)", types)?.sql,
      `select 1 where a in (${items("r::float8")})`
    )
    assert.strictEqual(
      packed("select * from (values ($1), ($2)) as v", types)?.sql,
      `select * from ((${rows(["(r->>0)::float8"])})) as v`
    )
  })

  it("casts each value to its own type, and then to its column's, where a column has several", () => {
    const numeric = '"pg_catalog"."numeric"'
    const mixed = packed("insert into t values ($1, $2), ($3, $4), ($5, $6)", [
      "int4",
      numeric,
      "int4",
      "float8",
      "int4",
      "null"
    ])
    assert.deepStrictEqual(mixed, {
      sql: `insert into t (${rows([
        "(r->>0)::int4",
        `case (r->>2) when '1' then (r->>1)::float8::${numeric} else (r->>1)::${numeric} end`
      ])})`,
      lists: [
        {
          name: "list1",
          elements: [
            [0, 1],
            [2, 3],
            [4, 5]
          ],
          rows: true,
          types: [[0, 1, 0]]
        }
      ]
    })
    assert.strictEqual(
      listJson(mixed?.lists[0] ?? assert.fail("no list"), (value) => (value === 5 ? null : `v${value}`)),
      '[["v0","v1",0],["v2","v3",1],["v4",null,0]]'
    )
    for (const [types, column] of [
      [
        ["strings", "int4", "bool"],
        "case (r->>1) when '1' then (r->>0)::int4::text when '2' then (r->>0)::bool::text else (r->>0) end"
      ],
      [
        ['"pg_catalog"."date"', "timestamptz"],
        `case (r->>1) when '1' then (r->>0)::timestamptz::"pg_catalog"."date" else (r->>0)::"pg_catalog"."date" end`
      ],
      [
        ['"pg_catalog"."_int8"', "int4[]"],
        `case (r->>1) when '1' then (r->>0)::int4[]::"pg_catalog"."_int8" else (r->>0)::"pg_catalog"."_int8" end`
      ],
      // The same type in another spelling.
      [['"pg_catalog"."timestamptz"', "timestamptz"], '(r->>0)::"pg_catalog"."timestamptz"'],
      [['"pg_catalog"."_int4"', "int4[]", "{}"], '(r->>0)::"pg_catalog"."_int4"'],
      // Casts that INSERT does not do.
      [['"pg_catalog"."bool"', "int4"], undefined],
      [['"pg_catalog"."int4"', "bool"], undefined],
      [['"pg_catalog"."_int4"', "int4"], undefined],
      [['"app"."text"', "int4"], undefined],
      [["numeric", "int4"], undefined]
    ] as const) {
      const sql = column === undefined ? undefined : `insert into t (${rows([column])})`
      assert.strictEqual(packed("insert into t values ($1), ($2), ($3)", types)?.sql, sql, types.join())
    }
    // VALUES has the common type: there is none of a text and a number, and a string is a number beside one.
    const values = (types: ReadonlyArray<string>) => packed("select * from (values ($1), ($2)) as v", types)?.sql
    assert.isUndefined(values(["strings", "int4"]))
    assert.isUndefined(values(['"pg_catalog"."jsonb"', "json"]))
    assert.strictEqual(
      values([numeric, "int4"]),
      `select * from ((${rows([`case (r->>1) when '1' then (r->>0)::int4::${numeric} else (r->>0)::${numeric} end`])})) as v`
    )
    // A subquery has the common type, which may be another one.
    assert.isUndefined(packed("select 1 where (a, b) in (($1, $2), ($3, $4))", ["int4", numeric, "int4", "int4"]))
    assert.isUndefined(packed("select 1 where a in ($1, $2)", [numeric, "int4"]))
  })

  it("of NULLs alone has no type that could be compared", () => {
    assert.isUndefined(packed("select 1 where a in ($1, $2)", ["null"]))
    assert.isUndefined(packed("select 1 where (a, b) in (($1, $2), ($3, $4))", ["int4", "null"]))
    assert.strictEqual(
      packed("select * from (values ($1), ($2)) as v", ["null"])?.sql,
      `select * from ((${rows(["null"])})) as v`
    )
  })
})

it("very many lists are packed in a time that grows as they do", () => {
  const lists = Array.from(
    { length: 16_000 },
    (_, at) => `(a, b) in (($${4 * at + 1}, $${4 * at + 2}), ($${4 * at + 3}, $${4 * at + 4}))`
  )
  assert.strictEqual(packed(`select 1 where ${lists.join(" or ")}`)?.lists.length, 16_000)
}, 20_000)

it("a list is left as it is if it has anything but values, each once", () => {
  for (const sql of [
    "select 1 where a in ($1, 2, $2)",
    "select 1 where a in ($1, $2, 3)",
    "select 1 where a in ($1, $2 /* and $3 */)",
    "select 1 where a in ($1, $2, $1)",
    "select 1 where a in ($1)",
    "select f($1, $2), array[$3, $4]",
    "insert into t values ($1, 1), ($2, 1)",
    "insert into t values ($1::int, $2), ($3::int, $4)",
    "insert into t values ($1, default), ($2, default)",
    "insert into t values ($1, $2), (1, 2)",
    "insert into t values ($1, $2), ($3, $4), (5, 6)",
    "insert into t values ($1, $2), ($3, $4)\n,(5, $5)",
    "insert into t values ($1, $2), ($3, $4) -- the last\n, (5, 6)",
    "insert into t values ($1, $2), ($3, $4) /* , */ , (default, $5)",
    "insert into t values ($1, $2), ($3, $4), (now(), $5)",
    "select 1 where (a, b) in (($1, $2), ($3, $4), (5, 6))",
    'select 1 where a in ($1) or "in"($2, $3)'
  ]) {
    assert.isUndefined(packed(sql), sql)
  }
})
