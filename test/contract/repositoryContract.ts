/** What the repositories promise, whatever `SqlClient` they run on. */
import { assert, type Vitest } from "@effect/vitest"
import { BigDecimal, Effect, Exit, Layer } from "effect"
import { SqlClient } from "effect/sql"
import {
  type Account,
  AccountId,
  ClerkUserId,
  formatDecimal,
  InstrumentSymbol,
  type Job,
  JobId,
  NegativeCash,
  PositionId,
  summarize
} from "../../src/domain/index.ts"
import {
  Accounts,
  type AgentCalls,
  type History,
  Instruments,
  Jobs,
  Portfolios,
  Positions,
  Users
} from "../../src/repository/index.ts"
import { uuidOrNull } from "../../src/repository/Rows.ts"

export type Services =
  | SqlClient.SqlClient
  | Users
  | Instruments
  | Accounts
  | Positions
  | Jobs
  | Portfolios
  | History
  | AgentCalls

let last = 0
/** A user id that no other test has. */
const newUserId = () => ClerkUserId.make(`user_${++last}`)
/** A symbol that no other test has. */
const newSymbol = () => InstrumentSymbol.make(`T${++last}`)

const decimal = BigDecimal.fromStringUnsafe
const text = (value: BigDecimal.BigDecimal | null) => (value === null ? null : formatDecimal(value))
const nobody = "00000000-0000-4000-8000-000000000000"

const newUser = Effect.gen(function* () {
  return yield* (yield* Users).create({ clerk_user_id: newUserId() })
})

const newInstrument = Effect.fnUntraced(function* (price = "10.50") {
  return yield* (yield* Instruments).create({
    symbol: newSymbol(),
    name: "A fund",
    instrument_type: "etf",
    current_price: decimal(price),
    allocation_regions: { north_america: 60, europe: 40 },
    allocation_sectors: { technology: 100 },
    allocation_asset_class: { equity: 80, fixed_income: 20 }
  })
})

const newAccount = Effect.fnUntraced(function* (clerk_user_id?: ClerkUserId) {
  const owner = clerk_user_id ?? (yield* newUser).clerk_user_id
  return yield* (yield* Accounts).create({ clerk_user_id: owner, account_name: "Savings" })
})

const newJob = Effect.fnUntraced(function* (clerk_user_id?: ClerkUserId) {
  const owner = clerk_user_id ?? (yield* newUser).clerk_user_id
  return yield* (yield* Jobs).create({ clerk_user_id: owner, job_type: "portfolio_analysis" })
})

type Attempt = Effect.Effect<unknown, { readonly _tag: string }>

/** The tag of what an effect fails with. */
const failureOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => error._tag)

