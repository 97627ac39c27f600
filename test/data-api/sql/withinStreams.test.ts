/** Statements that run while a stream's rows are being consumed, on databases of one connection and of many. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { SqlClient } from "effect/sql"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import { backends } from "../backends.ts"
import { columnOf } from "../columnOf.ts"
import { scripted } from "../scripted.ts"

for (const [backend, api] of backends) {
  describe(backend, () => {
    it.live("a statement, a transaction and another stream run for each row of a short stream", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table seen (n int)`
        for (const rows of [1, 15]) {
          const stream = sql<{ n: number }>`select n from generate_series(1, ${rows}::int) as n`.stream
          const seen = yield* Stream.runCollect(
            stream.pipe(
              Stream.tap(({ n }) => sql`insert into seen values (${n})`),
              Stream.tap(({ n }) => sql.withTransaction(sql`insert into seen values (${n})`)),
              Stream.flatMap(({ n }) => sql<{ n: number }>`select ${n}::int as n`.stream)
            )
          )
          assert.strictEqual(seen.length, rows)
        }
        assert.deepStrictEqual(yield* sql`select count(*)::int as n from seen`, [{ n: 32 }])
      }).pipe(Effect.provide(DataApiSql.layer().pipe(Layer.provide(api))))
    )
  })
}

it.effect("the transaction of a stream ends before its last page is emitted", () =>
  Effect.gen(function* () {
    const page = (rows: number) => ({
      records: Array.from({ length: rows }, () => [{ longValue: 1n }]),
      columnMetadata: [columnOf("int8")]
    })
    const { layer, said } = scripted(({ sql }) => (sql.startsWith("FETCH FORWARD 16 ") ? page(16) : page(1)))
    const heard: Array<number> = []
    yield* Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* Stream.runForEach(sql`select 1`.stream, () =>
        Effect.sync(() => heard.push(said().filter((call) => call === "CommitTransaction").length))
      )
    }).pipe(Effect.provide(DataApiSql.layer().pipe(Layer.provide(layer))))
    assert.deepStrictEqual(heard, [...Array.from({ length: 16 }, () => 0), 1])
  })
)
