/** Each function of Alex's first database module has its counterpart: one test for each. */
import { assert, type Vitest } from "@effect/vitest"
import { BigDecimal, Effect, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { type AccountId, ClerkUserId, formatDecimal, InstrumentSymbol } from "../../src/domain/index.ts"
import { Accounts, Instruments, Jobs, Positions, Users } from "../../src/repository/index.ts"
import type { Services } from "./repositoryContract.ts"

const decimal = BigDecimal.fromStringUnsafe
const symbol = InstrumentSymbol.make("OLD")

let last = 0
/** A user with an account that holds 2 shares at 10.50 of the instrument `OLD`, and a pending job. */
const scene = Effect.gen(function* () {
  const clerk_user_id = ClerkUserId.make(`counterpart_${++last}`)
  yield* (yield* Users).create({ clerk_user_id })
  yield* (yield* Instruments).upsert({
    symbol,
    name: "Old fund",
    instrument_type: "etf",
    current_price: decimal("10.5")
  })
  const account = yield* (yield* Accounts).create({ clerk_user_id, account_name: "Old" })
  const position = yield* (yield* Positions).put({ account_id: account.id, symbol, quantity: decimal("2") })
  const job = yield* (yield* Jobs).create({ clerk_user_id, job_type: "portfolio_analysis" })
  return { clerk_user_id, account, position, job }
})
type Scene = Effect.Success<typeof scene>

const sharesOf = (id: AccountId) =>
  Effect.gen(function* () {
    return formatDecimal((yield* (yield* Positions).value(id)).shares)
  })

const gone = (effect: Effect.Effect<unknown, { readonly _tag: string }>) =>
  Effect.map(Effect.flip(effect), (error) => assert.match(error._tag, /NotFound$/))

type Row = readonly [
  original: string,
  counterpart: string,
  test: (scene: Scene) => Effect.Effect<void, unknown, Services>
]

const rows: ReadonlyArray<Row> = [
  [
    "users.find_by_clerk_id",
    "Users.findById",
    Effect.fnUntraced(function* ({ clerk_user_id }) {
      assert.strictEqual((yield* (yield* Users).findById(clerk_user_id)).clerk_user_id, clerk_user_id)
    })
  ],
  [
    "users.create_user",
    "Users.create, or Users.getOrCreate",
    Effect.fnUntraced(function* ({ clerk_user_id }) {
      assert.isFalse((yield* (yield* Users).getOrCreate({ clerk_user_id })).created)
    })
  ],
  [
    "users.find_all",
    "Users.list",
    Effect.fnUntraced(function* () {
      assert.isNotEmpty(yield* (yield* Users).list())
    })
  ],
  [
    "users.update",
    "Users.update",
    Effect.fnUntraced(function* ({ clerk_user_id }) {
      const updated = yield* (yield* Users).update(clerk_user_id, { display_name: "Ann" })
      assert.strictEqual(updated.display_name, "Ann")
    })
  ],
  [
    "users.delete",
    "Users.delete",
    Effect.fnUntraced(function* ({ clerk_user_id }) {
      const users = yield* Users
      yield* users.delete(clerk_user_id)
      yield* gone(users.findById(clerk_user_id))
    })
  ],
  [
    "instruments.find_by_symbol",
    "Instruments.findBySymbol",
    Effect.fnUntraced(function* () {
      assert.strictEqual((yield* (yield* Instruments).findBySymbol(symbol)).name, "Old fund")
    })
  ],
  [
    "instruments.create_instrument",
    "Instruments.create, Instruments.upsert, or Instruments.register",
    Effect.fnUntraced(function* () {
      assert.isFalse((yield* (yield* Instruments).register(symbol)).created)
    })
  ],
  [
    "instruments.find_by_type",
    "Instruments.byType",
    Effect.fnUntraced(function* () {
      assert.include(
        (yield* (yield* Instruments).byType("etf")).map((found) => found.symbol),
        symbol
      )
    })
  ],
  [
    "instruments.search",
    "Instruments.search",
    Effect.fnUntraced(function* () {
      assert.strictEqual((yield* (yield* Instruments).search("old"))[0]?.symbol, symbol)
    })
  ],
  [
    "instruments.find_all",
    "Instruments.all",
    Effect.fnUntraced(function* () {
      assert.isNotEmpty(yield* (yield* Instruments).all())
    })
  ],
  [
    "instruments.update",
    "Instruments.update, or Instruments.setPrices",
    Effect.fnUntraced(function* () {
      const set = yield* (yield* Instruments).setPrices([{ symbol, current_price: decimal("10.5") }])
      assert.deepStrictEqual<ReadonlyArray<string>>(set.updated, [symbol])
    })
  ],
  [
    "instruments.delete",
    "Instruments.delete",
    Effect.fnUntraced(function* () {
      const instruments = yield* Instruments
      const unheld = InstrumentSymbol.make("UNHELD")
      yield* instruments.register(unheld)
      yield* instruments.delete(unheld)
      yield* gone(instruments.findBySymbol(unheld))
    })
  ],
  [
    "accounts.find_by_user",
    "Accounts.listByUser",
    Effect.fnUntraced(function* ({ account, clerk_user_id }) {
      assert.deepStrictEqual(yield* (yield* Accounts).listByUser(clerk_user_id), [account])
    })
  ],
  [
    "accounts.find_all, positions.find_all and jobs.find_all",
    "Accounts.all, Positions.all and Jobs.all",
    Effect.fnUntraced(function* ({ account, job, position }) {
      assert.includeDeepMembers([...(yield* Stream.runCollect((yield* Accounts).all()))], [account])
      assert.includeDeepMembers([...(yield* Stream.runCollect((yield* Positions).all()))], [position])
      assert.includeDeepMembers([...(yield* Stream.runCollect((yield* Jobs).all()))], [job])
    })
  ],
  [
    "accounts.create_account",
    "Accounts.create",
    Effect.fnUntraced(function* ({ clerk_user_id }) {
      const created = yield* (yield* Accounts).create({ clerk_user_id, account_name: "New" })
      assert.strictEqual(created.account_name, "New")
    })
  ],
  [
    "accounts.find_by_id",
    "Accounts.findById",
    Effect.fnUntraced(function* ({ account }) {
      assert.deepStrictEqual(yield* (yield* Accounts).findById(account.id), account)
    })
  ],
  [
    "accounts.update",
    "Accounts.update",
    Effect.fnUntraced(function* ({ account }) {
      const updated = yield* (yield* Accounts).update(account.id, { cash_balance: decimal("1.23") })
      assert.strictEqual(formatDecimal(updated.cash_balance), "1.23")
    })
  ],
  [
    "accounts.delete",
    "Accounts.delete",
    Effect.fnUntraced(function* ({ account }) {
      const accounts = yield* Accounts
      yield* accounts.delete(account.id)
      yield* gone(accounts.findById(account.id))
    })
  ],
  [
    "positions.find_by_account",
    "Positions.listByAccount",
    Effect.fnUntraced(function* ({ account }) {
      const [held] = yield* (yield* Positions).listByAccount(account.id)
      assert.deepInclude(held, { symbol, name: "Old fund", instrument_type: "etf" })
    })
  ],
  [
    "positions.get_portfolio_value",
    "Positions.value",
    Effect.fnUntraced(function* ({ account }) {
      const value = yield* (yield* Positions).value(account.id)
      assert.strictEqual(formatDecimal(value.market_value), "21")
    })
  ],
  [
    "positions.add_position",
    "Positions.put, or Positions.addQuantity",
    Effect.fnUntraced(function* ({ account }) {
      yield* (yield* Positions).put({ account_id: account.id, symbol, quantity: decimal("5") })
      assert.strictEqual(yield* sharesOf(account.id), "5")
    })
  ],
  [
    "positions.find_by_id",
    "Positions.findById",
    Effect.fnUntraced(function* ({ position }) {
      assert.deepStrictEqual(yield* (yield* Positions).findById(position.id), position)
    })
  ],
  [
    "positions.update",
    "Positions.update",
    Effect.fnUntraced(function* ({ account, position }) {
      yield* (yield* Positions).update(position.id, { quantity: decimal("3") })
      assert.strictEqual(yield* sharesOf(account.id), "3")
    })
  ],
  [
    "positions.delete",
    "Positions.delete",
    Effect.fnUntraced(function* ({ account, position }) {
      yield* (yield* Positions).delete(position.id)
      assert.strictEqual(yield* sharesOf(account.id), "0")
    })
  ],
  [
    "jobs.create_job",
    "Jobs.create",
    Effect.fnUntraced(function* ({ job }) {
      assert.strictEqual(job.status, "pending")
    })
  ],
  [
    "jobs.find_by_id",
    "Jobs.findById",
    Effect.fnUntraced(function* ({ job }) {
      assert.strictEqual((yield* (yield* Jobs).findById(job.id)).id, job.id)
    })
  ],
  [
    "jobs.find_by_user",
    "Jobs.listByUser",
    Effect.fnUntraced(function* ({ clerk_user_id, job }) {
      const { jobs } = yield* (yield* Jobs).listByUser(clerk_user_id, { status: "pending" })
      assert.deepStrictEqual(jobs, [job])
    })
  ],
  [
    "jobs.update_status",
    "Jobs.start, Jobs.complete and Jobs.fail",
    Effect.fnUntraced(function* ({ job }) {
      const jobs = yield* Jobs
      yield* jobs.start(job.id)
      assert.strictEqual((yield* jobs.fail(job.id, "no answer")).error_message, "no answer")
    })
  ],
  [
    "jobs.update_report",
    "Jobs.attachReport",
    Effect.fnUntraced(function* ({ job }) {
      const jobs = yield* Jobs
      yield* jobs.attachReport(job.id, { content: "# Report" })
      assert.deepStrictEqual((yield* jobs.findById(job.id)).report_payload, { content: "# Report" })
    })
  ],
  [
    "jobs.update_charts",
    "Jobs.attachCharts",
    Effect.fnUntraced(function* ({ job }) {
      const jobs = yield* Jobs
      const charts = { one: { title: "One", type: "bar" as const, data: [{ name: "a", value: 1 }] } }
      yield* jobs.attachCharts(job.id, charts)
      assert.deepStrictEqual((yield* jobs.findById(job.id)).charts_payload, charts)
    })
  ],
  [
    "jobs.update_retirement",
    "Jobs.attachRetirement",
    Effect.fnUntraced(function* ({ job }) {
      const jobs = yield* Jobs
      yield* jobs.attachRetirement(job.id, { analysis: "On track" })
      assert.deepStrictEqual((yield* jobs.findById(job.id)).retirement_payload, { analysis: "On track" })
    })
  ],
  [
    "jobs.update_summary",
    "Jobs.attachSummary",
    Effect.fnUntraced(function* ({ job }) {
      const jobs = yield* Jobs
      yield* jobs.attachSummary(job.id, { findings: ["one"] })
      assert.deepStrictEqual((yield* jobs.findById(job.id)).summary_payload, { findings: ["one"] })
    })
  ],
  [
    "jobs.delete",
    "Jobs.delete",
    Effect.fnUntraced(function* ({ job }) {
      const jobs = yield* Jobs
      yield* jobs.delete(job.id)
      yield* gone(jobs.findById(job.id))
    })
  ],
  [
    "db.query_raw and db.execute_raw",
    "SqlClient",
    Effect.fnUntraced(function* ({ clerk_user_id }) {
      const sql = yield* SqlClient.SqlClient
      const found = yield* sql`SELECT count(*)::int AS jobs FROM jobs WHERE clerk_user_id = ${clerk_user_id}`
      assert.deepStrictEqual(found, [{ jobs: 1 }])
    })
  ]
]

export const counterpartContract = (it: Vitest.MethodsNonLive<Services>) => {
  for (const [original, counterpart, test] of rows) {
    it.effect(`what ${original} did, ${counterpart} does`, () => Effect.flatMap(scene, test))
  }
}
