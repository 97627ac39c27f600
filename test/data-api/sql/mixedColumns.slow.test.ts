/** Values of several types in one column of an insert, short and long, as they are stored by `@effect/sql-pg`. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Effect, Layer, Predicate } from "effect"
import type { DataApi } from "../../../src/data-api/DataApi.ts"
import * as DataApiPgClient from "../../../src/data-api/PgClient.ts"
import * as TestDatabase from "../../TestDatabase.ts"

const columns = [
  ...["int2", "int4", "int8", "numeric", "numeric(10,2)", "float4", "float8", "text", "varchar(30)"],
  ...["bool", "jsonb", "timestamptz", "date"]
]

const at = new Date("2026-01-02T03:04:05.678Z")

const mixtures: ReadonlyArray<ReadonlyArray<unknown>> = [
  [1n, 2, 2.5, 3.5],
  [2.5, 1n],
  [undefined, 1n, null, -0.5],
  [9007199254740993n, 0.5],
  [9007199254740993n, 0.1, "7"],
  [3_000_000_000, 1.5],
  [1, 2.5],
  [1e21, 1n],
  [1e-7, 0.30000000000000004, 1n],
  [1.005, 123456789.125, 1n],
  [Number.NaN, Number.NEGATIVE_INFINITY, 1n],
  [-0, 1n],
  [1, "2.5"],
  ["x", 1, null],
  [true, 1],
  [true, "f"],
  [at, "2026-01-02"],
  [at, 5, null],
  [at, true, 2n, 0.5]
]

const length = 4000
const unsent = "refused before it was sent"

const outcome = Effect.fnUntraced(function* (type: string, values: ReadonlyArray<unknown>, isLong: boolean) {
  const sql = yield* PgClient.PgClient
  const rows = Arr.map(
    Arr.makeBy(isLong ? length : values.length, (index) => index),
    (index) => ({
      value: values[index % values.length],
      pad: "p"
    })
  )
  const insert = Effect.gen(function* () {
    const inserted = yield* sql`insert into ${sql(type)} ${sql.insert(rows)} returning value`
    return yield* Effect.fail({
      _tag: "Undone",
      values: inserted.slice(0, values.length).map(({ value }) => value)
    } as const)
  })
  const failure = yield* Effect.flip(sql.withTransaction(insert))
  if (failure._tag === "Undone") return failure.values
  const { cause } = failure.reason
  return Predicate.hasProperty(cause, "code") ? (cause.code ?? unsent) : unsent
})

const program = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const found = new Map<string, unknown>()
  for (const type of columns) {
    yield* sql`create table ${sql(type)} (value ${sql.literal(type)}, pad text)`
    for (const [index, values] of mixtures.entries()) {
      for (const isLong of [false, true]) {
        const name = `${isLong ? "long" : "short"}: ${index} in ${type}`
        found.set(name, yield* outcome(type, values, isLong))
      }
    }
  }
  return found
})

/** Types that PostgreSQL does not convert on its own, in a long insert: each is refused, here before it is sent. */
const differs = (ours: unknown, native: unknown) => ours === unsent && native === "42804"

const { postgresUrl } = TestDatabase
const dataApi = (api: Layer.Layer<DataApi, unknown>) => DataApiPgClient.layer().pipe(Layer.provide(api))

describe.skipIf(postgresUrl === undefined)(TestDatabase.onPostgres("columns of mixed values"), () => {
  it.live(
    "are stored, or refused, as by @effect/sql-pg",
    () =>
      Effect.gen(function* () {
        const native = yield* Effect.provide(
          program,
          PgClient.layer({ url: yield* TestDatabase.freshDatabase(postgresUrl ?? "") })
        )
        for (const api of [TestDatabase.layerPostgres(postgresUrl ?? ""), TestDatabase.layer()]) {
          const ours = yield* Effect.provide(program, dataApi(api))
          assert.strictEqual(ours.size, columns.length * mixtures.length * 2)
          for (const [name, values] of ours) {
            if (!differs(values, native.get(name))) assert.deepStrictEqual(values, native.get(name), name)
          }
        }
      }),
    240_000
  )
})
