/**
 * What grows with the number of users: the time of every operation of the repositories, for one user's data that stays
 * the same among ever more of others', and the plans that PostgreSQL makes for them.
 */
import { NodeFileSystem } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { BigDecimal, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { DataApi, DataApiSql, type ExecuteStatementRequest } from "../../src/data-api/index.ts"
import { InstrumentSymbol } from "../../src/domain/Instrument.ts"
import { ClerkUserId } from "../../src/domain/User.ts"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import { Migrate } from "../../src/operations/index.ts"
import * as Repository from "../../src/repository/index.ts"
import { type Figure, median } from "./measure.ts"
import { freshDatabase } from "./processes.ts"

const user = ClerkUserId.make("bench_user")
const symbols = Array.from({ length: 10 }, (_, n) => InstrumentSymbol.make(`SYM${n}`))
const decimal = BigDecimal.fromStringUnsafe

/** What a commit waits for the disk is no statement's doing. */
const withoutDisk = (database: string) => `ALTER DATABASE ${database} SET synchronous_commit = off`

/** A thousand instruments, and the user whose data is asked for: 3 accounts of 10 positions, and 20 jobs. */
const own = [
  `INSERT INTO instruments (symbol, name, instrument_type, current_price, allocation_regions, allocation_sectors, allocation_asset_class)
   SELECT 'SYM' || n, 'Fund number ' || n, 'etf', n + 1, '{"asia": 100}', '{"energy": 100}', '{"equity": 100}' FROM generate_series(0, 999) n`,
  `INSERT INTO users (clerk_user_id) VALUES ('${user}')`,
  `INSERT INTO accounts (clerk_user_id, account_name) SELECT '${user}', 'Account ' || n FROM generate_series(1, 3) n`,
  `INSERT INTO positions (account_id, symbol, quantity)
   SELECT accounts.id, 'SYM' || n, 1.5 FROM accounts, generate_series(0, 9) n WHERE clerk_user_id = '${user}'`,
  `INSERT INTO jobs (clerk_user_id, job_type) SELECT '${user}', 'risk_assessment' FROM generate_series(1, 20) n`,
  `INSERT INTO portfolio_snapshots (clerk_user_id, day, cash, market_value, total, accounts, asset_classes, regions, sectors)
   SELECT '${user}', '2024-01-01'::date + n, 0, n, n, '{}', '{}', '{}', '{}' FROM generate_series(0, 364) n`,
  `INSERT INTO price_history (symbol, day, price)
   SELECT 'SYM' || s, '2024-01-01'::date + n, n + 1 FROM generate_series(0, 9) s, generate_series(0, 364) n`
]

/** Other users from one number to another: each an account of 3 positions, a job, a snapshot, a price of another year. */
const others = (from: number, to: number): ReadonlyArray<string> => {
  const series = `generate_series(${from}, ${to - 1}) n`
  const account = "('a0eebc99-9c0b-4ef8-bb6d-' || lpad(n::text, 12, '0'))::uuid"
  return [
    // What refers to what is right by construction; the server need not look.
    "SET session_replication_role = replica",
    `INSERT INTO users (clerk_user_id) SELECT 'user_' || n FROM ${series}`,
    `INSERT INTO accounts (id, clerk_user_id, account_name) SELECT ${account}, 'user_' || n, 'Account' FROM ${series}`,
    `INSERT INTO positions (account_id, symbol, quantity)
     SELECT ${account}, 'SYM' || (n + 331 * i) % 1000, 1.5 FROM ${series}, generate_series(0, 2) i`,
    `INSERT INTO jobs (clerk_user_id, job_type) SELECT 'user_' || n, 'risk_assessment' FROM ${series}`,
    `INSERT INTO portfolio_snapshots (clerk_user_id, day, cash, market_value, total, accounts, asset_classes, regions, sectors)
     SELECT 'user_' || n, '2024-06-30', 0, n, n, '{}', '{}', '{}', '{}' FROM ${series}`,
    `INSERT INTO price_history (symbol, day, price)
     SELECT 'SYM' || n % 1000, '2020-01-01'::date - n / 1000, n + 1 FROM ${series}`,
    "SET session_replication_role = origin",
    "VACUUM ANALYZE"
  ]
}

const operations = Effect.gen(function* () {
  const users = yield* Repository.Users
  const accounts = yield* Repository.Accounts
  const positions = yield* Repository.Positions
  const instruments = yield* Repository.Instruments
  const jobs = yield* Repository.Jobs
  const portfolios = yield* Repository.Portfolios
  const history = yield* Repository.History
  const [account] = yield* accounts.listByUser(user)
  if (account === undefined) return yield* Effect.die("the user has no account")
  const [position] = yield* positions.listByAccount(account.id)
  const {
    jobs: [job]
  } = yield* jobs.listByUser(user)
  if (position === undefined || job === undefined) return yield* Effect.die("the user has no position, or no job")
  const symbol = InstrumentSymbol.make("SYM0")
  const put = { account_id: account.id, symbol, quantity: decimal("1.5") }
  const current_price = decimal("12.5")
  const year = { from: "2024-01-01", to: "2024-12-31" }
  return {
    "Users.findById": users.findById(user),
    "Users.list": users.list(),
    "Users.getOrCreate": users.getOrCreate({ clerk_user_id: user }),
    "Users.update": users.update(user, { display_name: "Ann" }),
    "Users.create, delete": Effect.andThen(
      users.create({ clerk_user_id: ClerkUserId.make("another") }),
      users.delete(ClerkUserId.make("another"))
    ),
    "Accounts.findById": accounts.findById(account.id),
    "Accounts.listByUser": accounts.listByUser(user),
    "Accounts.totals": accounts.totals(user),
    "Accounts.create, update, delete": Effect.flatMap(
      accounts.forUser(user).create({ account_name: "Another" }),
      ({ id }) =>
        Effect.andThen(
          accounts.forUser(user).update(id, { cash_balance: decimal("5") }),
          accounts.forUser(user).delete(id)
        )
    ),
    "Positions.findById": positions.findById(position.id),
    "Positions.listByAccount": positions.listByAccount(account.id),
    "Positions.value": positions.value(account.id),
    "Positions.put": positions.forUser(user).put(put),
    "Positions.addQuantity, update": Effect.flatMap(positions.forUser(user).addQuantity(put), ({ id, quantity }) =>
      positions.forUser(user).update(id, { quantity: BigDecimal.subtract(quantity, put.quantity) })
    ),
    "Instruments.findBySymbol": instruments.findBySymbol(symbol),
    "Instruments.findMany": instruments.findMany(symbols),
    "Instruments.search": instruments.search("number 77"),
    "Instruments.unclassified": instruments.unclassified(user),
    "Instruments.setPrices": instruments.setPrices(symbols.map((one) => ({ symbol: one, current_price }))),
    "Jobs.findById": jobs.findById(job.id),
    "Jobs.listByUser": jobs.listByUser(user),
    "Jobs.listByUser, of a status": jobs.listByUser(user, { status: "pending" }),
    "Jobs.create, start, attachReport, complete, delete": Effect.gen(function* () {
      const { id } = yield* jobs.create({ clerk_user_id: user, job_type: "risk_assessment" })
      yield* jobs.start(id)
      yield* jobs.attachReport(id, { content: "# Report" })
      yield* jobs.complete(id)
      yield* jobs.delete(id)
    }),
    "Portfolios.load": portfolios.load(user),
    "Portfolios.summary": portfolios.summary(user),
    "History.prices, of a year": history.prices(symbol, year),
    "History.priceChanges, of a year": history.priceChanges(symbols, year),
    "History.portfolio, of a year": history.portfolio(user, year),
    "History.portfolioChange, of a year": history.portfolioChange(user, year),
    "History.snapshot, of a user": history.snapshot({ user })
  } as const
})

interface Plan {
  readonly "Node Type": string
  readonly "Relation Name"?: string
  readonly Plans?: ReadonlyArray<Plan>
}

const nodesOf = (plan: Plan): ReadonlyArray<Plan> => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]

