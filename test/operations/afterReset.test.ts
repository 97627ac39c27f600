/** A database that the original module has reset after it was adopted: nothing that outlived it leads into a circle. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { SqlClient } from "effect/sql"
import { nextOf } from "../../src/cli/output/VerifySummary.ts"
import { Migrate, Repair, Verify } from "../../src/operations/index.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { originalDatabase } from "./OriginalDatabase.ts"
import { embedded, execute, postgres } from "./TestOperations.ts"

/** As its reset does: the tables that it knows go with what refers to them, and come back with rows of its own. */
const originalReset = execute(
  ...["positions", "accounts", "jobs", "instruments", "users"].map((table) => `drop table ${table} cascade`),
  "drop function update_updated_at_column() cascade",
  ...originalDatabase
)

const history = [
  "insert into users (clerk_user_id) values ('user_gone')",
  "insert into instruments (symbol, name) values ('GONE', 'Gone')",
  `insert into portfolio_snapshots (clerk_user_id, day, cash, market_value, total, accounts, asset_classes, regions, sectors)
    values ('user_gone', '2026-01-31', 1, 1, 2, '{}', '{}', '{}', '{}'), ('user_1', '2026-01-31', 1, 1, 2, '{}', '{}', '{}', '{}')`,
  "insert into price_history values ('GONE', '2026-01-31', 1), ('SPY', '2026-01-31', 1)"
]

const behaves = <E>(database: Layer.Layer<Layer.Success<typeof postgres>, E>) => {
  it.effect(
    "verify leads to migrate, and from the history of those who are gone to the statement that ends it",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* execute(...originalDatabase)
        yield* Migrate.migrate()
        yield* execute(...history)
        yield* originalReset
        const reset = yield* Verify.verify()
        assert.strictEqual(nextOf(reset)?.command, "alex-db migrate plan")
        assert.include(
          reset.findings.map(({ message }) => message),
          "the rows can be checked only when the pending migrations are applied"
        )
        yield* Migrate.migrate()
        const adopted = yield* Verify.verify()
        assert.deepStrictEqual(
          adopted.findings.filter(({ check }) => check === "orphans").map(({ message }) => message.replace(/:.*/, "")),
          [
            "1 snapshot of no user, whom a reset by the original module dropped",
            "1 price of no instrument, which a reset by the original module dropped"
          ]
        )
        assert.strictEqual(nextOf(adopted)?.command, "alex-db repair --dry-run")
        const { broken, ok } = yield* Repair.repair()
        assert.isFalse(ok)
        for (const { look, rows } of broken) {
          assert.lengthOf(yield* sql.unsafe(look), rows)
          yield* execute(look.replace("select *", "delete"))
        }
        assert.isTrue((yield* Repair.repair()).ok)
        assert.isTrue((yield* Verify.verify()).ok)
        assert.lengthOf(yield* sql`select from portfolio_snapshots`, 1)
        assert.lengthOf(yield* sql`select from price_history`, 1)
      }).pipe(Effect.provide(database)),
    120_000
  )

  it.effect("the user's own migrations, whose changes went with the tables, are named", () =>
    Effect.gen(function* () {
      yield* Migrate.migrate()
      yield* execute(
        "insert into alex_migrations (name, checksum, duration_ms, version) values ('own/001_nickname', 'x', 1, '1.0.0')"
      )
      yield* originalReset
      const { warnings } = yield* Migrate.migrate()
      assert.match(warnings.join("\n"), /own\/001_nickname was applied to the tables that are gone/)
      assert.deepStrictEqual((yield* Migrate.migrate()).warnings, [])
    }).pipe(Effect.provide(database))
  )
}

describe("the original module's reset, embedded,", () => {
  behaves(embedded)
})

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres("the original module's reset on PostgreSQL"),
  () => {
    behaves(postgres)
  }
)
