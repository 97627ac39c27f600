/** How long sessions of the protocol over HTTP are kept. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { makeSessions } from "../../src/agent/mcp/http/HttpSessions.ts"

const opened = Effect.sync(() => {
  const ended: Array<string> = []
  return { ended, ...makeSessions("30 minutes", (id) => Effect.sync(() => void ended.push(id))) }
})

describe("sessions over HTTP", () => {
  it.effect("of a user who begins one for each call end the oldest of that user's, and none of another's", () =>
    Effect.gen(function* () {
      const { admits, begin, ended, size } = yield* opened
      yield* begin("bob", "bob")
      for (let n = 0; n < 1000; n++) yield* begin(`ann ${n}`, "ann")
      assert.deepStrictEqual(ended, [])
      // One that is used is not the oldest.
      assert.isTrue(yield* admits("ann 0", "ann"))
      for (let n = 1000; n < 1003; n++) yield* begin(`ann ${n}`, "ann")
      assert.deepStrictEqual(ended, ["ann 1", "ann 2", "ann 3"])
      assert.strictEqual(size(), 1001)
      assert.isTrue(yield* admits("bob", "bob"))
      assert.isTrue(yield* admits("ann 0", "ann"))
      assert.isFalse(yield* admits("ann 1", "ann"))
    })
  )

  it.effect("end when they have not been used for a while, and are their user's alone", () =>
    Effect.gen(function* () {
      const { admits, begin, ended, forget, size } = yield* opened
      yield* begin("ann", "ann")
      yield* begin("bob", "bob")
      assert.isFalse(yield* admits("bob", "ann"))
      yield* TestClock.adjust("20 minutes")
      assert.isTrue(yield* admits("ann", "ann"))
      yield* TestClock.adjust("10 minutes")
      assert.isTrue(yield* admits("ann", "ann"))
      assert.deepStrictEqual(ended, ["bob"])
      yield* forget("ann")
      assert.isFalse(yield* admits("ann", "ann"))
      assert.strictEqual(size(), 0)
    })
  )
})
