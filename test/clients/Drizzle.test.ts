import { RDSDataClient } from "@aws-sdk/client-rds-data"
import { assert, layer } from "@effect/vitest"
import { eq, gt, sql } from "drizzle-orm"
import { type AwsDataApiPgDatabase, drizzle } from "drizzle-orm/aws-data-api/pg"
import {
  bigint,
  boolean,
  date,
  integer,
  jsonb,
  numeric,
  pgTable,
  serial,
  text,
  time,
  timestamp,
  uuid
} from "drizzle-orm/pg-core"
import { Effect } from "effect"
import { HttpServer } from "../../src/local/http/HttpServer.ts"
import { credentials, layer as layerServed, region, target } from "./ServedDatabase.ts"

const owners = pgTable("owners", { id: serial().primaryKey(), name: text().notNull() })

const things = pgTable("things", {
  id: uuid().primaryKey().defaultRandom(),
  ownerId: integer("owner_id")
    .notNull()
    .references(() => owners.id),
  price: numeric({ precision: 12, scale: 4 }),
  count: bigint({ mode: "number" }),
  active: boolean(),
  tags: text().array(),
  scores: integer().array(),
  details: jsonb().$type<{ readonly a: ReadonlyArray<number> }>(),
  born: date(),
  opens: time(),
  at: timestamp({ mode: "string" }),
  seen: timestamp({ mode: "date" })
})

const schema = { owners, things }

type Database = AwsDataApiPgDatabase<typeof schema>

const createTables = sql`create table owners (id serial primary key, name text not null)`
const createThings = sql`create table things (
  id uuid primary key default gen_random_uuid(), owner_id integer not null references owners(id), price numeric(12,4),
  count bigint, active boolean, tags text[], scores integer[], details jsonb, born date, opens time, at timestamp,
  seen timestamp)`

const full = {
  id: "6f1c2b1e-0000-4000-8000-000000000001",
  price: "12.5000",
  count: 4_000_000_000,
  active: true,
  tags: ["a", "b c", 'd"e'],
  scores: [1, 2],
  details: { a: [1, 2] },
  born: "2026-01-31",
  opens: "08:30:00",
  at: "2026-01-31 10:11:12",
  seen: new Date("2026-01-31T10:11:12.345Z")
}

layer(layerServed, { excludeTestServices: true })("drizzle-orm/aws-data-api/pg on the local server", (it) => {
  const database = Effect.gen(function* () {
    const { url } = yield* HttpServer
    const client = yield* Effect.acquireRelease(
      Effect.sync(() => new RDSDataClient({ endpoint: url, region, credentials, maxAttempts: 1 })),
      (client) => Effect.sync(() => client.destroy())
    )
    const db: Database = drizzle(client, { ...target, schema })
    const clean = Effect.promise(async () => {
      await db.execute(sql`drop table if exists things, owners`)
      await db.execute(createTables)
      await db.execute(createThings)
    })
    yield* clean
    return db
  })

  const using = (run: (db: Database) => Promise<void>) =>
    Effect.flatMap(database, (db) => Effect.promise(() => run(db)))

  it.effect("inserts and selects every type: json, arrays, dates, decimals, uuids", () =>
    using(async (db) => {
      const [owner] = await db.insert(owners).values({ name: "é" }).returning()
      assert.deepStrictEqual(owner, { id: 1, name: "é" })
      await db.insert(things).values({ ...full, ownerId: 1 })
      const [read] = await db.select().from(things).where(eq(things.id, full.id))
      assert.deepStrictEqual(read, { ...full, ownerId: 1 })
      await db.insert(things).values({ ownerId: 1 })
      const [empty] = await db.select({ price: things.price, tags: things.tags }).from(things).where(sql`price is null`)
      assert.deepStrictEqual(empty, { price: null, tags: null })
    })
  )

  it.effect("joins, relations of a row, updates and deletes", () =>
    using(async (db) => {
      await db.insert(owners).values([{ name: "one" }, { name: "two" }])
      await db.insert(things).values([
        { ownerId: 1, count: 1 },
        { ownerId: 1, count: 2 },
        { ownerId: 2, count: 3 }
      ])
      const joined = await db
        .select({ name: owners.name, count: things.count })
        .from(things)
        .innerJoin(owners, eq(owners.id, things.ownerId))
        .where(gt(things.count, 1))
        .orderBy(things.count)
      assert.deepStrictEqual(joined, [
        { name: "one", count: 2 },
        { name: "two", count: 3 }
      ])
      const updated = await db
        .update(things)
        .set({ count: 9, tags: ["x"] })
        .where(eq(things.ownerId, 1))
      assert.strictEqual(updated.numberOfRecordsUpdated, 2)
      const deleted = await db.delete(things).where(eq(things.count, 9)).returning({ tags: things.tags })
      assert.deepStrictEqual(deleted, [{ tags: ["x"] }, { tags: ["x"] }])
      const left = await db.execute<{ n: number }>(sql`select count(*) as n from ${things}`)
      assert.deepStrictEqual(left.rows, [{ n: 1 }])
    })
  )

  it.effect("transactions commit, roll back and nest", () =>
    using(async (db) => {
      await db.transaction(async (tx) => {
        await tx.insert(owners).values({ name: "kept" })
        await tx
          .transaction(async (nested) => {
            await nested.insert(owners).values({ name: "dropped" })
            nested.rollback()
          })
          .catch(() => undefined)
      })
      await db
        .transaction(async (tx) => {
          await tx.insert(owners).values({ name: "lost" })
          await tx.execute(sql`select 1/0`)
        })
        .catch((error: unknown) => assert.include(String((error as Error).cause ?? error), "division by zero"))
      assert.deepStrictEqual(
        (await db.select().from(owners)).map(({ name }) => name),
        ["kept"]
      )
    })
  )
})
