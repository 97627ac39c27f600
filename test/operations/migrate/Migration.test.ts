import { NodeServices } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { Migration } from "../../../src/operations/index.ts"
import { createdObjects } from "../../../src/operations/migrate/statements/CreatedObjects.ts"
import { problemsOfStatements } from "../../../src/operations/migrate/statements/StatementProblems.ts"

const parse = (text: string, file = "007_words.sql") => {
  const migration = Migration.parse(file, text)
  assert(migration !== undefined)
  return migration
}

it("reads number, name and statements from a file", () => {
  const migration = parse("-- why\nselect 1;\n\nselect ';';\n")
  assert.strictEqual(migration.number, 7)
  assert.strictEqual(migration.name, "007_words")
  assert.isTrue(migration.transactional)
  assert.deepStrictEqual(migration.statements, [
    { sql: "select 1", line: 2 },
    { sql: "select ';'", line: 4 }
  ])
})

it("refuses a name that does not say where the file belongs", () => {
  assert.isUndefined(Migration.parse("words.sql", "select 1"))
  assert.isUndefined(Migration.parse("7_words.sql", "select 1"))
})

it("gives the same checksum whatever the editor did to line ends, and another one for other words", () => {
  const checksum = parse("select 1;\nselect 2;\n").checksum
  assert.strictEqual(parse("select 1;  \r\nselect 2;").checksum, checksum)
  assert.notStrictEqual(parse("select 1;\nselect 3;\n").checksum, checksum)
})

it("knows a migration that is no transaction by its first line", () => {
  assert.isFalse(parse("-- alex: no transaction\ncreate index concurrently i on t (a);").transactional)
  assert.isTrue(parse("select 1;\n-- alex: no transaction\n").transactional)
})

it("names what the Data API could not run, with its line", () => {
  const problems = problemsOfStatements(
    parse(
      [
        "copy t from stdin;",
        "begin;",
        "create index concurrently i on t (a);",
        `select '${"x".repeat(65_536)}';`,
        "create function f() returns text language sql as $$ select ':a' || :name $$;"
      ].join("\n")
    )
  )
  assert.deepStrictEqual(
    problems.map(({ line, message, severity }) => [line, severity, message.split(" ")[0]]),
    [
      [1, "error", "COPY"],
      [2, "error", "a"],
      [3, "error", "CONCURRENTLY"],
      [4, "error", "the"],
      [5, "warning", '":name"']
    ]
  )
})

it("finds no placeholder in casts, slices of text and nested quotes of a function's body", () => {
  const migration = parse("do $$ begin perform 'a:b'::text, \":c\" from t; -- :d\n x := 1; end $$;")
  assert.deepStrictEqual(problemsOfStatements(migration), [])
})

it.effect("loads the package's migrations in order, without a problem", () =>
  Effect.gen(function* () {
    const migrations = yield* Migration.load()
    assert.deepStrictEqual(
      migrations.map(({ number }) => number),
      migrations.map((_, index) => index + 1)
    )
    assert.deepStrictEqual(migrations.flatMap(problemsOfStatements), [])
    assert.sameMembers(
      [...createdObjects(migrations).tables],
      ["users", "instruments", "accounts", "positions", "jobs", "portfolio_snapshots", "price_history", "agent_calls"]
    )
  }).pipe(Effect.provide(NodeServices.layer))
)

const messagesOf = (text: string) => problemsOfStatements(parse(text)).map(({ line, message }) => `${line}: ${message}`)

it("refuses whatever would end the transaction that a migration is", () => {
  for (const statement of [
    "abort",
    "ABORT WORK",
    "end",
    "rollback and chain",
    "prepare transaction 'x'",
    "start transaction"
  ]) {
    assert.match(messagesOf(`select 1;\n${statement};`).join(), /^2: a migration is a transaction/, statement)
  }
})

it("lets savepoints be, and words that only look alike", () => {
  const harmless = [
    "savepoint a; rollback to savepoint a; rollback work to a; release a;",
    "select 'create index concurrently i on t (a)';",
    "-- create index concurrently\nselect 1;",
    'create index "concurrently" on t (a);',
    'select "concurrently" from t;',
    "refresh materialized view concurrently v;",
    "select 1 as copy_stdin;",
    "copy t from '/tmp/x' with (header);",
    "create function f() returns int language sql begin atomic select 1; end;",
    "do $$ begin perform 1; end $$;",
    "/* begin; */ select 1;",
    'select $q$ abort; $q$, U&"abort" from t;',
    "set local role alex;"
  ]
  for (const text of harmless) assert.deepStrictEqual(messagesOf(text), [], text)
})

