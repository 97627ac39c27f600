import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { assert, it, layer } from "@effect/vitest"
import { Effect, Layer, Redacted, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import { describe } from "vitest"
import { Drift, Migrate, Migration, Plan, Reset, Verify } from "../../../src/operations/index.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { originalDatabase } from "../OriginalDatabase.ts"
import { around, countRequests, embedded, execute, postgres } from "../TestOperations.ts"

/** A folder of migrations for the life of the scope. */
const folderOf = (files: Readonly<Record<string, string>>): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "alex-migrations-"))
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
      return folder
    }),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )

const migrationOf = (file: string, text: string): Migration.Migration => {
  const migration = Migration.parse(file, text)
  assert(migration !== undefined)
  return migration
}

const entryOf = ({ checksum, name }: Migration.Migration, durationMs: number | null = 1) => ({
  name,
  checksum,
  durationMs,
  appliedAt: new Date(0),
  version: "0.1.0"
})

/** What is found in an empty database. */
const empty = {
  schema: "public",
  others: [],
  tables: [],
  functions: [],
  foreign: [],
  misplaced: [],
  holders: [],
  incomplete: [],
  notices: []
}

describe("comparing the journal with the migrations", () => {
  const one = migrationOf("001_one.sql", "select 1")
  const two = migrationOf("002_two.sql", "select 2")
  const three = migrationOf("003_three.sql", "select 3")

  it("finds nothing to say about a database that is current", () => {
    const status = Migrate.compare([one, two], [entryOf(one), entryOf(two)])
    assert.isTrue(status.current)
    assert.deepStrictEqual(status.problems, [])
  })

  it("refuses to apply Alex's to a server that is too old for them, and only those", () => {
    const problemsOn = (server: string, migration: Migration.Migration, applied: boolean) =>
      Migrate.compareInstallation([migration], {
        ...empty,
        server,
        journal: applied ? [entryOf(migration)] : undefined,
        standing: applied ? "migrated" : "fresh"
      }).problems
    const own = { ...two, name: "own/002_two" }
    assert.deepStrictEqual(problemsOn("13.23", one, false), [
      {
        kind: "server",
        migration: "001_one",
        message: "the server is PostgreSQL 13.23, and Alex's tables need 14 or later"
      }
    ])
    for (const server of ["14.0", "14beta1", "18.4 (Debian 18.4-1)"])
      assert.deepStrictEqual(problemsOn(server, one, false), [], server)
    assert.deepStrictEqual([...problemsOn("13.23", one, true), ...problemsOn("13.23", own, false)], [])
  })

  it("lists what is pending, up to the number asked for", () => {
    assert.deepStrictEqual(
      Migrate.compare([one, two, three], [entryOf(one)], 2).pending.map(({ name }) => name),
      ["002_two"]
    )
  })

  it("stops at no number that is not a migration's, or that is behind what is applied", () => {
    const kinds = (to: number) => Migrate.compare([one, two, three], [entryOf(one), entryOf(two)], to).problems
    assert.match(kinds(99)[0]?.message ?? "", /no migration 99: the last one is 003/)
    assert.match(kinds(-1)[0]?.message ?? "", /no migration -1/)
    assert.match(kinds(1)[0]?.message ?? "", /002 is applied/)
    assert.deepStrictEqual([...kinds(2), ...kinds(3)], [])
  })

  it("finds a migration that was edited after it had been applied", () => {
    const edited = { ...entryOf(one), checksum: "other" }
    assert.deepStrictEqual(
      Migrate.compare([one], [edited]).problems.map(({ kind, migration }) => [kind, migration]),
      [["edited", "001_one"]]
    )
  })

  it("finds an applied migration whose file is missing", () => {
    assert.deepStrictEqual(
      Migrate.compare([one, three], [entryOf(one), entryOf(two), entryOf(three)]).problems.map((problem) => [
        problem.kind,
        problem.migration
      ]),
      [["missing", "002_two"]]
    )
  })

  it("warns of a journal that is newer than the package, and starts", () => {
    const status = Migrate.compare([one], [entryOf(one), entryOf(two)])
    assert.isTrue(status.current)
    assert.match(status.warnings.join(), /002_two is applied and not known here: this package is older/)
  })

  it("finds a migration that comes too late for its number", () => {
    assert.deepStrictEqual(
      Migrate.compare([one, two, three], [entryOf(one), entryOf(three)]).problems.map(({ kind, migration }) => [
        kind,
        migration
      ]),
      [["out of order", "002_two"]]
    )
  })

  it("takes one that was cut off for pending", () => {
    assert.deepStrictEqual(
      Migrate.compare([one, two], [entryOf(one), entryOf(two, null)]).pending.map(({ name }) => name),
      ["002_two"]
    )
  })
})

