/** Statements of programs that were written for `@effect/sql-pg` by others: what a query builder or a hand writes. */
import { PgTypes } from "@effect/sql-pg"
import type { Shape } from "./shapeTable.ts"

const ann = "11111111-1111-4111-8111-111111111111"
const bob = "22222222-2222-4222-8222-222222222222"
const cid = "33333333-3333-4333-8333-333333333333"
const at = "2026-02-03T04:05:06.789Z"

/** A shop: customers, orders with generated columns, tags of domains and enums, prices over time, a tree. */
export const shop = [
  "create type status as enum ('new', 'paid', 'sent')",
  "create type address as (street text, zip int, since date)",
  "create domain tag as text check (value ~ '^[a-z]+$')",
  "create domain tags as text[] check (cardinality(value) < 4)",
  "create domain percent as numeric(5, 2) check (value between 0 and 100)",
  "create table customers (id uuid primary key, name text collate \"C\" not null unique, home address, homes address[], joined date default '2026-01-01', score float8)",
  `create table orders (
    id bigint generated always as identity primary key, customer uuid references customers, state status not null default 'new',
    states status[], labels tag[], marks tags, discount percent, net numeric(10, 2), tax numeric(10, 2),
    total numeric generated always as (net + tax) stored, doc jsonb, placed timestamptz, valid tstzrange, days daterange,
    body text, search tsvector generated always as (to_tsvector('english', coalesce(body, ''))) stored, unique (customer, placed))`,
  "create table nodes (id int primary key, parent int references nodes, name varchar(10), path int[])",
  "create view paid as select id, net, state from orders where state = 'paid' with check option",
  "create function near(a point, b point) returns bool language sql immutable as 'select a <-> b < 2'",
  "create operator ~~~ (leftarg = point, rightarg = point, function = near)",
  "create function full_name(a address) returns text language sql immutable as $$ select a.street || ' ' || a.zip $$",
  "create function raise_by(a numeric, b numeric default 1, c text default 'x') returns text language sql immutable as $$ select (a + b)::text || c $$",
  "create function raise_by(a text) returns text language sql immutable as $$ select 'text ' || a $$",
  "create function pick(variadic a int[]) returns int language sql immutable as $$ select a[1] $$",
  "create function rows_of(n int) returns table (i int, d date) language sql immutable as $$ select g, date '2026-01-01' + g from generate_series(1, n) g $$",
  `insert into customers values ('${ann}', 'Ann', '("Elm St",1010,2020-01-02)', '{"(a,1,2020-01-01)"}', '2020-05-06', 1.5),
    ('${bob}', 'bob', null, null, '2021-05-06', null)`,
  `insert into orders (customer, state, states, labels, marks, discount, net, tax, doc, placed, valid, days, body) values
    ('${ann}', 'paid', '{new,paid}', '{a,b}', '{x,y}', 12.5, 10.00, 2.00, '{"items": [{"sku": "s1", "qty": 2}, {"sku": "s2", "qty": 5}], "note": "hi"}',
     '2026-01-02T00:00:00Z', '[2026-01-01,2026-02-01)', '[2026-01-01,2026-01-10)', 'The quick brown foxes'),
    ('${ann}', 'new', '{}', null, null, null, 5.50, 1.10, '{"items": []}', '2026-01-03T00:00:00Z', '[2026-02-01,)', '(,2026-01-05]', 'lazy dogs jump'),
    ('${bob}', 'sent', null, '{c}', '{z}', 0, 7.25, 0, null, '2026-01-04T00:00:00Z', 'empty', null, null)`,
  "insert into nodes values (1, null, 'root', '{1}'), (2, 1, 'left', '{1,2}'), (3, 1, 'right', '{1,3}'), (4, 2, 'leaf', '{1,2,4}')"
]

const windows: ReadonlyArray<Shape> = [
  [
    "rank over partition",
    (sql) =>
      sql`select id, rank() over (partition by customer order by net desc) as r from orders where placed > ${"2026-01-01"} order by id`
  ],
  [
    "lead with default",
    (sql) => sql`select id, lead(body, ${1}, ${"none"}) over (order by id) as v from orders order by id`
  ],
  ["ntile", (sql) => sql`select id, ntile(${2}) over (order by id) as v from orders order by id`],
  [
    "nth_value",
    (sql) =>
      sql`select nth_value(net, ${2}) over (order by id rows between unbounded preceding and unbounded following) as v from orders`
  ],
  [
    "named window",
    (sql) =>
      sql`select id, sum(net) over w as v from orders where state <> ${"sent"} window w as (order by id) order by id`
  ],
  [
    "groups frame",
    (sql) =>
      sql`select count(*) over (order by state groups between ${1} preceding and ${1} following) as v from orders order by id`
  ],
  [
    "frame of an interval",
    (sql) =>
      sql`select sum(net) over (order by placed range between ${"1 day"} preceding and current row exclude current row) as v from orders order by id`
  ],
  [
    "first_value with filter",
    (sql) =>
      sql`select distinct first_value(state) over (partition by customer order by placed) as v from orders where customer = ${ann}`
  ],
  [
    "percentile_cont within group",
    (sql) => sql`select percentile_cont(${0.5}) within group (order by net) as v from orders`
  ],
  [
    "percentile_disc of an array",
    (sql) => sql`select percentile_disc(${[0.25, 0.75]}) within group (order by net) as v from orders`
  ],
  [
    "mode",
    (sql) => sql`select mode() within group (order by state) as v from orders where state = any(${"{new,paid}"})`
  ],
  ["hypothetical rank", (sql) => sql`select rank(${"6"}) within group (order by net) as v from orders`]
]

