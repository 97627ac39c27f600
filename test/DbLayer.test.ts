import { NodeServices } from "@effect/platform-node"
import { assert, describe, it, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import * as DbLayer from "../src/DbLayer.ts"
import { ClerkUserId } from "../src/domain/index.ts"
import { Catalogue, Migrate, Target } from "../src/operations/index.ts"
import { Portfolios, Users } from "../src/repository/index.ts"
import * as TestDatabase from "./TestDatabase.ts"

const ann = ClerkUserId.make("user_ann")

const serves = Effect.gen(function* () {
  yield* Migrate.migrate()
  const users = yield* Users
  yield* users.getOrCreate({ clerk_user_id: ann })
  assert.strictEqual((yield* users.findById(ann)).clerk_user_id, ann)
  yield* Portfolios
  const sql = yield* SqlClient.SqlClient
  assert.deepStrictEqual(yield* sql`select 1::integer as one`, [{ one: 1 }])
})

layer(Layer.mergeAll(DbLayer.layerEmbedded({ directory: "memory" }), DbLayer.layerReference(), NodeServices.layer), {
  timeout: "60 seconds"
})("the embedded layer", (it) => {
  it.effect("provides SqlClient, the repositories and the name of the database", () =>
    Effect.gen(function* () {
      yield* serves
      assert.deepStrictEqual(yield* Target, {
        backend: "embedded",
        database: "alex",
        location: "memory",
        isLocal: true
      })
    })
  )

  it.effect("comes with a catalogue to compare databases with", () =>
    Effect.gen(function* () {
      const { catalogue } = yield* Catalogue.Reference
      assert.deepStrictEqual(yield* catalogue, yield* Catalogue.read())
    })
  )
})

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("the PostgreSQL layer"), () => {
  it.effect("provides the same on the database of DATABASE_URL", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.freshDatabase(TestDatabase.postgresUrl ?? "")
      const environment = ConfigProvider.fromEnvRecord({ DATABASE_URL: Redacted.value(url) })
      yield* serves.pipe(
        Effect.provide(Layer.merge(DbLayer.layer, NodeServices.layer)),
        Effect.provideService(ConfigProvider.ConfigProvider, environment)
      )
    })
  )
})

it.effect("fails with the variable's name where something is missing, before anything is reached", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(
      Users.pipe(
        Effect.provide(DbLayer.layerDataApi),
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord({}))
      )
    )
    assert.include(error.message, "AURORA_CLUSTER_ARN is not set")
  })
)
