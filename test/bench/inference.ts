/**
 * What a statement costs in CPU time whose strings take the types that PostgreSQL infers, when it is used again: the
 * types are known by then, and the base is the same statement with strings that are text.
 */
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { DatabaseError } from "../../src/data-api/DataApiError.ts"
import { DataApi, DataApiError, DataApiSql, RetryPolicy } from "../../src/data-api/index.ts"
import * as Contenders from "./contenders.ts"
import { compare, type Figure, type Load, loadOf } from "./measure.ts"
import { responder } from "./processes.ts"

/** What PostgreSQL says of five parameters of type text. */
const answer = new DataApiError({
  operation: "ExecuteStatement",
  reason: DatabaseError.fromMessage(
    `ERROR: asked: ${Buffer.from(
      JSON.stringify([1, 2, 3, 4, 5].map((n) => ["p", n, "pg_catalog", "text", "b", null, null, false, null]))
    ).toString("base64")}; SQLState: ALEXT`
  )
})

/** The responder knows no types. */
const answered = (api: Layer.Layer<DataApi>): Layer.Layer<DataApi> =>
  Layer.effect(
    DataApi,
    Effect.map(DataApi, (api) => ({
      ...api,
      executeStatement: (request) =>
        request.sql.startsWith("do ") ? Effect.fail(answer) : api.executeStatement(request)
    }))
  ).pipe(Layer.provide(api))

const statements = Effect.map(SqlClient.SqlClient, (sql) => ({
  "select one row by two strings": sql`select * from things where symbol = ${"VTI"} and name <> ${"Total US Market"}`,
  "insert of 5 strings": Effect.suspend(
    () =>
      sql`insert into things ${sql.insert({ symbol: "VTI", name: "Total", price: "215.3", quantity: "12.5", details: "{}" })}`
  )
}))

const loadsOf = Effect.fnUntraced(function* (url: string, parameterTypes: "inferred" | "text") {
  const client = DataApiSql.layer({ parameterTypes }).pipe(
    Layer.provide(RetryPolicy.layer()),
    Layer.provide(answered(Contenders.httpDataApi(url)))
  )
  const services = yield* Layer.build(client)
  const made = yield* Effect.provideContext(statements, services)
  return Object.entries(made).map(
    ([name, run]) => [name, loadOf(() => Effect.runPromiseWith(services)(Effect.asVoid(run)))] as const
  )
})

export const inference = Effect.fnUntraced(function* (options: { readonly rounds: number }) {
  const url = yield* responder
  const inferred = yield* loadsOf(url, "inferred")
  const text = new Map(yield* loadsOf(url, "text"))
  const figures: Array<Figure> = []
  for (const [what, load] of inferred) {
    const loads: ReadonlyArray<readonly [string, Load]> = [
      ["text", text.get(what) ?? load],
      ["inferred", load]
    ]
    const costs = yield* Effect.promise(() =>
      compare(loads, { warmUp: 9216, calls: 3072, concurrency: 32, rounds: options.rounds })
    )
    const base = costs.get("text")?.cpu ?? Number.NaN
    for (const [contender, { cpu, wall }] of costs) {
      figures.push({
        section: 'CPU time of a statement whose types are known by now; the base is parameterTypes: "text"',
        what,
        contender,
        values: { "CPU/µs": cpu, "wall/µs": wall },
        ratio: cpu / base,
        ...(contender === "inferred" ? { limits: { ratio: 1.05 } } : {})
      })
    }
  }
  return figures
})
