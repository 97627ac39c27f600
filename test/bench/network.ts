/**
 * What a user waits for where the network is slow: requests and time for the same work, by this project and in the way
 * the first Alex did it, one statement for each row, on the bare AWS SDK.
 *
 * The server is the local Data API server on PostgreSQL; a proxy before it holds every request back.
 */
import { readFileSync } from "node:fs"
import type { RDSDataClient } from "@aws-sdk/client-rds-data"
import { NodeFileSystem } from "@effect/platform-node"
import { BigDecimal, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { DataApi, splitStatements } from "../../src/data-api/index.ts"
import { InstrumentSymbol } from "../../src/domain/Instrument.ts"
import { ClerkUserId } from "../../src/domain/User.ts"
import { Reset, Seed, Target } from "../../src/operations/index.ts"
import * as Repository from "../../src/repository/index.ts"
import * as Contenders from "./contenders.ts"
import { type Figure, median } from "./measure.ts"
import { delaying, freshDatabase, served } from "./processes.ts"

type Work = "portfolio" | "planner job" | "reset with test data" | "22 seeds" | "500 prices"

/** How many requests each may take. */
const limits: Readonly<Record<Work, number>> = {
  portfolio: 1,
  "planner job": 14,
  "reset with test data": 50,
  "22 seeds": 1,
  "500 prices": 1
}

const user = ClerkUserId.make("bench_user")
const priced = Array.from({ length: 500 }, (_, n) => InstrumentSymbol.make(`PRICE${n}`))

/** A user with three accounts of ten positions each, and 500 further instruments. */
const fill = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`INSERT INTO users (clerk_user_id) VALUES (${user})`
  yield* sql`INSERT INTO instruments (symbol, name, instrument_type) SELECT 'PRICE' || n, 'Fund', 'etf' FROM generate_series(0, 499) n`
  yield* sql`INSERT INTO accounts (clerk_user_id, account_name) SELECT ${user}, 'Account ' || n FROM generate_series(1, 3) n`
  yield* sql`
    INSERT INTO positions (account_id, symbol, quantity)
    SELECT accounts.id, instruments.symbol, 1.5 FROM accounts, (SELECT symbol FROM instruments LIMIT 10) AS instruments
    WHERE clerk_user_id = ${user}`
})

// ---------------------------------------------------------------------------------------------------------------
// This project
// ---------------------------------------------------------------------------------------------------------------

type Needs = Layer.Success<typeof Repository.layer> | SqlClient.SqlClient | Target

const planner = Effect.gen(function* () {
  const instruments = yield* Repository.Instruments
  const jobs = yield* Repository.Jobs
  const portfolios = yield* Repository.Portfolios
  const { id } = yield* jobs.create({ clerk_user_id: user, job_type: "portfolio_analysis" })
  yield* jobs.start(id)
  const open = yield* instruments.unclassified(user)
  yield* instruments.upsertMany(
    open.map(({ name, symbol }) => ({
      symbol,
      name,
      instrument_type: "etf",
      allocation_regions: { asia: 100 },
      allocation_sectors: { energy: 100 },
      allocation_asset_class: { equity: 100 }
    }))
  )
  const { holdings } = yield* portfolios.summary(user)
  const current_price = BigDecimal.fromStringUnsafe("11.5")
  yield* instruments.setPrices(holdings.map(({ symbol }) => ({ symbol, current_price })))
  // The reporter, the charter and the retirement agent are programs of their own.
  yield* Effect.all([portfolios.load(user), portfolios.load(user), portfolios.load(user)], { concurrency: "unbounded" })
  yield* jobs.attachReport(id, { content: "# Report" })
  yield* jobs.attachCharts(id, {})
  yield* jobs.attachRetirement(id, { analysis: "# Retirement" })
  yield* jobs.attachSummary(id, {})
  yield* jobs.complete(id)
})

const prices = Effect.gen(function* () {
  const instruments = yield* Repository.Instruments
  const current_price = BigDecimal.fromStringUnsafe("12.25")
  yield* instruments.setPrices(priced.map((symbol) => ({ symbol, current_price })))
})

const own: Readonly<Record<Work, Effect.Effect<unknown, unknown, Needs>>> = {
  // The original has left its tables without a journal: they are dropped because the database is named.
  "reset with test data": Target.use(({ database }) => Reset.reset({ withTestData: true, confirm: database })).pipe(
    Effect.provide(NodeFileSystem.layer)
  ),
  "22 seeds": Effect.provide(Seed.seed(), NodeFileSystem.layer),
  portfolio: Effect.flatMap(Repository.Portfolios, (portfolios) => portfolios.load(user)),
  "planner job": planner,
  "500 prices": prices
}

