// What `prisma migrate deploy`, `migrate resolve` and `migrate reset` do, by Prisma's own schema engine: as WebAssembly it
// needs no binary that is downloaded, and connects by the adapter. `db push` and `db pull` fail there with a direct
// connection too: the engine can't read the type "char" that the adapter gives it.
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { PrismaPg } from "@prisma/adapter-pg"
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils"
import * as engineModule from "@prisma/schema-engine-wasm/schema_engine_bg"

const wasm = createRequire(import.meta.url)
  .resolve("@prisma/schema-engine-wasm/schema_engine_bg")
  .replace(/\.js$/, ".wasm")
const { instance } = await WebAssembly.instantiate(readFileSync(wasm), { "./schema_engine_bg.js": engineModule })
engineModule.__wbg_set_wasm(instance.exports)
instance.exports.__wbindgen_start()

const schema = readFileSync(new URL("schema.prisma", import.meta.url), "utf8")
const filters = { externalTables: [], externalEnums: [] }

const adapter = new PrismaPg({ connectionString: process.argv[2] })
const engine = await engineModule.SchemaEngine.new(
  { datamodels: [["schema.prisma", schema]] },
  () => undefined,
  bindMigrationAwareSqlAdapterFactory(adapter)
)
const shown = (title, value) => process.stdout.write(`${title} ${JSON.stringify(value)}\n`)
const said = async (what, promise) => {
  const answer = await promise.then(
    (value) => value,
    (error) => ({ failed: String(error.message ?? error) })
  )
  shown(what, answer)
  return answer
}
const list = (...migrations) => ({
  baseDir: "migrations",
  lockfile: { path: "migration_lock.toml", content: 'provider = "postgresql"\n' },
  shadowDbInitScript: "",
  migrationDirectories: migrations.map(([path, script]) => ({
    path,
    migrationFile: { path: "migration.sql", content: { tag: "ok", value: script } }
  }))
})

const first = [
  "20260101000000_first",
  'create table "made" (id int primary key, name text); insert into "made" values (1, \'ä\');'
]
const second = [
  "20260102000000_second",
  'alter table "made" add column "at" timestamptz; create index on "made" (name);'
]
const third = ["20260103000000_third", "insert into made values (1, 'again', null);"]
await said("deploy", engine.applyMigrations({ migrationsList: list(first), filters }))
await said("deploy more", engine.applyMigrations({ migrationsList: list(first, second), filters }))
await said("deploy nothing", engine.applyMigrations({ migrationsList: list(first, second), filters }))
const failed = await said(
  "deploy what fails",
  engine.applyMigrations({ migrationsList: list(first, second, third), filters })
)
shown("fails", JSON.stringify(failed).includes("Unique constraint failed: made_pkey"))
await said("rolled back", engine.markMigrationRolledBack({ migrationName: third[0] }))
await said(
  "applied",
  engine.markMigrationApplied({ migrationName: third[0], migrationsList: list(first, second, third) })
)
await said("deployed", engine.applyMigrations({ migrationsList: list(first, second, third), filters }))
await said("reset", engine.reset({ filter: filters }))
await said("deploy again", engine.applyMigrations({ migrationsList: list(first, second), filters }))
process.exit(0)
