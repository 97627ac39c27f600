/**
 * A service that works against the local server for a long time, through pauses, failovers, latency and lost answers:
 * what it holds at the end must be what it held at the start.
 *
 * Usage: node test/chaos/endurance.ts [--minutes 60]
 */
import { parseArgs } from "node:util"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { NodeServices } from "@effect/platform-node"
import { BigDecimal, Clock, Effect, Layer, Metric, Redacted, References } from "effect"
import { SqlClient } from "effect/sql"
import * as AwsDataApi from "../../src/data-api/aws/AwsDataApi.ts"
import { DataApi } from "../../src/data-api/DataApi.ts"
import * as RetryPolicy from "../../src/data-api/RetryPolicy.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { AccountId, ClerkUserId, InstrumentSymbol } from "../../src/domain/index.ts"
import * as Engine from "../../src/local/engine/Engine.ts"
import type { FaultPlan } from "../../src/local/faults/FaultPlan.ts"
import { Faults } from "../../src/local/faults/Faults.ts"
import { defaultTarget } from "../../src/local/http/Clusters.ts"
import { HttpServer } from "../../src/local/http/HttpServer.ts"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import { Migrate } from "../../src/operations/index.ts"
import * as Repositories from "../../src/repository/index.ts"
import { Accounts, Instruments, Jobs, Portfolios, Positions, Users } from "../../src/repository/index.ts"
import { prepareSnapshot } from "../TestDatabase.ts"
import { countedSessions } from "./World.ts"

/** What the process holds when nothing is under way. */
export interface Holdings {
  readonly heapMegabytes: number
  readonly sockets: number
  readonly fibers: number
  readonly sessions: number
  readonly openTransactions: number
}

export interface Endured {
  readonly start: Holdings
  readonly end: Holdings
  readonly done: number
  readonly failed: number
  /** The most fibers that were seen at a time. */
  readonly mostFibers: number
  /** Steps a second in the first and in the last quarter. */
  readonly throughput: readonly [first: number, last: number]
}

const target = defaultTarget("us-east-1")

/** Short, so that what a failover or a lost answer leaves behind is gone soon. */
const limits = { transactionIdle: "500 millis", sessionWait: "30 seconds" } as const

const collectGarbage = (): void => {
  setFlagsFromString("--expose-gc")
  const collect: unknown = runInNewContext("gc")
  if (typeof collect === "function") collect()
}

const activeFibers = Effect.map(Metric.snapshot, (metrics) =>
  metrics.reduce(
    (sum, { id, state }) => (id === "child_fibers_active" && "value" in state ? sum + Number(state.value) : sum),
    0
  )
)

const rates: FaultPlan["rates"] = {
  throttled: 0.01,
  "dropped-before": 0.005,
  "dropped-after": 0.005,
  "500-after": 0.003,
  "503-before": 0.003,
  "504-after": 0.003,
  "transaction-expired": 0.005,
  "statement-timeout": 0.003
}

const amount = BigDecimal.fromStringUnsafe("1")

/** One piece of a service's day, on data that stays as large as it is. */
const step = Effect.fnUntraced(function* (user: ClerkUserId, accounts: ReadonlyArray<AccountId>, nth: number) {
  const sql = yield* SqlClient.SqlClient
  const symbol = InstrumentSymbol.make("SPY")
  const [first, second] = accounts
  if (first === undefined || second === undefined) return
  switch (nth % 4) {
    case 0:
      return yield* (yield* Portfolios).load(user)
    case 1:
      return yield* (yield* Positions).put({ account_id: first, symbol, quantity: amount })
    case 2: {
      const held = yield* Accounts
      return yield* sql.withTransaction(
        Effect.gen(function* () {
          const from = yield* held.findById(first)
          yield* held.update(first, { cash_balance: from.cash_balance })
          yield* Effect.ignore(sql.withTransaction(held.update(second, { cash_balance: amount })))
        })
      )
    }
    default: {
      const jobs = yield* Jobs
      const job = yield* jobs.create({ clerk_user_id: user, job_type: "risk_assessment" })
      yield* jobs.start(job.id)
      return yield* jobs.delete(job.id)
    }
  }
})

