/** Bulk inserts whose rows are more than placeholders, and too long for a statement: as with a direct connection. */
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { bothWays, type Query } from "./BothWays.ts"
import { layer as gateway, TestGateway } from "./TestGateway.ts"

/** An item of a row: its text, and the values of its placeholders. */
interface Item {
  readonly type: string
  readonly text: (place: (at: number) => string, row: number) => string
  readonly values: ReadonlyArray<(row: number) => unknown>
}

const one = (type: string, text: (place: string) => string, value: (row: number) => unknown): Item => ({
  type,
  text: (place) => text(place(0)),
  values: [value]
})
const constant = (type: string, text: string): Item => ({ type, text: () => text, values: [] })
const counter = (type: string, from: number): Item => ({ type, text: (_, row) => String(from + row), values: [] })

const texts = ["", "it's", '"q" \\ {}', "é😀", ":x $1 ?", "null", "NULL", "a,b)"]
const text = (row: number) => texts[row % texts.length]
const sometimesNull = (value: (row: number) => unknown) => (row: number) => (row % 7 === 3 ? null : value(row))
const number = (row: number) => row * 3

const items: ReadonlyArray<Item> = [
  one("varchar", (place) => `${place}::VARCHAR`, sometimesNull(text)),
  one("varchar(40)", (place) => `${place}`, text),
  one("text", (place) => `upper(${place}::text) || 'x, (y)'`, text),
  one("text", (place) => `coalesce(${place}, 'none')`, sometimesNull(text)),
  one("int", (place) => `${place}::INTEGER`, sometimesNull(number)),
  one("int", (place) => `CAST(${place} AS int)`, number),
  one("int", (place) => place, sometimesNull(number)),
  one(
    "bigint",
    (place) => `${place}::BIGINT`,
    (row) => `${9007199254740993n + BigInt(row)}`
  ),
  one(
    "numeric(20, 5)",
    (place) => `${place}::NUMERIC(20, 5)`,
    (row) => `${row}.00001`
  ),
  one(
    "float8",
    (place) => `${place}::FLOAT`,
    (row) => row / 7
  ),
  one(
    "bool",
    (place) => `${place}::BOOLEAN`,
    (row) => row % 2 === 0
  ),
  one(
    "uuid",
    (place) => `${place}::UUID`,
    (row) => `a0eebc99-9c0b-4ef8-bb6d-${String(row).padStart(12, "0")}`
  ),
  one(
    "timestamptz",
    (place) => `${place}::TIMESTAMP WITH TIME ZONE`,
    (row) => new Date(row * 1000).toISOString()
  ),
  one(
    "date",
    (place) => `${place}::date + 1`,
    () => "2020-02-28"
  ),
  one(
    "jsonb",
    (place) => `${place}::JSONB`,
    (row) => JSON.stringify({ row, list: [null, "x"] })
  ),
  one(
    "bytea",
    (place) => `${place}::BYTEA`,
    (row) => Buffer.from([row % 256, 0, 255])
  ),
  one(
    "int[]",
    (place) => `${place}::INTEGER[]`,
    sometimesNull((row) => [row, null])
  ),
  one("text[]", (place) => `ARRAY[${place}::text, 'c', null]`, text),
  one(
    "mood",
    (place) => `${place}::mood`,
    (row) => (row % 2 === 0 ? "sad" : "very happy")
  ),
  one(
    "regclass",
    (place) => `${place}::regclass`,
    (row) => (row % 2 === 0 ? "pg_class" : "1249")
  ),
  one(
    "short",
    (place) => place,
    (row) => `s${row % 100}`
  ),
  {
    type: "int",
    text: (place) => `(${place(0)}::int + ${place(1)}::int) * 2`,
    values: [number, (row) => row]
  },
  constant("timestamptz", "now()"),
  constant("text", "NULL"),
  constant("bool", "true"),
  constant("text", "'x, ('':y) $1'"),
  constant("mood", "'sad'"),
  constant("numeric", "-1.5"),
  constant("date", "'2020-02-29'"),
  constant("bigint", "nextval('one')"),
  constant("int", "array_length(array[1, 2, 3], 1)"),
  counter("int", 0),
  counter("text", 1),
  counter("smallint", 70)
]

const names = (shape: ReadonlyArray<Item>) => shape.map((_, at) => `c${at}`).join(", ")

/** The rows in parentheses, and their values; the placeholders of the parameters before them are `from` many. */
const rowsOf = (shape: ReadonlyArray<Item>, count: number, from = 0) => {
  const values: Array<unknown> = []
  const rows = Array.from({ length: count }, (_, row) => {
    const cells = shape.map((item) => {
      const first = from + values.length + 1
      values.push(...item.values.map((value) => value(row)))
      return item.text((at) => `$${first + at}`, row)
    })
    return `(${cells.join(", ")})`
  })
  return { rows: rows.join(", "), values }
}

/** As many rows as make a statement too long. */
const tooMany = (shape: ReadonlyArray<Item>): number => Math.ceil(66_000 / rowsOf(shape, 1).rows.length)

