/** Input that means one row more than once, in one call or in several at the same time, makes and changes one row. */
import { assert, type Vitest } from "@effect/vitest"
import { BigDecimal, Effect } from "effect"
import { SqlClient } from "effect/sql"
import { ClerkUserId, formatDecimal, InstrumentSymbol } from "../../src/domain/index.ts"
import { Accounts, Instruments, Portfolios, Positions, Users } from "../../src/repository/index.ts"
import type { Services } from "./repositoryContract.ts"

const decimal = BigDecimal.fromStringUnsafe

let last = 0
const newUser = () => ClerkUserId.make(`same_user_${++last}`)

/** A symbol in small letters, in capitals and in both. */
const spellings = () => {
  const small = `same${++last}`
  return [small, small.toUpperCase(), `S${small.slice(1)}`].map((symbol) => InstrumentSymbol.make(symbol))
}

const batches = (it: Vitest.MethodsNonLive<Services>) => {
  it.effect("of several spellings of a symbol in one batch the last counts, and the instrument is named once", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      const positions = yield* Positions
      const clerk_user_id = newUser()
      yield* (yield* Users).create({ clerk_user_id })
      const { id: account_id } = yield* (yield* Accounts).create({ clerk_user_id, account_name: "IRA" })
      const given = spellings()
      for (const order of [given, [...given].reverse()]) {
        const symbol = InstrumentSymbol.make(given[1] ?? "")
        const final = order.at(-1)
        const upserts = order.map((symbol) => ({ symbol, name: `Named ${symbol}`, instrument_type: "etf" as const }))
        const dry = yield* instruments.upsertMany(upserts, { dryRun: true })
        const upserted = yield* instruments.upsertMany(upserts)
        assert.deepStrictEqual(dry, upserted)
        assert.deepStrictEqual([...upserted.inserted, ...upserted.updated, ...upserted.unchanged], [symbol])
        assert.strictEqual((yield* instruments.findBySymbol(symbol)).name, `Named ${final}`)

        const prices = order.map((symbol, at) => ({ symbol, current_price: decimal(String(at + 1)) }))
        assert.deepStrictEqual(yield* instruments.setPrices(prices), { updated: [symbol], unknown: [], refused: [] })
        const price = (yield* instruments.findBySymbol(symbol)).current_price
        assert.strictEqual(price === null ? null : formatDecimal(price), "3")

        const put = order.map((symbol, at) => ({ account_id, symbol, quantity: decimal(String(at + 1)) }))
        for (const options of [{}, { allOrNothing: true }]) {
          const stored = yield* positions.putMany(put, options)
          assert.deepStrictEqual(
            [stored.positions.map((one) => [one.symbol, formatDecimal(one.quantity)]), stored.refused],
            [[[symbol, "3"]], []]
          )
        }
      }
    })
  )
}

