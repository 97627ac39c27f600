/** pg_dump through the gateway writes what it writes with a direct connection, and psql restores it. */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { createReadStream, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { gatewayProcess } from "./GatewayProcess.ts"
import { type Ran, run } from "./TestGateway.ts"

const hasPgDump = spawnSync("pg_dump", ["--version"]).status === 0
if (!hasPgDump) process.stderr.write("SKIPPED: pg_dump through the gateway (pg_dump is not installed)\n")

// ALEX_LONG=1: 100 tables, and dumps of 50 and of 200 MB.
const long = process.env.ALEX_LONG === "1"
const tables = long ? 100 : 10
const sizes = long ? [50, 200] : [2]
/** A row takes about 220 octets. */
const rowsOf = (megabytes: number): number => Math.round((megabytes * 1_000_000) / 220)

const setUp = (rows: number) => `
set search_path to dumped;
create type mood as enum ('sad', 'ok');
create domain positive as int check (value > 0);
create type pair as (a int, b text);
do $$ begin for i in 1..${tables} loop execute format('create table t%s(id serial primary key, name text not null default %L,
  price numeric(12,4), m dumped.mood, p dumped.positive, c dumped.pair, iv interval, mo money, ch "char", r int4range, arr int[][],
  tz timestamptz, by bytea, js jsonb, x xml, ip inet, ma macaddr, bt bit(3), vb varbit, pt point, ts tsvector, reg regclass,
  always int generated always as identity, g int generated always as (p * 2) stored)', i, 'n' || i); end loop; end $$;
insert into t1(name, price, m, p, c, iv, mo, ch, r, arr, tz, by, js, x, ip, ma, bt, vb, pt, ts, reg)
select 'row ' || g || E'\\t\\\\ü' || chr(10), g * 1.5, 'ok', g, row(g, 'a "q"')::pair, g * interval '1 day 1 sec', g, 'x',
  int4range(g, g + 5), array[[1,2],[g,4]], '2020-01-01'::timestamptz + g * interval '1 h', decode('00ff', 'hex'), '{"a":1}', '<a/>',
  '10.0.0.1', '08:00:2b:01:02:03', B'101', B'11', point(g, 1), 'a b', 'pg_class' from generate_series(1, ${rows}) g;
create domain words as text[] check (array_length(value, 1) < 9);
create table odd (mr int4multirange, tr tsrange, tq tsquery, lsn pg_lsn, x8 xid8, snap pg_snapshot, ci circle, po polygon, li line,
  pa path, bo box, ls lseg, u uuid, ne cidr, m8 macaddr8, o oid, rp regprocedure, na name, bc char(5), js json, jp jsonpath, tt timetz,
  d date, t timestamp, nu numeric, f4 float4, f8 float8, ps pair[], ms mood[], w words, h text collate "C", e int[], i2 int2vector,
  ti tid, ac aclitem[]);
insert into odd values ('{[1,3),[5,)}', '[2020-01-01,infinity)', 'a & !b', '16/B374D848', '18446744073709551615', '10:20:10,14,15',
  '<(1,2),3>', '((0,0),(1,1))', '{1,2,3}', '[(0,0),(1,1)]', '((1,1),(0,0))', '[(0,0),(1,1)]', '6ecd8c99-4036-403d-bf84-cf8400f67836',
  '10.0.0.0/8', '08:00:2b:01:02:03:04:05', 4294967295, 'pg_catalog.lower(text)', 'name', 'ab', '{"b": 1,  "b":2}', '$.a[*] ? (@ > 1)',
  '12:00:00.5+05:30', 'infinity', '-infinity', 'NaN', 'Infinity', '-0', array[row(1, 'a,"\\\\')::pair, null], '{sad,ok}',
  '{"a b",NULL,"NULL"}', E'\\\\N \\r\\n\\t', '[0:1]={1,NULL}', '1 2 3', '(1,2)', '{postgres=arwdDxt/postgres}');
insert into odd default values;
insert into odd (d, t, nu, f8, bc, e) values ('0044-03-15 BC', '294276-12-31 23:59:59.999999', 1e-130, 'NaN', '', '{}');
create table parts (k int, v text) partition by list (k);
create table part1 partition of parts for values in (1);
create table part_rest partition of parts default;
insert into parts values (1, 'one'), (2, ''), (3, null);
create table child (extra text) inherits (odd);
insert into child (na, extra) values ('child', 'more');
create unlogged table "Odd ""Name""" ("a ""b""" int default 1, "select" text);
insert into "Odd ""Name""" values (1, 'x');
create table nothing ();
insert into nothing default values;
create sequence s increment -5 minvalue -1000 maxvalue -1 cycle;
select nextval('s') \\g /dev/null
create index on t1(name);
create view v as select * from t1;
create function f(a int) returns int language plpgsql as $$ begin return a; end $$;
create trigger tr before insert on t1 for each row execute function suppress_redundant_updates_trigger();
create materialized view mv as select count(*) from t1;
create rule ru as on insert to t2 do also select 1;
comment on table t1 is 'a comment';
create policy pol on t1 using (true);
alter table t3 add foreign key (p) references t1(id);
select setval('t1_id_seq', 7777);
`

const digestOf = async (file: string): Promise<string> => {
  const hash = createHash("sha256")
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  return hash.digest("hex")
}

const psql = (address: string, ...args: ReadonlyArray<string>) =>
  run("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", ...args, address])

