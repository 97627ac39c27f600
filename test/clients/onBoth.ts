/** Programs for a `SqlClient` that are run on `@effect/sql-pg` and over the Data API, to compare what they return. */
import { PgClient } from "@effect/sql-pg"
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { DataApi } from "../../src/data-api/DataApi.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import * as TestDatabase from "../TestDatabase.ts"

const names = {
  transformQueryNames: (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  transformResultNames: (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

const url = TestDatabase.postgresUrl ?? ""

/** `@effect/sql-pg` on a fresh database. */
export const native = Layer.unwrap(
  Effect.map(TestDatabase.freshDatabase(url), (fresh) => PgClient.layer({ url: fresh, ...names }))
)

/** This driver. */
export const dataApi = DataApiSql.layer(names)

const apis: Readonly<Record<string, Layer.Layer<DataApi, unknown>>> = {
  server: TestDatabase.layerPostgres(url),
  embedded: TestDatabase.layer()
}

/** What a program returned, as plain data. */
export const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}n` : part)))

type Run<R, In> = readonly [program: Effect.Effect<unknown, unknown, R>, layer: Layer.Layer<R, unknown, In>]

/** A test that a program returns the same on `@effect/sql-pg` and over the Data API. */
export const compare = <R>(name: string, onNative: Run<R, never>, onDataApi: Run<R, DataApi>) =>
  it.live(
    name,
    () =>
      Effect.gen(function* () {
        const expected = plain(yield* Effect.provide(...onNative))
        const [program, layer] = onDataApi
        for (const [backend, api] of Object.entries(apis)) {
          assert.deepStrictEqual(plain(yield* Effect.provide(program, Layer.provide(layer, api))), expected, backend)
        }
      }),
    120_000
  )
