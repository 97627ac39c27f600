/**
 * Transactions at the same time, under kills, pauses and failovers, have no anomaly that their isolation level rules out:
 * straight to PostgreSQL, over the server's HTTP, and on the embedded database.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schedule } from "effect"
import type { SqlClient } from "effect/sql"
import * as HttpDataApi from "../../../src/data-api/aws/HttpDataApi.ts"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import * as RetryPolicy from "../../../src/data-api/RetryPolicy.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import * as Engine from "../../../src/local/engine/Engine.ts"
import type { FaultPlan } from "../../../src/local/faults/FaultPlan.ts"
import { Faults } from "../../../src/local/faults/Faults.ts"
import { any } from "../../../src/local/http/Clusters.ts"
import { HttpServer } from "../../../src/local/http/HttpServer.ts"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import * as PostgresSql from "../../../src/PostgresSql.ts"
import { clusterArn, credentials, secretArn } from "../../data-api/backends.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { check, forbidden, type Level } from "./Checker.ts"
import type { AnomalyType, History } from "./History.ts"
import * as Run from "./Run.ts"

const isLong = process.env["ALEX_LONG"] === "1"
/** For each level, so that each backend has 5,100 in the long form. */
const transactions = isLong ? 1700 : 80
const processes = 6
const levels: ReadonlyArray<Level> = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]

const faults = (seed: number): FaultPlan => ({
  seed,
  pause: { calls: 2 },
  rates: {
    throttled: 0.01,
    "dropped-before": 0.01,
    "dropped-after": 0.01,
    "503-after": 0.005,
    "504-before": 0.005,
    "transaction-expired": 0.005,
    failover: 0.005
  }
})

/** Waits for milliseconds where it would wait for seconds. */
const retries = RetryPolicy.layer({ firstDelay: "5 millis", longestDelay: "50 millis", budget: "10 seconds" })

/** What a lost answer has left open is over after this, where the service would take three minutes. */
const limits = { transactionIdle: "250 millis" } as const

/** A database, and what happens to it meanwhile. */
interface Arena {
  readonly sql: Layer.Layer<SqlClient.SqlClient, unknown>
  /** Runs for as long as the transactions do. */
  readonly trouble: Effect.Effect<unknown, unknown>
  readonly calm: Effect.Effect<unknown>
  readonly report: Effect.Effect<string>
  /** Whether there is but one session, so that nothing can go wrong. */
  readonly isSerial?: boolean
}

const driver = (api: Layer.Layer<DataApi>) => DataApiSql.layer().pipe(Layer.provide(retries), Layer.provide(api))

const faulty = Effect.fnUntraced(function* (api: DataApi["Service"]) {
  const wrapped = Faults.wrap(api)
  const report = Effect.map(wrapped.faults.state, ({ injected }) => JSON.stringify(injected))
  return {
    api: wrapped.api,
    start: (seed: number) => wrapped.faults.set(faults(seed)),
    calm: wrapped.faults.set({}),
    report
  }
})

const secretAccessKey = Redacted.make(credentials.secretAccessKey)
const signedBy = Effect.succeed({ ...credentials, secretAccessKey })

/** By HTTP to a server in front of PostgreSQL. */
const served = Effect.fnUntraced(function* (url: string, seed: number) {
  const fresh = yield* TestDatabase.freshDatabase(url)
  const { source, database } = yield* LocalDataApi.postgresSessions({ url: fresh, limits })
  const inner = yield* Engine.make(source, { database, limits })
  const { api, calm, report, start } = yield* faulty(inner)
  const server = yield* HttpServer.make({ port: 0, clusters: any(secretAccessKey) }).pipe(
    Effect.provideService(DataApi, api)
  )
  return {
    sql: driver(
      HttpDataApi.layer({
        clusterArn,
        secretArn: Redacted.make(secretArn),
        database,
        endpoint: server.url,
        credentials: signedBy
      })
    ),
    trouble: start(seed),
    calm,
    report
  } satisfies Arena
})

const embedded = Effect.fnUntraced(function* (seed: number) {
  const { api, calm, report, start } = yield* faulty(
    yield* Effect.provide(DataApi, yield* Layer.build(TestDatabase.layer({ limits })))
  )
  return {
    sql: driver(Layer.succeed(DataApi, api)),
    trouble: start(seed),
    calm,
    report,
    isSerial: true
  } satisfies Arena
})

