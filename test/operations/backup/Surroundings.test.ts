/** What stands around the rows of an application's tables: types that refuse NULL, heirs, triggers, references, settings. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { vi } from "vitest"
import { Backup, BackupReader, Restore } from "../../../src/operations/index.ts"
import { onPostgres, postgresUrl } from "../../TestDatabase.ts"
import { embedded, execute, postgres, postgresWith } from "../TestOperations.ts"

// Each test works through whole databases, on a machine that may have other work.
vi.setConfig({ testTimeout: 300_000 })

const options = { schema: "app" }

const written = Backup.withSource(options, (source) =>
  Effect.map(Stream.runCollect(Backup.blocks(source)), (blocks) => ({ text: blocks.join(""), header: source.header }))
)

const restored = (text: string, how: Restore.RestoreOptions = {}) =>
  Effect.flatMap(
    BackupReader.read(
      "memory",
      (async function* () {
        yield Buffer.from(text)
      })()
    ),
    (source) => Restore.restore(source, how)
  )

const values = (text: string) =>
  Effect.map(
    Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(text)),
    (rows) => rows.flatMap((row) => Object.values(row))
  )

const engines = [
  { name: "embedded", layer: embedded, isThere: true },
  { name: "PostgreSQL", layer: postgres, isThere: postgresUrl !== undefined }
]

describe.each(engines)("on $name", ({ isThere, layer, name }) => {
  const live = (promise: string, run: Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
    it.live.skipIf(!isThere)(isThere ? promise : onPostgres(promise), () => Effect.provide(run, Layer.fresh(layer)))

  live(
    "columns that a backup does not have may be of a type that refuses NULL",
    Effect.gen(function* () {
      // PostgreSQL 18 computes it when the row is read.
      const virtual = name === "embedded" ? ", thrice integer generated always as (a * 3) virtual" : ""
      yield* execute(
        "create schema app",
        "create domain app.some as integer not null check (value > 0)",
        `create table app.computed (b text, twice app.some generated always as (a * 2) stored, a integer${virtual})`,
        "create table app.nothing_else (one app.some generated always as (1) stored)",
        "create table app.grown (a integer, b text)",
        "insert into app.computed (a, b) values (1, 'x'), (2, null)",
        `insert into app.computed (a, b) values (3, repeat('wide "row"', 200000))`,
        "insert into app.nothing_else default values",
        "insert into app.grown values (1, 'y')"
      )
      const { text } = yield* written
      yield* execute("alter table app.grown add column c app.some default 7")
      for (const resume of [false, true]) yield* restored(text, { replace: true, resume })
      assert.deepStrictEqual(yield* values("select array[a, twice, length(b)] from app.computed order by a"), [
        [1, 2, 1],
        [2, 4, null],
        [3, 6, 2_000_000]
      ])
      assert.deepStrictEqual(yield* values("select one from app.nothing_else"), [1])
      assert.deepStrictEqual(yield* values("select array[a, c] from app.grown"), [[1, 7]])
    })
  )

  live(
    "a constraint that was not validated comes back for the tables that inherit it",
    Effect.gen(function* () {
      yield* execute(
        "create schema app",
        "create table app.base (n integer)",
        "create table app.an_heir (m integer) inherits (app.base)",
        "insert into app.base values (1)",
        "insert into app.an_heir values (2, 3)",
        "alter table app.base add constraint large check (n > 9) not valid"
      )
      const rules = values(
        "select conrelid::regclass || ' ' || convalidated || coninhcount from pg_constraint where conname = 'large' order by 1"
      )
      const before = yield* rules
      const { text } = yield* written
      yield* restored(text, { replace: true })
      assert.deepStrictEqual(yield* rules, before)
      assert.deepStrictEqual(yield* values("select n from app.base order by n"), [1, 2])
    })
  )

  live(
    "a trigger that is disabled on one partition stays so",
    Effect.gen(function* () {
      yield* execute(
        "create schema app",
        "create table app.parts (k integer) partition by list (k)",
        "create table app.one partition of app.parts for values in (1)",
        "create table app.two partition of app.parts for values in (2) partition by list (k)",
        "create table app.two_two partition of app.two for values in (2)",
        "create function app.refuse() returns trigger language plpgsql as $$ begin raise exception 'it ran'; end $$",
        "insert into app.parts values (1), (2)",
        "create trigger refusing before insert on app.parts for each row execute function app.refuse()",
        "alter table app.one disable trigger refusing",
        "alter table app.two_two enable always trigger refusing"
      )
      const modes = values(
        "select tgrelid::regclass || tgenabled::text from pg_trigger where not tgisinternal order by 1"
      )
      const before = yield* modes
      const { text } = yield* written
      yield* restored(text, { replace: true })
      assert.deepStrictEqual(yield* modes, before)
      yield* execute(
        "alter table app.parts disable trigger refusing",
        "alter table app.two_two enable trigger refusing"
      )
      const other = yield* modes
      yield* restored(text, { replace: true })
      assert.deepStrictEqual(yield* modes, other)
    })
  )

  live(
    "rows of tables that are not in the backup stay, and one that refers to its tables is named",
    Effect.gen(function* () {
      yield* execute(
        "create schema app",
        "create schema other",
        "create table app.base (n integer primary key)",
        "create table other.heir (m integer) inherits (app.base)",
        "insert into app.base values (1)",
        "insert into other.heir values (2, 3)"
      )
      const { header, text } = yield* written
      yield* execute("insert into app.base values (4)")
      assert.deepStrictEqual((yield* restored(text, { replace: true })).replaced, [{ name: "base", rows: 2 }])
      assert.deepStrictEqual(yield* values("select n from app.base order by n"), [1, 2])
      yield* execute("create table other.refers (n integer references app.base)")
      for (const failing of [Effect.asVoid(restored(text, { replace: true })), Effect.asVoid(Restore.plan(header))]) {
        const { message } = yield* Effect.flip(failing)
        assert.include(message, "others refer to them: other.refers refers to app.base (refers_n_fkey)")
        assert.include(message, "Drop these foreign keys")
      }
    })
  )

  live(
    "what is not in a backup of a schema, and what a restore could not set, is named",
    Effect.gen(function* () {
      yield* execute(
        "create schema app",
        "create schema other",
        "create table other.parts (k integer) partition by list (k)",
        "create table app.one partition of other.parts for values in (1)",
        "create table app.base (n serial, file oid)",
        "create table other.heir () inherits (app.base)",
        "select lo_create(0)"
      )
      const { header, text } = yield* written
      assert.deepStrictEqual(
        header.leftOut.map((left) => left.slice(0, 30)),
        ["large objects (columns hold th", "one (partition of a table in a", "other.heir (in another schema,"]
      )
      yield* execute("alter sequence app.base_n_seq rename to counter")
      const report = yield* restored(text)
      assert.deepStrictEqual([report.sequences, report.missingSequences], [0, ["base_n_seq"]])
    })
  )
})

describe.skipIf(postgresUrl === undefined)(onPostgres("settings of a role"), () => {
  it.live("what the role or the database sets changes neither values nor names", () =>
    Effect.gen(function* () {
      const plain = yield* Layer.build(Layer.fresh(postgres))
      const odd = yield* Layer.build(
        Layer.fresh(postgresWith({ array_nulls: "off", quote_all_identifiers: "on", search_path: "" }))
      )
      const tables = ["create schema app", "create table app.one (a text[], b date)"]
      yield* execute(...tables, "insert into app.one values ('{a,null}', 'infinity')").pipe(
        Effect.provideContext(plain)
      )
      yield* execute(...tables).pipe(Effect.provideContext(odd))
      const { text } = yield* written.pipe(Effect.provideContext(plain))
      const there = yield* Effect.provideContext(Effect.andThen(restored(text), written), odd)
      const rows = (one: string) =>
        one
          .split("\n")
          .slice(1, -2)
          .map((line) => line.replace(/,"crc".*/, ""))
      assert.deepStrictEqual(rows(there.text), rows(text))
    })
  )
})
