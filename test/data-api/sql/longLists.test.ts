/** Lists that would make a statement longer than the service takes, as they run on `@effect/sql-pg`. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Effect, Layer, Predicate, Result, Stream } from "effect"
import type { SqlClient } from "effect/sql"
import type { DataApi } from "../../../src/data-api/DataApi.ts"
import * as DataApiPgClient from "../../../src/data-api/PgClient.ts"
import { typedParameter } from "../../../src/data-api/values/PgEncode.ts"
import * as TestDatabase from "../../TestDatabase.ts"

const schema = [
  "create type mood as enum ('sad', 'ok')",
  `create table rows (id int primary key, label text, at timestamptz, doc jsonb, bytes bytea, amount numeric(20, 4),
    real8 float8, flag bool, big int8, key uuid, feeling mood, tags text[], day date, code varchar(9))`,
  `create table gaps (id serial, label text, n int, at timestamptz, doc jsonb, list int[], tags text[], flag bool, real8 float8)`,
  "create table amounts (id serial, amount numeric)",
  `create table mixes (id int, label text, code varchar(9), amount numeric(20, 2), real8 float8, big int8, small int2, doc jsonb,
    at timestamptz, day date, flag bool, feeling mood, tags text[], ns int8[], key uuid)`
]

const uuid = (n: number) => `a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, "0")}`
const texts = ["", "it's", '"q" \\ {}', "é😀", ":x $1 ?", "null"]
const reals = [0.1, -0, Number.NaN, Number.NEGATIVE_INFINITY, 1e300]

const rowOf = (sql: PgClient.PgClient, id: number) => ({
  id,
  label: id % 5 === 0 ? null : texts[id % texts.length],
  at: new Date(id * 1000),
  doc: sql.json({ id, list: [id, null, "x"] }),
  bytes: new Uint8Array([id % 256, 0]),
  amount: `${id}.2500`,
  real8: reals[id % reals.length],
  flag: id % 2 === 0,
  big: 9007199254740993n + BigInt(id),
  key: uuid(id),
  feeling: id % 3 === 0 ? "sad" : "ok",
  tags: [`t${id}`, "a,b"],
  day: "2026-01-02",
  code: null
})

/** Columns with values and NULLs, or arrays with and without elements. */
const gapsOf = (sql: PgClient.PgClient, id: number) => ({
  label: id % 7 === 0 ? null : `x${id}`,
  n: id % 2 === 0 ? undefined : id,
  at: id % 3 === 0 ? null : new Date(id * 1000),
  doc: id % 4 === 0 ? null : sql.json(id % 5 === 0 ? null : [id]),
  list: id % 3 === 0 ? [] : id % 3 === 1 ? [id, null] : null,
  tags: id % 2 === 0 ? [] : ["a,b"],
  flag: id % 2 === 0 ? null : true,
  real8: id % 2 === 0 ? id : id % 3 === 0 ? null : id + 0.1
})

/** Columns in which strings are beside numbers, Dates, booleans, typed parameters and arrays. */
const mixOf = (sql: PgClient.PgClient, id: number) => {
  const one = (...values: ReadonlyArray<unknown>) => values[id % values.length]
  return {
    id: id % 4 === 3 ? `${id}` : id,
    label: one("s", id, null, id + 0.5, true, 1e21, 2n ** 60n),
    code: one("c", id, false),
    amount: one("1.25", id, 0.5, 9007199254740993n),
    real8: one("NaN", 0.1, 3),
    big: one("12", 7, -9007199254740993n, null),
    small: one(1, "2"),
    doc: one('{"s":1}', sql.json({ id }), null),
    at: one("2026-01-02T03:04:05Z", new Date(id * 1000)),
    day: one("2026-01-02", new Date(id * 100_000_000)),
    flag: one("f", true, null),
    feeling: one("sad", null, "ok"),
    tags: one(["a"], "{b,c}", [], null),
    ns: one([1, null], "{2}", [3n], []),
    key: one(uuid(id), typedParameter(2950, uuid(id)))
  }
}

const rowsOf = (sql: PgClient.PgClient, length: number, last: string) =>
  sql.unsafe(
    `insert into gaps (n, label) values ${numbers(length)
      .map((n) => `($${2 * n + 1}, $${2 * n + 2})`)
      .join(", ")}${last} returning n, label`,
    numbers(2 * length).map((n) => (n % 2 === 0 ? n : `x${n}`))
  )

const numbers = (length: number, from = 0) => Arr.makeBy(length, (index) => index + from)

