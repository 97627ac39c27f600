import { RDSData } from "@aws-sdk/client-rds-data"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { type Generated, Kysely, Migrator, sql } from "kysely"
import { DataApiDialect } from "kysely-data-api"
import { HttpServer } from "../../src/local/http/HttpServer.ts"
import { credentials, layer as layerServed, region, target } from "./ServedDatabase.ts"

interface Tables {
  readonly owners: { readonly id: Generated<number>; readonly name: string }
  readonly things: {
    readonly id: Generated<string>
    readonly owner_id: number
    readonly price: string | null
    readonly active: boolean | null
    readonly tags: ReadonlyArray<string> | null
    readonly details: unknown
    readonly born: Date | null
    readonly at: Date | null
  }
}

layer(layerServed, { excludeTestServices: true })("kysely-data-api on the local server", (it) => {
  const database = Effect.gen(function* () {
    const { url } = yield* HttpServer
    const client = yield* Effect.acquireRelease(
      Effect.sync(() => new RDSData({ endpoint: url, region, credentials, maxAttempts: 1 })),
      (client) => Effect.sync(() => client.destroy())
    )
    const dialect = new DataApiDialect({ mode: "postgres", driver: { ...target, client } })
    const db = new Kysely<Tables>({ dialect })
    yield* Effect.promise(async () => {
      await db.schema.dropTable("things").ifExists().execute()
      await db.schema.dropTable("owners").ifExists().execute()
      await db.schema
        .createTable("owners")
        .addColumn("id", "serial", (column) => column.primaryKey())
        .addColumn("name", "text", (column) => column.notNull())
        .execute()
      await db.schema
        .createTable("things")
        .addColumn("id", "uuid", (column) => column.primaryKey().defaultTo(sql`gen_random_uuid()`))
        .addColumn("owner_id", "integer", (column) => column.references("owners.id").notNull())
        .addColumn("price", "numeric(12, 4)")
        .addColumn("active", "boolean")
        .addColumn("tags", sql`text[]`)
        .addColumn("details", "jsonb")
        .addColumn("born", "date")
        .addColumn("at", "timestamptz")
        .execute()
    })
    return db
  })

  const using = (run: (db: Kysely<Tables>) => Promise<void>) =>
    Effect.flatMap(database, (db) => Effect.promise(() => run(db)))

  const thing = (ownerId: number) => ({
    owner_id: ownerId,
    price: sql<string>`${"12.5"}::numeric`,
    active: true,
    tags: sql<ReadonlyArray<string>>`string_to_array(${"a,b"}, ',')`,
    details: sql`${JSON.stringify({ a: [1] })}::jsonb`,
    born: sql<Date>`${"2026-01-31"}::date`,
    at: sql<Date>`${"2026-01-31T10:00:00+02:00"}::timestamptz`
  })

  it.effect("inserts and selects json, arrays, dates and decimals", () =>
    using(async (db) => {
      const owner = await db.insertInto("owners").values({ name: "é" }).returning("id").executeTakeFirstOrThrow()
      await db.insertInto("things").values(thing(owner.id)).execute()
      const read = await db
        .selectFrom("things")
        .select(["price", "active", "tags", "details", "born", "at"])
        .executeTakeFirstOrThrow()
      assert.deepStrictEqual(read, {
        price: "12.5000",
        active: true,
        tags: ["a", "b"],
        details: { a: [1] },
        born: new Date("2026-01-31"),
        at: new Date("2026-01-31T08:00:00Z")
      })
    })
  )

  it.effect("joins, updates and deletes, with the counts", () =>
    using(async (db) => {
      await db
        .insertInto("owners")
        .values([{ name: "one" }, { name: "two" }])
        .execute()
      await db
        .insertInto("things")
        .values([thing(1), thing(1), thing(2)])
        .execute()
      const joined = await db
        .selectFrom("things")
        .innerJoin("owners", "owners.id", "things.owner_id")
        .select(["owners.name", ({ fn }) => fn.countAll<number>().as("n")])
        .groupBy("owners.name")
        .orderBy("owners.name")
        .execute()
      assert.deepStrictEqual(joined, [
        { name: "one", n: 2 },
        { name: "two", n: 1 }
      ])
      const updated = await db.updateTable("things").set({ active: false }).where("owner_id", "=", 1).executeTakeFirst()
      assert.strictEqual(updated.numUpdatedRows, 2n)
      const deleted = await db.deleteFrom("things").where("active", "=", false).executeTakeFirst()
      assert.strictEqual(deleted.numDeletedRows, 2n)
    })
  )

  it.effect("transactions commit and roll back", () =>
    using(async (db) => {
      await db.transaction().execute((tx) => tx.insertInto("owners").values({ name: "kept" }).execute())
      await db
        .transaction()
        .execute(async (tx) => {
          await tx.insertInto("owners").values({ name: "lost" }).execute()
          throw new Error("roll back")
        })
        .catch(() => undefined)
      const names = await db.selectFrom("owners").select("name").execute()
      assert.deepStrictEqual(names, [{ name: "kept" }])
    })
  )

  it.effect("the migrator takes its advisory lock and applies what is pending once", () =>
    using(async (db) => {
      for (const table of ["kysely_migration", "kysely_migration_lock", "migrated"])
        await db.schema.dropTable(table).ifExists().execute()
      const migration = {
        up: (db: Kysely<unknown>) => db.schema.createTable("migrated").addColumn("id", "integer").execute()
      }
      const provider = { getMigrations: () => Promise.resolve({ "001_migrated": migration }) }
      const applied = await new Migrator({ db, provider }).migrateToLatest()
      assert.deepStrictEqual([applied.error, applied.results?.map(({ status }) => status)], [undefined, ["Success"]])
      const again = await new Migrator({ db, provider }).migrateToLatest()
      assert.deepStrictEqual([again.error, again.results], [undefined, []])
    })
  )

  it.effect("the introspector reads the tables' shapes", () =>
    using(async (db) => {
      const tables = await db.introspection.getTables()
      const owners = tables.find(({ name }) => name === "owners")
      assert.deepStrictEqual(
        owners?.columns.map(({ dataType, isAutoIncrementing, name }) => ({ dataType, isAutoIncrementing, name })),
        [
          { name: "id", dataType: "int4", isAutoIncrementing: true },
          { name: "name", dataType: "text", isAutoIncrementing: false }
        ]
      )
    })
  )
})