const groups: ReadonlyArray<Shape> = [
  [
    "grouping sets",
    (sql) =>
      sql`select customer, state, count(*) as c, grouping(customer, state) as g from orders where placed >= ${"2026-01-01"} group by grouping sets ((customer), (state), ()) order by 1, 2, 4`
  ],
  [
    "rollup having",
    (sql) => sql`select state, sum(net) as s from orders group by rollup (state) having sum(net) > ${"6"} order by 2`
  ],
  [
    "cube",
    (sql) =>
      sql`select count(*) as c from orders where state in (${"new"}, ${"paid"}) group by cube (customer, state) order by 1`
  ],
  [
    "distinct on",
    (sql) => sql`select distinct on (customer) customer, net from orders where net > ${1} order by customer, net desc`
  ],
  [
    "array_agg ordered, filtered",
    (sql) => sql`select array_agg(net order by id) filter (where state <> ${"sent"}) as v from orders`
  ],
  ["jsonb_object_agg", (sql) => sql`select jsonb_object_agg(id::text, state) as v from orders where customer = ${ann}`],
  [
    "json_agg of rows",
    (sql) =>
      sql`select json_agg(o order by o.id) as v from (select id, net, state from orders where customer = ${ann}) o`
  ],
  ["string_agg distinct", (sql) => sql`select string_agg(distinct state::text, ${"|"}) as v from orders`],
  ["bool_and", (sql) => sql`select bool_and(net > ${"5"}) as v from orders`],
  ["width_bucket", (sql) => sql`select width_bucket(net, ${"0"}, ${"10"}, ${4}) as v from orders order by id`]
]

const joins: ReadonlyArray<Shape> = [
  [
    "lateral",
    (sql) =>
      sql`select c.name, o.net from customers c left join lateral (select net from orders where customer = c.id and placed > ${"2026-01-01"} order by net desc limit ${1}) o on ${true} order by c.name`
  ],
  [
    "lateral json_array_elements",
    (sql) => sql`select i ->> ${"sku"} as v from orders, lateral jsonb_array_elements(doc -> ${"items"}) i order by 1`
  ],
  [
    "join using",
    (sql) => sql`select count(*) as c from nodes join (values (${1}, ${"x"}), (${2}, ${"y"})) v (id, label) using (id)`
  ],
  [
    "full join",
    (sql) =>
      sql`select c.name, v.n from customers c full join (values (${"Ann"}, ${1}), (${"Zed"}, ${2})) v (name, n) on c.name = v.name order by 1, 2`
  ],
  ["cross join lateral function", (sql) => sql`select r.i, r.d from rows_of(${3}) r where r.d > ${"2026-01-02"}`],
  [
    "rows from with ordinality",
    (sql) =>
      sql`select * from rows from (unnest(${["a", "b"]}), generate_series(1, ${3})) with ordinality as t (a, n, i)`
  ],
  [
    "unnest of several",
    (sql) =>
      sql`select * from unnest(${[1, 2]}::int[], ${["a", null]}::text[], ${["2026-01-01", null]}::date[]) as t (n, s, d)`
  ],
  ["unnest of inferred arrays", (sql) => sql`select * from unnest(${[1, 2]}, ${["a", "b"]}) as t (n, s)`],
  [
    "json_populate_recordset",
    (sql) =>
      sql`select id, name, joined from json_populate_recordset(null::customers, ${`[{"id":"${cid}","name":"Cid","joined":"2026-01-02"}]`})`
  ],
  [
    "jsonb_populate_record",
    (sql) => sql`select (jsonb_populate_record(null::address, ${'{"street":"a","zip":7}'})).zip as v`
  ],
  [
    "not exists",
    (sql) =>
      sql`select name from customers c where not exists (select from orders o where o.customer = c.id and o.state = ${"paid"})`
  ],
  ["scalar subquery", (sql) => sql`select (select max(net) from orders where state = ${"paid"}) > ${"9.5"} as v`],
  [
    "in subquery with row",
    (sql) => sql`select id from orders where (customer, state) in (select id, ${"paid"}::status from customers)`
  ],
  ["intersect except", (sql) => sql`(select state from orders intersect select ${"new"}) except select ${"sent"}`],
  [
    "union all with null and string",
    (sql) =>
      sql`select placed as v from orders where id = ${1} union all select ${"2026-05-06"} union all select ${null} order by 1`
  ],
  ["array of subquery", (sql) => sql`select array(select state from orders where net > ${"6"} order by id)::text as v`],
  ["row of a table", (sql) => sql`select to_jsonb(n) as v from nodes n where name = ${"root"}`],
  ["comparison of arrays", (sql) => sql`select id from nodes where path @> ${[1, 2]} order by id`],
  [
    "recursive tree",
    (sql) =>
      sql`with recursive t as (select id, name, 1 as depth from nodes where name = ${"root"} union all select n.id, n.name, t.depth + 1 from nodes n join t on n.parent = t.id where t.depth < ${3}) select * from t order by id`
  ],
  [
    "recursive with search and cycle",
    (sql) =>
      sql`with recursive t (id, parent) as (select id, parent from nodes where id = ${1} union all select n.id, n.parent from nodes n join t on n.parent = t.id) search depth first by id set o cycle id set looped using way select id, looped from t order by id`
  ],
  [
    "materialized",
    (sql) =>
      sql`with o as materialized (select * from orders where state = ${"paid"}), p as not materialized (select * from o where net > ${"1"}) select id from p`
  ],
  [
    "values with table alias",
    (sql) => sql`select * from (values (${"2026-01-02"}::date, ${1}), (${null}, ${2})) v (d, n) order by n`
  ]
]

