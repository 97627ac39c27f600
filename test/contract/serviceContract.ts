/** What the repositories promise to services: batches, unreadable rows, symbols, JSON, streams, history. */
import { assert } from "@effect/vitest"
import { BigDecimal, Effect, Schema, type Scope, Stream } from "effect"
import { SqlClient } from "effect/sql"
import {
  Account,
  AccountCreate,
  AccountId,
  ClerkUserId,
  formatDecimal,
  InstrumentPrice,
  InstrumentSymbol,
  PositionCreate,
  priceInput,
  quantityInput,
  roundMoney,
  roundPrice,
  roundQuantity,
  summarize
} from "../../src/domain/index.ts"
import { Accounts, History, Instruments, Jobs, Portfolios, Positions, Users } from "../../src/repository/index.ts"
import type { Services } from "./repositoryContract.ts"

/** What registers a test: vitest, or the loop that runs this where there is no vitest. */
interface It {
  readonly effect: (name: string, test: () => Effect.Effect<unknown, unknown, Services | Scope.Scope>) => void
}

let last = 0
const newSymbol = () => InstrumentSymbol.make(`S${++last}`)
const decimal = BigDecimal.fromStringUnsafe

const newAccount = Effect.gen(function* () {
  const clerk_user_id = ClerkUserId.make(`service_user_${++last}`)
  yield* (yield* Users).create({ clerk_user_id })
  return yield* (yield* Accounts).create({ clerk_user_id, account_name: "One", cash_balance: decimal("100.50") })
})

const newInstrument = Effect.fnUntraced(function* (price = "10") {
  return yield* (yield* Instruments).create({
    symbol: newSymbol(),
    name: "A fund",
    instrument_type: "etf",
    current_price: decimal(price),
    allocation_regions: { north_america: 60, europe: 40 },
    allocation_asset_class: { equity: 100 }
  })
})

/** Runs an effect while a rule of a table is off, as rows stood before there were rules; it then holds for new rows. */
const unchecked = Effect.fnUntraced(function* (table: string, rule: string, statement: string) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql.unsafe<{ readonly def: string }>(
    `SELECT pg_get_constraintdef(oid) AS def FROM pg_constraint WHERE conname = '${rule}'`
  )
  yield* sql.unsafe(`ALTER TABLE ${table} DROP CONSTRAINT ${rule}`)
  yield* sql.unsafe(statement)
  yield* sql.unsafe(`ALTER TABLE ${table} ADD CONSTRAINT ${rule} ${row?.def.replace(" NOT VALID", "")} NOT VALID`)
})

