/** psql through the gateway prints what it prints with a direct connection. */
import { spawnSync } from "node:child_process"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { layer as gateway, run, TestGateway, withoutDetail } from "./TestGateway.ts"

const hasPsql = spawnSync("psql", ["--version"]).status === 0
if (!hasPsql) process.stderr.write("SKIPPED: psql through the gateway (psql is not installed)\n")

const setUp = `
create type mood as enum ('sad', 'ok');
create table parent(id int primary key, name text not null, mood mood, price numeric(10,2), tags text[], at timestamptz default now());
create table child(id serial primary key, parent int references parent on delete cascade, note varchar(20) check (note <> ''));
create index child_note on child(note);
create view both_of as select p.id, c.note from parent p join child c on c.parent = p.id;
create function twice(int) returns int language sql as $$ select $1 * 2 $$;
create sequence counter;
comment on table parent is 'it''s a table';
grant select on parent to public;
insert into parent values (1, 'one', 'sad', 1.5, '{a,"b c",NULL}', '2020-01-01 00:00Z'), (2, 'two', null, null, '{}', 'infinity');
`

/** Each runs in a psql of its own, directly and through the gateway. */
const scripts: Readonly<Record<string, string>> = {
  "prints values of every kind": `
select 1 as a, 'x' as b, null as n, true as t;
select interval '1 day 02:03', '12.3'::money, 'a'::"char", 'pg_class'::regclass, '{a=r/postgres}'::aclitem[], int4range(1,5),
  row(1,'a "b"\\'), 'infinity'::timestamptz, '-infinity'::date, '0044-03-15 BC'::date, timetz '12:00+02', point(1,2), xml '<a/>';
select array[[1,2],[3,4]], array['a','b"c',null,''], '[0:1]={1,2}'::int[], 'NaN'::numeric, 1e20::float8, 0.1::float4, '\\x00ff'::bytea;
select pg_sleep(0), 1 as a, 2 as a;
select * from parent order by id;
select;
values (1, 'a'), (2, null);
table both_of;`,
  "describes every kind of object": `
\\d
\\d parent
\\d+ child
\\d both_of
\\dt+
\\di
\\ds
\\dv
\\df twice
\\df+ twice
\\dT+ mood
\\dn
\\dp
\\du postgres
\\l template1
\\dx
\\dd
\\dC
\\da count
\\do ||
\\dO
\\db
\\des
\\dF
\\dL
\\dRp
\\dy
\\sf twice
\\sv both_of
\\z parent`,
  "reads what no view can hold": `
select regrole(current_user) = current_user::regrole as same, regrole('pg_monitor'), regclass('pg_class') as c;
select 'pg_monitor'::regrole as a, 'pg_monitor'::regrole as a;`,
  "counts what it writes": `
insert into child(parent, note) values (1, 'a'), (1, 'b') returning *;
update child set note = note || '!' where parent = 1;
with w as (delete from child returning id, note) select count(*) from w;
with w as (select 1 as id) insert into child(parent, note) select id, 'w' from w returning note;
delete from child;
create table made(i int);
alter table made add j int;
drop table made;`,
  "refuses what a domain refuses, and cuts nothing off": `
create domain short_text as varchar(5);
create domain shorter as short_text check (length(value) < 5);
create domain short_texts as varchar(3)[];
create domain bits as bit(3);
create domain code as char(2) not null;
create domain price as numeric(5, 2);
create table kept(a short_text, b shorter, c short_texts, d bits, e code default 'xx', f price);
prepare p(short_text) as insert into kept(a) values ($1) returning a;
execute p('fits');
execute p('does not fit');
copy kept(a) from stdin;
does not fit
\\.
copy kept(a, b, c, d, e, f) from stdin;
fits   	four	{abc,"de "}	101	yy	1.005
\\.
copy kept(b) from stdin;
12345
\\.
copy kept(c) from stdin;
{abcd}
\\.
copy kept(d) from stdin;
1010
\\.
copy kept(e) from stdin;
\\N
\\.
copy kept(f) from stdin;
1234.5
\\.
select * from kept order by a;
drop table kept;
drop domain shorter, short_text, short_texts, bits, code, price;`,
  "runs nothing in a failed transaction but its end": `
begin; select 1/0;
begin;
start transaction read only;
savepoint a;
release a;
discard plans;
discard all;
prepare q as select 1;
execute q;
deallocate q;
deallocate all;
listen x;
unlisten x;
set work_mem = '1MB';
reset all;
declare a cursor for select 1;
declare a cursor with hold for select 1;
fetch 1 from a;
close all;
vacuum;
select pg_advisory_lock(1);
;
rollback to nowhere;
commit and chain;
create temp table of_it(a int); discard temp;
table of_it;
rollback and chain;
select 1;
end;`,
  "finds the constraints of SET CONSTRAINTS where the session looks": `
create schema away;
create table away.once(a int constraint only_once unique deferrable);
begin; set constraints only_once deferred; rollback;
set search_path = away;
begin; set constraints only_once deferred; insert into once values (1), (1); select count(*) from once; commit;
drop table once;
drop schema away;`,
  "points at errors in its own text": `
select nope;
select 1 +
  x from (values (1)) v(y);
select 'äö😀', nope;
select 1/0;
selekt 1;
insert into parent(id, name) values (1, 'again');
insert into child(parent, note) values (99, 'x');
insert into parent(id, name) values (3, null);
select * from no_such_table;
select 1 where;
create table ;
create table /* ö */
 ;
create table\\; select 1 where  ;`,
  "keeps a transaction and its failure": `
begin;
insert into parent(id, name) values (10, 'ten');
savepoint s;
select 1/0;
select 'ignored';
rollback to s;
select count(*) from parent;
rollback;
select count(*) from parent;
begin isolation level serializable read only;
show transaction_isolation;
insert into parent(id, name) values (11, 'eleven');
commit;
commit;
begin;
begin;
commit and chain;
select 1;
rollback;`,
  "carries a transaction's modes over to the next": `
begin isolation level serializable, read only;
commit and chain;
show transaction_isolation;
insert into parent(id, name) values (12, 'twelve');
rollback and chain;
show transaction_read_only;
rollback;
begin;
set transaction isolation level repeatable read;
savepoint s;
set transaction read only;
rollback to s;
commit and chain;
show transaction_isolation;
show transaction_read_only;
set transaction read only;
commit and chain;
show transaction_read_only;
commit;
show transaction_isolation;`,
  "runs several statements as one transaction": `
select 1\\; select 2;
insert into parent(id, name) values (20, 'a')\\; select 1/0;
select count(*) from parent where id = 20;
begin\\; insert into parent(id, name) values (21, 'b')\\; rollback;
select count(*) from parent where id = 21;`,
  "remembers what was set": `
set timezone to 'Europe/Berlin';
select timestamptz '2020-01-01 00:00Z';
show timezone;
set datestyle to german;
select date '2020-02-03';
set custom.of.parts to 'kept';
show custom.of.parts;
begin;
set datestyle to ymd;
show datestyle;
rollback;
begin;
set local timezone to 'Asia/Tokyo';
select timestamptz '2020-01-01 00:00Z';
commit;
select timestamptz '2020-01-01 00:00Z';
begin;
set timezone to 'Asia/Tokyo';
rollback;
show timezone;
create schema other;
create table other.t(a int);
set search_path to other;
select * from t;
reset all;
select * from t;
set nonsense to 1;
reset search_path;
drop table other.t;
drop schema other;`,
  "copies in and out": `create table copied(a int primary key, b varchar(5), c timestamptz default '2020-01-01', d int generated always as (a * 2) stored, e text[], f interval);
copy copied(a, b, e) from stdin;
1	x	{a,"b c"}
2	\\N	\\N
3	t\\tb	{}
\\.
copy copied(a,b) from stdin csv header;
a,b
4,"q""q"
5,
6,""
\\.
copy copied to stdout;
copy copied to stdout csv header;
copy copied(b) to stdout with (format csv, force_quote *, null 'NULL', delimiter ';');
copy (select a, b, interval '1 day' from copied order by a desc) to stdout;
copy copied(a,b) from stdin;
7	toolong
\\.
copy copied(a,b) from stdin;
7	a
8	b
7	c
\\.
copy copied(a,b) from stdin;
7	a	x
\\.
copy copied(a,b) from stdin;
7
\\.
copy copied(a,b) from stdin;
x	y
\\.
select a, b from copied;
begin;
copy copied(a,b) from stdin;
9	a
\\.
select count(*) from copied;
rollback;
\\copy copied(a,b) to stdout csv
\\copy copied(a,b) from stdin csv
20,"a
b"
21,c
\\.
select a, b from copied;
copy nosuch to stdout;
copy nosuch from stdin;
copy copied(a, b, c) to stdout binary;`,
  "reads by cursor and by name": `select 1, 'a'::varchar(10), 1.5::numeric(8,3), now() \\gdesc
begin;
declare c cursor for select g, interval '1 day' * g as i from generate_series(1,5) g;
fetch 2 from c;
fetch all from c;
close c;
rollback;
prepare p(int, text) as select $1 + 1 as a, $2 as b, interval '1 day';
execute p(1+1, 'x,y(');
prepare p as select 1;
deallocate p;
execute p(1,2);
prepare ins(int) as insert into named values ($1) returning a;
create table named(a int);
prepare ins(int) as insert into named values ($1) returning a;
execute ins(5);
drop table named;
deallocate all;
select g, repeat('x', 1000) from generate_series(1, 2500) g;
begin;
select g, repeat('x', 1000) from generate_series(1, 2500) g;
commit;
declare c cursor for select 1;`,
  "makes tables of queries": `
create table a as select g from generate_series(1,5) g;
select g into b from a where g > 2;
with x as (select 1 as q) select q into c from x;
create materialized view m as select * from a;
create materialized view m2 as select 1 with no data;
create table d as values (1),(2) with data;
create table if not exists d2 as values (1),(2) with data;
create table e (x, y) as table b;
create table f as select nope from a;
create table a as select 1;
create table g as select 1/0;
begin;
create table h as select * from a;
select g into i from a;
select * from h, i where h.g = i.g and h.g < 2;
rollback;
create table j as select * from a\\; select count(*) from j;
create unlogged table k as select g, g::text as t from a;
prepare p(int) as select * from a where g = $1;
explain (costs off) execute p(3);`,
  "is another user, and has another role": `
select 'r1_' || current_database() as r1, 'r2_' || current_database() as r2 \\gset
create role :r1;
create role :r2;
grant :r2 to :r1;
set session authorization :r1;
set role :r2;
select session_user = :'r1', current_user = :'r2';
set session authorization default;
set role :r2;
set session authorization :r1;
select session_user = :'r1', current_user = :'r1';
reset session authorization;
revoke :r2 from :r1;
drop role :r1, :r2;`,
  "sets its variables": `
select 'abc' as v, 7 as n \\gset
\\echo :v :n
\\pset format csv
select 1 as a, 'x,y' as b;
\\x
select 1 as a, 'x' as b;
\\timing off
select 1 as a \\g
select 1/0;
\\echo :LAST_ERROR_SQLSTATE :ROW_COUNT`
}

describe.skipIf(TestDatabase.postgresUrl === undefined || !hasPsql)(
  TestDatabase.onPostgres("psql through the gateway"),
  () => {
    layer(gateway(TestDatabase.postgresUrl ?? ""), { timeout: "60 seconds" })((it) => {
      for (const [name, script] of Object.entries(scripts)) {
        it.effect(name, () =>
          Effect.gen(function* () {
            const { directUrl, url } = yield* TestGateway
            const psql = (address: string, input: string) => run("psql", ["-X", address], input)
            const outputs: Array<string> = []
            for (const address of [directUrl, url]) {
              yield* psql(directUrl, `drop schema public cascade; create schema public; ${setUp}`)
              const { stderr, stdout } = yield* psql(address, script)
              outputs.push(withoutDetail(`${stdout}\n${stderr}`))
            }
            assert.strictEqual(outputs[1], outputs[0])
            assert.isAbove(outputs[0]?.length ?? 0, 50)
          })
        )
      }
    })
  }
)