const json: ReadonlyArray<Shape> = [
  ["jsonb_path_query", (sql) => sql`select jsonb_path_query(doc, ${"$.items[*] ? (@.qty > 3).sku"}) as v from orders`],
  [
    "jsonb_path_exists with vars",
    (sql) => sql`select id from orders where jsonb_path_exists(doc, ${"$.items[*] ? (@.qty > $min)"}, ${'{"min": 4}'})`
  ],
  ["@? path", (sql) => sql`select id from orders where doc @? ${'$.items[*] ? (@.sku == "s1")'}`],
  ["@@ path", (sql) => sql`select id from orders where doc @@ ${'$.note == "hi"'}`],
  [
    "jsonb_set nested",
    (sql) => sql`select jsonb_set(doc, ${["items", "0", "qty"]}, ${"9"}) -> 'items' as v from orders where id = 1`
  ],
  [
    "jsonb_insert",
    (sql) =>
      sql`select jsonb_insert(doc, ${"{items,0}"}, ${'{"sku":"s0"}'}) #> ${"{items,0}"} as v from orders where id = 1`
  ],
  ["#- path", (sql) => sql`select doc #- ${"{items,0}"} as v from orders where id = 1`],
  ["- array", (sql) => sql`select doc - ${["note", "items"]} as v from orders where id = 1`],
  [
    "jsonb_build_object with casts",
    (sql) => sql`select jsonb_build_object(${"k"}::text, ${1}, ${"l"}::text, ${true}) as v`
  ],
  [
    "jsonb update by subscript",
    (sql) => sql`update orders set doc[${"note"}] = ${'"yo"'} where id = 1 returning doc -> 'note' as v`
  ],
  ["json of an object", (sql) => sql`select ${PgTypes.jsonb({ a: [1, { b: null }] })} -> ${"a"} as v`],
  ["jsonb = object", (sql) => sql`select id from orders where doc -> ${"items"} = ${PgTypes.jsonb([])}`],
  ["json_strip_nulls", (sql) => sql`select json_strip_nulls(${'{"a":null,"b":1}'}) as v`],
  ["jsonb ?& array", (sql) => sql`select id from orders where doc ?& ${["items", "note"]}`],
  ["cast of json text", (sql) => sql`select (doc ->> ${"note"})::varchar(1) as v from orders where id = 1`]
]

const texts: ReadonlyArray<Shape> = [
  ["plainto_tsquery", (sql) => sql`select id from orders where search @@ plainto_tsquery(${"english"}, ${"fox"})`],
  [
    "to_tsquery without configuration",
    (sql) => sql`select id from orders where search @@ to_tsquery(${"fox | dog"}) order by id`
  ],
  ["tsvector @@ string", (sql) => sql`select id from orders where search @@ ${"'fox'"}`],
  [
    "ts_rank",
    (sql) =>
      sql`select id from orders where search @@ websearch_to_tsquery(${"english"}, ${"quick -dog"}) order by ts_rank(search, websearch_to_tsquery(${"english"}, ${"quick"})) desc`
  ],
  [
    "ts_headline",
    (sql) =>
      sql`select ts_headline(${"english"}, body, plainto_tsquery(${"english"}, ${"dog"}), ${"StartSel=<, StopSel=>"}) as v from orders where id = 2`
  ],
  [
    "setweight",
    (sql) => sql`select setweight(to_tsvector(${"simple"}, body), ${"A"})::text as v from orders where id = 2`
  ],
  ["collate", (sql) => sql`select name from customers order by name collate ${sql.literal('"POSIX"')}, ${"x"}::text`],
  ["compare under a collation", (sql) => sql`select name from customers where name collate "C" > ${"a"}`],
  ["like any", (sql) => sql`select name from customers where name like any (${["A%", "b%"]}) order by name`],
  ["ilike all", (sql) => sql`select name from customers where name ilike all (${"{%n%,a%}"})`],
  ["regexp_match", (sql) => sql`select regexp_match(body, ${"(q\\w+)"}) as v from orders order by id`],
  ["regexp_split_to_table", (sql) => sql`select regexp_split_to_table(${"a1b2c"}, ${"[0-9]"}) as v`],
  ["starts_with", (sql) => sql`select name from customers where starts_with(name, ${"A"})`],
  ["^@", (sql) => sql`select name from customers where name ^@ ${"b"}`],
  ["translate", (sql) => sql`select translate(name, ${"An"}, ${"Bm"}) as v from customers order by name`],
  ["normalize", (sql) => sql`select normalize(${"é"}, nfd) = ${"é"} as v`],
  ["convert_to", (sql) => sql`select convert_to(${"é"}, ${"UTF8"}) as v`],
  ["chr and ascii", (sql) => sql`select chr(${65}) || ascii(${"B"}) as v`],
  ["quote_literal", (sql) => sql`select quote_ident(${"a b"}) || quote_literal(${"it's"}) as v`],
  ["left right repeat", (sql) => sql`select left(${"abc"}, ${-1}), right(${"abc"}, ${2}), repeat(${"x"}, ${3})`],
  ["to_number", (sql) => sql`select to_number(${"1,234.5"}, ${"9G999D9"}) as v`],
  ["to_date", (sql) => sql`select to_date(${"03 Feb 2026"}, ${"DD Mon YYYY"}) as v`],
  ["is normalized and is json", (sql) => sql`select ${"abc"}::text is normalized as v`],
  ["sha256 of bytes", (sql) => sql`select sha256(${new Uint8Array([1, 2])}) as v`],
  ["get_byte", (sql) => sql`select get_byte(${new Uint8Array([1, 2])}, ${1}) as v`],
  ["bytea || string", (sql) => sql`select ${new Uint8Array([1])} || ${"\\x02"} as v`]
]