const batches = (it: It) => {
  it.effect("of a batch of prices the good ones are stored, and each of the others is named with the reason", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const [good, adopted, invalid, fine] = [
        yield* newInstrument(),
        yield* newInstrument(),
        yield* newInstrument(),
        yield* newInstrument()
      ]
      const unknown = newSymbol()
      yield* unchecked(
        "instruments",
        "instruments_allocation_regions_check",
        `UPDATE instruments SET allocation_regions = '{"mars": 50}' WHERE symbol = '${adopted.symbol}'`
      )
      const prices = [good, adopted, fine].map(({ symbol }) => ({ symbol, current_price: decimal("12.5") }))
      const batch = [
        ...prices,
        { symbol: unknown, current_price: decimal("1") },
        { symbol: invalid.symbol, current_price: decimal("0.00001") }
      ]
      const result = yield* instruments.setPrices(batch)
      assert.deepStrictEqual(result.updated, [good.symbol, fine.symbol])
      assert.deepStrictEqual(result.unknown, [unknown])
      assert.sameMembers(
        result.refused.map(({ key }) => key),
        [adopted.symbol, invalid.symbol]
      )
      const reasons = result.refused.map(({ reason }) => reason).join("\n")
      assert.include(reasons, "instruments_allocation_regions_check")
      assert.include(reasons, `price of ${invalid.symbol}`)
      assert.include(reasons, "at most 4 decimals")
      assert.strictEqual(
        formatDecimal((yield* instruments.findBySymbol(good.symbol)).current_price ?? decimal("0")),
        "12.5"
      )

      const whole = yield* Effect.flip(instruments.setPrices(prices, { allOrNothing: true }))
      assert.strictEqual(whole._tag, "SqlError")
      const refused = yield* Effect.flip(instruments.setPrices(batch, { allOrNothing: true }))
      assert.strictEqual(refused._tag, "InvalidInput")
      const sql = yield* SqlClient.SqlClient
      yield* sql`DELETE FROM instruments WHERE symbol = ${adopted.symbol}::varchar`
    })
  )

  it.effect("a batch in a transaction leaves it usable, though one of its entries is refused", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const sql = yield* SqlClient.SqlClient
      const one = yield* newInstrument()
      yield* unchecked(
        "instruments",
        "instruments_allocation_regions_check",
        `UPDATE instruments SET allocation_regions = '{"mars": 50}' WHERE symbol = '${one.symbol}'`
      )
      const symbol = newSymbol()
      const result = yield* sql.withTransaction(
        instruments.upsertMany([
          { symbol: one.symbol, name: "Renamed", instrument_type: "etf" },
          { symbol, name: "New", instrument_type: "etf" }
        ])
      )
      assert.deepStrictEqual(result.inserted, [symbol])
      assert.deepStrictEqual(
        result.refused.map(({ key }) => key),
        [one.symbol]
      )
      yield* instruments.findBySymbol(symbol)
      yield* sql`DELETE FROM instruments WHERE symbol = ${one.symbol}::varchar`
    })
  )

  it.effect("many positions are put at once, and those that can't be are named; or all or none", () =>
    Effect.gen(function* () {
      const positions = yield* Positions
      const account = yield* newAccount
      const mine = positions.forUser(account.clerk_user_id)
      const [a, b] = [yield* newInstrument(), yield* newInstrument()]
      const unknown = newSymbol()
      const of = (symbol: InstrumentSymbol, quantity: string) => ({
        account_id: account.id,
        symbol,
        quantity: decimal(quantity)
      })
      const batch = [of(a.symbol, "1"), of(b.symbol, "2"), of(unknown, "3"), of(a.symbol, "4")]
      const refused = yield* Effect.flip(mine.putMany(batch, { allOrNothing: true }))
      assert.include(refused.message, unknown)
      assert.deepStrictEqual(yield* mine.listByAccount(account.id), [])
      const result = yield* mine.putMany(batch)
      assert.sameMembers(
        result.positions.map(({ quantity, symbol }) => `${symbol} ${formatDecimal(quantity)}`),
        [`${a.symbol} 4`, `${b.symbol} 2`]
      )
      assert.deepStrictEqual(result.refused, [
        { key: `${account.id}/${unknown}`, reason: "There is no such instrument. Register it first." }
      ])
    })
  )
}

