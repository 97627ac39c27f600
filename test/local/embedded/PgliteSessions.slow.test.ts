/** Nothing that a statement or a value holds stops the embedded database for good. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TestDatabase from "../../TestDatabase.ts"
import { begin, commit, execute, failure, scalar, text } from "../calls.ts"

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "alex-embedded-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

const nested = (open: string, close: string, depth: number, inner = "1") =>
  open.repeat(depth) + inner + close.repeat(depth)

const tooDeep: ReadonlyArray<readonly [name: string, sql: string, value?: string]> = [
  ["arrays in json, as a parameter", "select cast(:v as json)", nested("[", "]", 10_000)],
  ["arrays in jsonb, as a parameter", "select cast(:v as jsonb)", nested("[", "]", 20_000)],
  ["objects in jsonb, as a parameter", "select cast(:v as jsonb)", nested('{"a":', "}", 10_000)],
  ["objects with white space", "select cast(:v as jsonb)", nested('{ "a" :\n ', " }", 10_000)],
  ["arrays in a literal", `select '${nested("[", "]", 10_000)}'::jsonb`],
  ["arrays that are never closed", "select cast(:v as json)", "[".repeat(10_000)],
  ["parentheses of SIMILAR TO", "select 'a' similar to :v", nested("(", ")", 8_000, "a")],
  ["parentheses of a regular expression", "select 'a' ~ :v", nested("(", ")", 8_000, "a")],
  ["a sum of 30,000 terms", `select ${"1+".repeat(30_000)}1`],
  ["parentheses", `select ${nested("(", ")", 30_000)}`],
  ["row constructors in arrays", `select ${nested("array[", "]", 8_000)}`],
  ["recursion of a function", "select endless(1)"],
  ["recursion of a trigger", "insert into loops values (1)"]
]

const functions = [
  "create function endless(i int) returns int language plpgsql as $$ begin return endless(i + 1); end $$",
  "create table loops (i int)",
  "create function again() returns trigger language plpgsql as $$ begin insert into loops values (new.i); return new; end $$",
  "create trigger again before insert on loops for each row execute function again()"
]

/** Ends the engine whatever it is protected against: the text is only made in the database. */
const fatal = "select (repeat('[', 100000) || repeat(']', 100000))::json"

/** Neither is it bounded in functions in SQL that call themselves. */
const endless = [
  "create function endless_sql(i int) returns int language sql as 'select i'",
  "create or replace function endless_sql(i int) returns int language sql as 'select endless_sql(i + 1)'"
]

describe("what an embedded database can't take", () => {
  it.live(
    "is refused as too deep, and everything that was there still is",
    () =>
      Effect.gen(function* () {
        for (const sql of functions) yield* execute(sql)
        yield* execute("create table kept as select 1 as a")
        for (const [name, sql, value] of tooDeep) {
          const error = yield* Effect.flip(execute(sql, value === undefined ? {} : { v: text(value) }))
          assert.strictEqual(error.sqlState, "54001", `${name}: ${error.message}`)
          assert.include(error.message, "stack depth limit exceeded", name)
          assert.deepStrictEqual(yield* scalar("select count(*) from kept"), { longValue: 1 }, name)
        }
      }).pipe(Effect.provide(TestDatabase.layer())),
    120_000
  )

  it.live("does not refuse what is deep, and not too deep", () =>
    Effect.gen(function* () {
      for (const value of [nested("[", "]", 1_000), nested('{"a":', "}", 1_000), `"${"[".repeat(50_000)}"`]) {
        yield* execute("select length(cast(cast(:v as json) as text))", { v: text(value) })
      }
      for (const prose of ["(".repeat(50_000), ":-( ".repeat(20_000), "{[".repeat(20_000)]) {
        assert.deepStrictEqual(yield* scalar("select length(:v)", { v: text(prose) }), { longValue: prose.length })
      }
      const statements = [
        nested("select (", ")", 600, "select 1"),
        `select ${nested("(", ")", 1_200)}`,
        `select ${"(select 1) + ".repeat(500)}1 - 500`,
        `${"select 1 union all (values (1)) union all ".repeat(400)}select 1`
      ]
      for (const sql of statements) assert.deepStrictEqual(yield* scalar(sql), { longValue: 1 })
    }).pipe(Effect.provide(TestDatabase.layer()))
  )

  it.live(
    "ends a database in a folder, which is opened again with all that was committed",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* temporaryFolder
        yield* Effect.gen(function* () {
          yield* execute("create table kept as select 1 as a")
          for (const sql of endless) yield* execute(sql)
          for (let round = 1; round <= 3; round++) {
            const reason = yield* failure(execute(round === 2 ? "select endless_sql(1)" : fatal))
            assert.strictEqual(reason._tag, "DatabaseUnavailable")
            assert.match(
              reason.message,
              /has stopped: .*next call opens it again.*a statement outside of a transaction may have run/
            )
            assert.deepStrictEqual(yield* scalar("select count(*) from kept"), { longValue: round })
            yield* execute("insert into kept values (2)")
          }
          const transactionId = yield* begin
          yield* execute("insert into kept values (3)", {}, { transactionId })
          assert.strictEqual((yield* failure(execute(fatal, {}, { transactionId })))._tag, "DatabaseUnavailable")
          assert.strictEqual((yield* failure(commit(transactionId)))._tag, "TransactionNotFound")
          assert.deepStrictEqual(yield* scalar("select count(*) from kept"), { longValue: 4 })
        }).pipe(Effect.provide(TestDatabase.layer({ dataDir })))
        const again = scalar("select count(*) from kept").pipe(Effect.provide(TestDatabase.layer({ dataDir })))
        assert.deepStrictEqual(yield* again, { longValue: 4 })
      }).pipe(Effect.scoped),
    120_000
  )

  it.live("ends a database in memory, which says that what it held is lost, and goes on empty", () =>
    Effect.gen(function* () {
      yield* execute("create table kept as select 1 as a")
      assert.match((yield* failure(execute(fatal))).message, /the data of a database in memory is lost/)
      const gone = yield* Effect.flip(execute("select * from kept"))
      assert.strictEqual(gone.sqlState, "42P01")
      assert.deepStrictEqual(yield* scalar("select 1"), { longValue: 1 })
    }).pipe(Effect.provide(TestDatabase.layer()))
  )

  it.live("includes a program to copy from, and an encoding that only a function's body sets", () =>
    Effect.gen(function* () {
      yield* execute("create table target (a text)")
      const program = yield* Effect.flip(execute("copy target from program 'cat /etc/passwd'"))
      assert.strictEqual(program.sqlState, "0A000", program.message)
      const hidden = `do $$ begin execute 'copy target from ' || 'program ''true'''; end $$`
      yield* Effect.ignore(execute(hidden))
      yield* Effect.ignore(execute("do $$ begin perform set_config('client_' || 'encoding', 'latin1', false); end $$"))
      assert.deepStrictEqual(yield* scalar("select 'é'::text"), { stringValue: "é" })
    }).pipe(Effect.provide(TestDatabase.layer()))
  )
})
