/** drizzle-orm's Effect driver, which asks for the PgClient of `@effect/sql-pg`, over this package's. */

import { PgClient as NativePgClient } from "@effect/sql-pg"
import { assert, describe, it, layer } from "@effect/vitest"
import {
  and,
  arrayContains,
  arrayOverlaps,
  asc,
  avg,
  between,
  count,
  countDistinct,
  defineRelations,
  desc,
  eq,
  exists,
  gt,
  ilike,
  inArray,
  isNull,
  lt,
  ne,
  not,
  notInArray,
  or,
  sql,
  sum
} from "drizzle-orm-next"
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
  unionAll,
  uuid,
  varchar
} from "drizzle-orm-next/pg-core"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as PgClient from "../../src/data-api/PgClient.ts"
import * as PostgresSql from "../../src/PostgresSql.ts"
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

/** Everyday queries of a query builder, each with its rows. */
const queries = Effect.gen(function* () {
  const client = yield* SqlClient.SqlClient
  for (const statement of ddl) yield* client.unsafe(statement)
  const db = yield* PgDrizzle.makeWithDefaults({ relations })
  const [ann, bob] = [id, "6f1c2b1e-0000-4000-8000-000000000002"]
  yield* db.insert(owners).values([
    { id: ann, name: "Ann" },
    { id: bob, name: "Bob" }
  ])
  const thing = (n: number) => `6f1c2b1e-0000-4000-8000-00000000010${n}`
  yield* db.insert(things).values([
    { ...full, id: thing(1), ownerId: ann },
    {
      ...full,
      id: thing(2),
      ownerId: ann,
      feeling: "sad",
      price: "3.25",
      born: "2025-12-01",
      tags: [],
      details: { a: [] }
    },
    { id: thing(3), ownerId: bob, count: 2, active: false, at: new Date(0) }
  ])
  const spent = db.$with("spent").as(
    db
      .select({ owner: things.ownerId, total: sum(things.price).as("total") })
      .from(things)
      .groupBy(things.ownerId)
  )
  const prepared = db
    .select({ id: things.id })
    .from(things)
    .where(and(eq(things.born, sql.placeholder("born")), ilike(owners.name, sql.placeholder("name"))))
    .innerJoin(owners, eq(owners.id, things.ownerId))
    .prepare("by_birth")
  const feelings = db.select({ v: things.feeling }).from(things)
  return [
    yield* db
      .select()
      .from(things)
      .where(and(eq(things.feeling, "ok"), gt(things.price, "1"))),
    yield* db.select({ n: count(), d: countDistinct(things.feeling), a: avg(things.price) }).from(things),
    yield* db
      .select()
      .from(things)
      .where(between(things.born, "2025-01-01", "2025-12-31")),
    yield* db
      .select({ id: things.id })
      .from(things)
      .where(arrayContains(things.tags, ["a"])),
    yield* db
      .select({ id: things.id })
      .from(things)
      .where(arrayOverlaps(things.tags, ["a", "zz"])),
    yield* db
      .select({ id: things.id })
      .from(things)
      .where(or(isNull(things.price), lt(things.at, new Date(1)))),
    yield* db
      .select({ id: things.id })
      .from(things)
      .where(not(inArray(things.feeling, ["sad"]))),
    yield* db
      .select({ id: things.id })
      .from(things)
      .where(notInArray(things.id, [thing(1), thing(2)])),
    yield* db
      .select({ name: owners.name, thing: things.id })
      .from(owners)
      .leftJoin(things, and(eq(things.ownerId, owners.id), eq(things.feeling, "ok")))
      .orderBy(asc(owners.name)),
    yield* db.with(spent).select().from(spent).where(gt(spent.total, "1")).orderBy(desc(spent.total)),
    yield* db
      .select({ name: owners.name })
      .from(owners)
      .where(
        exists(
          db
            .select()
            .from(things)
            .where(and(eq(things.ownerId, owners.id), eq(things.born, "2025-12-01")))
        )
      ),
    yield* db
      .selectDistinctOn([things.ownerId], { owner: things.ownerId, born: things.born })
      .from(things)
      .orderBy(things.ownerId, desc(things.born)),
    yield* db.select({ owner: things.ownerId, n: count() }).from(things).groupBy(things.ownerId).having(gt(count(), 1)),
    yield* unionAll(feelings, db.select({ v: things.feeling }).from(things).where(eq(things.feeling, "sad")))
      .orderBy(sql`1 nulls last`)
      .limit(3)
      .offset(1),
    yield* db
      .select({ v: sql<string>`${things.details} ->> ${"a"}` })
      .from(things)
      .where(sql`${things.details} ? ${"a"}`)
      .orderBy(things.id),
    yield* db
      .select({ v: sql`coalesce(${things.feeling}, ${"sad"})`, w: sql`${things.born} + ${1}::int` })
      .from(things)
      .orderBy(things.id),
    yield* db
      .insert(owners)
      .values({ id: ann, name: "Anna" })
      .onConflictDoUpdate({ target: owners.id, set: { name: sql`excluded.name || ${"!"}` } })
      .returning(),
    yield* db.insert(owners).values({ id: ann, name: "x" }).onConflictDoNothing().returning(),
    yield* db
      .update(things)
      .set({ count: sql`${things.count} + ${1}`, details: null, at: full.at, feeling: "ok" })
      .where(eq(things.id, thing(2)))
      .returning(),
    yield* db
      .update(things)
      .set({ price: sql`${"1.5"}::numeric * 2` })
      .from(owners)
      .where(and(eq(owners.id, things.ownerId), eq(owners.name, "Bob")))
      .returning({ price: things.price }),
    yield* db
      .insert(things)
      .select(db.select().from(things).where(eq(things.id, "6f1c2b1e-0000-4000-8000-0000000001ff")))
      .returning(),
    yield* prepared.execute({ born: "2026-01-31", name: "ann%" }),
    yield* prepared.execute({ born: "2020-01-31", name: "%" }),
    yield* db.query.owners.findMany({
      orderBy: { name: "asc" },
      with: {
        things: {
          columns: { id: true, price: true, at: true, tags: true, details: true },
          orderBy: { id: "asc" },
          where: { OR: [{ feeling: "ok" }, { count: { gt: 1 } }] }
        }
      }
    }),
    yield* db.query.things.findFirst({
      where: { born: { gte: "2025-01-01" }, owner: { name: { like: "Ann%" } } },
      orderBy: { born: "desc" },
      with: { owner: true }
    }),
    (yield* db.execute(
      sql`select ${things.id} as id from ${things} where ${things.feeling} = ${"ok"} and ${things.born} > ${"2025-12-31"}`
    )).rows,
    yield* db.delete(things).where(ne(things.feeling, "sad")).returning({ id: things.id }),
    yield* db.transaction((tx) =>
      Effect.andThen(tx.insert(owners).values({ id: thing(9), name: "Zed" }), tx.$count(owners, eq(owners.name, "Zed")))
    ),
    yield* Effect.flip(db.insert(owners).values({ id: bob, name: "again" })).pipe(Effect.map((error) => error._tag)),
    yield* Effect.flip(
      db
        .select()
        .from(things)
        .where(eq(things.feeling, "lost" as "ok"))
    ).pipe(Effect.map((error) => error._tag))
  ]
})

const { postgresUrl } = TestDatabase

describe.skipIf(postgresUrl === undefined)(TestDatabase.onPostgres("drizzle-orm 1.0 as on @effect/sql-pg"), () => {
  it.live(
    "every query gives the same rows",
    () =>
      Effect.gen(function* () {
        type Client = Layer.Layer<NativePgClient.PgClient | SqlClient.SqlClient, unknown>
        const run = (client: Client) => Effect.provide(queries, client)
        const fresh = (
          client: (url: Effect.Success<ReturnType<typeof TestDatabase.freshDatabase>>) => Client
        ): Client => Layer.unwrap(Effect.map(TestDatabase.freshDatabase(postgresUrl ?? ""), client))
        const expected = yield* run(fresh((url) => NativePgClient.layer({ url })))
        assert.deepStrictEqual(yield* run(fresh((url) => PostgresSql.layer({ url }))), expected)
        for (const [, api] of backends) {
          assert.deepStrictEqual(yield* run(PgClient.layer().pipe(Layer.provide(api))), expected)
        }
      }),
    120_000
  )
})