interface Count {
  requests: number
}

const counting = (api: Layer.Layer<DataApi>, count: Count): Layer.Layer<DataApi> =>
  Layer.effect(
    DataApi,
    Effect.map(DataApi, (inner) => {
      const counted =
        <A, B>(call: (request: A) => B) =>
        (request: A) => {
          count.requests++
          return call(request)
        }
      return {
        executeStatement: counted(inner.executeStatement),
        batchExecuteStatement: counted(inner.batchExecuteStatement),
        beginTransaction: counted(inner.beginTransaction),
        commitTransaction: counted(inner.commitTransaction),
        rollbackTransaction: counted(inner.rollbackTransaction)
      }
    })
  ).pipe(Layer.provide(api))

// ---------------------------------------------------------------------------------------------------------------
// The way of the first Alex
// ---------------------------------------------------------------------------------------------------------------

const file = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8")
const seeds: ReadonlyArray<Readonly<Record<string, unknown>>> = JSON.parse(file("seeds/instruments.json"))
const testData: {
  readonly accounts: ReadonlyArray<{
    readonly account_name: string
    readonly positions: ReadonlyArray<{ readonly symbol: string; readonly quantity: string }>
  }>
} = JSON.parse(file("seeds/test-portfolio.json"))

const text = (value: unknown) => ({ stringValue: typeof value === "string" ? value : JSON.stringify(value) })

