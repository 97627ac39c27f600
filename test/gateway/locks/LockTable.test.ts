import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { LockTable } from "../../../src/gateway/locks/LockTable.ts"

const ann = { name: "ann" }
const bob = { name: "bob" }
const eve = { name: "eve" }

describe("a table of advisory locks", () => {
  it("gives a lock to one owner, as often as that one asks, and others to others", () => {
    const table = new LockTable()
    assert.isTrue(table.tryTake(ann, "(1)", false))
    assert.isTrue(table.tryTake(ann, "(1)", false))
    assert.isFalse(table.tryTake(bob, "(1)", false))
    assert.isTrue(table.tryTake(bob, "(2)", false))
    table.release(ann, "(1)", false)
    assert.isFalse(table.tryTake(bob, "(1)", false), "it was taken twice")
    table.release(ann, "(1)", false)
    assert.isTrue(table.tryTake(bob, "(1)", false))
  })

  it("lets several owners share a lock, and no other", () => {
    const table = new LockTable()
    assert.isTrue(table.tryTake(ann, "(1)", true))
    assert.isTrue(table.tryTake(bob, "(1)", true))
    assert.isFalse(table.tryTake(ann, "(1)", false))
    table.release(bob, "(1)", true)
    assert.isTrue(table.tryTake(ann, "(1)", false))
    assert.isFalse(table.tryTake(bob, "(1)", true))
  })

  it("ignores a release of what is not held", () => {
    const table = new LockTable()
    table.release(ann, "(1)", false)
    assert.isTrue(table.tryTake(ann, "(1)", false))
    table.release(bob, "(1)", false)
    table.release(ann, "(1)", true)
    assert.isFalse(table.tryTake(bob, "(1)", false))
  })

  it.effect("gives a lock to those who wait, one after the other", () =>
    Effect.gen(function* () {
      const table = new LockTable()
      const order: Array<string> = []
      const waits = (owner: { readonly name: string }) =>
        Effect.forkChild(
          Effect.tap(table.take(owner, "(1)", false), () => Effect.sync(() => order.push(owner.name))),
          { startImmediately: true }
        )
      yield* table.take(ann, "(1)", false)
      const [second, third] = [yield* waits(bob), yield* waits(eve)]
      yield* Effect.yieldNow
      assert.deepStrictEqual(order, [])
      table.release(ann, "(1)", false)
      yield* Fiber.join(second)
      assert.deepStrictEqual(order, ["bob"])
      table.release(bob, "(1)", false)
      yield* Fiber.join(third)
      assert.deepStrictEqual(order, ["bob", "eve"])
    })
  )

  it.effect("gives nothing to one who waits no longer", () =>
    Effect.gen(function* () {
      const table = new LockTable()
      yield* table.take(ann, "(1)", false)
      const waiting = yield* Effect.forkChild(table.take(bob, "(1)", false), { startImmediately: true })
      yield* Fiber.interrupt(waiting)
      table.release(ann, "(1)", false)
      assert.isTrue(table.tryTake(eve, "(1)", false))
    })
  )

  it.effect("gives a lock back whose owner was interrupted at the moment of getting it", () =>
    Effect.gen(function* () {
      const table = new LockTable()
      yield* table.take(ann, "(1)", false)
      const waiting = yield* Effect.forkChild(table.take(bob, "(1)", false), { startImmediately: true })
      table.release(ann, "(1)", false)
      waiting.interruptUnsafe()
      const ended = yield* Fiber.await(waiting)
      assert.strictEqual(table.tryTake(eve, "(1)", false), ended._tag === "Failure")
    })
  )
})
