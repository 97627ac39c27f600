/** Results that are too large for one response, as they are read on `@effect/sql-pg`. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import type { DataApi } from "../../../src/data-api/DataApi.ts"
import * as DataApiPgClient from "../../../src/data-api/PgClient.ts"
import * as TestDatabase from "../../TestDatabase.ts"

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

const program = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  yield* sql`create table rows (row_no int primary key, long_text text, doc jsonb, at timestamptz, big int8, lasts interval)`
  yield* sql`insert into rows select n, repeat('é', 1000), ${sql.json({ innerKey: [1, null] })}, '2026-01-01Z'::timestamptz + n * interval '1 s',
    9007199254740993 + n, n * interval '1 minute' from generate_series(1, 800) n`
  const numbers = (rows: ReadonlyArray<{ readonly rowNo?: unknown }>) => rows.map(({ rowNo }) => Number(rowNo))
  const some = sql<{
    rowNo: number
  }>`select row_no, long_text, doc, big from rows where row_no > ${"3"} and long_text like ${"é%"}`
  const rows = yield* some
  const raw = yield* sql`select row_no, long_text from rows order by row_no`.raw
  const inTransaction = yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* sql`update rows set long_text = long_text || '!' where row_no = 1`
      const read = yield* sql<{ longText: string }>`select long_text from rows order by row_no`
      const nested = yield* sql.withTransaction(
        Effect.andThen(sql`delete from rows where row_no > 799`, sql`select * from rows order by row_no`)
      )
      yield* sql`delete from rows where row_no = 1`
      return [read.length, read[0]?.longText.length, nested.length, nested[0]]
    })
  )
  return {
    rows: numbers(rows),
    last: rows.at(-1),
    values: (yield* some.values).map((row) => [row[0], row.length]),
    unprepared: numbers(yield* some.unprepared),
    untransformed: (yield* some.withoutTransform)[7],
    raw:
      typeof raw === "object" && raw !== null && "rows" in raw && "rowCount" in raw && "command" in raw
        ? [Array.isArray(raw.rows) && raw.rows[799], raw.rowCount, raw.command]
        : "none",
    inTransaction,
    unreturned: (yield* sql`select row_no, lasts, long_text from rows order by row_no limit 700`).at(-1),
    joined: yield* sql`with all_rows as (select * from rows) select a.row_no, a.long_text, b.row_no as other
      from all_rows a left join all_rows b on b.row_no = a.row_no + 1 order by 1 desc`,
    left: yield* sql`select count(*) from rows`
  }
})

/** What the service can't give in pages, as it could not know that it may run twice. */
const refused = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`create function twice(n int) returns int as 'begin return 2 * n; end' language plpgsql`
  yield* sql`create table written (n int)`
  const large = (statement: string) => Effect.map(Effect.flip(sql.unsafe(statement)), ({ message }) => message)
  const functions = yield* large("select twice(n), repeat('x', 1000) as x from generate_series(1, 1100) n")
  const written = yield* large(
    "insert into written select n from generate_series(1, 1100) n returning n, repeat('x', 1000)"
  )
  const row = yield* large("select repeat('x', 1100000) as x from generate_series(1, 20)")
  const inTransaction = yield* Effect.flip(
    sql.withTransaction(Effect.ignore(sql`select repeat('x', 1100000) as x from generate_series(1, 20)`))
  )
  return [functions, written, row, inTransaction.message, (yield* sql`select count(*) from written`)[0]]
})

const { postgresUrl } = TestDatabase
const names = { transformQueryNames: snake, transformResultNames: camel }
const dataApi = (api: Layer.Layer<DataApi, unknown>) => DataApiPgClient.layer(names).pipe(Layer.provide(api))

describe.skipIf(postgresUrl === undefined)(TestDatabase.onPostgres("large results"), () => {
  it.live(
    "are read as on @effect/sql-pg",
    () =>
      Effect.gen(function* () {
        const run = (client: Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, unknown>) =>
          Effect.provide(program, client)
        const native = yield* run(
          PgClient.layer({ url: yield* TestDatabase.freshDatabase(postgresUrl ?? ""), ...names })
        )
        for (const api of [TestDatabase.layerPostgres(postgresUrl ?? ""), TestDatabase.layer()]) {
          assert.deepStrictEqual(yield* run(dataApi(api)), native)
        }
      }),
    120_000
  )

  it.live("say what to do where only one response can hold them", () =>
    Effect.gen(function* () {
      const api = TestDatabase.layerPostgres(postgresUrl ?? "")
      const [functions, written, row, inTransaction, count] = yield* Effect.provide(refused, dataApi(api))
      for (const message of [functions, written]) assert.include(message, "Read it as a stream")
      assert.include(row, "A single row exceeds it")
      assert.include(inTransaction, "The transaction was rolled back")
      assert.deepStrictEqual(count, { count: 1100n })
    })
  )
})
