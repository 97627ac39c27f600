// Kysely: migrations with their lock, queries, transactions of both kinds, streams, inspection.
import { Kysely, Migrator, PostgresDialect, sql } from "kysely"
import pg from "pg"
import Cursor from "pg-cursor"

const shown = (t, v) =>
  process.stdout.write(`${t} ${JSON.stringify(v, (_key, x) => (typeof x === "bigint" ? `${x}n` : x))}\n`)
const tryit = async (t, f) => {
  try {
    shown(t, await f())
  } catch ({ code, constraint, message }) {
    shown(`${t} fails`, [code, message, constraint])
  }
}
const db = new Kysely({
  dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: process.argv[2], max: 4 }), cursor: Cursor })
})
const migrations = {
  1: {
    up: (k) =>
      k.schema
        .createTable("owner")
        .addColumn("id", "serial", (c) => c.primaryKey())
        .addColumn("name", "varchar(40)", (c) => c.notNull().unique())
        .addColumn("data", "jsonb")
        .addColumn("at", "timestamptz(3)", (c) => c.defaultTo(sql`now()`))
        .execute(),
    down: (k) => k.schema.dropTable("owner").execute()
  },
  2: {
    up: (k) => k.schema.createIndex("owner_at").on("owner").column("at").execute(),
    down: (k) => k.schema.dropIndex("owner_at").execute()
  },
  3: {
    up: async (k) => {
      await k.schema.createTable("half").addColumn("i", "int4").execute()
      await sql`select 1/0`.execute(k)
    },
    down: async () => {}
  }
}
const mig = (n) =>
  new Migrator({
    db,
    provider: { getMigrations: async () => Object.fromEntries(Object.entries(migrations).slice(0, n)) }
  })
await tryit("up", async () => (await mig(2).migrateToLatest()).results)
await tryit("two at once", async () =>
  (await Promise.all([mig(2).migrateToLatest(), mig(2).migrateToLatest()])).map((r) => r.error?.message ?? r.results)
)
await tryit("fails", async () => {
  const r = await mig(3).migrateToLatest()
  return [r.error.message, r.results.map((x) => x.status)]
})
await tryit("tables", async () =>
  (await db.introspection.getTables({ withInternalKyselyTables: true })).map((t) => [
    t.name,
    t.columns.map((c) => [c.name, c.dataType, c.isAutoIncrementing, c.hasDefaultValue])
  ])
)
await tryit("insert", () =>
  db
    .insertInto("owner")
    .values([{ name: "ada", data: JSON.stringify({ a: 1 }) }, { name: "bob" }])
    .returning(["id", "name", "data"])
    .execute()
)
await tryit("dup", () => db.insertInto("owner").values({ name: "ada" }).execute())
await tryit("onconflict", () =>
  db
    .insertInto("owner")
    .values({ name: "ada" })
    .onConflict((c) => c.column("name").doUpdateSet({ data: JSON.stringify([1]) }))
    .executeTakeFirst()
)
await tryit("tx", () =>
  db
    .transaction()
    .setIsolationLevel("serializable")
    .execute(async (t) => {
      await t.deleteFrom("owner").execute()
      return t
        .selectFrom("owner")
        .select(({ fn }) => fn.countAll().as("n"))
        .execute()
    })
)
await tryit("controlled", async () => {
  const t = await db.startTransaction().execute()
  await t.insertInto("owner").values({ name: "c" }).execute()
  const s = await t.savepoint("s").execute()
  try {
    await s.insertInto("owner").values({ name: "c" }).execute()
  } catch {
    await s.rollbackToSavepoint("s").execute()
  }
  await t.commit().execute()
  return db.selectFrom("owner").select("name").execute()
})
await tryit("stream", async () => {
  let n = 0
  for await (const _ of db.selectFrom(sql`generate_series(1,3000)`.as("i")).selectAll().stream(100)) n++
  return n
})
await tryit("stream break", async () => {
  let n = 0
  for await (const _ of db.selectFrom(sql`generate_series(1,3000)`.as("i")).selectAll().stream(100))
    if (++n === 150) break
  return n
})
await tryit(
  "explain",
  async () =>
    (await db.selectFrom("owner").selectAll().where("id", "=", 1).explain("json"))[0]["QUERY PLAN"] !== undefined
)
await tryit(
  "merge",
  async () =>
    await db
      .mergeInto("owner as o")
      .using("owner as p", "o.id", "p.id")
      .whenMatched()
      .thenUpdateSet({ name: sql`p.name || '!'` })
      .executeTakeFirst()
)
await tryit("json agg", () =>
  sql`select coalesce(json_agg(o.name order by o.id), '[]') from owner o`.execute(db).then((r) => r.rows)
)
await tryit("down", async () => (await mig(2).migrateTo("1")).results)
await db.destroy()
