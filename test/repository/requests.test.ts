import { assert, layer } from "@effect/vitest"
import { BigDecimal, Effect } from "effect"
import { SqlClient } from "effect/sql"
import { isRead } from "../../src/data-api/sql/ReadOnly.ts"
import { ClerkUserId, formatDecimal, InstrumentSymbol, summarize } from "../../src/domain/index.ts"
import { Accounts, Instruments, Jobs, Portfolios, Positions, Users } from "../../src/repository/index.ts"
import { countRequests, embedded } from "./TestRepositories.ts"

const decimal = BigDecimal.fromStringUnsafe
const user = (name: string) => ClerkUserId.make(name)
const symbols = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, i) => InstrumentSymbol.make(`${prefix}${i}`))

const register = Effect.fnUntraced(function* (all: ReadonlyArray<InstrumentSymbol>) {
  yield* (yield* Instruments).upsertMany(
    all.map((symbol) => ({
      symbol,
      name: `Fund ${symbol}`,
      instrument_type: "etf",
      current_price: decimal("10.1234"),
      allocation_regions: { north_america: 100 },
      allocation_sectors: { technology: 28.5, other: 71.5 },
      allocation_asset_class: { equity: 100 }
    }))
  )
})

/** A user with so many accounts of so many positions each, written by the database itself. */
const fill = Effect.fnUntraced(function* (id: ClerkUserId, accounts: number, held: ReadonlyArray<InstrumentSymbol>) {
  const sql = yield* SqlClient.SqlClient
  yield* (yield* Users).create({ clerk_user_id: id })
  yield* register(held)
  yield* sql`
    INSERT INTO accounts (clerk_user_id, account_name, cash_balance)
    SELECT ${id}, 'Account ' || i, 0.01 FROM generate_series(1, ${accounts}::int) AS i`
  yield* sql`
    INSERT INTO positions (account_id, symbol, quantity)
    SELECT accounts.id, symbol, 1.00000001 FROM accounts, unnest(${held}::text[]) AS symbol
    WHERE clerk_user_id = ${id}`
})

