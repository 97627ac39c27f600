/** What needs a session that lasts says so, and works within a transaction. */
import { PgClient } from "@effect/sql-pg"
import { assert, it, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as DataApiPgClient from "../../../src/data-api/PgClient.ts"
import { kindOf } from "../../../src/data-api/statement/StatementKind.ts"
import * as TestDatabase from "../../TestDatabase.ts"

const client = Layer.orDie(DataApiPgClient.layer().pipe(Layer.provide(TestDatabase.layer())))

const refused: ReadonlyArray<readonly [sql: string, advice: RegExp]> = [
  ["begin", /withTransaction/],
  ["/* note */ START TRANSACTION", /withTransaction/],
  ["commit", /withTransaction/],
  ["END", /withTransaction/],
  ["-- note\nrollback", /withTransaction/],
  ["savepoint a", /withTransaction/],
  ["set search_path to x", /SET LOCAL/],
  ["set local search_path to x", /SET LOCAL/],
  ["listen news", /DATABASE_URL/],
  ["prepare p as select 1", /send the statement itself/],
  ["execute p", /send the statement itself/],
  ["create temp table t (a int)", /withTransaction/],
  ["create local temporary table t (a int)", /withTransaction/],
  ["create or replace temp view t as select 1", /withTransaction/],
  ["select 1 as a into temporary t", /withTransaction/],
  ["select pg_advisory_lock(1)", /pg_advisory_xact_lock\b/],
  ["select pg_try_advisory_lock_shared(1, 2)", /pg_try_advisory_xact_lock_shared/],
  ["with l as (select pg_try_advisory_lock(1)) select * from l", /pg_try_advisory_xact_lock\b/]
]

const allowed = [
  "select 'begin', 'pg_advisory_lock(1)' as \"set\"",
  "select 1 as pg_advisory_lock",
  "select pg_advisory_xact_lock(1) is null as v",
  "create function locking(key bigint) returns void language sql return pg_advisory_lock(key)",
  "grant execute on function pg_advisory_lock(bigint) to public",
  "comment on function pg_advisory_lock(bigint) is 'taken for a session'",
  "create table temp_table (a int)",
  "update temp_table set a = 1"
]

layer(client, { timeout: "60 seconds", excludeTestServices: true })("what needs a session", (it) => {
  for (const [sql, advice] of refused) {
    it.effect(`${sql} says what to do instead`, () =>
      Effect.gen(function* () {
        const db = yield* SqlClient.SqlClient
        for (const run of [db.unsafe(sql), db.unsafe(sql).raw, db.unsafe(sql).values, db.unsafe(sql).unprepared]) {
          assert.match((yield* Effect.flip(run)).message, advice)
        }
      })
    )
  }

  it.effect("what only looks like it runs", () =>
    Effect.gen(function* () {
      const db = yield* SqlClient.SqlClient
      for (const sql of allowed) yield* db.unsafe(sql)
    })
  )

  it.effect("within a transaction it works as on PostgreSQL", () =>
    Effect.gen(function* () {
      const db = yield* SqlClient.SqlClient
      yield* db.withTransaction(
        Effect.gen(function* () {
          yield* db`set local search_path to pg_catalog`
          yield* db`create temporary table kept (a int) on commit drop`
          yield* db`insert into kept values (${"7"})`
          yield* db`select pg_try_advisory_xact_lock(1)`
          yield* db`savepoint here`
          yield* Effect.flip(db`select nothing`)
          yield* db`/* behind a comment */ rollback to here`
          assert.deepStrictEqual(yield* db`select a from kept`, [{ a: 7 }])
        })
      )
    })
  )

  it.effect("sql.reserve says what to do instead", () =>
    Effect.gen(function* () {
      const db = yield* SqlClient.SqlClient
      assert.match((yield* Effect.flip(Effect.scoped(db.reserve))).message, /withTransaction/)
    })
  )
})

layer(client, { timeout: "60 seconds", excludeTestServices: true })("the PgClient of @effect/sql-pg", (it) => {
  it.effect("json is json whatever it is, notify works, and listen says why not", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`create table docs (id int, doc jsonb)`
      const values = [[], [1, "x"], {}, { a: [] }, "text", 7, true]
      for (const [id, value] of values.entries())
        yield* sql`insert into docs ${sql.insert({ id, doc: sql.json(value) })}`
      yield* sql`update docs set doc = ${sql.json([])} where id = ${2}`
      const rows = yield* sql<{ doc: unknown }>`select doc from docs order by id`
      assert.deepStrictEqual(
        rows.map(({ doc }) => doc),
        values.with(2, [])
      )
      yield* sql.notify("news", "x")
      assert.match((yield* Effect.flip(Effect.scoped(sql.listen("news")))).message, /DATABASE_URL/)
    })
  )

  it.effect("a channel whose name is too long is refused as by @effect/sql-pg, before anything is sent", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const long = "é".repeat(32)
      const message = "PostgreSQL channel names must not exceed 63 UTF-8 bytes"
      for (const [operation, run] of [
        ["notify", sql.notify(long, "x")],
        ["listen", Effect.scoped(sql.listen(long))]
      ] as const) {
        assert.deepInclude((yield* Effect.flip(run)).reason, { _tag: "UnknownError", message, operation })
      }
      yield* sql.notify(long.slice(1), "x")
    })
  )

  it.effect("a raw result has the command, as PostgreSQL calls it", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`create table raws (id int)`
      yield* sql`create procedure twice(inout n int) language plpgsql as 'begin n := n * 2; end'`
      for (const [text, command, rowCount, oid] of [
        ["insert into raws values (1), (2)", "INSERT", 2, 0],
        ["with r as (select 1 as a) update raws set id = 3 from r where id = a", "UPDATE", 1, null],
        ["with r as (delete from raws returning id) select * from r", "SELECT", 2, null],
        ["with r as (select 7 as a) insert into raws select a from r returning id", "INSERT", 1, 0],
        ["values (1)", "SELECT", 1, null],
        ["create table more (id int)", "CREATE", 0, null],
        ["call twice(1)", "CALL", 0, null],
        ["explain select 1", "EXPLAIN", 0, null],
        ["show server_encoding", "SHOW", 0, null]
      ] as const) {
        assert.deepInclude(yield* sql.unsafe(text).raw, { command, rowCount, oid }, text)
      }
    })
  )
})

it("a statement that repairs, commits or changes names is known behind comments too", () => {
  const kind = kindOf("/* a */ -- b\n rollback work to savepoint s")
  assert.deepInclude(kind, { rollsBackToSavepoint: true, changesNames: true, commits: false, prepared: undefined })
  assert.isFalse(kindOf("rollback").rollsBackToSavepoint)
  assert.isTrue(kindOf("select set_config('search_path', 'x', true)").changesNames)
  assert.isFalse(kindOf("insert into t values (1)").changesNames)
  assert.strictEqual(kindOf("explain (analyze) select 1").prepared, 18)
})
