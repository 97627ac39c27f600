/** Everyday statements as they are written for `@effect/sql-pg`: no cast where that needs none. */
import { PgTypes } from "@effect/sql-pg"
import type { SqlClient } from "effect/sql"
import type { Fragment } from "effect/sql/Statement"

const id = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
const other = "b1ffbc99-9c0b-4ef8-bb6d-6bb9bd380a22"
const day = "2026-01-02"
const moment = "2026-01-02T03:04:05.678Z"

/** What every shape finds: one table of many types, with two rows. */
export const schema = [
  "create type mood as enum ('sad', 'ok', 'very happy')",
  "create domain short as varchar(3)",
  "create domain positive as int check (value > 0)",
  "create type pair as (a int, b text)",
  `create table things (
    id uuid primary key, n int, small int2, big int8, real4 float4, real8 float8, amount numeric(12, 2), flag bool,
    label text, code varchar(20), fixed char(5), day date, at timestamptz, wall timestamp, clock time, span interval,
    doc jsonb, raw json, bytes bytea, tags text[], numbers int[], ids uuid[], days date[], feeling mood,
    feelings mood[], brief short, plus positive, address inet, net cidr, bits bit(3), varbits varbit, cash money,
    zoned timetz, mac macaddr, area int4range, whole pair, words tsvector, moments timestamptz[], spot point)`,
  `insert into things values
    ('${id}', 1, 2, 3, 1.5, 2.5, 10.50, true, 'one', 'c1', 'ab', '${day}', '${moment}', '2026-01-02 03:04:05', '03:04:05',
     '1 day 02:00:00', '{"a": 1}', '{"b": [1, 2]}', '\\x0102', '{x,y}', '{1,2}', '{${id}}', '{${day}}', 'ok', '{sad,ok}',
     'abc', 5, '10.0.0.1', '10.0.0.0/8', '101', '11', 12.50, '03:04:05+02', '08:00:2b:01:02:03', '[1,5)', '(1,x)',
     'a:1 b:2', '{"${moment}"}', '(1,2)'),
    ('${other}', 7, null, 9007199254740993, -0.5, 1e100, 0.01, false, 'two', 'c2', 'xyz', '1999-12-31',
     '1999-12-31T23:59:59Z', null, '23:59:59.5', '-1 mons -3 days', '{"a": {"b": "x"}}', 'null', '\\x', '{}', null, '{}',
     null, 'sad', null, 'x', 1, '::1', '::/0', '000', '', -1, '00:00:00-05:30', null, null, null, null, null, null)`
]

type Sql = SqlClient.SqlClient

/** A statement, by a name that says where in the grammar or of what kind its value is. */
export type Shape = readonly [name: string, statement: (sql: Sql) => Fragment]

const compared = (column: string, value: unknown): ReadonlyArray<Shape> => [
  [`${column} = string`, (sql) => sql`select n from things where ${sql(column)} = ${value}`],
  [`string = ${column}`, (sql) => sql`select n from things where ${value} = ${sql(column)}`],
  [
    `${column} is distinct from string`,
    (sql) => sql`select n from things where ${sql(column)} is distinct from ${value} order by n`
  ],
  [`${column} in strings`, (sql) => sql`select n from things where ${sql(column)} in ${sql.in([value, value])}`],
  [`coalesce(${column}, string)`, (sql) => sql`select coalesce(${sql(column)}, ${value}) as v from things order by n`],
  [`nullif(${column}, string)`, (sql) => sql`select nullif(${sql(column)}, ${value}) as v from things order by n`],
  [
    `case then string else ${column}`,
    (sql) => sql`select case when n = 1 then ${value} else ${sql(column)} end as v from things order by n`
  ]
]

const stored = (column: string, value: unknown): ReadonlyArray<Shape> => [
  [
    `update ${column}`,
    (sql) => sql`update things set ${sql(column)} = ${value} where n = ${1} returning ${sql(column)} as v`
  ],
  [
    `insert helper, ${column}`,
    (sql) =>
      sql`insert into things ${sql.insert({ id: "00000000-0000-0000-0000-000000000001", [column]: value })} returning ${sql(column)} as v`
  ],
  [
    `insert of rows, ${column}`,
    (sql) =>
      sql`insert into things ${sql.insert([
        { id: "00000000-0000-0000-0000-000000000001", [column]: value },
        { id: "00000000-0000-0000-0000-000000000002", [column]: null }
      ])} returning ${sql(column)} as v`
  ],
  [
    `update helper, ${column}`,
    (sql) =>
      sql`update things set ${sql.update({ [column]: value, label: "new" })} where id = ${id} returning ${sql(column)} as v`
  ]
]

