import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { dialects, schemas } from "../../src/agent/schemas/JsonSchemas.ts"
import { type SchemaName, schemaNames } from "../../src/agent/schemas/schemaNames.ts"
import { strict } from "../../src/domain/Allocation.ts"
import { mismatches, violations } from "./JsonSchemaRules.ts"

const at = "2026-02-28T12:00:00.000Z"
const id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"

const user = {
  clerk_user_id: "user_1",
  display_name: null,
  years_until_retirement: 20,
  target_retirement_income: "60000",
  asset_class_targets: { equity: 70, fixed_income: 30 },
  region_targets: {},
  created_at: at,
  updated_at: at
}
const instrument = {
  symbol: "SPY",
  name: "SPDR S&P 500 ETF Trust",
  instrument_type: "etf",
  current_price: "450.25",
  allocation_regions: { north_america: 100 },
  allocation_sectors: { technology: 60, healthcare: 40 },
  allocation_asset_class: { equity: 100 },
  created_at: at,
  updated_at: at
}
const account = {
  id,
  clerk_user_id: "user_1",
  account_name: "401(k)",
  account_purpose: null,
  cash_balance: "5000",
  cash_interest: "0.045",
  created_at: at,
  updated_at: at
}
const position = {
  id,
  account_id: id,
  symbol: "SPY",
  quantity: "12.5",
  as_of_date: "2026-02-28",
  created_at: at,
  updated_at: at
}
const jobState = {
  id,
  clerk_user_id: "user_1",
  job_type: "portfolio_analysis",
  status: "completed",
  error_message: null,
  attempts: 1,
  lease_until: null,
  created_at: at,
  started_at: at,
  completed_at: at,
  updated_at: at
}
const classification = {
  instrument_type: "etf",
  allocation_regions: { north_america: 60, europe: 40 },
  allocation_sectors: { technology: 100 },
  allocation_asset_class: { equity: 80, fixed_income: 20 }
}
const shares = [
  { symbol: "SPY", percentage: 60 },
  { symbol: "BND", percentage: 40 }
]
const breakdown = { total: "10.5", by_name: { equity: "10" }, unclassified: "0.5" }
const chart = { title: "Classes", type: "pie", data: [{ name: "Equity", value: 60, color: "#3B82F6" }] }
const charts = { asset_classes: chart, sectors: { ...chart, description: "By market value", type: "bar" } }
const summary = { status: "on track", next: ["rebalance", { when: null }] }

/** A good document of every schema, as the domain itself writes it. */
const good: Record<SchemaName, unknown> = {
  user,
  "user-create": { clerk_user_id: "user_1", asset_class_targets: { equity: 100 } },
  "user-update": { years_until_retirement: 5 },
  instrument,
  "instrument-create": { symbol: "SPY", name: "SPDR S&P 500 ETF Trust", ...classification, current_price: "450.25" },
  "instrument-update": { current_price: "451" },
  "instrument-classification": classification,
  "instrument-price": { symbol: "SPY", current_price: "450.25" },
  account,
  "account-create": { clerk_user_id: "user_1", account_name: "401(k)", cash_balance: "5000" },
  "account-update": { cash_interest: "0.05" },
  "account-totals": { accounts: 1, positions: 2, cash: "1.5", market_value: "2", total: "3.5" },
  "account-value": { positions: 1, shares: "12.5", market_value: "5628.125" },
  position,
  "position-create": { account_id: id, symbol: "SPY", quantity: "12.5" },
  "position-update": { as_of_date: "2026-02-28" },
  "held-position": {
    ...position,
    name: "SPDR",
    instrument_type: null,
    current_price: "450.25",
    allocation_regions: { north_america: 100 },
    allocation_sectors: {},
    allocation_asset_class: { equity: 100 }
  },
  portfolio: { user, accounts: [{ ...account, positions: [position] }], instruments: [instrument] },
  "portfolio-summary": {
    total: "10628.125",
    cash: "5000",
    market_value: "5628.125",
    accounts: [
      {
        account_id: id,
        account_name: "401(k)",
        positions: 1,
        cash: "5000",
        market_value: "5628.125",
        total: "10628.125"
      }
    ],
    holdings: [{ symbol: "SPY", name: "SPDR", quantity: "12.5", current_price: "450.25", market_value: "5628.125" }],
    asset_classes: breakdown,
    regions: breakdown,
    sectors: breakdown,
    missing_prices: [],
    missing_allocations: ["BND"]
  },
  "portfolio-analysis": {
    total_value: "104875",
    asset_allocation: { equity: 80, fixed_income: 20 },
    region_allocation: { north_america: 99.97 },
    sector_allocation: { technology: 50, healthcare: 50 },
    risk_score: 6,
    recommendations: ["Move 5 % from technology to bonds."]
  },
  "rebalance-recommendation": {
    current_allocation: shares,
    target_allocation: shares,
    trades: [{ action: "buy", symbol: "BND", quantity: "3.25" }],
    rationale: "Bonds are below their target."
  },
  trade: { action: "sell", symbol: "SPY", quantity: "0.00000001" },
  "job-create": { clerk_user_id: "user_1", job_type: "risk_assessment", request_payload: { horizon: 20 } },
  "job-update": { status: "completed", charts_payload: charts, summary_payload: summary },
  "job-state": jobState,
  job: {
    ...jobState,
    request_payload: null,
    report_payload: { content: "Fine" },
    charts_payload: charts,
    retirement_payload: "other programs may write what they like",
    summary_payload: summary
  },
  chart,
  "report-payload": { content: "## Summary", agent: "reporter" },
  "charts-payload": charts,
  "retirement-payload": { analysis: "You are on track.", success_rate: 87.5, projected_value: "1250000.5" },
  "summary-payload": summary
}

