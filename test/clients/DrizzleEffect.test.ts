/** drizzle-orm's Effect driver, which asks for the PgClient of `@effect/sql-pg`, over this package's. */
import { assert, describe, layer } from "@effect/vitest"
import { defineRelations, eq, inArray, sql } from "drizzle-orm-next"
import * as PgDrizzle from "drizzle-orm-next/effect-postgres"
import {
  boolean,
  date,
  integer,
  jsonb,
  numeric,
  pgEnum,
  pgTable,
  text,
  timestamp,
  uuid,
  varchar
} from "drizzle-orm-next/pg-core"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as PgClient from "../../src/data-api/PgClient.ts"
import * as TestDatabase from "../TestDatabase.ts"

const mood = pgEnum("mood", ["sad", "ok"])

const owners = pgTable("owners", { id: uuid().primaryKey().defaultRandom(), name: varchar({ length: 40 }).notNull() })

const things = pgTable("things", {
  id: uuid().primaryKey().defaultRandom(),
  ownerId: uuid("owner_id")
    .notNull()
    .references(() => owners.id),
  price: numeric({ precision: 12, scale: 4 }),
  count: integer(),
  active: boolean(),
  feeling: mood(),
  tags: text().array(),
  scores: integer().array(),
  details: jsonb().$type<{ readonly a: ReadonlyArray<number> }>(),
  born: date(),
  at: timestamp({ withTimezone: true, mode: "date" })
})

const relations = defineRelations({ owners, things }, (r) => ({
  owners: { things: r.many.things({ from: r.owners.id, to: r.things.ownerId }) },
  things: { owner: r.one.owners({ from: r.things.ownerId, to: r.owners.id }) }
}))

const ddl = [
  "create type mood as enum ('sad', 'ok')",
  "create table owners (id uuid primary key default gen_random_uuid(), name varchar(40) not null)",
  `create table things (id uuid primary key default gen_random_uuid(), owner_id uuid not null references owners (id),
    price numeric(12, 4), count integer, active boolean, feeling mood, tags text[], scores integer[], details jsonb,
    born date, at timestamptz)`
]

const id = "6f1c2b1e-0000-4000-8000-000000000001"
const full = {
  id,
  price: "12.5000",
  count: 7,
  active: true,
  feeling: "ok" as const,
  tags: ["a", "b c", 'd"e'],
  scores: [1, 2],
  details: { a: [1, 2] },
  born: "2026-01-31",
  at: new Date("2026-01-02T03:04:05.678Z")
}

const backends = [
  ["embedded", Layer.orDie(TestDatabase.layer())] as const,
  ...(TestDatabase.postgresUrl === undefined
    ? []
    : [["PostgreSQL", Layer.orDie(TestDatabase.layerPostgres(TestDatabase.postgresUrl))] as const])
]

for (const [name, api] of backends) {
  const client = PgClient.layer().pipe(Layer.provide(api))
  describe(`drizzle-orm 1.0 with its Effect driver, ${name}`, () => {
    layer(client, { timeout: "60 seconds", excludeTestServices: true })((it) => {
      it.effect("inserts, selects, relates, updates, deletes and rolls back", () =>
        Effect.gen(function* () {
          const client = yield* SqlClient.SqlClient
          for (const statement of ddl) yield* client.unsafe(statement)
          const db = yield* PgDrizzle.makeWithDefaults({ relations })
          const [owner = assert.fail("no owner")] = yield* db.insert(owners).values({ name: "Ann" }).returning()
          const row = { ...full, ownerId: owner.id }
          assert.deepStrictEqual(yield* db.insert(things).values(row).returning(), [row])
          yield* db.insert(things).values([{ ownerId: owner.id }, { ownerId: owner.id, tags: [], feeling: "sad" }])
          assert.deepStrictEqual(yield* db.select().from(things).where(eq(things.id, id)), [row])
          for (const condition of [
            eq(things.born, "2026-01-31"),
            eq(things.at, full.at),
            eq(things.price, "12.5"),
            eq(things.feeling, "ok"),
            inArray(things.id, [id, owner.id]),
            sql`${things.details} @> ${'{"a":[1]}'}`
          ]) {
            assert.deepStrictEqual(yield* db.select({ id: things.id }).from(things).where(condition), [{ id }])
          }
          const found = yield* db.query.owners.findFirst({
            where: { name: "Ann" },
            with: { things: { where: { id } } }
          })
          assert.deepStrictEqual(found?.things, [row])
          const related = yield* db.query.things.findMany({ where: { feeling: "sad" }, with: { owner: true } })
          assert.deepStrictEqual(
            related.map((thing) => [thing.owner?.name, thing.tags]),
            [["Ann", []]]
          )
          yield* db
            .update(things)
            .set({ price: "0.0001", details: { a: [] }, at: null, tags: ["z"] })
            .where(eq(things.id, id))
          const [updated] = yield* db.select().from(things).where(eq(things.id, id))
          assert.deepStrictEqual(updated, { ...row, price: "0.0001", details: { a: [] }, at: null, tags: ["z"] })
          const failed = yield* Effect.exit(
            db.transaction((tx) =>
              Effect.gen(function* () {
                yield* tx.delete(things).where(eq(things.ownerId, owner.id))
                assert.strictEqual((yield* tx.select().from(things)).length, 0)
                return yield* Effect.fail("undo")
              })
            )
          )
          assert.strictEqual(failed._tag, "Failure")
          assert.strictEqual(yield* db.$count(things), 3)
          yield* db.transaction((tx) => tx.delete(things).where(eq(things.id, id)), {
            isolationLevel: "serializable"
          })
          assert.strictEqual(yield* db.$count(things), 2)
        })
      )
    })
  })
}
