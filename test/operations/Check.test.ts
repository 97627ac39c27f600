import { NodeServices } from "@effect/platform-node"
import { assert, it, layer } from "@effect/vitest"
import { Effect, Fiber, Layer, Ref } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { TestClock } from "effect/testing"
import { describe } from "vitest"
import { DataApi } from "../../src/data-api/DataApi.ts"
import { DataApiError } from "../../src/data-api/DataApiError.ts"
import { reasonOf } from "../../src/data-api/rest-json/WireFailures.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { Advice, Check, Migrate, Plan, Repair } from "../../src/operations/index.ts"
import { embedded, remote } from "./TestOperations.ts"

const on = (api: Layer.Layer<DataApi>) =>
  Layer.mergeAll(DataApiSql.layer().pipe(Layer.provide(api)), remote, NodeServices.layer)

describe("check tells apart, and says how to fix,", () => {
  it("a PostgreSQL that does not listen, and an unknown host", () => {
    const error = (code: string) =>
      new SqlError.SqlError({
        reason: new SqlError.ConnectionError({ cause: Object.assign(new Error("connect"), { code }), message: "m" })
      })
    assert.strictEqual(Advice.adviceOn(error("ECONNREFUSED")).code, "network")
    assert.match(Advice.adviceOn(error("ECONNREFUSED")).fix, /Start PostgreSQL/)
    assert.match(Advice.adviceOn(error("ENOTFOUND")).problem, /name/)
  })

  it("a failure that it does not know, in the driver's own words", () => {
    assert.deepInclude(Advice.adviceOn(new Error("strange")), { code: "unknown", problem: "strange" })
  })
})

it.effect("check waits while a paused cluster resumes", () =>
  Effect.gen(function* () {
    const calls = yield* Ref.make(0)
    const paused = reasonOf({ code: "DatabaseResumingException", status: 400, message: "" })
    const answered = reasonOf({ code: "ThrottlingException", status: 400, message: "" })
    const api = Layer.mock(DataApi, {
      executeStatement: () =>
        Effect.flatMap(
          Ref.updateAndGet(calls, (n) => n + 1),
          (n) => Effect.fail(new DataApiError({ operation: "ExecuteStatement", reason: n <= 3 ? paused : answered }))
        )
    })
    const fiber = yield* Effect.forkChild(Effect.flip(Check.found()).pipe(Effect.provide(on(api))))
    yield* TestClock.adjust("10 seconds")
    yield* Fiber.join(fiber)
    assert.strictEqual(yield* Ref.get(calls), 4)
  })
)

layer(embedded, { timeout: "60 seconds" })("check on a database that takes no writes", (it) => {
  it.effect("says so, and does not advise to migrate", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const readOnly = sql.withTransaction(Effect.andThen(sql`set transaction read only`, Check.found()))
      yield* Migrate.migrate({ to: 1 })
      const behind = yield* readOnly
      assert.isTrue(behind.reachable?.readOnly)
      assert.strictEqual(behind.problem?.code, "read-only")
      yield* Migrate.migrate()
      assert.isTrue((yield* readOnly).ok)
      assert.isFalse((yield* Check.found()).reachable?.readOnly)
    })
  )
})

layer(embedded, { timeout: "60 seconds" })("check on a database that answers", (it) => {
  it.effect("says that it has not been migrated, then that it is behind, then that all is well", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Check.found()).problem?.code, "not-migrated")
      yield* Migrate.migrate({ to: 1 })
      assert.strictEqual((yield* Check.found()).problem?.code, "behind")
      yield* Migrate.migrate()
      const report = yield* Check.found()
      assert.isTrue(report.ok)
      assert.strictEqual(report.reachable?.database, "alex")
      assert.isAbove(report.reachable?.sizeBytes ?? 0, 1_000_000)
    })
  )
})

layer(embedded, { timeout: "60 seconds" })("check on another application's database", (it) => {
  it.effect("names the tables that are not Alex's, and does not advise to migrate", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`create table users (id int primary key, email text)`
      const { ok, problem } = yield* Check.found()
      assert.isFalse(ok)
      assert.strictEqual(problem?.code, "foreign")
      assert.match(problem?.problem ?? "", /the table "users" is another application's/)
      const refusals = [
        yield* Effect.flip(Migrate.migrate()),
        yield* Effect.flip(Plan.plan()),
        yield* Effect.flip(Repair.repair())
      ]
      for (const refusal of refusals) {
        assert.match(Advice.adviceOn(refusal).problem, /^Nothing was (migrated|repaired): the table "users" is another/)
        assert.strictEqual(Advice.adviceOn(refusal).fix, problem?.fix)
      }
      assert.strictEqual(problem?.fix, Advice.onForeign(false).fix)
    })
  )
})
