/** A user's portfolio, and what is computed from it: exact values, their allocation, and the drift from the targets. */
import * as BigDecimal from "effect/BigDecimal"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { Account, accountCreateOf, type CashOption } from "./Account.ts"
import type { StoredAllocation } from "./Allocation.ts"
import { Decimal, printable } from "./Decimal.ts"
import { Instrument, InstrumentSymbol, StoredSymbol } from "./Instrument.ts"
import { withJson } from "./Json.ts"
import { Position, PositionCreate } from "./Position.ts"
import { User, UserCreate } from "./User.ts"

/** An account with its positions. */
export const PortfolioAccount = Schema.Struct({
  ...Account.fields,
  positions: Schema.Array(Position)
}).annotate({ description: "An account with its positions" })
export interface PortfolioAccount extends Schema.Schema.Type<typeof PortfolioAccount> {}

/** A user, the user's accounts with their positions, and each instrument held, once. */
export const Portfolio = withJson(
  "portfolio",
  Schema.Struct({
    user: User,
    accounts: Schema.Array(PortfolioAccount),
    instruments: Schema.Array(Instrument).annotate({ description: "Each instrument that is held, once" })
  }).annotate({ description: "All that a user holds" })
)
export interface Portfolio extends Schema.Schema.Type<typeof Portfolio> {}

/** A new user with accounts, whose cash may be negative or not, and their positions. */
export const portfolioCreateOf = (option: CashOption) =>
  Schema.Struct({
    user: UserCreate,
    accounts: Schema.Array(
      Schema.Struct({
        ...accountCreateOf(option).mapFields(Struct.omit(["clerk_user_id"])).fields,
        positions: Schema.Array(Schema.Struct({ symbol: InstrumentSymbol, quantity: PositionCreate.fields.quantity }))
      })
    )
  }).annotate({ description: "A new user with accounts and their positions" })

/** A new user with accounts and their positions. */
export const PortfolioCreate = portfolioCreateOf({})
export interface PortfolioCreate extends Schema.Schema.Type<typeof PortfolioCreate> {}

/** The value of an account, in US dollars. */
export const PortfolioAccountValue = Schema.Struct({
  account_id: Account.fields.id,
  account_name: Schema.String,
  positions: Schema.Finite.annotate({ description: "How many positions" }),
  cash: Decimal,
  market_value: Decimal,
  total: Decimal
}).annotate({ description: "What an account comes to, in US dollars" })
export interface PortfolioAccountValue extends Schema.Schema.Type<typeof PortfolioAccountValue> {}

/** What is held of one instrument over all accounts. */
export const Holding = Schema.Struct({
  symbol: StoredSymbol,
  name: Schema.String,
  quantity: Decimal,
  current_price: Schema.NullOr(Decimal),
  market_value: Decimal
}).annotate({ description: "What is held of an instrument over all accounts" })
export interface Holding extends Schema.Schema.Type<typeof Holding> {}

/**
 * A value in US dollars, broken down. `by_name` and `unclassified` add up to `total` exactly; where percentages of an
 * instrument sum to a little more than 100, `unclassified` is that little below zero.
 */
export const Breakdown = Schema.Struct({
  total: Decimal,
  by_name: Schema.Record(Schema.String, Decimal),
  unclassified: Decimal
}).annotate({ description: "A value in US dollars, taken apart; by_name and unclassified add up to total" })
export interface Breakdown extends Schema.Schema.Type<typeof Breakdown> {}

/** The value of a portfolio, and how it is spread. */
export const PortfolioSummary = withJson(
  "summary of a portfolio",
  Schema.Struct({
    total: Decimal,
    cash: Decimal,
    market_value: Decimal,
    accounts: Schema.Array(PortfolioAccountValue),
    holdings: Schema.Array(Holding).annotate({
      description: "What is held of each instrument, the most valuable first"
    }),
    asset_classes: Breakdown.annotate({ description: "By asset class, cash included" }),
    regions: Breakdown.annotate({ description: "The market value of the positions by region" }),
    sectors: Breakdown.annotate({ description: "The market value of the positions by sector" }),
    missing_prices: Schema.Array(StoredSymbol).annotate({
      description: "Symbols of held instruments without a price, or with a price of 0; they count as worth nothing"
    }),
    missing_allocations: Schema.Array(StoredSymbol).annotate({
      description: "Symbols of held instruments that lack the allocation by region, sector or asset class"
    })
  }).annotate({ description: "What a portfolio comes to in US dollars, exact to the last digit, and how it is spread" })
)
export interface PortfolioSummary extends Schema.Schema.Type<typeof PortfolioSummary> {}