const behaviour = <E>(
  database: Layer.Layer<Layer.Success<typeof postgres>, E>,
  options: { readonly concurrently: boolean }
) => {
  layer(database, { timeout: "60 seconds" })((it) => {
    it.effect("applies every migration to an empty database, and then has nothing to do", () =>
      Effect.gen(function* () {
        const first = yield* Migrate.migrate({ version: "1.2.3" })
        assert.isAbove(first.applied.length, 3)
        assert.deepStrictEqual(yield* Migrate.migrate(), {
          applied: [],
          alreadyApplied: first.applied.length,
          adopted: [],
          converted: [],
          leftOut: [],
          warnings: []
        })
        const status = yield* Migrate.status()
        assert.isTrue(status.current)
        assert.deepStrictEqual(
          status.applied.map(({ version }) => version),
          first.applied.map(() => "1.2.3")
        )
        assert.deepStrictEqual(yield* Drift.drift(), [])
      })
    )

    it.effect("makes the same database when the statements travel packed", () =>
      Effect.gen(function* () {
        yield* Reset.reset({ packed: true })
        assert.deepStrictEqual(yield* Drift.drift(), [])
      })
    )

    it.effect("stops at the number asked for", () =>
      Effect.gen(function* () {
        const folder = yield* folderOf({
          "001_a.sql": "create table stops_a (x integer)",
          "002_b.sql": "create table stops_b (x integer)"
        })
        yield* execute("delete from alex_migrations")
        const { applied } = yield* Migrate.migrate({ folder, to: 1 })
        assert.deepStrictEqual(
          applied.map(({ name }) => name),
          ["001_a"]
        )
        assert.deepStrictEqual(
          (yield* Migrate.status({ folder })).pending.map(({ name }) => name),
          ["002_b"]
        )
      })
    )

    for (const packed of [false, true]) {
      it.effect(
        `names the line of a statement that fails and leaves nothing of it${packed ? ", packed too" : ""}`,
        () =>
          Effect.gen(function* () {
            const folder = yield* folderOf({
              "001_fails.sql": "create table half (x integer);\n\nselect 1 / 0;\n"
            })
            yield* execute("delete from alex_migrations")
            const error = yield* Effect.flip(Migrate.migrate({ folder, packed }))
            assert(error._tag === "MigrationFailed")
            assert.deepStrictEqual([error.migration, error.line, error.sqlState], ["001_fails", 3, "22012"])
            assert.include(error.message, "division by zero")
            const sql = yield* SqlClient.SqlClient
            assert.deepStrictEqual(yield* sql`select to_regclass('half')::text as half`, [{ half: null }])
            assert.deepStrictEqual(yield* sql`select name from alex_migrations`, [])
          })
      )
    }

    it.effect("keeps its journal and its session whatever a migration sets, as dumps do", () =>
      Effect.gen(function* () {
        yield* execute("delete from alex_migrations", "drop schema if exists dumped cascade")
        const folder = yield* folderOf({
          "001_dump.sql": `set statement_timeout = 0; set client_encoding = 'UTF8'; set check_function_bodies = false;
            select pg_catalog.set_config('search_path', '', false); set row_security = off; create schema dumped;
            create table dumped.t (x integer); set search_path = dumped; create table u (x integer); set role none;`,
          "002_after.sql": "create table after_dump (x integer); drop table after_dump"
        })
        for (const packed of [false, true]) {
          yield* execute("delete from alex_migrations", "drop schema if exists dumped cascade")
          const { applied } = yield* Migrate.migrate({ folder, packed })
          assert.lengthOf(applied, 2)
          const sql = yield* SqlClient.SqlClient
          assert.deepStrictEqual(
            yield* sql`select current_setting('check_function_bodies') as c, to_regclass('dumped.u') is not null as u,
              current_schema()::text as s`,
            [{ c: "on", u: true, s: "public" }]
          )
        }
        yield* execute("drop schema dumped cascade")
      })
    )

    it.effect("keeps white space inside a string, whatever its line ends", () =>
      Effect.gen(function* () {
        yield* execute("delete from alex_migrations", "drop table if exists kept")
        const folder = yield* folderOf({ "001_kept.sql": "create table kept as select 'a  \r\n b'::text as x;\r\n" })
        yield* Migrate.migrate({ folder })
        const sql = yield* SqlClient.SqlClient
        assert.deepStrictEqual(yield* sql`select x from kept`, [{ x: "a  \r\n b" }])
      })
    )

    it.effect("refuses a file whose name ends in .SQL, which would be left out", () =>
      Effect.gen(function* () {
        const folder = yield* folderOf({ "001_a.sql": "select 1", "002_b.SQL": "select 2" })
        const error = yield* Effect.flip(Migrate.migrate({ folder }))
        assert.include(error.message, "002_b.SQL must be named like 001_words.sql")
      })
    )

    it.effect("starts nothing when an applied migration was edited", () =>
      Effect.gen(function* () {
        yield* execute("delete from alex_migrations")
        const before = yield* folderOf({ "001_a.sql": "select 1" })
        yield* Migrate.migrate({ folder: before })
        const after = yield* folderOf({ "001_a.sql": "select 2", "002_b.sql": "create table never (x integer)" })
        const error = yield* Effect.flip(Migrate.migrate({ folder: after }))
        assert(error._tag === "MigrationRefused")
        assert.include(error.message, "001_a was edited")
        const sql = yield* SqlClient.SqlClient
        assert.deepStrictEqual(yield* sql`select to_regclass('never')::text as never`, [{ never: null }])
      })
    )

    it.effect("says what would run and what it locks, and changes nothing, rehearsed or not", () =>
      Effect.gen(function* () {
        yield* execute(
          "delete from alex_migrations",
          "drop table if exists planned",
          "create table planned (x integer)"
        )
        const folder = yield* folderOf({
          "001_plan.sql": "alter table planned add column y integer;\ncreate index planned_y on planned (y);"
        })
        const read = yield* Plan.plan({ folder })
        assert.deepStrictEqual(
          read.statements.map(({ line, locks }) => [line, ...locks.map(({ mode, table }) => `${table} ${mode}`)]),
          [
            [1, "planned ACCESS EXCLUSIVE"],
            [2, "planned SHARE"]
          ]
        )
        assert.include(read.statements[1]?.warnings[0] ?? "", "CONCURRENTLY")
        const tried = yield* Plan.plan({ folder, rehearse: true })
        assert.isTrue(tried.tried)
        assert.deepInclude([...(tried.statements[0]?.locks ?? [])], { table: "planned", mode: "ACCESS EXCLUSIVE" })
        assert.deepStrictEqual((yield* Migrate.status({ folder })).applied, [])
      })
    )

    it.effect.skipIf(!options.concurrently)("goes on with an index build outside a transaction that was cut off", () =>
      Effect.gen(function* () {
        yield* execute(
          "delete from alex_migrations",
          "create table outside (x integer)",
          "insert into outside values (1), (1)"
        )
        const folder = yield* folderOf({
          "001_outside.sql":
            "-- alex: no transaction\ncreate unique index concurrently if not exists outside_x on outside (x);"
        })
        // A duplicate cuts the build off and leaves an invalid index behind.
        const error = yield* Effect.flip(Migrate.migrate({ folder }))
        assert(error._tag === "MigrationFailed")
        assert.isFalse(error.rolledBack)
        yield* execute("delete from outside")
        yield* Migrate.migrate({ folder })
        const sql = yield* SqlClient.SqlClient
        assert.deepStrictEqual(
          yield* sql`select indisvalid as valid from pg_index where indexrelid = 'outside_x'::regclass`,
          [{ valid: true }]
        )
      })
    )
  })
}

