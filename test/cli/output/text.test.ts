/** Lines for people: lists in them end before nobody reads them. */
import { assert, it } from "@effect/vitest"
import { listed } from "../../../src/cli/output/text.ts"

const names = (many: number) => Array.from({ length: many }, (_, index) => `t${index + 1}`)

it("a line lists twenty names, and says how many there are besides", () => {
  assert.strictEqual(listed([]), "")
  assert.strictEqual(listed(names(2)), "t1, t2")
  assert.strictEqual(listed(names(20)), names(20).join(", "))
  assert.strictEqual(listed(names(21)), `${names(20).join(", ")} and 1 other`)
  assert.strictEqual(listed(names(3020)), `${names(20).join(", ")} and 3,000 others`)
})
