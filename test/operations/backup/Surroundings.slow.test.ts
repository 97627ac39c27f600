/** What stands around the rows of an application's tables: types that refuse NULL, heirs, triggers, references, settings. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { vi } from "vitest"
import { Advice, Backup, BackupReader, Restore } from "../../../src/operations/index.ts"
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
    "foreign keys and constraints of partitions, and foreign keys to partitions, keep no row out",
    Effect.gen(function* () {
      yield* execute(
        "create schema app",
        "create table app.zones (id integer primary key)",
        "create table app.facts (id integer, zone integer, up integer, k integer) partition by list (k)",
        "create table app.facts_1 partition of app.facts for values in (1)",
        "create table app.facts_2 partition of app.facts for values in (2) partition by range (id)",
        "create table app.facts_2_low partition of app.facts_2 for values from (0) to (100)",
        "create table app.facts_2_rest partition of app.facts_2 default",
        "create table app.a_note (id integer)",
        "insert into app.zones values (1)",
        "insert into app.facts values (1, 1, 2, 1), (2, -7, null, 1), (3, 1, null, 2), (300, null, null, 2)",
        "insert into app.a_note values (1)",
        "alter table app.facts_1 add primary key (id)",
        "alter table app.facts_1 add foreign key (up) references app.facts_1",
        "alter table app.facts_2 add foreign key (zone) references app.zones",
        "alter table app.facts_1 add constraint zoned foreign key (zone) references app.zones not valid",
        "alter table app.facts_1 add constraint large check (zone > 0) not valid",
        "alter table app.facts_2_rest add constraint large check (id > 100)",
        "comment on constraint large on app.facts_1 is 'since 2026'",
        "alter table app.a_note add foreign key (id) references app.facts_1"
      )
      const rules = values(`
        select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
          || coalesce(obj_description(oid, 'pg_constraint'), '')
        from pg_constraint where connamespace = 'app'::regnamespace and contype in ('f', 'c') order by 1`)
      const before = yield* rules
      const { text } = yield* written
      for (const resume of [false, true]) {
        yield* restored(text, { replace: true, resume })
        assert.deepStrictEqual(yield* rules, before)
      }
      yield* execute("truncate app.zones, app.facts, app.a_note", "alter table app.facts_1 validate constraint large")
      yield* restored(text)
      assert.deepStrictEqual(yield* rules, before)
      assert.deepStrictEqual(yield* values("select id from app.facts order by id"), [1, 2, 3, 300])
    })
  )

  live(
    "rules and triggers neither refuse nor change what is emptied and written, and are as they were afterwards",
    Effect.gen(function* () {
      yield* execute(
        "create schema app",
        "create table app.log (id integer generated always as identity, what text)",
        "create table app.things (id integer, v text)",
        "create table app.an_archive (id integer)",
        "create table app.parts (k integer) partition by list (k)",
        "create table app.one partition of app.parts for values in (1)",
        "insert into app.things values (1, 'a'), (9, 'b')",
        "insert into app.an_archive values (1)",
        "insert into app.parts values (1)",
        `create function app.refuse() returns trigger language plpgsql as $$ begin raise exception 'no %', tg_op; end $$`,
        `create function app.note() returns trigger language plpgsql as $$
          begin insert into app.log (what) values (tg_op); return null; end $$`,
        "create trigger a before truncate on app.an_archive execute function app.refuse()",
        "create trigger b after truncate or insert on app.things execute function app.note()",
        "alter table app.things enable always trigger b",
        "create trigger c before truncate on app.one execute function app.refuse()",
        "create rule also as on insert to app.things do also insert into app.log (what) values (new.v)",
        "create rule never as on insert to app.an_archive do instead nothing",
        "create rule big as on insert to app.parts where new.k > 0 do instead insert into app.log (what) values ('big')",
        "create rule off as on insert to app.parts do instead nothing",
        "alter table app.parts disable rule off",
        "alter table app.things enable always rule also"
      )
      const modes = values(`
        select tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text from pg_trigger where not tgisinternal
        union all
        select ev_class::regclass || ' ' || rulename || ' ' || ev_enabled::text from pg_rewrite
        where ev_class in (select oid from pg_class where relnamespace = 'app'::regnamespace) order by 1`)
      const before = yield* modes
      const { text } = yield* written
      for (const resume of [false, true]) {
        yield* restored(text, { replace: true, resume })
        assert.deepStrictEqual(yield* modes, before)
      }
      assert.deepStrictEqual(yield* values("select count(*)::int4 from app.log"), [0])
      assert.deepStrictEqual(yield* values("select id from app.an_archive union all select k from app.parts"), [1, 1])
    })
  )

  live(
    "columns of every name, and rows of many parts, are what they were",
    Effect.gen(function* () {
      yield* execute(
        "create schema app",
        `create table app.odd ("alex row" integer, "alex row_" text, line text, part integer, last integer, r text, s text)`,
        "insert into app.odd values (1, 'x', 'y', 2, 3, 'z', 'w'), (null, 'x', 'y', 2, 3, 'z', 'w')",
        `insert into app.odd select 5, repeat('a', 199999) || repeat('é€😀"\\\\', 300000), n::text, 0, 0, '', null from generate_series(1, 2) n`,
        "create table app.copy as select * from app.odd"
      )
      const { text } = yield* written
      yield* execute("truncate app.odd")
      yield* restored(text, { replace: true })
      assert.deepStrictEqual(
        yield* values("select count(*)::int4 from (select * from app.odd except all select * from app.copy) d"),
        [0]
      )
      assert.deepStrictEqual(yield* values("select count(*)::int4 from app.odd"), [4])
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

// ALEX_LONG=1: a row of 600 MB, which takes the server a while.
describe.skipIf(postgresUrl === undefined || process.env["ALEX_LONG"] !== "1")(onPostgres("a row of 600 MB"), () => {
  it.live("is refused by its table's name when no line holds it as JSON, or as text", () =>
    Effect.gen(function* () {
      yield* execute("create schema app", "create table app.wide (a text)")
      for (const [unit, times] of [
        ["chr(10) || chr(9)", 150_000_000],
        ["'four'", 150_000_000]
      ]) {
        yield* execute("truncate app.wide", `insert into app.wide select repeat(${unit}, ${times})`)
        const { fix, problem } = yield* Effect.flatMap(
          Effect.flip(written),
          Schema.decodeUnknownEffect(Schema.Struct({ problem: Schema.String, fix: Schema.String }))
        )
        assert.match(problem, /^a row of app\.wide has more text than the 512 MiB/)
        assert.match(fix, /octet_length/)
      }
    }).pipe(Effect.provide(Layer.fresh(postgres)))
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

describe.skipIf(postgresUrl === undefined)(onPostgres("a database of another encoding"), () => {
  const of = (encoding: string) =>
    Layer.fresh(postgresWith({}, `encoding '${encoding}' template template0 lc_collate 'C' lc_ctype 'C'`))

  it.live("gives its text and takes it back, with as many characters as it can hold", () =>
    Effect.gen(function* () {
      const made = execute("create schema app", `create table app.t (a text, "naïve" varchar(9))`)
      const filled = Effect.andThen(made, execute("insert into app.t values (repeat('é', 400000), 'Zoë')"))
      const { text } = yield* Effect.provide(Effect.andThen(filled, written), Layer.fresh(postgres))
      for (const encoding of ["SQL_ASCII", "LATIN1", "UTF8"]) {
        const { rows } = yield* Effect.provide(Effect.andThen(made, restored(text)), of(encoding))
        assert.strictEqual(rows, 1, encoding)
      }
      const wide = Effect.andThen(made, execute("insert into app.t values ('☃')"))
      const snow = yield* Effect.provide(Effect.andThen(wide, written), Layer.fresh(postgres))
      const error = yield* Effect.flip(Effect.provide(Effect.andThen(made, restored(snow.text)), of("LATIN1")))
      const { fix, problem } = Advice.adviceOn(error)
      assert.match(problem, /^t, one of the rows 1 to 1: .*no equivalent in encoding "LATIN1"/)
      assert.match(fix, /^Use a database whose encoding is UTF8/)
    })
  )

  it.live("is refused where it holds octets that are not UTF-8, with what to do", () =>
    Effect.gen(function* () {
      yield* execute("create schema app", "create table app.t (a text)", "insert into app.t values (E'\\xe9')")
      const { code, fix } = Advice.adviceOn(yield* Effect.flip(written))
      assert.strictEqual(code, "encoding")
      assert.match(fix, /SQL_ASCII takes any octets, and pg_dump copies them/)
    }).pipe(Effect.provide(of("SQL_ASCII")))
  )
})