const zero = BigDecimal.fromBigInt(0n)
const hundred = BigDecimal.fromBigInt(100n)
const oneHundredth = BigDecimal.make(1n, 2)

/** Whether an instrument lacks one of its three allocations. */
export const lacksAllocations = (instrument: Instrument): boolean =>
  [instrument.allocation_regions, instrument.allocation_sectors, instrument.allocation_asset_class].some(
    (allocation) => Object.keys(allocation).length === 0
  )

/** The exact value of a number of shares in US dollars; 0 if the price is not known. */
export const marketValue = (
  quantity: BigDecimal.BigDecimal,
  current_price: BigDecimal.BigDecimal | null
): BigDecimal.BigDecimal => printable(BigDecimal.multiply(quantity, current_price ?? zero))

const breakDown = (
  holdings: ReadonlyArray<{ readonly market_value: BigDecimal.BigDecimal; readonly allocation: StoredAllocation }>
): Breakdown => {
  const byName = new Map<string, BigDecimal.BigDecimal>()
  for (const { allocation, market_value } of holdings) {
    for (const [name, percentage] of Object.entries(allocation)) {
      const share = BigDecimal.multiply(
        market_value,
        BigDecimal.multiply(BigDecimal.fromNumberUnsafe(percentage), oneHundredth)
      )
      byName.set(name, BigDecimal.sum(byName.get(name) ?? zero, share))
    }
  }
  const total = BigDecimal.sumAll(holdings.map(({ market_value }) => market_value))
  return {
    total: printable(total),
    by_name: Object.fromEntries(Array.from(byName, ([name, value]) => [name, printable(value)])),
    unclassified: printable(BigDecimal.subtract(total, BigDecimal.sumAll(byName.values())))
  }
}

const accountValue = (
  account: Portfolio["accounts"][number],
  priceOf: (symbol: Instrument["symbol"]) => BigDecimal.BigDecimal | null
): PortfolioAccountValue => {
  const values = account.positions.map(({ quantity, symbol }) => marketValue(quantity, priceOf(symbol)))
  const market_value = BigDecimal.sumAll(values)
  return {
    account_id: account.id,
    account_name: account.account_name,
    positions: account.positions.length,
    cash: account.cash_balance,
    market_value: printable(market_value),
    total: printable(BigDecimal.sum(account.cash_balance, market_value))
  }
}

/** The instruments that the accounts hold, with the shares of all accounts together. */
const heldIn = ({ accounts, instruments }: Portfolio) => {
  const quantities = new Map<Instrument["symbol"], BigDecimal.BigDecimal>()
  for (const { quantity, symbol } of accounts.flatMap(({ positions }) => positions)) {
    quantities.set(symbol, BigDecimal.sum(quantities.get(symbol) ?? zero, quantity))
  }
  return instruments.flatMap((instrument) => {
    const quantity = quantities.get(instrument.symbol)
    return quantity === undefined
      ? []
      : [{ instrument, quantity: printable(quantity), market_value: marketValue(quantity, instrument.current_price) }]
  })
}

/**
 * Adds a portfolio up: by account and instrument, and by asset class, region and sector. Pure and exact.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Portfolios } from "alex-database"
 * import { ClerkUserId, formatDecimal, summarize } from "alex-database/domain"
 *
 * const worth = Effect.gen(function*() {
 *   const portfolios = yield* Portfolios
 *   const portfolio = yield* portfolios.load(ClerkUserId.make("user_2abcDEF"))
 *   return formatDecimal(summarize(portfolio).total)
 * })
 * ```
 */