/** The tables that grow with the users, and that a plan for these statements reads from end to end. */
const scanned = Effect.fnUntraced(function* (statements: Iterable<ExecuteStatementRequest>) {
  const api = yield* DataApi
  const found = new Set<string>()
  for (const { parameters, sql } of statements) {
    const { records } = yield* api.executeStatement({ sql: `EXPLAIN (FORMAT JSON) ${sql}`, parameters })
    const field = records?.[0]?.[0]
    const plans: ReadonlyArray<{ readonly Plan: Plan }> = JSON.parse(
      field !== undefined && "stringValue" in field ? field.stringValue : "[]"
    )
    for (const node of plans.flatMap(({ Plan }) => nodesOf(Plan))) {
      const table = node["Relation Name"] ?? ""
      if (
        node["Node Type"] === "Seq Scan" &&
        /^(users|accounts|positions|jobs|portfolio_snapshots|price_history)$/.test(table)
      )
        found.add(table)
    }
  }
  return found.size
})

/** Keeps what is sent, by its text. */
const recording = (sent: Map<string, ExecuteStatementRequest>) =>
  Layer.effect(
    DataApi,
    Effect.map(DataApi, (api) => ({
      ...api,
      executeStatement: (request: ExecuteStatementRequest) => {
        sent.set(request.sql, request)
        return api.executeStatement(request)
      }
    }))
  )