const program = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  for (const statement of schema) yield* sql.unsafe(statement)
  const many = Arr.map(numbers(400), (id) => rowOf(sql, id))
  const inserted = yield* sql`insert into rows ${sql.insert(many)} returning *`
  const upserted = yield* sql`insert into rows ${sql.insert(Arr.map(numbers(400, 300), (id) => rowOf(sql, id)))}
    on conflict (id) do update set label = excluded.label || ${"!"} where rows.id < ${350} returning id, label`
  const found =
    yield* sql`select id from rows where ${sql.in("id", numbers(9000))} and ${sql.in("key", numbers(5000).map(uuid))}
    and label is distinct from ${"é😀"} order by id`
  const none = yield* sql`select id from rows where id not in ${sql.in(numbers(9000))}`
  const pairs = numbers(3000).map((n) => sql`(${n}, ${uuid(n)})`)
  const byPair = yield* sql`select count(*) from rows where (id, key) in (${sql.csv(pairs)})`
  const updated = yield* sql.withTransaction(sql`update rows set code = data.code, amount = data.amount::numeric
    from ${sql.updateValues(
      Arr.map(numbers(3000), (id) => ({ id, code: `c${id}`, amount: "7" })),
      "data"
    )} where rows.id = data.id returning rows.id, rows.code, rows.amount`)
  const streamed = yield* Stream.runCollect(
    sql`select id from rows where id in ${sql.in(numbers(9000))} order by id desc`.stream
  )
  const values = yield* sql
    .unsafe(
      `values ${numbers(6000)
        .map((n) => `($${2 * n + 1}::int, $${2 * n + 2}::text)`)
        .join(", ")} limit 2`,
      numbers(12_000).map((n) => (n % 2 === 0 ? n : `${n}`))
    )
    .pipe(Effect.result)
  const gaps = yield* sql`insert into gaps ${sql.insert(Arr.map(numbers(2000), (id) => gapsOf(sql, id)))} returning *`
  const mixes = yield* sql`insert into mixes ${sql.insert(Arr.map(numbers(1500), (id) => mixOf(sql, id)))} returning *`
  const wrong = yield* Effect.all(
    [{ small: 40_000 }, { code: 1_234_567_890 }].map((mixed: Record<string, unknown>) => {
      const rows = Arr.map(numbers(3000), (id) => ({ small: "1", code: "c", ...(id === 2900 ? mixed : {}) }))
      return Effect.map(Effect.flip(sql`insert into mixes ${sql.insert(rows)}`), ({ reason: { cause } }) =>
        Predicate.hasProperty(cause, "code") ? cause.code : cause
      )
    })
  )
  const classes = yield* sql`select relname from pg_class where relname in ('pg_class', 'pg_type') and oid in ${sql.in(
    numbers(9000).map((oid) => typedParameter(2205, oid))
  )} order by relname`
  const exact = yield* Effect.result(
    sql`insert into amounts ${sql.insert(
      Arr.map(numbers(6000), (n) => ({ amount: n % 2 === 0 ? 1234567890123456 : 0.5 }))
    )} returning amount`
  )
  const literalRow = yield* Effect.result(rowsOf(sql, 4000, ", (1, 'literal')"))
  const nulls = yield* Effect.result(sql`select id from rows where id in ${sql.in(numbers(12_000).map(() => null))}`)
  const refused = [literalRow, nulls].map((result) =>
    Result.isSuccess(result) ? "done" : /takes 65536/.exec(result.failure.message)?.[0]
  )
  const duplicate = yield* Effect.flip(sql`insert into rows ${sql.insert(many)}`)
  return {
    inserted,
    upserted,
    found,
    none,
    byPair,
    updated: [...updated].sort((a, b) => Number(a["id"]) - Number(b["id"])),
    streamed,
    gaps,
    mixes,
    wrong,
    classes,
    exact,
    refused,
    values: values._tag === "Success" ? values.success : "refused",
    duplicate: duplicate.reason._tag
  }
})

const { postgresUrl } = TestDatabase
const dataApi = (api: Layer.Layer<DataApi, unknown>) => DataApiPgClient.layer().pipe(Layer.provide(api))

describe.skipIf(postgresUrl === undefined)(TestDatabase.onPostgres("long lists"), () => {
  it.live(
    "give the same as on @effect/sql-pg",
    () =>
      Effect.gen(function* () {
        const run = (client: Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, unknown>) =>
          Effect.provide(program, client)
        const native = yield* run(PgClient.layer({ url: yield* TestDatabase.freshDatabase(postgresUrl ?? "") }))
        for (const api of [TestDatabase.layerPostgres(postgresUrl ?? ""), TestDatabase.layer()]) {
          const found = yield* run(dataApi(api))
          // Not packed: a row with a cast within it, and what one type for a column would change.
          const refused = native.refused.map(() => "takes 65536")
          assert.deepStrictEqual(found, { ...native, values: "refused", refused })
        }
      }),
    120_000
  )
})
