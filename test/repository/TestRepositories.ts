/** The repositories on a migrated, empty database: embedded behind the Data API, or on PostgreSQL. */
import { readdir, readFile } from "node:fs/promises"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted, Ref } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient } from "effect/sql"
import { describe } from "vitest"
import { DataApi } from "../../src/data-api/DataApi.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { splitStatements } from "../../src/data-api/statement/SqlLexer.ts"
import * as PostgresSql from "../../src/PostgresSql.ts"
import * as Repositories from "../../src/repository/index.ts"
import * as TestDatabase from "../TestDatabase.ts"

const folder = new URL("../../migrations/", import.meta.url)

/** Runs the migrations from `from` (the first unless given) to `to` (the last), statement by statement. */
export const migrate = Effect.fnUntraced(function* (options?: { readonly from?: string; readonly to?: string }) {
  const sql = yield* SqlClient.SqlClient
  const files = (yield* Effect.promise(() => readdir(folder))).sort()
  for (const file of files.filter((name) => name >= (options?.from ?? "") && name <= (options?.to ?? "~"))) {
    const script = yield* Effect.promise(() => readFile(new URL(file, folder), "utf8"))
    yield* sql.withTransaction(Effect.forEach(splitStatements(script), (statement) => sql.unsafe(statement.sql)))
  }
})

/** The requests that the `DataApi` has had: the SQL of each, or the name of the operation. */
export class Requests extends Context.Service<Requests, Ref.Ref<ReadonlyArray<string>>>()("test/repository/Requests") {
  static readonly layer = Layer.effect(Requests, Ref.make<ReadonlyArray<string>>([]))
}

/** The requests that an effect makes, and what it returns. */
export const countRequests = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const requests = yield* Requests
  yield* Ref.set(requests, [])
  const result = yield* effect
  const sent = yield* Ref.get(requests)
  return { result, requests: sent.length, sent }
})

const counted = Layer.effect(
  DataApi,
  Effect.gen(function* () {
    const api = yield* DataApi
    const requests = yield* Requests
    const note =
      <A, B, E>(call: (request: A) => Effect.Effect<B, E>, name: (request: A) => string) =>
      (request: A) =>
        Effect.andThen(
          Ref.update(requests, (sent) => [...sent, name(request)]),
          call(request)
        )
    return {
      executeStatement: note(api.executeStatement, ({ sql }) => sql),
      batchExecuteStatement: note(api.batchExecuteStatement, ({ sql }) => sql),
      beginTransaction: note(api.beginTransaction, () => "BeginTransaction"),
      commitTransaction: note(api.commitTransaction, () => "CommitTransaction"),
      rollbackTransaction: note(api.rollbackTransaction, () => "RollbackTransaction")
    }
  })
)

/** A `SqlClient` on an embedded database without tables. */
export const embeddedSql = DataApiSql.layer().pipe(
  Layer.provide(counted),
  Layer.provide(TestDatabase.layer()),
  Layer.provideMerge(Requests.layer)
)

const url = process.env["TEST_POSTGRES_URL"]

/** Whether there is a PostgreSQL to test on. */
export const hasPostgres = url !== undefined

/** Says aloud that tests are skipped for want of a PostgreSQL. */
export const skipWithoutPostgres = (what: string) => {
  process.stderr.write(`Skipped: ${what} on PostgreSQL, since TEST_POSTGRES_URL is not set\n`)
  describe.skip(`${what} on PostgreSQL (skipped: TEST_POSTGRES_URL is not set)`, () => {})
}

/** A `SqlClient` on a PostgreSQL database of its own, made with these options, without tables, that is dropped at the end. */
const postgresSqlWith = (options: string) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const target = new URL(url ?? "postgres://unset")
      const admin = yield* PgClient.make({ url: Redacted.make(target.href), maxConnections: 1 })
      const name = `repository_test_${process.pid}_${crypto.randomUUID().slice(0, 8)}`
      yield* Effect.acquireRelease(admin`CREATE DATABASE ${admin(name)} ${admin.literal(options)}`, () =>
        Effect.orDie(admin`DROP DATABASE ${admin(name)} WITH (FORCE)`)
      )
      target.pathname = `/${name}`
      return PostgresSql.layer({ url: Redacted.make(target.href), maxConnections: 8 })
    })
  ).pipe(Layer.provide(Reactivity.layer))

/** {@link postgresSqlWith} nothing else. */
export const postgresSql = postgresSqlWith("")

const migrated = Layer.effectDiscard(migrate())

/** The repositories on an embedded database, behind a `DataApi` that counts requests. */
export const embedded = Repositories.layer.pipe(Layer.provideMerge(migrated), Layer.provideMerge(embeddedSql))

/** The repositories on PostgreSQL. */
export const postgres = Repositories.layer.pipe(Layer.provideMerge(migrated), Layer.provideMerge(postgresSql))

/** The repositories on a PostgreSQL database that is made with these options. */
export const postgresWith = (options: string) =>
  Repositories.layer.pipe(Layer.provideMerge(migrated), Layer.provideMerge(postgresSqlWith(options)))