describe.each(dialects)("in the dialect %s", (dialect) => {
  it.effect.each(schemaNames)("%s keeps the rules of the dialect", (name) =>
    Effect.sync(() => assert.deepStrictEqual(violations(schemas[name](dialect).jsonSchema, dialect), []))
  )

  it.effect.each(schemaNames)("a good %s fits its document, and comes back from its codec unchanged", (name) =>
    Effect.gen(function* () {
      const { codec: domain } = schemas[name]("json-schema")
      const { codec, jsonSchema } = schemas[name](dialect)
      const value = yield* Schema.decodeUnknownEffect(domain, strict)(good[name])
      const document = yield* Schema.encodeUnknownEffect(codec)(value)
      assert.deepStrictEqual(mismatches(jsonSchema, document), [])
      const read = yield* Schema.decodeUnknownEffect(codec, strict)(JSON.parse(JSON.stringify(document)))
      assert.deepStrictEqual(yield* Schema.encodeUnknownEffect(domain)(read), good[name])
    })
  )

  it.effect.each<readonly [SchemaName, string, object]>([
    ["portfolio-analysis", "a field that nobody knows", { mood: "good" }],
    ["portfolio-analysis", "money as a number", { total_value: 104875 }],
    ["portfolio-analysis", "a sector as text", { sector_allocation: "technology" }],
    [
      "rebalance-recommendation",
      "a trade of a third kind",
      { trades: [{ action: "hold", symbol: "A", quantity: "1" }] }
    ],
    ["rebalance-recommendation", "an exponent", { trades: [{ action: "buy", symbol: "A", quantity: "1e3" }] }],
    ["report-payload", "no content", { content: undefined }],
    ["instrument-classification", "a type outside the vocabulary", { instrument_type: "nft" }]
  ])("a document refuses a %s with %s, and so does the codec", ([name, , change]) =>
    Effect.gen(function* () {
      const { codec, jsonSchema } = schemas[name](dialect)
      const value = yield* Schema.decodeUnknownEffect(schemas[name]("json-schema").codec)(good[name])
      const document = { ...Object(yield* Schema.encodeUnknownEffect(codec)(value)), ...change }
      const sent: unknown = JSON.parse(JSON.stringify(document))
      const lookedAround = "trades" in change && JSON.stringify(change).includes("1e3") && dialect !== "json-schema"
      if (!lookedAround) assert.isNotEmpty(mismatches(jsonSchema, sent))
      yield* Effect.flip(Schema.decodeUnknownEffect(codec, strict)(sent))
    })
  )
})

describe("what a document can't say", () => {
  it.effect(
    "percentages that do not sum to 100 fit the document, whose description says so, and fail on decoding",
    () =>
      Effect.gen(function* () {
        const { codec, jsonSchema } = schemas["instrument-classification"]("openai")
        assert.include(JSON.stringify(jsonSchema), "sum to 100")
        const read = yield* Schema.decodeUnknownEffect(schemas["instrument-classification"]("json-schema").codec)(
          good["instrument-classification"]
        )
        const document = Object(yield* Schema.encodeEffect(codec)(read))
        const wrong = { ...document, allocation_regions: document.allocation_regions.slice(0, 1) }
        assert.deepStrictEqual(mismatches(jsonSchema, wrong), [])
        const error = yield* Effect.flip(Schema.decodeUnknownEffect(codec, strict)(wrong))
        assert.include(error.message, "expected percentages that sum to 100 (within 0.05), found a sum of 60")
        assert.include(error.message, '["allocation_regions"]')
      })
  )

  it.effect("an update says that null leaves a field as it is where a field can't be left out", () =>
    Effect.gen(function* () {
      const { codec, jsonSchema } = schemas["user-update"]("openai")
      assert.include(String(jsonSchema["description"]), "null leaves a field as it is")
      const document = {
        display_name: null,
        years_until_retirement: 5,
        target_retirement_income: null,
        asset_class_targets: null,
        region_targets: null
      }
      assert.deepStrictEqual(yield* Schema.decodeEffect(codec, strict)(document), { years_until_retirement: 5 })
    })
  )

  it.effect("a chart key that comes twice is refused", () =>
    Effect.gen(function* () {
      const { codec } = schemas["charts-payload"]("anthropic")
      const listed = { key: "classes", ...chart, description: null }
      const error = yield* Effect.flip(Schema.decodeEffect(codec, strict)({ charts: [listed, listed] }))
      assert.include(error.message, "expected each key only once")
    })
  )
})
