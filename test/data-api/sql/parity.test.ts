/** The same queries through this driver and through `@effect/sql-pg` on one PostgreSQL. */
import { PgClient, PgTypes } from "@effect/sql-pg"
import { assert, describe, layer } from "@effect/vitest"
import { Arbitrary, BigDecimal, Context, Effect, Layer, Result, Schema } from "effect"
import { SqlClient } from "effect/sql"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import { LocalDataApi } from "../../../src/local/index.ts"
import { freshDatabase, onPostgres, postgresUrl } from "../../TestDatabase.ts"

class Driver extends Context.Service<Driver, SqlClient.SqlClient>()("test/Driver") {}
class Native extends Context.Service<Native, SqlClient.SqlClient>()("test/Native") {}

const as = <I>(tag: Context.Key<I, SqlClient.SqlClient>, sql: Layer.Layer<SqlClient.SqlClient, unknown>) =>
  Layer.orDie(Layer.effect(tag, SqlClient.SqlClient).pipe(Layer.provide(sql)))

const both = Layer.unwrap(
  Effect.map(freshDatabase(postgresUrl ?? ""), (url) =>
    Layer.merge(
      as(Native, PgClient.layer({ url, maxConnections: 2 })),
      as(Driver, DataApiSql.layer().pipe(Layer.provide(LocalDataApi.layerPostgres({ url }))))
    )
  )
)

interface Type {
  /** As PostgreSQL names it. */
  readonly name: string
  /** The object id of a parameter of it; 0 where text takes its type from the context or a cast. */
  readonly oid: number
  readonly literals: ReadonlyArray<string>
  /** No arrays of it are read by both. */
  readonly scalarOnly?: true
}

