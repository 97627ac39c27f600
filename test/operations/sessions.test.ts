/** Operations in sessions of every kind: search paths and time zones that a role or a database brings along. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { Drift, Migrate, Reset, Seed, Target } from "../../src/operations/index.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { originalDatabase } from "./OriginalDatabase.ts"
import { execute, postgresWith } from "./TestOperations.ts"

const moments = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return yield* sql`
    select 'users' as "table", created_at, updated_at from users union all
    select 'accounts', created_at, updated_at from accounts union all
    select 'jobs', created_at, started_at from jobs order by 1`
})

const server = { backend: "postgres", database: "alex", location: "localhost:5432", isLocal: true } as const

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("sessions on PostgreSQL"), () => {
  it.effect("moments stay where they are in whatever time zone: original, adopted, and after a lost journal", () =>
    Effect.gen(function* () {
      yield* execute(...originalDatabase)
      const first = yield* Migrate.migrate()
      assert.include(first.converted, "users.created_at")
      const adopted = yield* moments
      assert.deepInclude(adopted, {
        table: "users",
        created_at: new Date("2025-03-30T01:30:00.123Z"),
        updated_at: new Date("2025-03-30T01:30:00.123Z")
      })
      yield* execute(
        "drop table alex_migrations",
        "alter table jobs drop column attempts, drop column lease_until",
        ...["users", "instruments", "accounts", "positions", "jobs"].map(
          (table) =>
            `do $$ declare rule record; begin for rule in select conname from pg_constraint
              where conrelid = '${table}'::regclass and contype = 'c' loop
              execute format('alter table ${table} drop constraint %I', rule.conname); end loop; end $$`
        )
      )
      const again = yield* Migrate.migrate()
      assert.deepStrictEqual(again.converted, [])
      assert.deepStrictEqual(yield* moments, adopted)
      assert.deepStrictEqual(yield* Drift.drift(), [])
    }).pipe(Effect.provide(postgresWith({ TimeZone: "Asia/Tokyo" })))
  )

  it.effect("only what has no zone is converted where some columns have one already", () =>
    Effect.gen(function* () {
      yield* execute(
        ...originalDatabase,
        "alter table jobs alter column created_at type timestamptz using created_at at time zone 'UTC'"
      )
      const { converted } = yield* Migrate.migrate()
      assert.notInclude(converted, "jobs.created_at")
      assert.include(converted, "jobs.started_at")
      assert.deepInclude(yield* moments, {
        table: "jobs",
        created_at: new Date("2025-10-26T01:30:00Z"),
        updated_at: new Date("2025-10-26T01:30:01Z")
      })
    }).pipe(Effect.provide(postgresWith({ TimeZone: "America/New_York" })))
  )

  it.effect("a schema whose name must be quoted holds Alex as well as any other", () =>
    Effect.gen(function* () {
      yield* execute('create schema "MyApp"')
      yield* Migrate.migrate()
      assert.deepStrictEqual(yield* Drift.drift(), [])
      yield* Seed.seedPortfolio().pipe(Effect.andThen(Seed.seed()), Effect.ignore)
      assert.lengthOf((yield* Reset.reset()).dropped, 5)
      assert.deepStrictEqual(yield* Drift.drift(), [])
    }).pipe(Effect.provide(postgresWith({ search_path: '"MyApp"' })))
  )

  it.effect("tables behind the first schema of the search path are found, and nothing is made before them", () =>
    Effect.gen(function* () {
      yield* Migrate.migrate()
      yield* execute("create schema postgres")
      for (const operation of [Effect.asVoid(Migrate.migrate()), Effect.asVoid(Reset.reset())]) {
        const error = yield* Effect.flip(operation)
        assert.include(error.message, '"public"."users"')
        assert.include(error.message, "search_path")
      }
      yield* execute("drop schema postgres")
      yield* Migrate.migrate()
    }).pipe(Effect.provide(postgresWith({ search_path: "postgres, public" })))
  )

  it.effect("tables off the search path are named in a warning", () =>
    Effect.gen(function* () {
      yield* execute("create schema here")
      yield* Migrate.migrate()
      yield* execute("alter schema here rename to elsewhere", "create schema here")
      const { warnings } = yield* Migrate.status()
      assert.match(warnings.join(), /Alex's tables are in the schema "elsewhere"/)
      assert.lengthOf((yield* Migrate.migrate()).adopted, 0)
      assert.deepStrictEqual((yield* Migrate.status()).warnings, [])
      // The extension stays in the other schema.
      assert.deepStrictEqual(yield* Drift.drift(), [])
    }).pipe(Effect.provide(postgresWith({ search_path: "here" })))
  )

  it.effect("a search path without a schema is named as such", () =>
    Effect.gen(function* () {
      for (const operation of [Effect.asVoid(Migrate.migrate()), Effect.asVoid(Reset.reset())])
        assert.include((yield* Effect.flip(operation)).message, "the search path names no schema that exists")
    }).pipe(Effect.provide(postgresWith({ search_path: "nowhere" })))
  )

  it.effect("a local database with users of its own is reset only by its name", () =>
    Effect.gen(function* () {
      yield* Reset.reset({ withTestData: true, users: 3 })
      yield* Reset.reset({ withTestData: true })
      yield* execute("insert into users (clerk_user_id) values ('user_own')")
      const plan = yield* Reset.plan()
      assert.strictEqual(plan.mustConfirm, "holds 1 user that no seed brings back")
      assert.deepInclude(plan.tables, { name: "users", rows: 2 })
      const error = yield* Effect.flip(Reset.reset())
      assert.include(error.message, "Confirm with --confirm alex")
      assert.strictEqual((yield* Effect.flip(Reset.reset({ confirm: "other" })))._tag, "ResetRefused")
      yield* Reset.reset({ confirm: "alex" })
    }).pipe(Effect.provideService(Target, server), Effect.provide(postgresWith({})))
  )

  it.effect("a local database that was not made here is reset only by its name", () =>
    Effect.gen(function* () {
      yield* execute(...originalDatabase)
      assert.include((yield* Effect.flip(Reset.reset())).message, "was not made by this tool")
      yield* Reset.reset({ confirm: "alex" })
    }).pipe(Effect.provideService(Target, server), Effect.provide(postgresWith({})))
  )
})