export const repositoryContract = (it: Vitest.MethodsNonLive<Services>) => {
  it.effect("a user is created with what was given, and the rest is the database's default or open", () =>
    Effect.gen(function* () {
      const users = yield* Users
      const id = newUserId()
      const created = yield* users.create({ clerk_user_id: id, target_retirement_income: decimal("100000.10") })
      assert.strictEqual(text(created.target_retirement_income), "100000.1")
      assert.isNull(created.display_name)
      assert.deepStrictEqual(created.asset_class_targets, { equity: 70, fixed_income: 30 })
      assert.deepStrictEqual(created.region_targets, { north_america: 50, international: 50 })
      assert.instanceOf(created.created_at, Date)
      assert.deepStrictEqual(yield* users.findById(id), created)
      assert.strictEqual(yield* failureOf(users.create({ clerk_user_id: id })), "UserAlreadyExists")
    })
  )

  it.effect("a user is got or created, with the product's defaults, and found the second time", () =>
    Effect.gen(function* () {
      const users = yield* Users
      const id = newUserId()
      const first = yield* users.getOrCreate({ clerk_user_id: id, display_name: "Ann" })
      assert.isTrue(first.created)
      assert.strictEqual(first.user.years_until_retirement, 20)
      assert.strictEqual(text(first.user.target_retirement_income), "60000")
      const second = yield* users.getOrCreate({ clerk_user_id: id, display_name: "Bob" })
      assert.isFalse(second.created)
      assert.deepStrictEqual(second.user, first.user)
    })
  )

  it.effect("users who are got or created at the same time are created once", () =>
    Effect.gen(function* () {
      const users = yield* Users
      const id = newUserId()
      const all = yield* Effect.all(
        Array.from({ length: 8 }, () => users.getOrCreate({ clerk_user_id: id })),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(all.filter(({ created }) => created).length, 1)
    })
  )

  it.effect("any subset of a user's fields is changed, null empties one, and nothing else is touched", () =>
    Effect.gen(function* () {
      const users = yield* Users
      const { user } = yield* users.getOrCreate({ clerk_user_id: newUserId(), display_name: "Ann" })
      const changed = yield* users.update(user.clerk_user_id, {
        years_until_retirement: null,
        asset_class_targets: { equity: 60, fixed_income: 40 }
      })
      const { updated_at, ...rest } = changed
      const { updated_at: before, ...old } = user
      assert.deepStrictEqual(rest, {
        ...old,
        years_until_retirement: null,
        asset_class_targets: { equity: 60, fixed_income: 40 }
      })
      assert.isAtLeast(updated_at.getTime(), before.getTime())
      assert.deepStrictEqual((yield* users.update(user.clerk_user_id, {})).asset_class_targets, {
        equity: 60,
        fixed_income: 40
      })
      assert.strictEqual(yield* failureOf(users.update(newUserId(), {})), "UserNotFound")
    })
  )

  it.effect("a deleted user takes accounts, positions and jobs along", () =>
    Effect.gen(function* () {
      const users = yield* Users
      const positions = yield* Positions
      const account = yield* newAccount()
      const { symbol } = yield* newInstrument()
      const job = yield* newJob(account.clerk_user_id)
      const position = yield* positions.put({ account_id: account.id, symbol, quantity: decimal("1") })
      yield* users.delete(account.clerk_user_id)
      assert.strictEqual(yield* failureOf(users.findById(account.clerk_user_id)), "UserNotFound")
      assert.strictEqual(yield* failureOf((yield* Accounts).findById(account.id)), "AccountNotFound")
      assert.strictEqual(yield* failureOf(positions.findById(position.id)), "PositionNotFound")
      assert.strictEqual(yield* failureOf((yield* Jobs).findById(job.id)), "JobNotFound")
      assert.strictEqual(yield* failureOf(users.delete(account.clerk_user_id)), "UserNotFound")
    })
  )

  it.effect("users are listed page by page", () =>
    Effect.gen(function* () {
      const users = yield* Users
      const one = yield* newUser
      const two = yield* newUser
      const all = yield* users.list({ limit: 1000 })
      const ids = all.map((user) => user.clerk_user_id)
      assert.includeMembers(ids, [one.clerk_user_id, two.clerk_user_id])
      const [first] = yield* users.list({ limit: 1 })
      assert.deepStrictEqual(first, all[0])
      const [second] = yield* users.list({ limit: 1, ...(first && { after: first.clerk_user_id }) })
      assert.deepStrictEqual(second, all[1])
    })
  )

  it.effect("an instrument comes back as it was stored, by symbol and among many", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const one = yield* newInstrument("450.2525")
      const two = yield* newInstrument()
      assert.strictEqual(text(one.current_price), "450.2525")
      assert.deepStrictEqual(yield* instruments.findBySymbol(one.symbol), one)
      assert.deepStrictEqual(yield* instruments.findMany([two.symbol, one.symbol, newSymbol()]), [one, two])
      assert.strictEqual(yield* failureOf(instruments.findBySymbol(newSymbol())), "InstrumentNotFound")
      assert.strictEqual(
        yield* failureOf(instruments.create({ symbol: one.symbol, name: "x", instrument_type: "etf" })),
        "InstrumentAlreadyExists"
      )
      assert.includeDeepMembers([...(yield* instruments.all())], [one, two])
      assert.includeDeepMembers([...(yield* instruments.byType("etf"))], [one, two])
      assert.deepStrictEqual(yield* instruments.byType("reit"), [])
    })
  )

  it.effect("an instrument without a price and without allocations is listed as unclassified", () =>
    Effect.gen(function* () {
      const created = yield* (yield* Instruments).create({ symbol: newSymbol(), name: "New", instrument_type: "stock" })
      assert.isNull(created.current_price)
      assert.deepStrictEqual(created.allocation_sectors, {})
    })
  )

  it.effect("any subset of an instrument's fields is changed", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const one = yield* newInstrument()
      const changed = yield* instruments.update(one.symbol, {
        current_price: null,
        allocation_sectors: { energy: 100 }
      })
      assert.deepStrictEqual(
        { ...changed, updated_at: one.updated_at },
        { ...one, current_price: null, allocation_sectors: { energy: 100 } }
      )
      assert.strictEqual(yield* failureOf(instruments.update(newSymbol(), { name: "x" })), "InstrumentNotFound")
    })
  )

  it.effect("an instrument is deleted unless it is held", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const { symbol } = yield* newInstrument()
      const account = yield* newAccount()
      const position = yield* (yield* Positions).put({ account_id: account.id, symbol, quantity: decimal("1") })
      assert.strictEqual(yield* failureOf(instruments.delete(symbol)), "InstrumentHeld")
      yield* (yield* Positions).delete(position.id)
      yield* instruments.delete(symbol)
      assert.strictEqual(yield* failureOf(instruments.delete(symbol)), "InstrumentNotFound")
    })
  )

  it.effect("upserting says what was inserted, updated and left as it was", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const [a, b, c] = [newSymbol(), newSymbol(), newSymbol()] as const
      const instrument = (symbol: InstrumentSymbol, name: string) => ({
        symbol,
        name,
        instrument_type: "etf" as const,
        current_price: decimal("5"),
        allocation_regions: { europe: 100 }
      })
      yield* instruments.upsertMany([instrument(a, "A"), instrument(b, "B")])
      const again = yield* instruments.upsertMany([instrument(a, "A"), instrument(b, "BB"), instrument(c, "C")])
      assert.deepStrictEqual(again, { inserted: [c], updated: [b], unchanged: [a], refused: [] })
      assert.deepStrictEqual(yield* instruments.upsertMany([]), {
        inserted: [],
        updated: [],
        unchanged: [],
        refused: []
      })
    })
  )

  it.effect("an upsert keeps a price and allocations that it does not mention", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const one = yield* newInstrument("7.25")
      yield* instruments.upsert({ symbol: one.symbol, name: "Renamed", instrument_type: "etf" })
      const found = yield* instruments.findBySymbol(one.symbol)
      assert.deepStrictEqual({ ...found, updated_at: one.updated_at }, { ...one, name: "Renamed" })
    })
  )

  it.effect("an upsert stores what is given, an empty allocation too, and a dry run says so and changes nothing", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const one = yield* newInstrument("7.25")
      const input = {
        symbol: one.symbol,
        name: one.name,
        instrument_type: "etf" as const,
        current_price: null,
        allocation_sectors: {}
      }
      const updated = { inserted: [], updated: [one.symbol], unchanged: [], refused: [] }
      assert.deepStrictEqual(yield* instruments.upsertMany([input], { dryRun: true }), updated)
      assert.deepStrictEqual(yield* instruments.findBySymbol(one.symbol), one)
      assert.deepStrictEqual(yield* instruments.upsert(input), updated)
      const found = yield* instruments.findBySymbol(one.symbol)
      assert.deepStrictEqual({ ...found, updated_at: one.updated_at }, { ...one, allocation_sectors: {} })
      assert.deepStrictEqual((yield* instruments.upsert(input)).unchanged, [one.symbol])
    })
  )

  it.effect("upserts of the same instruments at the same time keep what each of them says", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const symbols = Array.from({ length: 20 }, newSymbol)
      const upsert = (fields: object) => (order: ReadonlyArray<InstrumentSymbol>) =>
        instruments.upsertMany(
          order.map((symbol) => ({ symbol, name: "Same", instrument_type: "etf" as const, ...fields }))
        )
      const regions = upsert({ allocation_regions: { asia: 100 } })
      const sectors = upsert({ allocation_sectors: { energy: 100 } })
      const results = yield* Effect.all(
        [regions(symbols), sectors([...symbols].reverse()), regions(symbols), sectors(symbols)],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(results.flatMap(({ inserted }) => inserted).length, 20)
      for (const found of yield* instruments.findMany(symbols)) {
        assert.deepStrictEqual(found.allocation_regions, { asia: 100 })
        assert.deepStrictEqual(found.allocation_sectors, { energy: 100 })
      }
    })
  )

  it.effect("many instruments are found in any spelling of their symbols, each once, in one order", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const sql = yield* SqlClient.SqlClient
      const symbols = Array.from({ length: 900 }, newSymbol)
      yield* instruments.upsertMany(symbols.map((symbol) => ({ symbol, name: symbol, instrument_type: "stock" })))
      const found = yield* instruments.findMany([...symbols].reverse())
      assert.deepStrictEqual(
        found.map(({ symbol }) => symbol),
        [...symbols].sort()
      )
      const [one = newSymbol()] = symbols
      const lower = InstrumentSymbol.make(one.toLowerCase())
      assert.strictEqual((yield* instruments.findBySymbol(lower)).symbol, one)
      assert.deepStrictEqual(
        (yield* instruments.findMany([one, ...symbols, lower])).map(({ symbol }) => symbol),
        [...symbols].sort()
      )
      // Another program has stored it in this spelling.
      const theirs = InstrumentSymbol.make(newSymbol().toLowerCase())
      yield* sql`INSERT INTO instruments (symbol, name, instrument_type) VALUES (${theirs}::varchar, 'x', 'stock')`
      assert.deepStrictEqual(
        (yield* instruments.findMany([theirs, lower])).map(({ symbol }) => symbol),
        [one, theirs].sort()
      )
    })
  )

  it.effect("500 prices are set, and unknown symbols are named", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const symbols = Array.from({ length: 500 }, newSymbol)
      yield* instruments.upsertMany(symbols.map((symbol) => ({ symbol, name: symbol, instrument_type: "stock" })))
      const unknown = newSymbol()
      const result = yield* instruments.setPrices(
        [...symbols, unknown].map((symbol, i) => ({ symbol, current_price: decimal(`${i}.0125`) }))
      )
      assert.deepStrictEqual(result, { updated: symbols, unknown: [unknown], refused: [] })
      const prices = (yield* instruments.findMany(symbols)).map((found) => text(found.current_price))
      assert.strictEqual(prices.length, 500)
      assert.include(prices, "499.0125")
    })
  )

  it.effect("search takes % and _ literally and puts the best match first", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const create = (symbol: string, name: string) => ({
        symbol: InstrumentSymbol.make(symbol),
        name,
        instrument_type: "etf" as const
      })
      yield* instruments.upsertMany([
        create("QZX", "Fund"),
        create("QZXA", "Fund"),
        create("AQZX", "Fund"),
        create("N1", "Qzx first"),
        create("N2", "The qzx second"),
        create("N3", "Subqzxword"),
        create("PC", "100%zq_bonds")
      ])
      const found = (yield* instruments.search("qzx")).map((one) => one.symbol)
      assert.deepStrictEqual<Array<string>>(found, ["QZX", "QZXA", "N1", "N2", "AQZX", "N3"])
      assert.strictEqual((yield* instruments.search("qzx", { limit: 2 })).length, 2)
      assert.deepStrictEqual<Array<string>>(
        (yield* instruments.search("%ZQ_")).map((one) => one.symbol),
        ["PC"]
      )
      assert.deepStrictEqual(yield* instruments.search("q%zx"), [])
    })
  )

  it.effect("a user's unclassified instruments are those held that lack an allocation", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const positions = yield* Positions
      const account = yield* newAccount()
      const classified = yield* newInstrument()
      const open = yield* instruments.create({
        symbol: newSymbol(),
        name: "Open",
        instrument_type: "etf",
        allocation_regions: { asia: 100 }
      })
      yield* instruments.create({ symbol: newSymbol(), name: "Not held", instrument_type: "etf" })
      for (const { symbol } of [classified, open]) {
        yield* positions.put({ account_id: account.id, symbol, quantity: decimal("1") })
      }
      assert.deepStrictEqual(yield* instruments.unclassified(account.clerk_user_id), [open])
    })
  )

  it.effect("an unknown symbol is registered with the product's defaults, once", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const stock = InstrumentSymbol.make("ZZTOP")
      const first = yield* instruments.register(stock)
      assert.isTrue(first.created)
      assert.strictEqual(text(first.instrument.current_price), "0")
      assert.strictEqual(first.instrument.instrument_type, "stock")
      assert.deepStrictEqual(first.instrument.allocation_regions, { north_america: 100 })
      assert.deepStrictEqual(first.instrument.allocation_sectors, { other: 100 })
      assert.deepStrictEqual(first.instrument.allocation_asset_class, { equity: 100 })
      assert.deepStrictEqual(yield* instruments.register(stock), { ...first, created: false })
      const fund = yield* instruments.register(newSymbol(), { name: "My fund", instrument_type: "mutual_fund" })
      assert.deepStrictEqual(fund.instrument.allocation_asset_class, {})
      assert.strictEqual(fund.instrument.name, "My fund")
    })
  )

  it.effect("instruments are remembered for as long as was asked for", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const one = yield* newInstrument("1")
      const find = yield* instruments.cached({ timeToLive: "1 hour" })
      yield* find(one.symbol)
      yield* instruments.update(one.symbol, { current_price: decimal("2") })
      assert.strictEqual(text((yield* find(one.symbol)).current_price), "1")
      const symbol = newSymbol()
      assert.strictEqual(yield* failureOf(find(symbol)), "InstrumentNotFound")
      yield* instruments.register(symbol)
      assert.strictEqual((yield* find(symbol)).symbol, symbol)
    })
  )

  it.effect("accounts are created, listed the newest first, changed and deleted", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const { clerk_user_id } = yield* newUser
      const first = yield* accounts.create({
        clerk_user_id,
        account_name: "401(k)",
        account_purpose: "Retirement — später",
        cash_balance: decimal("5000.05"),
        cash_interest: decimal("0.0450")
      })
      assert.strictEqual(text(first.cash_balance), "5000.05")
      assert.strictEqual(text(first.cash_interest), "0.045")
      const second = yield* accounts.create({ clerk_user_id, account_name: "Roth" })
      assert.strictEqual(text(second.cash_balance), "0")
      assert.deepStrictEqual(yield* accounts.listByUser(clerk_user_id), [second, first])
      const changed = yield* accounts.update(first.id, { account_purpose: null, cash_balance: decimal("1") })
      assert.deepStrictEqual(
        { ...changed, updated_at: first.updated_at },
        { ...first, account_purpose: null, cash_balance: changed.cash_balance }
      )
      yield* accounts.delete(first.id)
      assert.deepStrictEqual(yield* accounts.listByUser(clerk_user_id), [second])
      assert.strictEqual(yield* failureOf(accounts.delete(first.id)), "AccountNotFound")
      assert.strictEqual(
        yield* failureOf(accounts.create({ clerk_user_id: newUserId(), account_name: "x" })),
        "UserNotFound"
      )
    })
  )

  it.effect(
    "cash may be negative where the caller and the database both allow it, and is refused where one does not",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { clerk_user_id } = yield* newUser
        const owed = { clerk_user_id, account_name: "Margin", cash_balance: decimal("-250.10") }
        assert.strictEqual(yield* failureOf((yield* Accounts).create(owed)), "InvalidInput")
        const onMargin = Layer.fresh(Layer.merge(Accounts.layer, Portfolios.layer)).pipe(
          Layer.provide(Layer.succeed(NegativeCash, true))
        )
        const margin = Effect.gen(function* () {
          const accounts = yield* Accounts
          assert.strictEqual(yield* failureOf(sql.withTransaction(accounts.create(owed))), "SqlError")
          yield* sql`ALTER TABLE accounts DROP CONSTRAINT accounts_cash_balance_check`
          const account = yield* accounts.create(owed)
          assert.strictEqual(text(account.cash_balance), "-250.1")
          const changed = yield* accounts.update(account.id, { cash_balance: decimal("-0.01") })
          assert.strictEqual(text(changed.cash_balance), "-0.01")
          const { user } = yield* (yield* Portfolios).load(clerk_user_id)
          const added = yield* (yield* Portfolios).add({
            user,
            accounts: [{ account_name: "More", cash_balance: decimal("-1"), positions: [] }]
          })
          assert.strictEqual(added.accounts, 1)
          assert.strictEqual(text((yield* accounts.totals(clerk_user_id)).cash), "-1.01")
          return yield* Effect.fail("undone" as const)
        })
        const undone = yield* Effect.flip(sql.withTransaction(Effect.provide(margin, onMargin)))
        assert.strictEqual(undone, "undone")
      })
  )

  it.effect("an id is found in whatever case it is written", () =>
    Effect.gen(function* () {
      const account = yield* newAccount()
      const upper = AccountId.make(account.id.toUpperCase())
      assert.deepStrictEqual(yield* (yield* Accounts).findById(upper), account)
    })
  )

  it.effect("an id is read in the forms in which PostgreSQL reads one, and in no other", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { id } = yield* newAccount()
      const digits = id.replaceAll("-", "")
      const fours = digits.replaceAll(/(.{4})(?=.)/g, "$1-")
      const forms = [id, id.toUpperCase(), digits, fours, `{${id}}`, `{${digits}}`]
      for (const form of forms) {
        const [row] = yield* sql<{ readonly id: string }>`SELECT ${form}::text::uuid AS id`
        assert.deepStrictEqual([uuidOrNull(form), row?.id], [id, id], form)
      }
      for (const form of [
        `{${id}`,
        `${id}}`,
        ` ${id}`,
        `${id}\n`,
        `urn:uuid:${id}`,
        `${id}-`,
        `${id}0`,
        id.slice(1),
        ""
      ]) {
        assert.isNull(uuidOrNull(form), form)
        yield* Effect.flip(sql.withTransaction(sql`SELECT ${form}::text::uuid`))
      }
    })
  )

  it.effect("positions are put, replaced, added to, changed and deleted", () =>
    Effect.gen(function* () {
      const positions = yield* Positions
      const account = yield* newAccount()
      const instrument = yield* newInstrument("10.5")
      const key = { account_id: account.id, symbol: instrument.symbol }
      const put = yield* positions.put({ ...key, quantity: decimal("100.12345678"), as_of_date: "2026-02-28" })
      assert.strictEqual(text(put.quantity), "100.12345678")
      assert.strictEqual(put.as_of_date, "2026-02-28")
      const replaced = yield* positions.put({ ...key, quantity: decimal("2") })
      assert.strictEqual(replaced.id, put.id)
      assert.match(replaced.as_of_date, /^\d{4}-\d{2}-\d{2}$/)
      const added = yield* positions.addQuantity({ ...key, quantity: decimal("0.00000001") })
      assert.strictEqual(text(added.quantity), "2.00000001")
      assert.deepStrictEqual(yield* positions.listByAccount(account.id), [
        {
          ...added,
          name: instrument.name,
          instrument_type: "etf",
          current_price: instrument.current_price,
          allocation_regions: instrument.allocation_regions,
          allocation_sectors: instrument.allocation_sectors,
          allocation_asset_class: instrument.allocation_asset_class
        }
      ])
      const changed = yield* positions.update(put.id, { as_of_date: "2024-02-29" })
      assert.strictEqual(changed.as_of_date, "2024-02-29")
      assert.strictEqual(text(changed.quantity), "2.00000001")
      assert.deepStrictEqual(yield* positions.findById(put.id), changed)
      const value = yield* positions.value(account.id)
      assert.deepStrictEqual(
        [value.positions, text(value.shares), text(value.market_value)],
        [1, "2.00000001", "21.000000105"]
      )
      yield* positions.delete(put.id)
      assert.strictEqual(yield* failureOf(positions.delete(put.id)), "PositionNotFound")
      assert.strictEqual((yield* positions.value(account.id)).positions, 0)
      assert.deepStrictEqual(yield* positions.listByAccount(account.id), [])
    })
  )

  it.effect("a position in an account or instrument that does not exist is refused, naming which", () =>
    Effect.gen(function* () {
      const positions = yield* Positions
      const account = yield* newAccount()
      const { symbol } = yield* newInstrument()
      const quantity = decimal("1")
      const unknown = AccountId.make(nobody)
      assert.strictEqual(yield* failureOf(positions.put({ account_id: unknown, symbol, quantity })), "AccountNotFound")
      assert.strictEqual(
        yield* failureOf(positions.put({ account_id: account.id, symbol: newSymbol(), quantity })),
        "InstrumentNotFound"
      )
      assert.strictEqual(yield* failureOf(positions.value(unknown)), "AccountNotFound")
      assert.strictEqual(yield* failureOf(positions.listByAccount(unknown)), "AccountNotFound")
    })
  )

  it.effect("what an account's totals say is exact", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const positions = yield* Positions
      const { clerk_user_id } = yield* newUser
      for (const cash of ["0.10", "0.20"]) {
        const account = yield* accounts.create({ clerk_user_id, account_name: cash, cash_balance: decimal(cash) })
        for (const price of ["0.1", "33.3333"]) {
          const { symbol } = yield* newInstrument(price)
          yield* positions.put({ account_id: account.id, symbol, quantity: decimal("0.3") })
        }
      }
      const totals = yield* accounts.totals(clerk_user_id)
      assert.deepStrictEqual(
        [totals.accounts, totals.positions, text(totals.cash), text(totals.market_value), text(totals.total)],
        [2, 4, "0.3", "20.05998", "20.35998"]
      )
      assert.strictEqual(yield* failureOf(accounts.totals(newUserId())), "UserNotFound")
    })
  )

  it.effect("a job goes from pending to running to completed, and the database sets the times", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { clerk_user_id } = yield* newUser
      const created = yield* jobs.create({
        clerk_user_id,
        job_type: "portfolio_analysis",
        request_payload: { asked: [1, null, { by: "ann" }] }
      })
      assert.strictEqual(created.status, "pending")
      assert.isNull(created.started_at)
      const started = yield* jobs.start(created.id)
      assert.strictEqual(started.status, "running")
      assert.instanceOf(started.started_at, Date)
      yield* jobs.attachReport(created.id, { content: "# Report", agent: "reporter" })
      yield* jobs.attachCharts(created.id, {
        classes: { title: "Classes", type: "pie", data: [{ name: "Equity", value: 70 }] }
      })
      yield* jobs.attachRetirement(created.id, { analysis: "On track", projected_value: decimal("1000000.5") })
      yield* jobs.attachSummary(created.id, { done: true })
      const completed = yield* jobs.complete(created.id)
      assert.strictEqual(completed.status, "completed")
      assert.deepStrictEqual(completed.started_at, started.started_at)
      assert.instanceOf(completed.completed_at, Date)
      const found: Job = yield* jobs.findById(created.id)
      assert.deepStrictEqual(found.request_payload, { asked: [1, null, { by: "ann" }] })
      assert.deepStrictEqual(found.report_payload, { content: "# Report", agent: "reporter" })
      assert.deepStrictEqual(found.retirement_payload, { analysis: "On track", projected_value: "1000000.5" })
      assert.deepStrictEqual(found.summary_payload, { done: true })
      yield* jobs.update(created.id, { report_payload: null })
      assert.isNull((yield* jobs.findById(created.id)).report_payload)
      yield* jobs.delete(created.id)
      assert.strictEqual(yield* failureOf(jobs.findById(created.id)), "JobNotFound")
    })
  )

  it.effect("a step that is not the job's next one is refused with the state that was found", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { id } = yield* newJob()
      const refused = yield* Effect.flip(jobs.complete(id))
      assert.deepInclude(refused, { _tag: "JobTransitionRefused", found: "pending", wanted: "completed" })
      const started = yield* jobs.start(id)
      assert.deepInclude(yield* Effect.flip(jobs.start(id)), { found: "running", wanted: "running" })
      const failed = yield* jobs.fail(id, "no answer")
      assert.strictEqual(failed.error_message, "no answer")
      assert.deepStrictEqual(failed.started_at, started.started_at)
      assert.deepInclude(yield* Effect.flip(jobs.start(id)), { found: "failed" })
      assert.deepInclude(yield* Effect.flip(jobs.update(id, { status: "completed", error_message: null })), {
        found: "failed"
      })
      assert.strictEqual((yield* jobs.findById(id)).error_message, "no answer")
      assert.strictEqual(yield* failureOf(jobs.start(JobId.make(nobody))), "JobNotFound")
    })
  )

  it.effect("of 20 that start one job at the same time one succeeds, and the others see it running", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { id } = yield* newJob()
      const outcomes = yield* Effect.all(
        Array.from({ length: 20 }, () => Effect.result(jobs.start(id))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(outcomes.filter((outcome) => outcome._tag === "Success").length, 1)
      for (const outcome of outcomes) {
        if (outcome._tag === "Failure") {
          assert.deepInclude(outcome.failure, { _tag: "JobTransitionRefused", found: "running" })
        }
      }
    })
  )

  it.effect("50 that add to one position at the same time sum exactly", () =>
    Effect.gen(function* () {
      const positions = yield* Positions
      const account = yield* newAccount()
      const { symbol } = yield* newInstrument()
      yield* Effect.all(
        Array.from({ length: 50 }, () =>
          positions.addQuantity({ account_id: account.id, symbol, quantity: decimal("0.1") })
        ),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(text((yield* positions.value(account.id)).shares), "5")
    })
  )

  it.effect("a user's jobs come page by page, the newest first, none twice and none left out", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const sql = yield* SqlClient.SqlClient
      const { clerk_user_id } = yield* newUser
      // All in one transaction, so that they were created at the same moment, and some a microsecond later.
      yield* sql.withTransaction(Effect.replicateEffect(newJob(clerk_user_id), 5))
      yield* sql`UPDATE jobs SET created_at = created_at + interval '1 microsecond'
        WHERE id = (SELECT id FROM jobs WHERE clerk_user_id = ${clerk_user_id} ORDER BY id LIMIT 1)`
      const { id } = yield* newJob(clerk_user_id)
      yield* jobs.start(id)
      const all = yield* jobs.listByUser(clerk_user_id)
      assert.strictEqual(all.jobs.length, 6)
      assert.strictEqual(all.jobs[0]?.id, id)
      assert.isNull(all.next)
      const paged: Array<string> = []
      let page = yield* jobs.listByUser(clerk_user_id, { limit: 2 })
      paged.push(...page.jobs.map((job) => job.id))
      while (page.next !== null) {
        page = yield* jobs.listByUser(clerk_user_id, { limit: 2, after: page.next })
        paged.push(...page.jobs.map((job) => job.id))
      }
      assert.deepStrictEqual<Array<string>>(
        paged,
        all.jobs.map((job) => job.id)
      )
      const running = yield* jobs.listByUser(clerk_user_id, { status: "running" })
      assert.deepStrictEqual(
        running.jobs.map((job) => job.id),
        [id]
      )
    })
  )

  it.effect("a portfolio comes whole, with exact totals", () =>
    Effect.gen(function* () {
      const portfolios = yield* Portfolios
      const positions = yield* Positions
      const accounts = yield* Accounts
      const { clerk_user_id } = yield* newUser
      const one = yield* accounts.create({ clerk_user_id, account_name: "One", cash_balance: decimal("0.1") })
      const two = yield* accounts.create({ clerk_user_id, account_name: 'T"w\\o' })
      const fund = yield* newInstrument("0.3333")
      const stock = (yield* (yield* Instruments).register(newSymbol())).instrument
      const held = [
        yield* positions.put({ account_id: one.id, symbol: fund.symbol, quantity: decimal("0.00000003") }),
        yield* positions.put({ account_id: one.id, symbol: stock.symbol, quantity: decimal("7") }),
        yield* positions.put({ account_id: two.id, symbol: fund.symbol, quantity: decimal("3") })
      ]
      const portfolio = yield* portfolios.load(clerk_user_id)
      assert.strictEqual(portfolio.user.clerk_user_id, clerk_user_id)
      assert.sameDeepMembers(
        portfolio.accounts.map(({ positions: _, ...account }): Account => account),
        [one, two]
      )
      assert.sameDeepMembers(
        portfolio.accounts.flatMap((account) => account.positions),
        held
      )
      assert.sameDeepMembers([...portfolio.instruments], [fund, stock])
      const summary = summarize(portfolio)
      assert.strictEqual(text(summary.total), "1.099900009999")
      assert.deepStrictEqual(summary.missing_prices, [stock.symbol])
      assert.strictEqual(yield* failureOf(portfolios.load(newUserId())), "UserNotFound")
    })
  )

  it.effect("a user without accounts has an empty portfolio", () =>
    Effect.gen(function* () {
      const user = yield* newUser
      assert.deepStrictEqual(yield* (yield* Portfolios).load(user.clerk_user_id), {
        user,
        accounts: [],
        instruments: []
      })
    })
  )

  it.effect("a portfolio has the allocations that another program wrote by their names, whatever was read before", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { clerk_user_id } = yield* newUser
      for (const name of ['"', "\\", "\n", "\\n"]) {
        // V8 may take an escape in a name for the name that it read at its place before.
        for (const before of ["\\", '\\"', "\n"]) JSON.parse(JSON.stringify({ "": 1, [before]: 1 }))
        const targets = { "": 60, [name]: 40 }
        yield* sql`UPDATE users SET region_targets = ${JSON.stringify(targets)}::jsonb WHERE clerk_user_id = ${clerk_user_id}`
        const { user } = yield* (yield* Portfolios).load(clerk_user_id)
        assert.deepStrictEqual(user.region_targets, targets)
      }
    })
  )

  it.effect("what another person owns is not found by any operation for a user, and nothing changes", () =>
    Effect.gen(function* () {
      const stranger = (yield* newUser).clerk_user_id
      const account = yield* newAccount()
      const { symbol } = yield* newInstrument()
      const quantity = decimal("5")
      const position = yield* (yield* Positions).put({ account_id: account.id, symbol, quantity })
      const job = yield* newJob(account.clerk_user_id)
      const accounts = (yield* Accounts).forUser(stranger)
      const positions = (yield* Positions).forUser(stranger)
      const jobs = (yield* Jobs).forUser(stranger)
      const snapshot = Effect.gen(function* () {
        return [
          yield* (yield* Accounts).findById(account.id),
          yield* (yield* Positions).listByAccount(account.id),
          yield* (yield* Jobs).findById(job.id)
        ]
      })
      const before = yield* snapshot

      // Each operation that takes an id is tried with an id of the other person; each that takes none answers with
      // what the stranger owns, which is nothing. An operation that is missing here fails the test.
      type Tries<Operations> = {
        readonly [Name in keyof Operations]: Attempt | "own"
      }
      const put = { account_id: account.id, symbol, quantity }
      const tries: ReadonlyArray<readonly [string, object, { readonly [name: string]: Attempt | "own" }]> = [
        [
          "AccountNotFound",
          accounts,
          {
            findById: accounts.findById(account.id),
            update: accounts.update(account.id, { account_name: "mine" }),
            delete: accounts.delete(account.id),
            create: "own",
            list: "own",
            deleteAll: "own",
            totals: "own"
          } satisfies Tries<typeof accounts>
        ],
        [
          "PositionNotFound",
          positions,
          {
            findById: positions.findById(position.id),
            update: positions.update(position.id, { quantity }),
            delete: positions.delete(position.id),
            put: mapTag(positions.put(put)),
            registerAndPut: mapTag(positions.registerAndPut(put)),
            putMany: "own",
            addQuantity: mapTag(positions.addQuantity(put)),
            value: mapTag(positions.value(account.id)),
            listByAccount: mapTag(positions.listByAccount(account.id))
          } satisfies Tries<typeof positions>
        ],
        [
          "JobNotFound",
          jobs,
          {
            findById: jobs.findById(job.id),
            update: jobs.update(job.id, { error_message: "x" }),
            start: jobs.start(job.id),
            complete: jobs.complete(job.id),
            fail: jobs.fail(job.id, "x"),
            cancel: jobs.cancel(job.id),
            retry: jobs.retry(job.id, { results: "keep" }),
            attachReport: jobs.attachReport(job.id, { content: "x" }),
            attachCharts: jobs.attachCharts(job.id, {}),
            attachRetirement: jobs.attachRetirement(job.id, { analysis: "x" }),
            attachSummary: jobs.attachSummary(job.id, {}),
            delete: jobs.delete(job.id),
            create: "own",
            list: "own",
            listWithPayloads: "own"
          } satisfies Tries<typeof jobs>
        ]
      ]
      for (const [notFound, operations, all] of tries) {
        assert.sameMembers(Object.keys(all), Object.keys(operations))
        for (const [name, attempt] of Object.entries(all)) {
          if (attempt !== "own") assert.strictEqual(yield* failureOf(attempt), notFound, name)
        }
      }
      assert.deepStrictEqual(yield* accounts.list(), [])
      assert.strictEqual((yield* accounts.totals()).accounts, 0)
      assert.deepStrictEqual(yield* accounts.deleteAll(), [])
      const many = yield* positions.putMany([put])
      assert.deepStrictEqual(many.positions, [])
      assert.deepStrictEqual(many.refused, [{ key: `${account.id}/${symbol}`, reason: "There is no such account." }])
      assert.deepStrictEqual((yield* jobs.listWithPayloads()).jobs, [])
      assert.deepStrictEqual((yield* jobs.list()).jobs, [])
      assert.deepStrictEqual(yield* snapshot, before)
    })
  )

  it.effect("the same operations work for the owner", () =>
    Effect.gen(function* () {
      const { clerk_user_id } = yield* newUser
      const { symbol } = yield* newInstrument()
      const accounts = (yield* Accounts).forUser(clerk_user_id)
      const positions = (yield* Positions).forUser(clerk_user_id)
      const jobs = (yield* Jobs).forUser(clerk_user_id)
      const account = yield* accounts.create({ account_name: "Mine" })
      assert.deepStrictEqual(yield* accounts.findById(account.id), account)
      const position = yield* positions.put({ account_id: account.id, symbol, quantity: decimal("1") })
      assert.deepStrictEqual(yield* positions.findById(position.id), position)
      assert.strictEqual((yield* positions.listByAccount(account.id)).length, 1)
      const job = yield* jobs.create({ job_type: "risk_assessment" })
      yield* jobs.start(job.id)
      assert.strictEqual((yield* jobs.findById(job.id)).status, "running")
      yield* positions.delete(position.id)
      yield* accounts.delete(account.id)
      yield* jobs.delete(job.id)
    })
  )

  it.effect("what does not fit its schema is refused before it is sent, naming the field", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const { clerk_user_id } = yield* newUser
      const error = yield* Effect.flip(
        accounts.create({ clerk_user_id, account_name: "x", cash_balance: decimal("0.001") })
      )
      assert.strictEqual(error._tag, "InvalidInput")
      assert.include(error.message, "at most 2 decimals")
      assert.include(error.message, "cash_balance")
    })
  )

  it.effect("the database itself refuses what is nonsense", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const account = yield* newAccount()
      const { symbol } = yield* newInstrument()
      const refused = [
        sql`INSERT INTO positions (account_id, symbol, quantity) VALUES (${account.id}::uuid, ${symbol}, 0)`,
        sql`UPDATE accounts SET cash_balance = -1 WHERE id = ${account.id}::uuid`,
        sql`UPDATE accounts SET cash_interest = 1.5 WHERE id = ${account.id}::uuid`,
        sql`UPDATE accounts SET clerk_user_id = NULL WHERE id = ${account.id}::uuid`,
        sql`UPDATE instruments SET allocation_regions = '{"europe": 99}' WHERE symbol = ${symbol}`,
        sql`UPDATE instruments SET allocation_sectors = '{"energy": 110, "other": -10}' WHERE symbol = ${symbol}`,
        sql`UPDATE instruments SET allocation_asset_class = '[]' WHERE symbol = ${symbol}`,
        sql`UPDATE users SET region_targets = '{"europe": "100"}' WHERE clerk_user_id = ${account.clerk_user_id}`,
        sql`INSERT INTO jobs (clerk_user_id, job_type, status) VALUES (${account.clerk_user_id}, 'x', 'lost')`
      ]
      for (const statement of refused) {
        const error = yield* Effect.flip(statement)
        assert.strictEqual(error.reason._tag, "ConstraintError")
      }
    })
  )

  it.effect("lookups in a transaction see what the transaction has written", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const users = yield* Users
      const id = newUserId()
      const exit = yield* Effect.exit(
        sql.withTransaction(
          Effect.gen(function* () {
            yield* users.create({ clerk_user_id: id })
            yield* users.findById(id)
            return yield* Effect.fail("back")
          })
        )
      )
      assert.deepStrictEqual(exit, Exit.fail("back"))
      assert.strictEqual(yield* failureOf(users.findById(id)), "UserNotFound")
    })
  )

  it.effect("an expected failure leaves the transaction it happens in usable", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const users = yield* Users
      const positions = yield* Positions
      const user = yield* newUser
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* Effect.flip(users.create({ clerk_user_id: user.clerk_user_id }))
          yield* Effect.flip(positions.delete(PositionId.make(nobody)))
          yield* users.update(user.clerk_user_id, { display_name: "Still here" })
        })
      )
      assert.strictEqual((yield* users.findById(user.clerk_user_id)).display_name, "Still here")
    })
  )
}

/** Operations on an account's positions say `AccountNotFound`, which is as good. */
const mapTag = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.mapError(effect, (error) => ({ _tag: error._tag === "AccountNotFound" ? "PositionNotFound" : error._tag }))
