/** The operations on instruments, and what they should do. */
import { type InstrumentCreate, InstrumentSymbol, unknownInstrument } from "../../../src/domain/index.ts"
import { Instruments } from "../../../src/repository/index.ts"
import { atOnce, classes, type Draw, names, type Operation, prices, regions, symbols } from "./Operation.ts"
import {
  bySymbol,
  change,
  fails,
  gives,
  heldIn,
  idOf,
  isSame,
  members,
  ownedBy,
  type Row,
  type World
} from "./World.ts"

const fieldsOf = (draw: Draw) => ({
  ...draw.maybe("current_price", [...prices, null]),
  ...draw.maybe("allocation_regions", regions),
  ...draw.maybe("allocation_sectors", [{}, { technology: 99.95 }]),
  ...draw.maybe("allocation_asset_class", classes)
})

const instrumentOf = (draw: Draw): InstrumentCreate => ({
  symbol: draw.symbol(),
  name: draw.one(names),
  instrument_type: draw.one(["etf", "stock"]),
  ...fieldsOf(draw)
})

const blank = { current_price: null, allocation_regions: {}, allocation_sectors: {}, allocation_asset_class: {} }

/** An instrument after an upsert: what is left out or null stays. */
const merged = (old: Row | undefined, input: InstrumentCreate): Row => ({
  ...(old ?? blank),
  ...Object.fromEntries(Object.entries(members(input)).filter(([, value]) => value !== null)),
  symbol: input.symbol.toUpperCase()
})

const upsert = (world: World, input: InstrumentCreate): "inserted" | "updated" | "unchanged" => {
  const old = world.instruments.get(input.symbol.toUpperCase())
  const row = merged(old, input)
  world.instruments.set(input.symbol.toUpperCase(), row)
  return old === undefined ? "inserted" : isSame(old, row) ? "unchanged" : "updated"
}

/** Registers a symbol, if it is unknown. */
export const register = (world: World, given: string, name?: string) => {
  const symbol = InstrumentSymbol.make(given.toUpperCase())
  const known = world.instruments.get(symbol)
  if (known !== undefined) return { instrument: known, created: false }
  const instrument = members(unknownInstrument(symbol, { name }))
  world.instruments.set(symbol, instrument)
  return { instrument, created: true }
}

/** The symbols of a batch, each once, and the entry that counts for each instrument: the last. */
const batchOf = <A extends { readonly symbol: string }>(entries: ReadonlyArray<A>) => {
  const latest = new Map(entries.map((entry) => [entry.symbol, entry]))
  const counting = new Map(Array.from(latest.values(), (entry) => [entry.symbol.toUpperCase(), entry]))
  return { given: [...latest.keys()], counting }
}

const upsertMany = (draw: Draw): Operation => {
  const input = draw.some(() => instrumentOf(draw), 6)
  const options = { allOrNothing: draw.chance(0.5), dryRun: draw.chance(0.2) }
  return {
    text: `instruments.upsertMany ${input.map(({ symbol }) => symbol)} ${JSON.stringify(options)}`,
    run: Instruments.use(({ upsertMany }) => upsertMany(input, options)),
    expect: (world) => {
      const target = options.dryRun ? structuredClone(world) : world
      const { counting, given } = batchOf(input)
      const did = new Map(Array.from(counting, ([symbol, entry]) => [symbol, upsert(target, entry)]))
      const inOrder = [...new Set(given.map((symbol) => symbol.toUpperCase()))]
      return gives({
        inserted: inOrder.filter((symbol) => did.get(symbol) === "inserted"),
        updated: inOrder.filter((symbol) => did.get(symbol) === "updated"),
        unchanged: given.filter((symbol) => did.get(symbol.toUpperCase()) === "unchanged"),
        refused: []
      })
    }
  }
}

const fillIn = (draw: Draw): Operation => {
  const input = instrumentOf(draw)
  return {
    text: `instruments.fillIn ${input.symbol}`,
    run: Instruments.use(({ fillIn }) => fillIn(input)),
    expect: (world) => {
      const old = world.instruments.get(input.symbol.toUpperCase())
      const price = members(input)["current_price"] ?? null
      const isOther =
        old?.["name"] !== input.name ||
        (old["current_price"] !== null && price !== null && old["current_price"] !== price)
      const isKept = old !== undefined && isOther && !isSame(old, merged(old, input))
      return isKept ? fails("InstrumentKnown") : gives(upsert(world, input))
    }
  }
}