const unreadable = (it: It) => {
  it.effect("a list gives the rows that can be read, and names those that can't; a lookup of one fails alone", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const accounts = yield* Accounts
      const instruments = yield* Instruments
      const jobs = yield* Jobs
      const good = yield* newAccount
      const bad = yield* accounts.create({ clerk_user_id: good.clerk_user_id, account_name: "Bad" })
      yield* unchecked(
        "accounts",
        "accounts_cash_balance_check",
        `UPDATE accounts SET cash_balance = 'NaN' WHERE id = '${bad.id}'`
      )
      const listed = yield* accounts.listByUser(good.clerk_user_id)
      assert.deepStrictEqual([...listed], [good])
      assert.deepStrictEqual(
        listed.unreadable?.map(({ key, table }) => [table, key]),
        [["accounts", bad.id]]
      )
      const failed = yield* Effect.all([Effect.result(accounts.findById(bad.id)), accounts.findById(good.id)], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(failed[1], good)
      assert.strictEqual(failed[0]._tag, "Failure")
      const error = yield* Effect.flip(accounts.findById(bad.id))
      assert.deepInclude(error, { _tag: "UnreadableRow", table: "accounts", key: bad.id })
      assert.include(error.message, "cash_balance")
      assert.notInclude(error.message, "NaN")
      const seen: Array<string> = []
      const read = yield* accounts
        .all({ onUnreadable: ({ key }) => Effect.sync(() => seen.push(key)) })
        .pipe(Stream.runCollect)
      assert.include(seen, bad.id)
      assert.includeDeepMembers([...read], [good])

      for (const odd of ["null", "[]", '"much"', '{"europe": "100"}', '{"europe": null}']) {
        const one = yield* newInstrument()
        yield* unchecked(
          "instruments",
          "instruments_allocation_regions_check",
          `UPDATE instruments SET allocation_regions = '${odd}' WHERE symbol = '${one.symbol}'`
        )
        const fine = yield* newInstrument()
        const found = yield* instruments.findMany([one.symbol, fine.symbol])
        assert.deepStrictEqual([...found], [fine])
        assert.deepStrictEqual(
          found.unreadable?.map(({ key }) => key),
          [one.symbol]
        )
        yield* sql`DELETE FROM instruments WHERE symbol = ${one.symbol}::varchar`
      }

      const job = yield* jobs.create({ clerk_user_id: good.clerk_user_id, job_type: "risk_assessment" })
      yield* unchecked("jobs", "jobs_status_check", `UPDATE jobs SET status = 'lost' WHERE id = '${job.id}'`)
      const page = yield* jobs.listByUser(good.clerk_user_id)
      assert.deepStrictEqual(page.jobs, [])
      assert.deepStrictEqual(
        page.unreadable.map(({ key }) => key),
        [job.id]
      )
      yield* sql`DELETE FROM users WHERE clerk_user_id = ${good.clerk_user_id}::varchar`
    })
  )
}

const symbols = (it: It) => {
  it.effect("a symbol means the instrument in capitals, unless there is one of just this spelling", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const positions = yield* Positions
      const sql = yield* SqlClient.SqlClient
      const account = yield* newAccount
      const capitals = newSymbol()
      const small = InstrumentSymbol.make(capitals.toLowerCase())
      assert.isTrue((yield* instruments.register(small)).created)
      assert.deepInclude(yield* instruments.register(capitals), { created: false })
      assert.strictEqual((yield* instruments.findBySymbol(small)).symbol, capitals)
      const current_price = decimal("3")
      assert.deepStrictEqual((yield* instruments.setPrices([{ symbol: small, current_price }])).updated, [capitals])
      const upserted = yield* instruments.upsert({ symbol: small, name: "Renamed", instrument_type: "etf" })
      assert.deepStrictEqual(upserted.updated, [capitals])
      const put = { account_id: account.id, symbol: small, quantity: decimal("1") }
      assert.strictEqual((yield* positions.put(put)).symbol, capitals)
      assert.strictEqual((yield* instruments.update(small, { name: "x" })).symbol, capitals)
      assert.strictEqual((yield* Effect.flip(instruments.delete(small)))._tag, "InstrumentHeld")
      const adopted = InstrumentSymbol.make(`old${++last}`)
      yield* sql`INSERT INTO instruments (symbol, name) VALUES (${adopted}::varchar, 'Old')`
      assert.strictEqual((yield* instruments.findBySymbol(adopted)).symbol, adopted)
      assert.deepStrictEqual((yield* instruments.setPrices([{ symbol: adopted, current_price }])).updated, [adopted])
      yield* instruments.delete(adopted)
      assert.strictEqual(Schema.decodeUnknownSync(InstrumentSymbol)("brk.b"), "BRK.B")
    })
  )

  it.effect("a symbol is registered and its position put in one request, under the owner's check", () =>
    Effect.gen(function* () {
      const positions = yield* Positions
      const instruments = yield* Instruments
      const account = yield* newAccount
      const symbol = newSymbol()
      const input = { account_id: account.id, symbol, quantity: decimal("2") }
      const stranger = (yield* newAccount).clerk_user_id
      const refused = yield* Effect.flip(positions.forUser(stranger).registerAndPut(input))
      assert.strictEqual(refused._tag, "AccountNotFound")
      assert.strictEqual((yield* Effect.flip(instruments.findBySymbol(symbol)))._tag, "InstrumentNotFound")
      const all = yield* Effect.all(
        Array.from({ length: 8 }, () =>
          positions.forUser(account.clerk_user_id).registerAndPut(input, { name: "My fund", instrument_type: "etf" })
        ),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(all.map(({ id }) => id)).size, 1)
      assert.strictEqual((yield* instruments.findBySymbol(symbol)).name, "My fund")
      assert.include(yield* (yield* Users).allSymbols(), symbol)
    })
  )
}

