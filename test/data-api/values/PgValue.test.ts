import { PgTypes } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { BigDecimal, Result } from "effect"
import type { Field } from "../../../src/data-api/DataApi.ts"
import { isRead } from "../../../src/data-api/sql/ReadOnly.ts"
import {
  bare,
  castTo,
  fromNamed,
  fromNumbered,
  type Placement,
  render
} from "../../../src/data-api/statement/Placeholders.ts"
import * as PgValue from "../../../src/data-api/values/PgValue.ts"
import { columnOf } from "../columnOf.ts"

describe("parameters", () => {
  const cases: ReadonlyArray<readonly [string, unknown, PgValue.PgParameter]> = [
    [
      "a string has the type that PostgreSQL infers",
      "2026-01-01",
      { _tag: "Text", value: { stringValue: "2026-01-01" } }
    ],
    ["null has no type", null, { _tag: "Null", value: { isNull: true } }],
    ["undefined is null", undefined, { _tag: "Null", value: { isNull: true } }],
    ["a whole number is int4", -0, { _tag: "Typed", type: "int4", value: { longValue: 0 } }],
    ["a larger one int8", 2 ** 31, { _tag: "Typed", type: "int8", value: { longValue: 2 ** 31 } }],
    [
      "a bigint beyond 2^53 is text of int8",
      2n ** 53n,
      { _tag: "Typed", type: "int8", value: { stringValue: "9007199254740992" } }
    ],
    ["a fraction is float8", 0.1, { _tag: "Typed", type: "float8", value: { doubleValue: 0.1 } }],
    ["NaN is text of float8", Number.NaN, { _tag: "Typed", type: "float8", value: { stringValue: "NaN" } }],
    [
      "a date is timestamptz in UTC",
      new Date(0),
      { _tag: "Typed", type: "timestamptz", value: { stringValue: "1970-01-01 00:00:00.000+00" } }
    ],
    [
      "a decimal is numeric",
      BigDecimal.fromStringUnsafe("1.50"),
      { _tag: "Typed", type: "numeric", value: { stringValue: "1.50" } }
    ],
    ["an object is jsonb", { a: "x" }, { _tag: "Typed", type: "jsonb", value: { stringValue: '{"a":"x"}' } }],
    [
      "so has an array of strings, if it is one of arrays",
      ['a"b', null],
      { _tag: "TextArray", value: { stringValue: '{"a\\"b",NULL}' }, list: { stringValue: 'a"b,NULL' } }
    ],
    [
      "an array with a comma in an element is no list of texts",
      ["a,b", "c"],
      { _tag: "TextArray", value: { stringValue: '{"a,b","c"}' } }
    ],
    [
      "nor is one with the text NULL",
      PgTypes.array(["NULL"], PgTypes.OID.text).pipe(Result.getOrThrow),
      { _tag: "Typed", type: "text[]", value: { stringValue: '{"NULL"}' } }
    ],
    ["nor is one of an empty string", [""], { _tag: "TextArray", value: { stringValue: '{""}' } }],
    ["an empty array has no type to be seen", [], { _tag: "EmptyArray", value: { stringValue: "{}" } }],
    [
      "a typed parameter of sql-pg is of its type",
      PgTypes.uuid("a"),
      { _tag: "Typed", type: "uuid", value: { stringValue: "a" } }
    ],
    ["so is a typed NULL", PgTypes.int2(null), { _tag: "Typed", type: "int2", value: { isNull: true } }]
  ]
  for (const [what, value, expected] of cases) {
    it(what, () => assert.deepStrictEqual(PgValue.encode([value]), Result.succeed([expected])))
  }

  it("a decimal has as many digits as PostgreSQL's numeric, and one with more is refused", () => {
    const isSent = (scale: number) => Result.isSuccess(PgValue.encode([BigDecimal.make(7n, scale)]))
    for (const scale of [-131_072, -1, 0, 16_383]) assert.isTrue(isSent(scale), String(scale))
    for (const scale of [-131_073, 16_384]) assert.isFalse(isSent(scale), String(scale))
  })

  it("a value without a type is refused, and the refusal does not hold it", () => {
    const circular: Record<string, unknown> = { secret: "hunter2" }
    circular["self"] = circular
    for (const value of [new Map(), () => 1, Symbol("hunter2"), [1, "hunter2"], circular, { n: 1n }, "hunter2\u0000"]) {
      const encoded = PgValue.encode([value])
      assert.isTrue(Result.isFailure(encoded) && !encoded.failure.message.includes("hunter2"))
    }
  })
})

