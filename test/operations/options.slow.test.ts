/** Options of operations that their types forbid, as plain JavaScript and JSON send them: refused before anything is done. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { vi } from "vitest"
import { ClerkUserId } from "../../src/domain/index.ts"
import { AgentCallOperations, JobOperations, Migrate, Reset, Seed } from "../../src/operations/index.ts"
import * as Repositories from "../../src/repository/index.ts"
import { around, embedded } from "./TestOperations.ts"

// A limit ends what hangs; a busy machine is no fault.
vi.setConfig({ testTimeout: 300_000 })

// What a program without types passes.
const untyped = (value: unknown) => value as never

const services = Repositories.layer.pipe(Layer.provideMerge(Layer.mergeAll(embedded, around)))

layer(services, { timeout: "60 seconds", excludeTestServices: true })("an operation", (it) => {
  it.effect("refuses an option of another kind by its name, and does nothing", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* Migrate.migrate()
      const clerk_user_id = ClerkUserId.make("options")
      yield* (yield* Repositories.Users).create({ clerk_user_id })
      const jobs = yield* Repositories.Jobs
      const { id } = yield* jobs.create({ clerk_user_id, job_type: "portfolio_analysis" })
      yield* jobs.fail(id, "x")
      const { reset } = Reset
      const { cancel, list, requeue } = JobOperations
      const calls = {
        skipDrop: reset(untyped({ skipDrop: "true" })),
        withTestData: reset(untyped({ withTestData: 1 })),
        users: reset(untyped({ users: "10" })),
        positions: reset(untyped({ positions: Number.NaN })),
        confirm: reset(untyped({ confirm: {} })),
        dryRun: Seed.seed(untyped({ dryRun: "true" })),
        file: Seed.seedPortfolio(untyped({ file: 1 })),
        limit: list(untyped({ limit: "10" })),
        user: AgentCallOperations.list(untyped({ user: 1 })),
        ids: requeue(untyped({ ids: id })),
        results: requeue({ ids: [id] }, untyped({ results: "all" })),
        takeOver: requeue({ ids: [id] }, untyped({ takeOver: {} }))
      }
      for (const [option, call] of Object.entries(calls)) {
        const refused = yield* Effect.flip<unknown, { readonly message: string }, Effect.Services<typeof call>>(call)
        assert.include(refused.message, `${option}: expected `)
      }
      // Without a time they would be all jobs.
      for (const chosen of [null, {}, { runningFor: null }, { runningFor: undefined }, { runningFor: "x" }]) {
        assert.include((yield* Effect.flip(requeue(untyped(chosen)))).message, "runningFor: expected a duration")
      }
      for (const ids of [null, id, [1]])
        assert.include((yield* Effect.flip(cancel(untyped(ids)))).message, "ids: expected")
      const found = yield* sql`SELECT status FROM jobs`
      assert.deepStrictEqual(found, [{ status: "failed" }])
      assert.deepStrictEqual(yield* sql`SELECT 1 AS one FROM instruments`, [])
    })
  )

  it.effect("takes null for no options, and for one that is left out", () =>
    Effect.gen(function* () {
      yield* Migrate.migrate()
      assert.isAbove((yield* Seed.seed(untyped(null))).inserted.length, 0)
      assert.strictEqual((yield* Seed.seed(untyped({ file: null, dryRun: null }))).inserted.length, 0)
      yield* JobOperations.list(untyped(null))
      yield* AgentCallOperations.list(untyped({ limit: null }))
      assert.isNull((yield* Reset.reset(untyped({ users: null, skipDrop: null }))).loadData)
    })
  )
})
