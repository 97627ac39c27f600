/** Tables of any application, with what is hard to write down: from each engine into each engine, and back. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { vi } from "vitest"
import { Backup, BackupReader, CopyDatabase, Restore } from "../../../src/operations/index.ts"
import { onPostgres, postgresUrl } from "../../TestDatabase.ts"
import { embedded, execute, postgres } from "../TestOperations.ts"

// Each test works through whole databases, on a machine that may have other work.
vi.setConfig({ testTimeout: 300_000 })

const wide = Array.from({ length: 1600 }, (_, index) => `c${index + 1} smallint`).join(", ")

/** The tables alone. */
const tables = [
  `create schema "Shop's"`,
  `set local search_path = "Shop's", public`,
  `create type mood as enum ('so, so', 'a "b"', '')`,
  `create type pair as (a integer, "B b" text)`,
  `create domain positive as integer check (value > 0)`,
  `create domain document as jsonb check (jsonb_typeof(value) = 'object')`,
  `create table "Mixed Case.Name" (
    "Id" bigint generated always as identity primary key, "select" text, "a.b" text, "q""q" text, t text, "alex row" text)`,
  `create table kinds (
    n numeric, f4 real, f8 double precision, d date, at timestamp, atz timestamptz, i interval, tz timetz, b bytea,
    j json, jb jsonb, u uuid, bits bit(5), vb bit varying, c char(5), bc bpchar, vc varchar(9), small "char", m money,
    ip inet, net cidr, mac macaddr, p point, poly polygon, ts tsvector, tq tsquery, r int4range, mr nummultirange,
    x xml, na name, o oid, ia integer[], ta text[], ja jsonb[], mo mood, moa mood[], co pair, coa pair[], po positive,
    doc document, lsn pg_lsn, b1 boolean, na2 numeric(12,4)[])`,
  `create table parents (id integer primary key, best_child integer)`,
  `create table children (id serial primary key, parent_id integer not null references parents)`,
  `alter table parents add constraint parents_best_child_fkey foreign key (best_child) references children`,
  `comment on constraint parents_best_child_fkey on parents is 'the child''s best'`,
  `create table tree (id integer primary key, parent integer references tree)`,
  `create table no_key (a text, b text)`,
  `create table empty_one (a integer)`,
  `create table no_columns ()`,
  `create table "one" (a text)`,
  `create table computed (a integer, twice integer generated always as (a * 2) stored, b text)`,
  `create table dropped (x integer, a integer, b text)`,
  `alter table dropped drop column x`,
  `create table parts (at date, v text) partition by range (at)`,
  `create table parts_old partition of parts for values from (minvalue) to ('2020-01-01')`,
  `create table parts_new partition of parts for values from ('2020-01-01') to (maxvalue)`,
  `create table base (a integer)`,
  `create table derived (b integer) inherits (base)`,
  `create table wide (${wide})`,
  `create table rules (n integer)`,
  `create table stamped (id integer primary key, changed timestamptz)`,
  `create function stamp() returns trigger language plpgsql as $$ begin new.changed = now(); return new; end $$`,
  `create trigger stamping before insert on stamped for each row execute function stamp()`,
  `alter table stamped enable always trigger stamping`,
  `create function is_even(integer) returns boolean language sql immutable as 'select $1 % 2 = 0'`,
  `create function is_fine(integer) returns boolean language sql immutable as 'select is_even($1)'`,
  `create table checked (n integer check (is_fine(n)))`,
  `create materialized view summary as select count(*) from no_key`,
  `create sequence alone start 7`
]

const hard = `E'line\\nbreak \\r\\n \\t \\u2028\\u2029 \\U0001F600 \\u0085 \\\\ "quoted" ''single'' {a,b} (c) \\x01\\x7f $1 :name %s'`

