/** Messages of the protocol, sent to PostgreSQL and to the gateway: both answer the same, message by message. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import {
  type Answer,
  bind,
  close,
  copyData,
  copyDone,
  describe as describeMessage,
  execute,
  flush,
  functionCall,
  int16,
  int32,
  parse,
  query,
  queryOctets,
  RawClient,
  sync
} from "./RawClient.ts"
import { layer as gateway, run as ran, TestGateway } from "./TestGateway.ts"

const serverUrl = TestDatabase.postgresUrl ?? ""

/** What an answer says; of an error what the service gives: neither DETAIL, CONTEXT nor the place in PostgreSQL's sources. */
const said = ({ body, type }: Answer): string =>
  type === "E" || type === "N"
    ? `${type} ${body
        .toString()
        .split("\0")
        .filter((field) => /^[SVCMPn]/.test(field))
        .join(" ")}`
    : `${type} ${body.toString("latin1")}`

/** The answers to groups of messages, each of which is answered by a ReadyForQuery at its end. */
const answers = async (client: RawClient, groups: ReadonlyArray<ReadonlyArray<Buffer>>) => {
  const all: Array<string> = []
  for (const group of groups) all.push(...(await client.ask(...group)).answers.map(said))
  await client.kill()
  return all
}

const prepared = (name: string, sql: string) => [parse(name, sql), bind("", name), execute(""), sync]
const run = (name: string) => [bind("", name), execute(""), sync]

/** The functions of large objects. */
const lo = { create: 715, open: 952, read: 954, write: 955, seek: 956, unlink: 964 }

const manyNumbers = Array.from({ length: 2500 }, (_, index) => String(index))
const manyRows = `select count(n), sum(n::int) from (values ${manyNumbers.map((n) => `($${Number(n) + 1})`).join(",")}) v(n)`

/** A statement of two parameters and two columns with formats that need not fit it. */
const formatted = (parameters: ReadonlyArray<number>, results: ReadonlyArray<number>, values = ["1", "2"]) => [
  parse("", "select $1::text, $2::text"),
  bind("", "", values, { parameters, results }),
  execute(""),
  sync
]

