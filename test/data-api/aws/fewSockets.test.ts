/** Transactions that wait for each other, by a client that may have fewer connections than there are transactions. */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import * as HttpDataApi from "../../../src/data-api/aws/HttpDataApi.ts"
import type { DataApi } from "../../../src/data-api/DataApi.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import { HttpServer } from "../../../src/local/http/HttpServer.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { clusterArn, credentials, secretArn } from "../backends.ts"

const servers: ReadonlyArray<readonly [string, Layer.Layer<DataApi, unknown>]> = [
  // The calls outside of the transaction wait for the one connection of the database.
  ["the embedded database", TestDatabase.layer()],
  // They wait for the lock of a row.
  ...(TestDatabase.postgresUrl === undefined
    ? []
    : [["a server", TestDatabase.layerPostgres(TestDatabase.postgresUrl)] as const])
]

const client = (endpoint: string) =>
  DataApiSql.layer().pipe(
    Layer.provide(
      HttpDataApi.layer({
        clusterArn,
        secretArn: Redacted.make(secretArn),
        endpoint,
        transport: { maxSockets: 2 },
        credentials: Effect.succeed({ ...credentials, secretAccessKey: Redacted.make(credentials.secretAccessKey) })
      })
    )
  )

for (const [name, database] of servers) {
  it.live(`a transaction on ${name} goes on while calls that wait for it have all connections`, () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`create table counters (id int primary key, n int)`
      yield* sql`insert into counters values (1, 0)`
      const add = sql`update counters set n = n + 1 where id = 1`
      const begun = yield* Deferred.make<void>()
      const others = Effect.all(
        Array.from({ length: 8 }, () => add),
        { concurrency: "unbounded" }
      )
      const all = yield* Effect.forkChild(Effect.andThen(Deferred.await(begun), others))
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* add
          yield* Deferred.succeed(begun, undefined)
          // The others are on their way to the server when the next call of the transaction begins.
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          yield* add
        })
      )
      yield* Fiber.join(all)
      yield* Effect.all(
        Array.from({ length: 8 }, () => sql.withTransaction(Effect.andThen(add, add))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(yield* sql`select n from counters`, [{ n: 26 }])
    }).pipe(
      Effect.provide(
        Layer.unwrap(Effect.map(HttpServer.make({ port: 0 }), ({ url }) => client(url))).pipe(Layer.provide(database))
      )
    )
  )
}