layer(embedded, { timeout: "60 seconds", excludeTestServices: true })("requests to the Data API", (it) => {
  it.effect("a portfolio of 3 accounts of 10 positions is one request", () =>
    Effect.gen(function* () {
      const portfolios = yield* Portfolios
      yield* fill(user("three"), 3, symbols(10, "TEN"))
      const { requests, result } = yield* countRequests(portfolios.load(user("three")))
      assert.strictEqual(requests, 1)
      assert.strictEqual(result.accounts.length, 3)
      assert.strictEqual(result.instruments.length, 10)
    })
  )

  it.effect("50 lookups by symbol made concurrently are one request, and so are lookups by id", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const all = symbols(50, "FIFTY")
      yield* register(all)
      const found = yield* countRequests(
        Effect.forEach([...all, ...all], instruments.findBySymbol, { concurrency: "unbounded" })
      )
      assert.strictEqual(found.requests, 1)
      assert.deepStrictEqual(
        found.result.map(({ symbol }) => symbol),
        [...all, ...all]
      )
      const missing = yield* countRequests(
        Effect.forEach(
          [...all, InstrumentSymbol.make("NOTTHERE")],
          (symbol) => Effect.result(instruments.findBySymbol(symbol)),
          { concurrency: "unbounded" }
        )
      )
      assert.strictEqual(missing.requests, 1)
      assert.strictEqual(missing.result.filter((one) => one._tag === "Failure").length, 1)

      yield* fill(user("fifty"), 5, all.slice(0, 10))
      const accounts = yield* Accounts
      const positions = yield* Positions
      const listed = yield* accounts.listByUser(user("fifty"))
      const held = yield* positions.listByAccount(listed[0]?.id ?? assert.fail("no account"))
      const lookups = yield* countRequests(
        Effect.all(
          [
            Effect.forEach(listed, ({ id }) => accounts.findById(id), { concurrency: "unbounded" }),
            Effect.forEach(held, ({ id }) => positions.findById(id), { concurrency: "unbounded" })
          ],
          { concurrency: "unbounded" }
        )
      )
      assert.strictEqual(lookups.requests, 2)
      assert.deepStrictEqual(lookups.result[0], [...listed])
    })
  )

  it.effect("500 prices are one request, and so are 500 instruments", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const all = symbols(500, "MANY")
      assert.strictEqual((yield* countRequests(register(all))).requests, 1)
      const prices = all.map((symbol) => ({ symbol, current_price: decimal("9.9") }))
      assert.strictEqual((yield* countRequests(instruments.setPrices(prices))).requests, 1)
    })
  )

  it.effect("instruments that do not fit into one request are written in one transaction", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const all = symbols(4000, "PACK").map((symbol) => ({
        symbol,
        name: symbol.padEnd(255, "."),
        instrument_type: "etf" as const
      }))
      const { result, sent } = yield* countRequests(instruments.upsertMany(all))
      assert.strictEqual(result.inserted.length, 4000)
      assert.strictEqual(sent.length, 4)
      assert.deepStrictEqual([sent[0], sent[3]], ["BeginTransaction", "CommitTransaction"])
      const found = yield* countRequests(instruments.findMany(all.map(({ symbol }) => symbol)))
      assert.strictEqual(found.result.length, 4000)
      assert.strictEqual(found.requests, 10)
    })
  )

  it.effect("every operation on one entity is one request", () =>
    Effect.gen(function* () {
      const users = yield* Users
      const accounts = yield* Accounts
      const positions = yield* Positions
      const instruments = yield* Instruments
      const [symbol = InstrumentSymbol.make("ONE")] = symbols(1, "ONE")
      const id = user("one")
      const one = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.map(countRequests(effect), ({ requests, result }) => {
          assert.strictEqual(requests, 1)
          return result
        })
      yield* one(users.getOrCreate({ clerk_user_id: id }))
      yield* one(users.getOrCreate({ clerk_user_id: id }))
      yield* one(users.update(id, { display_name: "One" }))
      yield* one(instruments.register(symbol))
      const account = yield* one(accounts.forUser(id).create({ account_name: "One" }))
      const put = { account_id: account.id, symbol, quantity: decimal("1") }
      const position = yield* one(positions.forUser(id).put(put))
      yield* one(positions.forUser(id).addQuantity(put))
      yield* one(positions.forUser(id).listByAccount(account.id))
      yield* one(positions.forUser(id).update(position.id, { quantity: decimal("2") }))
      yield* one(positions.forUser(id).value(account.id))
      yield* one(positions.forUser(id).delete(position.id))
      yield* one(accounts.totals(id))
      yield* one(instruments.search("one"))
      yield* one(instruments.unclassified(id))
      yield* one(users.delete(id))
    })
  )

  it.effect("whatever only reads is seen to do so, and may be repeated when an answer is lost", () =>
    Effect.gen(function* () {
      const id = user("reader")
      const users = yield* Users
      const accounts = yield* Accounts
      const positions = yield* Positions
      const instruments = yield* Instruments
      const jobs = yield* Jobs
      yield* fill(id, 1, symbols(2, "READ"))
      const job = yield* jobs.create({ clerk_user_id: id, job_type: "risk_assessment" })
      const [account] = yield* accounts.listByUser(id)
      if (account === undefined) return assert.fail("no account")
      const [position] = yield* positions.listByAccount(account.id)
      if (position === undefined) return assert.fail("no position")
      const reads: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
        users.findById(id),
        users.list(),
        instruments.findBySymbol(position.symbol),
        instruments.findMany([position.symbol]),
        instruments.all(),
        instruments.byType("etf"),
        instruments.search("read"),
        instruments.unclassified(id),
        accounts.findById(account.id),
        accounts.listByUser(id),
        accounts.totals(id),
        accounts.forUser(id).findById(account.id),
        positions.findById(position.id),
        positions.listByAccount(account.id),
        positions.value(account.id),
        positions.forUser(id).findById(position.id),
        jobs.findById(job.id),
        jobs.listByUser(id, { status: "pending" }),
        jobs.forUser(id).findById(job.id),
        (yield* Portfolios).load(id)
      ]
      for (const read of reads) {
        const { sent } = yield* countRequests(read)
        assert.isAbove(sent.length, 0)
        for (const statement of sent) assert.isTrue(isRead(statement), statement)
      }
    })
  )

  it.effect("jobs whose payloads do not fit into one answer are found in as many as it takes", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { clerk_user_id } = yield* (yield* Users).create({ clerk_user_id: user("jobs") })
      const content = "\\".repeat(150_000)
      const ids = yield* Effect.replicateEffect(
        Effect.gen(function* () {
          const { id } = yield* jobs.create({ clerk_user_id, job_type: "risk_assessment" })
          yield* jobs.attachReport(id, { content })
          return id
        }),
        5
      )
      const { requests, result } = yield* countRequests(
        Effect.forEach(ids, (id) => jobs.findById(id), { concurrency: "unbounded" })
      )
      assert.deepStrictEqual(
        result.map((job) => [job.id, job.report_payload]),
        ids.map((id) => [id, { content }])
      )
      assert.isAtMost(requests, 5)
      const small = yield* jobs.create({ clerk_user_id, job_type: "risk_assessment" })
      yield* Effect.forEach(ids, (id) => jobs.update(id, { report_payload: null }))
      const again = yield* countRequests(
        Effect.forEach([...ids, small.id], (id) => jobs.findById(id), { concurrency: "unbounded" })
      )
      assert.strictEqual(again.requests, 1)
    })
  )

  it.effect("the run of a planner and its agents takes 14 requests at most", () =>
    Effect.gen(function* () {
      const id = user("planner")
      const instruments = yield* Instruments
      const portfolios = yield* Portfolios
      const jobs = yield* Jobs
      yield* fill(id, 3, symbols(10, "PLAN"))
      const open = (yield* instruments.create({
        symbol: InstrumentSymbol.make("PLANNEW"),
        name: "New",
        instrument_type: "etf"
      })).symbol
      const [account] = yield* (yield* Accounts).listByUser(id)
      yield* (yield* Positions).put({
        account_id: account?.id ?? assert.fail("no account"),
        symbol: open,
        quantity: decimal("1")
      })
      const job = yield* jobs.create({ clerk_user_id: id, job_type: "portfolio_analysis" })
      const { requests } = yield* countRequests(
        Effect.gen(function* () {
          yield* jobs.start(job.id)
          const unclassified = yield* instruments.unclassified(id)
          yield* instruments.upsertMany(
            unclassified.map(({ name, symbol }) => ({
              symbol,
              name,
              instrument_type: "etf",
              allocation_regions: { asia: 100 },
              allocation_sectors: { energy: 100 },
              allocation_asset_class: { equity: 100 }
            }))
          )
          const summary = yield* portfolios.summary(id)
          yield* instruments.setPrices(summary.holdings.map(({ symbol }) => ({ symbol, current_price: decimal("11") })))
          yield* Effect.all([portfolios.load(id), portfolios.load(id), portfolios.load(id)], {
            concurrency: "unbounded"
          })
          yield* jobs.attachReport(job.id, { content: "# Report" })
          yield* jobs.attachCharts(job.id, {})
          yield* jobs.attachRetirement(job.id, { analysis: "# Retirement" })
          yield* jobs.attachSummary(job.id, {})
          yield* jobs.complete(job.id)
        })
      )
      assert.isAtMost(requests, 14)
      assert.deepStrictEqual((yield* portfolios.summary(id)).missing_allocations, [])
    })
  )

  it.effect(
    "a portfolio of 40 accounts of 500 positions loads whole, right to the last digit",
    () =>
      Effect.gen(function* () {
        const portfolios = yield* Portfolios
        yield* fill(user("large"), 40, symbols(500, "LARGE"))
        const { requests, result } = yield* countRequests(portfolios.load(user("large")))
        assert.strictEqual(result.accounts.length, 40)
        for (const account of result.accounts) assert.strictEqual(account.positions.length, 500)
        assert.strictEqual(result.instruments.length, 500)
        // 20,000 positions of 1.00000001 shares at 10.1234 and 40 times one cent.
        assert.strictEqual(formatDecimal(summarize(result).total), "202468.40202468")
        assert.isAtMost(requests, 10)
      }),
    90_000
  )
})
