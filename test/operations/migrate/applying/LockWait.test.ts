import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Random, Ref } from "effect"
import { TestClock } from "effect/testing"
import { Progress } from "../../../../src/operations/index.ts"
import * as LockWait from "../../../../src/operations/migrate/applying/LockWait.ts"

const failed = (sqlState: string) => ({ _tag: "MigrationFailed" as const, sqlState })

/** Fails so many times with this state, and says at which second each attempt was. */
const attempts = Effect.fnUntraced(function* (sqlState: string, failures: number, patience?: "1 minute") {
  const at = yield* Ref.make<ReadonlyArray<number>>([])
  const said = yield* Ref.make<ReadonlyArray<string>>([])
  const transaction = Effect.gen(function* () {
    const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    const before = (yield* Ref.getAndUpdate(at, (all) => [...all, now])).length
    return before < failures ? yield* Effect.fail(failed(sqlState)) : "applied"
  })
  const fiber = yield* transaction.pipe(
    LockWait.waitForLocks({ operation: "migrate", patience }),
    Effect.match({ onFailure: (error) => error.sqlState, onSuccess: (value) => value }),
    Effect.provideService(Progress.Progress, ({ text }) => Ref.update(said, (all) => [...all, text])),
    Effect.forkChild
  )
  yield* TestClock.adjust("1 hour")
  return { outcome: yield* Fiber.join(fiber), at: yield* Ref.get(at), said: yield* Ref.get(said) }
})

it.effect("a lock not had in time, a deadlock and a lost race are tried again, and nothing else is", () =>
  Effect.gen(function* () {
    for (const state of ["55P03", "40P01", "40001"]) {
      const { at, outcome, said } = yield* attempts(state, 3)
      assert.strictEqual(outcome, "applied", state)
      assert.strictEqual(at.length, 4, state)
      assert.strictEqual(said.length, 3)
      assert.match(said[0] ?? "", /waiting for a lock that another session holds, 0 s so far/)
    }
    for (const state of ["42P01", "57014", "55P02", "23505", ""]) {
      const { at, outcome } = yield* attempts(state, 3)
      assert.strictEqual(outcome, state)
      assert.strictEqual(at.length, 1, state)
    }
  })
)

it.effect("the patience is 5 minutes, or what was asked for, at 5 seconds and a pause a turn", () =>
  Effect.gen(function* () {
    const usual = yield* attempts("55P03", Number.POSITIVE_INFINITY)
    assert.strictEqual(usual.outcome, "55P03")
    assert.isAtLeast(usual.at.length, Math.ceil(300 / 6.5))
    assert.isAtMost(usual.at.length, 1 + Math.ceil(300 / 5.5))
    const short = yield* attempts("55P03", Number.POSITIVE_INFINITY, "1 minute")
    assert.isAtLeast(short.at.length, Math.ceil(60 / 6.5))
    assert.isAtMost(short.at.length, 1 + Math.ceil(60 / 5.5))
  })
)

it.effect("runners that wait for one lock do not come back at the same moment", () =>
  Effect.gen(function* () {
    const pauses: Array<number> = []
    for (let seed = 0; seed < 40; seed++) {
      const { at } = yield* attempts("55P03", 1).pipe(Random.withSeed(`${seed}`))
      pauses.push((at[1] ?? 0) - (at[0] ?? 0))
    }
    assert.isAtLeast(Math.min(...pauses), 500)
    assert.isAtMost(Math.max(...pauses), 1500)
    assert.isBelow(Math.min(...pauses), 600)
    assert.isAbove(Math.max(...pauses), 1400)
  })
)