describe("migrate on the embedded database", () => {
  behaviour(embedded, { concurrently: false })

  layer(embedded, { timeout: "60 seconds" })((it) => {
    it.effect("asks one question of a database that is current, and few of one that is not", () =>
      Effect.gen(function* () {
        const slow = yield* countRequests(Migrate.migrate())
        const statements = slow.result.applied.reduce((sum, { statements }) => sum + statements, 0)
        // The journal twice, its creation, and for each migration begin, claim, finish and commit.
        assert.isAtMost(slow.sent.length, statements + 4 * slow.result.applied.length + 4)
        assert.lengthOf((yield* countRequests(Migrate.migrate())).sent, 1)
      })
    )

    it.effect("resets, migrates, seeds and adds test data in 50 requests at most", () =>
      Effect.gen(function* () {
        const { sent } = yield* countRequests(Reset.reset({ withTestData: true }))
        assert.isAtMost(sent.length, 50)
      })
    )
  })
})

const rowsAsUtc = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows: Array<unknown> = []
  for (const table of ["users", "instruments", "accounts", "positions", "jobs"]) {
    rows.push(
      ...(yield* sql.unsafe(`select to_jsonb(t) - array['created_at', 'updated_at', 'started_at', 'attempts', 'lease_until'] as rest,
      to_char(t.created_at, 'YYYY-MM-DD HH24:MI:SS.US') as created,
      to_char(t.updated_at, 'YYYY-MM-DD HH24:MI:SS.US') as updated from ${table} t`))
    )
  }
  return rows
})