const original = (
  client: RDSDataClient,
  database: string,
  count: Count
): Readonly<Record<Work, () => Promise<unknown>>> => {
  const send = Contenders.statementOf(client, database)
  const execute = async (sql: string, values: Readonly<Record<string, unknown>> = {}) => {
    count.requests++
    const { records = [] } = await send(
      sql,
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, text(value)]))
    )
    return records.map((row) => row.map((field) => field.stringValue ?? ""))
  }
  const load = async () => {
    await execute("SELECT clerk_user_id FROM users WHERE clerk_user_id = :id", { id: user })
    const accounts = await execute("SELECT id::text FROM accounts WHERE clerk_user_id = :id", { id: user })
    const symbols = new Set<string>()
    for (const [id] of accounts) {
      const positions = await execute("SELECT symbol, quantity FROM positions WHERE account_id = :id::uuid", { id })
      for (const [symbol = ""] of positions) {
        await execute("SELECT * FROM instruments WHERE symbol = :symbol", { symbol })
        symbols.add(symbol)
      }
    }
    return symbols
  }
  const setPrice = (symbol: string) =>
    execute("UPDATE instruments SET current_price = :price::numeric WHERE symbol = :symbol", { symbol, price: "11.5" })
  const seed = async () => {
    for (const {
      allocation_asset_class,
      allocation_regions,
      allocation_sectors,
      current_price,
      instrument_type,
      name,
      symbol
    } of seeds) {
      await execute(
        `INSERT INTO instruments (symbol, name, instrument_type, current_price, allocation_regions, allocation_sectors, allocation_asset_class)
         VALUES (:symbol, :name, :type, :price::numeric, :regions::jsonb, :sectors::jsonb, :classes::jsonb)
         ON CONFLICT (symbol) DO UPDATE SET name = excluded.name, current_price = excluded.current_price`,
        {
          symbol,
          name,
          type: instrument_type,
          price: String(current_price),
          regions: allocation_regions,
          sectors: allocation_sectors,
          classes: allocation_asset_class
        }
      )
    }
  }
  return {
    portfolio: load,
    "planner job": async () => {
      const [[id] = []] = await execute(
        "INSERT INTO jobs (clerk_user_id, job_type) VALUES (:user, 'portfolio_analysis') RETURNING id::text",
        { user }
      )
      await execute("UPDATE jobs SET status = 'running', started_at = now() WHERE id = :id::uuid", { id })
      // What is unclassified, a summary, prices, the reporter, the charter, the retirement agent.
      const symbols = await load()
      await load()
      await load()
      for (const symbol of symbols) await setPrice(symbol)
      for (const payload of ["report_payload", "charts_payload", "retirement_payload"]) {
        await load()
        await execute(`UPDATE jobs SET ${payload} = :payload::jsonb WHERE id = :id::uuid`, {
          id,
          payload: { content: "" }
        })
      }
      await execute("UPDATE jobs SET summary_payload = '{}' WHERE id = :id::uuid", { id })
      await execute("UPDATE jobs SET status = 'completed', completed_at = now() WHERE id = :id::uuid", { id })
    },
    "22 seeds": seed,
    "500 prices": async () => {
      for (const symbol of priced) await setPrice(symbol)
    },
    "reset with test data": async () => {
      for (const table of ["positions", "accounts", "jobs", "instruments", "users", "alex_migrations"]) {
        await execute(`DROP TABLE IF EXISTS ${table} CASCADE`)
      }
      await execute("DROP FUNCTION IF EXISTS update_updated_at_column() CASCADE")
      for (const { sql } of splitStatements(file("migrations/001_schemas.sql"))) await execute(sql)
      await seed()
      await execute("SELECT clerk_user_id FROM users WHERE clerk_user_id = :id", { id: "test_user_001" })
      await execute("INSERT INTO users (clerk_user_id) VALUES (:id)", { id: "test_user_001" })
      for (const { account_name, positions } of testData.accounts) {
        const [[account] = []] = await execute(
          "INSERT INTO accounts (clerk_user_id, account_name) VALUES ('test_user_001', :account_name) RETURNING id::text",
          { account_name }
        )
        for (const { quantity, symbol } of positions) {
          await execute(
            "INSERT INTO positions (account_id, symbol, quantity) VALUES (:account::uuid, :symbol, :quantity::numeric)",
            { account, symbol, quantity }
          )
        }
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------

interface Taken {
  readonly requests: number
  readonly wall: number
  readonly cpu: number
}

const taken = <E, R>(count: Count, work: Effect.Effect<unknown, E, R>): Effect.Effect<Taken, E, R> =>
  Effect.gen(function* () {
    const requests = count.requests
    const cpu = process.cpuUsage()
    const start = performance.now()
    yield* work
    const { system, user } = process.cpuUsage(cpu)
    return { requests: count.requests - requests, wall: performance.now() - start, cpu: (system + user) / 1000 }
  })

const medianOf = (all: ReadonlyArray<Taken>): Taken => ({
  requests: median(all.map(({ requests }) => requests)),
  wall: median(all.map(({ wall }) => wall)),
  cpu: median(all.map(({ cpu }) => cpu))
})

export const network = Effect.fnUntraced(function* (options: {
  readonly delays: ReadonlyArray<number>
  readonly rounds: number
}) {
  const url = yield* freshDatabase
  const database = new URL(url).pathname.slice(1)
  const proxy = yield* delaying(yield* served(url))
  const target = Layer.succeed(Target, { backend: "data-api", database, location: "bench", isLocal: true })
  const figures: Array<Figure> = []
  for (const delay of options.delays) {
    const count: Count = { requests: 0 }
    const endpoint = `${proxy}/${delay}`
    const client = Contenders.awsClient(endpoint)
    const theirs = original(client, database, count)
    const layer = Repository.layer.pipe(
      Layer.provideMerge(Contenders.onDataApi(counting(Contenders.awsDataApi(endpoint, database), count))),
      Layer.merge(target)
    )
    const measured = Effect.gen(function* () {
      const all = new Map<Work, { readonly ours: Array<Taken>; readonly theirs: Array<Taken> }>()
      for (let round = 0; round < options.rounds; round++) {
        // A reset leaves the database to the work after it; the last one is this project's.
        for (const work of Object.keys(own) as ReadonlyArray<Work>) {
          const known = all.get(work) ?? { ours: [], theirs: [] }
          all.set(work, known)
          known.theirs.push(yield* taken(count, Effect.promise(theirs[work])))
          known.ours.push(yield* taken(count, own[work]))
          if (work === "reset with test data") yield* fill
        }
      }
      return all
    })
    for (const [what, both] of yield* Effect.provide(measured, layer)) {
      const [one, other] = [medianOf(both.ours), medianOf(both.theirs)]
      const section = `Work at ${delay} ms of latency; the base is one statement for each row on the AWS SDK, as the first Alex did it`
      figures.push(
        {
          section,
          what,
          contender: "one by one",
          values: { "requests/": other.requests, "wall/ms": other.wall, "CPU/ms": other.cpu },
          ratio: 1
        },
        {
          section,
          what,
          contender: "alex-database",
          values: { "requests/": one.requests, "wall/ms": one.wall, "CPU/ms": one.cpu },
          ratio: one.wall / other.wall,
          limits: { "requests/": limits[what], ...(what === "planner job" && delay === 10 ? { ratio: 0.1 } : {}) }
        }
      )
    }
    client.destroy()
  }
  return figures
})
