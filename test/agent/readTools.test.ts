import { assert, it } from "@effect/vitest"
import { PortfolioReading } from "../../src/agent/tools/readTools.ts"

it("a portfolio shows an agent what the user is called and aims at, and not the user's id", () => {
  assert.deepStrictEqual(Object.keys(PortfolioReading.fields.user.fields), [
    "display_name",
    "years_until_retirement",
    "target_retirement_income",
    "asset_class_targets",
    "region_targets"
  ])
})
