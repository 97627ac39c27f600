/** The operations on whole portfolios and on the history, and what they should do. */
import { Effect } from "effect"
import { Accounts, History, Portfolios, Users } from "../../../src/repository/index.ts"
import { type Draw, names, type Operation, quantities, symbols } from "./Operation.ts"
import { accountFields, newAccount, newUser, totalsOf, userFields } from "./people.ts"
import { today } from "./positions.ts"
import {
  byNewest,
  bySymbol,
  decimal,
  fails,
  gives,
  heldIn,
  idOf,
  member,
  members,
  ownedBy,
  type World
} from "./World.ts"

/** A user's accounts with their positions, as they are loaded. */
const accountsOf = (world: World, user: string) =>
  ownedBy(world.accounts, user)
    .sort(byNewest(world))
    .map((row) => ({ ...row, positions: heldIn(world, idOf(row)) }))

const add = (draw: Draw): Operation => {
  const clerk_user_id = draw.user()
  const fields = userFields(draw)
  const given = draw.some(
    () => ({
      account_name: draw.one(names),
      ...accountFields(draw),
      positions: draw.some(() => ({ symbol: draw.symbol(), quantity: decimal(draw.one(quantities)) }), 4)
    }),
    4
  )
  return {
    text: `portfolios.add ${JSON.stringify({ clerk_user_id, given })}`,
    run: Effect.gen(function* () {
      const { add, load } = yield* Portfolios
      const added = yield* add({ user: { clerk_user_id, ...fields }, accounts: given })
      return { added, accounts: (yield* load(clerk_user_id)).accounts }
    }),
    expect: (world, actual, now) => {
      const wanted = given.flatMap(({ positions }) => positions)
      if (wanted.some(({ symbol }) => !world.instruments.has(symbol.toUpperCase()))) return fails("InvalidInput")
      const added = { users: 0, accounts: 0, positions: 0 }
      if (!world.users.has(clerk_user_id)) {
        added.users++
        world.users.set(clerk_user_id, members({ clerk_user_id, ...newUser, ...fields }))
      }
      const known = ownedBy(world.accounts, clerk_user_id).sort(byNewest(world)).reverse()
      const loaded: ReadonlyArray<unknown> = Array.from(Object(member(actual, "accounts") ?? []))
      const fresh = loaded.filter((row) => !world.accounts.has(idOf(row)))
      for (const [place, { positions, ...account }] of [...given.entries()].reverse()) {
        // Of accounts of one name, the oldest is the last one given.
        const at = known.findIndex((row) => row["account_name"] === account.account_name)
        const [old] = at < 0 ? [] : known.splice(at, 1)
        const made = old === undefined ? fresh.pop() : undefined
        const id = idOf(old ?? made)
        if (old === undefined) {
          added.accounts++
          world.accounts.set(id, members({ id, clerk_user_id, ...newAccount, ...account }))
          world.created.set(id, now - (place + 1) / 1000)
        }
        const isHeld = new Set(heldIn(world, id).map((row) => row["symbol"]))
        const last = new Map(positions.map((one) => [one.symbol.toUpperCase(), one]))
        for (const [symbol, { quantity }] of last) {
          if (isHeld.has(symbol)) continue
          added.positions++
          const stored: ReadonlyArray<unknown> = Array.from(
            Object(
              member(
                loaded.find((row) => idOf(row) === id),
                "positions"
              ) ?? []
            )
          )
          const position = idOf(stored.find((row) => member(row, "symbol") === symbol))
          const row = { id: position, account_id: id, symbol, quantity, as_of_date: today() }
          world.positions.set(position, members(row))
        }
      }
      return gives({ added, accounts: accountsOf(world, clerk_user_id) })
    }
  }
}

export const ofPortfolios = (draw: Draw): Operation => {
  const user = draw.user()
  const period = { from: today(), to: today() }
  return draw.one<Operation>([
    add(draw),
    add(draw),
    add(draw),
    {
      text: `portfolios.load ${user}`,
      run: Portfolios.use(({ load }) => load(user)),
      expect: (world) => {
        if (!world.users.has(user)) return fails("UserNotFound")
        const accounts = accountsOf(world, user)
        const held = new Set(accounts.flatMap(({ positions }) => positions.map((row) => row["symbol"])))
        const instruments = [...world.instruments.values()].filter((row) => held.has(row["symbol"]))
        return gives({ user: world.users.get(user), accounts, instruments: instruments.sort(bySymbol) })
      }
    },
    {
      text: "users.allSymbols",
      run: Users.use(({ allSymbols }) => allSymbols()),
      expect: (world) => gives([...new Set([...world.positions.values()].map((row) => String(row["symbol"])))].sort())
    },
    {
      text: "history.snapshot",
      run: History.use(({ snapshot }) => snapshot()),
      expect: (world) => {
        for (const id of world.users.keys()) {
          const { cash, market_value, total } = totalsOf(world, id)
          world.snapshots.set(id, { cash, market_value, total })
        }
        return gives(world.users.size)
      }
    },
    {
      text: `history.portfolio ${user}`,
      run: Effect.map(
        History.use(({ portfolio }) => portfolio(user, period)),
        (all) => all.map(({ cash, market_value, total }) => ({ cash, market_value, total }))
      ),
      expect: (world) => gives([world.snapshots.get(user)].filter((row) => row !== undefined))
    },
    {
      text: "history.priceChanges",
      run: Effect.map(
        History.use(({ priceChanges }) => priceChanges(symbols, period)),
        (all) => all.map(({ last, symbol }) => [symbol, last])
      ),
      expect: (world) => gives([...world.prices].sort(([a], [b]) => (a < b ? -1 : 1)))
    },
    {
      text: `accounts.forUser(${user}).list`,
      run: Accounts.use(({ forUser }) => forUser(user).list()),
      expect: (world) => gives(ownedBy(world.accounts, user).sort(byNewest(world)))
    }
  ])
}
