/** Operations in sessions of every kind: search paths and time zones that a role or a database brings along. */
import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { literal, quotedName } from "../../src/data-api/statement/Quoting.ts"
import { adviceOn } from "../../src/operations/database/Advice.ts"
import {
  Doctor,
  Drift,
  ForeignTables,
  Mark,
  Migrate,
  Plan,
  Repair,
  Reset,
  Seed,
  Target,
  Verify
} from "../../src/operations/index.ts"
import * as Migration from "../../src/operations/migrate/Migration.ts"
import { createdObjects } from "../../src/operations/migrate/statements/CreatedObjects.ts"
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

  it.effect("a backslash in a string is one, whether or not the database takes it for an escape", () =>
    Effect.gen(function* () {
      yield* execute(...originalDatabase)
      yield* Migrate.migrate()
      assert.deepStrictEqual(yield* Drift.drift(), [])
      const text = `\\'; drop table jobs; --\n\\\\n`
      yield* execute(`comment on table users is ${literal(text)}`)
      const sql = yield* SqlClient.SqlClient
      assert.deepStrictEqual(yield* sql`select obj_description('users'::regclass) as comment`, [{ comment: text }])
    }).pipe(Effect.provide(postgresWith({ standard_conforming_strings: "off" })))
  )

  it.effect("a generated column over a time is suggested with the time in UTC, whatever a backslash means", () =>
    Effect.gen(function* () {
      yield* execute(
        ...originalDatabase,
        "alter table jobs add column day date generated always as (created_at::date) stored"
      )
      const { adoption } = yield* Plan.plan()
      assert.deepStrictEqual(
        adoption?.obstacles.map(({ redo }) => redo),
        ["ALTER TABLE jobs ADD COLUMN day date GENERATED ALWAYS AS (((created_at AT TIME ZONE 'UTC'))::date) STORED;"]
      )
    }).pipe(Effect.provide(postgresWith({ standard_conforming_strings: "off" })))
  )

  it.effect("a database that prints every name in quotes is no other one", () =>
    Effect.gen(function* () {
      yield* execute(...originalDatabase)
      yield* Migrate.migrate()
      assert.deepStrictEqual(yield* Drift.drift(), [])
      yield* execute(
        "alter table jobs drop constraint jobs_status_check",
        "drop index idx_jobs_queue",
        "alter table users alter column region_targets drop default, alter column display_name type text"
      )
      const repaired = yield* Repair.repair({ drift: true })
      assert.lengthOf(repaired.repaired, 4)
      assert.deepStrictEqual(yield* Drift.drift(), [])
      yield* Reset.reset({ withTestData: true, confirm: "alex" })
      assert.deepStrictEqual(yield* Drift.drift(), [])
    }).pipe(Effect.provideService(Target, server), Effect.provide(postgresWith({ quote_all_identifiers: "on" })))
  )

  it.effect(
    "a function of another application's with a name of Alex's is one where every name is printed in quotes",
    () =>
      Effect.gen(function* () {
        yield* execute("create function is_allocation(shares jsonb) returns boolean language sql as 'select true'")
        for (const operation of [Effect.asVoid(Migrate.migrate()), Effect.asVoid(Reset.reset())]) {
          const { message } = yield* Effect.flip(operation)
          assert.include(message, 'the function "is_allocation" is another application\'s')
        }
        yield* execute("drop function is_allocation")
        yield* Migrate.migrate()
        yield* execute(
          "create table shares (a jsonb)",
          "create rule kept as on insert to shares do also select is_allocation(new.a)"
        )
        assert.include((yield* Effect.flip(Effect.asVoid(Reset.reset()))).message, "shares")
      }).pipe(Effect.provideService(Target, server), Effect.provide(postgresWith({ quote_all_identifiers: "on" })))
  )

  it.effect("a role that may not create tables is told so by check and doctor, and by neither to migrate", () =>
    Effect.gen(function* () {
      const role = `alex_reader_${randomUUID().slice(0, 8)}`
      yield* execute(`create role ${role}`)
      const sql = yield* SqlClient.SqlClient
      const asRole = <A, E, R>(work: Effect.Effect<A, E, R>) =>
        sql.withTransaction(Effect.andThen(execute(`set local role ${role}`), work))
      const { next, check } = yield* asRole(Doctor.examine())
      assert.strictEqual(check.problem?.code, "privilege")
      assert.match(check.problem?.fix ?? "", /GRANT CREATE ON SCHEMA/)
      assert.deepStrictEqual(next, {
        why: check.problem?.problem ?? "",
        fix: check.problem?.fix ?? "",
        command: null
      })
      yield* Migrate.migrate()
      yield* execute(`grant select on all tables in schema public to ${role}`)
      assert.isNull((yield* asRole(Doctor.examine())).check.problem)
      yield* execute(`drop owned by ${role}`, `drop role ${role}`)
    }).pipe(Effect.provideService(Target, server), Effect.provide(postgresWith({})))
  )

  it.effect("a role that may not use the schema is told so, and neither to set the search path nor to migrate", () =>
    Effect.gen(function* () {
      const role = `alex_barred_${randomUUID().slice(0, 8)}`
      yield* execute(`create role ${role}`, "revoke usage on schema public from public")
      const sql = yield* SqlClient.SqlClient
      for (const path of ["public", '"$user", public', 'nowhere, "public"']) {
        const asRole = execute(`set local role ${role}`, `set local search_path = ${path}`)
        const adviceFor = <A, E, R>(operation: Effect.Effect<A, E, R>) =>
          Effect.map(Effect.flip(Effect.asVoid(sql.withTransaction(Effect.andThen(asRole, operation)))), adviceOn)
        const advice = [
          yield* adviceFor(Migrate.migrate()),
          yield* adviceFor(Migrate.status()),
          yield* adviceFor(Plan.plan()),
          yield* adviceFor(Reset.plan()),
          yield* adviceFor(Doctor.examine()),
          yield* adviceFor(ForeignTables.explain(sql.withTransaction(sql`select clerk_user_id from jobs`)))
        ]
        const problem = "The database's role lacks a privilege: permission denied for schema public"
        for (const one of advice) assert.deepInclude(one, { code: "privilege", problem }, path)
      }
      yield* execute(`drop role ${role}`)
    }).pipe(Effect.provideService(Target, server), Effect.provide(postgresWith({})))
  )

  it.effect("row security that somebody turned on stays, unless what no migration creates is to be removed", () =>
    Effect.gen(function* () {
      yield* Migrate.migrate()
      yield* Seed.seed()
      yield* execute("alter table users enable row level security", "alter table jobs force row level security")
      const before = yield* Doctor.examine()
      assert.strictEqual(before.next?.command, "alex-db repair --drift --dry-run")
      const careful = yield* Repair.repair()
      assert.deepStrictEqual(careful.repaired, [])
      assert.deepStrictEqual(careful.left, ["row security of table jobs", "row security of table users"])
      yield* execute("alter table jobs set unlogged")
      assert.strictEqual((yield* Doctor.examine()).next?.command, "alex-db repair --dry-run")
      const logged = yield* Repair.repair()
      assert.deepStrictEqual(
        logged.repaired.map(({ statements }) => statements),
        [["alter table jobs set logged"]]
      )
      assert.lengthOf((yield* Repair.repair({ drift: true })).repaired, 2)
      assert.deepStrictEqual(yield* Drift.drift(), [])
    }).pipe(Effect.provideService(Target, server), Effect.provide(postgresWith({})))
  )

  it.effect("a schema whose name must be quoted holds Alex as well as any other", () =>
    Effect.gen(function* () {
      yield* execute('create schema "MyApp"')
      yield* Migrate.migrate()
      assert.deepStrictEqual(yield* Drift.drift(), [])
      yield* Seed.seedPortfolio().pipe(Effect.andThen(Seed.seed()), Effect.ignore)
      assert.lengthOf((yield* Reset.reset()).dropped, 8)
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

  it.effect.each(["nowhere", "", "pg_temp, public", "pg_catalog", "postgres, public"])(
    "a search path that leads nowhere, or elsewhere, is what the advice is about: %s",
    (path) =>
      Effect.gen(function* () {
        // Behind the schema "postgres" there is something that tables there would hide.
        yield* execute("create schema postgres", "create table public.positions (id int)")
        const { next, check } = yield* Doctor.examine().pipe(Effect.provideService(Target, server))
        assert.deepInclude(check.problem, { code: "schema" })
        assert.match(check.problem?.fix ?? "", /^Set search_path to the one schema of Alex's tables, /)
        assert.deepStrictEqual(next, {
          why: check.problem?.problem ?? "",
          fix: check.problem?.fix ?? "",
          command: null
        })
        const refusals = [
          yield* Effect.flip(Migrate.migrate()),
          yield* Effect.flip(Plan.plan()),
          yield* Effect.flip(Repair.repair()),
          yield* Effect.flip(Reset.reset()),
          yield* Effect.flip(Mark.baseline()),
          yield* Effect.flip(ForeignTables.refuse())
        ]
        for (const advice of refusals.map((refusal) => adviceOn(refusal))) {
          assert.strictEqual(advice.fix, check.problem?.fix)
          assert.include(["schema", "migration-refused"], advice.code)
        }
      }).pipe(Effect.provide(postgresWith({ search_path: path })))
  )

  it.effect("a lost journal is written again by baseline, and single lines of it by mark", () =>
    Effect.gen(function* () {
      const { applied } = yield* Migrate.migrate()
      yield* execute("drop table alex_migrations")
      assert.include((yield* Effect.flip(Migrate.migrate())).message, "alex-db migrate baseline")
      assert.include((yield* Effect.flip(Mark.baseline({ to: 99 }))).message, "no migration 99")
      assert.lengthOf((yield* Mark.baseline()).marked, applied.length)
      assert.isTrue((yield* Migrate.status()).current)
      assert.include((yield* Effect.flip(Mark.baseline())).message, "there is a journal already")
      yield* Mark.mark("4", { applied: false })
      assert.strictEqual((yield* Migrate.status()).problems[0]?.kind, "out of order")
      yield* Mark.mark("004_jobs_newest_first", { applied: true })
      assert.isTrue((yield* Migrate.status()).current)
      assert.include((yield* Effect.flip(Mark.mark("x", { applied: true }))).message, "there is no migration x")
      yield* execute(
        "insert into alex_migrations (name, checksum, duration_ms, version) values ('002_gone', 'x', 1, '')"
      )
      yield* Mark.mark("002_gone", { applied: false })
      assert.isTrue((yield* Migrate.status()).current)
    }).pipe(Effect.provide(postgresWith({})))
  )

  it.effect.each([
    ["app", "-c search_path=app"],
    ["My Schéma", '-c search_path="My\\ Schéma"'],
    ['a "b" \\', '-c search_path="a\\ ""b""\\ \\\\"']
  ] as const)(
    "tables in the schema %s, which is not in the search path, are said to be there, with the option",
    ([schema, option]) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create schema ${sql(schema)}`
        yield* Migrate.migrate()
        const elsewhere = Effect.andThen(execute("set local search_path to public"), Migrate.status())
        const { warnings } = yield* sql.withTransaction(elsewhere)
        const [, given = ""] = /^Alex's tables are in the schema .*options=(\S+)$/.exec(warnings[0] ?? "") ?? []
        assert.strictEqual(decodeURIComponent(given), option)
      }).pipe(Effect.provide(Layer.fresh(postgresWith({ search_path: quotedName(schema) }))))
  )

  it.effect("a database of another application's gets no journal", () =>
    Effect.gen(function* () {
      yield* execute("create table users (id integer)")
      assert.include((yield* Effect.flip(Mark.baseline())).message, "another application's")
      yield* execute("drop table users")
      assert.include((yield* Effect.flip(Mark.baseline())).message, "there is no table yet")
    }).pipe(Effect.provide(postgresWith({})))
  )

  it.effect("an adoption says which rows break which constraint, and repair validates it when they do not", () =>
    Effect.gen(function* () {
      yield* execute(...originalDatabase, "update positions set quantity = 0", "update jobs set status = 'odd'")
      const { warnings } = yield* Migrate.migrate()
      assert.match(warnings.join("\n"), /1 row of positions breaks positions_quantity_check, CHECK .*: 3f2504e0-/)
      assert.match(warnings.join("\n"), /1 row of jobs breaks jobs_status_check/)
      assert.lengthOf((yield* Repair.repair()).broken, 2)
      yield* execute("update positions set quantity = 1", "update jobs set status = 'failed'")
      assert.isTrue((yield* Repair.repair()).ok)
      assert.deepStrictEqual(yield* Drift.drift(), [])
    }).pipe(Effect.provide(postgresWith({})))
  )

  it.effect("what an operator adds, and the trigger's function in other words, are no drift", () =>
    Effect.gen(function* () {
      yield* Migrate.migrate()
      yield* Seed.seed()
      yield* execute(
        `create or replace function update_updated_at_column() returns trigger as $$
          BEGIN NEW.updated_at = CURRENT_TIMESTAMP; RETURN NEW; END; $$ language 'plpgsql'`,
        "create table notes (x integer)",
        "create view rich as select * from users",
        "alter table users add column nickname text",
        "create index further on users (nickname)",
        "create procedure tidy() language sql as 'select 1'"
      )
      const { drift, findings, ok } = yield* Verify.verify()
      assert.deepStrictEqual(drift, [])
      assert.isTrue(ok)
      const notices = findings.filter(({ check }) => check === "not in the migrations").map(({ message }) => message)
      assert.includeMembers(notices, ["table notes", "view rich", "column users.nickname", "function tidy()"])
      yield* execute("alter table users add constraint picky check (nickname <> '')")
      assert.deepStrictEqual(
        (yield* Verify.verify()).drift?.map(({ object }) => object),
        ["constraint users.picky"]
      )
    }).pipe(Effect.provide(postgresWith({})))
  )

  it.effect("the names of all indexes are known from the migrations", () =>
    Effect.gen(function* () {
      yield* Migrate.migrate({ packed: true })
      const sql = yield* SqlClient.SqlClient
      const there = yield* sql<{ readonly name: string }>`
        select indexname::text as name from pg_indexes where schemaname = 'public' and tablename <> 'alex_migrations'`
      assert.sameMembers(
        createdObjects(yield* Migration.load()).indexes.map(({ name }) => name),
        there.map(({ name }) => name)
      )
    }).pipe(Effect.provide(postgresWith({})))
  )

  it.effect("repair names the object that has the name of a missing index, and migrate has nothing to do", () =>
    Effect.gen(function* () {
      yield* Migrate.migrate({ packed: true })
      yield* execute(
        "drop index idx_jobs_status",
        "create table tasks (a integer)",
        "create index idx_jobs_status on tasks (a)"
      )
      assert.isTrue((yield* Migrate.status()).current)
      const refused = yield* Effect.flip(Repair.repair())
      assert.include(
        refused.message,
        "index idx_jobs_status of table tasks has the name of an index of Alex's table jobs"
      )
      yield* execute("alter index idx_jobs_status rename to idx_tasks_a")
      assert.isTrue((yield* Repair.repair()).ok)
    }).pipe(Effect.provide(postgresWith({})))
  )

  it.effect("repair brings back a table that was dropped from a migrated database", () =>
    Effect.gen(function* () {
      yield* Migrate.migrate()
      yield* execute("insert into users (clerk_user_id) values ('user_kept')", "drop table positions, jobs")
      assert.include((yield* Effect.flip(Migrate.migrate())).message, "alex-db repair")
      assert.isTrue((yield* Repair.repair()).ok)
      assert.deepStrictEqual(yield* Drift.drift(), [])
      assert.isTrue((yield* Migrate.status()).current)
    }).pipe(Effect.provide(postgresWith({})))
  )

  it.effect("a local database with users of its own is reset only by its name", () =>
    Effect.gen(function* () {
      yield* Reset.reset({ withTestData: true, users: 3 })
      yield* Reset.reset({ withTestData: true })
      yield* execute("insert into users (clerk_user_id) values ('user_own')")
      const plan = yield* Reset.plan()
      assert.strictEqual(plan.mustConfirm, "holds 1 user that no seed restores")
      assert.deepInclude(plan.tables, { name: "users", rows: 2 })
      const error = yield* Effect.flip(Reset.reset())
      assert.include(error.message, "Confirm with --confirm alex")
      assert.strictEqual((yield* Effect.flip(Reset.reset({ confirm: "other" })))._tag, "ResetRefused")
      yield* Reset.reset({ confirm: "alex" })
    }).pipe(Effect.provideService(Target, server), Effect.provide(postgresWith({})))
  )

  it.effect(
    "a local database with instruments, jobs or history of its own, or with additions of others, is reset only by its name",
    () =>
      Effect.gen(function* () {
        yield* Reset.reset({ withTestData: true })
        for (const [made, undo, reason] of [
          [
            "insert into instruments (symbol, name) values ('OWN', 'x'), ('OWN2', 'y')",
            "delete from instruments where symbol like 'OWN%'",
            "holds 2 instruments that no seed restores"
          ],
          [
            "insert into jobs (clerk_user_id, job_type) values ('test_user_001', 'x')",
            "delete from jobs",
            "holds 1 job that no seed restores"
          ],
          [
            "insert into price_history (symbol, day, price) values ('SPY', '2026-01-01', 1), ('SPY', '2026-01-02', 2)",
            "delete from price_history",
            "holds 2 daily prices that no seed restores"
          ],
          [
            "insert into portfolio_snapshots values ('test_user_001', '2026-01-01', 1, 0, 1, '[]', '[]', '[]', '[]')",
            "delete from portfolio_snapshots",
            "holds 1 snapshot that no seed restores"
          ],
          [
            "insert into agent_calls (clerk_user_id, tool, arguments, outcome, milliseconds, bytes) values ('u', 't', 'a', 'o', 1, 1)",
            "delete from agent_calls",
            "holds 1 agent call that no seed restores"
          ],
          [
            "create index by_tier on users (display_name)",
            "drop index by_tier",
            "has additions that no migration creates again"
          ]
        ] as const) {
          yield* execute(made)
          assert.strictEqual((yield* Reset.plan()).mustConfirm, reason)
          assert.include((yield* Effect.flip(Reset.reset())).message, reason)
          yield* execute(undo)
        }
        yield* Reset.reset()
      }).pipe(Effect.provideService(Target, server), Effect.provide(postgresWith({})))
  )

  it.effect("a reset drops no row that a policy hides from it", () => {
    const owner = `owner_${randomUUID().slice(0, 8)}`
    const elsewhere = (statement: string) => Effect.provide(execute(statement), Layer.fresh(postgresWith({})))
    const hidden = Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const rights = ["set local role none", `grant all on schema public to ${owner}`, 'create extension "uuid-ossp"']
      yield* sql.withTransaction(execute(...rights))
      yield* Reset.reset()
      yield* execute(
        "insert into users (clerk_user_id) values ('user_hidden')",
        "create policy nobody on users using (false)",
        "alter table users enable row level security, force row level security"
      )
      for (const error of [yield* Effect.flip(Reset.plan()), yield* Effect.flip(Reset.reset())]) {
        assert.match(adviceOn(error).problem, /row-level security policy for table "users"/)
      }
      yield* execute("insert into accounts (clerk_user_id, account_name) values ('user_hidden', 'x')")
      const { findings } = yield* Verify.verify({ drift: false })
      assert.deepStrictEqual(
        findings.map(({ check, message, severity }) => [severity, check, message.slice(0, 39)]),
        [["problem", "row-level security", "policies may hide rows of users from th"]]
      )
      yield* execute("alter table users no force row level security")
      assert.deepStrictEqual((yield* Verify.verify({ drift: false })).findings, [])
      assert.strictEqual((yield* Reset.plan()).mustConfirm, "holds 1 user that no seed restores")
    }).pipe(Effect.provideService(Target, server), Effect.provide(Layer.fresh(postgresWith({ role: owner }))))
    return Effect.acquireUseRelease(
      elsewhere(`create role ${owner}`),
      () => hidden,
      () => Effect.orDie(elsewhere(`drop role ${owner}`))
    )
  })

  it.effect("a database that is not local is reset only by its name, an empty one too", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Reset.plan()).mustConfirm, "is not a local database")
      const refused = yield* Effect.flip(Reset.reset())
      assert.include(refused.message, "is not a local database")
      assert.include(refused.message, "Confirm with --confirm alex")
      yield* Reset.reset({ confirm: "alex" })
    }).pipe(Effect.provideService(Target, { ...server, isLocal: false }), Effect.provide(postgresWith({})))
  )

  it.effect("a local database that was not made here is reset only by its name", () =>
    Effect.gen(function* () {
      yield* execute(...originalDatabase)
      assert.include((yield* Effect.flip(Reset.reset())).message, "was not made by this tool")
      yield* Reset.reset({ confirm: "alex" })
    }).pipe(Effect.provideService(Target, server), Effect.provide(postgresWith({})))
  )

  it.effect("the plan of a reset names what others have added to Alex's tables", () =>
    Effect.gen(function* () {
      yield* Migrate.migrate()
      assert.deepStrictEqual((yield* Reset.plan()).additions, [])
      yield* execute(
        "create function audit() returns trigger language plpgsql as 'begin return new; end'",
        "create trigger audited after insert on users for each row execute function audit()",
        "create policy mine on accounts using (true)",
        "create rule kept as on delete to jobs do instead nothing",
        "alter table users add column team text unique, add column tier text",
        "create index by_tier on users (tier)",
        "create unique index by_day on portfolio_snapshots (day, clerk_user_id)",
        "alter table positions rename constraint positions_account_id_symbol_key to as_an_orm_names_it",
        "alter table users add constraint adults check (years_until_retirement < 50), add unique (display_name)",
        "alter table users add constraint named_team check (team <> '')",
        "alter table accounts add exclude using btree (account_name with =)",
        "create table others (x integer, symbol varchar primary key)",
        "alter table positions add constraint elsewhere foreign key (symbol) references others not valid",
        "create trigger apart after insert on others for each row execute function audit()"
      )
      const { additions } = yield* Reset.plan()
      assert.deepStrictEqual(additions, [
        "column team of table users",
        "column tier of table users",
        "constraint adults on table users",
        "constraint elsewhere on table positions",
        "constraint users_display_name_key on table users",
        "index accounts_account_name_excl",
        "index by_day",
        "index by_tier",
        "policy mine on table accounts",
        "rule kept on table jobs",
        "trigger audited on table users"
      ])
    }).pipe(Effect.provideService(Target, server), Effect.provide(postgresWith({})))
  )
})
