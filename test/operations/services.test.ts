/** Services of the original module at work while their database is migrated: none of their statements is given up. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { Drift, Migrate } from "../../src/operations/index.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { originalDatabase } from "./OriginalDatabase.ts"
import { around, execute } from "./TestOperations.ts"

/** What a service does in a transaction, and what it needs of the other tables afterwards, however it is ordered. */
const transactions: ReadonlyArray<readonly [first: string, then: string]> = [
  ["update accounts set account_name = 'A'", "update users set display_name = 'B'"],
  ["update users set display_name = 'B'", "update accounts set account_name = 'A'"],
  ["update jobs set status = 'failed'", "insert into users (clerk_user_id) values ('user_2')"],
  ["update positions set quantity = 2", "update instruments set name = 'C'"],
  ["delete from jobs", "delete from users"]
]

/** Until the migration waits, for a lock or for a moment when there is none. */
const migrationWaits = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const waiting = yield* sql`
    select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
      and state = 'active' and wait_event_type in ('Lock', 'Timeout')`
  return waiting.length > 0
}).pipe(Effect.repeat({ until: Boolean, schedule: Schedule.spaced("20 millis") }))

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres("services on PostgreSQL while their database is adopted"),
  () => {
    for (const [first, then] of transactions) {
      it.live(
        `a transaction goes on to its end: ${first}; ${then}`,
        () =>
          Effect.gen(function* () {
            const url = yield* TestDatabase.freshDatabase(TestDatabase.postgresUrl ?? "postgres://127.0.0.1")
            const session = () => PgClient.layer({ url, maxConnections: 1 })
            yield* Effect.gen(function* () {
              const sql = yield* SqlClient.SqlClient
              yield* execute(...originalDatabase)
              const migration = yield* sql.withTransaction(
                Effect.gen(function* () {
                  // In a deadlock this session would be the one that is ended.
                  yield* execute("set local deadlock_timeout = '10ms'", first)
                  const running = yield* Migrate.migrate().pipe(
                    Effect.provide(Layer.merge(session(), around)),
                    Effect.forkScoped
                  )
                  yield* migrationWaits.pipe(Effect.provide(session()))
                  yield* execute(then)
                  return running
                })
              )
              assert.lengthOf((yield* Fiber.join(migration)).adopted, 5)
              assert.deepStrictEqual(yield* Drift.drift(), [])
            }).pipe(Effect.scoped, Effect.provide(Layer.merge(session(), around)))
          }),
        120_000
      )
    }
  }
)