const times: ReadonlyArray<Shape> = [
  ["range @> string", (sql) => sql`select id from orders where valid @> ${"2026-01-15T00:00:00Z"}::timestamptz`],
  ["range @> inferred", (sql) => sql`select id from orders where days @> ${"[2026-01-02,2026-01-03)"} order by id`],
  [
    "range && range",
    (sql) => sql`select id from orders where valid && tstzrange(${"2026-01-15"}, ${"2026-03-01"}, ${"[]"}) order by id`
  ],
  ["range -|- string", (sql) => sql`select id from orders where days -|- ${"[2026-01-10,2026-01-12)"}`],
  ["range << string", (sql) => sql`select id from orders where days << ${"[2026-02-01,)"} order by id`],
  ["lower and upper", (sql) => sql`select lower(days) as l, upper(days) as u from orders where id = ${1}`],
  [
    "range intersection",
    (sql) => sql`select (days * ${"[2026-01-03,2026-01-20)"})::text as v from orders where id = 1`
  ],
  ["multirange", (sql) => sql`select datemultirange(days) @> ${"2026-01-03"}::date as v from orders where id = 1`],
  ["range_agg", (sql) => sql`select range_agg(days)::text as v from orders`],
  ["date_bin", (sql) => sql`select date_bin(${"15 minutes"}, ${at}, ${"2000-01-01"}) as v`],
  ["date_part", (sql) => sql`select date_part(${"dow"}, placed) as v from orders order by id`],
  [
    "extract epoch",
    (sql) => sql`select extract(epoch from placed - ${"2026-01-01T00:00:00Z"}) as v from orders order by id`
  ],
  [
    "overlaps",
    (sql) =>
      sql`select (${"2026-01-01"}::date, ${"2026-01-05"}::date) overlaps (${"2026-01-04"}::date, ${"3 days"}::interval) as v`
  ],
  [
    "overlaps with a column",
    (sql) =>
      sql`select id from orders where (placed, placed + ${"1 day"}) overlaps (${"2026-01-03"}, ${"2026-01-04"}) order by id`
  ],
  ["interval * number", (sql) => sql`select ${"1 day"}::interval * ${2.5} as v`],
  ["timestamptz minus interval", (sql) => sql`select placed - ${"1 day"}::interval as v from orders order by id`],
  [
    "generate_series of times",
    (sql) => sql`select g as v from generate_series(${at}::timestamptz, ${"2026-02-05"}, ${"1 day"}) g`
  ],
  ["current_date + string", (sql) => sql`select current_date - ${"2000-01-01"} > ${9000} as v`],
  ["make_interval named", (sql) => sql`select make_interval(hours => ${1}, mins := ${30}) as v`],
  ["justify_hours", (sql) => sql`select justify_hours(${"30 hours"}) as v`],
  [
    "at time zone twice",
    (sql) => sql`select placed at time zone ${"Asia/Tokyo"} at time zone ${"UTC"} as v from orders order by id`
  ],
  ["date = Date", (sql) => sql`select id from orders where placed = ${new Date("2026-01-02T00:00:00Z")}`],
  [
    "between symmetric",
    (sql) => sql`select id from orders where placed between symmetric ${"2026-01-04"} and ${"2026-01-03"} order by id`
  ]
]

