/** What operations run on in tests: an embedded database of their own, or one on a PostgreSQL server. */
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Ref } from "effect"
import { SqlClient } from "effect/sql"
import { DataApi } from "../../src/data-api/DataApi.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { Catalogue, Migrate, Target } from "../../src/operations/index.ts"
import * as TestDatabase from "../TestDatabase.ts"

/** The requests that the `DataApi` has had: the SQL of each, or the name of the operation. */
export class Requests extends Context.Service<Requests, Ref.Ref<ReadonlyArray<string>>>()("test/operations/Requests") {
  static readonly layer = Layer.effect(Requests, Ref.make<ReadonlyArray<string>>([]))
}

const counted = Layer.effect(
  DataApi,
  Effect.gen(function* () {
    const api = yield* DataApi
    const requests = yield* Requests
    const note = (name: string) => Ref.update(requests, (sent) => [...sent, name])
    return DataApi.of({
      executeStatement: (request) => Effect.andThen(note(request.sql), api.executeStatement(request)),
      batchExecuteStatement: (request) => Effect.andThen(note(request.sql), api.batchExecuteStatement(request)),
      beginTransaction: (request) => Effect.andThen(note("BeginTransaction"), api.beginTransaction(request)),
      commitTransaction: (request) => Effect.andThen(note("CommitTransaction"), api.commitTransaction(request)),
      rollbackTransaction: (request) => Effect.andThen(note("RollbackTransaction"), api.rollbackTransaction(request))
    })
  })
)

/** The requests that an effect makes, and what it returns. */
export const countRequests = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const requests = yield* Requests
  yield* Ref.set(requests, [])
  const result = yield* effect
  return { result, sent: yield* Ref.get(requests) }
})

/** What a target is called in tests. */
export const local = Layer.succeed(Target, {
  backend: "embedded",
  database: "alex",
  location: "memory",
  isLocal: true
})

/** A target that must not be emptied by mistake. */
export const remote = Layer.succeed(Target, {
  backend: "data-api",
  database: "production",
  location: "arn:aws:rds:us-east-1:123456789012:cluster:alex",
  isLocal: false
})

const embeddedSql = DataApiSql.layer().pipe(Layer.provide(Layer.suspend(() => TestDatabase.layer())))

/** The catalogue of the migrations on an embedded database of its own, made once for a test file. */
const reference = Layer.succeed(Catalogue.Reference, {
  catalogue: Effect.runSync(
    Effect.cached(
      Effect.andThen(Migrate.migrate({ packed: true }), Catalogue.read()).pipe(
        Effect.provide(Layer.merge(embeddedSql, NodeServices.layer)),
        Effect.mapError(({ message }) => new Catalogue.ReferenceUnavailable({ message }))
      )
    )
  )
})

/** Everything but the database. */
export const around = Layer.mergeAll(NodeServices.layer, local, reference)

/** A fresh embedded database behind the Data API, whose requests are counted. */
export const embedded = DataApiSql.layer().pipe(
  Layer.provide(counted),
  Layer.provide(Layer.suspend(() => TestDatabase.layer())),
  Layer.provideMerge(Requests.layer),
  Layer.merge(around)
)

/**
 * A fresh database on the PostgreSQL server of `TEST_POSTGRES_URL`, made with these options, whose sessions begin with
 * these settings.
 */
export const postgresWith = (startupParameters: Readonly<Record<string, string>>, options = "") =>
  Layer.unwrap(
    Effect.map(TestDatabase.freshDatabase(TestDatabase.postgresUrl ?? "postgres://127.0.0.1", options), (url) =>
      PgClient.layer({ url, maxConnections: 12, startupParameters })
    )
  ).pipe(Layer.merge(Requests.layer), Layer.merge(around))

/** A fresh database on the PostgreSQL server of `TEST_POSTGRES_URL`. */
export const postgres = postgresWith({})

/** Runs statements one after the other. */
export const execute = Effect.fnUntraced(function* (...statements: ReadonlyArray<string>) {
  const sql = yield* SqlClient.SqlClient
  for (const statement of statements) yield* sql.unsafe(statement)
})

/** Carries a result out of a transaction that it rolls back. */
class Undone<A> {
  readonly _tag = "Undone"
  readonly result: A
  constructor(result: A) {
    this.result = result
  }
}

/** Runs an effect in a transaction that is rolled back, whatever comes of it. */
export const undone = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const sql = yield* SqlClient.SqlClient
  return yield* sql.withTransaction(Effect.flatMap(effect, (result) => Effect.fail(new Undone(result)))).pipe(
    Effect.catchIf(
      (error): error is Undone<A> => error instanceof Undone,
      ({ result }) => Effect.succeed(result)
    )
  )
})
