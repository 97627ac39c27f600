/** Statements that are too long because values are written into their text, as psycopg2, Rails and Sequelize do. */
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { bothWays, type Query } from "./BothWays.ts"
import { layer as gateway, TestGateway } from "./TestGateway.ts"

/** A column's type, and the literal that it has in a row. */
interface Column {
  readonly type: string
  readonly literal: (row: number) => string
}

const texts = ["", "it's", '"q" \\ {}', "é😀", ":x $1 ?", "null", "a,b)", "--", "/*"]
const text = (row: number): string => texts[row % texts.length] ?? ""
const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`
const escaped = (value: string): string =>
  ` E'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n")}'`
const sometimesNull = (literal: (row: number) => string) => (row: number) => (row % 5 === 2 ? "NULL" : literal(row))
const day = (row: number) => `'2020-02-${String(1 + (row % 28)).padStart(2, "0")}'`

const columns: ReadonlyArray<Column> = [
  { type: "text", literal: (row) => quoted(text(row)) },
  { type: "varchar(40)", literal: sometimesNull((row) => quoted(text(row))) },
  { type: "text", literal: (row) => escaped(`${text(row)}\n${row}\t`) },
  { type: "text", literal: String },
  { type: "int", literal: sometimesNull(String) },
  { type: "int", literal: (row) => String(row % 2 === 0 ? row : -row) },
  { type: "int", literal: (row) => `${row}.5` },
  { type: "int", literal: (row) => quoted(String(row)) },
  { type: "bigint", literal: (row) => String(2_147_483_646 + row) },
  { type: "numeric(20, 5)", literal: (row) => `${row % 3 === 0 ? "-" : ""}${row}.00001` },
  { type: "numeric", literal: (row) => `12345678901234567890${row}` },
  { type: "numeric", literal: (row) => (row % 7 === 0 ? String(row) : String(row / 7)) },
  { type: "float8", literal: (row) => `${row}.25e-3` },
  { type: "bool", literal: sometimesNull((row) => (row % 2 === 0 ? "true" : "FALSE")) },
  { type: "bool", literal: (row) => (row % 2 === 0 ? "'t'" : "'f'") },
  { type: "date", literal: sometimesNull((row) => `${day(row)}::date`) },
  { type: "timestamptz", literal: (row) => `${day(row)}::timestamptz` },
  { type: "timestamp", literal: day },
  { type: "jsonb", literal: (row) => quoted(JSON.stringify({ row, text: text(row) })) },
  { type: "bytea", literal: (row) => `'\\x00ff${String(row % 10)}0'::bytea` },
  { type: "int[]", literal: (row) => `'{${row},NULL}'` },
  { type: "int[]", literal: sometimesNull((row) => (row % 4 === 0 ? "'{}'" : `ARRAY[${row}, NULL,-1]`)) },
  { type: "bigint[]", literal: (row) => `array[${row}, ${row % 2 === 0 ? 1 : 5_000_000_000}]` },
  { type: "text[]", literal: (row) => `ARRAY[${quoted(text(row))},${escaped(text(row + 1))}, 'NULL', null]` },
  { type: "text[]", literal: (row) => `ARRAY[${row % 3 === 0 ? "" : quoted(text(row))}]::VARCHAR(255)[]` },
  { type: "date[]", literal: (row) => `ARRAY[${day(row)}]::date[]` },
  { type: "bool[]", literal: (row) => `ARRAY[${row % 2 === 0}]` },
  { type: "uuid", literal: (row) => `'a0eebc99-9c0b-4ef8-bb6d-${String(row).padStart(12, "0")}'` },
  { type: "mood", literal: (row) => (row % 2 === 0 ? "'sad'" : "'very happy'") },
  { type: "numeric(9, 2)", literal: (row) => `'${row}.005'::character varying(20)::numeric` },
  { type: "text", literal: () => "NULL" },
  { type: "timestamptz", literal: () => "'2020-01-01Z'" },
  { type: "int", literal: () => "array_length(array[1, 2, 3], 1)" },
  { type: "mood", literal: () => "'sad'" }
]

const names = (shape: ReadonlyArray<Column>) => shape.map((_, at) => `c${at}`).join(", ")
const definitions = (shape: ReadonlyArray<Column>) => shape.map(({ type }, at) => `c${at} ${type}`).join(", ")
const rowOf = (shape: ReadonlyArray<Column>, row: number) => `(${shape.map(({ literal }) => literal(row)).join(", ")})`

/** Rows that make a statement too long. */
const rowsOf = (shape: ReadonlyArray<Column>): string => {
  const rows: Array<string> = []
  for (let length = 0, row = 0; length < 66_000; row++) {
    const written = rowOf(shape, row)
    rows.push(written)
    length += written.length + 2
  }
  return rows.join(", ")
}

const shapes = Arbitrary.map(
  Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: columns.length - 1 }))), {
    minLength: 1,
    maxLength: 9
  }),
  (indexes) => [...(columns.slice(0, 1) satisfies ReadonlyArray<Column>), ...indexes.flatMap((at) => columns[at] ?? [])]
)

const insertAll = (shape: ReadonlyArray<Column>) => async (query: Query) => [
  await query(`create table t (id serial primary key, ${definitions(shape)})`),
  await query(`INSERT INTO t (${names(shape)}) VALUES ${rowsOf(shape)}`),
  await query(`INSERT INTO t (${names(shape)}) VALUES ${rowsOf(shape)} ON CONFLICT DO NOTHING RETURNING "id", c0`),
  await query("select * from t order by id")
]

const long = "it''s \\ :x $1 — ".repeat(6_000)

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("values in a long text"), () => {
  layer(gateway(TestDatabase.postgresUrl ?? ""), { timeout: "60 seconds", excludeTestServices: true })((it) => {
    const same = Effect.fnUntraced(function* (ask: (query: Query) => Promise<ReadonlyArray<unknown>>, fails = false) {
      const ways = yield* TestGateway
      for (const values of [undefined, []]) {
        const { direct, through } = yield* Effect.promise(() =>
          bothWays(ways, (query) => ask((text) => query(text, values)))
        )
        for (const outcome of direct) if (!fails) assert.isNotString(outcome, "an error of the direct connection")
        assert.deepStrictEqual(through, direct)
      }
    })

    it.effect("are inserted as with a direct connection, whatever their types", () => same(insertAll(columns)), 120_000)

    it.effect.prop("are inserted in rows of any columns", [shapes], ([shape]) => same(insertAll(shape)), {
      timeout: 300_000,
      arbitrary: { runs: process.env["ALEX_LONG"] === "1" ? 200 : 6 }
    })

    it.effect("are updated from a list of rows, and joined to one", () =>
      same(async (query) => [
        await query("create table t (id int primary key, name text)"),
        await query("insert into t select n, 'x' from generate_series(0, 4000) n"),
        await query(
          `UPDATE t SET name = v.name FROM (VALUES ${rowsOf([{ type: "int", literal: String }, ...columns.slice(0, 1)])}) AS v(id, name) WHERE t.id = v.id`
        ),
        await query("select md5(string_agg(name, ',' order by id)) from t"),
        await query(
          `select count(*), max(v.b) from t join (values ${rowsOf([{ type: "int", literal: String }, ...columns.slice(0, 1)])}) v(a, b) on a = id`
        )
      ])
    )

    it.effect("are searched for in lists", () =>
      same(async (query) => {
        const numbers = Array.from({ length: 12_000 }, (_, n) => 3 * n).join(", ")
        const words = Array.from({ length: 6_000 }, (_, n) => quoted(`${text(n)} ${n}`)).join(",")
        return [
          await query("create table t (id int, name varchar(40), big bigint, kind mood)"),
          await query(
            `insert into t select n, array_to_string(array['it''s', n::text], ' '), n, 'sad' from generate_series(0, 4000) n`
          ),
          await query(`select count(*), sum(id) from t where id in (${numbers})`),
          await query(`SELECT count(*) FROM t WHERE id NOT IN (${numbers}, 5000000000)`),
          await query(`select count(*) from t where big in (${numbers}, -1, 1.0) and name <> 'x'`),
          await query(`select name from t where name IN (${words}) order by id limit 5`),
          await query(`select count(*) from t where id = any(array[${numbers}])`),
          await query(`select count(*) from t where id = ANY(ARRAY[${numbers}, NULL]) or name = any (array[${words}])`),
          await query(`select count(*) from t where name not in (${words}, null)`),
          await query(`delete from t where id in (${numbers}) and kind in ('sad', 'sad') returning id`)
        ]
      })
    )

    it.effect("are inserted beside defaults in every row", () =>
      same(async (query) => {
        const shape: ReadonlyArray<Column> = [
          { type: "serial", literal: () => "DEFAULT" },
          ...columns.slice(0, 5),
          { type: "timestamptz default '2020-01-01Z'", literal: () => "default" }
        ]
        return [
          await query(`create table t (${definitions(shape)})`),
          await query(`INSERT INTO t (${names(shape)}) VALUES ${rowsOf(shape)} RETURNING c0, "c1",c6`),
          await query("select * from t order by c0")
        ]
      })
    )

    it.effect("are single documents, in any clause", () =>
      same(async (query) => [
        await query("create table t (id int, doc text, other jsonb)"),
        await query(`INSERT INTO t (id, doc, other) VALUES (1, '${long}', '{"a": "${"x".repeat(70_000)}"}')`),
        await query(`insert into t values (2, E'\\\\ \\'a\\n${long}', null) returning id, md5(doc)`),
        await query(`UPDATE t SET doc = '${long}' || id WHERE doc = '${long}' AND id IN (1, 2)`),
        await query(
          `select id, length(doc), md5(doc), doc like '${long}%' as alike from t where doc <> '${long}' order by id`
        ),
        await query(`select length('${long}'), 'a' || '${long}' = doc from t`),
        await query(`select date '2020-01-01', interval '1 day', '${long}' as unnamed`)
      ])
    )

    it.effect("are refused as with a direct connection", () =>
      same(async (query) => {
        const failing = (type: string, literal: (row: number) => string) => [
          `create table t (c0 text, c1 ${type})`,
          `insert into t (c0, c1) values ${rowsOf([...columns.slice(0, 1), { type, literal }])}`,
          "drop table t"
        ]
        const outcomes: Array<unknown> = []
        for (const sql of [
          ...failing("bool", String),
          ...failing("int", () => "'none'"),
          ...failing("int", (row) => `'${row}x'`),
          ...failing("smallint", (row) => String(32_760 + row)),
          ...failing("varchar(3)", (row) => `'${row}'`),
          ...failing("int not null", (row) => (row === 700 ? "NULL" : String(row))),
          ...failing("int unique", (row) => String(row % 500)),
          ...failing("mood", (row) => `'${row}'`),
          ...failing("date", (row) => `${row}::int`),
          ...failing("mood[]", (row) => `array['sad', '${row}']`),
          ...failing("int[]", (row) => `array[${row}, 0.5]`),
          ...failing("text", (row) => (row % 2 === 0 ? `array[${row}]` : "'{}'"))
        ]) {
          outcomes.push(await query(sql))
        }
        return outcomes
      }, true)
    )

    it.effect("have backslashes with the meaning that the session gives them", () =>
      same(async (query) => [
        await query("set standard_conforming_strings = off"),
        await query("set escape_string_warning = off"),
        await query("create table t (a text)"),
        await query("insert into t values ('a\\nb'), ('\\\\')"),
        await query("select * from t")
      ])
    )
  })
})