/** Dumps, compares and restores a database of so many megabytes; the peak memory of the gateway's process in MiB. */
const dumped = Effect.fnUntraced(function* (megabytes: number) {
  const directUrl = Redacted.value(yield* TestDatabase.freshDatabase(TestDatabase.postgresUrl ?? ""))
  const { peakMemory, url } = yield* gatewayProcess(directUrl)
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-dump-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true }))
  )
  const file = (name: string) => join(folder, name)
  const done = (ran: Ran) => assert.deepStrictEqual(ran, { code: 0, stdout: "", stderr: "" })
  const dump = Effect.fnUntraced(function* (address: string, name: string) {
    done(yield* run("pg_dump", ["--restrict-key=test", "-n", "dumped", "-f", file(name), address]))
    return yield* Effect.promise(() => digestOf(file(name)))
  })
  writeFileSync(file("setup.sql"), `create schema dumped; ${setUp(rowsOf(megabytes))}`)
  done(yield* psql(directUrl, "-o", "/dev/null", "-f", file("setup.sql")))
  const direct = yield* dump(directUrl, "direct.sql")
  assert.strictEqual(yield* dump(url, "through.sql"), direct)
  done(yield* run("pg_dump", ["-Fc", "-n", "dumped", "-f", file("archive"), url]))
  const restores: Readonly<Record<string, Effect.Effect<Ran>>> = {
    psql: psql(url, "-o", "/dev/null", "-f", file("through.sql")),
    pg_restore: run("pg_restore", ["--exit-on-error", "-d", url, file("archive")])
  }
  for (const [program, restore] of Object.entries(restores)) {
    done(yield* psql(directUrl, "-c", "set client_min_messages to warning; drop schema dumped cascade"))
    done(yield* restore)
    assert.strictEqual(yield* dump(directUrl, "again.sql"), direct, `what ${program} restored differs`)
  }
  const size = (statSync(file("direct.sql")).size / 1_000_000).toFixed(0)
  process.stdout.write(`A dump of ${size} MB: the gateway's peak memory is ${peakMemory()} MiB\n`)
  return peakMemory()
}, Effect.scoped)

describe.skipIf(TestDatabase.postgresUrl === undefined || !hasPgDump)(
  TestDatabase.onPostgres("pg_dump through the gateway"),
  () => {
    it.live(
      `a dump of ${tables} tables is the same octet for octet, restores through the gateway, and takes bounded memory`,
      () =>
        Effect.gen(function* () {
          const peaks = yield* Effect.forEach(sizes, dumped)
          const [first = 0, last = 0] = [peaks[0], peaks.at(-1)]
          assert.isBelow(last, 600)
          assert.isBelow(last, first * 1.3, "the memory grows with the dump")
        }),
      30 * 60_000
    )
  }
)