const kinds: ReadonlyArray<Shape> = [
  ["enum array @> array", (sql) => sql`select id from orders where states @> ${"{paid}"}`],
  [
    "enum array literal insert",
    (sql) => sql`update orders set states = ${"{sent,new}"} where id = 2 returning states::text as v`
  ],
  [
    "append to enum array",
    (sql) => sql`update orders set states = array_append(states, ${"sent"}) where id = 1 returning states::text as v`
  ],
  ["enum || array", (sql) => sql`select (states || ${"sent"}::status)::text as v from orders where id = 1`],
  ["array of a domain", (sql) => sql`update orders set labels = ${"{x,y}"} where id = 1 returning labels::text as v`],
  [
    "array of a domain, refused",
    (sql) => sql`update orders set labels = ${"{X}"} where id = 1 returning labels::text as v`
  ],
  ["domain over array", (sql) => sql`update orders set marks = ${"{p,q}"} where id = 1 returning marks as v`],
  [
    "domain over array, refused",
    (sql) => sql`update orders set marks = ${"{p,q,r,s}"} where id = 1 returning marks as v`
  ],
  [
    "domain with modifier rounds",
    (sql) => sql`update orders set discount = ${"12.345"} where id = 1 returning discount as v`
  ],
  [
    "domain with modifier refuses",
    (sql) => sql`update orders set discount = ${"101"} where id = 1 returning discount as v`
  ],
  [
    "composite = string",
    (sql) => sql`select name from customers where home = ${'("Elm St",1010,2020-01-02)'}::address`
  ],
  [
    "composite literal",
    (sql) => sql`update customers set home = ${"(Oak,7,)"} where name = ${"bob"} returning (home).zip as v`
  ],
  [
    "composite member",
    (sql) => sql`select name from customers where (home).zip = ${"1010"} and (home).since < ${"2021-01-01"}`
  ],
  [
    "update of a member",
    (sql) => sql`update customers set home.zip = ${"99"} where name = ${"Ann"} returning (home).zip as v`
  ],
  ["row cast to composite", (sql) => sql`select full_name(row(${"a"}, ${5}, ${null})::address) as v`],
  ["composite argument", (sql) => sql`select full_name(${"(a,5,)"}) as v`],
  [
    "composite array",
    (sql) =>
      sql`update customers set homes = ${'{"(q,5,2020-01-01)"}'} where name = ${"bob"} returning (homes[${1}]).street as v`
  ],
  ["custom operator", (sql) => sql`select ${"(1,2)"} ~~~ point ${sql.literal("'(1,3)'")} as v`],
  ["point operators", (sql) => sql`select point '(0,0)' <-> ${"(3,4)"} as v`],
  ["overloaded function", (sql) => sql`select raise_by(${"3"}) as v`],
  ["overloaded function by number", (sql) => sql`select raise_by(${3}) as v`],
  ["defaults and names", (sql) => sql`select raise_by(${"3"}, c => ${"y"}) as v`],
  ["variadic integers", (sql) => sql`select pick(${4}, ${5}) as v`],
  ["variadic array", (sql) => sql`select pick(variadic ${[6, 7]}) as v`],
  [
    "generated column",
    (sql) => sql`insert into orders (customer, net, tax) values (${bob}, ${"1.10"}, ${0.2}) returning total as v, state`
  ],
  [
    "array slice update",
    (sql) => sql`update nodes set path[${2}:${3}] = ${[8, 9]} where id = ${4} returning path as v`
  ],
  ["array element update", (sql) => sql`update nodes set path[${1}] = ${"7"} where id = ${4} returning path as v`],
  [
    "array_fill and cardinality",
    (sql) => sql`select array_fill(${7}, ${[2]}) as v, cardinality(path) as c from nodes where id = 4`
  ],
  ["array_to_string", (sql) => sql`select array_to_string(path, ${","}, ${"-"}) as v from nodes order by id`],
  [
    "array_length any",
    (sql) => sql`select id from nodes where ${2} = any(path) and array_length(path, ${1}) > ${"1"} order by id`
  ],
  ["varchar with a longer string", (sql) => sql`select id from nodes where name = ${"root and much more"}`],
  [
    "varchar refuses a longer string",
    (sql) => sql`update nodes set name = ${"much longer than ten"} where id = 1 returning name`
  ],
  ["numeric out of range", (sql) => sql`update orders set net = ${"123456789.00"} where id = 1 returning net`],
  ["numeric rounds", (sql) => sql`update orders set net = ${"1.005"} where id = 1 returning net`],
  ["int4 refuses a fraction", (sql) => sql`update nodes set parent = ${"1.5"} where id = 4 returning parent`],
  ["float to int4 column", (sql) => sql`update nodes set parent = ${2.4} where id = 4 returning parent`],
  ["number in a text column", (sql) => sql`update nodes set name = ${12} where id = 4 returning name`],
  ["boolean in a text column", (sql) => sql`update nodes set name = ${true} where id = 4 returning name`],
  ["text = number", (sql) => sql`select id from nodes where name = ${12}`],
  ["bigint = int column", (sql) => sql`select id from nodes where id = ${2n}`],
  ["cast with a type modifier", (sql) => sql`select ${"abcdef"}::varchar(3) as v, ${"12.345"}::numeric(5, 1) as w`],
  ["cast to enum", (sql) => sql`select ${"paid"}::status as v`],
  ["cast to regtype", (sql) => sql`select ${"int4"}::regtype::text as v`],
  ["bit cast", (sql) => sql`select ${"101"}::bit(2)::text as v`],
  ["xml", (sql) => sql`select xmlelement(name a, ${"x<y"}::text)::text as v`],
  [
    "hex and octal integers",
    (sql) =>
      sql`select ${10} | ${5} as a, ${12} & ${10} as b, ${1} << ${3} as c, ~${1}::int as d, ${7} % ${4} as e, |/ ${16.5}::float8 as f`
  ]
]

