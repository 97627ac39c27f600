/**
 * What programs run on: one embedded database behind faults, a retry policy and the driver, made once and used for
 * many programs, each of which has users, accounts, instruments and jobs of its own.
 */

import { NodeServices } from "@effect/platform-node"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { DataApiClient } from "../../src/data-api/client/DataApiClient.ts"
import { DataApi } from "../../src/data-api/DataApi.ts"
import type { DataApiError } from "../../src/data-api/DataApiError.ts"
import * as RetryPolicy from "../../src/data-api/RetryPolicy.ts"
import { DataApiConnection } from "../../src/data-api/sql/DataApiConnection.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import * as Engine from "../../src/local/engine/Engine.ts"
import type { SessionSource } from "../../src/local/engine/Session.ts"
import { Faults } from "../../src/local/faults/Faults.ts"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import { Migrate } from "../../src/operations/index.ts"
import * as Repositories from "../../src/repository/index.ts"
import { accounts, jobs, ownerOf, users } from "./Program.ts"

/** What is broken on purpose, to see that it is caught. */
export type Broken = "retries what may have run" | "commits after a failure"

/** The ids that belong to one run of a program. */
export interface Ids {
  readonly user: (user: number) => string
  readonly newUser: (mark: number) => string
  readonly account: (account: number) => string
  readonly job: (job: number) => string
  /** Held by every account from the start. */
  readonly held: string
  /** Held by none. */
  readonly new: string
}

const uuid = (run: number, nth: number) => `00000000-0000-4000-8000-${(run * 100 + nth).toString(16).padStart(12, "0")}`

const idsOf = (run: number): Ids => ({
  user: (user) => `run${run}-user${user}`,
  newUser: (mark) => `run${run}-new${mark}`,
  account: (account) => uuid(run, account),
  job: (job) => uuid(run, 50 + job),
  held: `R${run}H`,
  new: `R${run}N`
})

/** In every sum a mark has one digit to base 4; the digit is 1 where nothing has happened yet. */
export const base = 4n
export const shareMarks = 31
export const cashMarks = 18
const ones = (marks: number) => (base ** BigInt(marks) - 1n) / (base - 1n)

/** The digit that belongs to each mark. */
export const digitsOf = (units: bigint, marks: number): ReadonlyArray<number> =>
  Array.from({ length: marks }, (_, mark) => Number((units / base ** BigInt(mark)) % base))

export const initialPrice = 1000

/** What the database holds of one run. Shares are in units of 0.00000001, cash in cents. */
const Contents = Schema.fromJsonString(
  Schema.Struct({
    users: Schema.Array(Schema.String),
    accounts: Schema.Array(Schema.Struct({ id: Schema.String, name: Schema.String, cash: Schema.BigIntFromString })),
    positions: Schema.Array(
      Schema.Struct({ account: Schema.String, symbol: Schema.String, units: Schema.BigIntFromString })
    ),
    jobs: Schema.Array(
      Schema.Struct({
        id: Schema.String,
        status: Schema.String,
        mark: Schema.NullOr(Schema.Finite),
        error: Schema.NullOr(Schema.String)
      })
    ),
    steps: Schema.Array(Schema.Struct({ job: Schema.String, was: Schema.String, became: Schema.String })),
    prices: Schema.Array(Schema.Struct({ symbol: Schema.String, price: Schema.Finite }))
  })
)
export type Contents = typeof Contents.Type

const readBack = (prefix: string) => `
  WITH person AS (SELECT clerk_user_id FROM users WHERE clerk_user_id LIKE '${prefix}-%'),
  account AS (SELECT * FROM accounts WHERE clerk_user_id IN (SELECT * FROM person)),
  job AS (SELECT * FROM jobs WHERE clerk_user_id IN (SELECT * FROM person)),
  held AS (SELECT * FROM positions WHERE account_id IN (SELECT id FROM account))
  SELECT json_build_object(
    'users', (SELECT coalesce(json_agg(clerk_user_id), '[]') FROM person),
    'accounts', (SELECT coalesce(json_agg(json_build_object(
      'id', id, 'name', account_name, 'cash', (cash_balance * 100)::bigint::text)), '[]') FROM account),
    'positions', (SELECT coalesce(json_agg(json_build_object(
      'account', account_id, 'symbol', symbol, 'units', trunc(quantity * 100000000)::text)), '[]') FROM held),
    'jobs', (SELECT coalesce(json_agg(json_build_object(
      'id', id, 'status', status, 'mark', request_payload -> 'mark', 'error', error_message)), '[]') FROM job),
    'steps', (SELECT coalesce(json_agg(json_build_object('job', job, 'was', was, 'became', became) ORDER BY number), '[]')
      FROM job_steps WHERE job IN (SELECT id FROM job)),
    'prices', (SELECT coalesce(json_agg(json_build_object('symbol', symbol, 'price', current_price)), '[]')
      FROM instruments WHERE symbol IN ('${prefix.replace("run", "R")}H', '${prefix.replace("run", "R")}N'))
  )::text AS contents`