const upTo = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))
const withValues = items.filter(({ values }) => values.length > 0)
/** Items of any kind around one that has values. */
const shapes = Arbitrary.map(
  Arbitrary.all([
    Arbitrary.array(upTo(items.length - 1), { maxLength: 6 }),
    upTo(withValues.length - 1),
    Arbitrary.array(upTo(items.length - 1), { maxLength: 6 })
  ]),
  ([before, at, after]) => [
    ...before.flatMap((index) => items[index] ?? []),
    ...withValues.slice(at, at + 1),
    ...after.flatMap((index) => items[index] ?? [])
  ]
)

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres("rows that are more than placeholders"),
  () => {
    layer(gateway(TestDatabase.postgresUrl ?? ""), { timeout: "60 seconds", excludeTestServices: true })((it) => {
      const same = Effect.fnUntraced(function* (ask: (query: Query) => Promise<ReadonlyArray<unknown>>) {
        const ways = yield* TestGateway
        const { direct, through } = yield* Effect.promise(() => bothWays(ways, ask))
        for (const outcome of direct) assert.isNotString(outcome, "an error of the direct connection")
        assert.deepStrictEqual(through, direct)
      })

      it.effect(
        "are inserted by the statements of SQLAlchemy",
        () =>
          same(async (query) => {
            const wide = Array.from({ length: 12 }, (_, at) => items[at % 2 === 0 ? 0 : 4] ?? counter("int", 0))
            const columns = wide.map(({ type }, at) => `c${at} ${type}`).join(", ")
            const created = await query(`create table t (id serial primary key, ${columns}, at timestamptz)`, [])
            const plain = rowsOf([...wide, constant("timestamptz", "now()")], 1000)
            const sorted = rowsOf([...wide, counter("int", 0)], 1000)
            const parts = wide.map(({ type }, at) => `p${at}::${type}`).join(", ")
            const aliases = wide.map((_, at) => `p${at}`).join(", ")
            return [
              created,
              await query(`INSERT INTO t (${names(wide)}, at) VALUES ${plain.rows} RETURNING t.id, t.c0`, plain.values),
              await query(
                `INSERT INTO t (${names(wide)}) SELECT ${parts} FROM (VALUES ${sorted.rows}) AS imp_sen(${aliases}, sen_counter) ORDER BY sen_counter RETURNING t.id, t.id AS id__1, c0`,
                sorted.values
              ),
              await query("select * from t order by id", [])
            ]
          }),
        120_000
      )

      it.effect(
        "are inserted by the statements of Drizzle, which name every column and write DEFAULT for those without a value",
        () =>
          same(async (query) => {
            const given = (count: number, from = 0) =>
              Array.from({ length: count }, (_, n) => `(default, $${from + 2 * n + 1}, default, $${from + 2 * n + 2})`)
            const values = (count: number) =>
              Array.from({ length: count }, (_, n) => [n % 7 === 3 ? null : n, text(n)]).flat()
            const into = 'insert into "t" ("id", "a", "at", "b")'
            return [
              await query(
                "create table t (id serial primary key, a int, at timestamptz default '2020-01-01Z', b varchar(20))",
                []
              ),
              await query(`${into} values ${given(3000).join(", ")}`, values(3000)),
              await query(`${into} values ${given(2000).join(", ")} returning "id", "a", "b"`, values(2000)),
              await query(
                `${into} values ${given(3000).join(", ")} on conflict ("id") do update set "a" = excluded."a" + $6001 returning "id"`,
                [...values(3000), 1]
              ),
              await query("select * from t order by id", [])
            ]
          }),
        120_000
      )

      it.effect.prop(
        "give what they give with a direct connection, in their order, whatever their shape",
        { shape: shapes, few: upTo(90), isLong: Schema.Boolean },
        Effect.fnUntraced(function* ({ few, isLong, shape }) {
          const count = few + (isLong ? tooMany(shape) : 2)
          yield* same(async (query) => {
            const columns = shape.map(({ type }, at) => `c${at} ${type}`).join(", ")
            await query(`create table t (id serial primary key, ${columns})`, [])
            const { rows, values } = rowsOf(shape, count)
            const selected = rowsOf(shape, count, 1)
            const casts = shape.map(({ type }, at) => `c${at}::text::${type}`).join(", ")
            return [
              await query(`insert into t (${names(shape)}) values ${rows} returning *`, values),
              await query(`insert into t (${names(shape)}) values ${rows}`, values),
              await query(`VALUES ${rows}`, values),
              await query(
                `with given(${names(shape)}) as (values ${selected.rows}) insert into t (${names(shape)}) select ${casts} from given where $1 > 0 returning id, ${names(shape)}`,
                [1, ...selected.values]
              ),
              await query("select count(*), max(id) from t", [])
            ]
          })
        }),
        { timeout: 300_000, arbitrary: { runs: Number(process.env["ALEX_SHAPES"] ?? 12) } }
      )
    })
  }
)