const { OID } = PgTypes
const deep = `{"a":${"[".repeat(60)}1${"]".repeat(60)},"z":{"":null,"é😀":[1.5,-2e-7,true,"\\u001f\\"\\\\"]}}`
const types: ReadonlyArray<Type> = [
  { name: "bool", oid: OID.bool, literals: ["true", "false"] },
  { name: "int2", oid: OID.int2, literals: ["-32768", "0", "32767"] },
  { name: "int4", oid: OID.int4, literals: ["-2147483648", "0", "2147483647"] },
  {
    name: "int8",
    oid: OID.int8,
    literals: ["-9223372036854775808", "-9007199254740993", "0", "9007199254740993", "9223372036854775807"]
  },
  { name: "oid", oid: OID.oid, literals: ["0", "4294967295"] },
  {
    name: "float4",
    oid: OID.float4,
    literals: ["0", "3.14", "-1.17549e-38", "3.4e38", "0.1", "NaN", "Infinity", "-Infinity"]
  },
  {
    name: "float8",
    oid: OID.float8,
    literals: ["0", "0.1", "-5e-324", "1.7976931348623157e308", "1e21", "NaN", "Infinity", "-Infinity"]
  },
  {
    name: "numeric",
    oid: OID.numeric,
    literals: [
      "0",
      "0.00",
      "-0.000000000000000000001",
      "12345678901234567890123456789012345678",
      "1e40",
      "NaN",
      "100.50"
    ]
  },
  { name: "numeric(38,10)", oid: OID.numeric, literals: ["1", "-9999999999999999999999999999.9999999999"] },
  {
    name: "text",
    oid: OID.text,
    literals: ["", "a", "{1,2}", "NULL", " x ", "Zürich 😀 \u{10ffff} \\ \" ' :x $1 $$", "2026-01-01"]
  },
  { name: "varchar(40)", oid: OID.varchar, literals: ["", "😀x"] },
  { name: "bpchar(5)", oid: OID.bpchar, literals: ["ab", "abcde"] },
  { name: "name", oid: OID.name, literals: ["pg_class", "Ünï"] },
  {
    name: "uuid",
    oid: OID.uuid,
    literals: ["00000000-0000-0000-0000-000000000000", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"]
  },
  { name: "date", oid: OID.date, literals: ["2026-02-28", "0001-01-01", "9999-12-31", "1969-12-31"] },
  { name: "time", oid: OID.time, literals: ["00:00:00", "23:59:59.999999", "12:00:00.5"] },
  {
    name: "timestamp",
    oid: OID.timestamp,
    literals: [
      "2026-01-02 03:04:05",
      "2026-01-02 03:04:05.678",
      "2026-01-02 03:04:05.678901",
      "1999-12-31 23:59:59.999999",
      "1969-12-31 23:59:59.000001",
      "0001-01-01 00:00:00",
      "9999-12-31 23:59:59.999"
    ]
  },
  {
    name: "timestamptz",
    oid: OID.timestamptz,
    literals: [
      "2026-01-02 03:04:05.678901+05:45",
      "1969-07-20 20:17:40.000001Z",
      "9999-12-31 23:59:59.999999+00",
      "0099-01-01Z"
    ]
  },
  { name: "json", oid: OID.json, literals: ["null", '"{}"', '{"b": 1, "a": [ ]}', deep, "12345678901234567890"] },
  { name: "jsonb", oid: OID.jsonb, literals: ["null", '"text"', "[]", "{}", deep, "1.50"] },
  { name: "bytea", oid: OID.bytea, literals: ["\\x", "\\x00ff7f80", `\\x${"a5".repeat(5000)}`], scalarOnly: true },
  {
    name: "inet",
    oid: OID.inet,
    literals: [
      "10.0.0.1",
      "10.1.2.3/8",
      "::1",
      "2001:db8::ff00:42:8329/64",
      "::ffff:1.2.3.4",
      "::ffff:0:0",
      "::1.2.3.4",
      "::0.2.0.3/120",
      "64:ff9b::1.2.3.4",
      "1:0:0:2::3"
    ]
  },
  { name: "cidr", oid: OID.cidr, literals: ["10.0.0.0/8", "192.168.1.1/32", "2001:db8::/32", "::/0", "::1.2.0.0/112"] },
  // sql-pg hands arrays of types that it does not know over as bytes.
  { name: "mood", oid: 0, literals: ["sad", "very happy"], scalarOnly: true },
  { name: "positive", oid: OID.int4, literals: ["1", "2147483647"], scalarOnly: true }
]

/** What the service can't return. */
const unsupported: ReadonlyArray<readonly [type: string, literal: string]> = [
  ["interval", "1 day 02:03:04"],
  ["timetz", "12:00:00+02"],
  ["money", "12.50"],
  ['"char"', "x"],
  ["xml", "<a/>"],
  ["macaddr", "08:00:2b:01:02:03"],
  ["tsvector", "a b"],
  ["tsquery", "a & b"],
  ["point", "(1,2)"],
  ["line", "{1,2,3}"],
  ["lseg", "[(1,2),(3,4)]"],
  ["box", "(3,4),(1,2)"],
  ["path", "[(1,2)]"],
  ["polygon", "((1,2),(3,4))"],
  ["circle", "<(1,2),3>"],
  ["regclass", "pg_class"],
  ["regtype", "int4"],
  ["daterange", "[2026-01-01,2026-02-01)"],
  ["tsrange", "[2026-01-01,2026-02-01)"],
  ["bytea[]", '{"\\\\x00"}'],
  ["interval[]", "{1 day,NULL}"],
  ["timetz[]", "{12:00:00.5-03:30}"],
  ["pg_lsn", "0/16B3748"]
]

const decodedByBoth = new Set(["interval", "timetz", "regclass", "bytea[]", "interval[]", "timetz[]"])

const parameter = (oid: number) => (value: unknown) => ({
  [PgTypes.ParameterTypeId]: PgTypes.ParameterTypeId,
  oid,
  value
})

const quote = (literal: string) => `'${literal.replaceAll("'", "''")}'`
const setUp = [
  "create type mood as enum ('sad', 'very happy')",
  "create domain positive as int4 check (value > 0)",
  "create table serials (a smallserial, b serial, c bigserial)",
  "insert into serials default values"
]

/** A string that PostgreSQL can hold. */
const Text = Schema.String.check(
  Schema.makeFilter((text: string) => (text.isWellFormed() && !text.includes("\u0000")) || "not a text of PostgreSQL")
)
const Int32 = Schema.Int.check(Schema.isBetween({ minimum: -2147483648, maximum: 2147483647 }))
const Int64 = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: -(2n ** 63n), maximum: 2n ** 63n - 1n }))
const Values = Schema.Struct({
  text: Text,
  int: Schema.Int,
  float: Schema.Finite,
  bool: Schema.Boolean,
  big: Int64,
  millis: Schema.Int.check(Schema.isBetween({ minimum: -8_000_000_000_000, maximum: 9_000_000_000_000 })),
  bytes: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))),
  doc: Schema.Record(Text, Schema.Array(Schema.NullOr(Text))),
  ints: Schema.Array(Int32),
  texts: Schema.Array(Schema.NullOr(Text)),
  bigs: Schema.NonEmptyArray(Int64),
  scaled: Schema.Struct({
    value: Schema.BigInt,
    scale: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 }))
  })
})