const portfolios = (it: Vitest.MethodsNonLive<Services>) => {
  it.effect(
    "a portfolio that is added several times at the same time is added once, to a new user and to one who exists",
    () =>
      Effect.gen(function* () {
        const { add } = yield* Portfolios
        const accounts = yield* Accounts
        const symbol = InstrumentSymbol.make(`SAME${++last}`)
        yield* (yield* Instruments).register(symbol)
        const names = ["401(k)", "IRA", "Taxable"]
        const positions = [{ symbol, quantity: decimal("1") }]
        for (const exists of [false, true]) {
          const user = { clerk_user_id: newUser() }
          if (exists) yield* (yield* Users).create(user)
          const one = add({ user, accounts: names.map((account_name) => ({ account_name, positions })) })
          const added = yield* Effect.all(
            Array.from({ length: 8 }, () => one),
            { concurrency: "unbounded" }
          )
          const sum = (key: "users" | "accounts" | "positions") => added.reduce((all, one) => all + one[key], 0)
          assert.deepStrictEqual([sum("users"), sum("accounts"), sum("positions")], [exists ? 0 : 1, 3, 3])
          const listed = yield* accounts.listByUser(user.clerk_user_id)
          assert.deepStrictEqual(
            listed.map(({ account_name }) => account_name),
            names
          )
        }
      })
  )

  it.effect("accounts of one name hold their own positions, whether they are added or there already", () =>
    Effect.gen(function* () {
      const { add, load } = yield* Portfolios
      const { create } = yield* Accounts
      const clerk_user_id = newUser()
      const [first, second, third] = [1, 2, 3].map(() => InstrumentSymbol.make(`NAMED${++last}`))
      assert(first !== undefined && second !== undefined && third !== undefined)
      for (const symbol of [first, second, third]) yield* (yield* Instruments).register(symbol)
      const ira = (symbol: InstrumentSymbol, quantity: string) => ({
        account_name: "IRA",
        positions: [{ symbol, quantity: decimal(quantity) }]
      })
      const held = Effect.map(load(clerk_user_id), ({ accounts }) =>
        accounts.map(({ positions }) => positions.map((one) => [one.symbol, formatDecimal(one.quantity)]))
      )
      const two = { user: { clerk_user_id }, accounts: [ira(first, "1"), ira(second, "2")] }
      assert.deepStrictEqual(yield* add(two), { users: 1, accounts: 2, positions: 2 })
      assert.deepStrictEqual(yield* held, [[[first, "1"]], [[second, "2"]]])
      yield* create({ clerk_user_id, account_name: "IRA" })
      assert.deepStrictEqual(yield* add(two), { users: 0, accounts: 0, positions: 0 })
      // One account is the oldest of its name.
      const one = { user: { clerk_user_id }, accounts: [ira(third, "3")] }
      assert.deepStrictEqual(yield* add(one), { users: 0, accounts: 0, positions: 1 })
      const expected = [
        [],
        [[first, "1"]],
        [
          [second, "2"],
          [third, "3"]
        ]
      ]
      assert.deepStrictEqual(yield* held, expected)
    })
  )

  it.effect(
    "a portfolio names instruments in any spelling, the last counts, and an unknown one is refused by its path",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { add, load } = yield* Portfolios
        const [upper, lower] = [`SPELT${++last}`, `spelt${++last}`]
        yield* (yield* Instruments).register(InstrumentSymbol.make(upper))
        yield* sql`INSERT INTO instruments (symbol, name) VALUES (${lower}::varchar, 'Of another program')`
        const position = (symbol: string, quantity: string) => ({
          symbol: InstrumentSymbol.make(symbol),
          quantity: decimal(quantity)
        })
        for (const exists of [false, true]) {
          const user = { clerk_user_id: newUser() }
          if (exists) yield* (yield* Users).create(user)
          const unknown = [position(upper, "1"), position("SPELT", "1")]
          const refused = yield* Effect.flip(
            add({
              user,
              accounts: [
                { account_name: "One", positions: [] },
                { account_name: "Two", positions: unknown }
              ]
            })
          )
          assert(refused._tag === "InvalidInput")
          assert.deepStrictEqual(refused.problems, [
            { path: "accounts.1.positions.1.symbol", message: "There is no such instrument. Register it first." }
          ])
          const spelt = [position(upper, "1"), position(lower, "2"), position(upper.toLowerCase(), "3")]
          const added = yield* add({ user, accounts: [{ account_name: "Two", positions: spelt }] })
          assert.deepStrictEqual(added, { users: exists ? 0 : 1, accounts: 1, positions: 2 })
          const { accounts } = yield* load(user.clerk_user_id)
          assert.sameDeepMembers(
            accounts.flatMap(({ positions }) => positions.map((one) => [one.symbol, formatDecimal(one.quantity)])),
            [
              [upper, "3"],
              [lower, "2"]
            ]
          )
        }
      })
  )
}

/** What becomes of input that means one row more than once. */
export const sameRowContract = (it: Vitest.MethodsNonLive<Services>) => {
  batches(it)
  portfolios(it)
}
