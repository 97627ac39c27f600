import { assert, describe, it } from "@effect/vitest"
import { storableMessage } from "../../src/domain/Job.ts"

const characters = (text: string): number => [...text].length

describe("the message of a failed job", () => {
  it("stays as it is up to 10,000 characters", () => {
    assert.strictEqual(storableMessage("x".repeat(10_000)), "x".repeat(10_000))
    assert.strictEqual(storableMessage("🦉".repeat(10_000)), "🦉".repeat(10_000))
  })

  it("is cut to 10,000 characters, and says how many there were", () => {
    for (const count of [10_001, 25_000]) {
      const stored = storableMessage("🦉".repeat(count))
      assert.strictEqual(characters(stored), 10_000)
      assert.isTrue(stored.endsWith(`🦉… [cut from ${count} characters]`))
    }
  })

  it("says that characters were replaced, within the 10,000", () => {
    const note = " [characters that can't be stored were replaced]"
    assert.strictEqual(storableMessage("a\u0000b\ud800"), `a\ufffdb\ufffd${note}`)
    const stored = storableMessage(`\u0000${"x".repeat(9_999)}`)
    assert.strictEqual(characters(stored), 10_000)
    assert.isTrue(stored.endsWith(`… [cut from 10000 characters]${note}`))
  })
})
