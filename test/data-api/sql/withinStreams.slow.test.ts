/** Statements that run while a stream's rows are being consumed, on databases of one connection and of many. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { SqlClient } from "effect/sql"
import type { DataApi } from "../../../src/data-api/DataApi.ts"
import * as RetryPolicy from "../../../src/data-api/RetryPolicy.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import { Faults } from "../../../src/local/faults/Faults.ts"
import * as TestDatabase from "../../TestDatabase.ts"
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

it.live("a stream that is interrupted while its transaction is being committed ends that transaction", () =>
  Effect.gen(function* () {
    const { layer, said } = scripted(({ operation }) =>
      operation === "CommitTransaction" ? Effect.never : { records: [], columnMetadata: [columnOf("int8")] }
    )
    const drained = Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* Stream.runDrain(sql`select 1`.stream)
    }).pipe(Effect.provide(DataApiSql.layer().pipe(Layer.provide(layer))))
    yield* Effect.timeoutOption(drained, "100 millis")
    assert.strictEqual(said().at(-1), "RollbackTransaction")
  })
)

const embedded: ReadonlyArray<readonly [string, Layer.Layer<DataApi, unknown>]> = [
  ["the embedded database", TestDatabase.layer()],
  ["behind a retry policy", RetryPolicy.layer().pipe(Layer.provide(TestDatabase.layer()))],
  ["behind faults", Faults.layer().pipe(Layer.provide(TestDatabase.layer()))],
  ...(TestDatabase.postgresUrl === undefined
    ? []
    : [["a server", TestDatabase.layerPostgres(TestDatabase.postgresUrl)] as const])
]

const numbers = (sql: SqlClient.SqlClient, rows: number) =>
  sql<{ n: number }>`select n from generate_series(1, ${rows}::int) as n`.stream

for (const [backend, api] of embedded) {
  const run = <A, E>(program: (sql: SqlClient.SqlClient) => Effect.Effect<A, E>) =>
    Effect.provide(Effect.flatMap(SqlClient.SqlClient, program), DataApiSql.layer().pipe(Layer.provide(api)))

  describe(backend, () => {
    it.live("a statement, a transaction and another stream run for each row of a long stream", () =>
      run((sql) =>
        Effect.gen(function* () {
          yield* sql`create table seen (n int)`
          for (const rows of [16, 17, 300]) {
            const seen = yield* Stream.runCollect(
              numbers(sql, rows).pipe(
                Stream.tap(({ n }) => sql`insert into seen values (${n})`),
                Stream.tap(({ n }) => sql.withTransaction(sql`insert into seen values (${n})`)),
                Stream.flatMap(({ n }) => sql<{ n: number }>`select ${n}::int as n`.stream)
              )
            )
            assert.deepStrictEqual(
              seen.map(({ n }) => n),
              Array.from({ length: rows }, (_, index) => index + 1)
            )
          }
          assert.deepStrictEqual(yield* sql`select count(*)::int as n from seen`, [{ n: 666 }])
        })
      )
    )

    it.live("two streams are read side by side, and one as far as its consumer wants", () =>
      run((sql) =>
        Effect.gen(function* () {
          const both = yield* Stream.runCollect(Stream.zip(numbers(sql, 500), numbers(sql, 400)))
          assert.strictEqual(both.length, 400)
          const few = yield* Stream.runCollect(Stream.take(numbers(sql, 100_000), 2))
          assert.strictEqual(few.length, 2)
          assert.deepStrictEqual(yield* sql`select 1 as n`, [{ n: 1 }])
        })
      )
    )

    it.live("an error of a later page comes after the rows before it, whoever else runs statements", () =>
      run((sql) =>
        Effect.gen(function* () {
          const seen: Array<number> = []
          const stream = sql<{ q: number }>`select 1000 / (100 - n) as q from generate_series(1, 200) as n`.stream
          const error = yield* Effect.flip(
            Stream.runForEach(stream, ({ q }) => Effect.map(sql`select 1`, () => seen.push(q)))
          )
          assert.include(error.message, "division by zero")
          assert.strictEqual(seen.length, 16)
          assert.deepStrictEqual(yield* sql`select 1 as n`, [{ n: 1 }])
        })
      )
    )

    it.live("a statement that is interrupted while a stream reads ahead leaves the stream complete", () =>
      run((sql) =>
        Effect.gen(function* () {
          const seen = yield* Stream.runCollect(
            numbers(sql, 3000).pipe(
              Stream.tap(({ n }) =>
                n === 1 ? Effect.asVoid(Effect.timeoutOption(sql`select 1`, "1 millis")) : Effect.void
              )
            )
          )
          assert.strictEqual(seen.length, 3000)
        })
      )
    )
  })
}