it("a value that is nested deeper than the stack is refused, wherever it is, or sent whole where the stack does not matter", () => {
  const nested = `${"[".repeat(200_000)}${"]".repeat(200_000)}`
  const value = { deep: JSON.parse(nested) }
  const text = `{"deep":${nested}}`
  // From Node 26 on JSON.stringify does not call itself for each level.
  const refusal = Result.try(() => JSON.stringify(value)).pipe(
    Result.match({ onFailure: () => "the value is nested too deep or is too long", onSuccess: () => undefined })
  )
  const message = (encoded: Result.Result<unknown, PgValue.PgValueError>) =>
    Result.isFailure(encoded) ? encoded.failure.message : undefined
  for (const encoded of [PgValue.encode([value]), PgValue.encode([[value]]), PgValue.encodeJson(value)]) {
    assert.strictEqual(message(encoded), refusal)
  }
  if (refusal === undefined) assert.isTrue(Result.getOrThrow(PgValue.encodeJson(value)) === text)
})

describe("results", () => {
  const read = (typeName: string, field: Field) =>
    Result.map(PgValue.decodeRows([columnOf(typeName)], [[field]]), (rows) => rows[0]?.["a"])

  it("forms that the service may use, and none of sql-pg's tests reach, read the same", () => {
    const cases: ReadonlyArray<readonly [string, Field, unknown]> = [
      ["int4", { stringValue: "7" }, 7],
      ["oid", { stringValue: "4294967295" }, 4294967295],
      ["int8", { longValue: 7 }, 7n],
      ["_int8", { arrayValue: { stringValues: ["9007199254740993"] } }, [9007199254740993n]],
      ["_text", { arrayValue: { arrayValues: [] } }, []],
      ["float4", { doubleValue: 3.14 }, Math.fround(3.14)],
      ["inet", { stringValue: "10.0.0.1/32" }, "10.0.0.1"],
      ["date", { stringValue: "0044-03-15 BC" }, "-0043-03-15"],
      ["timestamp", { stringValue: "0001-01-01 00:00:00 BC" }, new Date(-62_167_219_200_000)],
      ["timestamptz", { stringValue: "2026-01-02T03:04:05Z" }, new Date("2026-01-02T03:04:05Z")],
      ["text", { isNull: true }, null],
      ["mood", { stringValue: "sad" }, "sad"]
    ]
    for (const [typeName, field, expected] of cases) {
      assert.deepStrictEqual(read(typeName, field), Result.succeed(expected), typeName)
    }
  })

  it("an interval is months, days and microseconds, whichever of its parts are written", () => {
    const interval = (months: number, days: number, microseconds: bigint) => ({ months, days, microseconds })
    const cases: ReadonlyArray<readonly [string, object]> = [
      ["1 year", interval(12, 0, 0n)],
      ["-1 years -2 mons +3 days", interval(-14, 3, 0n)],
      ["2 mons", interval(2, 0, 0n)],
      ["-5 days", interval(0, -5, 0n)],
      ["00:00:00", interval(0, 0, 0n)],
      ["00:00:00.000001", interval(0, 0, 1n)],
      ["-00:00:01.5", interval(0, 0, -1_500_000n)],
      ["1 day -100:02:03", interval(0, 1, -360_123_000_000n)],
      ["1 year 2 mons -3 days +04:05:06.789", interval(14, -3, 14_706_789_000n)]
    ]
    for (const [text, expected] of cases) {
      assert.deepStrictEqual(read("interval", { stringValue: text }), Result.succeed(expected), text)
    }
    for (const text of ["", "@", "@ ", "P", "PT", "P1DT", "1", "-", "1 fortnight", "1-", "ago", "1 2", "day"]) {
      assert.isTrue(Result.isFailure(read("interval", { stringValue: text })), text)
    }
  })

  it("what can't be exact or is not understood is a failure", () => {
    const cases: ReadonlyArray<readonly [string, Field]> = [
      ["int8", { longValue: 2 ** 53 + 2 }],
      ["timestamp", { stringValue: "tomorrow" }],
      ["jsonb", { stringValue: "{" }],
      ["int4", { isNull: false }]
    ]
    for (const [typeName, field] of cases) assert.isTrue(Result.isFailure(read(typeName, field)), typeName)
  })
})

