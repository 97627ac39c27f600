import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { migrate } from "../../../src/operations/migrate/Migrate.ts"
import { plan } from "../../../src/operations/migrate/Plan.ts"
import { locksOf, warningsOf } from "../../../src/operations/migrate/statements/StatementLocks.ts"
import { originalDatabase } from "../OriginalDatabase.ts"
import { embedded, execute } from "../TestOperations.ts"

/** Statements with the lock that PostgreSQL's manual says they take on the table `t`. */
const locking: ReadonlyArray<readonly [sql: string, mode: string]> = [
  ["alter table t add column c integer", "ACCESS EXCLUSIVE"],
  ["alter table only t add constraint positive check (x > 0) not valid", "ACCESS EXCLUSIVE"],
  ["alter table t validate constraint known", "SHARE UPDATE EXCLUSIVE"],
  ["drop table t", "ACCESS EXCLUSIVE"],
  ["truncate table t", "ACCESS EXCLUSIVE"],
  ["create index on t (x)", "SHARE"],
  ["create unique index t_unique on t (x)", "SHARE"],
  [
    "create trigger same before update on t for each row execute function suppress_redundant_updates_trigger()",
    "SHARE ROW EXCLUSIVE"
  ],
  [
    "CREATE OR REPLACE TRIGGER same\n  AFTER INSERT OR UPDATE OF x ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "SHARE ROW EXCLUSIVE"
  ],
  ["create table of_t (x integer references t (x))", "SHARE ROW EXCLUSIVE"],
  ["insert into t values (3)", "ROW EXCLUSIVE"],
  ["update t set x = x", "ROW EXCLUSIVE"],
  ["delete from t", "ROW EXCLUSIVE"],
  ["alter table t add constraint up foreign key (x) references t (x) not valid", "SHARE ROW EXCLUSIVE"],
  ["alter table t disable trigger user", "SHARE ROW EXCLUSIVE"],
  ["alter table t alter x set statistics 100", "SHARE UPDATE EXCLUSIVE"],
  ["alter table t alter x set statistics 100, validate constraint known", "SHARE UPDATE EXCLUSIVE"],
  ["alter table t alter x set statistics 100, alter column x set default 7", "ACCESS EXCLUSIVE"],
  ["alter /* on other */ table -- other\n t add y text default 'alter table other'", "ACCESS EXCLUSIVE"],
  ["with moved as (delete from t returning x) select * from moved", "ROW EXCLUSIVE"],
  ["with one as (select 1 as x) insert into t select x from one", "ROW EXCLUSIVE"],
  ["create policy mine on t using (true)", "ACCESS EXCLUSIVE"],
  ["create rule quiet as on delete to t do instead nothing", "ACCESS EXCLUSIVE"],
  ["comment on table t is 'drop table other'", "SHARE UPDATE EXCLUSIVE"],
  ["comment on column t.x is 'x'", "SHARE UPDATE EXCLUSIVE"]
]

it("the lock of a statement is read off its text", () => {
  for (const [sql, mode] of locking) {
    assert.deepStrictEqual(locksOf(sql), [{ table: "t", mode }], sql)
    assert.deepStrictEqual(locksOf(sql.replaceAll(/\bt\b/g, "public.T_2")), [{ table: "public.t_2", mode }], sql)
  }
  for (const sql of ['drop table "My, table", b', 'truncate only "My, table", b']) {
    const locked = locksOf(sql)
    assert.deepStrictEqual(
      locked,
      ["My, table", "b"].map((table) => ({ table, mode: "ACCESS EXCLUSIVE" })),
      sql
    )
  }
  const concurrently = "create index concurrently if not exists i on t (x)"
  assert.deepStrictEqual(locksOf(concurrently), [{ table: "t", mode: "SHARE UPDATE EXCLUSIVE" }])
  for (const sql of ["select * from t", "create table t (x integer)", "create view v as select * from t"]) {
    assert.deepStrictEqual(locksOf(sql), [], sql)
  }
})

const folderOf = Effect.fnUntraced(function* (sql: string) {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-plan-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true }))
  )
  writeFileSync(join(folder, "001_planned.sql"), sql)
  return folder
})

layer(embedded, { timeout: "60 seconds" })((it) => {
  it.effect("and it is the one that PostgreSQL takes", () =>
    Effect.gen(function* () {
      for (const [index] of locking.entries()) {
        yield* execute(`create table t${index} (x integer primary key, constraint known check (x > 0) not valid)`)
      }
      const statements = locking.map(([sql], index) => sql.replaceAll(/\b(t|of_t)\b/g, (table) => `${table}${index}`))
      const folder = yield* folderOf(`${statements.join(";\n")};`)
      const { statements: tried, tried: ran } = yield* plan({ folder, rehearse: true })
      assert.isTrue(ran)
      for (const [index, [sql, mode]] of locking.entries()) {
        assert.deepInclude([...(tried[index]?.locks ?? [])], { table: `t${index}`, mode }, sql)
      }
    })
  )
})