/** A file of COPY BINARY: the signature, flags, the length of an extension, and what follows. */
const binaryFile = (flags: number, extension: number, ...rest: ReadonlyArray<Buffer>) =>
  Buffer.concat([Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"), int32(flags), int32(extension), ...rest])
const field = (value: Buffer | string) => Buffer.concat([int32(value.length), Buffer.from(value)])
const binaryRow = (number: number, text: string) => Buffer.concat([int16(2), field(int32(number)), field(text)])
const trailer = int16(-1)
/** Bytes as COPY's data, in pieces of a size. */
const pieces = (bytes: Buffer, size = bytes.length) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    copyData(bytes.subarray(at * size, (at + 1) * size))
  )
const whole = binaryFile(0, 0, binaryRow(1, "one"), binaryRow(2, "two"), trailer)

const binaryCopies: ReadonlyArray<ReadonlyArray<Buffer>> = [
  pieces(whole),
  pieces(whole, 1),
  pieces(whole, 7),
  pieces(binaryFile(1, 3, Buffer.from("ext"), binaryRow(3, "with an extension"), trailer)),
  pieces(binaryFile(0, 0, int16(2), int32(-1), int32(-1), trailer)),
  pieces(binaryFile(0, 0, binaryRow(4, "without a trailer"))),
  pieces(binaryFile(0, 0)),
  // Cut: in a row, in the length of a value, in the count of a row, in the extension, in the signature, and before it.
  pieces(whole.subarray(0, whole.length - 4)),
  pieces(binaryFile(0, 0, binaryRow(5, "five"), int16(2), int16(0))),
  pieces(binaryFile(0, 0, binaryRow(6, "six"), Buffer.from([0]))),
  pieces(binaryFile(0, 9, Buffer.from("ext"))),
  pieces(whole.subarray(0, 17)),
  pieces(whole.subarray(0, 13)),
  pieces(whole.subarray(0, 5)),
  [],
  pieces(Buffer.from(`${"not COPY BINARY at all".repeat(3)}`)),
  pieces(binaryFile(0x10000, 0, trailer)),
  pieces(binaryFile(0x20000, 0, trailer)),
  pieces(binaryFile(0, -1, trailer)),
  pieces(binaryFile(0, 0, binaryRow(7, "seven"), trailer, Buffer.from("more"))),
  pieces(binaryFile(0, 0, int16(3), field(int32(8)), field("eight"), field("8"), trailer)),
  pieces(binaryFile(0, 0, int16(-2), trailer)),
  pieces(binaryFile(0, 0, int16(2), int32(-2), field("nine"), trailer))
]

/** COPY of text, and what came of it; each input into a table of its own. */
const copiedTexts = (options: string, inputs: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<Buffer>> =>
  inputs.flatMap((input) => [
    [query("create table lines(a text)")],
    [query(`copy lines from stdin ${options}`), copyData(input), copyDone],
    [query("select concat(a), a is null from lines")],
    [query("drop table lines")]
  ])

/** One row as text of two lines, with line breaks of each kind, mixed, and behind a backslash. */
const lineBreaks = [
  "a\nb\n",
  "a\r\nb\r\n",
  "a\rb\r",
  "a\rb",
  "\r\r",
  "a\r\nb\n",
  "a\nb\r\n",
  "a\rb\n",
  "a\nb\r",
  "a\\\r\n"
]

const longRows = (from: string, row: (n: number) => string, after: string) => [
  parse(
    "",
    `insert into ${from} values ${manyNumbers
      .slice(0, 900)
      .map((n) => row(Number(n)))
      .join(", ")}${after}`
  ),
  sync
]

/** A value of an octet that is its version, and what follows. */
const versioned = (type: string, version: number) => [
  parse("", `select $1::${type}::text`),
  bind("", "", [`${String.fromCharCode(version)}${type === "jsonpath" ? "$" : "1"}`], { parameters: [1] }),
  execute(""),
  sync
]

const conversations: Readonly<Record<string, ReadonlyArray<ReadonlyArray<Buffer>>>> = {
  "formats are as many as the values, or one, or none, and of two kinds": [
    formatted([], []),
    formatted([1], [1]),
    formatted([0, 1], [1, 0]),
    formatted([0, 1, 0], []),
    formatted([0, 1, 0], [], ["1"]),
    formatted([0, 0], [], ["1"]),
    formatted([2], []),
    formatted([0, 65535], []),
    formatted([], [0, 0, 0])
  ],
  "an error in one of many rows has its place in the text": [
    [query("create table placed(a int, b text)")],
    longRows("placed", (n) => `($${2 * n + 1}, $${2 * n + 2})`, " returning nope"),
    longRows("placed", (n) => `($${2 * n + 1}, $${2 * n + 2})`, " returnin a"),
    longRows("placed", (n) => `($${2 * n + 1}, $${2 * n + 2})`, " returning a, $1801::int, b, missing, $1802::int"),
    longRows("placed (a, c)", (n) => `($${2 * n + 1}, $${2 * n + 2})`, ""),
    longRows("placed as é (a, b, c)", (n) => `($${2 * n + 1}, $${2 * n + 2})`, ""),
    longRows("unplaced", (n) => `($${2 * n + 1}, $${2 * n + 2})`, ""),
    longRows("placed", (n) => `($${2 * n + 1}, lower($${2 * n + 2}), 3)`, ""),
    longRows("placed", (n) => `($${2 * n + 1}::int, lower($${2 * n + 2}, 'none'))`, ""),
    longRows("placed", (n) => `($${2 * n + 1}::integ, $${2 * n + 2})`, ""),
    [
      parse(
        "",
        `select $1::int where 1 in (${manyNumbers.map((n) => `$${Number(n) + 2}`).join(", ")}) and nope = $2602`
      ),
      sync
    ],
    [query("drop table placed")]
  ],
  "a version that a binary value can't have is named": [
    versioned("jsonb", 1),
    versioned("jsonb", 2),
    versioned("jsonb", 0),
    versioned("jsonpath", 1),
    versioned("jsonpath", 7),
    [query("create table versions(a jsonb)")],
    [
      query("copy versions from stdin (format binary)"),
      copyData(binaryFile(0, 0, int16(1), field("\x02[]"), trailer)),
      copyDone
    ],
    [query("drop table versions")]
  ],
  "of several statements none runs if one has a syntax error, wherever they commit": [
    [query("create table committed(a int); insert into committed values (0)")],
    [query("insert into committed values (1); commit; selec 2")],
    [query("begin; insert into committed values (2); commit; insert into committed values (3; select 1")],
    [query("begin; insert into committed values (4); rollback; insert into committed values (5); selec; select 1")],
    [query("insert into committed values (6); commit and chain; insert into committed value (7)")],
    [query("begin; insert into committed values (8)")],
    [query("commit; insert into committed values (9); create table (a int)")],
    [query("select 1")],
    [query("rollback; insert into committed values (10); select 1 +")],
    [query("rollback; insert into committed values (11); commit; select 1/0")],
    [query("insert into committed values (12); commit; select missing from committed; selec")],
    [query("insert into committed values (13); commit; vacuum; create table x(a int,)")],
    [query("insert into committed values (14); commit; do $$ begin selec; end $$")],
    [query("insert into committed values (16); commit; select 1 + /* é */ ; select 2")],
    [query("insert into committed values (17); commit; do $$ begin perform ':x'; end $$ languag sql; select 2")],
    [query("insert into committed values (15); commit; select 'é', nothing from committed")],
    [query("insert into committed values (18); select $1 from committed; select 1")],
    [query("insert into committed values (19); select $1 from committed; selec")],
    [query("select $1::text \n select 1")],
    [query("select $1")],
    [query("select a + 0 from committed order by a")],
    [query("drop table committed")]
  ],
  "DISCARD ALL is refused beside other statements": [
    [query("discard all")],
    [query("discard all;")],
    [query("select 1; discard all")],
    [query("discard all; select 1")],
    [query("discard plans; discard sequences; select 1")],
    [query("begin; commit; discard all")],
    [query("begin")],
    [query("discard all")],
    [query("rollback; discard all")],
    [query("select 1")]
  ],
  "COPY is refused from and to what has no rows of its own, and of columns that it does not copy": [
    [
      query(
        "create schema kinds; create table kinds.t(a int, b int generated always as (a) stored, c text); create view kinds.v as select 1 as a; create materialized view kinds.m as select 1 as a; create sequence kinds.s; create index i on kinds.t(a); create type kinds.pair as (a int); create table kinds.p(a int) partition by list (a); create view kinds.w as select 1 as a; create function kinds.f() returns trigger language plpgsql as $$ begin insert into kinds.t values (new.a); return new; end $$; create trigger g instead of insert on kinds.w for each row execute function kinds.f(); create rule r as on update to kinds.t do also nothing"
      )
    ],
    ...[
      "missing.t",
      "missing.t(a)",
      "missing",
      "kinds.missing(a)",
      "kinds.t(missing)",
      "kinds.t(a, c, a)",
      "kinds.t(b)",
      "kinds.t(A)",
      'kinds.t("A")',
      "kinds.v",
      "kinds.v(a)",
      "kinds.v(b)",
      "kinds.m",
      "kinds.s",
      "kinds.i",
      "kinds.i(missing)",
      "kinds.pair",
      "kinds.p",
      "kinds.w",
      "elsewhere.kinds.t"
    ].map((table) => [query(`copy ${table} to stdout`)]),
    ...[
      "missing.t",
      "missing",
      "kinds.t(missing)",
      "kinds.t(a, c, a)",
      "kinds.t(b)",
      "kinds.i",
      "elsewhere.kinds.t"
    ].map((table) => [query(`copy ${table} from stdin`), copyData("1\n"), copyDone]),
    [query("set client_min_messages = warning")],
    [query("drop schema kinds cascade")],
    [query("reset client_min_messages")]
  ],
  "a colon before a name is refused where it stands, but in the bounds of a slice": [
    [query("select 'é', (array[1,2,3])[1:2], :x")],
    [query("select 1; select (array[1,2,3])[1:n], :y from generate_series(2, 2) n")],
    [query("select (array[1,2,3])[1:n] from generate_series(2, 2) n")],
    [query("insert into missing values (1, :z)")],
    [query("select x.a:int from (select 1 as a) x")],
    [parse("", "select 1, :x"), sync]
  ],
  "an array of empty rows": [
    [query("select array[row()]")],
    [query("select array[row(), row()], row(row()), array[row(null)], array[row(''), row(null, null)]")],
    prepared("", "select array[row()], array[row(null)]"),
    prepared("", "select row(), row(row())"),
    [parse("", "select array[row()], row()"), bind("", "", [], { results: [1] }), execute(""), sync]
  ],
  "statements and messages name prepared statements in one space": [
    [parse("a b", "select 1"), sync],
    [query('prepare "a b" as select 2')],
    [query('execute "a b"')],
    [query('deallocate "a b"')],
    run("a b"),
    [query("prepare c(int) as select $1 + 1")],
    [describeMessage("S", "c"), bind("", "c", ["41"]), execute(""), sync],
    [close("S", "c"), sync],
    [query("execute c(1)")],
    [parse("d", "select 1"), sync],
    [query("deallocate all")],
    run("d"),
    [parse("d", "select 1"), sync],
    [query("discard all")],
    prepared("d", "select 4")
  ],
  "cursors WITH HOLD outlive their transaction and move both ways": [
    [query("declare h scroll cursor with hold for select g, 'x' || g from generate_series(1, 5) g")],
    ...["fetch h", "fetch 2 from h", "fetch prior from h", "fetch all in h", "fetch next from h", "fetch -2 h"].map(
      (sql) => [query(sql)]
    ),
    ...[
      "first from h",
      "last from h",
      "absolute 2 from h",
      "absolute -2 from h",
      "relative -1 from h",
      "relative 0 h"
    ].map((words) => [query(`fetch ${words}`)]),
    ...["forward all from h", "backward 2 from h", "backward all in h", "absolute 0 h", "0 h", "forward 0 h"].map(
      (words) => [query(`move ${words}`)]
    ),
    [query("fetch h"), query("declare h cursor with hold for select 1")],
    [
      query(
        "begin; declare k cursor with hold for select 1; fetch k; savepoint s; declare l cursor with hold for select 2"
      )
    ],
    [query("rollback to s; fetch l")],
    [query("commit")],
    [query("fetch l")],
    [query("begin; declare k no scroll cursor with hold for select generate_series(1, 3); commit")],
    [query("fetch 2 k"), query("fetch prior k")],
    [query("begin; declare m cursor with hold for select 1; rollback; fetch m")],
    [query("begin; select 1/0")],
    [query("fetch h")],
    [query("rollback")],
    [parse("", "fetch 2 from h"), describeMessage("S", ""), bind("", ""), describeMessage("P", ""), execute(""), sync],
    [describeMessage("P", "h"), sync],
    [query("close h; fetch h")],
    [query("close all")],
    [query("declare h cursor with hold for select 1/0")],
    [query("declare h cursor without hold for select 1")]
  ],
  "COPY BINARY is read in pieces of any size, and refused where it is cut or damaged": [
    [query("create table binary_rows(a int, b text)")],
    ...binaryCopies.map((data) => [query("copy binary_rows from stdin (format binary)"), ...data, copyDone]),
    [query("select count(*), sum(a), string_agg(b, ' ' order by b) from binary_rows")],
    [query("drop table binary_rows")]
  ],
  "COPY ends lines with the line break of the first, and refuses any other": [
    ...copiedTexts("", lineBreaks),
    ...copiedTexts("csv", [...lineBreaks, '"a\rb"\rc\r', '"a\r\nb"\nc\n']),
    ...copiedTexts("csv header", ["h\ra\r", "h\r\na\n", ""]),
    ...copiedTexts("(header match)", ["", "a\rb\r"])
  ],
  "COPY ends at its mark, alone on a line or not, and refuses a damaged one": [
    ...copiedTexts("", ["a\n\\.\nb\n", "a\\.\nb\n", "a\\.b\n", "\\.", "a\r\n\\.\n", "a\r\\.\r", "a\\"]),
    ...copiedTexts("csv", ["a\n\\.\nb\n", "\\.", "x\\.\n", "\\.x\n", '"\\."\n', "a\n\\.\r\n"])
  ],
  "a quote of CSV that is not closed is refused, not stored with what follows": copiedTexts("csv", [
    '"',
    '"a',
    '"a\nb\n',
    'a"b\nc\n',
    '"a""\n',
    'a"b"c\n',
    '"a"b\n'
  ]),
  "escapes of COPY are characters, and octets of UTF-8 where they are numbers": [
    [query("create table escaped(a text)")],
    [query("copy escaped from stdin"), copyData(String.raw`x\303\251y\x41\q\xe2\x82\254`), copyData("\n"), copyDone],
    [query("copy escaped from stdin"), copyData("\\"), copyData("303\\2"), copyData("51\n"), copyDone],
    [query("select concat(a), length(a) from escaped")],
    [query("drop table escaped")]
  ],
  'an octet of the type "char" comes and goes in binary, also the one that is the empty text': ["\0", "a", "\\"].map(
    (octet) => [
      parse("", 'select $1::"char", $1::"char", array[$1::"char"]'),
      bind("", "", [octet], { parameters: [1], results: [0, 1, 1] }),
      execute(""),
      sync
    ]
  ),
  "a parameter has the type that the client declares, and an open one that of its place": (
    [
      ["select $1", [1043]],
      ["select $1, $2, $3", [25, 705, 0]],
      ["select $1 + $2", [20, 0]],
      ["select $1 + $2", [0, 1700]],
      ["select $1 = any($2)", [0, 1016]],
      ["select $1", [600]],
      ["select $1 + 1", [1082]],
      ["select $1 + 1", [16]],
      ["select $1::int + $2", [25]]
    ] as const
  ).map(([sql, types]) => [parse("", sql, types), describeMessage("S", ""), sync]),
  "CALL takes parameters, of the types that the procedure declares, in any order and inside of expressions": [
    [
      query(
        "create schema calls; create table calls.log(a bigint, b text, c date); create procedure calls.note(a bigint, b text default 'none', c date default '2026-01-01') language sql as $$ insert into calls.log values (a, b, c) $$"
      )
    ],
    ...[
      ["call calls.note($1)", "1"],
      ["call calls.note($1, $2)", "2", "two"],
      ["call calls.note($1, $2, $3)", "3", "three", "2026-03-03"],
      ["call calls.note(c => $3, a => $1, b => $2)", "4", "four", "2026-04-04"],
      ["call calls.note(b := $2, a := $1)", "5", "five"],
      ["call calls.note(greatest($1::bigint, (array[1, 2])[1]), concat('(', $2::text, ']'))", "6", "six"],
      ["call calls.note(7, c => $1)", "2026-07-07"]
    ].map(([sql = "", ...values]) => [parse("", sql), bind("", "", values), execute(""), sync]),
    [parse("", "call calls.note($1, $2, $3)"), describeMessage("S", ""), sync],
    [query("select a + 0, b || '', c + 0 from calls.log order by 1")],
    [query("drop procedure calls.note; drop table calls.log; drop schema calls")]
  ],
  "COPY of a partitioned table is refused, not answered by no rows": [
    [
      query(
        "create table parted(a int) partition by list (a); create table parted_one partition of parted for values in (1)"
      )
    ],
    [query("copy parted from stdin"), copyData("1\n"), copyDone],
    ...["parted", "parted (a)", "public.parted", "parted_one", "(select a + 0 from parted)"].map((source) => [
      query(`copy ${source} to stdout`)
    ]),
    [query("truncate parted"), query("copy parted_one to stdout")],
    [query("drop table parted")]
  ],
  "COPY takes STDIN and STDOUT in either direction": [
    [query("create table copied(a int, b text)")],
    [query("copy copied from stdout"), copyData("1\tone\n"), copyDone],
    [query("copy copied to stdin")],
    [query("drop table copied")]
  ],
  "an error skips to the Sync, and what comes after it is answered": [
    [
      parse("", "select 1/(g - g) from generate_series(1, $1::int) g"),
      bind("", "", ["1"]),
      execute(""),
      parse("e", "select 1"),
      flush,
      sync
    ],
    run("e"),
    [parse("", "select 1"), bind("p", ""), bind("p", ""), sync],
    [bind("", "", ["1"]), sync],
    [execute("none"), sync],
    [parse("", ""), bind("", ""), describeMessage("P", ""), execute(""), sync],
    [parse("", "select 1; select 2"), sync],
    [query(";;")],
    [query("")],
    [sync]
  ],
  "a cursor WITH HOLD that does not scroll moves forward, beyond its end too": [
    [
      "forward 4",
      "forward 4",
      "next",
      "3",
      "all",
      "relative 2",
      "absolute 9",
      "absolute 7",
      "absolute 6",
      "last",
      "prior"
    ],
    ["prior"],
    ["last"],
    ["backward 0", "next", "0", "relative 0", "-1"],
    ["first", "first", "absolute 3", "absolute 3", "relative 1", "relative -1", "absolute 0"],
    ["absolute 0", "absolute -2", "backward all"]
  ].flatMap((moves) => [
    [query("declare n no scroll cursor with hold for select generate_series(1, 5)")],
    ...moves.map((words) => [query(`fetch ${words} from n`)]),
    [query("close n")]
  ]),
  "a statement may have thousands of parameters": [
    [parse("", manyRows), describeMessage("S", ""), bind("", "", manyNumbers), execute(""), sync]
  ],
  "what a write returns has the names and the origins that it was given": [
    "insert into made values (1, 'x') returning *, *",
    "insert into made values (2, 'y') returning tableoid::regclass, a = 2 as \"a b\", (select max(a) from made), b",
    "update made set b = 'z' from made o where made.a = o.a and o.a = 1 returning made.*, o.*, (select 1 as z)",
    "with w as (select 2 as k) update made set b = 'w' from w where w.k = made.a returning made.*, w.*, made.*",
    "delete from made returning a as tableoid, made.a, 1, 'x'"
  ].flatMap((sql) => [
    [parse("", sql), describeMessage("S", ""), sync],
    [query("begin")],
    [query(sql)],
    [query("rollback")]
  ]),
  "a name means what the transaction's settings say": [
    [query("begin; set local search_path to one; select * from t")],
    [query("set local search_path to two; select * from t")],
    [query("rollback; begin; set local search_path to two")],
    [query("select * from t")],
    [query("select set_config('search_path', 'one', true)")],
    [query("select * from t")],
    [parse("", "select set_config($1, $2, true)"), bind("", "", ["search_path", "two"]), execute(""), sync],
    [query("select * from t")],
    [query("rollback")],
    [parse("", "select set_config('search_path', $1, false)"), bind("", "", ["one"]), execute(""), sync],
    [query("select * from t")],
    [parse("", "select set_config($1, $2, false)"), bind("", "", ["search_path", "two"]), execute(""), sync],
    [query("select * from t")],
    [query("reset search_path")],
    ...[
      "begin; set local enable_seqscan to off; reset enable_seqscan; show enable_seqscan",
      "set timezone to 'Asia/Tokyo'; reset timezone; set role pg_monitor; reset role; select current_user",
      "reset session authorization; set a.b = 'x'; reset a.b; show a.b; reset all; rollback"
    ].map((sql) => [query(sql)]),
    [query("begin; set local role pg_monitor; set session authorization default; select current_user; rollback")]
  ],
  "what a session has set holds in its transactions": [
    "set application_name to 'named'; set lock_timeout to '3s'",
    "begin",
    "select a from made where a = 1",
    "show application_name",
    "select current_setting('application_name'), current_setting('lock_timeout')",
    "select application_name from pg_stat_activity where pid = pg_backend_pid()",
    "set application_name to 'other'",
    "select current_setting('application_name')",
    "rollback",
    "show application_name",
    "do $$ begin if current_setting('lock_timeout') <> '3s' then raise 'not set'; end if; end $$",
    "set xml option document; show xmloption",
    "select 'a'::xml",
    "reset xmloption",
    "set role pg_monitor; reset session authorization; select current_user",
    "set role pg_monitor; begin; reset session authorization; rollback; select current_user",
    "reset role; select current_user",
    "set lock_timeout to '1ms'",
    "create function limited() returns text language sql as $$ select setting from pg_settings where name = 'lock_timeout' $$",
    "select limited()",
    "drop function limited",
    "reset lock_timeout"
  ].map((sql) => [query(sql)]),
  "what PostgreSQL runs outside of transactions runs so, whatever the session has set": [
    "set statement_timeout to '1min'",
    "create index concurrently made_a on made (a)",
    "create unique index concurrently if not exists made_b on made (b)",
    "reindex index concurrently made_a",
    "reindex (verbose false) table concurrently made",
    "drop index concurrently made_a",
    "drop index concurrently made_b",
    "vacuum (analyze) made",
    "begin; drop index concurrently made_a",
    "rollback"
  ].map((sql) => [query(sql)]),
  "statements keep what is theirs": [
    "create function sums(int, int) returns int language sql begin atomic select $1 + $2; end",
    "select sums(1, 2)",
    "drop function sums",
    "prepare p(int) as select $1 as x",
    "create table of_named as execute p(7)",
    "select count(*) from of_named",
    "explain (costs off) create table never as execute p(3)",
    "drop table of_named",
    "copy (insert into made values (1)) to stdout",
    "copy (select 1 into never) to stdout",
    "copy (select 1) from stdin",
    "copy (insert into made values (9, 'x') returning a, b) to stdout",
    "delete from made where a = 9"
  ].map((sql) => [query(sql)]),
  "the first error of a read-only transaction has its place in the statement": [
    "select a, nothing from made",
    "select * from nowhere where true",
    "selec 1",
    "select 'x'::int",
    "insert into made values (1, nothing) returning a",
    "with w as (select 1 as a) select w.b from w",
    "(values (1, nothing))",
    "select '(' || 'é' || nothing"
  ].flatMap((sql) => [
    [query("begin read only")],
    [query(sql)],
    [query("rollback; begin read only")],
    [parse("", sql), describeMessage("S", ""), bind("", ""), execute(""), sync],
    [query("rollback")]
  ]),
  "a missing table is named, whatever comes around the query and its parameters": [
    "select * from missing where a = $1",
    "explain select * from missing where a = $1",
    "explain (costs off, analyze) update missing set a = $1",
    "create table never as select * from missing where a = $1",
    "declare c cursor with hold for select * from missing where a = $1"
  ].map((sql) => [parse("", sql), bind("", "", ["1"]), execute(""), sync]),
  "functions are called by their numbers, as for large objects": [
    [functionCall(lo.create, int32(4711))],
    [query("begin")],
    [functionCall(lo.open, int32(4711), int32(0x60000))],
    [functionCall(lo.write, int32(0), Buffer.from("octets \0\xff", "latin1"))],
    [functionCall(lo.seek, int32(0), int32(0), int32(0))],
    [functionCall(lo.read, int32(0), int32(100))],
    [functionCall(lo.open, int32(4712), int32(0x60000))],
    [functionCall(lo.read, int32(0), int32(100))],
    [query("rollback")],
    [functionCall(lo.unlink, int32(4711))],
    [functionCall(lo.unlink)],
    [functionCall(1)],
    [query("select 1")]
  ],
  "COPY refuses what PostgreSQL refuses": [
    ...[
      "(format csv, delimiter 'ab')",
      "(format binary, delimiter ',')",
      "(format binary, null 'x')",
      "(format binary, header)",
      "(delimiter E'\\n')",
      "(delimiter 'a')",
      "(null E'a\\nb')",
      "(delimiter '|', null 'a|b')",
      "(quote 'a')",
      "(escape 'a')",
      "(force_quote (a))",
      "(format csv, quote 'ab')",
      "(format csv, quote ',')",
      "(format csv, quote '')",
      "(format csv, escape 'ab')",
      "(format csv, null '\"')"
    ].map((options) => [query(`copy made to stdout ${options}`)]),
    ...["(format csv, force_null (a))", "(format csv, force_not_null (a))", "(format csv, header match)"].map(
      (options) => [query(`copy made to stdout ${options}`)]
    ),
    [query("copy made from stdin (format csv, force_quote (a))")],
    [query("copy made to stdout (format csv, header, force_quote *)")],
    ...["a,b\n", "a\n", "b,a\n1,2\n", "a,b,c\n", ",\n"].map((text) => [
      query("copy made from stdin (format csv, header match)"),
      copyData(text),
      copyDone
    ]),
    [query("copy made from stdin (header match)"), copyData("a\t\\N\n"), copyDone]
  ],
  "FETCH returns its rows however large they are together, in both directions": [
    [
      query(
        "begin; declare c scroll cursor for select g, repeat(chr(65 + g % 26), 20000) from generate_series(1, 230) g"
      )
    ],
    ...[
      "fetch 100 from c",
      "fetch 60 in c",
      "fetch 3 c",
      "fetch 0 c",
      "fetch backward 70 from c",
      "fetch forward all from c"
    ].map((sql) => [query(sql)]),
    ...["fetch 5 from c", "fetch backward all from c", "fetch prior from c", "fetch c", "fetch absolute 7 from c"].map(
      (sql) => [query(sql)]
    ),
    [parse("", "fetch 120 from c"), bind("", ""), execute("", 70), execute("", 70), sync],
    [
      query(
        'declare "C d" cursor for select g from generate_series(1, 5000) g; fetch 2 from "C d"; fetch all from "C d"'
      )
    ],
    [query("fetch relative 1 from c")],
    [query("fetch 3000000000 from c")],
    [query("rollback")]
  ],
  "MOVE says by how many rows it has moved": [
    [query(`begin; declare "the 'c'" scroll cursor for select generate_series(1, 10)`)],
    ...[
      "3 in",
      "in",
      "",
      "all from",
      "prior from",
      "backward 2 in",
      "absolute 4 from",
      "relative -1 in",
      "0 in",
      "-2 in"
    ]
      .concat(["backward all in", "first from", "last from", "next in", "forward all"])
      .flatMap((words) => [[query(`move ${words} "the 'c'"`)], [query(`fetch relative 0 from "the 'c'"`)]]),
    [parse("", `move backward 4 in "the 'c'"`), bind("", ""), execute(""), sync],
    [query("declare f no scroll cursor for select 1; move f; move f")],
    [query("move backward 1 in f")],
    [query("move f")],
    [query("rollback; begin; move nowhere")],
    [query("rollback")]
  ],
  "rows come in portions": [
    [query("begin")],
    [parse("", "select generate_series(1, 5)"), bind("p", ""), execute("p", 2), execute("p", 2), sync],
    [execute("p", 2), execute("p", 2), sync],
    [close("P", "p"), execute("p"), sync],
    [query("rollback")]
  ]
}

/** What the conversations find. */
const found = `create schema one; create table one.t(x int, y text); insert into one.t values (1, 'a');
create schema two; create table two.t(y date, z numeric); insert into two.t values ('2020-01-01', 2.5);
create table made(a int, b text); insert into made values (1, 'one'), (2, 'two')`

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("messages"), () => {
  layer(gateway(serverUrl, { password: "trust" }), { timeout: "60 seconds" })((it) => {
    it.effect("a text in another encoding than UTF-8 is refused, and not stored as another text", () =>
      Effect.gen(function* () {
        const { directUrl, port } = yield* TestGateway
        const database = new URL(directUrl).pathname.slice(1)
        const latin1 = Buffer.from("select 'é'", "latin1")
        const codes = yield* Effect.promise(async () => {
          const client = await RawClient.connect(port, database)
          const refused: Array<string | undefined> = []
          for (const message of [
            queryOctets(latin1),
            query("set client_encoding to euc_jp"),
            query("set names 'sjis'"),
            query("begin; set local client_encoding to 'gbk'"),
            query(
              "rollback; set names 'utf8'; set names; set client_encoding to default; reset client_encoding; select 'é'"
            )
          ]) {
            refused.push((await client.ask(message)).code)
          }
          await client.kill()
          return refused
        })
        assert.deepStrictEqual(codes, ["22021", "0A000", "0A000", "0A000", undefined])
      })
    )

    it.effect("octets of COPY that are no text in UTF-8 are refused, raw or by escapes, and none is stored", () =>
      Effect.gen(function* () {
        const { directUrl, port } = yield* TestGateway
        const direct = new URL(directUrl)
        const written = [
          [0xff, 0x0a],
          [0x61, 0x00, 0x0a],
          [0xc3],
          Buffer.from("\\303y\n"),
          Buffer.from("\\000"),
          Buffer.from("\\xff")
        ]
        for (const to of [port, Number(direct.port)]) {
          const found = yield* Effect.promise(async () => {
            const client = await RawClient.connect(to, direct.pathname.slice(1), direct.username, direct.hostname)
            await client.ask(query("begin; create table octets(a text); savepoint s"))
            const codes: Array<string | undefined> = []
            for (const octets of written) {
              client.send(query("copy octets from stdin"))
              client.send(copyData(Buffer.from(octets)))
              codes.push((await client.ask(copyDone)).code)
              await client.ask(query("rollback to s"))
            }
            await client.kill()
            return codes
          })
          assert.deepStrictEqual(
            found,
            written.map(() => "22021")
          )
        }
      })
    )

    it.effect("FETCH says to fetch fewer rows where they are far larger than those before, and that does it", () =>
      Effect.gen(function* () {
        const { directUrl, port } = yield* TestGateway
        const database = new URL(directUrl).pathname.slice(1)
        const declare = query(
          "begin; declare c cursor for select repeat('x', case when n > 100 then 60000 else 1 end) from generate_series(1, 200) n"
        )
        const found = yield* Effect.promise(async () => {
          const client = await RawClient.connect(port, database)
          await client.ask(declare)
          const refused = await client.ask(query("fetch 200 from c"))
          await client.ask(query("rollback"))
          await client.ask(declare)
          let rows = 0
          for (let n = 0; n < 40; n++) rows += (await client.ask(query("fetch 5 from c"))).firsts.length
          await client.kill()
          return { code: refused.code, said: refused.answers.map(({ body }) => body.toString()).join(), rows }
        })
        assert.strictEqual(found.code, "54000")
        assert.include(found.said, "Fetch fewer rows at a time")
        assert.strictEqual(found.rows, 200)
      })
    )

    it.effect(
      "COPY to a table with a rule on INSERT is refused, since INSERT would apply it, unless it is disabled",
      () =>
        Effect.gen(function* () {
          const { directUrl, port } = yield* TestGateway
          const found = yield* Effect.promise(async () => {
            const client = await RawClient.connect(port, new URL(directUrl).pathname.slice(1))
            await client.ask(query("create table ruled(a int); create table other(a int)"))
            await client.ask(query("create rule r as on insert to ruled do instead insert into other values (new.a)"))
            const refused = await client.ask(query("copy ruled from stdin"), copyData("1\n"), copyDone)
            await client.ask(query("alter table ruled disable rule r"))
            const copied = await client.ask(query("copy ruled from stdin"), copyData("1\n"), copyDone)
            const { firsts } = await client.ask(query("select a from ruled union all select a from other"))
            await client.ask(query("drop table ruled, other"))
            await client.kill()
            return { refused: refused.code, copied: copied.tags, firsts }
          })
          assert.deepStrictEqual(found, { refused: "0A000", copied: ["COPY 1"], firsts: ["1"] })
        })
    )

    it.effect("a row of COPY that no request can hold is refused before it ends", () =>
      Effect.gen(function* () {
        const { directUrl, port } = yield* TestGateway
        const database = new URL(directUrl).pathname.slice(1)
        const piece = copyData("a".repeat(1_000_000))
        const codes = yield* Effect.promise(async () => {
          const client = await RawClient.connect(port, database)
          await client.ask(query("create table long_rows(a text)"))
          const refused: Array<string | undefined> = []
          for (const format of ["text", "csv"]) {
            client.send(query(`copy long_rows from stdin (format ${format})`))
            await client.until("G")
            client.send(...Array.from({ length: 17 }, () => piece))
            refused.push((await client.until("E")).code)
            await client.ask(copyDone, query("select 1"))
          }
          await client.kill()
          return refused
        })
        assert.deepStrictEqual(codes, ["54000", "54000"])
      })
    )

    it.effect("of several statements with a syntax error not even BEGIN has run", () =>
      Effect.gen(function* () {
        const { directUrl, port } = yield* TestGateway
        const direct = new URL(directUrl)
        const database = direct.pathname.slice(1)
        const texts = [
          "begin; selec 1",
          "begin; create table never_made(a int); insert into never_made values (1; select 1",
          "begin; do $$ begin execute 'selec'; end $$",
          "rollback; begin; select nothing",
          "rollback; begin",
          "savepoint s; selec 2"
        ]
        const outcomes = (to: number, host?: string) =>
          Effect.promise(async () => {
            const client = await RawClient.connect(to, database, direct.username, host)
            const found: Array<unknown> = []
            for (const text of texts) {
              const { answers: all, code } = await client.ask(query(text))
              const { code: then } = await client.ask(query("select to_regclass('never_made')"))
              found.push([text, code, all.at(-1)?.body.toString(), then])
            }
            await client.kill()
            return found
          })
        assert.deepStrictEqual(yield* outcomes(port), yield* outcomes(Number(direct.port), direct.hostname))
      })
    )

    it.effect(
      "literals are read by the settings of the moment, whatever they were when the same text was sent before",
      () =>
        Effect.gen(function* () {
          const { directUrl, port } = yield* TestGateway
          const settings = [
            ...["set timezone to 'GMT'", "set timezone to 'PST8PDT'", "set timezone to 'GMT'"],
            ...[
              "begin; set local timezone to 'PST8PDT'",
              "rollback",
              "begin; set local timezone to 'PST8PDT'; savepoint s"
            ],
            ...[
              "set local timezone to 'Asia/Tokyo'",
              "rollback to s",
              "select set_config('timezone', 'Asia/Tokyo', true)"
            ],
            ...[
              "rollback",
              "begin; set timezone to 'Asia/Tokyo'",
              "rollback",
              "set datestyle to 'ISO, DMY'",
              "reset all"
            ]
          ]
          const read =
            "select '2010-04-05 14:42'::timestamptz - '2010-01-01Z'::timestamptz + ('01/02/2003'::date - '2003-01-01') * interval '1 year'"
          const direct = new URL(directUrl)
          const rows = (to: number, host?: string) =>
            Effect.promise(async () => {
              const client = await RawClient.connect(to, direct.pathname.slice(1), direct.username, host)
              const found: Array<unknown> = []
              for (const set of settings) {
                await client.ask(query(set))
                found.push([
                  set,
                  (await client.ask(query(read))).firsts,
                  (await client.ask(...prepared("", read))).firsts
                ])
              }
              await client.kill()
              return found
            })
          assert.deepStrictEqual(yield* rows(port), yield* rows(Number(direct.port), direct.hostname))
        })
    )

    it.effect("a literal that means now does so each time that it is sent", () =>
      Effect.gen(function* () {
        const { directUrl, port } = yield* TestGateway
        const times = yield* Effect.promise(async () => {
          const client = await RawClient.connect(port, new URL(directUrl).pathname.slice(1))
          const found: Array<string> = []
          for (let n = 0; n < 4; n++) found.push(...(await client.ask(query("select 'now'::timestamptz"))).firsts)
          await client.kill()
          return found
        })
        assert.strictEqual(new Set(times).size, 4)
      })
    )

    it.effect("there is something to ask about", () =>
      Effect.gen(function* () {
        const { directUrl } = yield* TestGateway
        assert.strictEqual((yield* ran("psql", ["-X", "-q", "-c", found, directUrl])).stderr, "")
      })
    )

    for (const [name, groups] of Object.entries(conversations)) {
      it.effect(name, () =>
        Effect.gen(function* () {
          const { directUrl, port } = yield* TestGateway
          const direct = new URL(directUrl)
          const database = direct.pathname.slice(1)
          const connected = (to: number, host?: string) =>
            Effect.promise(async () => answers(await RawClient.connect(to, database, direct.username, host), groups))
          assert.deepStrictEqual(yield* connected(port), yield* connected(Number(direct.port), direct.hostname))
        })
      )
    }
  })
})
