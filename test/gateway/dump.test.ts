/** pg_dump through the gateway writes what it writes with a direct connection, and psql restores it. */
import { spawnSync } from "node:child_process"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { layer as gateway, run, TestGateway } from "./TestGateway.ts"

const hasPgDump = spawnSync("pg_dump", ["--version"]).status === 0
if (!hasPgDump) process.stderr.write("SKIPPED: pg_dump through the gateway (pg_dump is not installed)\n")

const long = process.env.ALEX_LONG === "1"
const tables = long ? 100 : 8
/** About 350 octets each. */
const rows = long ? 600_000 : 3000

const setUp = `
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

const url = TestDatabase.postgresUrl ?? ""

describe.skipIf(TestDatabase.postgresUrl === undefined || !hasPgDump)(
  TestDatabase.onPostgres("pg_dump through the gateway"),
  () => {
    layer(gateway(url), { timeout: "10 minutes" })((it) => {
      it.effect(
        `a dump of ${tables} tables is the same octet for octet, and restores through the gateway`,
        () =>
          Effect.gen(function* () {
            const { directUrl, url } = yield* TestGateway
            const psql = (address: string, input: string) =>
              run("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", address], input)
            const dump = (address: string) => run("pg_dump", ["--restrict-key=test", "-n", "dumped", address])
            const made = yield* psql(directUrl, `create schema dumped; ${setUp}`)
            assert.strictEqual(made.stderr, "")
            const direct = yield* dump(directUrl)
            assert.strictEqual(direct.code, 0, direct.stderr)
            const through = yield* dump(url)
            assert.strictEqual(through.stderr, "")
            assert.isTrue(through.stdout === direct.stdout, "the dumps differ")
            yield* psql(directUrl, "drop schema dumped cascade")
            const restored = yield* psql(url, direct.stdout)
            assert.strictEqual(restored.stderr, "")
            const again = yield* dump(directUrl)
            assert.isTrue(again.stdout === direct.stdout, "what was restored differs")
          }),
        10 * 60_000
      )
    })
  }
)