const setPrices = (draw: Draw): Operation => {
  const input = draw.some(() => ({ symbol: draw.symbol(), current_price: draw.one(prices) }), 5)
  return {
    text: `instruments.setPrices ${input.map(({ symbol }) => symbol)}`,
    run: Instruments.use(({ setPrices }) => setPrices(input)),
    expect: (world) => {
      const { counting, given } = batchOf(input)
      for (const [symbol, entry] of counting) {
        const row = world.instruments.get(symbol)
        if (row === undefined) continue
        const { current_price } = members(entry)
        world.instruments.set(symbol, { ...row, current_price })
        world.prices.set(symbol, String(current_price))
      }
      const isKnown = (symbol: string) => world.instruments.has(symbol.toUpperCase())
      return gives({
        updated: [...new Set(given.filter(isKnown).map((symbol) => symbol.toUpperCase()))],
        unknown: given.filter((symbol) => !isKnown(symbol)),
        refused: []
      })
    }
  }
}

const isOpen = (row: Row) =>
  [row["allocation_regions"], row["allocation_sectors"], row["allocation_asset_class"]].some((one) => isSame(one, {}))

const reading = (draw: Draw): Operation => {
  const user = draw.user()
  return draw.one<Operation>([
    {
      text: "instruments.findMany",
      run: Instruments.use(({ findMany }) => findMany(symbols)),
      expect: (world) => gives([...world.instruments.values()].sort(bySymbol))
    },
    {
      text: "instruments.findBySymbol of all at once",
      run: Instruments.use(({ findBySymbol }) => atOnce(symbols.map(findBySymbol))),
      expect: (world) => gives(symbols.map((one) => world.instruments.get(one.toUpperCase()) ?? "InstrumentNotFound"))
    },
    {
      text: `instruments.unclassified ${user}`,
      run: Instruments.use(({ unclassified }) => unclassified(user)),
      expect: (world) => {
        const held = ownedBy(world.accounts, user).flatMap((row) => heldIn(world, idOf(row)))
        const symbols = new Set(held.map((row) => row["symbol"]))
        const rows = [...world.instruments.values()].filter((row) => symbols.has(row["symbol"]) && isOpen(row))
        return gives(rows.sort(bySymbol))
      }
    }
  ])
}

export const ofInstruments = (draw: Draw): Operation => {
  const given = draw.symbol()
  const symbol = given.toUpperCase()
  const fields = fieldsOf(draw)
  const input = instrumentOf(draw)
  return draw.one<Operation>([
    {
      text: `instruments.create ${input.symbol}`,
      run: Instruments.use(({ create }) => create(input)),
      expect: (world) => {
        const symbol = input.symbol.toUpperCase()
        if (world.instruments.has(symbol)) return fails("InstrumentAlreadyExists")
        const row = members({ ...blank, ...input, symbol })
        world.instruments.set(symbol, row)
        return gives(row)
      }
    },
    {
      text: `instruments.register ${given}`,
      run: Instruments.use(({ register }) => register(given, { name: "Known" })),
      expect: (world) => gives(register(world, given, "Known"))
    },
    {
      text: `instruments.update ${given}`,
      run: Instruments.use(({ update }) => update(given, fields)),
      expect: (world) => change(world.instruments, symbol, members(fields), "InstrumentNotFound")
    },
    {
      text: `instruments.upsert ${input.symbol}`,
      run: Instruments.use(({ upsert }) => upsert(input)),
      expect: (world) => {
        const did = upsert(world, input)
        const named = did === "unchanged" ? input.symbol : input.symbol.toUpperCase()
        return gives({ inserted: [], updated: [], unchanged: [], refused: [], [did]: [named] })
      }
    },
    {
      text: `instruments.delete ${given}`,
      run: Instruments.use((instruments) => instruments.delete(given)),
      expect: (world) => {
        if (!world.instruments.has(symbol)) return fails("InstrumentNotFound")
        if ([...world.positions.values()].some((row) => row["symbol"] === symbol)) return fails("InstrumentHeld")
        world.instruments.delete(symbol)
        world.prices.delete(symbol)
        return gives(null)
      }
    },
    upsertMany(draw),
    fillIn(draw),
    setPrices(draw),
    reading(draw),
    reading(draw)
  ])
}