/** Works for so long, and says what was held before and after. */
export const endure = Effect.fnUntraced(function* (options: { readonly seconds: number; readonly snapshot: string }) {
  const held = { count: 0 }
  const engine = Layer.effect(
    DataApi,
    Effect.flatMap(LocalDataApi.sessions({ dataDir: "memory", snapshot: options.snapshot, limits }), (source) =>
      Engine.make(countedSessions(source, held), { database: "alex", limits })
    )
  )
  const server = HttpServer.layer({ port: 0 }).pipe(
    Layer.provideMerge(Faults.layer()),
    Layer.provideMerge(
      Layer.effectDiscard(Migrate.migrate({ packed: true })).pipe(
        Layer.provide(DataApiSql.layer()),
        Layer.provideMerge(engine),
        Layer.provide(NodeServices.layer)
      )
    )
  )
  const client = Layer.unwrap(
    Effect.map(HttpServer, ({ url }) =>
      AwsDataApi.layer({
        clusterArn: target.resourceArn,
        secretArn: Redacted.make(target.secretArn),
        database: "alex",
        region: "us-east-1",
        endpoint: url,
        client: { credentials: { accessKeyId: "local", secretAccessKey: "local" } }
      })
    )
  )
  const service = Repositories.layer.pipe(
    Layer.provideMerge(DataApiSql.layer()),
    Layer.provide(RetryPolicy.layer({ firstDelay: "5 millis", longestDelay: "100 millis" })),
    Layer.provide(client)
  )

  return yield* Effect.gen(function* () {
    const faults = yield* Faults
    const users = yield* Users
    yield* (yield* Instruments).upsert({ symbol: InstrumentSymbol.make("SPY"), name: "S", instrument_type: "etf" })
    const people = yield* Effect.forEach(["a", "b", "c", "d"], (name) =>
      Effect.gen(function* () {
        const user = ClerkUserId.make(name)
        yield* users.create({ clerk_user_id: user })
        const own = yield* Effect.forEach([1, 2], () =>
          Effect.flatMap(Accounts, (accounts) => accounts.create({ clerk_user_id: user, account_name: "a" }))
        )
        return { user, accounts: own.map(({ id }) => AccountId.make(id)) }
      })
    )

    const measure = Effect.gen(function* () {
      yield* faults.set({})
      // Longer than an abandoned transaction lives and a socket that was answered is kept busy.
      yield* Effect.sleep("1 second")
      collectGarbage()
      const { openTransactions } = yield* faults.state
      const holdings: Holdings = {
        heapMegabytes: Math.round(process.memoryUsage().heapUsed / 1e5) / 10,
        sockets: process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length,
        fibers: yield* activeFibers,
        sessions: held.count,
        openTransactions
      }
      return holdings
    })

    const tally = { done: 0, failed: 0, mostFibers: 0 }
    const work = (until: number) =>
      Effect.forEach(
        people,
        Effect.fnUntraced(function* ({ accounts, user }) {
          for (let nth = 0; (yield* Clock.currentTimeMillis) < until; nth++) {
            const exit = yield* Effect.exit(step(user, accounts, nth))
            if (exit._tag === "Success") tally.done++
            else tally.failed++
            if (nth % 10 === 0) tally.mostFibers = Math.max(tally.mostFibers, yield* activeFibers)
          }
        }),
        { concurrency: "unbounded", discard: true }
      )
    const phase = Effect.fnUntraced(function* (millis: number, seed: number) {
      const until = (yield* Clock.currentTimeMillis) + millis
      const before = tally.done
      for (let round = 0; (yield* Clock.currentTimeMillis) < until; round++) {
        yield* faults.set({
          seed: seed + round,
          latency: { medianMs: 1, p99Ms: 10 },
          rates,
          ...(round % 3 === 1 ? { pause: { seconds: 0.2 } } : {})
        })
        const next = Math.min(until, (yield* Clock.currentTimeMillis) + 1000)
        yield* work(next)
        if (round % 3 === 2) yield* faults.failover
      }
      return ((tally.done - before) * 1000) / millis
    })

    const quarter = (options.seconds * 1000) / 4
    // What is made once, such as connections and compiled schemas, is made before the start.
    yield* phase(Math.min(quarter, 2000), 1)
    const start = yield* measure
    const first = yield* phase(quarter, 1000)
    yield* phase(quarter * 2, 100_000)
    const last = yield* phase(quarter, 1000)
    const end = yield* measure
    const endured: Endured = { start, end, ...tally, throughput: [Math.round(first), Math.round(last)] }
    return endured
  }).pipe(
    Effect.provide(service.pipe(Layer.provideMerge(server))),
    Effect.provideService(References.MinimumLogLevel, "None"),
    Metric.enableRuntimeMetrics
  )
})

export const enduredText = ({ done, end, failed, mostFibers, start, throughput }: Endured): string =>
  [
    `${done} steps done, ${failed} failed; ${throughput[0]} a second in the first quarter, ${throughput[1]} in the last`,
    `at most ${mostFibers} fibers at a time`,
    ...(["heapMegabytes", "sockets", "fibers", "sessions", "openTransactions"] as const).map(
      (what) => `${what.padEnd(17)} ${start[what]} at the start, ${end[what]} at the end`
    )
  ].join("\n")

if (import.meta.main) {
  const { values } = parseArgs({ options: { minutes: { type: "string", default: "60" } } })
  const snapshot = await prepareSnapshot()
  const endured = await Effect.runPromise(endure({ seconds: Number(values.minutes) * 60, snapshot }))
  process.stdout.write(`${enduredText(endured)}\n`)
}