const json = (it: It) => {
  it.effect("JSON.stringify prints decimals as text, of what is stored and of what is added up", () =>
    Effect.gen(function* () {
      const account = yield* newAccount
      const { symbol } = yield* newInstrument("0.3333")
      yield* (yield* Positions).put({ account_id: account.id, symbol, quantity: decimal("3") })
      assert.include(JSON.stringify(account), '"cash_balance":"100.5"')
      const portfolio = yield* (yield* Portfolios).load(account.clerk_user_id)
      const summary = summarize(portfolio)
      assert.notInclude(JSON.stringify([portfolio, summary]), '"_id"')
      assert.include(JSON.stringify(summary), '"total":"101.4999"')
      assert.deepStrictEqual(Account.toJson(account), JSON.parse(JSON.stringify(account)))
      assert.deepStrictEqual(yield* Account.fromJson(Account.toJson(account)), account)
    })
  )

  it.effect("input takes JSON numbers, refuses too many digits and names what is wrong, and rounds where asked", () =>
    Effect.gen(function* () {
      const { clerk_user_id } = yield* newAccount
      const input = yield* AccountCreate.fromJson({ clerk_user_id, account_name: "x", cash_balance: 1234.5 })
      const account = yield* (yield* Accounts).create(input)
      assert.strictEqual(formatDecimal(account.cash_balance), "1234.5")
      const refused = yield* Effect.flip(
        AccountCreate.fromJson({ clerk_user_id, account_name: "", cash_balance: 0.001, colour: 1 })
      )
      assert.deepStrictEqual(refused.problems.map(({ path }) => path).sort(), [
        "account_name",
        "cash_balance",
        "colour"
      ])
      const exact = Schema.decodeUnknownEffect(quantityInput({ digits: "refuse" }))
      assert.strictEqual(formatDecimal(yield* exact(1234567.12345678)), "1234567.12345678")
      assert.strictEqual(formatDecimal(yield* exact("123456789012.12345678")), "123456789012.12345678")
      // JSON.parse has rounded it to 123456789012.12346.
      for (const inexact of ["123456789012.12345678", "12345678.123456789", "9007199254740993"])
        yield* Effect.flip(exact(JSON.parse(inexact)))
      const { message } = yield* Effect.flip(exact(12345678.12345678))
      assert.include(message, "send over 15 digits as text")
      const price = yield* InstrumentPrice.fromJson({ symbol: "spy", current_price: "450.25" })
      assert.strictEqual(price.symbol, "SPY")
      const round = Schema.decodeUnknownEffect(priceInput({ digits: "round" }))
      const cases: ReadonlyArray<readonly [unknown, string]> = [
        [0.00005, "0"],
        [0.00015, "0.0002"],
        ["450.12345678901234567890", "450.1235"],
        [1e-7, "0"],
        [0.1 + 0.2, "0.3"]
      ]
      for (const [given, expected] of cases) assert.strictEqual(formatDecimal(yield* round(given)), expected)
      for (const bad of [-1, 1e9, "1,5", "", "abc", null, Number.NaN, "0x10", true]) yield* Effect.flip(round(bad))
      assert.strictEqual(formatDecimal(roundMoney(decimal("0.125"))), "0.12")
      assert.strictEqual(formatDecimal(roundPrice(decimal("1.00015"))), "1.0002")
      assert.strictEqual(formatDecimal(roundQuantity(decimal("0.000000015"))), "0.00000002")
      const position = { account_id: account.id, symbol: "SPY", quantity: 0 }
      assert.include((yield* Effect.flip(PositionCreate.fromJson(position))).message, "more than 0")
    })
  )
}