const writes: ReadonlyArray<Shape> = [
  [
    "upsert with where",
    (sql) =>
      sql`insert into customers (id, name, score) values (${ann}, ${"Ann"}, ${2}) on conflict (id) do update set score = excluded.score where customers.score < ${"5"} returning score`
  ],
  [
    "upsert on constraint",
    (sql) =>
      sql`insert into customers (id, name) values (${cid}, ${"Ann"}) on conflict on constraint customers_name_key do update set joined = ${"2026-07-08"} returning id, joined`
  ],
  [
    "upsert do nothing",
    (sql) => sql`insert into customers (id, name) values (${ann}, ${"x"}) on conflict do nothing returning id`
  ],
  [
    "upsert by an expression",
    (sql) =>
      sql`insert into customers ${sql.insert({ id: cid, name: "Cid", joined: "2026-01-02", score: null })} on conflict (name) do update set score = coalesce(excluded.score, customers.score, ${"7"}) returning *`
  ],
  [
    "upsert with arrays",
    (sql) =>
      sql`insert into nodes (id, name, path) values (${1}, ${"r"}, ${[1, 2]}) on conflict (id) do update set path = nodes.path || excluded.path, name = ${"R"} returning *`
  ],
  [
    "insert from unnest",
    (sql) =>
      sql`insert into nodes (id, name) select * from unnest(${[11, 12]}::int[], ${["a", "b"]}::text[]) returning id, name`
  ],
  [
    "insert from recordset",
    (sql) =>
      sql`insert into nodes (id, name, path) select id, name, path from jsonb_to_recordset(${'[{"id":13,"name":"c","path":[1]}]'}) as r (id int, name text, path int[]) returning *`
  ],
  ["insert default values", (sql) => sql`insert into orders default values returning state, total`],
  [
    "insert with default",
    (sql) => sql`insert into customers (id, name, joined) values (${cid}, ${"Cid"}, default) returning joined`
  ],
  [
    "insert overriding",
    (sql) => sql`insert into orders (id, customer) overriding system value values (${"77"}, ${ann}) returning id`
  ],
  [
    "insert helper with many rows of types",
    (sql) =>
      sql`insert into orders ${sql.insert([
        { customer: ann, state: "new", net: "1.5", placed: at },
        { customer: bob, state: "sent", net: "2", placed: null }
      ])} returning customer, state, net, placed`
  ],
  [
    "update from join",
    (sql) =>
      sql`update orders o set body = c.name || ${"!"} from customers c where c.id = o.customer and c.name = ${"bob"} returning o.body`
  ],
  [
    "update of a row",
    (sql) => sql`update orders set (net, tax) = (${"1"}, ${"2"}) where id = ${"1"} returning net, tax, total`
  ],
  [
    "update of a row from subquery",
    (sql) =>
      sql`update orders set (net, state) = (select max(net), ${"sent"}::status from orders) where id = ${3} returning net, state`
  ],
  [
    "update to default",
    (sql) => sql`update customers set joined = default, score = ${"3"} where id = ${bob} returning joined, score`
  ],
  [
    "update with case",
    (sql) =>
      sql`update orders set state = case when net > ${"6"} then ${"sent"} else ${"paid"} end::status returning id, state`
  ],
  ["update through a view", (sql) => sql`update paid set net = ${"3"} where id = ${1} returning *`],
  ["update through a view, refused", (sql) => sql`update paid set state = ${"new"} where id = ${1} returning *`],
  [
    "delete using",
    (sql) => sql`delete from orders using customers c where customer = c.id and c.name = ${"bob"} returning c.name, net`
  ],
  [
    "delete with limit by ctid",
    (sql) =>
      sql`delete from orders where id in (select id from orders where state = ${"new"} order by id limit ${1} for update skip locked) returning id`
  ],
  [
    "insert in CTE, select",
    (sql) =>
      sql`with i as (insert into nodes (id, name) values (${21}, ${"x"}) returning id, name) select i.name || ${"!"} as v from i`
  ],
  [
    "two writes in CTEs",
    (sql) =>
      sql`with d as (delete from orders where state = ${"sent"} returning *), u as (update orders set body = ${"seen"} where state = ${"new"} returning id) select (select count(*) from d) as d, (select count(*) from u) as u`
  ],
  [
    "insert with CTE before",
    (sql) =>
      sql`with c as (select id from customers where name = ${"Ann"}) insert into orders (customer, placed) select id, ${at} from c returning customer, placed`
  ],
  [
    "insert from delete",
    (sql) =>
      sql`with d as (delete from orders where id = ${3} returning customer, net) insert into orders (customer, net, tax) select customer, net, ${"1"} from d returning net, tax`
  ],
  [
    "merge",
    (sql) =>
      sql`merge into nodes n using (values (${1}, ${"one"}), (${31}, ${"new"})) v (id, name) on n.id = v.id when matched and n.name <> ${"x"} then update set name = v.name when not matched then insert (id, name) values (v.id, v.name || ${"!"})`
  ],
  [
    "merge with delete",
    (sql) => sql`merge into nodes n using (select ${4} as id) v on n.id = v.id when matched then delete`
  ],
  [
    "updateValues with types",
    (sql) =>
      sql`update orders set net = data.net::numeric, body = data.body from ${sql.updateValues(
        [
          { id: 1, net: "9.5", body: "b" },
          { id: 2, net: "8", body: null }
        ],
        "data"
      )} where orders.id = data.id returning orders.id, orders.net, orders.body`
  ],
  [
    "update helper with many types",
    (sql) =>
      sql`update orders set ${sql.update({ state: "sent", placed: new Date(at), net: "4", doc: PgTypes.jsonb({ a: 1 }), body: null })} where id = ${1} returning state, placed, net, doc, body`
  ],
  [
    "returning of the insert helper",
    (sql) => sql`insert into nodes ${sql.insert({ id: 51, name: "x", path: [1] }).returning("id, name, path")}`
  ],
  [
    "returning of the update helper",
    (sql) =>
      sql`update nodes set ${sql.update({ id: 1, name: "y", path: [2] }, ["id"]).returning(sql`id, name || ${"!"} as v`)}`
  ],
  [
    "returning of updateValues",
    (sql) =>
      sql`update nodes set name = data.name from ${sql.updateValues([{ id: 2, name: "z" }], "data").returning("*")}`
  ],
  [
    "insert helper with fragments",
    (sql) =>
      sql`insert into nodes ${sql.insert({ id: sql`(select max(id) + ${1} from nodes)` as never, name: "f" })} returning *`
  ],
  [
    "a limit in an update",
    (sql) =>
      sql`update nodes set name = ${"q"} where id in (select id from nodes where name <> ${"root"} order by id limit ${"1"}) returning id`
  ],
  [
    "insert of nulls only",
    (sql) =>
      sql`insert into nodes ${sql.insert([
        { id: 41, parent: null, name: null },
        { id: 42, parent: 1, name: "x" }
      ])} returning *`
  ],
  ["unique violation", (sql) => sql`insert into customers (id, name) values (${cid}, ${"Ann"})`],
  [
    "unique violation of two columns",
    (sql) => sql`insert into orders (customer, placed) values (${ann}, ${"2026-01-02T00:00:00Z"})`
  ],
  ["unknown table", (sql) => sql`select * from nowhere where id = ${ann}`],
  ["unknown column", (sql) => sql`select nothing from orders where id = ${"1"}`],
  ["unknown function", (sql) => sql`select nothing(${ann})`],
  ["syntax error", (sql) => sql`selekt ${ann}`],
  ["division by zero", (sql) => sql`select ${1}::int / ${0}::int as v`],
  ["ambiguous column", (sql) => sql`select id from orders o, nodes n where name = ${"x"}`],
  ["raised by a function", (sql) => sql`select pg_sleep(${0})::text, ${"x"}::int`],
  ["privilege", (sql) => sql`select * from pg_read_file(${"/nowhere"})`],
  ["not in a group", (sql) => sql`select id from orders group by state having state = ${"new"}`],
  ["too many rows from a subquery", (sql) => sql`select (select id from orders where net > ${"0"}) as v`],
  ["check violation", (sql) => sql`update orders set discount = ${-1} where id = 1 returning id`],
  ["foreign key violation", (sql) => sql`insert into orders (customer) values (${cid}) returning id`],
  ["not null violation", (sql) => sql`insert into customers (id) values (${cid}) returning id`],
  ["invalid uuid", (sql) => sql`select id from customers where id = ${"nonsense"}`],
  ["invalid date", (sql) => sql`select id from orders where placed > ${"2026-13-45"}`],
  ["invalid enum", (sql) => sql`select id from orders where state = ${"lost"}`],
  ["invalid json", (sql) => sql`update orders set doc = ${"{"} where id = 1 returning id`],
  ["invalid number", (sql) => sql`select id from orders where net > ${"abc"}`]
]