/** Every step of a job, written by the database itself. */
const jobSteps = [
  "CREATE TABLE job_steps (number bigserial PRIMARY KEY, job uuid, was text, became text)",
  "CREATE INDEX ON job_steps (job)",
  `CREATE FUNCTION note_job_step() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN INSERT INTO job_steps (job, was, became) VALUES (OLD.id, OLD.status, NEW.status); RETURN NEW; END $$`,
  `CREATE TRIGGER note_job_step AFTER UPDATE ON jobs FOR EACH ROW
  WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION note_job_step()`
]

/** Whom and what a program finds. The second of the jobs is another user's. */
const setUp = (run: number): string => {
  const ids = idsOf(run)
  const list = (count: number, row: (nth: number) => string) => Array.from({ length: count }, (_, n) => row(n)).join()
  const shares = ones(shareMarks).toString().padStart(9, "0")
  const cash = ones(cashMarks).toString()
  return `
    WITH person AS (
      INSERT INTO users (clerk_user_id) VALUES ${list(users, (n) => `('${ids.user(n)}')`)} RETURNING clerk_user_id
    ), instrument AS (
      INSERT INTO instruments (symbol, name, instrument_type, current_price) VALUES
        ('${ids.held}', 'Held', 'etf', ${initialPrice}), ('${ids.new}', 'New', 'etf', ${initialPrice}) RETURNING symbol
    ), account AS (
      INSERT INTO accounts (id, clerk_user_id, account_name, cash_balance) VALUES ${list(
        accounts,
        (n) => `('${ids.account(n)}', '${ids.user(ownerOf(n))}', 'account', ${cash.slice(0, -2)}.${cash.slice(-2)})`
      )} RETURNING id
    ), job AS (
      INSERT INTO jobs (id, clerk_user_id, job_type) VALUES ${list(
        jobs,
        (n) => `('${ids.job(n)}', '${ids.user(n % users)}', 'portfolio_analysis')`
      )} RETURNING id
    )
    INSERT INTO positions (account_id, symbol, quantity)
    SELECT id, '${ids.held}', ${shares.slice(0, -8)}.${shares.slice(-8)}
    FROM account WHERE EXISTS (SELECT FROM person) AND EXISTS (SELECT FROM instrument) AND EXISTS (SELECT FROM job)`
}

/** Notes what passes through a `DataApi`: how many calls, and which transactions were begun and ended. */
class Passage {
  calls = 0
  readonly begun = new Set<string>()
  readonly ended = new Set<string>()

  reset(): void {
    this.calls = 0
    this.begun.clear()
    this.ended.clear()
  }

  around(api: DataApi["Service"]): DataApi["Service"] {
    const counted = <A>(call: Effect.Effect<A, DataApiError>) =>
      Effect.suspend(() => {
        this.calls++
        return call
      })
    return DataApi.of({
      executeStatement: (request) => counted(api.executeStatement(request)),
      batchExecuteStatement: (request) => counted(api.batchExecuteStatement(request)),
      beginTransaction: (request) =>
        Effect.tap(counted(api.beginTransaction(request)), ({ transactionId }) =>
          Effect.sync(() => this.begun.add(transactionId))
        ),
      commitTransaction: (request) =>
        counted(api.commitTransaction(request)).pipe(
          Effect.tap(() => Effect.sync(() => this.ended.add(request.transactionId))),
          // A commit that certainly did not run has left the transaction open.
          Effect.tapError(({ didRun }) => Effect.sync(() => didRun !== "no" && this.ended.add(request.transactionId)))
        ),
      rollbackTransaction: (request) =>
        counted(api.rollbackTransaction(request)).pipe(
          Effect.onExit(() => Effect.sync(() => this.ended.add(request.transactionId)))
        )
    })
  }
}

/** A policy that repeats whatever failed without a clear answer. */
const heedless = (api: DataApi["Service"]): DataApi["Service"] => {
  const again = <A>(call: Effect.Effect<A, DataApiError>) =>
    Effect.retry(call, { while: (error) => error.didRun === "unknown", times: 3 })
  return DataApi.of({
    executeStatement: (request) => again(api.executeStatement(request)),
    batchExecuteStatement: (request) => again(api.batchExecuteStatement(request)),
    beginTransaction: (request) => again(api.beginTransaction(request)),
    commitTransaction: (request) => again(api.commitTransaction(request)),
    rollbackTransaction: (request) => again(api.rollbackTransaction(request))
  })
}

