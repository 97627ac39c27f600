/** Statements whose values are written in their text, and make it too long: as with a direct connection. */
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { bothWays, type Query } from "./BothWays.ts"
import { layer as gateway, TestGateway } from "./TestGateway.ts"

/** A column and how a client writes a value of it. */
interface Item {
  readonly type: string
  readonly text: (row: number) => string
}

const item = (type: string, text: (row: number) => string): Item => ({ type, text })
/** NULL in some of the rows, the first among them or not. */
const orNull = (of: Item, rest: number): Item => item(of.type, (row) => (row % 5 === rest ? "NULL" : of.text(row)))

const texts = ["", "it's", '"q" {}', "é😀", ":x $1 ?", "null", "NULL", "a,b) -- c", "tab\tline\n", "/* c */"]
const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`
const text = (row: number) => quoted(texts[row % texts.length] ?? "")
const escaped = (row: number) =>
  [
    " E'a\\\\b'",
    "E'it\\'s ''so'''",
    "e'\\t\\n\\u00e9'",
    "E'\\U0001F600\\q'",
    "'plain'",
    "E'\\303\\251 \\xc3\\xa9\\x \\101'",
    "E'\\uD83D\\uDE00'"
  ][row % 7] ?? ""

const many = (count: number, text: (n: number) => string) => Array.from({ length: count }, (_, n) => text(n)).join(", ")

const items: ReadonlyArray<Item> = [
  item("text", text),
  item("varchar(40)", escaped),
  item("text", (row) => `upper(${text(row)}) || 'x, (y)'`),
  item("text", (row) => `CAST(${text(row)} AS varchar(3))`),
  item("char(12)", (row) => `'c${row}'`),
  item("int", (row) => String(row)),
  item("int", (row) => `${row % 2 === 0 ? "-" : " - "}${row + 1}`),
  item("int", (row) => `'${row}'`),
  item("int", (row) => (row % 3 === 0 ? "1.5" : "-2")),
  item("bigint", (row) => (row % 3 === 0 ? "9007199254740993" : `${row}`)),
  item("bigint", () => "-9223372036854775808"),
  item("numeric", (row) => ["1", "1.50", "2147483648", "99999999999999999999.5", ".5", "1.", "1e3"][row % 7] ?? ""),
  item("float8", (row) => ["1", "0.1", "16777217", "1e-300"][row % 4] ?? ""),
  item("float4", (row) => ["1", "0.1", "16777217"][row % 3] ?? ""),
  item("text", (row) => ["1", "1.50", "3000000000"][row % 3] ?? ""),
  item("bool", (row) => (row % 2 === 0 ? "true" : "FALSE")),
  item("uuid", (row) => `'a0eebc99-9c0b-4ef8-bb6d-${String(row).padStart(12, "0")}'::uuid`),
  item("timestamptz", (row) => `'2020-01-02T03:04:${String(row % 60).padStart(2, "0")}+02:00'::timestamptz`),
  item("timestamp", (row) => `'2020-01-02T03:04:${String(row % 60).padStart(2, "0")}'::timestamp without time zone`),
  item("date", (row) => `'2020-01-02'::date + ${row % 2 === 0 ? 1 : 1}`),
  item("interval", (row) => `'${row} days ${row} seconds'::interval`),
  item("bytea", (row) => `'\\x${row.toString(16).padStart(4, "0")}'::bytea`),
  item("jsonb", (row) => `'{"row": ${row}, "text": "it''s"}'`),
  item("mood", (row) => (row % 2 === 0 ? "'sad'" : "'very happy'")),
  item("mood", (row) => (row % 2 === 0 ? "'sad'::mood" : "'very happy'::mood")),
  item("short", (row) => `'s${row % 100}'`),
  item("short", (row) => `'s${row % 100}'::short`),
  item("text", (row) => `'abcdefgh${row % 10}'::varchar(5)`),
  item("text[]", (row) => `ARRAY[${text(row)}, 'c', NULL]`),
  item("int[]", (row) => `ARRAY[${row}, -1]`),
  item("bigint", (row) => `${row}::smallint`),
  item("text", (row) => `${row}.50::numeric(10, 1)`),
  item("text", (row) => `${row % 2 === 0}::bool::text`),
  item("int[]", (row) => (row % 4 === 0 ? "'{}'" : `ARRAY[${many(row % 4, String)}]`)),
  item("text[]", (row) => (row % 4 === 0 ? "'{}'::text[]" : `ARRAY[${many(row % 4, text)}]::text[]`)),
  item("varchar(5)[]", (row) =>
    row % 3 === 0 ? "NULL" : `ARRAY['abcdefgh', NULL, ${row % 2 === 0 ? "'q'" : "'\"'"}]::varchar(3)[]`
  ),
  item("mood[]", (row) => (row % 3 === 0 ? "'{}'::mood[]" : "ARRAY['sad','very happy']::mood[]")),
  item("numeric[]", (row) => (row % 3 === 0 ? "ARRAY[1]" : `ARRAY[${row}, ${row % 2 === 0 ? "1.50" : "3000000000"}]`)),
  item("float8[]", (row) => (row % 3 === 0 ? "ARRAY[1, NULL]::int8[]" : `ARRAY[${row}, -2]::int8[]`)),
  item("bool[]", (row) => `array_append(ARRAY[${row % 2 === 0}, NULL], true)`),
  item("int[]", (row) => `ARRAY[ARRAY[${row}, 2], ARRAY[3, ${row}]]`),
  item("text", (row) => `array_to_string(ARRAY[${many(1 + (row % 4), String)}], ',')`),
  item("numeric[]", (row) => `ARRAY[${row}, ${row % 2 === 0 ? "1.50" : "2"}]`),
  item("int[]", (row) => `'{${row},NULL}'::int[]`),
  item("regclass", (row) => (row % 2 === 0 ? "'pg_class'" : "'1249'")),
  item("text", () => "NULL"),
  item("timestamptz", () => "now()"),
  item("bigint", () => "nextval('one')"),
  item("int", () => "(2 + 3) * 2"),
  item("numeric", () => "'7'::numeric(10, 2)")
]
const all = items.flatMap((one) => (/^'|^\d/.test(one.text(1)) ? [one, orNull(one, 0), orNull(one, 3)] : [one]))

const names = (shape: ReadonlyArray<Item>) => shape.map((_, at) => `c${at}`).join(", ")
const rowsOf = (shape: ReadonlyArray<Item>, count: number) =>
  Array.from({ length: count }, (_, row) => `(${shape.map((one) => one.text(row)).join(", ")})`).join(", ")

/** As many rows as make a statement too long. */
const tooMany = (shape: ReadonlyArray<Item>): number => Math.ceil(70_000 / (rowsOf(shape, 20).length / 20))

const upTo = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))
const shapes = Arbitrary.map(
  Arbitrary.all([Arbitrary.array(upTo(all.length - 1), { maxLength: 8 }), upTo(2)]),
  ([indexes, at]) => [...indexes.flatMap((index) => all[index] ?? []), ...all.slice(at, at + 1)]
)

/** Conditions by lists of literals, on columns of many types. */
const lists: ReadonlyArray<string> = [
  `i4 in (${many(20_000, (n) => String(n * 2))})`,
  `i4 not in (${many(20_000, (n) => String(n * 2))})`,
  `i4 in (${many(20_000, (n) => (n === 7 ? "NULL" : `-${n}`))})`,
  `i4 in (${many(20_000, (n) => (n % 2 === 0 ? `${n}.0` : "1.5"))})`,
  `i8 in (${many(20_000, (n) => String(n + 9007199254740990))})`,
  `i2 in (${many(20_000, (n) => String(n + 30_000))})`,
  `f4 in (${many(20_000, (n) => `${n}.1`)})`,
  `f4 in (${many(20_000, (n) => String(n + 16777216))})`,
  `f8 in (${many(20_000, (n) => `${n}.1`)})`,
  `n in (${many(20_000, (n) => `${n}.10`)})`,
  `o in (${many(20_000, String)})`,
  `t in (${many(20_000, (n) => `'t${n}'`)})`,
  `lower(t) || 'x' in (${many(20_000, (n) => `E't${n}x'`)})`,
  `v in (${many(20_000, (n) => `'t${n}'`)})`,
  `c in (${many(20_000, (n) => `'t${n}'`)})`,
  `d in (${many(20_000, (n) => `'20${String(10 + (n % 80))}-01-02'`)})`,
  `d in (${many(20_000, (n) => `'20${String(10 + (n % 80))}-01-02'::date`)})`,
  `u in (${many(20_000, (n) => `'a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, "0")}'::uuid`)})`,
  `u in (${many(20_000, (n) => `'a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, "0")}'`)})`,
  `m in (${many(20_000, () => "'sad'")})`,
  `(i4, t) in (${many(1500, (n) => `(${n}, 't${n}${"x".repeat(40)}'), (${n}, 't${n}')`)})`,
  `i4 in (${many(20_000, (n) => (n % 2 === 0 ? `'${n}'` : `${n}`))})`,
  `i4 in (${many(20_000, (n) => (n === 9 ? "'nine'" : `'${n}'`))})`,
  `t in (${many(20_000, String)})`,
  `i4 = any(ARRAY[${many(20_000, (n) => String(n * 2))}])`,
  `i4 <> all (array[${many(20_000, (n) => (n === 3 ? "NULL" : `-${n}`))}])`,
  `f4 = any(ARRAY[${many(20_000, (n) => `${n}.1`)}])`,
  `v = any(ARRAY[${many(20_000, (n) => `'t${n}'`)}])`,
  `v = any(ARRAY[${many(20_000, (n) => `'t${n}'`)}]::varchar[])`,
  `u = any(ARRAY[${many(20_000, (n) => `'a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, "0")}'`)}]::uuid[])`,
  `i4::text = any(ARRAY[${many(20_000, String)}]::text[])`,
  `array[i4, 3] && ARRAY[${many(20_000, String)}]`,
  `t = any(ARRAY[${many(20_000, (n) => (n % 2 === 0 ? `${n}` : `'${n}'`))}])`,
  `i4 in (${many(20_000, (n) => `'${n}'::int`)}) and t = ${quoted("x".repeat(70_000))}`
]

const long = (text: string) => quoted(text.repeat(70_000 / text.length))

/** Statements with one value that is too long by itself. */
const longValues: ReadonlyArray<string> = [
  `insert into w (id, t) values (1, ${long("it's \\ ")}) returning id, md5(t)`,
  `insert into w (id, t) values (2, E'${"\\\\x\\t".repeat(20_000)}'), (3, default) returning id, md5(t)`,
  `insert into w (id, b) values (4, '\\x${"00ff".repeat(40_000)}'::bytea) returning id, md5(b)`,
  `insert into w (id, j) values (5, '{"a": "${"x".repeat(70_000)}"}') returning id, md5(j::text)`,
  `update w set t = ${long("abc")} where id = 1 returning md5(t)`,
  `update w set t = ${long("abd")}, id = 10 where id = 1`,
  `select id from w where t = ${long("abd")}`,
  `select md5(${long("abc")}), length(${long("é😀")}), ${long("a")} is null as no`,
  `select ${long("abc")}`,
  `select ${long("abc")}, count(*) from w where t = ${long("abc")} or id > 0`,
  `select coalesce(t, '${"x".repeat(31_000)}') = 'd', count(*) from w group by coalesce(t, '${"x".repeat(31_000)}') order by 1`,
  `select case when id > 0 then ${long("abc")} else 'x' end = t from w order by id`,
  `insert into w (id, t) select 20, ${long("q")} returning md5(t)`,
  `with d (x) as (select ${long("in with")}) insert into w (id, t) select 21, x from d returning md5(t)`,
  `insert into w (id, v) values (6, ${long("abc")})`,
  `insert into w (id, j) values (7, ${long("abc")})`,
  `insert into missing (id, j) values (7, ${long("abc")})`,
  `insert into w (id, j, nothing) values (7, ${long("abc")}, 1)`,
  `select ${long("abc")} from w wher id = 1`
]

/** INSERTs that PostgreSQL refuses, and some that the gateway must leave as they are. */
const refused: ReadonlyArray<string> = [
  `insert into w (id, t) values ${many(3000, (n) => `(${n}, 'a row of some length', 1)`)}`,
  `insert into w (id, t) values ${many(3000, (n) => `('${n === 2000 ? "x" : n}', 'a row of some length')`)}`,
  `insert into w (id, t) values ${many(3000, (n) => `(${n % 2000}, 'a row of some length')`)}`,
  `insert into w (id, v) values ${many(3000, (n) => `(${n}, 'a row of some length')`)}`,
  `insert into w (id, t) values (1, 'two' 
    ' lines'), ${many(1000, (n) => `(${n + 2}, 'a row of some length')`)}`,
  `insert into w (id, t) values ${many(3000, (n) => `(${n}, 'a row of some length' || count(*))`)}`,
  `insert into w (id, t) values ${many(3000, (n) => `(generate_series(1, 2), 'a row of some length ${n}')`)}`,
  `insert into w (id, nothing) values ${many(3000, (n) => `(${n}, 'a row of some length')`)}`,
  `insert into nothing (id, t) values ${many(3000, (n) => `(${n}, 'a row of some length')`)}`,
  `insert into w (id, s) values ${many(3000, (n) => `(${n}, '${n === 2999 ? "never" : "s"}'::short)`)}`,
  `insert into w (id, t) values ${many(3000, (n) => `(true, 'a row of some length ${n}')`)}`
]

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres("values in the text of a statement"),
  () => {
    layer(gateway(TestDatabase.postgresUrl ?? ""), { timeout: "60 seconds", excludeTestServices: true })((it) => {
      const same = Effect.fnUntraced(function* (
        ask: (query: Query) => Promise<ReadonlyArray<unknown>>,
        mayFail: "may fail" | "succeeds"
      ) {
        const ways = yield* TestGateway
        const { direct, through } = yield* Effect.promise(() => bothWays(ways, ask))
        for (const [at, outcome] of direct.entries()) {
          if (mayFail === "succeeds") assert.isNotString(outcome, `statement ${at}`)
          assert.deepStrictEqual(through[at], outcome, `statement ${at}`)
        }
      })

      it.effect.prop(
        "are inserted by the thousand as with a direct connection, whatever the rows are made of",
        { shape: shapes, few: upTo(90) },
        Effect.fnUntraced(function* ({ few, shape }) {
          const count = few + tooMany(shape)
          const columns = shape.map(({ type }, at) => `c${at} ${type}`).join(", ")
          const rows = rowsOf(shape, count)
          yield* same(
            async (query) => [
              await query(`create table t (id serial primary key, ${columns})`),
              await query(`insert into t (${names(shape)}) values ${rows} returning *`),
              await query(`insert into t (${names(shape)}) values ${rows} returning *`, []),
              await query(`insert into t (${names(shape)}) VALUES${rows} on conflict do nothing`),
              await query("select count(*), max(id) from t")
            ],
            "succeeds"
          )
          yield* same(
            async (query) => [
              await query(`values ${rows}`),
              await query(`with v (${names(shape)}) as (values ${rows}) select * from v offset $1`, [9]),
              await query(`select * from (values ${rows}) v (${names(shape)}) limit 7`, []),
              await query(`select count(*), $1::int from (values ${rows}) v (${names(shape)})`, [2])
            ],
            "may fail"
          )
        }),
        { timeout: 300_000, arbitrary: { runs: Number(process.env["ALEX_SHAPES"] ?? 12) } }
      )

      it.effect(
        "are looked for in lists of thousands, in the types that PostgreSQL takes them in",
        () =>
          same(async (query) => {
            const seen = [
              await query(
                "create table w (i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, o oid, t text, v varchar, c char(9), d date, u uuid, m mood)"
              ),
              await query(
                "insert into w select g, g, g::int8 + 9007199254740989, case when g < 9 then g + 0.1 else 16777215 + g end, g + 0.1, g + 0.1, g, 't' || g, 't' || g, 't' || g, '2020-01-01'::date + g, ('a0eebc99-9c0b-4ef8-bb6d-' || lpad(g::text, 12, '0'))::uuid, 'sad' from generate_series(1, 20) g"
              )
            ]
            for (const list of lists) seen.push(await query(`select i4, t from w where ${list} order by i4`))
            for (const list of lists.slice(0, 3))
              seen.push(await query(`select i4 from w where ${list} and i4 < $1`, [9]))
            return seen
          }, "may fail"),
        120_000
      )

      it.effect(
        "may be too long by themselves",
        () =>
          same(async (query) => {
            const seen = [
              await query("create table w (id int primary key, t text default 'd', v varchar(5), b bytea, j jsonb)")
            ]
            for (const statement of longValues) seen.push(await query(statement))
            return seen
          }, "may fail"),
        120_000
      )

      it.effect(
        "are refused as with a direct connection",
        () =>
          same(async (query) => {
            const seen = [await query("create table w (id int primary key, t text default 'd', v varchar(5), s text)")]
            for (const statement of refused) seen.push(await query(statement))
            return [...seen, await query("select count(*) from w")]
          }, "may fail"),
        120_000
      )
    })
  }
)
