/** Migrations of the user's own, in the same machinery and the same journal. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { Mark, Migrate, NewMigration, Plan, Reset, Verify } from "../../../src/operations/index.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { embedded, execute, postgres } from "../TestOperations.ts"

const folderWith = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>) {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-own-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true }))
  )
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(folder, name), sql)
  return folder
})

const reports = {
  "001_reports.sql": "create table reports (id integer primary key, clerk_user_id varchar(255));",
  "002_by_user.sql": "create index reports_by_user on reports (clerk_user_id);"
}

const own = (folder: string) => ({ folder, own: true })

const behaves = <E>(database: Layer.Layer<Layer.Success<typeof postgres>, E>) =>
  layer(database, { timeout: "60 seconds" })((it) => {
    it.effect("are applied once, beside Alex's, whichever comes first", () =>
      Effect.gen(function* () {
        const folder = yield* folderWith(reports)
        assert.lengthOf((yield* Plan.plan(own(folder))).statements, 2)
        const first = yield* Migrate.migrate({ ...own(folder), to: 1 })
        assert.deepStrictEqual(
          first.applied.map(({ name }) => name),
          ["own/001_reports"]
        )
        const alexs = yield* Migrate.migrate({ packed: true })
        assert.isAbove(alexs.applied.length, 3)
        const second = yield* Migrate.migrate({ ...own(folder), packed: true })
        assert.deepStrictEqual(
          second.applied.map(({ name }) => name),
          ["own/002_by_user"]
        )
        for (const options of [{}, own(folder)]) {
          assert.deepStrictEqual((yield* Migrate.migrate(options)).applied, [])
          assert.isTrue((yield* Migrate.status(options)).current)
        }
        assert.isTrue((yield* Verify.verify()).ok)
      })
    )

    it.effect("stop when one was edited or lost, and Alex's go on", () =>
      Effect.gen(function* () {
        const folder = yield* folderWith({ "001_reports.sql": "select 1" })
        const kinds = (yield* Migrate.status(own(folder))).problems.map(({ kind }) => kind)
        assert.include(kinds, "edited")
        assert.include((yield* Effect.flip(Migrate.migrate(own(folder)))).message, "own/001_reports was edited")
        assert.isTrue((yield* Migrate.status()).current)
        yield* Mark.mark("002", { ...own(yield* folderWith(reports)), applied: false })
        yield* Mark.mark("002_by_user", { ...own(yield* folderWith(reports)), applied: true })
      })
    )

    it.effect("are marked by what the message about a lost one says, and none of Alex's in their place", () =>
      Effect.gen(function* () {
        const folder = yield* folderWith({ "002_by_user.sql": reports["002_by_user.sql"] })
        const { message } = yield* Effect.flip(Migrate.migrate(own(folder)))
        assert.include(message, "run alex-db migrate mark own/001_reports --not-applied --folder FOLDER")
        for (const name of ["own/001_reports", "own/001_schemas", "own/001"]) {
          const refused = yield* Effect.flip(Mark.mark(name, { applied: false }))
          assert.include(refused.message, `${name} is one of your own migrations: name their folder with --folder`)
        }
        assert.isTrue((yield* Migrate.status()).current)
        const marked = yield* Mark.mark("own/001_reports", { ...own(folder), applied: false })
        assert.deepStrictEqual(marked.marked, ["own/001_reports"])
        yield* Mark.mark("own/001_reports", { ...own(yield* folderWith(reports)), applied: true })
      })
    )

    it.effect("are looked for in the folder, not in the package, when it lacks the last of them", () =>
      Effect.gen(function* () {
        const folder = yield* folderWith({ "001_reports.sql": reports["001_reports.sql"] })
        const { warnings } = yield* Migrate.status(own(folder))
        const last = warnings.filter((warning) => warning.startsWith("own/002_by_user is applied"))
        assert.deepStrictEqual(last, [
          "own/002_by_user is applied, but the folder has no such file: check --folder, or fetch the newer files"
        ])
      })
    )

    it.effect("are not taken for applied where the folder has none", () =>
      Effect.gen(function* () {
        const folder = own(yield* folderWith({}))
        const refusals = [
          Effect.flip(Migrate.migrate(folder)),
          Effect.flip(Migrate.status(folder)),
          Effect.flip(Plan.plan(folder)),
          Effect.flip(Mark.baseline(folder))
        ]
        for (const refused of refusals) assert.include((yield* refused).message, "has no migration")
        yield* Mark.mark("own/002_by_user", { ...folder, applied: false })
        yield* Mark.mark("own/002_by_user", { ...own(yield* folderWith(reports)), applied: true })
      })
    )

    it.effect("stay applied when Alex's tables are reset", () =>
      Effect.gen(function* () {
        const folder = yield* folderWith(reports)
        yield* execute("insert into reports values (1, 'kept')")
        yield* Reset.reset({ confirm: "alex" })
        assert.deepStrictEqual((yield* Migrate.migrate(own(folder))).alreadyApplied, 2)
        assert.isTrue((yield* Migrate.status()).current)
        yield* execute("delete from reports")
        yield* execute("drop table users, instruments, accounts, positions, jobs cascade")
        yield* Migrate.migrate({ packed: true })
        assert.deepStrictEqual((yield* Migrate.migrate(own(folder))).alreadyApplied, 2)
      })
    )

    it.effect("get files with the next number, and none is overwritten", () =>
      Effect.gen(function* () {
        const folder = join(yield* folderWith({}), "migrations")
        const first = yield* NewMigration.create("Add reports!", folder)
        assert.strictEqual(first.name, "001_add_reports")
        assert.match(readFileSync(first.file, "utf8"), /^-- What this changes/)
        assert.strictEqual((yield* NewMigration.create("add reports", folder)).name, "002_add_reports")
        assert.include((yield* Effect.flip(NewMigration.create("!!!", folder))).message, "has no letter")
      })
    )
  })

describe("own migrations on the embedded database", () => {
  behaves(embedded)
})

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("own migrations on PostgreSQL"), () => {
  behaves(postgres)
})