it("refuses what can't run inside a transaction, unless the file says that it is none", () => {
  for (const statement of [
    "create unique index concurrently if not exists i on t (a)",
    "drop index concurrently i",
    "reindex (verbose) table concurrently t",
    "alter table t detach partition p concurrently",
    "vacuum analyze t",
    "create database x",
    "alter system set work_mem = 1"
  ]) {
    assert.match(messagesOf(`${statement};`).join(), /needs `-- alex: no transaction`/, statement)
    assert.deepStrictEqual(messagesOf(`-- alex: no transaction\n${statement};`), [], statement)
  }
})

it("refuses a file that ends inside a comment, a string or a name, and names the line where that begins", () => {
  assert.match(messagesOf("select 1;\n\n/* select 2;\n").join(), /3: the comment that begins here has no end/)
  assert.match(messagesOf("select 1;\nselect 'it;\nselect 2;").join(), /2: the string/)
  assert.match(messagesOf("select $a$ 1;\nselect 2;").join(), /1: the string/)
  assert.match(messagesOf('select "a;').join(), /1: the quoted name/)
  assert.match(messagesOf("/* a /* b */ select 1;").join(), /1: the comment/)
})

it("names standard_conforming_strings where a string ends only under that setting", () => {
  const text = "create table t (a text);\ninsert into t values ('it\\'s');\n"
  const named = /\d: the string that begins here has no end.*standard_conforming_strings.*E'/
  for (const setting of ["= off", "to 'off'", "TO false", "=off"])
    assert.match(messagesOf(`SET standard_conforming_strings ${setting};\n${text}`).join(), named)
  assert.match(messagesOf(`select set_config('standard_conforming_strings', 'off', true);\n${text}`).join(), named)
  assert.notMatch(messagesOf(text).join(), /standard_conforming/)
  assert.notMatch(messagesOf(`set standard_conforming_strings = on;\n${text}`).join(), /standard_conforming/)
  assert.deepStrictEqual(messagesOf("set standard_conforming_strings = off;\nselect E'it\\'s';"), [])
})

