/** What is read out of a client's text, without a database. */
import { assert, it } from "@effect/vitest"
import { copyOf } from "../../../src/gateway/copy/CopyStatement.ts"
import { rowWriter } from "../../../src/gateway/copy/CopyText.ts"
import { lockWithin } from "../../../src/gateway/locks/LockingQuery.ts"
import { creationOf } from "../../../src/gateway/session/CreatedTables.ts"
import { statementsOf } from "../../../src/gateway/statement/ClientStatement.ts"
import { outsideSupported } from "../../../src/gateway/statement/Unsupported.ts"
import { readRow } from "../../../src/gateway/statement/Wrapped.ts"
import { toBinary } from "../../../src/gateway/values/BinaryForms.ts"
import { fromBinary } from "../../../src/gateway/values/ComposedForms.ts"
import { recordsOf } from "../copy/copyOptions.ts"

const one = (sql: string) => {
  const [statement] = statementsOf(sql)
  if (statement === undefined) return assert.fail("no statement")
  return statement
}

it("the text of a row is taken apart as record_out has put it together", () => {
  const rows: Readonly<Record<string, ReadonlyArray<string | null>>> = {
    "(1)": ["1"],
    "(,)": [null, null],
    "(1,,)": ["1", null, null],
    '("",x)': ["", "x"],
    '("a""b\\\\c",)': ['a"b\\c', null],
    '("a,b)",")")': ["a,b)", ")"]
  }
  for (const [text, values] of Object.entries(rows)) assert.deepStrictEqual(readRow(text), values, text)
})

it("a statement's kind, whether it returns rows, and where it begins are seen", () => {
  const kinds = statementsOf(
    "/* select 1 */ select 1; with a as (insert into t values (1) returning *) select * from a; (select 2); " +
      "insert into t values ('returning'); delete from t returning id; rollback to savepoint a; abort; select 1 into t2"
  ).map(({ kind, returnsRows, tail }) => [kind, returnsRows, tail > 0])
  assert.deepStrictEqual(kinds, [
    ["query", true, false],
    ["query", true, true],
    ["query", true, false],
    ["write", false, false],
    ["write", true, false],
    ["rollbackTo", false, false],
    ["rollback", false, false],
    ["other", false, false]
  ])
  assert.strictEqual(statementsOf("select '😀'; select 2")[1]?.offset, 12)
})

it("every value comes out of its binary form as it went in", () => {
  const values: ReadonlyArray<readonly [oid: number, text: string]> = [
    [16, "t"],
    [20, "-9223372036854775808"],
    [21, "-1"],
    [701, "1e+20"],
    [700, "0.1"],
    [1700, "-12345.67800"],
    [1700, "0.00012"],
    [1700, "100000000"],
    [1700, "NaN"],
    [1082, "0044-03-15 BC"],
    [1082, "infinity"],
    [1083, "24:00:00"],
    [1114, "1969-12-31 23:59:59.999999"],
    [1184, "2020-02-29 00:00:00.5+00"],
    [2950, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    [17, "\\x00ff"],
    [3802, '{"a": 1}']
  ]
  for (const [oid, text] of values) {
    const bytes = toBinary(oid, text)
    assert.strictEqual(bytes === undefined ? undefined : fromBinary(oid, bytes), text)
  }
  const array = toBinary(1007, "[0:1]={1,NULL}")
  assert.strictEqual(array === undefined ? undefined : fromBinary(1007, array), '[0:1]={"1",NULL}')
})

it("lines of COPY are read as they were written, in pieces of any size", () => {
  const rows = [
    ["a", null, ""],
    ["tab\\tline\\nback\\slash", "\\N", 'q"uote'],
    ["\\.", ",", "\\r\\n"]
  ]
  for (const sql of [
    "copy t from stdin",
    "copy t from stdin csv",
    "copy t from stdin (format csv, escape '\\', delimiter ';')"
  ]) {
    const copy = copyOf(one(sql))
    if (copy._tag === "Failure" || copy.success === undefined) return assert.fail(sql)
    const { options } = copy.success
    const text = rows.map(rowWriter(options, ["a", "b", "c"])).join("")
    for (const size of [1, 3, 1000]) {
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
        text.slice(index * size, index * size + size)
      )
      const read = recordsOf(options, ["a", "b", "c"], pieces)
      assert.deepStrictEqual(
        read.map(({ values }) => [...values]),
        rows,
        sql
      )
    }
  }
})

it("what is temporary is refused outside of a transaction, and not what is only named so", () => {
  const refused = (sql: string) => outsideSupported(one(sql)) !== undefined
  for (const sql of [
    "create temp table a (b int)",
    "create or replace local temporary view a as select 1",
    "select 1 into temp a"
  ]) {
    assert.isTrue(refused(sql), sql)
  }
  for (const sql of [
    "create table temp (a int)",
    "create index temp on a (b)",
    "create view temporary as select 1",
    "select 1 into a"
  ]) {
    assert.isFalse(refused(sql), sql)
  }
})

it("a table that a query fills is seen with its query, and no other table", () => {
  const made = {
    "create table t as select 1 as a": "select 1 as a",
    "create temp table if not exists t (a) as (values (1))": "(values (1))",
    "create materialized view v as table t with data": "table t",
    "create unlogged table t as with q as (select 1) select * from q": "with q as (select 1) select * from q",
    "select 1 as a into unlogged table t from u": "select 1 as a from u"
  }
  for (const [sql, query] of Object.entries(made)) {
    assert.strictEqual(creationOf(one(sql))?.query.sql.trim().replaceAll(/\s+/g, " "), query, sql)
  }
  for (const sql of [
    "create table t (a int)",
    "create table t as select 1 with no data",
    "create materialized view v as select 1 with no data",
    "create table t as execute p",
    "create table t (a text default ('as'))",
    "create view v as select 1"
  ]) {
    assert.isUndefined(creationOf(one(sql)), sql)
  }
})

it("the lock that a query takes among other things is seen, where it is the only one and nothing is written", () => {
  const within = lockWithin(one("select pg_try_advisory_lock_shared(1, 2) as got, count(*) from t"))
  assert.deepStrictEqual(within, {
    action: "try",
    shared: true,
    key: "1, 2",
    withinTransaction: "select pg_try_advisory_xact_lock_shared(1, 2) as got, count(*) from t"
  })
  for (const sql of [
    "insert into t select pg_advisory_lock(1)",
    "with w as (delete from t returning 1) select pg_advisory_lock(1) from w",
    "select pg_advisory_lock(1), pg_advisory_lock(2)",
    "select pg_advisory_lock(1), pg_advisory_unlock(1)",
    "select pg_advisory_lock from t",
    "select pg_advisory_xact_lock(1)"
  ]) {
    assert.isUndefined(lockWithin(one(sql)), sql)
  }
})
