import { assert, it } from "@effect/vitest"
import * as Domain from "../../src/domain/index.ts"

/** Spelled out a second time: databases hold these words already, and other programs read them. */
const vocabulary: ReadonlyArray<readonly [of: string, words: ReadonlyArray<string>, spelled: string]> = [
  [
    "job types",
    Domain.jobTypes,
    "portfolio_analysis rebalance_recommendation retirement_projection risk_assessment tax_optimization instrument_research"
  ],
  ["job statuses", Domain.jobStatuses, "pending running completed failed cancelled"],
  ["account types", Domain.accountTypes, "401k roth_ira traditional_ira taxable 529 hsa pension other"],
  ["instrument types", Domain.instrumentTypes, "etf mutual_fund stock bond bond_fund commodity reit"],
  [
    "regions",
    Domain.regions,
    "north_america europe asia latin_america africa middle_east oceania global international"
  ],
  [
    "sectors",
    Domain.sectors,
    "technology healthcare financials consumer_discretionary consumer_staples industrials energy materials utilities real_estate communication treasury corporate mortgage government_related commodities diversified other"
  ],
  ["asset classes", Domain.assetClasses, "equity fixed_income real_estate commodities cash alternatives"],
  ["sides of a trade", Domain.tradeSides, "buy sell"],
  ["types of charts", Domain.chartTypes, "pie donut bar horizontalBar"]
]

it("the words of the vocabulary stay as databases already hold them", () => {
  for (const [of, words, spelled] of vocabulary) assert.strictEqual(words.join(" "), spelled, of)
})

it("each status of a job is followed by the ones that its life allows, and by no other", () => {
  assert.deepStrictEqual(Domain.statusesBefore, {
    pending: ["failed", "cancelled"],
    running: ["pending"],
    completed: ["running"],
    failed: ["pending", "running"],
    cancelled: ["pending", "running"]
  })
})
