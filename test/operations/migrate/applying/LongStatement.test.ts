import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { describe } from "vitest"
import * as DataApiSql from "../../../../src/data-api/sql/DataApiSql.ts"
import { Migrate } from "../../../../src/operations/index.ts"
import { RunsOn } from "../../../../src/operations/migrate/applying/RunsOn.ts"
import * as TestDatabase from "../../../TestDatabase.ts"
import { around, execute } from "../../TestOperations.ts"

/** A Data API that gives a call up after 300 ms in place of 45 s. */
const hasty = DataApiSql.layer({ continueAfterTimeout: RunsOn }).pipe(
  Layer.provide(
    Layer.suspend(() =>
      TestDatabase.layerPostgres(TestDatabase.postgresUrl ?? "postgres://127.0.0.1", {
        limits: { statementTimeout: "300 millis" }
      })
    )
  ),
  Layer.merge(around)
)

const folderOf = (name: string, text: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "alex-migrations-"))
      writeFileSync(join(folder, name), text)
      return folder
    }),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres("a statement that takes longer than the Data API waits"),
  () => {
    layer(hasty, { timeout: "60 seconds", excludeTestServices: true })((it) => {
      it.effect("goes on to its end in a migration that is no transaction, and another runner waits for it", () =>
        Effect.gen(function* () {
          yield* execute(
            `create function slowly(x integer) returns integer immutable language plpgsql
              as 'begin perform pg_sleep(0.4); return x; end'`,
            "create table large (x integer)",
            "insert into large values (1), (2)"
          )
          const folder = yield* folderOf(
            "001_large.sql",
            "-- alex: no transaction\ncreate index concurrently if not exists large_slowly on large (slowly(x));"
          )
          const first = yield* Effect.forkChild(Migrate.migrate({ folder }))
          const { warnings } = yield* Effect.repeat(Migrate.status({ folder }), {
            until: ({ warnings }) => warnings.length > 0
          })
          assert.match(warnings.join(), /^001_large was begun at .* and has not ended/)
          const reports = [yield* Migrate.migrate({ folder }), yield* Fiber.join(first)]
          assert.deepStrictEqual(
            reports.flatMap(({ applied }) => applied).map(({ byAnother, name }) => [name, byAnother]),
            [
              ["001_large", true],
              ["001_large", false]
            ]
          )
          const sql = yield* SqlClient.SqlClient
          assert.deepStrictEqual(
            yield* sql`select indisvalid as valid from pg_index where indexrelid = 'large_slowly'::regclass`,
            [{ valid: true }]
          )
        })
      )

      it.effect("is cancelled and rolled back in one that is", () =>
        Effect.gen(function* () {
          const folder = yield* folderOf(
            "002_slow.sql",
            "create table before (x integer);\ncreate table slow as select pg_sleep(1);"
          )
          yield* execute("delete from alex_migrations")
          const error = yield* Effect.flip(Migrate.migrate({ folder }))
          assert(error._tag === "MigrationFailed")
          assert.deepStrictEqual([error.line, error.rolledBack], [2, true])
          const sql = yield* SqlClient.SqlClient
          assert.deepStrictEqual(yield* sql`select to_regclass('before')::text as before`, [{ before: null }])
        })
      )
    })
  }
)
