import { assert, describe, it } from "@effect/vitest"
import { BigDecimal, Schema } from "effect"
import * as Domain from "../../src/domain/index.ts"

const at = new Date(0)
const times = { created_at: at.toISOString(), updated_at: at.toISOString() }

const instrument = (
  symbol: string,
  current_price: string | null,
  regions: Record<string, number>,
  assetClasses: Record<string, number>
) => ({
  symbol,
  name: `Fund ${symbol}`,
  instrument_type: "etf",
  current_price,
  allocation_regions: regions,
  allocation_sectors: { other: 100 },
  allocation_asset_class: assetClasses,
  ...times
})

const position = (account_id: string, symbol: string, quantity: string) => ({
  id: `${account_id}${symbol}`,
  account_id,
  symbol,
  quantity,
  as_of_date: "2026-02-28",
  ...times
})

const account = (id: string, cash_balance: string, held: Record<string, string>) => ({
  id,
  clerk_user_id: "u",
  account_name: `Account ${id}`,
  account_purpose: null,
  cash_balance,
  cash_interest: "0",
  ...times,
  positions: Object.entries(held).map(([symbol, quantity]) => position(id, symbol, quantity))
})

const json = {
  user: {
    clerk_user_id: "u",
    display_name: null,
    years_until_retirement: null,
    target_retirement_income: null,
    asset_class_targets: { equity: 70, fixed_income: 30 },
    region_targets: { north_america: 50, international: 50 },
    ...times
  },
  accounts: [
    account("a", "100.10", { WORLD: "0.1", US: "10" }),
    account("b", "0", { WORLD: "0.2", NEW: "3", FREE: "1" })
  ],
  instruments: [
    instrument("FREE", "0", { global: 100 }, { commodities: 100 }),
    instrument("NEW", null, {}, {}),
    instrument("US", "10.5", { north_america: 100 }, { equity: 60, fixed_income: 40 }),
    instrument("WORLD", "1000.0001", { north_america: 60, europe: 33.3, asia: 6.7 }, { equity: 99.97 })
  ]
}

const codec = Schema.toCodecJson(Domain.Portfolio)
const portfolio = Schema.decodeUnknownSync(codec)(json)
const summary = Domain.summarize(portfolio)
const text = (record: Readonly<Record<string, BigDecimal.BigDecimal>>) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, Domain.formatDecimal(value)]))
const sum = (breakdown: Domain.Breakdown) =>
  BigDecimal.sum(BigDecimal.sumAll(Object.values(breakdown.by_name)), breakdown.unclassified)

describe("a portfolio added up", () => {
  it("is exact by account, instrument and in all", () => {
    assert.strictEqual(Domain.formatDecimal(summary.total), "505.10003")
    assert.strictEqual(Domain.formatDecimal(summary.cash), "100.1")
    assert.deepStrictEqual(
      summary.accounts.map((one) => [
        one.positions,
        Domain.formatDecimal(one.market_value),
        Domain.formatDecimal(one.total)
      ]),
      [
        [2, "205.00001", "305.10001"],
        [3, "200.00002", "200.00002"]
      ]
    )
    assert.deepStrictEqual(
      summary.holdings.map((one) => [
        one.symbol,
        Domain.formatDecimal(one.quantity),
        Domain.formatDecimal(one.market_value)
      ]),
      [
        ["WORLD", "0.3", "300.00003"],
        ["US", "10", "105"],
        ["FREE", "1", "0"],
        ["NEW", "3", "0"]
      ]
    )
  })

  it("is taken apart by asset class with the cash, and by region and sector without, to the last digit", () => {
    assert.deepStrictEqual(text(summary.asset_classes.by_name), {
      commodities: "0",
      equity: "362.910029991",
      fixed_income: "42",
      cash: "100.1"
    })
    assert.strictEqual(Domain.formatDecimal(summary.asset_classes.unclassified), "0.090000009")
    assert.deepStrictEqual(text(summary.regions.by_name), {
      global: "0",
      north_america: "285.000018",
      europe: "99.90000999",
      asia: "20.10000201"
    })
    for (const breakdown of [summary.asset_classes, summary.regions, summary.sectors]) {
      assert.isTrue(BigDecimal.equals(sum(breakdown), breakdown.total))
    }
    assert.isTrue(BigDecimal.equals(summary.asset_classes.total, summary.total))
  })

  it("names what lacks a price or an allocation", () => {
    assert.deepStrictEqual<ReadonlyArray<string>>(summary.missing_prices, ["FREE", "NEW"])
    assert.deepStrictEqual<ReadonlyArray<string>>(summary.missing_allocations, ["NEW"])
  })

  it("is the same after JSON and back", () => {
    assert.deepStrictEqual(
      Schema.decodeUnknownSync(codec)(JSON.parse(JSON.stringify(Schema.encodeSync(codec)(portfolio)))),
      portfolio
    )
    const summaries = Schema.toCodecJson(Domain.PortfolioSummary)
    const again = Schema.decodeUnknownSync(summaries)(Schema.encodeSync(summaries)(summary))
    assert.strictEqual(Domain.formatDecimal(again.total), "505.10003")
  })
})

