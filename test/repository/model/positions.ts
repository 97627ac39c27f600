/** The operations on positions, and what they should do. */
import { Effect } from "effect"
import { AccountId, PositionId } from "../../../src/domain/index.ts"
import { Positions } from "../../../src/repository/index.ts"
import { register } from "./instruments.ts"
import { type Draw, type Operation, quantities } from "./Operation.ts"
import { visibleAccount } from "./people.ts"
import {
  byId,
  change,
  decimal,
  fails,
  found,
  gives,
  heldIn,
  idOf,
  member,
  members,
  type Outcome,
  type Row,
  sumOf,
  type World,
  worthOf
} from "./World.ts"

export const today = () => new Date().toISOString().slice(0, 10)

const held = (world: World, account_id: string, symbol: string) =>
  heldIn(world, account_id).find((row) => row["symbol"] === symbol.toUpperCase())

/** Stores a position; a new one has the id that the database gave. */
const store = (world: World, input: Row, id: string): Row => {
  const account_id = String(input["account_id"]).toLowerCase()
  const symbol = String(input["symbol"]).toUpperCase()
  const old = held(world, account_id, symbol)
  const row = { as_of_date: today(), ...input, account_id, symbol, id: old === undefined ? id : idOf(old) }
  world.positions.set(row.id, row)
  return row
}

const put = (draw: Draw, world: World): Operation => {
  const owner = draw.owner()
  const kind = draw.one(["put", "addQuantity", "registerAndPut"])
  const account_id = AccountId.make(draw.key(world.accounts))
  const symbol = draw.symbol()
  const quantity = draw.one(quantities)
  const day = draw.maybe("as_of_date", ["2024-02-29"])
  return {
    text: `positions.${kind} ${account_id} ${symbol} ${quantity} by ${owner}`,
    run: Positions.use((all) => {
      const positions = owner === undefined ? all : all.forUser(owner)
      return positions[kind]({ account_id, symbol, quantity: decimal(quantity), ...day })
    }),
    expect: (world, actual) => {
      if (visibleAccount(world, account_id.toLowerCase(), owner) === undefined) return fails("AccountNotFound")
      if (kind === "registerAndPut") register(world, symbol)
      if (!world.instruments.has(symbol.toUpperCase())) return fails("InstrumentNotFound")
      const before = kind === "addQuantity" ? held(world, account_id.toLowerCase(), symbol)?.["quantity"] : undefined
      const after = sumOf([before ?? "0", quantity])
      if ((after.split(".")[0] ?? "").length > 12) return fails("InvalidInput")
      return gives(store(world, members({ account_id, symbol, quantity: after, ...day }), idOf(actual)))
    }
  }
}

const putMany = (draw: Draw, world: World): Operation => {
  const owner = draw.owner()
  const allOrNothing = draw.chance(0.4)
  const input = draw.some(
    () => ({
      account_id: AccountId.make(draw.key(world.accounts)),
      symbol: draw.symbol(),
      quantity: draw.one(quantities)
    }),
    6
  )
  return {
    text: `positions.putMany ${JSON.stringify(input)} by ${owner}, ${allOrNothing}`,
    run: Positions.use((all) =>
      (owner === undefined ? all : all.forUser(owner)).putMany(
        input.map((one) => ({ ...one, quantity: decimal(one.quantity) })),
        { allOrNothing }
      )
    ).pipe(
      Effect.map(({ positions, refused }) => ({
        positions: [...positions].sort(byId),
        refused: refused.map(({ key }) => key).sort()
      }))
    ),
    expect: (world, actual) => {
      const given = new Map(input.map((one) => [`${one.account_id.toLowerCase()}/${one.symbol}`, one]))
      const isGood = (one: (typeof input)[number]) =>
        visibleAccount(world, one.account_id.toLowerCase(), owner) !== undefined &&
        world.instruments.has(one.symbol.toUpperCase())
      const refused = [...given].filter(([, one]) => !isGood(one)).map(([key]) => key)
      if (allOrNothing && refused.length > 0) return fails("InvalidInput")
      const stored = new Map<string, Row>()
      const written: ReadonlyArray<unknown> = Array.from(Object(member(actual, "positions") ?? []))
      for (const one of [...given.values()].filter(isGood)) {
        const isIt = (row: unknown) =>
          member(row, "account_id") === one.account_id.toLowerCase() &&
          member(row, "symbol") === one.symbol.toUpperCase()
        const row = store(world, members(one), idOf(written.find(isIt)))
        stored.set(idOf(row), row)
      }
      return gives({ positions: [...stored.values()].sort(byId), refused: refused.sort() })
    }
  }
}

/** A position with its instrument. */
const whole = (world: World, row: Row): Row => ({ ...world.instruments.get(String(row["symbol"])), ...row })

export const ofPositions = (draw: Draw, world: World): Operation => {
  const id = PositionId.make(draw.key(world.positions))
  const key = id.toLowerCase()
  const account = AccountId.make(draw.key(world.accounts))
  const accountKey = account.toLowerCase()
  const owner = draw.owner()
  const quantity = draw.one(quantities)
  const one = Positions.use((all) => Effect.succeed(owner === undefined ? all : all.forUser(owner)))
  const seen = (expect: (world: World) => Outcome) => (world: World) => {
    const row = world.positions.get(key)
    const isSeen = row !== undefined && visibleAccount(world, String(row["account_id"]), owner) !== undefined
    return isSeen ? expect(world) : fails("PositionNotFound")
  }
  const ofAccount = (expect: (held: ReadonlyArray<Row>, world: World) => Outcome) => (world: World) =>
    visibleAccount(world, accountKey, owner) === undefined
      ? fails("AccountNotFound")
      : expect(heldIn(world, accountKey), world)
  return draw.one<Operation>([
    put(draw, world),
    put(draw, world),
    putMany(draw, world),
    {
      text: `positions.findById ${id} by ${owner}`,
      run: Effect.flatMap(one, ({ findById }) => findById(id)),
      expect: seen((world) => found(world.positions, key, "PositionNotFound"))
    },
    {
      text: `positions.update ${id} by ${owner}`,
      run: Effect.flatMap(one, ({ update }) => update(id, { quantity: decimal(quantity) })),
      expect: seen((world) => change(world.positions, key, { quantity }, "PositionNotFound"))
    },
    {
      text: `positions.delete ${id} by ${owner}`,
      run: Effect.flatMap(one, (positions) => positions.delete(id)),
      expect: seen((world) => {
        const row = world.positions.get(key)
        world.positions.delete(key)
        return gives(row)
      })
    },
    {
      text: `positions.listByAccount ${account} by ${owner}`,
      run: Effect.flatMap(one, ({ listByAccount }) => listByAccount(account)),
      expect: ofAccount((held, world) => gives(held.map((row) => whole(world, row))))
    },
    {
      text: `positions.value ${account} by ${owner}`,
      run: Effect.flatMap(one, ({ value }) => value(account)),
      expect: ofAccount((held, world) => {
        const shares = sumOf(held.map((row) => row["quantity"]))
        return gives({ positions: held.length, shares, market_value: worthOf(world, held) })
      })
    }
  ])
}