type Operations = Effect.Success<typeof operations>

interface Database {
  readonly size: number
  readonly operations: Operations
  /** How many of the growing tables the plans of an operation read from end to end. */
  readonly scansOf: (operation: keyof Operations) => Effect.Effect<number, unknown>
}

/** A database of its own for a number of users. */
const databaseOf = Effect.fnUntraced(function* (size: number) {
  const address = yield* freshDatabase
  const url = Redacted.make(address)
  const run = (statements: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
    }).pipe(Effect.provide(PgClient.layer({ url, maxConnections: 1 })))
  yield* run([withoutDisk(new URL(address).pathname.slice(1))])
  const sent = new Map<string, ExecuteStatementRequest>()
  const services = yield* Layer.build(
    Repository.layer.pipe(
      Layer.provideMerge(DataApiSql.layer()),
      Layer.provideMerge(recording(sent)),
      Layer.provide(LocalDataApi.layerPostgres({ url }))
    )
  )
  return yield* Effect.gen(function* () {
    yield* Effect.provide(Migrate.migrate(), NodeFileSystem.layer)
    yield* run([...own, ...others(0, size)])
    const all = yield* operations
    const scansOf = (operation: keyof Operations) =>
      Effect.gen(function* () {
        sent.clear()
        yield* all[operation]
        return yield* scanned([...sent.values()])
      }).pipe(Effect.provideContext(services))
    const database: Database = { size, operations: all, scansOf }
    return database
  }).pipe(Effect.provideContext(services))
})

export const scale = Effect.fnUntraced(function* (options: {
  readonly sizes: ReadonlyArray<number>
  readonly rounds: number
}) {
  const databases = yield* Effect.forEach(options.sizes, databaseOf)
  const figures: Array<Figure> = []
  const smallest = databases[0]
  const largest = databases.at(-1)
  if (smallest === undefined || largest === undefined) return figures
  for (const what of Object.keys(smallest.operations) as ReadonlyArray<keyof Operations>) {
    const taken = new Map<number, Array<number>>()
    for (let round = -options.rounds; round < options.rounds; round++) {
      for (const { operations, size } of databases) {
        const start = performance.now()
        yield* operations[what]
        if (round >= 0) taken.set(size, [...(taken.get(size) ?? []), performance.now() - start])
      }
    }
    const timeAt = ({ size }: Database) => median(taken.get(size) ?? [])
    figures.push({
      section: "Growth with the number of users, without waits for the disk; the base is the smallest number",
      what,
      contender: "repository",
      values: {
        ...Object.fromEntries(databases.map((one) => [`${one.size.toLocaleString("en")} users/ms`, timeAt(one)])),
        "sequential scans/": yield* largest.scansOf(what)
      },
      ratio: timeAt(largest) / timeAt(smallest),
      limits: { ratio: 1.5, "sequential scans/": 0 }
    })
  }
  return figures
})