const payloads = (it: It) => {
  it.effect("what an agent says beyond the known members is stored and read back", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { clerk_user_id } = yield* newAccount
      const { id } = yield* jobs.create({ clerk_user_id, job_type: "risk_assessment" })
      const report = { content: "# Report", model: "m", tokens: { in: 1, out: [2] } }
      const charts = {
        one: { title: "One", subtitle: "Two", type: "pie" as const, data: [{ name: "a", value: 1, percentage: 100 }] }
      }
      const retirement = { analysis: "On track", projected_value: decimal("1.5"), scenarios: [{ p: 0.5 }] }
      yield* jobs.attachReport(id, report)
      yield* jobs.attachCharts(id, charts)
      yield* jobs.attachRetirement(id, retirement)
      const found = yield* jobs.findById(id)
      assert.deepStrictEqual<unknown>(found.report_payload, report)
      assert.deepStrictEqual<unknown>(found.charts_payload, charts)
      assert.deepStrictEqual<unknown>(found.retirement_payload, { ...retirement, projected_value: "1.5" })
      const refused = yield* Effect.flip(jobs.attachReport(id, { content: "x", at: new Date(), f: undefined }))
      const counted = yield* Effect.flip(jobs.attachReport(id, { content: "x", jobs: 5n }))
      assert(counted._tag === "InvalidInput")
      assert.deepStrictEqual(
        counted.problems.map(({ path }) => path),
        ["report_payload.jobs"]
      )
      assert.strictEqual(refused._tag, "InvalidInput")
      const some = yield* jobs.findById(id, { parts: ["report_payload"] })
      assert.deepStrictEqual<unknown>([some.report_payload, some.charts_payload], [report, null])
      const { jobs: [listed] = [] } = yield* jobs.forUser(clerk_user_id).listWithPayloads()
      assert.deepStrictEqual(listed, found)
    })
  )

  it.effect("jobs with large payloads are listed page by page, and one of any size is read in pieces", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const sql = yield* SqlClient.SqlClient
      const { clerk_user_id } = yield* newAccount
      for (let i = 0; i < 3; i++) {
        const { id } = yield* jobs.create({ clerk_user_id, job_type: "risk_assessment" })
        yield* jobs.attachReport(id, { content: "x".repeat(199_000), more: "y".repeat(200_000) })
      }
      const sizes: Array<number> = []
      let page = yield* jobs.listWithPayloads(clerk_user_id)
      sizes.push(page.jobs.length)
      while (page.next !== null) {
        page = yield* jobs.listWithPayloads(clerk_user_id, { after: page.next })
        sizes.push(page.jobs.length)
      }
      assert.deepStrictEqual(sizes, [2, 1])
      const [first] = page.jobs
      if (first === undefined) return assert.fail("no job")
      yield* sql`UPDATE jobs SET summary_payload = to_jsonb(repeat('é"', 700000)) WHERE id = ${first.id}::uuid`
      const text = yield* Stream.mkString(jobs.streamPayload(first.id, "summary_payload"))
      assert.strictEqual(JSON.parse(text), 'é"'.repeat(700_000))
      assert.isNull((yield* jobs.findById(first.id, { parts: ["request_payload"] })).summary_payload)
    })
  )

  it.effect("all accounts of a user are deleted at once", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const one = yield* newAccount
      const two = yield* accounts.create({ clerk_user_id: one.clerk_user_id, account_name: "Two" })
      const deleted = yield* accounts.deleteAll(one.clerk_user_id)
      assert.sameMembers(
        deleted.map(({ id }) => id),
        [one.id, two.id]
      )
      assert.deepStrictEqual(yield* accounts.listByUser(one.clerk_user_id), [])
      assert.strictEqual((yield* Effect.flip(accounts.findById(AccountId.make(one.id))))._tag, "AccountNotFound")
    })
  )
}