const helpers: ReadonlyArray<Shape> = [
  [
    "sql.and in sql.or",
    (sql) =>
      sql`select id from orders where ${sql.or([sql.and([sql`state = ${"new"}`, sql`net > ${"1"}`]), sql.in("id", [1, "3"])])} order by id`
  ],
  ["sql.in of enums", (sql) => sql`select id from orders where ${sql.in("state", ["new", "sent"])} order by id`],
  ["sql.in of nothing", (sql) => sql`select id from orders where ${sql.in("state", [])}`],
  [
    "sql.in of dates",
    (sql) => sql`select id from orders where ${sql.in("placed", [new Date("2026-01-02T00:00:00Z"), new Date(0)])}`
  ],
  ["sql.in of bigints", (sql) => sql`select id from orders where ${sql.in("id", [1n, 2n])} order by id`],
  ["not in", (sql) => sql`select id from orders where id not in ${sql.in([1, 2])}`],
  [
    "sql.csv",
    (sql) =>
      sql`select ${sql.csv(["id", sql`net * ${2} as twice`])} from orders ${sql.csv("order by", ["id", sql`state desc`])}`
  ],
  ["sql.and of nothing", (sql) => sql`select count(*) as c from orders where ${sql.and([])}`],
  [
    "sql.join",
    (sql) =>
      sql`select id from orders where ${sql.join(" or ")([sql`id = ${1}`, sql`body ilike ${"%dog%"}`])} order by id`
  ],
  ["sql.literal", (sql) => sql`select ${sql.literal("now() is not null")} as v, ${"x"} as w`],
  [
    "identifiers with quotes",
    (sql) => sql`select ${sql("o.id")} as ${sql('a "b"')} from orders o where ${sql("o.state")} = ${"new"}`
  ],
  [
    "sql.onDialect",
    (sql) =>
      sql.onDialect({
        pg: () => sql`select ${"pg"} as v`,
        sqlite: () => sql`select 1`,
        mysql: () => sql`select 2`,
        mssql: () => sql`select 3`,
        clickhouse: () => sql`select 4`
      })
  ],
  [
    "sql.onDialectOrElse",
    (sql) => sql.onDialectOrElse({ pg: () => sql`select ${"pg"}::text as v`, orElse: () => sql`select 1` })
  ],
  [
    "fragments within fragments",
    (sql) => {
      const base = sql`select id, net from orders where state = ${"new"}`
      return sql`select * from (${base}) b where b.net > ${"1"} union all (${base}) limit ${"5"}`
    }
  ],
  ["one value twice", (sql) => sql`select id from orders where state = ${"new"} or body = ${"new"}`],
  [
    "PgTypes everywhere",
    (sql) =>
      sql`select ${PgTypes.int8(5n)} as a, ${PgTypes.date("2026-01-02")} as b, ${PgTypes.numeric("1.50")} as c, ${PgTypes.uuid(ann)} as d, ${PgTypes.text("t")} as e, ${PgTypes.bool(true)} as f, ${PgTypes.float4(1.5)} as g, ${PgTypes.json({ a: 1 })} as h`
  ],
  ["string with quotes and backslashes", (sql) => sql`select ${'it\'s \\ "x" $1 :a ?'} as v`],
  ["unicode", (sql) => sql`select ${"😀 ß \u200b"} as v, length(${"😀"}) as l`],
  [
    "comment with a placeholder",
    (sql) => sql`select /* ${sql.literal("$1 :x")} */ ${"a"} as v -- ${sql.literal("it's")}`
  ],
  ["trailing semicolon", (sql) => sql`select ${"a"} || ${"b"} as v;`],
  ["no columns", (sql) => sql`select from orders where state = ${"new"}`],
  ["two columns of one name", (sql) => sql`select net as v, state as v from orders where state = ${"new"}`],
  ["explain", (sql) => sql`explain (costs off) select 1 where ${"a"} = ${"b"}`],
  ["show", (sql) => sql`show standard_conforming_strings`],
  ["table", (sql) => sql`table nodes`],
  ["values", (sql) => sql`values (${1}, ${"a"}), (${2}, ${"b"})`],
  ["do", (sql) => sql`do $$ begin perform 1; end $$`],
  ["call", (sql) => sql`comment on table nodes is 'tree'`],
  [
    "current setting",
    (sql) =>
      sql`select current_setting(${"standard_conforming_strings"}) as v, set_config(${"my.x"}, ${"1"}, ${true}) as w`
  ],
  ["column named like a keyword", (sql) => sql`select ${1} as "select", ${"x"} as "from" order by ${"x"}::text`],
  [
    "null in comparisons",
    (sql) => sql`select count(*) as c from orders where body is not distinct from ${null} or state = ${null}`
  ],
  ["undefined is null", (sql) => sql`select ${undefined}::text as v`],
  ["booleans", (sql) => sql`select id from orders where ${true} and not ${false} and (state = ${"new"}) is true`],
  ["negative numbers", (sql) => sql`select ${-1} as a, ${-1.5} as b, - ${1}::int as c, ${1}-${2} as d`],
  ["large numbers", (sql) => sql`select ${2 ** 40} as a, ${1e300} as b, ${-0} as c, ${9007199254740991} as d`],
  [
    "order by position of parameter",
    (sql) => sql`select id from orders order by case ${"net"} when 'net' then net end desc, id`
  ],
  ["limit null", (sql) => sql`select id from orders order by id limit ${null}`],
  ["limit bigint", (sql) => sql`select id from orders order by id limit ${2n} offset ${"1"}`],
  ["for update of", (sql) => sql`select o.id from orders o where o.state = ${"new"} for update of o nowait`],
  ["for share skip locked", (sql) => sql`select id from orders where id = ${"1"} for share skip locked`],
  ["tablesample", (sql) => sql`select count(*) as c from orders tablesample system (${"100"})`],
  ["only", (sql) => sql`select count(*) as c from only orders where net >= ${"5.5"}`],
  ["cast chain", (sql) => sql`select ${"7"}::text::int::numeric as v`],
  ["typed literal", (sql) => sql`select date '2026-01-01' + ${"1"}::int as v, interval '1' day * ${2} as w`],
  ["is of boolean tests", (sql) => sql`select ${null}::bool is unknown as v, ${true} is not false as w`],
  ["coalesce of many", (sql) => sql`select coalesce(${null}, state, ${"new"}) as v from orders order by id`],
  ["greatest of strings", (sql) => sql`select greatest(name, ${"B"}, ${"a"}) as v from customers order by 1`],
  ["nullif of placeholders", (sql) => sql`select nullif(${1}, ${1}) as v`],
  [
    "case operand",
    (sql) =>
      sql`select case state when ${"new"} then ${1} when ${"paid"} then ${2} else ${3} end as v from orders order by id`
  ],
  [
    "case of strings",
    (sql) => sql`select case when net > ${"6"} then ${"big"} else ${"small"} end as v from orders order by id`
  ],
  ["in with mixed", (sql) => sql`select id from orders where net in (${"5.50"}, ${7.25}, ${10}) order by id`],
  [
    "any of subquery",
    (sql) =>
      sql`select name from customers where ${"new"} = any(select state from orders o where o.customer = customers.id)`
  ],
  ["all of array", (sql) => sql`select id from orders where net > all (${"{1,6}"}) order by id`],
  [
    "pg_typeof",
    (sql) =>
      sql`select pg_typeof(${1})::text as a, pg_typeof(${1.5})::text as b, pg_typeof(${true})::text as c, pg_typeof(${[1]})::text as d`
  ],
  [
    "pg_catalog functions",
    (sql) => sql`select pg_catalog.upper(${"a"}) as v, pg_catalog.format_type(${"23"}, ${null}) as w`
  ],
  [
    "information_schema",
    (sql) =>
      sql`select column_name from information_schema.columns where table_name = ${"nodes"} and table_schema = ${"public"} order by ordinal_position`
  ],
  ["schema-qualified", (sql) => sql`select count(*) as c from public.nodes where public.nodes.name <> ${"root"}`]
]

