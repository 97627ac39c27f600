// knex: schema builder, migrations with their lock, queries, transactions with savepoints, streams, errors.
import { Writable } from "node:stream"
import knex from "knex"

const db = knex({ client: "pg", connection: process.argv[2], pool: { min: 0, max: 3 } })
const shown = (title, value) => process.stdout.write(`${title} ${JSON.stringify(value)}\n`)
const failure = (run) =>
  run.then(
    () => "no failure",
    ({ code, constraint, message }) => [code, constraint, message]
  )

const migrations = [
  {
    name: "1_tables",
    up: (k) =>
      k.schema
        .createTable("owner", (t) => {
          t.increments()
          t.string("name", 40).notNullable().unique()
          t.enu("mood", ["sad", "ok"], { useNative: true, enumName: "mood" })
          t.decimal("balance", 12, 4).defaultTo(0)
          t.jsonb("data")
          t.specificType("tags", "text[]")
          t.timestamps(true, true)
          t.comment("owners")
        })
        .createTable("pet", (t) => {
          t.bigIncrements()
          t.integer("owner").references("owner.id").onDelete("cascade").index()
          t.string("name")
        }),
    down: (k) => k.schema.dropTable("pet").dropTable("owner").raw("drop type mood")
  },
  { name: "2_column", up: (k) => k.schema.alterTable("pet", (t) => t.date("born")), down: async () => {} },
  {
    name: "3_fails",
    up: (k) => k.schema.createTable("half", (t) => t.increments()).raw("select 1/0"),
    down: async () => {}
  }
]
const source = (list) => ({
  getMigrations: async () => list,
  getMigrationName: ({ name }) => name,
  getMigration: async ({ down, up }) => ({ up, down })
})

shown("migrated", await db.migrate.latest({ migrationSource: source(migrations.slice(0, 2)) }))
shown(
  "status",
  (await db.migrate.list({ migrationSource: source(migrations.slice(0, 2)) }))[0].map(({ name }) => name)
)
shown("failed", await failure(db.migrate.latest({ migrationSource: source(migrations) })))
shown("half", await db.schema.hasTable("half"))
shown("lock", await db("knex_migrations_lock"))
const [first] = await db("owner")
  .insert({ name: "ada", mood: "ok", balance: "1.5", data: { k: [1, null] }, tags: ["a", 'b"'] })
  .returning(["id", "name", "mood", "balance", "data", "tags"])
shown("inserted", first)
await db.batchInsert(
  "pet",
  Array.from({ length: 250 }, (_, i) => ({ owner: first.id, name: `p${i}`, born: "2020-02-29" })),
  60
)
shown("count", await db("pet").count("*", { as: "n" }).max("name as last").first())
shown(
  "joined",
  await db("pet")
    .join("owner", "owner.id", "pet.owner")
    .where("pet.id", "<", 4)
    .orderBy("pet.id")
    .select("pet.name as pet", "owner.name")
)
shown("duplicate", await failure(db("owner").insert({ name: "ada" })))
shown(
  "merged",
  await db("owner").insert({ name: "ada", balance: 7 }).onConflict("name").merge(["balance"]).returning("balance")
)
shown(
  "updated",
  await db("pet")
    .where("id", "<", 10)
    .update({ name: db.raw("name || ?", ["!"]) })
)
shown(
  "nested",
  await db.transaction(async (tx) => {
    await tx("pet").where({ id: 1 }).delete()
    await failure(
      tx.transaction(async (inner) => {
        await inner("pet").delete()
        await inner.raw("select 1/0")
      })
    )
    return tx("pet").count("*", { as: "n" }).first()
  })
)
shown(
  "isolated",
  await db.transaction((tx) => tx.raw("show transaction_isolation").then(({ rows }) => rows), {
    isolationLevel: "serializable"
  })
)
shown("locked", await db.transaction((tx) => tx("pet").where({ id: 2 }).forUpdate().select("name")))
shown("columns", await db("owner").columnInfo())
let streamed = 0
const counting = new Writable({
  objectMode: true,
  write: (_row, _encoding, next) => {
    streamed++
    next()
  }
})
await db("pet").stream((stream) => stream.pipe(counting))
shown("streamed", streamed)
shown("dates", (await db("pet").where({ id: 5 }).first("born")).born.toISOString().slice(0, 10))
shown("rolled back", await db.migrate.rollback({ migrationSource: source(migrations.slice(0, 2)) }, true))
await db.destroy()
