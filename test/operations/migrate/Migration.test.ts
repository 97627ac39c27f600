import { NodeServices } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Migration } from "../../../src/operations/index.ts"
import { createdObjects } from "../../../src/operations/migrate/CreatedObjects.ts"

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
  const problems = Migration.problemsOf(
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
  assert.deepStrictEqual(Migration.problemsOf(migration), [])
})

it.effect("loads the package's migrations in order, without a problem", () =>
  Effect.gen(function* () {
    const migrations = yield* Migration.load()
    assert.deepStrictEqual(
      migrations.map(({ number }) => number),
      migrations.map((_, index) => index + 1)
    )
    assert.deepStrictEqual(migrations.flatMap(Migration.problemsOf), [])
    assert.sameMembers(
      [...createdObjects(migrations).tables],
      ["users", "instruments", "accounts", "positions", "jobs"]
    )
  }).pipe(Effect.provide(NodeServices.layer))
)