describe.skipIf(postgresUrl === undefined)(onPostgres("parity with @effect/sql-pg"), () => {
  layer(both, { timeout: "60 seconds" })((it) => {
    it.effect("set up", () =>
      Effect.gen(function* () {
        const native = yield* Native
        for (const statement of setUp) yield* native.unsafe(statement)
        const arrays = types.filter((type) => type.scalarOnly !== true).length
        process.stdout.write(`parity: ${types.length} types, ${arrays} array types, ${unsupported.length} exceptions\n`)
      })
    )

    for (const type of types) {
      const array = `${type.name}[]`
      const elements = `{NULL,${type.literals.map((literal) => `"${literal.replace(/["\\]/g, "\\$&")}"`).join(",")}}`

      it.effect(`${type.name} reads the same, scalar and NULL${type.scalarOnly ? "" : ", and as an array"}`, () =>
        Effect.gen(function* () {
          const driver = yield* Driver
          const native = yield* Native
          const scalars = type.literals.map((literal, index) => `${quote(literal)}::${type.name} as v${index}`)
          const arrays = type.scalarOnly
            ? []
            : [`${quote(elements)}::${array} as a`, `'{}'::${array} as empty`, `null::${array} as none`]
          const query = `select ${[...scalars, `null::${type.name} as nothing`, ...arrays].join(", ")}`
          const expected = yield* native.unsafe(query)
          assert.deepStrictEqual(yield* driver.unsafe(query), expected)
          assert.deepStrictEqual(yield* driver.unsafe(query).values, yield* native.unsafe(query).values)
        })
      )

      it.effect(`${type.name} written by either is read the same by the other`, () =>
        Effect.gen(function* () {
          const driver = yield* Driver
          const native = yield* Native
          const table = `t_${type.name.replace(/\W/g, "_")}`
          yield* native.unsafe(`create table ${table} (id int, v ${type.name}${type.scalarOnly ? "" : `, a ${array}`})`)
          const read = `select * from ${table} where id = $1`
          yield* native.unsafe(
            `insert into ${table} (id, v${type.scalarOnly ? "" : ", a"}) values ${type.literals
              .map((literal) => `(0, ${quote(literal)}${type.scalarOnly ? "" : `, ${quote(elements)}`})`)
              .join(", ")}, (0, null${type.scalarOnly ? "" : ", null"})`
          )
          const rows = yield* native.unsafe<Record<string, unknown>>(read, [0])
          const arrayOid = PgTypes.arrayOidFor(type.oid)
          const write = Effect.fnUntraced(function* (sql: SqlClient.SqlClient, id: number) {
            for (const row of rows) {
              if (type.scalarOnly === true || arrayOid === undefined) {
                yield* sql.unsafe(`insert into ${table} (id, v) values ($1, $2)`, [id, parameter(type.oid)(row["v"])])
              } else {
                yield* sql.unsafe(`insert into ${table} (id, v, a) values ($1, $2, $3)`, [
                  id,
                  parameter(type.oid)(row["v"]),
                  parameter(arrayOid)(row["a"])
                ])
              }
            }
          })
          yield* write(driver, 1)
          yield* write(native, 2)
          for (const sql of [driver, native]) {
            const [one, two] = [
              yield* sql.unsafe<Record<string, unknown>>(read, [1]),
              yield* sql.unsafe<Record<string, unknown>>(read, [2])
            ]
            assert.deepStrictEqual(
              one.map(({ id: _, ...values }) => values),
              two.map(({ id: _, ...values }) => values)
            )
          }
          // Beyond 2^53 microseconds from 2000 sql-pg writes some microseconds more than a Date has.
          const value = type.name.startsWith("timestamp") ? "date_trunc('milliseconds', v)" : "v"
          const text = (id: number) =>
            native.unsafe(`select ${value}::text from ${table} where id = ${id} and v is not null`)
          assert.deepStrictEqual(yield* text(1), yield* text(2))
        })
      )
    }

    it.effect("columns of serial types and columns of one label read the same", () =>
      Effect.gen(function* () {
        const driver = yield* Driver
        const native = yield* Native
        for (const query of [
          "select * from serials",
          "select 1 as a, 'x' as a, 3 as b",
          "select 1, 2, count(*) from serials",
          'select 1 as "__proto__", 2 as "constructor"',
          "select from serials",
          "select 1 where false",
          "show server_version"
        ]) {
          const found = yield* driver.unsafe(query)
          const expected = yield* native.unsafe(query)
          assert.deepStrictEqual(found.map(Object.entries), expected.map(Object.entries), query)
        }
      })
    )

    for (const [type, literal] of unsupported) {
      it.effect(`${literal} of ${type}, which the Data API does not return, comes back`, () =>
        Effect.gen(function* () {
          const driver = yield* Driver
          const native = yield* Native
          const query = `select ${quote(literal)}::${type} as v, 1 as one`
          // What sql-pg has no codec for it hands over as the bytes of its binary form.
          const expected = decodedByBoth.has(type) ? query : `select (${quote(literal)}::${type})::text as v, 1 as one`
          for (const _ of ["first", "later"]) {
            assert.deepStrictEqual(yield* driver.unsafe(query), yield* native.unsafe(expected))
          }
          assert.deepStrictEqual(yield* driver.withTransaction(driver.unsafe(query)), yield* native.unsafe(expected))
          assert.deepStrictEqual(yield* driver.unsafe(query).values, yield* native.unsafe(expected).values)
        })
      )
    }

    it.effect("an array of arrays can't be returned, and says so", () =>
      Effect.gen(function* () {
        const driver = yield* Driver
        const error = yield* Effect.flip(driver.unsafe("select '{{1,2},{3,4}}'::int4[] as v"))
        assert.match(error.message, /multidimensional/)
      })
    )

    it.effect("columns that were added since come back as well", () =>
      Effect.gen(function* () {
        const driver = yield* Driver
        yield* driver`create table growing (a interval)`
        yield* driver`insert into growing values ('1 day')`
        const day = { months: 0, days: 1, microseconds: 0n }
        assert.deepStrictEqual(yield* driver`select * from growing`, [{ a: day }])
        yield* driver`alter table growing add b int default 7`
        assert.deepStrictEqual(yield* driver`select * from growing`, [{ a: day, b: 7 }])
        yield* driver`alter table growing drop a`
        assert.deepStrictEqual(yield* driver`select * from growing`, [{ b: 7 }])
      })
    )

    it.effect("a value of JavaScript is the same parameter", () =>
      Effect.gen(function* () {
        const driver = yield* Driver
        const native = yield* Native
        const values: ReadonlyArray<unknown> = [
          true,
          0,
          -0,
          2147483647,
          2147483648,
          -9007199254740991,
          1e21,
          0.1,
          Number.NaN,
          Number.NEGATIVE_INFINITY,
          5n,
          -(2n ** 63n),
          new Date("2026-01-02T03:04:05.678Z"),
          new Date("0001-01-01T00:00:00Z"),
          new Date(-62_135_596_800_001),
          new Date(253_402_300_800_000),
          new Uint8Array([0, 128, 255]),
          new Int8Array([-1, 0, 1]),
          [1, null, 3],
          [1.5, Number.NaN],
          [2n ** 62n],
          [true, false, null],
          [new Date(0), null],
          [new Uint8Array([1, 92, 34]), new Uint8Array()],
          PgTypes.uuid("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
          PgTypes.numeric("-12.3400"),
          PgTypes.time(86_399_999_999n),
          PgTypes.timestamp(new Date("1999-12-31T23:59:59.999Z")),
          PgTypes.timestamptz(946_684_799_999.5),
          PgTypes.date("-0043-03-15"),
          PgTypes.date("0000-12-31"),
          PgTypes.jsonb({ a: ["{", null] }),
          PgTypes.jsonb("text"),
          PgTypes.json([1]),
          PgTypes.int8(null),
          PgTypes.inet("10.0.0.1/8"),
          PgTypes.float4(0.1)
        ]
        for (const value of values) {
          const query = "select pg_typeof($1)::text as type, ($1)::text as text"
          // What a Date of year 0 or 10000 looks like as text, both say the same.
          assert.deepStrictEqual(
            yield* driver.unsafe(query, [value]),
            yield* native.unsafe(query, [value]),
            String(value)
          )
        }
        const interval = PgTypes.interval({ months: -14, days: 3, microseconds: -90_061_000_001n })
        const query = "select $1::text as v, pg_typeof($1)::text as type"
        assert.deepStrictEqual(yield* driver.unsafe(query, [interval]), yield* native.unsafe(query, [interval]))
        const array = Result.getOrThrow(PgTypes.array(["1.10", null], OID.numeric))
        assert.deepStrictEqual(yield* driver.unsafe(query, [array]), yield* native.unsafe(query, [array]))
      })
    )

    it.effect("an empty array takes its type from the statement", () =>
      Effect.gen(function* () {
        for (const sql of [yield* Driver, yield* Native]) {
          const rows = yield* sql.unsafe("select 1 = any($1) as a, $2::text[] as b, cardinality($3::int8[]) as c", [
            [],
            [],
            []
          ])
          assert.deepStrictEqual(rows, [{ a: false, b: [], c: 0 }])
        }
      })
    )

    it.effect("what sql-pg refuses, this driver refuses before sending", () =>
      Effect.gen(function* () {
        // `undefined` is NULL only as a value without a type.
        const unset = [OID.int4, OID.text, OID.jsonb, OID.bytea, OID.int4Array].map((oid) => parameter(oid)(undefined))
        for (const sql of [yield* Driver, yield* Native]) {
          for (const value of [
            [1, "a"],
            [[1], [2]],
            [null],
            Symbol("x"),
            new Map(),
            new Date(Number.NaN),
            2n ** 63n,
            ...unset
          ]) {
            const error = yield* Effect.flip(sql.unsafe("select $1", [value]))
            assert.strictEqual(error._tag, "SqlError", String(value))
          }
        }
      })
    )

    it.effect("a BigDecimal is numeric with its scale, a plain object jsonb", () =>
      Effect.gen(function* () {
        const driver = yield* Driver
        const rows = yield* driver`select ${BigDecimal.fromStringUnsafe("-0.0500")} as small,
          ${BigDecimal.make(12n, -3)} as large, ${{ a: [1] }} as doc, pg_typeof(${{}})::text as type`
        assert.deepStrictEqual(rows, [{ small: "-0.0500", large: "12000", doc: { a: [1] }, type: "jsonb" }])
      })
    )

    it.effect("a Date is exact to the millisecond in any year, also where sql-pg rounds", () =>
      Effect.gen(function* () {
        const driver = yield* Driver
        for (const millis of [250_000_000_000_973, 253_402_300_799_999, -62_135_596_799_999, -1, 0]) {
          const at = new Date(millis)
          assert.deepStrictEqual(yield* driver`select ${at} as at`, [{ at }])
        }
      })
    )

    it.effect("any values come back the same from both", () =>
      Effect.gen(function* () {
        const driver = yield* Driver
        const native = yield* Native
        const check = yield* Arbitrary.checkEffect(
          Arbitrary.schema(Values),
          Effect.fnUntraced(function* ({ big, bigs, bool, bytes, doc, float, int, ints, millis, scaled, text, texts }) {
            const decimal = BigDecimal.make(scaled.value, scaled.scale)
            // sql-pg takes a decimal as text only.
            const digits = `${scaled.value}e-${scaled.scale}`
            const statement = (
              sql: SqlClient.SqlClient,
              exact: unknown
            ) => sql`select ${text}::text as text, ${int} as int,
              ${float} as float, ${bool} as bool, ${big} as big, ${new Date(millis)} as at, ${Uint8Array.from(bytes)} as bytes,
              ${PgTypes.jsonb(doc)} as doc, ${[...ints]}::int4[] as ints, ${["", ...texts]} as texts, ${[...bigs]} as bigs,
              ${exact} as decimal`
            const found = yield* statement(driver, decimal)
            const [expected] = yield* statement(native, PgTypes.numeric(digits))
            // V8 may read a key with an escape as another one, and sql-pg has JSON read by it (see SoundJson.ts).
            assert.deepStrictEqual(found, [{ ...expected, doc }])
            return true
          }),
          { runs: 150 }
        )
        assert.strictEqual(check._tag, "Passed", Arbitrary.formatCheckFailure(check) ?? check._tag)
      })
    )
  })
})
