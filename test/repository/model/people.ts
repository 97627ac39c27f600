/** The operations on users and accounts, and what they should do. */
import { Effect } from "effect"
import { AccountId } from "../../../src/domain/index.ts"
import { Accounts, Users, userDefaults } from "../../../src/repository/index.ts"
import { atOnce, classes, type Draw, money, names, type Operation, regions, users } from "./Operation.ts"
import {
  byId,
  byNewest,
  change,
  decimal,
  fails,
  found,
  gives,
  heldIn,
  idOf,
  members,
  type Outcome,
  ownedBy,
  type Row,
  removeAccount,
  removeUser,
  sumOf,
  type World,
  worthOf
} from "./World.ts"

export const userFields = (draw: Draw) => ({
  ...draw.maybe("display_name", [...names, null, ""]),
  ...draw.maybe("years_until_retirement", [0, 100, null]),
  ...draw.maybe("target_retirement_income", [...money, null]),
  ...draw.maybe("asset_class_targets", classes),
  ...draw.maybe("region_targets", regions)
})

/** A new user, where the fields say nothing else. */
export const newUser: Row = {
  display_name: null,
  years_until_retirement: null,
  target_retirement_income: null,
  asset_class_targets: userDefaults.asset_class_targets,
  region_targets: userDefaults.region_targets
}

export const accountFields = (draw: Draw) => ({
  ...draw.maybe("account_purpose", [...names, null]),
  ...draw.maybe("cash_balance", money),
  ...draw.maybe("cash_interest", [decimal("0"), decimal("1"), decimal("0.0451")])
})

export const newAccount: Row = { account_purpose: null, cash_balance: "0", cash_interest: "0" }

/** An account that this owner, or anyone, may see. */
export const visibleAccount = (world: World, id: string, owner: string | undefined): Row | undefined => {
  const row = world.accounts.get(id)
  return owner === undefined || row?.["clerk_user_id"] === owner ? row : undefined
}

export const totalsOf = (world: World, user: string) => {
  const accounts = ownedBy(world.accounts, user)
  const held = accounts.flatMap((row) => heldIn(world, idOf(row)))
  const cash = sumOf(accounts.map((row) => row["cash_balance"]))
  const market_value = worthOf(world, held)
  return { accounts: accounts.length, positions: held.length, cash, market_value, total: sumOf([cash, market_value]) }
}

const put = (world: World, clerk_user_id: string, ...fields: ReadonlyArray<Row>): Row => {
  const row = members(Object.assign({ clerk_user_id }, ...fields))
  world.users.set(clerk_user_id, row)
  return row
}

export const ofUsers = (draw: Draw): Operation => {
  const clerk_user_id = draw.user()
  const fields = userFields(draw)
  return draw.one<Operation>([
    {
      text: `users.create ${clerk_user_id}`,
      run: Users.use(({ create }) => create({ clerk_user_id, ...fields })),
      expect: (world) =>
        world.users.has(clerk_user_id)
          ? fails("UserAlreadyExists")
          : gives(put(world, clerk_user_id, newUser, members(fields)))
    },
    {
      text: `users.getOrCreate ${clerk_user_id}`,
      run: Users.use(({ getOrCreate }) => getOrCreate({ clerk_user_id, ...fields })),
      expect: (world) => {
        const known = world.users.get(clerk_user_id)
        if (known !== undefined) return gives({ user: known, created: false })
        return gives({
          user: put(world, clerk_user_id, newUser, members(userDefaults), members(fields)),
          created: true
        })
      }
    },
    {
      text: `users.update ${clerk_user_id}`,
      run: Users.use(({ update }) => update(clerk_user_id, fields)),
      expect: (world) => change(world.users, clerk_user_id, members(fields), "UserNotFound")
    },
    {
      text: `users.delete ${clerk_user_id}`,
      run: Users.use((users) => users.delete(clerk_user_id)),
      expect: (world) => {
        if (!world.users.has(clerk_user_id)) return fails("UserNotFound")
        removeUser(world, clerk_user_id)
        return gives(null)
      }
    },
    {
      text: "users.findById of all at once",
      run: Users.use(({ findById }) => atOnce([...users, ...users].map(findById))),
      expect: (world) => gives([...users, ...users].map((id) => world.users.get(id) ?? "UserNotFound"))
    },
    {
      text: "users.list, page by page",
      run: Users.use(({ list }) =>
        Effect.gen(function* () {
          const first = yield* list({ limit: 2 })
          const last = first.at(-1)
          return last === undefined ? [] : [...first, ...(yield* list({ after: last.clerk_user_id }))]
        })
      ).pipe(Effect.map((all) => all.map((user) => user.clerk_user_id).sort())),
      expect: (world) => gives([...world.users.keys()].sort())
    }
  ])
}

export const ofAccounts = (draw: Draw, world: World): Operation => {
  const id = AccountId.make(draw.key(world.accounts))
  const key = id.toLowerCase()
  const clerk_user_id = draw.user()
  const owner = draw.owner()
  const fields = { account_name: draw.one(names), ...accountFields(draw) }
  const one = Accounts.use((all) => Effect.succeed(owner === undefined ? all : all.forUser(owner)))
  const seen = (expect: (world: World) => Outcome) => (world: World) =>
    visibleAccount(world, key, owner) === undefined ? fails("AccountNotFound") : expect(world)
  const create: Operation = {
    text: `accounts.create of ${clerk_user_id}`,
    run: Accounts.use(({ create }) => create({ clerk_user_id, ...fields })),
    expect: (world, actual, now) => {
      if (!world.users.has(clerk_user_id)) return fails("UserNotFound")
      const row = members({ id: idOf(actual), clerk_user_id, ...newAccount, ...fields })
      world.accounts.set(idOf(actual), row)
      world.created.set(idOf(actual), now)
      return gives(row)
    }
  }
  return draw.one<Operation>([
    create,
    create,
    {
      text: `accounts.update ${id} by ${owner}`,
      run: Effect.flatMap(one, ({ update }) => update(id, fields)),
      expect: seen((world) => change(world.accounts, key, members(fields), "AccountNotFound"))
    },
    {
      text: `accounts.delete ${id} by ${owner}`,
      run: Effect.flatMap(one, (accounts) => accounts.delete(id)),
      expect: seen((world) => {
        const row = world.accounts.get(key)
        removeAccount(world, key)
        return gives(row)
      })
    },
    {
      text: `accounts.findById ${id} by ${owner}`,
      run: Effect.flatMap(one, ({ findById }) => findById(id)),
      expect: seen((world) => found(world.accounts, key, "AccountNotFound"))
    },
    {
      text: `accounts.deleteAll of ${clerk_user_id}`,
      run: Accounts.use(({ deleteAll }) => Effect.map(deleteAll(clerk_user_id), (all) => [...all].sort(byId))),
      expect: (world) => {
        const rows = ownedBy(world.accounts, clerk_user_id).sort(byId)
        for (const row of rows) removeAccount(world, idOf(row))
        return gives(rows)
      }
    },
    {
      text: `accounts.totals of ${clerk_user_id}`,
      run: Accounts.use(({ totals }) => totals(clerk_user_id)),
      expect: (world) =>
        world.users.has(clerk_user_id) ? gives(totalsOf(world, clerk_user_id)) : fails("UserNotFound")
    },
    {
      text: `accounts.listByUser ${clerk_user_id}`,
      run: Accounts.use(({ listByUser }) => listByUser(clerk_user_id)),
      expect: (world) => gives(ownedBy(world.accounts, clerk_user_id).sort(byNewest(world)))
    }
  ])
}
