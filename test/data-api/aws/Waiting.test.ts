import { assert, describe, it } from "@effect/vitest"
import { Waiting } from "../../../src/data-api/aws/http/Waiting.ts"

describe("Waiting", () => {
  it("gives the elements in their order, also between others that are added", () => {
    const waiting = new Waiting<number>()
    const taken: Array<number | undefined> = []
    for (let round = 0; round < 5_000; round++) {
      waiting.add(2 * round)
      waiting.add(2 * round + 1)
      taken.push(waiting.take())
    }
    for (let next = waiting.take(); next !== undefined; next = waiting.take()) taken.push(next)
    assert.deepStrictEqual(
      taken,
      Array.from({ length: 10_000 }, (_, index) => index)
    )
    assert.strictEqual(waiting.take(), undefined)
    waiting.add(7)
    assert.strictEqual(waiting.take(), 7)
  })

  it("holds three million elements, and gives them one by one", () => {
    const waiting = new Waiting<number>()
    for (let count = 0; count < 3_000_000; count++) waiting.add(1)
    let sum = 0
    for (let next = waiting.take(); next !== undefined; next = waiting.take()) sum += next
    assert.strictEqual(sum, 3_000_000)
  })
})
