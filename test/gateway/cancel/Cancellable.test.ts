import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { cancellable } from "../../../src/gateway/cancel/Cancellable.ts"

/** A statement and its giving up, each of which ends when it is told to. */
const started = Effect.gen(function* () {
  const statement = yield* Deferred.make<string>()
  const given = yield* Deferred.make<never, string>()
  const interrupted: Array<string> = []
  let cancel: () => void = () => undefined
  const noted = <A, E>(name: string, effect: Effect.Effect<A, E>) =>
    Effect.onInterrupt(effect, () => Effect.sync(() => interrupted.push(name)))
  const fiber = yield* Effect.forkChild(
    cancellable(noted("statement", Deferred.await(statement)), noted("giveUp", Deferred.await(given)), (one) => {
      cancel = one
    }),
    { startImmediately: true }
  )
  return { statement, given, interrupted, fiber, cancel: Effect.sync(() => cancel()) }
})

describe("a statement that can be cancelled", () => {
  it.effect("gives what it comes to, as long as nobody cancels", () =>
    Effect.gen(function* () {
      const { fiber, interrupted, statement } = yield* started
      yield* Deferred.succeed(statement, "done")
      assert.strictEqual(yield* Fiber.join(fiber), "done")
      assert.deepStrictEqual(interrupted, [])
    })
  )

  it.effect("gives what it comes to, where it ends while it is given up", () =>
    Effect.gen(function* () {
      const { cancel, fiber, interrupted, statement } = yield* started
      yield* cancel
      yield* cancel
      yield* Deferred.succeed(statement, "done")
      assert.strictEqual(yield* Fiber.join(fiber), "done")
      assert.deepStrictEqual(interrupted, ["giveUp"])
    })
  )

  it.effect("is interrupted once it is given up", () =>
    Effect.gen(function* () {
      const { cancel, fiber, given, interrupted } = yield* started
      yield* cancel
      yield* Deferred.fail(given, "given up")
      assert.deepStrictEqual(yield* Fiber.await(fiber), Exit.fail("given up"))
      assert.deepStrictEqual(interrupted, ["statement"])
    })
  )

  it.effect("ends with what runs it", () =>
    Effect.gen(function* () {
      const { cancel, fiber, interrupted } = yield* started
      yield* cancel
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(interrupted.sort(), ["giveUp", "statement"])
    })
  )
})
