/** Operations that run at the same time on one database: a reset is never seen half done. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Migrate, Reset, Seed, Verify } from "../../src/operations/index.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { embedded, postgres } from "./TestOperations.ts"

const resets = [Reset.reset({ withTestData: true }), Reset.reset({ withTestData: true }), Reset.reset({ users: 3 })]

for (const [what, database] of [
  ["the embedded database", embedded],
  ["PostgreSQL", postgres]
] as const) {
  describe.skipIf(what === "PostgreSQL" && TestDatabase.postgresUrl === undefined)(`at once on ${what}`, () => {
    it.live(
      "resets wait for each other, also the first ones of a database, and seed and migrate wait for them",
      () =>
        Effect.gen(function* () {
          yield* Effect.all(resets, { concurrency: "unbounded" })
          for (let round = 0; round < 2; round++) {
            yield* Effect.all([...resets, Seed.seed(), Migrate.migrate({ packed: true })], { concurrency: "unbounded" })
            assert.isTrue((yield* Verify.verify()).ok)
          }
        }).pipe(Effect.provide(database)),
      { timeout: 60_000 }
    )
  })
}
