/** One program that asks for the `PgClient` of `@effect/sql-pg`, on each backend. */
import { PgClient, PgTypes } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, Redacted, Stream } from "effect"
import { SqlClient } from "effect/sql"
import * as DbLayer from "../../../src/DbLayer.ts"
import * as DataApiPgClient from "../../../src/data-api/PgClient.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import * as PostgresSql from "../../../src/PostgresSql.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { backends } from "../backends.ts"

const id = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"

const program = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  yield* sql`create table documents (id uuid primary key, doc jsonb, raw json, docs jsonb[], tags text[])`
  const row = {
    id,
    doc: sql.json(["a", { b: 1 }]),
    raw: sql.json("it's text"),
    docs: yield* Effect.fromResult(PgTypes.array([{ a: 1 }, null, { b: [2] }], PgTypes.OID.jsonb)),
    tags: ["x", "y"]
  }
  yield* sql`insert into documents ${sql.insert(row)}`
  yield* sql`update documents set doc = doc || ${sql.json([])} || ${sql.json([null, 7])} where id = ${id}`
  const found = yield* sql`select * from documents where doc @> ${sql.json([7])} and id = any(${[id]}::uuid[])`
  const lists = yield* sql`select ${sql.json([])} as none, ${sql.json({ k: [1] })} as one, ${sql.json(null)} as null`
  const inTransaction = yield* sql.withTransaction(sql`select ${sql.json([1, 2])} -> 1 as v`)
  const streamed = yield* Stream.runCollect(sql`select jsonb_array_elements(${sql.json([1, 2])}) as v`.stream)
  yield* sql.notify("news", "it's new")
  return { found, lists, inTransaction, streamed: [...streamed] }
})

const expected = {
  found: [
    { id, doc: ["a", { b: 1 }, null, 7], raw: "it's text", docs: [{ a: 1 }, null, { b: [2] }], tags: ["x", "y"] }
  ],
  lists: [{ none: [], one: { k: [1] }, null: null }],
  inTransaction: [{ v: 2 }],
  streamed: [{ v: 1 }, { v: 2 }]
}

type Client = Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, unknown>

const onSqlClient = (client: Layer.Layer<SqlClient.SqlClient, unknown>): Client =>
  DataApiPgClient.layerOnSqlClient.pipe(Layer.provideMerge(client))

const { postgresUrl } = TestDatabase
const fresh = (client: (url: Redacted.Redacted) => Client): Client =>
  Layer.unwrap(Effect.map(TestDatabase.freshDatabase(postgresUrl ?? ""), client))

const clients: ReadonlyArray<readonly [string, Client]> = [
  ...backends.flatMap(
    ([way, api]): ReadonlyArray<readonly [string, Client]> => [
      [`the Data API, ${way}`, DataApiPgClient.layer().pipe(Layer.provide(api))],
      [`the SqlClient of the Data API, ${way}`, onSqlClient(DataApiSql.layer().pipe(Layer.provide(api)))]
    ]
  ),
  ["DbLayer, embedded", onSqlClient(DbLayer.layerEmbedded({ directory: "memory" }))],
  ...(postgresUrl === undefined
    ? []
    : ([
        ["@effect/sql-pg itself", fresh((url) => PgClient.layer({ url }))],
        ["PostgreSQL", fresh((url) => PostgresSql.layer({ url }))],
        ["the SqlClient of PostgreSQL", fresh((url) => onSqlClient(PostgresSql.layer({ url })))]
      ] as const))
]

describe("PgClient", () => {
  for (const [name, client] of clients) {
    it.live(
      name,
      () => Effect.map(Effect.provide(program, client), (result) => assert.deepStrictEqual(result, expected)),
      120_000
    )
  }
})

it.effect("listening is refused where there is no connection that stays open, with what to do", () =>
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    const error = yield* Effect.flip(Effect.scoped(sql.listen("news")))
    assert.include(error.message, "DATABASE_URL")
  }).pipe(Effect.provide(DataApiPgClient.layer().pipe(Layer.provide(TestDatabase.layer()))))
)

describe.skipIf(postgresUrl === undefined)(TestDatabase.onPostgres("PgClient on PostgreSQL"), () => {
  it.live("listens", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const news = yield* sql.listen("news")
      yield* sql.notify("news", "hello")
      assert.deepInclude(yield* Queue.take(news), { channel: "news", payload: "hello" })
      assert.strictEqual(yield* PgClient.PgClient, yield* SqlClient.SqlClient)
    }).pipe(Effect.scoped, Effect.provide(fresh((url) => onSqlClient(PostgresSql.layer({ url })))))
  )

  it.live("transforms names and json as @effect/sql-pg does", () =>
    Effect.gen(function* () {
      const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
      const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
      const url = yield* TestDatabase.freshDatabase(postgresUrl ?? "")
      const run = (client: Client) =>
        Effect.gen(function* () {
          const sql = yield* PgClient.PgClient
          yield* sql`drop table if exists some_things`
          yield* sql`create table ${sql("someThings")} (first_name text, doc jsonb)`
          yield* sql`insert into ${sql("someThings")} ${sql.insert({
            firstName: "a",
            doc: sql.json({ inSide: [{ twoWords: 1 }] })
          })}`
          const query = sql`select * from some_things`
          return [
            yield* query,
            [...(yield* Stream.runCollect(query.stream))],
            yield* query.withoutTransform,
            yield* query.values
          ]
        }).pipe(Effect.provide(client))
      for (const transformJson of [undefined, true, false]) {
        const names = { transformQueryNames: snake, transformResultNames: camel, transformJson }
        const native = yield* run(PgClient.layer({ url, ...names }))
        assert.deepStrictEqual(yield* run(PostgresSql.layer({ url, ...names })), native)
        const api = TestDatabase.onServer(Redacted.value(url))
        assert.deepStrictEqual(yield* run(DataApiPgClient.layer(names).pipe(Layer.provide(api))), native)
      }
    })
  )
})
