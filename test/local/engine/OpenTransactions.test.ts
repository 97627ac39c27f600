import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as TestDatabase from "../../TestDatabase.ts"
import { begin, commit, execute, failure, refused, rollback, scalar } from "../calls.ts"

describe("a transaction's time", () => {
  it.effect("without a call for 3 minutes it is rolled back and its id is gone", () =>
    Effect.gen(function* () {
      yield* execute("create table idle (id int)")
      const transactionId = yield* begin
      yield* TestClock.adjust("179 seconds")
      yield* execute("insert into idle values (1)", {}, { transactionId })
      yield* TestClock.adjust("179 seconds")
      yield* execute("insert into idle values (2)", {}, { transactionId })
      yield* TestClock.adjust("180 seconds")
      assert.strictEqual((yield* refused("select 1", {}, { transactionId }))[0], "TransactionNotFound")
      assert.strictEqual((yield* failure(commit(transactionId)))._tag, "TransactionNotFound")
      assert.deepStrictEqual(yield* scalar("select count(*) from idle"), { longValue: 0 })
    }).pipe(Effect.provide(TestDatabase.layer()))
  )

  it.live("a limit below a second holds as well, for a transaction whose statement outlasts it", () =>
    Effect.gen(function* () {
      const transactionId = yield* begin
      yield* execute("select pg_sleep(0.2)", {}, { transactionId })
      yield* Effect.sleep("600 millis")
      assert.strictEqual((yield* refused("select 1", {}, { transactionId }))[0], "TransactionNotFound")
    }).pipe(Effect.provide(TestDatabase.layer({ limits: { transactionIdle: "100 millis" } })))
  )

  it.effect("it ends after its total time however busy it is", () =>
    Effect.gen(function* () {
      const transactionId = yield* begin
      for (let minute = 0; minute < 4; minute++) {
        yield* TestClock.adjust("1 minute")
        yield* execute("select 1", {}, { transactionId })
      }
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* refused("select 1", {}, { transactionId }))[0], "TransactionNotFound")
    }).pipe(Effect.provide(TestDatabase.layer({ limits: { transactionTotal: "5 minutes" } })))
  )
})

describe("the one connection of the embedded database", () => {
  it.effect("is waited for while a transaction holds it", () =>
    Effect.gen(function* () {
      const transactionId = yield* begin
      const waiting = yield* Effect.forkChild(scalar("select 1"))
      yield* TestClock.adjust("9 seconds")
      yield* rollback(transactionId)
      assert.deepStrictEqual(yield* Fiber.join(waiting), { longValue: 1 })
    }).pipe(Effect.provide(TestDatabase.layer()))
  )

  it.effect("a wait of 10 seconds fails with too many clients, and nothing was run", () =>
    Effect.gen(function* () {
      yield* execute("create table waited (id int)")
      const transactionId = yield* begin
      const waiting = yield* Effect.forkChild(Effect.flip(execute("insert into waited values (1)")))
      const beginning = yield* Effect.forkChild(Effect.flip(begin))
      yield* TestClock.adjust("10 seconds")
      for (const error of [yield* Fiber.join(waiting), yield* Fiber.join(beginning)]) {
        assert.strictEqual(error.sqlState, "53300")
        assert.strictEqual(error.didRun, "no")
        assert.isTrue(error.isRetryable)
        assert.include(error.message, "an open transaction, perhaps a stream's, holds it")
        assert.include(error.message, "within one sql.withTransaction")
      }
      yield* commit(transactionId)
      assert.deepStrictEqual(yield* scalar("select count(*) from waited"), { longValue: 0 })
    }).pipe(Effect.provide(TestDatabase.layer()))
  )
})