const rows = [
  `insert into "Mixed Case.Name" ("select", "a.b", "q""q", t) values (${hard}, '', null, 't'), ('NULL', ' ', '"', '()')`,
  `insert into kinds (n, f4, f8, d, at, atz, i, tz, b, j, jb, bits, vb, c, bc, vc, small, m, ip, r, ia, ta, ja, mo, moa, co, coa, po, doc, x, b1, na2) values
    ('NaN', 'NaN', '-Infinity', 'infinity', '-infinity', 'infinity', '-1 year 2 months -3 days 04:05:06.789', '12:00:00.000001+05:45',
     '\\x00ff0a', E'{"a" :1,\\n "a":1e400, "b":[1, 2.50]}', '{"n": 123456789012345678901234567890.12345678901234567890, "e": 1e-300, "d": {"x": [[], {}, null, "\\u2028"]}}',
     '10101', '1', 'ab', 'ab  ', 'x''y', E'\\\\', '-12.34', '10.0.0.1/8', '(,5]', '[2:3][-1:0]={{1,2},{3,null}}', '{}', array['{"a": "}"}'::jsonb, null],
     'so, so', array['', 'a "b"', null]::mood[], row(1, null), array[row(1, ${hard}), row(null, '')]::pair[], 7, '{"k": "v"}', '<a>&amp;</a>', true, '{1.0000,NaN}')`,
  `insert into kinds (n, f8, d, at, atz, tq, ts, p, poly, mr, u, ip, net, mac, na, o, lsn, co, jb, j) values
    ('1e1000', 1e-310, '4713-01-01 BC', '294276-12-31 23:59:59.999999', '0044-03-15 12:00:00.5+00 BC', 'a & !b', 'x:1A y:2', '(1,2)', '((0,0),(1,1),(2,0))',
     '{[1,2),(3,)}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '::1', '10/8', '08:00:2b:01:02:03', 'Na', 4294967295, 'FF/FF', row(null, null), '"text"', ' "\\u0041" ')`,
  `insert into kinds default values`,
  `insert into parents values (1, null), (2, null)`,
  `insert into children (parent_id) values (1), (1), (2)`,
  `update parents set best_child = 3 where id = 1`,
  `insert into tree select n, case when n > 1 then n end from generate_series(1, 50) n`,
  `update tree set parent = 51 - id`,
  `insert into no_key values ('a', 'b'), ('a', 'b'), (null, null), (${hard}, repeat(${hard}, 30))`,
  `insert into no_columns select from generate_series(1, 3)`,
  `insert into "one" values (null), (''), ('(,)'), (repeat('é😀"\\', 400000))`,
  `insert into computed (a, b) values (2, 'x'), (null, null)`,
  `insert into dropped values (1, 'y')`,
  `insert into parts values ('1999-01-01', 'old'), ('2024-01-01', 'new'), ('infinity', null)`,
  `insert into base values (1)`,
  `insert into derived values (2, 3)`,
  `insert into wide (c1, c800, c1600) values (1, null, -1), (null, 2, 3)`,
  `insert into rules values (-1), (5)`,
  `alter table rules add constraint rules_positive check (n > 0) not valid`,
  `insert into stamped values (1, null)`,
  `alter table stamped disable trigger stamping`,
  `update stamped set changed = '2001-02-03 04:05:06.789012+00'`,
  `alter table stamped enable always trigger stamping`,
  `insert into checked values (2), (null)`,
  `select setval('children_id_seq', 41)`
]

const engines = [
  { name: "embedded", layer: embedded, isThere: true },
  { name: "PostgreSQL", layer: postgres, isThere: postgresUrl !== undefined }
]

/** In one session, since the path is set for it. */
const inOneTransaction = (...statements: ReadonlyArray<string>) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(execute(...statements)))

const options = { schema: "Shop's" }

const sumsOf = Backup.withSource(options, ({ rows, sums }) => Effect.andThen(Stream.runDrain(rows), sums))

const state = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return yield* sql`
    select (select string_agg(conname || ' ' || pg_get_constraintdef(oid) || coalesce(obj_description(oid), ''), ';' order by conname)
        from pg_constraint where connamespace = '"Shop''s"'::regnamespace and contype <> 'n') as constraints,
      (select string_agg(tgname || tgenabled::text, ';' order by tgname) from pg_trigger where not tgisinternal) as triggers,
      (select last_value::text || is_called from "Shop's".children_id_seq) as child,
      (select last_value::text || is_called from "Shop's".alone) as alone,
      (select changed::text from "Shop's".stamped) as changed`
})

describe.each(engines)("from $name", (from) => {
  describe.each(engines)("to $name", (to) => {
    const both = from.isThere && to.isThere
    it.live.skipIf(!both)(both ? "every value comes back as it was" : onPostgres("every value comes back"), () =>
      Effect.gen(function* () {
        const source = yield* Layer.build(Layer.fresh(from.layer))
        const target = yield* Layer.build(Layer.fresh(to.layer))
        const { before, written } = yield* Effect.gen(function* () {
          yield* inOneTransaction(...tables, ...rows)
          const { blocks, header } = yield* Backup.withSource(options, (one) =>
            Effect.map(Stream.runCollect(Backup.blocks(one)), (blocks) => ({ blocks, header: one.header }))
          )
          assert.deepStrictEqual(header.leftOut, ["summary (materialized view: refresh it after a restore)"])
          return { before: yield* state, written: blocks.join("") }
        }).pipe(Effect.provideContext(source))
        const octets = async function* () {
          yield Buffer.from(written)
        }
        const report = yield* Effect.gen(function* () {
          yield* inOneTransaction(...tables, "alter table rules add constraint rules_positive check (n > 0)")
          const report = yield* Restore.restore(yield* BackupReader.read("memory", octets()))
          assert.deepStrictEqual(yield* state, before)
          assert.deepStrictEqual(yield* sumsOf, report.tables)
          return report
        }).pipe(Effect.provideContext(target))
        assert.deepStrictEqual(yield* sumsOf.pipe(Effect.provideContext(source)), report.tables)
        const counts = Object.fromEntries(report.tables.map(({ name, rows }) => [name, rows]))
        assert.deepInclude(counts, {
          kinds: 3,
          no_columns: 3,
          parts: 3,
          base: 1,
          derived: 1,
          wide: 2,
          empty_one: 0,
          tree: 50
        })
        // The values themselves, compared by the engine's own output.
        const copied = yield* CopyDatabase.copy(source, { ...options, replace: true }).pipe(
          Effect.provideContext(target)
        )
        assert.deepStrictEqual(copied.tables, report.tables)
        assert.deepStrictEqual(yield* state.pipe(Effect.provideContext(target)), before)
      })
    )
  })
})