export const summarize = (portfolio: Portfolio): PortfolioSummary => {
  const prices = new Map(portfolio.instruments.map(({ current_price, symbol }) => [symbol, current_price]))
  const accounts = portfolio.accounts.map((account) => accountValue(account, (symbol) => prices.get(symbol) ?? null))
  const held = heldIn(portfolio)
  const cash = printable(BigDecimal.sumAll(accounts.map((account) => account.cash)))
  const market_value = printable(BigDecimal.sumAll(accounts.map((account) => account.market_value)))
  const by = (allocationOf: (instrument: Instrument) => StoredAllocation) =>
    held.map(({ instrument, market_value }) => ({ market_value, allocation: allocationOf(instrument) }))
  return {
    total: printable(BigDecimal.sum(cash, market_value)),
    cash,
    market_value,
    accounts,
    holdings: held
      .map(({ instrument: { current_price, name, symbol }, market_value, quantity }) => ({
        symbol,
        name,
        quantity,
        current_price,
        market_value
      }))
      .sort((a, b) => BigDecimal.Order(b.market_value, a.market_value) || (a.symbol < b.symbol ? -1 : 1)),
    asset_classes: breakDown([
      ...by((instrument) => instrument.allocation_asset_class),
      { market_value: cash, allocation: { cash: 100 } }
    ]),
    regions: breakDown(by((instrument) => instrument.allocation_regions)),
    sectors: breakDown(by((instrument) => instrument.allocation_sectors)),
    missing_prices: held
      .filter(({ instrument }) => BigDecimal.isZero(instrument.current_price ?? zero))
      .map(({ instrument }) => instrument.symbol),
    missing_allocations: held
      .filter(({ instrument }) => lacksAllocations(instrument))
      .map(({ instrument }) => instrument.symbol)
  }
}

/** How far one part of a breakdown is from its target. */
export const AllocationDrift = Schema.Struct({
  name: Schema.String.annotate({ description: "The asset class, region or sector" }),
  value: Decimal,
  percentage: Decimal,
  target: Decimal,
  drift: Decimal,
  to_target: Decimal
}).annotate({
  description:
    "value in US dollars; percentage of the total, target and drift (percentage minus target) in percent, rounded to " +
    "2 decimals; to_target is what to buy (or, below zero, sell) in US dollars to reach the target, exact"
})
export interface AllocationDrift extends Schema.Schema.Type<typeof AllocationDrift> {}

const outsideNorthAmerica = ["europe", "asia", "latin_america", "africa", "middle_east", "oceania"]

/**
 * Compares a breakdown with targets in percent: every name that is held or wanted, the furthest from its target first.
 *
 * A region outside North America that has no target of its own counts as `international` where that has one.
 *
 * @example
 * ```ts
 * import { driftFrom, type Portfolio, summarize } from "alex-database/domain"
 *
 * const assetClassDrift = (portfolio: Portfolio) =>
 *   driftFrom(portfolio.user.asset_class_targets, summarize(portfolio).asset_classes)
 * ```
 */
export const driftFrom = (targets: StoredAllocation, breakdown: Breakdown): ReadonlyArray<AllocationDrift> => {
  // A row may name anything, such as `constructor`, which every object inherits.
  const wantedOf = new Map(Object.entries(targets))
  const nameOf = (name: string) =>
    !wantedOf.has(name) && wantedOf.has("international") && outsideNorthAmerica.includes(name) ? "international" : name
  const values = new Map(Array.from(wantedOf.keys(), (name) => [name, zero]))
  for (const [name, value] of Object.entries(breakdown.by_name)) {
    values.set(nameOf(name), BigDecimal.sum(values.get(nameOf(name)) ?? zero, value))
  }
  return Array.from(values, ([name, value]): AllocationDrift => {
    const target = BigDecimal.fromNumberUnsafe(wantedOf.get(name) ?? 0)
    const percentage = BigDecimal.isZero(breakdown.total)
      ? zero
      : BigDecimal.round(BigDecimal.divideUnsafe(BigDecimal.multiply(value, hundred), breakdown.total), { scale: 2 })
    const wanted = BigDecimal.multiply(breakdown.total, BigDecimal.multiply(target, oneHundredth))
    return {
      name,
      value: printable(value),
      percentage: printable(percentage),
      target: printable(target),
      drift: printable(BigDecimal.subtract(percentage, target)),
      to_target: printable(BigDecimal.subtract(wanted, value))
    }
  }).sort((a, b) => BigDecimal.Order(BigDecimal.abs(b.drift), BigDecimal.abs(a.drift)) || (a.name < b.name ? -1 : 1))
}
