// pg-promise: several statements and results, bulk statements, tasks, transactions, prepared statements, streams.
import pgp0 from "pg-promise"
import QS from "pg-query-stream"

const pgp = pgp0({ capSQL: true, noWarnings: true })
const db = pgp({ connectionString: process.argv[2], max: 4 })
const shown = (t, v) => process.stdout.write(`${t} ${JSON.stringify(v)}\n`)
const tryit = async (t, f) => {
  try {
    shown(t, await f())
  } catch ({ code, constraint, message, position }) {
    shown(`${t} fails`, [code, message, constraint, position])
  }
}
await tryit("multi", () =>
  db.multi(
    "create table t(id serial primary key, a int[], j jsonb, s text unique, ts timestamptz); select 1 x; select 2 y, 3 z"
  )
)
await tryit("multiResult", async () =>
  (await db.multiResult("select 1 x; update t set s = ''; select 2 y")).map((r) => [
    r.command,
    r.rowCount,
    r.rows,
    r.fields.map((f) => [f.name, f.dataTypeID])
  ])
)
const cs = new pgp.helpers.ColumnSet(["s", { name: "j", cast: "jsonb" }, { name: "a", cast: "int[]" }], { table: "t" })
await tryit("insert", () =>
  db.manyOrNone(
    `${pgp.helpers.insert(
      [
        { s: "it's", j: { a: 1 }, a: [1, 2] },
        { s: "b", j: null, a: [] }
      ],
      cs
    )} returning id, s, j, a`
  )
)
await tryit("update", () =>
  db.any(`${pgp.helpers.update([{ s: "it's", j: { k: 2 }, a: [9] }], cs, null, {})} where v.s = t.s returning t.*`)
)
await tryit("task", () =>
  db.task(async (t) =>
    t.batch([t.one("select 1 a"), t.any("select * from t where id = $<id>", { id: 1 }), t.none("select 1 where false")])
  )
)
await tryit("tx", () =>
  db.tx(
    { mode: new pgp.txMode.TransactionMode({ tiLevel: pgp.txMode.isolationLevel.serializable, readOnly: false }) },
    async (t) => {
      await t.none("insert into t(s) values($1)", "tx")
      try {
        await t.tx((u) => u.none("insert into t(s) values($1)", "tx"))
      } catch (e) {
        shown("inner", [e.code, e.constraint])
      }
      return t.one("select count(*)::int c, current_setting('transaction_isolation') i from t")
    }
  )
)
await tryit("tx fail", () =>
  db.tx(async (t) => {
    await t.none("insert into t(s) values('gone')")
    await t.one("select 1/0")
  })
)
await tryit("prepared", async () => {
  const ps = new pgp.PreparedStatement({ name: "find", text: "select s from t where id = $1" })
  return [
    await db.one(ps, [1]),
    await db.one(ps, [2]),
    await Promise.all([1, 2, 1, 2, 1, 2].map((i) => db.one(ps, [i])))
  ]
})
await tryit("pq", () =>
  db.one(new pgp.ParameterizedQuery({ text: "select $1::int + $2 as s", values: [1, 2], rowMode: "array" }))
)
await tryit("func", async () => {
  await db.none(
    "create function f(a int, b text) returns table(x int, y text) language sql as 'select a, b union all select a+1, b'"
  )
  return [await db.func("f", [1, "q"])]
})
await tryit("proc", async () => {
  await db.none("create procedure p(inout a int, b int) language plpgsql as $$begin a := a + b; end$$")
  return db.proc("p", [1, 2])
})
await tryit("result", async () => {
  const r = await db.result("select * from t where id = 1")
  return r.fields.map((f) => [f.name, f.dataTypeID, f.columnID, f.dataTypeSize, f.dataTypeModifier, f.tableID > 0])
})
await tryit("err", () => db.one("select * from nope"))
await tryit("err2", () => db.none("insert into t(id, s) values(1, 'z')"))
await tryit("many", () => db.many("select 1 where false"))
await tryit("stream", async () => {
  let n = 0
  const r = await db.stream(
    new QS("select i, repeat('x',200) from generate_series(1,$1::int) i", [12345], { batchSize: 1000 }),
    (s) => s.on("data", () => n++)
  )
  return [r.processed, n]
})
await tryit("each", async () => {
  let t = 0
  await db.each("select generate_series(1,10) i", [], (r) => {
    t += r.i
  })
  return t
})
await tryit("connect", async () => {
  const c = await db.connect()
  await c.none("set search_path to pg_catalog")
  const r = await c.one("show search_path")
  await c.none("set search_path to public")
  c.done()
  return r
})
pgp.end()
