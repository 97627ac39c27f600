import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { locksOf, plan, warningsOf } from "../../../src/operations/migrate/Plan.ts"
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
  ["delete from t", "ROW EXCLUSIVE"]
]

it("the lock of a statement is read off its text", () => {
  for (const [sql, mode] of locking) {
    assert.deepStrictEqual(locksOf(sql), [{ table: "t", mode }], sql)
    assert.deepStrictEqual(locksOf(sql.replaceAll(/\bt\b/g, "public.T_2")), [{ table: "public.t_2", mode }], sql)
  }
  const concurrently = "create index concurrently if not exists i on t (x)"
  assert.deepStrictEqual(locksOf(concurrently), [{ table: "t", mode: "SHARE UPDATE EXCLUSIVE" }])
  for (const sql of ["select * from t", "create table t (x integer)", "create view v as select * from t"]) {
    assert.deepStrictEqual(locksOf(sql), [], sql)
  }
})

layer(embedded, { timeout: "60 seconds" })((it) => {
  it.effect("and it is the one that PostgreSQL takes", () =>
    Effect.gen(function* () {
      for (const [index] of locking.entries()) {
        yield* execute(`create table t${index} (x integer primary key, constraint known check (x > 0) not valid)`)
      }
      const statements = locking.map(([sql], index) => sql.replaceAll(/\b(t|of_t)\b/g, (table) => `${table}${index}`))
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-plan-"))),
        (made) => Effect.sync(() => rmSync(made, { recursive: true }))
      )
      writeFileSync(join(folder, "001_locks.sql"), `${statements.join(";\n")};`)
      const { statements: tried, tried: ran } = yield* plan({ folder, rehearse: true })
      assert.isTrue(ran)
      for (const [index, [sql, mode]] of locking.entries()) {
        // A table that is gone is no relation any more, so what was locked can't be seen.
        if (sql === "drop table t") continue
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
    "truncate t": /data is lost/
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
    "insert into t values (1)"
  ]) {
    assert.deepStrictEqual(warningsOf(sql), [], sql)
  }
})
