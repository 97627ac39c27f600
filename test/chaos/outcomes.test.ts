import { assert, it, layer } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { DataApi, type Operation } from "../../src/data-api/DataApi.ts"
import {
  ConnectionLost,
  DataApiError,
  type DidRun,
  NotFound,
  type Reason,
  StatementTimeout,
  Throttled,
  TransactionNotFound
} from "../../src/data-api/DataApiError.ts"
import * as RetryPolicy from "../../src/data-api/RetryPolicy.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { Faults } from "../../src/local/faults/Faults.ts"
import { scripted } from "../data-api/scripted.ts"
import * as TestDatabase from "../TestDatabase.ts"

const message = "no"

it("each failure says whether the request ran", () => {
  const cases: ReadonlyArray<readonly [Operation, Reason, DidRun]> = [
    ["ExecuteStatement", new TransactionNotFound({ message }), "no"],
    // Its first answer may have been lost on the way, and the transaction have ended by this very commit.
    ["CommitTransaction", new TransactionNotFound({ message }), "unknown"],
    ["CommitTransaction", new NotFound({ message }), "unknown"],
    ["RollbackTransaction", new NotFound({ message }), "no"],
    ["ExecuteStatement", new StatementTimeout({ message }), "no"],
    ["ExecuteStatement", new StatementTimeout({ message, continues: true }), "yes"]
  ]
  for (const [operation, reason, expected] of cases) {
    assert.strictEqual(new DataApiError({ operation, reason }).didRun, expected, `${operation} ${reason._tag}`)
  }
})

it.effect("a write that may have run is not said to have not run, whatever becomes of its repetition", () =>
  Effect.gen(function* () {
    const { layer: api } = scripted((_, index) =>
      index === 0 ? new ConnectionLost({ message }) : new StatementTimeout({ message })
    )
    const write = Effect.flatMap(DataApi, (policy) => policy.executeStatement({ sql: "update t set x = 1" }))
    const fiber = yield* Effect.forkChild(
      Effect.flip(RetryPolicy.idempotent(write)).pipe(Effect.provide(RetryPolicy.layer().pipe(Layer.provide(api))))
    )
    yield* TestClock.adjust("5 minutes")
    const error = yield* Fiber.join(fiber)
    assert.strictEqual(error.didRun, "unknown")
    assert.strictEqual(error.reason._tag, "OutcomeUnknown")
  })
)

it.effect("a commit that certainly did not run is followed by a rollback, one that may have run is not", () =>
  Effect.gen(function* () {
    for (const [reason, ended] of [
      [new Throttled({ message }), ["CommitTransaction", "RollbackTransaction"]],
      [new ConnectionLost({ message }), ["CommitTransaction"]]
    ] as const) {
      const { layer: api, said } = scripted((call) => (call.operation === "CommitTransaction" ? reason : {}))
      const work = Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(sql`select 1`))
      yield* Effect.flip(Effect.provide(work, DataApiSql.layer().pipe(Layer.provide(api))))
      assert.deepStrictEqual(said().slice(2), [...ended])
    }
  })
)

const faulty = Layer.provideMerge(Faults.layer(), TestDatabase.layer())

layer(DataApiSql.layer({ continueAfterTimeout: true }).pipe(Layer.provideMerge(faulty)), {
  timeout: "60 seconds",
  excludeTestServices: true
})("on the embedded database, statements that go on after their time", (it) => {
  it.effect("are of no transaction that has ended: its id is used up", () =>
    Effect.gen(function* () {
      const api = yield* DataApi
      for (const end of [api.commitTransaction, api.rollbackTransaction]) {
        const { transactionId } = yield* api.beginTransaction({})
        yield* api.executeStatement({ sql: "SELECT 1", transactionId })
        yield* end({ transactionId })
        for (const again of [
          Effect.asVoid(api.executeStatement({ sql: "SELECT 1", transactionId })),
          Effect.asVoid(api.commitTransaction({ transactionId })),
          Effect.asVoid(api.rollbackTransaction({ transactionId }))
        ]) {
          assert.strictEqual((yield* Effect.flip(again)).reason._tag, "TransactionNotFound")
        }
      }
    })
  )

  it.effect("are done though their call failed, and the failure says so", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const faults = yield* Faults
      yield* sql`CREATE TABLE goes_on (n int)`
      yield* faults.set({ schedule: [{ call: 1, fault: "statement-timeout" }] })
      const error = yield* Effect.flip(sql`INSERT INTO goes_on VALUES (1)`)
      const failure = error.reason.cause
      assert.strictEqual(failure instanceof DataApiError ? failure.didRun : undefined, "yes")
      assert.strictEqual((yield* sql`SELECT * FROM goes_on`).length, 1)
    })
  )
})