const adoption = <E>(database: Layer.Layer<Layer.Success<typeof postgres>, E>) =>
  layer(database, { timeout: "60 seconds" })((it) => {
    it.effect("adopts a database of the original module: every row as it was, every time the same instant", () =>
      Effect.gen(function* () {
        yield* execute(...originalDatabase)
        const before = yield* rowsAsUtc
        const { adopted, converted } = yield* Migrate.migrate()
        assert.lengthOf(converted, 12)
        assert.sameMembers([...adopted], ["users", "instruments", "accounts", "positions", "jobs"])
        assert.deepStrictEqual(yield* rowsAsUtc, before)
        const sql = yield* SqlClient.SqlClient
        assert.deepStrictEqual(yield* sql`select created_at from users`, [
          { created_at: new Date("2025-03-30T01:30:00.123Z") }
        ])
        const { drift, findings } = yield* Verify.verify()
        assert.deepStrictEqual(drift, [])
        assert.deepStrictEqual(
          findings.filter(({ severity }) => severity === "problem"),
          []
        )
      })
    )

    it.effect("refuses tables of the same names that are somebody else's, and says what differs", () =>
      Effect.gen(function* () {
        yield* execute(
          "drop table alex_migrations",
          "alter table users drop column display_name",
          "alter table accounts alter column account_purpose type integer using null"
        )
        const error = yield* Effect.flip(Migrate.migrate())
        assert(error._tag === "MigrationRefused")
        assert.include(error.message, "users.display_name is missing")
        assert.include(error.message, "accounts.account_purpose is integer, expected text")
      })
    )
  })

describe("a database without a journal, embedded", () => {
  adoption(embedded)
})

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("migrate on PostgreSQL"), () => {
  behaviour(postgres, { concurrently: true })
  adoption(postgres)

  layer(postgres, { timeout: "60 seconds" })((it) => {
    it.effect("applies each migration once when eight runners start at the same moment", () =>
      Effect.gen(function* () {
        const reports = yield* Effect.all(
          Array.from({ length: 8 }, () => Migrate.migrate()),
          { concurrency: "unbounded" }
        )
        const applied = reports.flatMap((report) => report.applied.filter(({ byAnother }) => !byAnother))
        const names = (yield* Migration.load()).map(({ name }) => name)
        assert.sameMembers(
          applied.map(({ name }) => name),
          names
        )
        assert.deepStrictEqual(yield* Drift.drift(), [])
      })
    )
  })
})

const pgDump = spawnSync("pg_dump", ["--version"]).status === 0
if (!pgDump) process.stderr.write("SKIPPED: migrate runs a dump (pg_dump is not installed)\n")

describe.skipIf(TestDatabase.postgresUrl === undefined || !pgDump)("a dump of pg_dump's as a migration", () => {
  it.live("runs, and leaves what was dumped", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.freshDatabase(TestDatabase.postgresUrl ?? "")
      yield* Migrate.migrate().pipe(
        Effect.andThen(
          execute("insert into users (clerk_user_id, display_name) values ('a;b', 'it''s; \n a -- name')")
        ),
        Effect.provide(Layer.merge(around, PgClient.layer({ url })))
      )
      const dump = spawnSync(
        "pg_dump",
        ["--inserts", "--no-owner", "--exclude-table=alex_migrations", Redacted.value(url)],
        {
          encoding: "utf8"
        }
      )
      assert.strictEqual(dump.status, 0, dump.stderr)
      // Newer versions of pg_dump begin and end with commands of psql's, which are refused by name.
      const folder = yield* folderOf({ "001_dump.sql": dump.stdout.replaceAll(/^\\(un)?restrict .*$/gm, "") })
      yield* Effect.gen(function* () {
        const { applied } = yield* Migrate.migrate({ folder })
        assert.isAbove(applied[0]?.statements ?? 0, 30)
        const sql = yield* SqlClient.SqlClient
        assert.deepStrictEqual(yield* sql`select display_name from users`, [{ display_name: "it's; \n a -- name" }])
        assert.deepStrictEqual(yield* Drift.drift(), [])
      }).pipe(Effect.provide(postgres))
    })
  )
})
