/** What every engine of the local Data API promises: the same suite on PGlite and on a PostgreSQL server. */
import { assert, describe, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { DataApi, Field } from "../../../src/data-api/DataApi.ts"
import type { DataApiError } from "../../../src/data-api/DataApiError.ts"
import {
  batch,
  begin,
  blob,
  bool,
  commit,
  double,
  execute,
  failure,
  field,
  long,
  query,
  refused,
  rollback,
  scalar,
  sqlNull,
  text
} from "../calls.ts"

const uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
const string = (stringValue: string): Field => ({ stringValue })
const strings = (...stringValues: ReadonlyArray<string | null>): Field => ({ arrayValue: { stringValues } })
const nothing: Field = { isNull: true }

/**
 * @param isRemote A client stands between, which has of a refusal its message alone, and adds words where there are none.
 */
export const contract = <E>(engine: string, database: Layer.Layer<DataApi, E>, isRemote = false): void =>
  layer(database, { timeout: "60 seconds" })(engine, (it) => {
    describe("parameters", () => {
      it.effect("a string is text, a long int8, a double float8, a boolean bool and a blob bytea", () =>
        Effect.gen(function* () {
          const types =
            "select pg_typeof(:s)::text, pg_typeof(:l)::text, pg_typeof(:d)::text, pg_typeof(:b)::text, pg_typeof(:x)::text"
          const [record] = yield* query(types, { s: text("a"), l: long(1), d: double(1), b: bool(true), x: blob(1) })
          assert.deepStrictEqual(record, ["text", "bigint", "double precision", "boolean", "bytea"].map(string))
        })
      )
      it.effect("values arrive exactly", () =>
        Effect.gen(function* () {
          const [record] = yield* query("select :s, :big, :d, :b, :x, :n::int", {
            s: text("Zürich ☕ 'quoted' \\ :x"),
            big: long(9_223_372_036_854_775_807n),
            d: double(0.1 + 0.2),
            b: bool(false),
            x: blob(0, 255, 10),
            n: sqlNull
          })
          assert.deepStrictEqual(record, [
            string("Zürich ☕ 'quoted' \\ :x"),
            { longValue: 9_223_372_036_854_775_807n },
            { doubleValue: 0.1 + 0.2 },
            { booleanValue: false },
            { blobValue: Uint8Array.of(0, 255, 10) },
            nothing
          ])
        })
      )
      it.effect("a hint declares the type of a string: JSON is jsonb and TIMESTAMP has no zone", () =>
        Effect.gen(function* () {
          const names = ["a", "b", "c", "d", "e", "f"].map((name) => `pg_typeof(:${name})::text`).join(", ")
          const [record] = yield* query(`select ${names}`, {
            a: text("2024-02-29", "DATE"),
            b: text("10:00:00.5", "TIME"),
            c: text("2024-02-29 10:00:00.123456", "TIMESTAMP"),
            d: text("1.50", "DECIMAL"),
            e: text(uuid, "UUID"),
            f: text('{"a": 1}', "JSON")
          })
          assert.deepStrictEqual(
            record,
            ["date", "time without time zone", "timestamp without time zone", "numeric", "uuid", "jsonb"].map(string)
          )
        })
      )
      it.effect("a TIMESTAMP with a T or a zone can't be parsed", () =>
        Effect.gen(function* () {
          for (const wrong of ["2024-01-01T10:00:00", "2024-01-01 10:00:00Z", "2024-01-01 10:00:00+02", "yesterday"]) {
            assert.deepStrictEqual(yield* refused("select :t", { t: text(wrong, "TIMESTAMP") }), [
              "BadRequest",
              `Cannot parse date or time "${wrong}"`
            ])
          }
        })
      )
      it.effect("text does not turn into another type without a cast", () =>
        Effect.gen(function* () {
          yield* execute("create table casts (u uuid, n int, d date, j jsonb, m numeric)")
          for (const [column, type] of Object.entries({
            u: "uuid",
            n: "integer",
            d: "date",
            j: "jsonb",
            m: "numeric"
          })) {
            const [tag, message] = yield* refused(`insert into casts (${column}) values (:v)`, { v: text("1") })
            assert.strictEqual(tag, "DatabaseError")
            assert.match(
              message,
              new RegExp(
                `^ERROR: column "${column}" is of type ${type} but expression is of type text; Hint: You will need to rewrite or cast the expression.; Position: 31; SQLState: 42804$`
              )
            )
          }
          assert.deepStrictEqual(yield* refused("select 1 from casts where u = :v", { v: text(uuid) }), [
            "DatabaseError",
            "ERROR: operator does not exist: uuid = text; Hint: No operator matches the given name and argument types. You might need to add explicit type casts.; Position: 29; SQLState: 42883"
          ])
          yield* execute("insert into casts (u, j) values (:u::uuid, CAST(:j AS jsonb))", {
            u: text(uuid),
            j: text("[1]")
          })
          assert.deepStrictEqual(yield* query("select u, j from casts"), [[string(uuid), string("[1]")]])
        })
      )
      it.effect("a long goes into any integer column and is refused when out of its range", () =>
        Effect.gen(function* () {
          yield* execute("create table longs (a int2, b int4)")
          yield* execute("insert into longs values (:a, :b)", { a: long(1), b: long(2) })
          assert.deepStrictEqual(yield* refused("insert into longs (b) values (:b)", { b: long(2 ** 40) }), [
            "DatabaseError",
            "ERROR: integer out of range; SQLState: 22003"
          ])
          assert.deepStrictEqual(
            yield* query("select a, b from longs where b = :b limit :n", { b: long(2), n: long(1) }),
            [[{ longValue: 1 }, { longValue: 2 }]]
          )
        })
      )
      it.effect("NULL is untyped and goes into columns of any type, each occurrence on its own", () =>
        Effect.gen(function* () {
          yield* execute("create table nulls (a int, b int[], c text)")
          yield* execute("insert into nulls values (:n, :n, :n)", { n: sqlNull })
          assert.deepStrictEqual(yield* query("select * from nulls"), [[nothing, nothing, nothing]])
        })
      )
      it.effect("arrays are passed as literals with a cast", () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* scalar("select :a::int[]", { a: text("{1,2}") }), {
            arrayValue: { longValues: [1, 2] }
          })
        })
      )
      it.effect("an array, an empty value, two members or isNull false are refused before anything runs", () =>
        Effect.gen(function* () {
          const wrong: ReadonlyArray<Field> = [
            { arrayValue: { longValues: [1] } },
            { isNull: false },
            { ...nothing, ...string("x") },
            JSON.parse("{}")
          ]
          for (const value of wrong) {
            const [tag] = yield* refused("select :v", { v: field(value) })
            assert.strictEqual(tag, "Validation")
          }
        })
      )
      it.effect("positional placeholders and missing names are refused by the server", () =>
        Effect.gen(function* () {
          const commented = [
            "/* a client's */ select $1::int",
            "-- a client's\n\n  /**/ select $1::int",
            "(select $1::int)"
          ]
          for (const sql of ["select $1::int", "select :a::int, :b::int", ...commented]) {
            const [, message] = yield* refused(sql, { a: long(1) })
            assert.match(
              message,
              /^ERROR: bind message supplies [01] parameters, but prepared statement "sqlx_s_\d+" requires [12]; SQLState: 08P01$/
            )
          }
        })
      )
    })

    describe("results", () => {
      it.effect("each scalar type has its field", () =>
        Effect.gen(function* () {
          const expected: ReadonlyArray<readonly [string, Field]> = [
            ["true", { booleanValue: true }],
            ["5::int2", { longValue: 5 }],
            ["-5::int4", { longValue: -5 }],
            ["count(*)", { longValue: 1 }],
            ["9007199254740991", { longValue: 9_007_199_254_740_991 }],
            ["9007199254740993", { longValue: 9_007_199_254_740_993n }],
            ["4294967295::oid", { longValue: 4_294_967_295 }],
            ["3.14::float4", { doubleValue: 3.14 }],
            ["1e-45::float4", { doubleValue: 1e-45 }],
            ["16777216::float4", { doubleValue: 16_777_216 }],
            ["0.1::float8", { doubleValue: 0.1 }],
            ["'NaN'::float8", { doubleValue: Number.NaN }],
            ["123456.7890::numeric(10,4)", string("123456.7890")],
            ["0.00001::numeric", string("0.00001")],
            ["-12345678901234567890.000100::numeric", string("-12345678901234567890.000100")],
            ["1e20::numeric", string("100000000000000000000")],
            ["0::numeric", string("0")],
            ["0.00::numeric(5,2)", string("0.00")],
            ["'NaN'::numeric", string("NaN")],
            ["'a'::char(3)", string("a  ")],
            ["'é'::varchar", string("é")],
            ["'x'::name", string("x")],
            [`'${uuid.toUpperCase()}'::uuid`, string(uuid)],
            ["date '2024-02-29'", string("2024-02-29")],
            ["date '1999-12-31'", string("1999-12-31")],
            ["date '0001-01-01'", string("0001-01-01")],
            ["date '9999-12-31'", string("9999-12-31")],
            ["date '12345-06-07'", string("12345-06-07")],
            ["timestamp '0044-03-15 01:02:03.5 BC'", string("0044-03-15 01:02:03.500 BC")],
            ["time '10:20:30'", string("10:20:30")],
            ["time '10:20:30.5'", string("10:20:30.500")],
            ["timestamp '2024-01-02 03:04:05'", string("2024-01-02 03:04:05")],
            ["timestamp '1969-12-31 23:59:59.999999'", string("1969-12-31 23:59:59.999999")],
            ["timestamp '2024-01-02 03:04:05.8'", string("2024-01-02 03:04:05.800")],
            ["timestamp '2024-01-02 03:04:05.8551'", string("2024-01-02 03:04:05.855100")],
            ["timestamp '9999-12-31 23:59:59.999999'", string("9999-12-31 23:59:59.999999")],
            ["timestamptz '2024-01-02 03:04:05+02'", string("2024-01-02 01:04:05")],
            ['\'{"b": 1, "a": [true]}\'::json', string('{"b":1,"a":[true]}')],
            ['\'{"b":1,"a":[true]}\'::jsonb', string('{"a":[true],"b":1}')],
            ['\'[ "a \\" : b", 1.50 ,\n{} ]\'::json', string('["a \\" : b",1.50,{}]')],
            ["'\\x00ff'::bytea", { blobValue: Uint8Array.of(0, 255) }],
            ["inet '10.1.2.3/24'", string("10.1.2.3/24")],
            ["inet '10.1.2.3'", string("10.1.2.3")],
            ["cidr '10.1.0.0/16'", string("10.1.0.0/16")],
            ["inet '2001:db8:0:0:1:0:0:1'", string("2001:db8::1:0:0:1")],
            ["inet '::1'", string("::1")],
            ["inet '::ffff:1.2.3.4/96'", string("::ffff:1.2.3.4/96")],
            ["b'1011'", string("1011")],
            ["int4range(1, 5)", string("[1,5)")],
            ["numrange(1.5, null)", string("[1.5,)")],
            ["null::interval", nothing],
            ["null::int", nothing]
          ]
          const [record = []] = yield* query(`select ${expected.map(([sql]) => sql).join(", ")}`)
          for (const [index, [sql, value]] of expected.entries()) assert.deepStrictEqual(record[index], value, sql)
        })
      )
      it.effect("the session's settings can't change how a value looks", () =>
        Effect.gen(function* () {
          const transactionId = yield* begin
          for (const setting of [
            "TimeZone = 'Asia/Tokyo'",
            "DateStyle = 'German'",
            "bytea_output = 'escape'",
            "extra_float_digits = -3"
          ]) {
            yield* execute(`set local ${setting}`, {}, { transactionId })
          }
          const [record] = yield* query(
            "select timestamptz '2024-01-02 03:04:05+00', date '2024-01-02', '\\x01'::bytea, 0.1::float8 + 0.2",
            {},
            { transactionId }
          )
          yield* rollback(transactionId)
          assert.deepStrictEqual(record, [
            string("2024-01-02 03:04:05"),
            string("2024-01-02"),
            { blobValue: Uint8Array.of(1) },
            { doubleValue: 0.1 + 0.2 }
          ])
        })
      )
      it.effect("numbers come back as text or as numbers, as asked for", () =>
        Effect.gen(function* () {
          const sql =
            "select 9007199254740993, 5::int4, 10::numeric, 2.50::numeric, '{1,2.5}'::numeric[], '{1,2}'::numeric[]"
          const [asText] = yield* query(sql, {}, { resultSetOptions: { longReturnType: "STRING" } })
          assert.deepStrictEqual(asText, [
            string("9007199254740993"),
            { longValue: 5 },
            string("10"),
            string("2.50"),
            strings("1", "2.5"),
            strings("1", "2")
          ])
          const [asNumbers] = yield* query(sql, {}, { resultSetOptions: { decimalReturnType: "DOUBLE_OR_LONG" } })
          assert.deepStrictEqual(asNumbers?.slice(2), [
            { longValue: 10 },
            { doubleValue: 2.5 },
            { arrayValue: { doubleValues: [1, 2.5] } },
            { arrayValue: { longValues: [1, 2] } }
          ])
        })
      )
      it.effect("arrays have one dimension and keep NULL elements", () =>
        Effect.gen(function* () {
          const expected: ReadonlyArray<readonly [string, Field]> = [
            ["'{1,NULL,3}'::int[]", { arrayValue: { longValues: [1, null, 3] } }],
            ["'{3.14,2.71}'::float4[]", { arrayValue: { doubleValues: [3.14, 2.71] } }],
            ["'{t,f}'::bool[]", { arrayValue: { booleanValues: [true, false] } }],
            ["array['a,b', '\"', null]", strings("a,b", '"', null)],
            [`array['${uuid}'::uuid]`, strings(uuid)],
            ["array[date '2024-01-01']", strings("2024-01-01")],
            ["array[timestamptz '2024-01-01 00:00:00.5+01']", strings("2023-12-31 23:00:00.500")],
            ["array[1.50]", strings("1.50")],
            ["array['{\"a\": 1}'::jsonb]", strings('{"a":1}')],
            ["'{}'::int[]", { arrayValue: { longValues: [] } }],
            ["'{}'::text[]", strings()],
            ["null::int[]", nothing]
          ]
          const [record = []] = yield* query(`select ${expected.map(([sql]) => sql).join(", ")}`)
          for (const [index, [sql, value]] of expected.entries()) assert.deepStrictEqual(record[index], value, sql)
        })
      )
      it.effect("an array of more dimensions can't be returned", () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* refused("select '{{1,2},{3,4}}'::int[]"), [
            "UnsupportedResult",
            "The result contains a multidimensional array."
          ])
        })
      )
      it.effect("unsupported types are named as the service's driver names them", () =>
        Effect.gen(function* () {
          const expected = {
            "'x'::\"char\"": '"CHAR"',
            "interval '1 day'": "INTERVAL",
            "'10:00+01'::timetz": "TIMETZ",
            "1::money": "MONEY",
            "point(1, 2)": "POINT",
            "'08:00:2b:01:02:03'::macaddr": "MACADDR",
            "daterange(null, null)": "DATERANGE",
            "tsrange(null, null)": "TSRANGE",
            "'a'::tsvector": "tsvector",
            "'pg_class'::regclass": "regclass",
            "'int4'::regtype": "regtype",
            "array['int4'::regtype]": "regtype[]",
            "array[interval '1 day']": "INTERVAL[]",
            "array['\\x01'::bytea]": "BYTEA[]",
            "row(1, 2)": "RECORD"
          }
          for (const [sql, name] of Object.entries(expected)) {
            assert.deepStrictEqual(
              yield* refused(`select ${sql}`),
              ["UnsupportedResult", `The result contains the unsupported data type ${name}.`],
              sql
            )
          }
        })
      )
      it.effect("types made by users: an enum is its label, a domain its base type, a composite unsupported", () =>
        Effect.gen(function* () {
          yield* execute("create type mood as enum ('happy', 'sad')")
          yield* execute("create domain age as int check (value > 0)")
          yield* execute("create type pair as (a int, b int)")
          const { columnMetadata, records } = yield* execute(
            "select 'happy'::mood, '{sad,NULL}'::mood[], 5::age",
            {},
            { includeResultMetadata: true }
          )
          assert.deepStrictEqual(records, [[string("happy"), strings("sad", null), { longValue: 5 }]])
          assert.deepStrictEqual(
            columnMetadata?.map(({ typeName }) => typeName),
            ["mood", "_mood", "int4"]
          )
          assert.deepStrictEqual(yield* refused("select row(1, 2)::pair"), [
            "UnsupportedResult",
            "The result contains the unsupported data type pair."
          ])
        })
      )
      it.effect("infinite times fail inside the service without a word", () =>
        Effect.gen(function* () {
          for (const sql of ["'infinity'::timestamp", "'-infinity'::timestamptz", "'infinity'::date"]) {
            const reason = yield* failure(execute(`select ${sql}`))
            assert.deepInclude(reason, {
              _tag: "InternalServerError",
              code: "InternalFailure",
              message: isRemote ? "The service had an internal error." : ""
            })
          }
        })
      )
      it.effect("members are present or absent by whether the statement returns columns", () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* execute("create table members (id int)", {}, { includeResultMetadata: true }), {
            generatedFields: [],
            numberOfRecordsUpdated: 0
          })
          assert.deepStrictEqual(yield* execute("insert into members values (1), (2)"), {
            generatedFields: [],
            numberOfRecordsUpdated: 2
          })
          assert.deepStrictEqual(yield* execute("update members set id = id + 1 where id = 2"), {
            generatedFields: [],
            numberOfRecordsUpdated: 1
          })
          assert.deepStrictEqual(yield* execute("select id from members where false"), {
            numberOfRecordsUpdated: 0,
            records: []
          })
          assert.deepStrictEqual(yield* execute("delete from members where id = 3 returning id"), {
            numberOfRecordsUpdated: 0,
            records: [[{ longValue: 3 }]]
          })
          assert.deepStrictEqual(yield* query("show transaction_isolation"), [[string("read committed")]])
          assert.deepStrictEqual(yield* query("values (1, 'a')"), [[{ longValue: 1 }, string("a")]])
          assert.deepStrictEqual(yield* execute(""), { generatedFields: [], numberOfRecordsUpdated: 0 })
        })
      )
      it.effect("rows with the same column name twice keep both", () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* query("select 1 as a, 2 as a"), [[{ longValue: 1 }, { longValue: 2 }]])
        })
      )
    })

    describe("column metadata", () => {
      it.effect("tells name, type, precision, scale, nullability, table and auto increment", () =>
        Effect.gen(function* () {
          yield* execute(
            "create table described (id bigserial primary key, s serial, i int generated always as identity, t text, v varchar(20) not null, n numeric(12,4), u numeric, ts timestamptz(3), b bool)"
          )
          const { columnMetadata = [] } = yield* execute(
            "select id, s, i, t as title, v, n, u, ts, b, 1 + 1 from described",
            {},
            { includeResultMetadata: true }
          )
          const plain = { arrayBaseColumnType: 0, isAutoIncrement: false, isCurrency: false, schemaName: "" }
          const number = { ...plain, isCaseSensitive: false, isSigned: true }
          const other = { ...plain, isCaseSensitive: true, isSigned: false }
          const column = (name: string) => ({ label: name, name, tableName: "described" })
          const expected = [
            {
              ...number,
              ...column("id"),
              isAutoIncrement: true,
              nullable: 0,
              precision: 19,
              scale: 0,
              type: -5,
              typeName: "bigserial"
            },
            {
              ...number,
              ...column("s"),
              isAutoIncrement: true,
              nullable: 0,
              precision: 10,
              scale: 0,
              type: 4,
              typeName: "serial"
            },
            {
              ...number,
              ...column("i"),
              isAutoIncrement: true,
              nullable: 0,
              precision: 10,
              scale: 0,
              type: 4,
              typeName: "serial"
            },
            {
              ...other,
              ...column("title"),
              nullable: 1,
              precision: 2_147_483_647,
              scale: 0,
              type: 12,
              typeName: "text"
            },
            { ...other, ...column("v"), nullable: 0, precision: 20, scale: 0, type: 12, typeName: "varchar" },
            { ...number, ...column("n"), nullable: 1, precision: 12, scale: 4, type: 2, typeName: "numeric" },
            { ...number, ...column("u"), nullable: 1, precision: 0, scale: 0, type: 2, typeName: "numeric" },
            {
              ...other,
              ...column("ts"),
              isCaseSensitive: false,
              nullable: 1,
              precision: 32,
              scale: 3,
              type: 93,
              typeName: "timestamptz"
            },
            {
              ...other,
              ...column("b"),
              isCaseSensitive: false,
              nullable: 1,
              precision: 1,
              scale: 0,
              type: -7,
              typeName: "bool"
            },
            {
              ...number,
              ...column("?column?"),
              tableName: "",
              nullable: 2,
              precision: 10,
              scale: 0,
              type: 4,
              typeName: "int4"
            }
          ]
          assert.deepStrictEqual(columnMetadata, expected)
        })
      )
      it.effect("numbers, bits, dates and times have no case, numbers have a sign, and everything else neither", () =>
        Effect.gen(function* () {
          const typesOf = (names: string) => names.split(" ")
          const numbers = typesOf("int2 int4 int8 float4 float8 numeric")
          const caseless = typesOf("bool bit varbit date time timetz timestamp timestamptz interval oid")
          const cased = typesOf("text varchar bpchar uuid bytea json jsonb inet money xml")
          const types = [...numbers, ...caseless, ...cased]
          const columns = types.map((type) => `null::${type === "bit" ? '"bit"' : type} as ${type}_column`)
          const sql = `select ${columns.join(", ")} limit 0`
          const { columnMetadata = [] } = yield* execute(sql, {}, { includeResultMetadata: true })
          const named = (is: (column: (typeof columnMetadata)[number]) => boolean | undefined) =>
            columnMetadata.flatMap((column, at) => (is(column) === true ? [types[at]] : []))
          assert.deepStrictEqual(
            named(({ isCaseSensitive }) => isCaseSensitive),
            cased
          )
          assert.deepStrictEqual(
            named(({ isSigned }) => isSigned),
            numbers
          )
        })
      )
      it.effect("follows a change of the table", () =>
        Effect.gen(function* () {
          const nullable = Effect.map(
            execute("select * from changing", {}, { includeResultMetadata: true }),
            ({ columnMetadata }) => columnMetadata?.map((column) => column.nullable)
          )
          yield* execute("create table changing (a int)")
          assert.deepStrictEqual(yield* nullable, [1])
          yield* execute("alter table changing alter a set not null, add b text")
          assert.deepStrictEqual(yield* nullable, [0, 1])
        })
      )
    })

    describe("JSON format", () => {
      const formatted = (sql: string, options = {}) =>
        Effect.map(
          execute(sql, {}, { formatRecordsAs: "JSON", ...options }),
          ({ formattedRecords }) => formattedRecords
        )
      it.effect("rows are compact objects with keys in the order of the columns", () =>
        Effect.gen(function* () {
          assert.strictEqual(
            yield* formatted(
              "select 234 as id, 't\"1' as s, 10::float8 as d, 1e300::float8 as e, 2.50 as n, true as b, '\\x0102'::bytea as x, '{1,NULL}'::int[] as a, null as z, '{\"k\": 1}'::jsonb as j, 9223372036854775807 as l"
            ),
            '[{"id":234,"s":"t\\"1","d":10.0,"e":1.0E300,"n":"2.50","b":true,"x":"AQI=","a":[1,null],"z":null,"j":"{\\"k\\":1}","l":9223372036854775807}]'
          )
          assert.strictEqual(yield* formatted("select 1 where false"), "[]")
        })
      )
      it.effect("numbers follow the result options", () =>
        Effect.gen(function* () {
          const resultSetOptions = { longReturnType: "STRING", decimalReturnType: "DOUBLE_OR_LONG" }
          assert.strictEqual(
            yield* formatted("select 5::int8 as l, 2.50 as n", { resultSetOptions }),
            '[{"l":"5","n":2.5}]'
          )
        })
      )
      it.effect("the same label twice fails, and whatever returns columns can be formatted", () =>
        Effect.gen(function* () {
          const reason = yield* failure(formatted("select 1 as a, 2 as a"))
          assert.strictEqual(reason._tag, "BadRequest")
          yield* execute("create table formatted (id int)")
          assert.strictEqual(yield* formatted("insert into formatted values (1) returning id"), '[{"id":1}]')
          assert.strictEqual(yield* formatted("delete from formatted where id = 2 returning id"), "[]")
          assert.strictEqual(yield* formatted("delete from formatted"), undefined)
        })
      )
    })

    describe("errors", () => {
      it.effect("one line: primary message, hint, position, SQLSTATE, and never the detail", () =>
        Effect.gen(function* () {
          yield* execute(
            "create table parents (id int primary key, name text not null, age int constraint parents_age check (age > 0))"
          )
          yield* execute("create table children (id int references parents)")
          yield* execute("insert into parents values (1, 'a', 1)")
          yield* execute("insert into children values (1)")
          const expected = {
            "select * from no_such": 'relation "no_such" does not exist; Position: 15; SQLState: 42P01',
            "selekt 1": 'syntax error at or near "selekt"; Position: 1; SQLState: 42601',
            "select no_such from parents": 'column "no_such" does not exist; Position: 8; SQLState: 42703',
            "insert into parents values (1, 'b', 1)":
              'duplicate key value violates unique constraint "parents_pkey"; SQLState: 23505',
            "insert into children values (7)":
              'insert or update on table "children" violates foreign key constraint "children_id_fkey"; SQLState: 23503',
            "delete from parents":
              'update or delete on table "parents" violates foreign key constraint "children_id_fkey" on table "children"; SQLState: 23503',
            "insert into parents values (2, null, 1)":
              'null value in column "name" of relation "parents" violates not-null constraint; SQLState: 23502',
            "insert into parents values (2, 'b', -1)":
              'new row for relation "parents" violates check constraint "parents_age"; SQLState: 23514',
            "create table parents ()": 'relation "parents" already exists; SQLState: 42P07',
            "select 1/0": "division by zero; SQLState: 22012",
            "select 'a'::int": 'invalid input syntax for type integer: "a"; Position: 8; SQLState: 22P02',
            "do $$ begin raise exception 'my; text: here' using errcode = '23514', hint = 'look up'; end $$":
              "my; text: here; Hint: look up; SQLState: 23514"
          }
          for (const [sql, message] of Object.entries(expected)) {
            assert.deepStrictEqual(yield* refused(sql), ["DatabaseError", `ERROR: ${message}`], sql)
          }
        })
      )
      it.effect("positions count in the statement with $n for names", () =>
        Effect.gen(function* () {
          const [, message] = yield* refused("select :a_very_long_name::int, no_such", { a_very_long_name: long(1) })
          assert.match(message, /Position: 17; SQLState: 42703$/)
        })
      )
      it.effect("a constraint that is checked at the end of the statement's transaction fails the call", () =>
        Effect.gen(function* () {
          yield* execute(
            "create table late (id int primary key, next int references late deferrable initially deferred)"
          )
          const [, message] = yield* refused("insert into late values (1, 2)")
          assert.match(message, /SQLState: 23503$/)
          assert.deepStrictEqual(yield* query("select * from late"), [])
        })
      )
      it.effect("an unknown database, a schema and over-long members are refused", () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* refused("select 1", {}, { database: "no_such" }), [
            "DatabaseError",
            'ERROR: database "no_such" does not exist; SQLState: 3D000'
          ])
          assert.strictEqual((yield* refused("select 1", {}, { schema: "public" }))[0], "Validation")
          assert.strictEqual((yield* refused(`select '${"x".repeat(65_536)}'`))[0], "Validation")
          assert.strictEqual((yield* refused("select 1", {}, { transactionId: "x".repeat(193) }))[0], "Validation")
          assert.strictEqual((yield* refused("select :s", { s: text("x".repeat(4_200_000)) }))[0], "Validation")
        })
      )
      it.effect("an endless recursion and a result beyond memory are refused, and the session stays usable", () =>
        Effect.gen(function* () {
          yield* execute(
            "create function deeper(n int) returns int language plpgsql as 'begin return deeper(n + 1); end'"
          )
          assert.match(
            (yield* refused("select deeper(1)"))[1],
            /^ERROR: stack depth limit exceeded; .*SQLState: 54001$/
          )
          // XX000 before PostgreSQL 15.
          assert.match((yield* refused("select repeat('x', 1073741824)"))[1], /SQLState: (54000|53200|XX000)$/)
          const deep = `${"(1+".repeat(600)}1${")".repeat(600)}`
          assert.deepStrictEqual(yield* scalar(`select ${deep}`), { longValue: 601 })
        })
      )
      it.effect("COPY to or from the client fails and leaves the session usable", () =>
        Effect.gen(function* () {
          yield* execute("create table copied (id int)")
          assert.deepStrictEqual(yield* refused("copy copied to stdout"), [
            "DatabaseError",
            "execute: unexpected message: CopyOutResponse"
          ])
          assert.deepStrictEqual(yield* refused("copy copied from stdin"), [
            "DatabaseError",
            "execute: unexpected message: CopyInResponse"
          ])
          assert.deepStrictEqual(yield* scalar("select count(*) from copied"), { longValue: 0 })
        })
      )
    })

    describe("batches", () => {
      it.effect("run once for each set and answer as many empty results", () =>
        Effect.gen(function* () {
          yield* execute("create table batched (id int primary key, name text)")
          const sets = [
            { id: long(1), name: text("a") },
            { id: long(2), name: sqlNull }
          ]
          assert.deepStrictEqual(yield* batch("insert into batched values (:id, :name) returning id", sets), {
            updateResults: [{ generatedFields: [] }, { generatedFields: [] }]
          })
          assert.deepStrictEqual(yield* query("select * from batched order by id"), [
            [{ longValue: 1 }, string("a")],
            [{ longValue: 2 }, nothing]
          ])
        })
      )
      it.effect("without sets nothing runs, and one empty set runs once", () =>
        Effect.gen(function* () {
          yield* execute("create table counted (id serial)")
          assert.deepStrictEqual(yield* batch("insert into counted default values", []), { updateResults: [] })
          assert.deepStrictEqual(yield* batch("insert into counted default values", undefined), { updateResults: [] })
          assert.deepStrictEqual(yield* batch("insert into counted default values", [{}]), {
            updateResults: [{ generatedFields: [] }]
          })
          assert.deepStrictEqual(yield* scalar("select count(*) from counted"), { longValue: 1 })
        })
      )
      it.effect("without sets name an unknown transaction all the same", () =>
        Effect.gen(function* () {
          assert.strictEqual((yield* failure(batch("select 1", [], "unknown")))._tag, "TransactionNotFound")
          const transactionId = yield* begin
          assert.deepStrictEqual(yield* batch("select 1", [], transactionId), { updateResults: [] })
          yield* rollback(transactionId)
        })
      )
      it.effect("are all or nothing, and abort the transaction that they belong to", () =>
        Effect.gen(function* () {
          yield* execute("create table atomic (id int primary key)")
          const insert = "insert into atomic values (:id)"
          const sets = [{ id: long(1) }, { id: long(1) }]
          assert.strictEqual((yield* failure(batch(insert, sets)))._tag, "DatabaseError")
          assert.deepStrictEqual(yield* query("select * from atomic"), [])
          const transactionId = yield* begin
          yield* failure(batch(insert, sets, transactionId))
          assert.match((yield* refused("select 1", {}, { transactionId }))[1], /SQLState: 25P02$/)
          yield* rollback(transactionId)
        })
      )
    })

    describe("transactions", () => {
      it.effect("commit keeps and rollback undoes", () =>
        Effect.gen(function* () {
          yield* execute("create table kept (id int)")
          const first = yield* begin
          assert.strictEqual(first.length, 184)
          yield* execute("insert into kept values (1)", {}, { transactionId: first })
          assert.deepStrictEqual(yield* commit(first), { transactionStatus: "Transaction Committed" })
          const second = yield* begin
          yield* execute("insert into kept values (2)", {}, { transactionId: second })
          assert.deepStrictEqual(yield* rollback(second), { transactionStatus: "Rollback Complete" })
          assert.deepStrictEqual(yield* query("select id from kept"), [[{ longValue: 1 }]])
        })
      )
      it.effect("an ended or unknown id is not found, whatever is asked of it", () =>
        Effect.gen(function* () {
          const ended = yield* begin
          yield* commit(ended)
          for (const id of [ended, "AAAA"]) {
            const calls: ReadonlyArray<Effect.Effect<unknown, DataApiError, DataApi>> = [
              execute("select 1", {}, { transactionId: id }),
              batch("select 1", [{}], id),
              commit(id),
              rollback(id)
            ]
            for (const call of calls) {
              const reason = yield* Effect.flip(call)
              assert.strictEqual(reason.reason._tag, "TransactionNotFound")
              assert.include(reason.message, `Transaction ${id} is not found`)
            }
          }
        })
      )
      it.effect("savepoints repair a failed statement", () =>
        Effect.gen(function* () {
          yield* execute("create table saved (id int primary key)")
          const transactionId = yield* begin
          const inside = { transactionId }
          yield* execute("insert into saved values (1)", {}, inside)
          yield* execute("savepoint a", {}, inside)
          yield* refused("insert into saved values (1)", {}, inside)
          yield* execute("rollback to savepoint a", {}, inside)
          yield* execute("insert into saved values (2)", {}, inside)
          yield* commit(transactionId)
          assert.deepStrictEqual(yield* query("select id from saved order by id"), [
            [{ longValue: 1 }],
            [{ longValue: 2 }]
          ])
        })
      )
      it.effect("committing a failed transaction reports success and keeps nothing", () =>
        Effect.gen(function* () {
          yield* execute("create table doomed (id int)")
          const transactionId = yield* begin
          yield* execute("insert into doomed values (1)", {}, { transactionId })
          yield* refused("select 1/0", {}, { transactionId })
          assert.deepStrictEqual(yield* commit(transactionId), { transactionStatus: "Transaction Committed" })
          assert.deepStrictEqual(yield* query("select * from doomed"), [])
        })
      )
      it.effect("an unsupported result does not abort the transaction, and its statement has run", () =>
        Effect.gen(function* () {
          yield* execute("create table ran (id int, d interval)")
          const transactionId = yield* begin
          const [tag] = yield* refused("insert into ran values (1, '1 day') returning d", {}, { transactionId })
          assert.strictEqual(tag, "UnsupportedResult")
          yield* commit(transactionId)
          assert.deepStrictEqual(yield* query("select id from ran"), [[{ longValue: 1 }]])
        })
      )
      it.effect("DDL inside is undone by a rollback, and what it changed is forgotten", () =>
        Effect.gen(function* () {
          yield* execute("create table shaped (a int)")
          yield* execute("insert into shaped values (1)")
          yield* query("select * from shaped")
          const transactionId = yield* begin
          yield* execute("alter table shaped add b int default 2", {}, { transactionId })
          assert.deepStrictEqual(yield* query("select * from shaped", {}, { transactionId }), [
            [{ longValue: 1 }, { longValue: 2 }]
          ])
          yield* rollback(transactionId)
          assert.deepStrictEqual(yield* query("select * from shaped"), [[{ longValue: 1 }]])

          const inside = { transactionId: yield* begin }
          yield* execute("savepoint a", {}, inside)
          yield* execute("alter table shaped add c int", {}, inside)
          yield* query("select * from shaped", {}, inside)
          yield* execute("rollback to savepoint a", {}, inside)
          assert.deepStrictEqual(yield* query("select * from shaped", {}, inside), [[{ longValue: 1 }]])
          yield* commit(inside.transactionId)
        })
      )
      it.effect("DDL inside a function makes no plan stale", () =>
        Effect.gen(function* () {
          yield* execute("create table reshaped as select 1 as a")
          yield* execute(
            "create function reshape() returns int language plpgsql as 'begin alter table reshaped add b int; return 1; end'"
          )
          yield* query("select * from reshaped")
          yield* execute("select reshape()")
          assert.deepStrictEqual(yield* query("select * from reshaped"), [[{ longValue: 1 }, nothing]])
        })
      )
      it.effect("statements that refuse a transaction block work without a transaction", () =>
        Effect.gen(function* () {
          yield* execute("vacuum")
          const transactionId = yield* begin
          assert.match((yield* refused("vacuum", {}, { transactionId }))[1], /SQLState: 25001$/)
          yield* rollback(transactionId)
        })
      )
      it.effect("BEGIN as a statement is useless: the next call is not in it", () =>
        Effect.gen(function* () {
          yield* execute("create table begun (id int)")
          yield* execute("begin")
          yield* execute("insert into begun values (1)")
          yield* execute("rollback")
          assert.deepStrictEqual(yield* scalar("select count(*) from begun"), { longValue: 1 })
        })
      )
      it.effect("cursors page through more than one result may hold", () =>
        Effect.gen(function* () {
          const transactionId = yield* begin
          yield* execute(
            "declare pages no scroll cursor for select repeat('x', 1000) from generate_series(1, 2000)",
            {},
            { transactionId }
          )
          let rows = 0
          for (;;) {
            const page = yield* query("fetch forward 800 from pages", {}, { transactionId })
            if (page.length === 0) break
            rows += page.length
          }
          yield* commit(transactionId)
          assert.strictEqual(rows, 2000)
        })
      )
    })

    describe("refusals", () => {
      it.effect("keep their parts, whatever their words look like", () =>
        Effect.gen(function* () {
          const words = "first; Hint: no hint; Position: 3; SQLState: 00000"
          const raise = `do $$ begin raise exception '${words}' using errcode = '22012', hint = 'a; Hint: b'; end $$`
          assert.deepInclude(yield* failure(execute(raise)), {
            _tag: "DatabaseError",
            ...(isRemote ? {} : { primary: words, hint: "a; Hint: b" }),
            sqlState: "22012",
            message: `ERROR: ${words}; Hint: a; Hint: b; SQLState: 22012`
          })
        })
      )
    })

    describe("sessions", () => {
      it.effect("what one call leaves in its session does not reach the next", () =>
        Effect.gen(function* () {
          yield* execute("set search_path = nowhere")
          yield* execute("select set_config('work_mem', '1MB', false)")
          yield* execute("create temp table passing (id int)")
          yield* execute("prepare passing as select 1")
          assert.deepStrictEqual(yield* scalar("show search_path"), string('"$user", public'))
          assert.deepStrictEqual(yield* scalar("show work_mem"), string("4MB"))
          assert.match((yield* refused("select * from passing"))[1], /SQLState: 42P01$/)
          assert.match((yield* refused("execute passing"))[1], /^ERROR: prepared statement "passing" does not exist/)
        })
      )
      it.effect("inside a transaction it lasts until the end", () =>
        Effect.gen(function* () {
          const transactionId = yield* begin
          const inside = { transactionId }
          yield* execute("set work_mem = '1MB'", {}, inside)
          yield* execute("create temp table staying (id int)", {}, inside)
          yield* execute("prepare staying as select 5", {}, inside)
          assert.deepStrictEqual(yield* scalar("show work_mem", {}, inside), string("1MB"))
          assert.deepStrictEqual(yield* query("select * from staying", {}, inside), [])
          assert.deepStrictEqual(yield* scalar("execute staying", {}, inside), { longValue: 5 })
          yield* commit(transactionId)
          assert.deepStrictEqual(yield* scalar("show work_mem"), string("4MB"))
          assert.match((yield* refused("select * from staying"))[1], /SQLState: 42P01$/)
        })
      )
      it.effect("the zone is UTC and statements may take 45 seconds, or any time if that was asked for", () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* scalar("show timezone"), string("UTC"))
          const show = "show statement_timeout"
          assert.deepStrictEqual(yield* scalar(show), string("45s"))
          assert.deepStrictEqual(yield* scalar(show, {}, { continueAfterTimeout: true }), string("0"))
          assert.deepStrictEqual(yield* scalar(show), string("45s"))
          const transactionId = yield* begin
          assert.deepStrictEqual(yield* scalar(show, {}, { transactionId, continueAfterTimeout: true }), string("0"))
          assert.deepStrictEqual(yield* scalar(show, {}, { transactionId }), string("45s"))
          yield* commit(transactionId)
        })
      )
      it.effect("LISTEN and NOTIFY are accepted and nothing arrives", () =>
        Effect.gen(function* () {
          yield* execute("listen news")
          yield* execute("notify news, 'hello'")
          assert.deepStrictEqual(yield* scalar("select 1"), { longValue: 1 })
        })
      )
      it.effect("a query is run many times, with parameters of changing types", () =>
        Effect.gen(function* () {
          for (let round = 0; round < 12; round++) {
            assert.deepStrictEqual(yield* scalar("select :v::text", { v: long(round) }), string(String(round)))
            assert.deepStrictEqual(yield* scalar("select :v::text", { v: text(`t${round}`) }), string(`t${round}`))
            assert.deepStrictEqual(yield* scalar("select :v::text", { v: sqlNull }), nothing)
          }
        })
      )
      it.effect("more different queries than a session keeps prepared are run", () =>
        Effect.gen(function* () {
          for (let round = 0; round < 230; round++) {
            assert.deepStrictEqual(yield* scalar(`select ${round % 110}`), { longValue: round % 110 })
          }
        })
      )
    })
  })