/** Transactions that forget, before they commit, that a statement failed in them. */
const forgetful = (sql: SqlClient.SqlClient): SqlClient.SqlClient => {
  const forget = Effect.map(Effect.serviceOption(sql.transactionService), (current) => {
    const connection = current._tag === "Some" ? current.value[0] : undefined
    if (connection instanceof DataApiConnection && connection.transaction !== undefined) {
      connection.transaction.unrepaired.clear()
    }
  })
  const withTransaction: SqlClient.SqlClient["withTransaction"] = (effect) =>
    sql.withTransaction(Effect.tap(effect, () => forget))
  return new Proxy(sql, {
    get: (target, member) => (member === "withTransaction" ? withTransaction : Reflect.get(target, member))
  })
}

/** Counts the sessions in use. */
export const countedSessions = (source: SessionSource, held: { count: number }): SessionSource => ({
  ...source,
  lend: (database) =>
    Effect.map(source.lend(database), (lease) => {
      held.count++
      const end = Effect.ensuring(
        lease.end,
        Effect.sync(() => held.count--)
      )
      return { ...lease, end }
    })
})

export type Services = Layer.Success<typeof Repositories.layer> | SqlClient.SqlClient | DataApiClient

/** How a world is made. */
export interface Options {
  readonly snapshot: string
  readonly broken?: Broken | undefined
  /** Whether the driver looks up what became of a commit that was not answered. */
  readonly resolveCommit?: boolean | undefined
}

const make = Effect.fnUntraced(function* ({ broken, resolveCommit, snapshot }: Options) {
  const held = { count: 0 }
  // A call waits as long as it takes for the one connection: longer than an abandoned transaction keeps it.
  const limits = { sessionWait: "10 minutes" as const }
  const source = yield* LocalDataApi.sessions({ dataDir: "memory", snapshot, limits })
  const direct = yield* Engine.make(countedSessions(source, held), { database: "alex", limits })
  yield* Migrate.migrate({ packed: true }).pipe(
    Effect.provide(
      Layer.merge(DataApiSql.layer().pipe(Layer.provide(Layer.succeed(DataApi, direct))), NodeServices.layer)
    )
  )
  for (const sql of jobSteps) yield* direct.executeStatement({ sql })

  const { api, faults } = Faults.wrap(direct)
  const below = new Passage()
  const above = new Passage()
  const policy =
    broken === "retries what may have run"
      ? Layer.succeed(DataApi, above.around(heedless(below.around(api))))
      : Layer.effect(
          DataApi,
          Effect.map(DataApi, (patient) => above.around(patient))
        ).pipe(Layer.provide(RetryPolicy.layer()), Layer.provide(Layer.succeed(DataApi, below.around(api))))
  const driver = DataApiSql.layer({ resolveCommit }).pipe(Layer.provide(policy))
  const sql =
    broken === "commits after a failure"
      ? Layer.effect(SqlClient.SqlClient, Effect.map(SqlClient.SqlClient, forgetful)).pipe(Layer.provide(driver))
      : driver
  const scope = yield* Effect.scope
  const services: Context.Context<Services> = yield* Layer.buildWithScope(
    Layer.merge(Repositories.layer, DataApiClient.layerNoDeps).pipe(Layer.provideMerge(sql)),
    scope
  )
  let runs = 0

  return {
    services,
    faults,
    /** Calls that arrived at the faults, repetitions included. */
    below,
    /** Calls that the driver made. */
    above,
    held,
    /** Makes what a program finds; its ids. */
    setUp: Effect.suspend(() => {
      const run = ++runs
      below.reset()
      above.reset()
      return Effect.as(direct.executeStatement({ sql: setUp(run) }), { prefix: `run${run}`, ids: idsOf(run) })
    }),
    readBack: (prefix: string) =>
      direct.executeStatement({ sql: readBack(prefix) }).pipe(
        Effect.flatMap(({ records }) => {
          const field = records?.[0]?.[0]
          const text = field !== undefined && "stringValue" in field ? field.stringValue : ""
          return Effect.fromResult(Schema.decodeResult(Contents)(text))
        })
      )
  }
})

/** See `make`; lives as long as its scope. */
export class World extends Context.Service<World, Effect.Success<ReturnType<typeof make>>>()("test/chaos/World") {
  static readonly layer = (options: Options) => Layer.effect(World, make(options))
}
