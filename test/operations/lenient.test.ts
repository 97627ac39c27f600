/** Rules that rows of an adopted database break: left out, brought back, validated. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, type Layer } from "effect"
import { Migrate, Repair, Verify } from "../../src/operations/index.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { originalDatabase } from "./OriginalDatabase.ts"
import { embedded, execute, postgres } from "./TestOperations.ts"

const broken = ["update positions set quantity = 0", "update jobs set status = 'odd'"]
const correctedPositions = "update positions set quantity = 1"
const correctedJobs = "update jobs set status = 'failed'"
const others = ["update positions set as_of_date = '2025-03-01'", "update jobs set error_message = 'x'"]
const constraints = ["jobs.jobs_status_check", "positions.positions_quantity_check"] as const

const adopted = execute(...originalDatabase, ...broken)

const behaves = <E>(database: Layer.Layer<Layer.Success<typeof postgres>, E>) => {
  it.effect("without --lenient no column of such a row can be changed, which migrate says, and validate names", () =>
    Effect.gen(function* () {
      yield* adopted
      const { leftOut, warnings } = yield* Migrate.migrate()
      assert.deepStrictEqual(leftOut, [])
      assert.match(warnings.join("\n"), /1 row of jobs breaks jobs_status_check, CHECK .*: 3f2504e0-.*--lenient/)
      for (const statement of others) assert.isTrue(Exit.isFailure(yield* Effect.exit(execute(statement))), statement)
      const report = yield* Verify.verify({ validate: true })
      assert.isFalse(report.ok)
      const named = report.findings.filter(({ check }) => check === "constraints that are not validated")
      assert.match(named.map(({ message }) => message).join("\n"), /1 row of positions breaks positions_quantity_check/)
    }).pipe(Effect.provide(database))
  )

  it.effect("with --lenient the constraints are left out, which is no drift, and old rows can be changed", () =>
    Effect.gen(function* () {
      yield* adopted
      const { leftOut, warnings } = yield* Migrate.migrate({ lenient: true })
      assert.deepStrictEqual(leftOut, [...constraints])
      assert.match(
        warnings.join("\n"),
        /1 row of positions breaks positions_quantity_check, .* The constraint is left out/
      )
      yield* execute(...others, ...broken)
      const report = yield* Verify.verify()
      assert.deepStrictEqual(report.drift, [])
      assert.isTrue(report.ok, JSON.stringify(report.findings))
      assert.deepStrictEqual(
        report.findings.filter(({ check }) => check.startsWith("constraints left out")).map(({ message }) => message),
        [...constraints]
      )
      assert.isTrue((yield* Migrate.status()).current)
      const repaired = yield* Repair.repair()
      assert.isTrue(repaired.ok)
      assert.deepStrictEqual(
        repaired.leftOut.map(({ constraint, rows }) => [constraint, rows]),
        [
          ["jobs_status_check", 1],
          ["positions_quantity_check", 1]
        ]
      )
    }).pipe(Effect.provide(database))
  )

  it.effect("a constraint that was left out comes back when its rows are corrected", () =>
    Effect.gen(function* () {
      yield* adopted
      yield* Migrate.migrate({ lenient: true })
      yield* execute(correctedPositions)
      const planned = yield* Repair.repair({ dryRun: true })
      assert.deepStrictEqual([planned.validated, planned.leftOut.map(({ rows }) => rows)], [[], [1, 0]])
      assert.deepStrictEqual((yield* Repair.repair()).validated, [constraints[1]])
      yield* execute(correctedJobs)
      const report = yield* Verify.verify({ validate: true })
      assert.deepStrictEqual(
        [report.drift, report.findings.filter(({ check }) => check.startsWith("constraints"))],
        [[], []]
      )
      for (const statement of broken) assert.isTrue(Exit.isFailure(yield* Effect.exit(execute(statement))), statement)
    }).pipe(Effect.provide(database))
  )

  it.effect("constraints can be left out later, when the journal is current", () =>
    Effect.gen(function* () {
      yield* adopted
      yield* Migrate.migrate()
      assert.deepStrictEqual((yield* Migrate.migrate({ lenient: true })).leftOut, [...constraints])
      yield* execute(...others)
      assert.deepStrictEqual((yield* Verify.verify()).drift, [])
    }).pipe(Effect.provide(database))
  )
}

describe("constraints that old rows break, on the embedded database", () => {
  behaves(embedded)
})

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres("constraints that old rows break, on PostgreSQL"),
  () => {
    behaves(postgres)
  }
)