describe("drift", () => {
  const of = (drifts: ReadonlyArray<Domain.AllocationDrift>) =>
    drifts.map((one) => [
      one.name,
      Domain.formatDecimal(one.percentage),
      Domain.formatDecimal(one.drift),
      Domain.formatDecimal(one.to_target)
    ])

  it("is the distance from the targets, the furthest first, and what to trade is exact", () => {
    assert.deepStrictEqual(of(Domain.driftFrom(portfolio.user.asset_class_targets, summary.asset_classes)), [
      ["fixed_income", "8.32", "-21.68", "109.530009"],
      ["cash", "19.82", "19.82", "-100.1"],
      ["equity", "71.85", "1.85", "-9.340008991"],
      ["commodities", "0", "0", "0"]
    ])
  })

  it("counts regions outside North America as international where that is the target", () => {
    const drift = Domain.driftFrom({ north_america: 50, international: 40, asia: 10 }, summary.regions)
    assert.deepStrictEqual(
      of(drift).map(([name, percentage]) => [name, percentage]),
      [
        ["north_america", "70.37"],
        ["international", "24.67"],
        ["asia", "4.96"],
        ["global", "0"]
      ]
    )
  })

  it("names that are as far from their targets as each other are in the order of the alphabet", () => {
    const empty = Domain.summarize({ ...portfolio, accounts: [], instruments: [] })
    const drift = Domain.driftFrom({ real_estate: 50, equity: 50 }, empty.asset_classes)
    assert.deepStrictEqual(
      drift.map(({ name }) => name),
      ["equity", "real_estate", "cash"]
    )
  })

  it("is that of every other name where a row names what objects inherit", () => {
    for (const name of ["constructor", "toString", "hasOwnProperty", "__proto__", "valueOf"]) {
      const named: Domain.StoredAllocation = JSON.parse(`{"${name}":100}`)
      const other = { ...portfolio.user, asset_class_targets: named }
      const instruments = portfolio.instruments.map((one) => ({ ...one, allocation_asset_class: named }))
      const held = Domain.summarize({ ...portfolio, user: other, instruments }).asset_classes
      for (const [targets, expected] of [
        [
          { equity: 100 },
          [
            ["equity", "0", "-100"],
            [name, "80.18", "80.18"],
            ["cash", "19.82", "19.82"]
          ]
        ],
        [
          named,
          [
            ["cash", "19.82", "19.82"],
            [name, "80.18", "-19.82"]
          ]
        ]
      ] as const) {
        assert.sameDeepMembers(
          of(Domain.driftFrom(targets, held)).map((drift) => drift.slice(0, 3)),
          expected.map((drift) => [...drift])
        )
      }
    }
  })

  it("of nothing is the targets", () => {
    const empty = Domain.summarize({ ...portfolio, accounts: [], instruments: [] })
    assert.deepStrictEqual(of(Domain.driftFrom({ equity: 100 }, empty.asset_classes)), [
      ["equity", "0", "-100", "0"],
      ["cash", "0", "0", "0"]
    ])
  })
})