describe("placeholders", () => {
  const rendered = (sql: string, ...placements: ReadonlyArray<Placement>) =>
    Result.getOrElse(
      Result.map(fromNumbered(sql), (template) => render(template, placements)),
      (failure) => failure
    )

  it("each becomes the service's, with a cast where the type is known", () => {
    const int4 = castTo("int4")
    assert.strictEqual(rendered("select f($1, $2, $1)", int4, bare), "select f((:p1::int4), :p2, (:p1::int4))")
    assert.strictEqual(
      rendered("select $1[2], ($1).x, $1 [3]", castTo("int4[]")),
      "select (:p1::int4[])[2], ((:p1::int4[])).x, (:p1::int4[]) [3]"
    )
    assert.strictEqual(rendered("select '$1', a[$1:$2]", int4, int4), "select '$1', a[(:p1::int4) : (:p2::int4)]")
    assert.strictEqual(
      rendered("select $1[2]", { _tag: "List", type: "int4[]" }),
      "select (string_to_array(:p1, ',', 'NULL')::int4[])[2]"
    )
    assert.strictEqual(rendered("values ($1)", { _tag: "Literal", text: "'{}'" }), "values ('{}')")
  })

  it("a dollar quote is kept where the service can't misread it, and a string otherwise", () => {
    assert.strictEqual(rendered("do $$ begin end $$"), "do $$ begin end $$")
    assert.strictEqual(rendered("do $x$ it's :a $x$"), "do ' it''s :a '")
  })

  it("names stand for values, in slices and after keywords too", () => {
    const named = (sql: string, ...names: ReadonlyArray<string>) =>
      Result.getOrElse(
        Result.map(fromNamed(sql, names), (template) =>
          render(
            template,
            names.map(() => bare)
          )
        ),
        (failure) => failure
      )
    assert.strictEqual(named("select :a::uuid, x[:a], x[1:n]", "a"), "select :p1::uuid, x[:p1], x[1 : n]")
    assert.strictEqual(
      named("select array[case when :a then :b end]", "a", "b"),
      "select array[case when :p1 then :p2 end]"
    )
    assert.strictEqual(named("select :a", "a", "b"), "The statement has no placeholder :b.")
  })
})

describe("isRead", () => {
  for (const sql of [
    "select 1",
    "/* note */ (select count(*) from users where id in (1, 2))",
    "with t (a) as (select max(x) from u) select a::numeric(12, 2), coalesce(b, 0) from t as r (a, b)",
    "select share, updated_at, \"delete\", 'insert into t' from positions",
    "values (1)",
    "table users",
    "show server_version",
    "select pg_catalog.now()",
    "SELECT COUNT(*) FROM Users WHERE Id IN (1, 2)"
  ]) {
    it(`${sql} only reads`, () => assert.isTrue(isRead(sql)))
  }
  for (const sql of [
    "insert into t values (1)",
    "with x as (delete from t returning 1) select 1",
    "select * from t for update",
    "select * from t for share",
    "select * from t for no key update",
    "select * from t for key share",
    "select nextval('s')",
    "select pg_advisory_lock(1)",
    "select set_config('a', 'b', false)",
    "select mine.now()",
    "select 1, mine(2)",
    "SELECT NEXTVAL('s')",
    "WITH x AS (DELETE FROM t RETURNING 1) SELECT 1",
    'select "count"(x), "effect"(1)',
    "select * into t from u",
    "explain analyze delete from t",
    "call p()",
    "fetch forward 1 from c",
    ""
  ]) {
    it(`${JSON.stringify(sql)} may do more than read`, () => assert.isFalse(isRead(sql)))
  }
})

it("a Date is written to its millisecond, from the first moment of year 1 to the last of 9999, in any order", () => {
  const day = 86_400_000
  const moments = [
    "0001-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999Z",
    "1969-12-31T23:59:59.999Z",
    "1970-01-01T00:00:00Z"
  ]
    .concat("2000-02-29T12:34:56.007Z", "1900-02-28T23:59:59.999Z", "1900-03-01T00:00:00Z", "2026-10-25T01:02:03.040Z")
    .map((text) => Date.parse(text))
  const further = Array.from(
    { length: 2000 },
    (_, n) => Date.parse("0001-01-01T00:00:00Z") + n * (1826 * day + 3_723_004)
  )
  for (const moment of [...moments, ...moments.toReversed(), ...further]) {
    const text = new Date(moment).toISOString().replace("T", " ").replace("Z", "+00")
    const encoded = PgValue.encode([new Date(moment)])
    assert.deepStrictEqual(
      encoded,
      Result.succeed([{ _tag: "Typed" as const, type: "timestamptz", value: { stringValue: text } }])
    )
  }
})