const history = (it: It) => {
  it.effect("prices are remembered by day, and what changed over a period is one request", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const instruments = yield* Instruments
      const history = yield* History
      const [a, b] = [yield* newInstrument(), yield* newInstrument()]
      const set = (price: string) =>
        instruments.setPrices([a, b].map(({ symbol }) => ({ symbol, current_price: decimal(price) })))
      yield* set("10")
      yield* sql`UPDATE price_history SET day = day - 10 WHERE symbol = ANY(${[a.symbol, b.symbol]}::text[])`
      yield* set("11")
      yield* set("12.5")
      const period = { from: "2000-01-01", to: "2999-12-31" }
      const prices = yield* history.prices(a.symbol, period)
      assert.deepStrictEqual(
        prices.map(({ price }) => formatDecimal(price)),
        ["10", "12.5"]
      )
      const changes = yield* history.priceChanges([a.symbol, b.symbol, newSymbol()], period)
      assert.deepStrictEqual(
        changes.map((one) => [one.symbol, formatDecimal(one.change), formatDecimal(one.percentage ?? decimal("0"))]),
        [
          [a.symbol, "2.5", "25"],
          [b.symbol, "2.5", "25"]
        ]
      )
      const lower = InstrumentSymbol.make(a.symbol.toLowerCase())
      assert.deepStrictEqual(yield* history.prices(lower, period), prices)
      assert.deepStrictEqual(yield* history.priceChanges([lower, b.symbol, a.symbol], period), changes)
      assert.deepStrictEqual(yield* history.prices(a.symbol, { from: "2000-01-01", to: "2000-01-02" }), [])
      const refused = yield* Effect.flip(history.prices(a.symbol, { from: "2026-02-30", to: "x" }))
      assert.strictEqual(refused._tag, "InvalidInput")
    })
  )

  it.effect("a snapshot of all users holds what summarize says, and one bad row does not stop the rest", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const history = yield* History
      const positions = yield* Positions
      const account = yield* newAccount
      const user = account.clerk_user_id
      const empty = ClerkUserId.make(`empty_${++last}`)
      yield* (yield* Users).create({ clerk_user_id: empty })
      const fund = yield* newInstrument("0.3333")
      const odd = yield* newInstrument("7")
      yield* positions.put({ account_id: account.id, symbol: fund.symbol, quantity: decimal("0.00000003") })
      const before = summarize(yield* (yield* Portfolios).load(user))
      assert.isAtLeast(yield* history.snapshot(), 2)
      const period = { from: "2000-01-01", to: "2999-12-31" }
      const [first] = yield* history.portfolio(user, period)
      const known = (values: { readonly [name: string]: BigDecimal.BigDecimal }) =>
        Object.fromEntries(
          Object.entries(values)
            .filter(([, value]) => !BigDecimal.isZero(value))
            .map(([name, value]) => [name, formatDecimal(value)])
        )
      assert.strictEqual(formatDecimal(first?.total ?? decimal("0")), formatDecimal(before.total))
      assert.deepStrictEqual(known(first?.asset_classes ?? {}), known(before.asset_classes.by_name))
      assert.deepStrictEqual(known(first?.regions ?? {}), known(before.regions.by_name))
      assert.deepStrictEqual(known(first?.sectors ?? {}), known({ unclassified: before.sectors.unclassified }))
      const [nothing] = yield* history.portfolio(empty, period)
      assert.strictEqual(formatDecimal(nothing?.total ?? decimal("1")), "0")

      yield* sql`UPDATE portfolio_snapshots SET day = day - 30 WHERE clerk_user_id = ${user}::varchar`
      yield* positions.put({ account_id: account.id, symbol: odd.symbol, quantity: decimal("1") })
      yield* unchecked(
        "instruments",
        "instruments_allocation_sectors_check",
        `UPDATE instruments SET allocation_sectors = '["odd"]' WHERE symbol = '${odd.symbol}'`
      )
      yield* history.snapshot()
      yield* history.snapshot({ user })
      assert.strictEqual((yield* history.portfolio(user, period)).length, 2)
      const change = yield* history.portfolioChange(user, period)
      assert.strictEqual(formatDecimal(change?.change ?? decimal("0")), "7")
      assert.isNull(yield* history.portfolioChange(user, { from: "2000-01-01", to: "2000-01-02" }))
      yield* sql`DELETE FROM users WHERE clerk_user_id = ${user}::varchar`
      yield* sql`DELETE FROM instruments WHERE symbol = ${odd.symbol}::varchar`
    })
  )
}

export const serviceContract = (it: It) => {
  batches(it)
  unreadable(it)
  symbols(it)
  json(it)
  payloads(it)
  history(it)
}
