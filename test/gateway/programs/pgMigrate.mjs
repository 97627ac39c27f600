// node-pg-migrate: migrations of a folder, up, down, and one that fails and leaves nothing.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runner } from "node-pg-migrate"
import pg from "pg"

const databaseUrl = process.argv[2]
const dir = mkdtempSync(join(tmpdir(), "migrations-"))
const shown = (title, value) => process.stdout.write(`${title} ${JSON.stringify(value)}\n`)
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const run = (direction, more = {}) =>
  runner({ databaseUrl, dir, direction, migrationsTable: "pgmigrations", logger: silent, ...more }).then(
    (done) => done.map(({ name }) => name),
    (error) => [error.code, error.message]
  )
const migration = (name, up, down = "") =>
  writeFileSync(join(dir, `${name}.js`), `export const up = (pgm) => {${up}}\nexport const down = (pgm) => {${down}}\n`)
try {
  migration(
    "1700000000001_tables",
    `pgm.createType("mood", ["sad", "ok"]); pgm.createTable("owner", { id: "id", name: { type: "varchar(40)", notNull: true, unique: true }, mood: "mood", at: { type: "timestamptz", default: pgm.func("current_timestamp") } }); pgm.createIndex("owner", "mood")`,
    `pgm.dropTable("owner"); pgm.dropType("mood")`
  )
  migration(
    "1700000000002_more",
    `pgm.addColumns("owner", { tags: { type: "text[]" } }); pgm.sql("insert into owner(name, mood) values ('ada', 'ok')"); pgm.createFunction("twice", [{ name: "a", type: "int" }], { returns: "int", language: "sql" }, "select a * 2"); pgm.createTrigger("owner", "tr", { when: "BEFORE", operation: "UPDATE", level: "ROW", function: "suppress_redundant_updates_trigger" })`,
    `pgm.dropTrigger("owner", "tr"); pgm.dropFunction("twice", ["int"]); pgm.dropColumns("owner", ["tags"])`
  )
  shown("up", await run("up"))
  shown("again", await run("up"))
  migration("1700000000003_fails", `pgm.createTable("half", { id: "id" }); pgm.sql("select 1/0")`)
  shown("fails", await run("up"))
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  shown("names", (await client.query("select name from pgmigrations order by id")).rows)
  shown("half", (await client.query("select to_regclass('half') as half")).rows)
  await client.end()
  rmSync(join(dir, "1700000000003_fails.js"))
  shown("down", await run("down", { count: 2 }))
} finally {
  rmSync(dir, { recursive: true })
}
