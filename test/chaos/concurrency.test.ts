import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer, type Vitest } from "@effect/vitest"
import { BigDecimal, Deferred, Effect, Layer, Random, Ref } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient } from "effect/sql"
import { describe } from "vitest"
import * as RetryPolicy from "../../src/data-api/RetryPolicy.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { AccountId, ClerkUserId, InstrumentSymbol } from "../../src/domain/index.ts"
import { Migrate } from "../../src/operations/index.ts"
import * as Repositories from "../../src/repository/index.ts"
import { Accounts, Instruments, Jobs, Positions, Users } from "../../src/repository/index.ts"
import * as TestDatabase from "../TestDatabase.ts"

type Services = Layer.Success<typeof Repositories.layer> | SqlClient.SqlClient

const decimal = BigDecimal.fromStringUnsafe
const symbols = ["CONA", "CONB", "CONC"].map((symbol) => InstrumentSymbol.make(symbol))
const manyAtOnce = { concurrency: 12 } as const

/** A user with so many accounts of 1000 dollars and 1000 shares each. */
const someone = Effect.fnUntraced(function* (id: string, count: number) {
  const user = ClerkUserId.make(id)
  yield* (yield* Users).create({ clerk_user_id: user })
  yield* (yield* Instruments).upsertMany(
    symbols.map((symbol) => ({ symbol, name: symbol, instrument_type: "etf" as const }))
  )
  return yield* Effect.forEach(Array.from({ length: count }), () =>
    Effect.gen(function* () {
      const account = yield* (yield* Accounts).create({
        clerk_user_id: user,
        account_name: "a",
        cash_balance: decimal("1000")
      })
      const account_id = AccountId.make(account.id)
      yield* (yield* Positions).put({ account_id, symbol: symbols[0] ?? assert.fail(), quantity: decimal("1000") })
      return account_id
    })
  )
})

const cashOf = Effect.fnUntraced(function* (id: string) {
  const totals = yield* (yield* Accounts).totals(ClerkUserId.make(id))
  return BigDecimal.format(totals.cash)
})