const comparable: ReadonlyArray<readonly [column: string, value: unknown]> = [
  ["id", id],
  ["n", "1"],
  ["small", "2"],
  ["big", "9007199254740993"],
  ["real8", "2.5"],
  ["amount", "10.50"],
  ["flag", "true"],
  ["label", "one"],
  ["code", "c1"],
  ["fixed", "ab"],
  ["day", day],
  ["at", moment],
  ["wall", "2026-01-02 03:04:05"],
  ["clock", "03:04:05"],
  ["doc", '{"a": 1}'],
  ["bytes", "\\x0102"],
  ["feeling", "ok"],
  ["brief", "abc"],
  ["plus", "5"],
  ["address", "10.0.0.1"],
  ["net", "10.0.0.0/8"]
]

const storable: ReadonlyArray<readonly [column: string, value: unknown]> = [
  ...comparable.filter(([column]) => column !== "id"),
  ["raw", '{"z": 0}'],
  ["tags", ["q", "r"]],
  ["tags", "{s,t}"],
  ["numbers", "{4,5}"],
  ["ids", `{${other}}`],
  ["doc", PgTypes.jsonb([1, "x"])],
  ["bytes", new Uint8Array([9, 8])],
  ["at", new Date(0)],
  ["numbers", [7, null]],
  ["tags", []]
]