/** Result columns without a name: what a parameter's cast must not give one. */
const names: ReadonlyArray<Shape> = [
  ["parameters alone", (sql) => sql`select ${1}`],
  [
    "a parameter beside a column",
    (sql) => sql`select body, ${"x"}, ${new Date(0)}, ${[1]}, ${true} from orders order by id`
  ],
  ["a column named as the parameter's type", (sql) => sql`select text, ${"x"} from (values ('own')) v (text)`],
  ["the same, sorted by it", (sql) => sql`select ${"x"}, text from (values ('own'), ('a')) v (text) order by text`],
  [
    "the same in an INSERT",
    (sql) =>
      sql`insert into nodes (id, name) select ${901}, text from (values ('own')) v (text) order by text returning *`
  ],
  ["the same in a subquery", (sql) => sql`select text from (select ${"x"}, text from (values ('own')) v (text)) q`],
  ["distinct parameters", (sql) => sql`select distinct ${1}, name from nodes order by name`],
  ["parameters of a set operation", (sql) => sql`select ${1}, ${"a"} union all select ${2}, ${"b"} order by 1`],
  ["parameters of a table expression", (sql) => sql`with q as (select ${"a"}) select * from q`],
  ["a parameter of a scalar subquery", (sql) => sql`select (select ${"a"}), array(select ${1}), exists (select ${1})`],
  ["returned parameters", (sql) => sql`update nodes set name = name where id = ${1} returning id, ${"x"}, ${2}`],
  ["parameters with names of all kinds", (sql) => sql`select ${1} one, ${"b"} as "two", ${3} as three`],
  ["parameters of an array between columns", (sql) => sql`select array[${1}, ${2}, ${3}], ${4}, (array[5, 6])[${2}]`],
  [
    "parameters to sort and group by",
    (sql) => sql`select count(*) from nodes group by parent, ${"a"}::text, ${1}::int, id`
  ],
  ["parameters of a row, and of a list", (sql) => sql`select (1, 2, 3) = (${1}, ${2}, ${3}), 2 in (${1}, ${2}, ${3})`],
  [
    "a parameter before ON CONFLICT",
    (sql) =>
      sql`insert into nodes (id, name) select 1, ${"x"} on conflict (id) do update set name = ${"root"}, path = null`
  ],
  [
    "a parameter before OFFSET, FOR and FETCH",
    (sql) => sql`select id, ${"x"} from (select ${1} offset 0) q (id) fetch first row only`
  ]
]

export const furtherShapes: ReadonlyArray<Shape> = [
  ...windows,
  ...groups,
  ...joins,
  ...json,
  ...texts,
  ...times,
  ...kinds,
  ...writes,
  ...helpers,
  ...names
]