const kill = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle' order by random() limit 1`

/** By PostgreSQL's own protocol, with backends that are killed in the middle of what they do. */
const straight = Effect.fnUntraced(function* (url: string) {
  const fresh = yield* TestDatabase.freshDatabase(url)
  const admin = yield* Effect.provide(
    DataApi,
    yield* Layer.build(LocalDataApi.layerPostgres({ url: fresh, maxConnections: 1 }))
  )
  let kills = 0
  const killOne = Effect.map(admin.executeStatement({ sql: kill }), ({ records = [] }) => {
    kills += records.length
  })
  return {
    sql: PostgresSql.layer({ url: fresh, maxConnections: processes + 2 }),
    trouble: Effect.repeat(killOne, Schedule.spaced("150 millis")),
    calm: Effect.void,
    report: Effect.sync(() => `${kills} kills`)
  } satisfies Arena
})

/** What is found where it is allowed, so that the checker and the contention are seen to work. */
const expected: Readonly<Record<Level, ReadonlyArray<AnomalyType>>> = {
  "READ COMMITTED": ["G-single", "lost update"],
  "REPEATABLE READ": ["G2-item"],
  SERIALIZABLE: []
}

const summary = (history: History): string => {
  const count = (outcome: string) => history.filter((one) => one.outcome === outcome).length
  const operations = history.reduce((sum, one) => sum + one.operations.length, 0)
  return `${Run.contended(history)} contended of ${count("committed")} committed, ${count("aborted")} aborted, ${count("unknown")} unknown, ${operations} operations`
}

const judged = Effect.fnUntraced(function* (name: string, level: Level, arena: Arena) {
  const plan = { seed: levels.indexOf(level) + 1, level, transactions, processes }
  const { history, troubles } = yield* Effect.gen(function* () {
    yield* Run.tables
    const under = yield* Effect.raceFirst(Run.run(plan), Effect.andThen(arena.trouble, Effect.never))
    const troubles = yield* arena.report
    yield* arena.calm
    // A pool may still have a connection that was killed.
    return { history: [...under, yield* Effect.retry(Run.readAll, { times: processes + 2 })], troubles }
  }).pipe(Effect.provide(arena.sql))
  const anomalies = check(history, Run.final)
  const allowed = anomalies.filter(({ type }) => !forbidden[level].includes(type))
  const types = new Set(allowed.map(({ type }) => type))
  process.stderr.write(
    `histories, ${name}, ${level}: ${summary(history)}; ${troubles}; allowed anomalies: ${[...types].join(", ") || "none"}\n`
  )
  assert.deepStrictEqual(
    anomalies.filter(({ type }) => forbidden[level].includes(type)),
    []
  )
  const committed = history.filter(({ outcome }) => outcome === "committed").length
  assert.isAbove(committed, transactions / 8)
  // How many contend depends on the machine; that some do is what the check needs.
  assert.isAbove(Run.contended(history), committed / 10)
  // The embedded database has one connection: its transactions wait for each other.
  if (arena.isSerial) assert.deepStrictEqual([...types], [])
  else if (isLong) assert.includeMembers([...types], [...expected[level]])
})

const timeout = isLong ? 1_800_000 : 120_000

for (const level of levels) {
  it.live(
    `histories on the embedded database have no anomaly that ${level} rules out`,
    () =>
      Effect.flatMap(embedded(levels.indexOf(level)), (arena) => judged("embedded", level, arena)).pipe(Effect.scoped),
    timeout
  )
}

const url = TestDatabase.postgresUrl ?? ""
describe.skipIf(url === "")(TestDatabase.onPostgres("histories on PostgreSQL"), () => {
  for (const level of levels) {
    it.live(
      `have no anomaly that ${level} rules out, by its own protocol and with kills`,
      () => Effect.flatMap(straight(url), (arena) => judged("PostgreSQL", level, arena)).pipe(Effect.scoped),
      timeout
    )
    it.live(
      `have no anomaly that ${level} rules out, through the server and with its faults`,
      () =>
        Effect.flatMap(served(url, levels.indexOf(level)), (arena) => judged("server", level, arena)).pipe(
          Effect.scoped
        ),
      timeout
    )
  }
})