const expressions: ReadonlyArray<Shape> = [
  ["string alone", (sql) => sql`select ${"x"} as v`],
  ["null alone", (sql) => sql`select ${null} as v`],
  ["string || string", (sql) => sql`select ${"a"} || ${"b"} as v`],
  ["text || string", (sql) => sql`select label || ${"!"} as v from things order by n`],
  ["jsonb || string", (sql) => sql`select doc || ${'{"z":1}'} as v from things where n = 1`],
  ["jsonb -> string", (sql) => sql`select doc -> ${"a"} as v from things order by n`],
  ["jsonb ->> string", (sql) => sql`select doc ->> ${"a"} as v from things order by n`],
  ["jsonb #> string", (sql) => sql`select doc #> ${"{a,b}"} as v from things order by n`],
  ["jsonb #>> array", (sql) => sql`select doc #>> ${["a", "b"]} as v from things order by n`],
  ["jsonb ? string", (sql) => sql`select n from things where doc ? ${"a"} order by n`],
  ["jsonb ?| array", (sql) => sql`select n from things where doc ?| ${["a", "q"]} order by n`],
  ["jsonb @> string", (sql) => sql`select n from things where doc @> ${'{"a":1}'}`],
  ["jsonb - string", (sql) => sql`select doc - ${"a"} as v from things where n = 1`],
  ["jsonb_set", (sql) => sql`select jsonb_set(doc, ${"{a}"}, ${'"new"'}) as v from things where n = 1`],
  ["text array @> string", (sql) => sql`select n from things where tags @> ${"{x}"}`],
  ["text array && array", (sql) => sql`select n from things where tags && ${["x", "q"]}`],
  ["text array || string", (sql) => sql`select tags || ${"{z}"} as v from things where n = 1`],
  ["text array || array", (sql) => sql`select tags || ${["z"]} as v from things where n = 1`],
  ["array_append", (sql) => sql`select array_append(tags, ${"z"}) as v from things where n = 1`],
  ["array_position", (sql) => sql`select array_position(tags, ${"y"}) as v from things where n = 1`],
  ["array_remove of uuid", (sql) => sql`select array_remove(ids, ${id}) as v from things where n = 1`],
  ["string = any(tags)", (sql) => sql`select n from things where ${"x"} = any(tags)`],
  ["uuid string = any(ids)", (sql) => sql`select n from things where ${id} = any(ids)`],
  ["label = any(array)", (sql) => sql`select n from things where label = any(${["one", "two"]}) order by n`],
  ["label = any(string)", (sql) => sql`select n from things where label = any(${"{one}"})`],
  ["id = any(string)", (sql) => sql`select n from things where id = any(${`{${id}}`})`],
  ["label <> all(array)", (sql) => sql`select n from things where label <> all(${["one"]})`],
  ["like", (sql) => sql`select n from things where label like ${"o%"}`],
  ["ilike escape", (sql) => sql`select n from things where label ilike ${"O!N%"} escape ${"!"}`],
  ["regular expression", (sql) => sql`select n from things where label ~ ${"^o"}`],
  ["similar to", (sql) => sql`select n from things where label similar to ${"(one|three)"}`],
  ["between dates", (sql) => sql`select n from things where day between ${"2000-01-01"} and ${"2030-01-01"}`],
  ["timestamptz > string", (sql) => sql`select n from things where at > ${"2020-01-01"}`],
  [
    "timestamptz - string",
    (sql) => sql`select at - ${"2026-01-01T00:00:00Z"} > ${"1 day"} as v from things where n = 1`
  ],
  ["timestamptz + interval string", (sql) => sql`select at + ${"7 days"}::interval as v from things order by n`],
  ["date + integer", (sql) => sql`select day + ${1} as v from things order by n`],
  ["row comparison", (sql) => sql`select n from things where (day, id) > (${"2000-01-01"}, ${id}) order by n`],
  [
    "row in rows",
    (sql) => sql`select n from things where (n, label) in ((${1}, ${"one"}), (${7}, ${"two"})) order by n`
  ],
  ["greatest", (sql) => sql`select greatest(day, ${"2010-01-01"}) as v from things order by n`],
  ["date_trunc", (sql) => sql`select date_trunc(${"day"}, at, ${"UTC"}) as v from things order by n`],
  ["extract from string", (sql) => sql`select extract(year from ${day}::date)::int as v`],
  ["to_char", (sql) => sql`select to_char(day, ${"YYYY/MM"}) as v from things order by n`],
  ["to_timestamp", (sql) => sql`select to_timestamp(${"2026-01-02"}, ${"YYYY-MM-DD"}) as v`],
  ["at time zone", (sql) => sql`select wall at time zone ${"Europe/Vienna"} as v from things where n = 1`],
  ["age", (sql) => sql`select age(at, ${"2026-01-01T00:00:00Z"}) as v from things where n = 1`],
  ["split_part", (sql) => sql`select split_part(${"a,b"}, ${","}, ${2}) as v`],
  ["replace", (sql) => sql`select replace(label, ${"o"}, ${"0"}) as v from things order by n`],
  ["substring from for", (sql) => sql`select substring(label from ${2} for ${1}) as v from things order by n`],
  ["position in", (sql) => sql`select position(${"n"} in label) as v from things order by n`],
  ["overlay", (sql) => sql`select overlay(label placing ${"X"} from ${1} for ${1}) as v from things order by n`],
  ["trim", (sql) => sql`select trim(both ${"o"} from label) as v from things order by n`],
  ["lpad", (sql) => sql`select lpad(label, ${5}, ${"*"}) as v from things order by n`],
  ["format", (sql) => sql`select format(${"%s-%s"}, label, n) as v from things order by n`],
  ["string_to_array", (sql) => sql`select string_to_array(${"a,b"}, ${","}) as v`],
  [
    "regexp_replace",
    (sql) => sql`select regexp_replace(label, ${"[aeiou]"}, ${"*"}, ${"g"}) as v from things order by n`
  ],
  ["md5", (sql) => sql`select md5(${"x"}) as v`],
  ["encode decode", (sql) => sql`select encode(decode(${"ff"}, ${"hex"}), ${"base64"}) as v`],
  [
    "websearch_to_tsquery",
    (sql) =>
      sql`select to_tsvector(${"english"}, label) @@ websearch_to_tsquery(${"english"}, ${"one"}) as v from things order by n`
  ],
  ["to_regclass", (sql) => sql`select to_regclass(${"things"}) is not null as v`],
  ["regclass", (sql) => sql`select count(*)::int as v from pg_class where oid = ${"things"}::regclass`],
  ["oid = string", (sql) => sql`select typname as v from pg_type where oid = ${"2950"}`],
  ["name = string", (sql) => sql`select typname as v from pg_type where typname = ${"uuid"}`],
  ["json_to_recordset", (sql) => sql`select a, b from json_to_recordset(${'[{"a":1,"b":"x"}]'}) as r(a int, b text)`],
  ["jsonb_array_elements", (sql) => sql`select value as v from jsonb_array_elements(${"[1,2]"})`],
  ["jsonb_to_record", (sql) => sql`select a from jsonb_to_record(${'{"a":"2026-01-02"}'}) as r(a date)`],
  ["unnest array", (sql) => sql`select v from unnest(${["a", "b"]}) as v`],
  ["unnest with cast", (sql) => sql`select v from unnest(${[id]}::uuid[]) as v`],
  [
    "generate_series of dates",
    (sql) => sql`select g as v from generate_series(${day}::date, ${"2026-01-04"}::date, ${"1 day"}::interval) as g`
  ],
  ["values list", (sql) => sql`select v.a, v.b from (values (${1}, ${"x"}), (${2}, ${"y"})) as v(a, b) order by 1`],
  ["union", (sql) => sql`select label as v from things union select ${"three"} order by 1`],
  ["union of uuids", (sql) => sql`select id as v from things union select ${id} order by 1`],
  ["exists", (sql) => sql`select exists (select 1 from things where id = ${id}) as v`],
  ["common table expression", (sql) => sql`with found as (select * from things where id = ${id}) select n from found`],
  ["window", (sql) => sql`select n, lag(label, ${1}, ${"none"}) over (order by n) as v from things order by n`],
  ["filter", (sql) => sql`select count(*) filter (where feeling = ${"ok"}) as v from things`],
  ["string_agg", (sql) => sql`select string_agg(label, ${"; "} order by n) as v from things`],
  [
    "group by having",
    (sql) => sql`select feeling as v, count(*) as c from things group by feeling having max(day) > ${"2000-01-01"}`
  ],
  ["order by case", (sql) => sql`select n from things order by case when feeling = ${"sad"} then 0 else 1 end`],
  ["limit string", (sql) => sql`select n from things order by n limit ${"1"}`],
  ["limit and offset", (sql) => sql`select n from things order by n limit ${1} offset ${1}`],
  ["fetch first rows", (sql) => sql`select n from things order by n fetch first ${1} rows only`],
  ["fetch first string rows", (sql) => sql`select n from things order by n fetch first ${"1"} rows only`],
  ["offset rows", (sql) => sql`select n from things order by n offset ${1} rows`],
  ["offset rows fetch next", (sql) => sql`select n from things order by n offset ${0} rows fetch next ${2} rows only`],
  ["fetch with ties", (sql) => sql`select n from things order by n fetch first ${1} rows with ties`],
  ["subscript", (sql) => sql`select tags[${1}] as v from things order by n`],
  ["subscript by string", (sql) => sql`select tags[${"1"}] as v from things order by n`],
  ["slice", (sql) => sql`select tags[${1}:${2}] as v from things order by n`],
  ["slice from", (sql) => sql`select tags[${2}:] as v from things order by n`],
  ["slice to", (sql) => sql`select tags[:${1}] as v from things order by n`],
  ["json subscript", (sql) => sql`select doc[${"a"}] as v from things order by n`],
  ["subscript of the value", (sql) => sql`select (${[5, 6]})[${2}] as v`],
  ["frame", (sql) => sql`select sum(n) over (order by n rows ${1} preceding) as v from things order by n`],
  [
    "range frame",
    (sql) =>
      sql`select count(*) over (order by day range between ${"1 day"} preceding and current row) as v from things order by n`
  ],
  ["tablesample", (sql) => sql`select count(*) as v from things tablesample bernoulli(${100}) repeatable (${1})`],
  ["minus", (sql) => sql`select -${5}::int as v`],
  ["power of two values", (sql) => sql`select ${2} ^ ${3} as v`],
  ["collate", (sql) => sql`select ${"a"} < ${"B"} collate "C" as v`],
  ["value as alias", (sql) => sql`select ${7} seven, ${"x"} "day"`],
  ["string in an interval alias", (sql) => sql`select ${true} as yes, not ${false} as no`],
  ["named argument", (sql) => sql`select make_interval(days => ${3}) as v`],
  ["variadic", (sql) => sql`select num_nulls(variadic ${[1, null]}) as v`],
  ["array constructor", (sql) => sql`select array[${"a"}, ${"b"}] as v`],
  ["array constructor of uuids", (sql) => sql`select n from things where id = any(array[${id}, ${other}]) order by n`],
  ["row constructor", (sql) => sql`select (row(${1}, ${"x"})::pair).b as v`],
  ["xmlexists", (sql) => sql`select xmlexists(${"/a"} passing xmlparse(document ${"<a/>"})) as v`],
  ["bit string", (sql) => sql`select n from things where bits = ${"101"}`],
  ["range contains", (sql) => sql`select n from things where area @> ${2}`],
  ["range overlaps string", (sql) => sql`select n from things where area && ${"[4,9)"}`],
  ["inet contained", (sql) => sql`select n from things where address << ${"10.0.0.0/8"}`],
  ["money", (sql) => sql`select n from things where cash > ${"5"}`],
  ["interval compared", (sql) => sql`select n from things where span > ${"1 hour"}`],
  ["timetz compared", (sql) => sql`select n from things where zoned = ${"03:04:05+02"}`],
  ["timestamptz extract", (sql) => sql`select n from things where at::date = ${day}`],
  ["enum array contains", (sql) => sql`select n from things where feelings @> ${"{sad}"}`],
  ["enum = any of strings", (sql) => sql`select n from things where ${"sad"} = any(feelings)`],
  ["domain and a longer string", (sql) => sql`select n from things where brief = ${"abcd"}`],
  ["char and trailing spaces", (sql) => sql`select n from things where fixed = ${"ab   "}`],
  ["delete", (sql) => sql`delete from things where id = ${id} returning n`],
  ["delete using", (sql) => sql`delete from things using (values (${"one"})) as v(l) where label = v.l returning n`],
  [
    "update from values",
    (sql) =>
      sql`update things set label = data.label from (values (${1}, ${"new"})) as data(n, label) where things.n = data.n returning things.label as v`
  ],
  [
    "updateValues helper",
    (sql) =>
      sql`update things set label = data.label from ${sql.updateValues(
        [
          { n: 1, label: "new" },
          { n: 7, label: "newer" }
        ],
        "data"
      )} where things.n = data.n returning things.label as v`
  ],
  [
    "upsert",
    (sql) =>
      sql`insert into things (id, label) values (${id}, ${"again"}) on conflict (id) do update set label = excluded.label || ${"!"} returning label as v`
  ],
  [
    "insert from select",
    (sql) =>
      sql`insert into things (id, day) select ${"00000000-0000-0000-0000-000000000003"}, ${day} returning day as v`
  ],
  [
    "merge",
    (sql) => sql`with gone as (delete from things where feeling = ${"sad"} returning id) select count(*) as v from gone`
  ],
  ["json helper", (sql) => sql`select ${sql.and([sql`n = ${1}`, sql`day = ${day}`])} as v from things order by n`],
  [
    "or of conditions",
    (sql) => sql`select n from things where ${sql.or([sql`id = ${id}`, sql`feeling = ${"sad"}`])} order by n`
  ]
]

const results: ReadonlyArray<Shape> = [
  "span",
  "zoned",
  "cash::numeric",
  "'x'::\"char\"",
  "'pg_class'::regclass",
  "array['pg_class'::regclass]",
  "array[bytes]",
  "array[span]",
  "array[zoned]",
  "'<a/>'::xml",
  "moments",
  "days",
  "ids",
  "age(at, wall)",
  "'infinity'::timestamptz",
  "'-infinity'::timestamp",
  "'infinity'::date",
  "real4",
  "big",
  "net",
  "varbits::text"
].map(
  (expression): Shape => [
    `result ${expression}`,
    (sql) => sql`select ${sql.literal(expression)} as v, n from things order by n`
  ]
)

export const shapes: ReadonlyArray<Shape> = [
  ...comparable.flatMap(([column, value]) => compared(column, value)),
  ...storable.flatMap(([column, value]) => stored(column, value)),
  ...expressions,
  ...results
]
