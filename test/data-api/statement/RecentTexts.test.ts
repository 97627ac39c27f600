import { assert, it } from "@effect/vitest"
import { remember } from "../../../src/data-api/statement/RecentTexts.ts"

it("a cache by texts drops what was added longest ago, and what is added again counts as new", () => {
  const cache = new Map<string, number>()
  const after = (...texts: ReadonlyArray<string>) => {
    for (const text of texts) remember(cache, text, texts.length, 2)
    return [...cache.keys()]
  }
  assert.deepStrictEqual(after("a", "b"), ["a", "b"])
  assert.deepStrictEqual(after("a"), ["b", "a"])
  assert.deepStrictEqual(after("c"), ["a", "c"])
  assert.strictEqual(cache.get("a"), 1)
})
