/** The same statements, as they are written for `@effect/sql-pg`, on every backend: each value deeply equal. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Option, Stream } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import type { DataApi } from "../../../src/data-api/DataApi.ts"
import { DataApiError } from "../../../src/data-api/DataApiError.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import * as PostgresSql from "../../../src/PostgresSql.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { arrayShapes } from "./arrayShapes.ts"
import { furtherShapes, shop } from "./furtherShapes.ts"
import { shapes as everyday, type Shape, schema as things } from "./shapeTable.ts"

const schema = [...things, ...shop]
const shapes = [...everyday, ...furtherShapes, ...arrayShapes]

/** What became of a shape: its rows, or the SQLSTATE and the reason that it was refused with. */
type Outcome = { readonly rows: ReadonlyArray<unknown> } | { readonly refused: string }

const refusalOf = (error: unknown): string => {
  if (!SqlError.isSqlError(error)) return stateOf(error)
  const { reason } = error
  return `${stateOf(error)} ${reason._tag}${reason._tag === "UniqueViolation" ? ` ${reason.constraint}` : ""}`
}

const stateOf = (error: unknown): string => {
  const cause = SqlError.isSqlError(error) ? error.reason.cause : error
  if (cause instanceof DataApiError) {
    return cause.reason._tag === "DatabaseError" ? (cause.reason.sqlState ?? "") : cause.reason._tag
  }
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : String(error)
}

class Undone {
  readonly _tag = "Undone"
  readonly outcome: Outcome
  constructor(outcome: Outcome) {
    this.outcome = outcome
  }
}

/** Runs a shape in a transaction, which is then undone. */
const tried = ([, statement]: Shape) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    sql
      .withTransaction(
        Effect.flatMap(Effect.exit(sql`${statement(sql)}`), (exit) => {
          if (Exit.isSuccess(exit)) return Effect.fail(new Undone({ rows: exit.value }))
          return Effect.fail(
            new Undone({ refused: refusalOf(Option.getOrUndefined(Cause.findErrorOption(exit.cause))) })
          )
        })
      )
      .pipe(
        Effect.catchCause((cause) => {
          const failure = Option.getOrUndefined(Cause.findErrorOption(cause))
          return Effect.succeed(failure instanceof Undone ? failure.outcome : { refused: "?" })
        })
      )
  )

/** Runs a shape outside of a transaction: its rows, the same as a stream and as arrays. */
const alone = ([, statement]: Shape) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => {
    const query = sql`${statement(sql)}`
    const streamed = Effect.map(Stream.runCollect(query.stream), (rows) => [...rows])
    return Effect.match(Effect.all([query, streamed, query.values]), {
      onSuccess: (rows): Outcome => ({ rows }),
      onFailure: (error): Outcome => ({ refused: refusalOf(error) })
    })
  })

const writes = /\b(?:update|insert|delete|merge|comment)\b/i

const outcomes = (client: Layer.Layer<SqlClient.SqlClient, unknown>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    for (const statement of schema) yield* sql.unsafe(statement)
    const inside = yield* Effect.forEach(shapes, tried)
    const outside = yield* Effect.forEach(shapes, (shape, index) =>
      writes.test(sql`${shape[1](sql)}`.compile()[0]) ? Effect.succeed(inside[index]) : alone(shape)
    )
    return { inside, outside }
  }).pipe(Effect.provide(client), Effect.orDie)

const dataApi = (api: Layer.Layer<DataApi, unknown>) => DataApiSql.layer().pipe(Layer.provide(api))

const text = (outcome: unknown): string =>
  JSON.stringify(outcome, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value)) ?? "undefined"

const equal = (a: unknown, b: unknown): boolean => {
  try {
    assert.deepStrictEqual(a, b)
    return true
  } catch {
    return false
  }
}

const { postgresUrl } = TestDatabase

describe.skipIf(postgresUrl === undefined)(TestDatabase.onPostgres("statements as for @effect/sql-pg"), () => {
  it("every shape gives the same values on every backend", async () => {
    const url = () => TestDatabase.freshDatabase(postgresUrl ?? "")
    const run = (
      client: (fresh: Effect.Success<ReturnType<typeof url>>) => Layer.Layer<SqlClient.SqlClient, unknown>
    ) => Effect.flatMap(url(), (fresh) => outcomes(client(fresh)))
    const all = await Effect.runPromise(
      Effect.scoped(
        Effect.all({
          native: run((fresh) => PgClient.layer({ url: fresh, maxConnections: 1 })),
          postgres: run((fresh) => PostgresSql.layer({ url: fresh, maxConnections: 1 })),
          server: run((fresh) => dataApi(LocalDataApi.layerPostgres({ url: fresh }))),
          embedded: outcomes(dataApi(TestDatabase.layer()))
        })
      )
    )
    assert.isAbove(shapes.length, 200)
    const differences = shapes.flatMap(([name], index) =>
      (["postgres", "server", "embedded"] as const).flatMap((backend) =>
        (["inside", "outside"] as const).flatMap((where) => {
          const expected = all.native[where][index]
          const found = all[backend][where][index]
          return equal(found, expected)
            ? []
            : [`${name} | ${backend} ${where} | sql-pg: ${text(expected)} | here: ${text(found)}`]
        })
      )
    )
    process.stdout.write(
      `shapes: ${shapes.length}, of which ${all.native.inside.filter((one) => one !== undefined && "rows" in one).length} run\n`
    )
    assert.deepStrictEqual(differences, [])
  }, 900_000)
})
