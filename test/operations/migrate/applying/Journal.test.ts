import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { Migration } from "../../../../src/operations/index.ts"
import * as Journal from "../../../../src/operations/migrate/applying/Journal.ts"
import { embedded, execute } from "../../TestOperations.ts"

const migrationOf = (text: string): Migration.Migration => {
  const migration = Migration.parse("001_outside.sql", text)
  assert(migration !== undefined)
  return migration
}

/** The claim on the one migration has been there for so long. */
const age = (interval: string) => execute(`update alex_migrations set applied_at = clock_timestamp() - ${interval}`)

layer(embedded, { timeout: "60 seconds" })((it) => {
  it.effect("a claim outside a transaction is taken over once it is 10 minutes old, unless it was finished", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql.withTransaction(Journal.create())
      const first = migrationOf("-- alex: no transaction\nvacuum")
      const edited = migrationOf("-- alex: no transaction\nvacuum analyze")
      assert.isTrue(yield* Journal.claimOutside(first, "1"))
      assert.isFalse(yield* Journal.claimOutside(first, "1"))
      yield* age("interval '9 minutes 30 seconds'")
      assert.isFalse(yield* Journal.claimOutside(first, "1"))
      yield* age("interval '10 minutes 30 seconds'")
      assert.isTrue(yield* Journal.claimOutside(edited, "1"))
      // Now it is the new runner's, with the checksum of what that one runs.
      assert.isFalse(yield* Journal.claimOutside(edited, "1"))
      assert.deepStrictEqual(yield* sql`select checksum from alex_migrations`, [{ checksum: edited.checksum }])
      yield* Journal.finish(edited)
      yield* age("interval '1 year'")
      assert.isFalse(yield* Journal.claimOutside(edited, "1"))
    })
  )

  it.effect("a claim is given back after a failure, and what was finished is not", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* execute("delete from alex_migrations")
      const migration = migrationOf("-- alex: no transaction\nvacuum")
      yield* Journal.claimOutside(migration, "1")
      yield* Journal.release(migration)
      assert.isUndefined(yield* Journal.find(migration))
      assert.isTrue(yield* sql.withTransaction(Journal.claim(migration, "1")))
      assert.isFalse(yield* sql.withTransaction(Journal.claim(migration, "1")))
      yield* Journal.release(migration)
      assert.strictEqual((yield* Journal.find(migration))?.durationMs, 0)
      assert.isAtLeast(yield* Journal.finish(migration), 1)
    })
  )
})
