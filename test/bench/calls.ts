/**
 * What calls cost in CPU time and in wall time, on a responder in another process: what is left is the client's own.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import * as Contenders from "./contenders.ts"
import { floor } from "./floor.ts"
import { installedPeers } from "./installedPeers.ts"
import { type Cost, compare, type Figure, type Load } from "./measure.ts"
import { freshDatabase, responder } from "./processes.ts"

/** How many calls come before the rounds, how many a round has, and what the ratio through `sql` may be. */
interface Size {
  readonly warmUp: number
  readonly calls: number
  readonly limit?: number
  readonly heavy?: true
}

const workloads: Readonly<Record<Contenders.Workload, Size>> = {
  "point select": { warmUp: 6000, calls: 384, limit: 0.3 },
  "transaction of 3": { warmUp: 1500, calls: 96, limit: 0.3 },
  "1,000 rows": { warmUp: 192, calls: 64, limit: 0.3, heavy: true },
  "insert of 8": { warmUp: 4000, calls: 384 },
  "bulk insert of 500": { warmUp: 192, calls: 32, limit: 0.2 }
}

const section = (concurrency: number) =>
  `CPU time of one call at concurrency ${concurrency}; the base is the AWS SDK with its default settings`

const figuresOf = (
  what: string,
  concurrency: number,
  costs: ReadonlyMap<string, Cost>,
  limits: Readonly<Record<string, number | undefined>>
): ReadonlyArray<Figure> => {
  const base = costs.get("AWS SDK")?.cpu ?? Number.NaN
  return [...costs].map(([contender, { cpu, wall }]) => {
    const limit = limits[contender]
    return {
      section: section(concurrency),
      what,
      contender,
      values: { "CPU/µs": cpu, "wall/µs": wall },
      ratio: cpu / base,
      ...(limit === undefined ? {} : { limits: { ratio: limit } })
    }
  })
}

/** `@effect/sql-pg` on a PostgreSQL server, the other end of what a driver can be; none where there is no server. */
const direct = Effect.gen(function* () {
  const url = yield* freshDatabase
  const services = yield* Layer.build(PgClient.layer({ url: Redacted.make(url), maxConnections: 10 }))
  return yield* Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* Effect.forEach(Contenders.tables, (statement) => sql.unsafe(statement), { discard: true })
    return yield* Contenders.throughSql
  }).pipe(Effect.provideContext(services))
}).pipe(
  Effect.catch((error) =>
    Effect.sync(() => {
      process.stderr.write(`SKIPPED: @effect/sql-pg directly, since PostgreSQL can't be reached: ${String(error)}\n`)
      return undefined
    })
  )
)

export const calls = Effect.fnUntraced(function* (options: { readonly rounds: number }) {
  const { rounds } = options
  const url = yield* responder
  const aws = Contenders.awsSdk(url)
  const signed = yield* Contenders.ours(Contenders.awsDataApi(url))
  const lean = yield* Contenders.ours(Contenders.httpDataApi(url))
  const bare = floor(url)
  const others = [
    ...Object.entries(Contenders.peers).map(([name, make]) => [name, make(url)] as const),
    ...(yield* Effect.promise(() => installedPeers(url)))
  ]
  const postgres = yield* direct
  const figures: Array<Figure> = []

  for (const workload of Contenders.workloads) {
    const { heavy, limit, ...size } = workloads[workload]
    const loads: ReadonlyArray<readonly [string, Load]> = [
      ["AWS SDK", aws[workload]],
      ["sql", signed.sql[workload]],
      ["DataApiClient", signed.client[workload]],
      ["sql, without the SDK", lean.sql[workload]],
      ["the floor: signature, connection, JSON.parse", bare[workload]],
      ...others.map(([name, work]) => [name, work[workload]] as const),
      ...(postgres === undefined ? [] : [["@effect/sql-pg to PostgreSQL", postgres[workload]] as const])
    ]
    const costs = yield* Effect.promise(() => compare(loads, { ...size, concurrency: 32, heavy, rounds }))
    const lean32 = workload === "point select" ? 0.3 : undefined
    figures.push(...figuresOf(workload, 32, costs, { sql: limit, "sql, without the SDK": lean32 }))
  }

  const repositories: ReadonlyArray<readonly ["a position" | "positions", string, Size]> = [
    ["a position", "point select, decoded by a schema", { warmUp: 6000, calls: 384, limit: 0.5 }],
    ["positions", "1,000 rows, decoded by a schema", { warmUp: 192, calls: 64, limit: 0.5, heavy: true }]
  ]
  for (const [workload, what, { heavy, limit, ...size }] of repositories) {
    const loads: ReadonlyArray<readonly [string, Load]> = [
      ["AWS SDK", aws[workload]],
      ["repository", signed.repository[workload]],
      ["repository, without the SDK", lean.repository[workload]],
      ...(workload === "a position"
        ? [["repository, looked up together", signed.repository["a position, looked up together"]] as const]
        : [["the floor: signature, connection, JSON.parse, the same objects by hand", bare.positions] as const])
    ]
    const costs = yield* Effect.promise(() => compare(loads, { ...size, concurrency: 32, heavy, rounds }))
    figures.push(...figuresOf(what, 32, costs, { repository: limit }))
  }

  const loads: ReadonlyArray<readonly [string, Load]> = [
    ["AWS SDK", aws["point select"]],
    ["sql", signed.sql["point select"]],
    ["sql, without the SDK", lean.sql["point select"]],
    ...others.map(([name, work]) => [name, work["point select"]] as const)
  ]
  const many = yield* Effect.promise(() => compare(loads, { warmUp: 2048, calls: 512, concurrency: 256, rounds }))
  figures.push(...figuresOf("point select", 256, many, {}))
  return figures
})
