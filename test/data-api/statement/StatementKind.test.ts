import { assert, it } from "@effect/vitest"
import { kindOf, type StatementKind } from "../../../src/data-api/statement/StatementKind.ts"

const holds = (what: keyof Omit<StatementKind, "verb">, sqls: ReadonlyArray<string>, expected: unknown) => {
  for (const sql of sqls) assert.strictEqual(kindOf(sql)[what], expected, sql)
}

it("the verb is the first word, past comments", () => {
  const verbs = { "select 1": "SELECT", " /* a */ -- b\n wiTh a as (select 1) table a": "WITH", "'select'": "", "": "" }
  for (const [sql, verb] of Object.entries(verbs)) assert.strictEqual(kindOf(sql).verb, verb, sql)
})

it("the command is the first word of the tag that PostgreSQL gives the statement", () => {
  const commands = {
    "values (1)": "SELECT",
    "table a": "SELECT",
    "with a as (select 1) select 1": "SELECT",
    "with a as (select 1) values (1)": "SELECT",
    "with a as (values (1)) table a": "SELECT",
    "with a as (select 1) insert into b select 1": "INSERT",
    "with a as (insert into b values (1) returning 1) update c set d = 1": "UPDATE",
    "with a as (select 1) delete from b": "DELETE",
    "with a as (select 1) merge into b using a on true when matched then delete": "MERGE",
    end: "COMMIT",
    abort: "ROLLBACK",
    "create table a (b int)": "CREATE",
    "": ""
  }
  for (const [sql, command] of Object.entries(commands)) assert.strictEqual(kindOf(sql).command, command, sql)
})

it("a commit ends a transaction and keeps what it did, a prepared one too", () => {
  holds("commits", ["commit", "END", "commit and chain", "prepare transaction 'a'"], true)
  holds("commits", ["rollback", "begin", "prepare a as select 1", "select commit", "'commit'", "abort"], false)
})

it("the end of a prepared transaction needs no session, as that of any other does", () => {
  holds("needsSession", ["commit prepared 'a'", "rollback PREPARED 'a'"], undefined)
  for (const sql of ["commit", "rollback", "rollback to a"]) assert.isDefined(kindOf(sql).needsSession, sql)
})

it("a rollback to a savepoint is none of the whole transaction", () => {
  holds("rollsBackToSavepoint", ["rollback to a", "ROLLBACK WORK TO savepoint a", "rollback transaction to a"], true)
  holds(
    "rollsBackToSavepoint",
    ["rollback", "rollback work", "rollback and chain", "release to", "rollback a to"],
    false
  )
})

it("a write returns rows by its own RETURNING, not by one within it", () => {
  holds(
    "returnsWritten",
    [
      "insert into a values (1) RETURNING *",
      "update a set b = 1 returning (b)",
      "delete from a returning a",
      "merge into a using b on true when matched then delete returning a.*"
    ],
    true
  )
  holds(
    "returnsWritten",
    [
      "insert into a with b as (delete from c returning *) select * from b",
      "with b as (delete from c returning *) select * from b",
      "insert into a values ('returning')",
      'insert into a select "returning" from b'
    ],
    false
  )
})

it("a write returns columns that nobody has seen where it does not name them, or casts them to less common types", () => {
  holds(
    "returnsUnseen",
    [
      "insert into a values (1) RETURNING *",
      "insert into a values (1) returning b, * ",
      "update a set b = 1 returning a . *, c",
      "delete from a returning tableoid :: regclass",
      "delete from a returning b::text, (c)::interval[]",
      "insert into a values (1) returning b::pg_catalog.regtype"
    ],
    true
  )
  holds(
    "returnsUnseen",
    [
      "insert into a values (1) returning b, c as d, f(e)",
      "insert into a values (1) returning b::text, c::INT4, d::bigint[], e::numeric(3, 1), count(b) * 2, (b * c)",
      "insert into a select *, d::interval from b returning c",
      "insert into a values (1)",
      "select * from a",
      "with b as (delete from c returning *) select * from b"
    ],
    false
  )
})

it("names may mean something else after what sets, makes or drops", () => {
  holds(
    "changesNames",
    [
      "set search_path = a",
      "create table a (b int)",
      "drop table a",
      "alter table a add b int",
      "select set_config('search_path', 'a', false)",
      "select 1 into a",
      "do $$ begin end $$",
      "call a()",
      "discard all",
      "rollback",
      ""
    ],
    true
  )
  holds(
    "changesNames",
    [
      "select 'set_config', \"into\" from a",
      "insert into a values (1)",
      "update a set b = 1",
      "delete from a",
      "with a as (select 1) select * from a",
      "savepoint a",
      "release a",
      "commit",
      "fetch 1 from a"
    ],
    false
  )
})

it("what can be prepared begins after EXPLAIN and DECLARE", () => {
  holds(
    "prepared",
    ["select 1", "  update a set b = 1", "values (1)", "merge into a using b on true when matched then delete"],
    0
  )
  assert.strictEqual(kindOf("explain (analyze) select 1").prepared, "explain (analyze) ".length)
  assert.strictEqual(
    kindOf("DECLARE a SCROLL CURSOR FOR WITH b AS (SELECT 1) TABLE b").prepared,
    "DECLARE a SCROLL CURSOR FOR ".length
  )
  holds("prepared", ["begin", "set a = 1", "create table a as select 1", "explain analyze", "call a()", ""], undefined)
})

it("what can be prepared begins after EXPLAIN or DECLARE, with its parentheses", () => {
  const prepared = {
    "select 1": "select 1",
    "(select 1) union (select 2)": "(select 1) union (select 2)",
    "declare c scroll cursor for select 1": "select 1",
    "declare c cursor for ((select 1) union select 2) order by 1": "((select 1) union select 2) order by 1",
    "explain (costs off) select 1": "select 1",
    "explain (costs off) (select 1)": "(select 1)",
    "explain analyze with a as (select 1) table a": "with a as (select 1) table a"
  }
  for (const [sql, text] of Object.entries(prepared)) assert.strictEqual(sql.slice(kindOf(sql).prepared), text)
  holds("prepared", ["call a()", "create table a (b int)", "show all", ""], undefined)
})

it("a temporary table, view or sequence needs a session, and what is only named so does not", () => {
  const temporary = [
    "create temp table a (b int)",
    "CREATE TEMPORARY TABLE if not exists a (b int)",
    "create local temp table a (b int)",
    "create global temporary table a (b int)",
    "create temp sequence a",
    "create or replace temp view a as select 1",
    "create or replace temporary recursive view a (b) as select 1",
    'create temp table "A" (b int)',
    "select 1 as a into temp b",
    'select * into temporary table "B" from a'
  ]
  for (const sql of temporary)
    assert.match(kindOf(sql).needsSession ?? "", /^A temporary table, view or sequence /, sql)
  const named = [
    "create table temp (a int)",
    "create unlogged table temporary (a int)",
    "create table if not exists temp (a int)",
    "create view temp as select 1",
    "create index temp on a (b)",
    "create index on temp (a)",
    "create schema temp",
    "create table a (temp int)",
    'create table "temp" (a int)',
    "select temp into a from b",
    "insert into temp values (1)"
  ]
  holds("needsSession", named, undefined)
})