const contract = (it: Vitest.MethodsNonLive<Services>) => {
  it.effect("a user whom 20 callers get or create at once is created once", () =>
    Effect.gen(function* () {
      const users = yield* Users
      const clerk_user_id = ClerkUserId.make("at once")
      const results = yield* Effect.forEach(
        Array.from({ length: 20 }),
        () => users.getOrCreate({ clerk_user_id }),
        manyAtOnce
      )
      assert.strictEqual(results.filter(({ created }) => created).length, 1)
    })
  )

  it.effect("additions to one position made at once add up exactly, the first of them too", () =>
    Effect.gen(function* () {
      const [account_id = assert.fail()] = yield* someone("adder", 1)
      const positions = yield* Positions
      const symbol = symbols[1] ?? assert.fail()
      yield* Effect.forEach(
        Array.from({ length: 100 }),
        () => positions.addQuantity({ account_id, symbol, quantity: decimal("0.00000001") }),
        manyAtOnce
      )
      const held = yield* positions.listByAccount(account_id)
      const quantity = held.find((one) => one.symbol === symbol)?.quantity ?? assert.fail()
      assert.strictEqual(BigDecimal.format(quantity), "0.000001")
    })
  )

  it.effect("upserts and prices of the same instruments in any order do not deadlock", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const all = Array.from({ length: 30 }, (_, n) => InstrumentSymbol.make(`ORDER${n}`))
      yield* Effect.forEach(
        Array.from({ length: 24 }, (_, n) => n),
        Effect.fnUntraced(function* (nth) {
          const shuffled = yield* Random.shuffle(all)
          const current_price = decimal(String(nth + 1))
          yield* nth % 2 === 0
            ? instruments.upsertMany(
                shuffled.map((symbol) => ({ symbol, name: symbol, instrument_type: "etf" as const, current_price }))
              )
            : instruments.setPrices(shuffled.map((symbol) => ({ symbol, current_price })))
        }),
        manyAtOnce
      )
      const found = yield* instruments.findMany(all)
      const prices = new Set(found.map((one) => one.current_price && BigDecimal.format(one.current_price)))
      assert.strictEqual(found.length, 30)
      assert.strictEqual(prices.size, 1)
    })
  )

  it.effect("a job that many claim at once is started by one of them", () =>
    Effect.gen(function* () {
      yield* someone("claimant", 0)
      const jobs = yield* Jobs
      for (let round = 0; round < 5; round++) {
        const { id } = yield* jobs.create({ clerk_user_id: ClerkUserId.make("claimant"), job_type: "risk_assessment" })
        const claims = yield* Effect.forEach(
          Array.from({ length: 12 }),
          () => Effect.result(jobs.start(id)),
          manyAtOnce
        )
        assert.strictEqual(claims.filter((claim) => claim._tag === "Success").length, 1)
        for (const claim of claims) {
          if (claim._tag === "Failure") assert.strictEqual(claim.failure._tag, "JobTransitionRefused")
        }
      }
    })
  )

  it.effect("two transactions that wait for each other are both done, one of them a second time as a whole", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const [first = assert.fail(), second = assert.fail()] = yield* someone("deadlock", 2)
      const attempts = yield* Ref.make(0)
      const move = (from: string, to: string, mine: Deferred.Deferred<void>, theirs: Deferred.Deferred<void>) =>
        Effect.gen(function* () {
          yield* Ref.update(attempts, (n) => n + 1)
          yield* sql`SET LOCAL deadlock_timeout = '20ms'`
          yield* sql`UPDATE accounts SET cash_balance = cash_balance - 1 WHERE id = ${from}::uuid`
          // Each holds its first account before either asks for the other's.
          yield* Deferred.succeed(mine, undefined)
          yield* Deferred.await(theirs)
          yield* sql`UPDATE accounts SET cash_balance = cash_balance + 1 WHERE id = ${to}::uuid`
        }).pipe(DataApiSql.retryTransaction)
      const [here, there] = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
      yield* Effect.all([move(first, second, here, there), move(second, first, there, here)], manyAtOnce)
      assert.strictEqual(yield* Ref.get(attempts), 3)
      assert.strictEqual(yield* cashOf("deadlock"), "2000")
    })
  )

  for (const isolation of ["READ COMMITTED", "SERIALIZABLE"] as const) {
    it.effect(`transfers between accounts under ${isolation} keep every cent, deadlocks and all`, () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const name = `transfers ${isolation}`
        const ids = yield* someone(name, 3)
        const accounts = yield* Accounts
        // Read and written back by the program where the level forbids that anything comes between; else in one go.
        const transfer = (from: AccountId, to: AccountId) =>
          isolation === "SERIALIZABLE"
            ? Effect.gen(function* () {
                const source = yield* accounts.findById(from)
                const target = yield* accounts.findById(to)
                const one = decimal("1")
                yield* accounts.update(from, { cash_balance: BigDecimal.subtract(source.cash_balance, one) })
                yield* accounts.update(to, { cash_balance: BigDecimal.sum(target.cash_balance, one) })
              })
            : Effect.gen(function* () {
                yield* sql`SET LOCAL deadlock_timeout = '20ms'`
                yield* sql`UPDATE accounts SET cash_balance = cash_balance - 1 WHERE id = ${from}::uuid`
                yield* sql`UPDATE accounts SET cash_balance = cash_balance + 1 WHERE id = ${to}::uuid`
              })
        const results = yield* Effect.forEach(
          Array.from({ length: 40 }, (_, n) => n),
          (n) => {
            const from = ids[n % 3] ?? assert.fail()
            const to = ids[(n + 1 + (n % 2)) % 3] ?? assert.fail()
            return transfer(from, to).pipe(
              DataApiSql.retryTransaction,
              DataApiSql.withIsolation(isolation),
              Effect.as({ from, to }),
              Effect.result
            )
          },
          { concurrency: 6 }
        )
        const expected = new Map(ids.map((id) => [id, 1000]))
        for (const result of results) {
          if (result._tag === "Failure") {
            // Five repetitions were not enough, and nothing of it is left.
            assert.isTrue(DataApiSql.isSerializationFailure(result.failure), String(result.failure))
          } else {
            const { from, to } = result.success
            expected.set(from, (expected.get(from) ?? 0) - 1)
            expected.set(to, (expected.get(to) ?? 0) + 1)
          }
        }
        const stored = yield* accounts.listByUser(ClerkUserId.make(name))
        assert.deepStrictEqual(
          new Map(stored.map(({ cash_balance, id }) => [AccountId.make(id), Number(BigDecimal.format(cash_balance))])),
          expected
        )
        assert.isAbove(results.filter((result) => result._tag === "Success").length, 20)
      })
    )
  }
}

const migrated = Layer.effectDiscard(Migrate.migrate()).pipe(Layer.provide(NodeServices.layer))
const url = TestDatabase.postgresUrl

if (url === undefined) {
  describe.skip(TestDatabase.onPostgres("many at once on PostgreSQL"), () => {})
} else {
  const options = { timeout: "60 seconds", excludeTestServices: true } as const
  const overDataApi = DataApiSql.layer().pipe(
    Layer.provide(RetryPolicy.layer()),
    Layer.provide(TestDatabase.layerPostgres(url))
  )
  const overProtocol = Layer.unwrap(
    Effect.map(TestDatabase.freshDatabase(url), (fresh) => PgClient.layer({ url: fresh, maxConnections: 16 }))
  ).pipe(Layer.provide(Reactivity.layer))

  layer(Repositories.layer.pipe(Layer.provideMerge(migrated), Layer.provideMerge(overDataApi)), options)(
    "many at once on PostgreSQL, over the Data API",
    contract
  )
  layer(Repositories.layer.pipe(Layer.provideMerge(migrated), Layer.provideMerge(overProtocol)), options)(
    "many at once on PostgreSQL, over its own protocol",
    contract
  )

  layer(Layer.merge(overDataApi, NodeServices.layer), options)("migrations on PostgreSQL", (it) => {
    it.effect("four runners at once apply each migration once", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const reports = yield* Effect.forEach(Array.from({ length: 4 }), () => Migrate.migrate(), manyAtOnce)
        const applied = reports.flatMap((report) => report.applied.filter(({ byAnother }) => !byAnother))
        const status = yield* Migrate.status()
        assert.isTrue(status.current)
        assert.strictEqual(applied.length, status.applied.length)
        const [row] = yield* sql<{ readonly n: number }>`SELECT count(*)::int AS n FROM users`
        assert.strictEqual(row?.n, 0)
      })
    )
  })
}