it("names COPY before the data that it takes for SQL, and what to write instead", () => {
  const messages = messagesOf("create table t (a text);\ncopy t from stdin;\nit's\n\\.\ncreate table u (a text);")
  assert.match(messages[0] ?? "", /^2: COPY can't run .*write INSERT, as pg_dump --inserts does$/)
  assert.match(messages[1] ?? "", /^3: the string/)
})

it("refuses commands of psql", () => {
  assert.match(messagesOf("select 1;\n\\connect other\n").join(), /2: a backslash/)
  assert.deepStrictEqual(messagesOf("select e'a\\'b', '\\';"), [])
})

it("says that a backslash escapes nothing where a file relies on it", () => {
  const [message] = messagesOf("set standard_conforming_strings = off;\nselect 'it\\'s', 'that\\'s';")
  assert.match(message ?? "", /^2: a backslash .*standard_conforming_strings must stay on/)
})

it("refuses the part of a file that undoes the migration, however another runner marks it", () => {
  const markers = [
    "-- migrate:down",
    "-- migrate:down transaction:false",
    "-- +goose Down",
    "--  +migrate Down",
    "-- +micrate Down",
    "-- rambler down",
    "-- Down Migration",
    "---- create above / drop below ----",
    "-- Down",
    "-- !Downs",
    "-- //@UNDO",
    "-- ==== DOWN ====\r",
    "/* down */"
  ]
  for (const marker of markers) {
    const [message, ...others] = messagesOf(`-- migrate:up\ncreate table t (a int);\n${marker}\ndrop table t;\n`)
    assert.deepStrictEqual(others, [])
    assert.match(message ?? "", /^3: .* begins what undoes the migration, and the whole file would run/, marker)
    assert.deepStrictEqual(messagesOf(`create table t (a int);\n${marker}\n-- nothing\n`), [])
    assert.deepStrictEqual(messagesOf(`select $$\n${marker}\n$$, 1;`), [])
  }
  assert.deepStrictEqual(messagesOf("-- cut it down, or undo it\nselect 1;\n--rollback drop table t;\nselect 2;"), [])
})

it("refuses SET where every statement has a session of its own", () => {
  assert.match(messagesOf("-- alex: no transaction\nset role alex;").join(), /2: outside a transaction/)
})

it("runs the text as it is and counts its lines from the file's beginning", () => {
  const { statements } = parse("\uFEFF\n\n  select 'a  \r\nb' ;\r\n\r\nselect 2  ")
  assert.deepStrictEqual(statements, [
    { sql: "select 'a  \r\nb'", line: 3 },
    { sql: "select 2", line: 6 }
  ])
})

it("counts characters as the service does, not UTF-16 units", () => {
  assert.deepStrictEqual(messagesOf(`select '${"😀".repeat(40_000)}'`), [])
  assert.match(messagesOf(`select '${"😀".repeat(65_540)}'`).join(), /the statement has 65549 characters/)
})

it("finds the tables and functions that statements create in the current schema", () => {
  const created = createdObjects([
    parse(`create table if not exists "Mixed" (x int); create unlogged table b (x int); create table other.c (x int);
      create temp table d (x int); create or replace function f(a int default 1, b text = ')') returns int
      language sql as $f$ select 1 $f$; select 'create table e (x int)';`)
  ])
  assert.deepStrictEqual(created.tables, ["Mixed", "b"])
  assert.deepStrictEqual(created.functions, [{ name: "f", parameters: "a int , b text", body: " select 1 " }])
})

it("finds the indexes that statements create, with the names that PostgreSQL gives to those of keys", () => {
  const { indexes } = createdObjects([
    parse(`create table a (x int primary key, "Y" text default ',' unique, z numeric(2,1) check (z > 0),
        unique (x, "Y"), constraint own unique (z));
      create unique index concurrently if not exists "I" on only a (x); create index on a (x); create index i on a (x);`)
  ])
  const ofTable = (name: string) => ({ name, table: "a", ofTable: true })
  const alone = (name: string) => ({ name, table: "a", ofTable: false })
  assert.deepStrictEqual(indexes, [...["a_pkey", "a_Y_key", "a_x_Y_key", "own"].map(ofTable), ...["I", "i"].map(alone)])
})

it("finds the columns that statements create and add", () => {
  const { columns, constraints } = createdObjects([
    parse(`create table a (x numeric(2, 1) default least(1, 2), "Y z" text, primary key (x), unique ("Y z"),
        constraint c check (x > 0), check (x > 1), foreign key (x) references b (y, z), exclude (x with =), like b);
      alter table if exists only a add column if not exists p int check (p in (1, 2)), add q int, drop column x,
        add constraint k check (p > 0), add primary key (p), add "R" numeric(3, 2);
      create table b as select 1 as x; alter index i rename to j; select 1`)
  ])
  assert.deepStrictEqual(columns, ["a.x", "a.Y z", "a.p", "a.q", "a.R"])
  assert.deepStrictEqual(constraints, ["c", "k"])
})

it("refuses a file without a statement, since what is written into it later would never run", () => {
  for (const text of ["", "\n", "-- What this changes\n", "/* later */;", "\ufeff"]) {
    const [problem] = problemsOfStatements(parse(text))
    assert.include(problem?.message, "has no statement yet", JSON.stringify(text))
  }
})

it.effect("looks away from the hidden files of editors and file systems", () =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const folder = yield* files.makeTempDirectoryScoped()
    for (const name of ["001_a.sql", "._001_a.sql", ".#001_a.sql", "001_a.sql~"]) {
      yield* files.writeFileString(`${folder}/${name}`, "select 1")
    }
    assert.deepStrictEqual(
      (yield* Migration.load({ folder })).map(({ name }) => name),
      ["001_a"]
    )
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
)

it.effect("reads UTF-16 with a byte-order mark, and refuses what is no text instead of changing it", () =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const folder = yield* files.makeTempDirectoryScoped()
    const write = (octets: Uint8Array) => files.writeFile(`${folder}/001_a.sql`, octets)
    const text = "\uFEFFselect 'é€😀'\r\n"
    const little = Buffer.from(text, "utf16le")
    for (const octets of [Buffer.from(text), little, Buffer.from(little).swap16()]) {
      yield* write(octets)
      assert.deepStrictEqual(
        (yield* Migration.load({ folder })).map((migration) => migration.text),
        ["select 'é€😀'\r\n"]
      )
    }
    const broken = [
      [Buffer.from("select 1;\nselect 'caf\xe9';\n", "latin1"), "line 2 is not UTF-8"],
      [Buffer.from("select 1;\n-- \xe2\x82", "latin1"), "line 2 is not UTF-8"],
      [Buffer.from("\xed\xa0\x80", "latin1"), "line 1 is not UTF-8"],
      [little.subarray(0, -1), "it is not UTF-16"],
      [Buffer.from("select 1;\n\0select 2;"), "line 2 has a NUL"],
      [Buffer.from("select 1;\n", "utf16le"), "line 1 has a NUL, as UTF-16 without a byte-order mark has"]
    ] as const
    for (const [octets, problem] of broken) {
      yield* write(octets)
      assert.include((yield* Effect.flip(Migration.load({ folder }))).message, `001_a.sql can't be read: ${problem}`)
    }
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
)

it.effect("refuses a folder without a migration, which is another one than was meant", () =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const folder = yield* files.makeTempDirectoryScoped()
    yield* files.makeDirectory(`${folder}/20240101_first`)
    yield* files.writeFileString(`${folder}/20240101_first/migration.sql`, "select 1")
    const { message } = yield* Effect.flip(Migration.load({ folder, own: true }))
    assert.strictEqual(message, `${folder} has no migration; folders inside it are not read`)
    assert.deepStrictEqual(yield* Migration.read({ folder }), [])
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
)
