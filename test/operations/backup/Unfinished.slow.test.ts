/** A restore that was cut off while it migrated an empty database goes on there. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { vi } from "vitest"
import { Backup, BackupFile, BackupReader, Migrate, Progress, Reset, Restore } from "../../../src/operations/index.ts"
import { embedded, execute } from "../TestOperations.ts"

// Each test works through whole databases, on a machine that may have other work.
vi.setConfig({ testTimeout: 300_000 })

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-unfinished-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const onFresh = Effect.provide(Layer.fresh(embedded))

it.live("a restore finishes the migrations of a database without rows, and leaves one with rows alone", () =>
  Effect.gen(function* () {
    const file = join(yield* folder, "alex.jsonl")
    const { rows, tables } = yield* Effect.andThen(Reset.reset({ withTestData: true }), Backup.backup(file)).pipe(
      onFresh
    )
    const restored = (options: Restore.RestoreOptions) =>
      Effect.flatMap(BackupReader.read(file, BackupFile.bytesOf(file)), (backup) => Restore.restore(backup, options))
    for (const to of [1, 2, 4, 6]) {
      for (const resume of [true, false]) {
        const report = yield* Effect.andThen(Migrate.migrate({ to }), restored({ resume })).pipe(onFresh)
        assert.deepStrictEqual([report.rows, report.tables], [rows, tables])
      }
    }
    const occupied = Effect.andThen(
      Migrate.migrate({ to: 4 }),
      execute("insert into users (clerk_user_id) values ('user_ann')")
    )
    const refused = yield* Effect.flip(Effect.andThen(occupied, restored({ replace: true })).pipe(onFresh))
    assert.include(refused.message, "it is older than the backup: 005_job_queue")
  })
)

it.live("a restore that was cut off does not go on where its rows are gone or have changed", () =>
  Effect.gen(function* () {
    const file = join(yield* folder, "alex.jsonl")
    const { rows } = yield* Effect.andThen(Reset.reset({ withTestData: true }), Backup.backup(file)).pipe(onFresh)
    const read = Effect.suspend(() => BackupReader.read(file, BackupFile.bytesOf(file)))
    const others = [
      Reset.reset({ withTestData: true }),
      execute("delete from instruments where symbol = (select min(symbol) from instruments)"),
      execute("insert into users (clerk_user_id) values ('user_bob')")
    ]
    yield* Effect.forEach(others, (other) =>
      Effect.gen(function* () {
        const whole = yield* read
        const cut = { ...whole, rows: Stream.concat(Stream.take(whole.rows, rows - 3), Stream.fail("cut off")) }
        assert.strictEqual(yield* Effect.flip(Restore.restore(cut, { resume: true })), "cut off")
        yield* other
        const { message } = yield* Effect.flip(Restore.restore(yield* read, { resume: true, verify: false }))
        assert.match(message, /are not the \d+ that the unfinished restore has written.*Start again with --replace/s)
        const again = yield* Restore.restore(yield* read, { resume: true, replace: true })
        assert.deepStrictEqual([again.resumedAt, again.rows], [0, rows])
      }).pipe(onFresh)
    )
  })
)

it.live("another application's table of the name of a restore's progress is let be", () =>
  Effect.gen(function* () {
    const file = join(yield* folder, "alex.jsonl")
    yield* execute("create table alex_restore (id integer)")
    const { rows } = yield* Effect.andThen(Reset.reset({ withTestData: true }), Backup.backup(file))
    const backup = yield* BackupReader.read(file, BackupFile.bytesOf(file))
    assert.strictEqual((yield* Restore.restore(backup, { replace: true })).rows, rows)
  }).pipe(onFresh)
)

it.live("a restore says which table it locks, since it may have to wait for other sessions there", () =>
  Effect.gen(function* () {
    const file = join(yield* folder, "alex.jsonl")
    yield* Effect.andThen(Migrate.migrate({ packed: true }), Backup.backup(file))
    const steps: Array<string> = []
    const listener = ({ text }: Progress.Step) => Effect.sync(() => void steps.push(text))
    const backup = yield* BackupReader.read(file, BackupFile.bytesOf(file))
    yield* Restore.restore(backup).pipe(Effect.provideService(Progress.Progress, listener))
    assert.include(steps, "locking users, for which other sessions may have to end")
  }).pipe(onFresh)
)

const parts =
  "create table app.parts (id integer primary key, whole integer constraint whole_fkey references app.parts)"
const labels = "create table app.labels (part integer constraint part_check check (part > 0), label text)"
const trigger = "create trigger labelled before insert on app.labels for each row execute function app.same()"
const same = "create function app.same() returns trigger language plpgsql as 'begin return new; end'"

it.live(
  "--replace starts again where the tables of an unfinished restore were created again, or lost what it had dropped",
  () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "app.jsonl")
      const made = execute("create schema app", same, parts, labels, trigger)
      const filled = execute("insert into app.parts values (1, 2), (2, 1)", "insert into app.labels values (1, 'a')")
      yield* Effect.andThen(Effect.andThen(made, filled), Backup.backup(file, { schema: "app" })).pipe(onFresh)
      const read = Effect.suspend(() => BackupReader.read(file, BackupFile.bytesOf(file)))
      const others = [
        ["drop table app.parts", parts],
        ["drop table app.labels", labels],
        ["alter table app.parts add constraint whole_fkey foreign key (whole) references app.parts"],
        ["drop trigger labelled on app.labels"]
      ]
      yield* Effect.forEach(others, (other) =>
        Effect.gen(function* () {
          yield* made
          const whole = yield* read
          const cut = { ...whole, rows: Stream.fail("cut off") }
          assert.strictEqual(yield* Effect.flip(Restore.restore(cut, { resume: true })), "cut off")
          yield* execute(...other)
          const again = yield* Restore.restore(yield* read, { replace: true })
          assert.strictEqual(again.rows, 3)
        }).pipe(onFresh)
      )
    })
)
