import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { inject } from "vitest"
import { endure, enduredText } from "./endurance.ts"

/** An hour where `ALEX_LONG` is set. */
const seconds = process.env["ALEX_LONG"] === undefined ? 4 : 3600

it.live(
  "a service that works through pauses, failovers and lost answers holds no more at the end than at the start",
  () =>
    Effect.gen(function* () {
      const endured = yield* endure({ seconds, snapshot: inject("snapshot") })
      process.stdout.write(`${enduredText(endured)}\n`)
      const { done, end, failed, mostFibers, start } = endured
      assert.isAbove(done, 20)
      assert.isAbove(failed, 0)
      assert.strictEqual(end.sessions, 0)
      assert.isAbove(mostFibers, 3)
      assert.isAtMost(end.fibers, start.fibers)
      // Connections are kept for the next calls: a handful, however long the service has run.
      assert.isAtMost(end.sockets, 40)
      assert.isBelow(end.heapMegabytes - start.heapMegabytes, 20)
    }),
  (seconds + 60) * 1000
)