it("what is slow on a large table is said, and what is not is passed over", () => {
  const slow: Readonly<Record<string, RegExp>> = {
    "alter table t alter column x type bigint": /rewrites the table/,
    "alter table t alter x set not null": /reads the whole table/,
    "alter table t add check (x > 0)": /NOT VALID/,
    "alter table t add constraint c foreign key (x) references u": /NOT VALID/,
    "create unique index on t (x)": /CONCURRENTLY/,
    "update t set x = 1": /locked until the migration ends/,
    "drop table t": /data is lost/,
    "truncate t": /data is lost/,
    "alter table t drop x": /data is lost/,
    "alter table t drop column if exists x": /data is lost/,
    "alter table t add u uuid default gen_random_uuid()": /rewrites the table/,
    "alter table t set unlogged": /rewritten/,
    "do $$ begin end $$": /--try/
  }
  for (const [sql, warning] of Object.entries(slow)) {
    assert.strictEqual(warningsOf(sql).length, 1, sql)
    assert.match(warningsOf(sql).join(), warning)
  }
  for (const sql of [
    "create table t (x integer)",
    "alter table t add column x integer",
    "alter table t add constraint c check (x > 0) not valid",
    "create index concurrently on t (x)",
    "insert into t values (1)",
    "alter table t drop constraint c",
    "alter table t alter x drop default",
    "alter table t add y text default 'set not null type check (x)'",
    "comment on table t is 'drop table t'"
  ]) {
    assert.deepStrictEqual(warningsOf(sql), [], sql)
  }
})

layer(embedded, { timeout: "60 seconds" })("a plan", (it) => {
  it.effect("tells how many rows the tables have that are locked, and which are rewritten", () =>
    Effect.gen(function* () {
      yield* execute("create table large (x integer)", "insert into large select generate_series(1, 1200)")
      const folder = yield* folderOf(
        "alter table large alter x type bigint; alter table large add y integer; drop table large;"
      )
      const expected = [["large"], [], []]
      const planned = yield* plan({ folder })
      assert.deepStrictEqual(planned.tables, [{ name: "large", rows: 1200 }])
      assert.deepStrictEqual(
        planned.statements.map(({ rewrites }) => rewrites),
        expected
      )
      const tried = yield* plan({ folder, rehearse: true })
      assert.deepStrictEqual(
        tried.statements.map(({ rewrites }) => rewrites),
        expected
      )
      assert.deepInclude([...(tried.statements[2]?.locks ?? []), ...(tried.statements[0]?.locks ?? [])], {
        table: "large",
        mode: "ACCESS EXCLUSIVE"
      })
    })
  )

  it.effect("of an adoption names what stands in the way with the SQL that drops it and makes it again", () =>
    Effect.gen(function* () {
      yield* execute(
        "drop table if exists large",
        ...originalDatabase,
        "create view recent as select id from jobs where created_at > now() - interval '1 day'",
        "alter table jobs add column day date generated always as (greatest(created_at, updated_at)::date) stored"
      )
      const sql = yield* SqlClient.SqlClient
      const days = sql`select id, day from jobs order by id`
      const before = yield* days
      const { adoption, tried } = yield* plan({ rehearse: true })
      assert.isFalse(tried)
      assert.deepStrictEqual(
        adoption?.obstacles.map(({ object, on, undo }) => [object, on, undo]),
        [
          ["view recent", "jobs.created_at", "DROP VIEW recent;"],
          ["column day of table jobs", "jobs.created_at", "ALTER TABLE jobs DROP COLUMN day;"]
        ]
      )
      assert.match(adoption?.obstacles[0]?.redo ?? "", /^CREATE VIEW recent AS/)
      yield* execute(...(adoption?.obstacles ?? []).flatMap(({ undo }) => undo ?? []))
      const clear = yield* plan({ rehearse: true })
      assert.isTrue(clear.tried)
      assert.isNull(clear.adoption)
      assert.isAbove(clear.statements.filter(({ rewrites }) => rewrites.length > 0).length, 0)
      yield* migrate()
      yield* execute(...(adoption?.obstacles ?? []).flatMap(({ redo }) => redo ?? []))
      assert.isNotEmpty(before)
      assert.deepStrictEqual(yield* days, before)
    })
  )
})
