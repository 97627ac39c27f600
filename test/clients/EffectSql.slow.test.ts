/** What `effect/sql` builds on a client, and what Effect stores in one: the same programs on `@effect/sql-pg` and here. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Exit, Layer, Option, Schedule, Schema, type Scope, Stream } from "effect"
import { EventJournal, SqlEventJournal } from "effect/eventlog"
import { PersistedQueue, Persistence } from "effect/persistence"
import { Reactivity } from "effect/reactivity"
import { Model } from "effect/schema"
import { Migrator, SqlClient, SqlModel, SqlResolver, SqlSchema } from "effect/sql"
import type { DataApi } from "../../src/data-api/DataApi.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import * as PostgresSql from "../../src/PostgresSql.ts"
import * as TestDatabase from "../TestDatabase.ts"

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`

const names = {
  transformQueryNames: (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  transformResultNames: (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

class Person extends Model.Class<Person>("Person")({
  id: Schema.String,
  removedAt: Model.FieldOption(Schema.Date),
  fullName: Schema.String,
  born: Schema.NullOr(Schema.String),
  likes: Model.JsonFromString(Schema.Array(Schema.String)),
  updatedAt: Schema.DateTimeUtcFromDate
}) {}

const statement = (run: (sql: SqlClient.SqlClient) => Effect.Effect<unknown, unknown>) =>
  Effect.flatMap(SqlClient.SqlClient, run)

const migrations = Migrator.fromRecord({
  "1_people": statement(
    (sql) => sql`create table people (id uuid primary key default gen_random_uuid(), full_name text not null unique,
      born date, likes text, updated_at timestamptz, removed_at timestamptz)`
  ),
  "2_index": statement((sql) => sql`create index people_born on people (born)`),
  "3_data": statement(
    (sql) =>
      sql`insert into people ${sql.insert([
        { id: uuid(1), fullName: "Ann", born: "2001-02-03", likes: '["a"]', updatedAt: new Date(0) },
        { id: uuid(2), fullName: "Bob", born: null, likes: "[]", updatedAt: new Date(1) }
      ])}`
  )
})

const none = Option.none()
const at = DateTime.makeUnsafe("2026-01-02T03:04:05.678Z")
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const modelled = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const migrate = Migrator.make({})({ loader: migrations, table: "my_migrations" })
  const migrated = [yield* migrate, yield* migrate]
  const options = { tableName: "people", spanPrefix: "People", idColumn: "id" } as const
  const people = yield* SqlModel.makeRepository(Person, options)
  const cid = yield* people.insert(
    Person.insert.make({
      id: uuid(3),
      removedAt: none,
      fullName: "Cid",
      born: "2003-01-01",
      likes: ["c"],
      updatedAt: at
    })
  )
  const updated = yield* people.update(
    Person.update.make({ id: uuid(1), removedAt: none, fullName: "Ann B", born: null, likes: [], updatedAt: at })
  )
  const missing = yield* Effect.flip(people.findById(uuid(9)))
  const resolvers = yield* SqlModel.makeResolvers(Person, { ...options, softDeleteColumn: "removedAt" })
  const found = yield* Effect.forEach([uuid(1), uuid(2)], (id) => SqlResolver.request(id, resolvers.findById), {
    concurrency: "unbounded"
  })
  const many = yield* Effect.forEach(
    ["Dan", "Eve"],
    (fullName) =>
      SqlResolver.request(
        Person.insert.make({
          id: fullName === "Dan" ? uuid(4) : uuid(5),
          removedAt: none,
          fullName,
          born: null,
          likes: [fullName],
          updatedAt: at
        }),
        resolvers.insert
      ),
    { concurrency: "unbounded" }
  )
  yield* SqlResolver.request(uuid(2), resolvers.delete)
  const removed = yield* sql`select count(*) as n from people where removed_at is not null`
  yield* people.delete(cid.id)
  const duplicate = yield* Effect.flip(
    people.insert(
      Person.insert.make({ id: uuid(6), removedAt: none, fullName: "Dan", born: null, likes: [], updatedAt: at })
    )
  )
  const grouped = SqlResolver.grouped({
    Request: Schema.String,
    RequestGroupKey: (born) => born,
    Result: Schema.Struct({ fullName: Schema.String, born: Schema.String }),
    ResultGroupKey: ({ born }) => born,
    execute: (days) => sql`select full_name, coalesce(born, '1900-01-01') as born from people
      where ${sql.in("born", days)} or (born is null and ${"1900-01-01"} = any(${days}::date[])) order by full_name`
  })
  const groups = yield* Effect.forEach(["1900-01-01"], (day) => SqlResolver.request(day, grouped))
  const byName = SqlSchema.findOne({
    Request: Schema.Struct({ name: Schema.String, since: Schema.DateTimeUtcFromDate }),
    Result: Schema.Struct({ id: Schema.String, updatedAt: Schema.Date }),
    execute: ({ name, since }) =>
      sql`select id, updated_at from people where full_name = ${name} and updated_at >= ${since}`
  })
  const one = yield* byName({ name: "Ann B", since: at })
  const reads: Array<unknown> = []
  yield* sql.reactive(["people"], sql<{ n: bigint }>`select count(*) as n from people`).pipe(
    Stream.tap(([row]) => Effect.sync(() => reads.push(String(row?.n)))),
    Stream.tap(() =>
      reads.length === 1
        ? Reactivity.mutation(sql`delete from people where full_name = ${"Eve"}`, ["people"])
        : Effect.void
    ),
    Stream.take(2),
    Stream.runDrain
  )
  const committed: Array<string> = []
  const note = (name: string) => sql.afterCommit(Effect.sync(() => committed.push(name)))
  yield* note("outside")
  yield* sql.withTransaction(
    Effect.andThen(
      note("committed"),
      Effect.ignore(sql.withTransaction(Effect.andThen(note("undone"), Effect.fail(""))))
    )
  )
  yield* Effect.ignore(sql.withTransaction(Effect.andThen(note("failed"), Effect.fail(""))))
  return plain({
    migrated: migrated.map((list) => list.map(([id, name]) => `${id} ${name}`)),
    cid,
    updated,
    missing: missing._tag,
    found,
    many: many.map(({ fullName, likes }) => [fullName, likes]),
    removed: removed.map(({ n }) => String(n)),
    duplicate: "reason" in duplicate ? duplicate.reason._tag : duplicate._tag,
    groups,
    one,
    reads,
    committed
  })
})

const queued = Effect.gen(function* () {
  const schema = Schema.Struct({ n: Schema.Int, note: Schema.String })
  const queue = yield* PersistedQueue.make({
    name: "jobs",
    schema,
    maxAttempts: 3,
    retrySchedule: Schedule.spaced("1 millis")
  })
  const note = 'it\'s \\ "quoted" \u00e9 $1 :x'
  const ids = yield* Effect.forEach([1, 2, 3, 4], (n) => queue.offer({ n, note }, { id: `job-${n}` }))
  yield* queue.offer({ n: 9, note }, { id: "job-1" })
  yield* queue.offer({ n: 5, note }, { id: "later", delay: "1 hour" })
  const taken: Array<unknown> = []
  const take = queue.take((value, { attempts, id }) =>
    value.n === 2
      ? Effect.fail("no")
      : Effect.sync(() => {
          taken.push([id, attempts, value])
        })
  )
  let failures = 0
  for (let tries = 0; tries < 6; tries++) {
    const exit = yield* Effect.exit(Effect.timeout(take, "5 seconds"))
    if (Exit.isFailure(exit)) failures++
  }
  const others = yield* PersistedQueue.make({ name: "others", schema: Schema.String })
  yield* Effect.forEach(
    Array.from({ length: 30 }, (_, n) => `${n}`),
    (value) => others.offer(value),
    {
      concurrency: 10
    }
  )
  const seen: Array<string> = []
  yield* Effect.forEach(Array.from({ length: 30 }), () => others.take((value) => Effect.sync(() => seen.push(value))), {
    concurrency: 6
  })
  return plain({
    ids,
    taken: taken.map((one) => JSON.stringify(one)).sort(),
    failures,
    seen: seen.map(Number).sort((a, b) => a - b)
  })
}).pipe(
  Effect.provide(PersistedQueue.layer.pipe(Layer.provide(PersistedQueue.layerStoreSql({ pollInterval: "20 millis" }))))
)

const journalled = Effect.gen(function* () {
  const journal = yield* EventJournal.EventJournal
  const write = (primaryKey: string, octet: number) =>
    journal.write({
      event: "Changed",
      primaryKey,
      payload: Uint8Array.of(octet, 0, 255),
      effect: (entry) => Effect.succeed(entry)
    })
  const first = yield* write("a", 1)
  yield* write("it's", 2)
  yield* journal.writeMany({
    entries: [
      { event: "Changed", primaryKey: "b", payload: new Uint8Array(0) },
      { event: "Changed", primaryKey: "b", payload: Uint8Array.of(7) }
    ],
    effect: () => Effect.void
  })
  yield* Effect.ignore(
    journal.write({ event: "Lost", primaryKey: "c", payload: new Uint8Array(1), effect: () => Effect.fail("no") })
  )
  const remoteId = EventJournal.RemoteId.make(Uint8Array.from({ length: 16 }, (_, index) => index))
  const remote = (n: number, primaryKey: string) =>
    new EventJournal.RemoteEntry({
      remoteSequence: n,
      entry: new EventJournal.Entry({
        id: EventJournal.makeEntryIdUnsafe({ msecs: 1000 + n }),
        event: "Changed",
        primaryKey,
        payload: Uint8Array.of(n)
      })
    })
  const conflicts: Array<unknown> = []
  const entries = [remote(0, "a"), remote(1, "z")]
  const received = {
    remoteId,
    entries,
    effect: (all: ReadonlyArray<{ conflicts: ReadonlyArray<unknown> }>) =>
      Effect.sync(() => {
        conflicts.push(all.map((one) => one.conflicts.length))
      })
  }
  yield* journal.writeFromRemote(received)
  const { duplicateEntries } = yield* journal.writeFromRemote(received)
  const sequence = yield* journal.nextRemoteSequence(remoteId)
  const uncommitted = yield* journal.withRemoteUncommited(remoteId, (all) =>
    Effect.as(
      journal.writeRemoteAcks({
        remoteId,
        acks: all.slice(0, 2).map(({ id }, index) => ({ entryId: id, sequence: index + 2 }))
      }),
      all.map(({ primaryKey }) => primaryKey)
    )
  )
  const left = yield* journal.withRemoteUncommited(remoteId, (all) => Effect.succeed(all.length))
  const byId = yield* journal.entriesById([first.id, EventJournal.makeEntryIdUnsafe({})])
  const all = yield* journal.entries
  yield* journal.destroy
  return plain({
    all: all.map(({ event, payload, primaryKey }) => [event, primaryKey, [...payload]]),
    byId: byId.map((one) => one?.primaryKey ?? null),
    conflicts,
    duplicates: duplicateEntries.length,
    sequence,
    uncommitted,
    left
  })
}).pipe(Effect.provide(SqlEventJournal.layer()))

const persisted = Effect.gen(function* () {
  const backing = yield* Persistence.BackingPersistence
  const results: Array<unknown> = []
  for (const name of ["one", "it's two"]) {
    const store = yield* backing.make(name)
    yield* store.set("a", { n: 1, note: "x'\"y" }, undefined)
    yield* store.setMany([
      ["b", { n: 2 }, Duration.hours(1)],
      ["c", { n: [3, null] }, Duration.millis(1)],
      ["a", { n: 4 }, undefined]
    ])
    yield* Effect.sleep("20 millis")
    results.push(yield* store.getMany(["c", "b", "a", "nothing"]))
    yield* store.remove("a")
    results.push(yield* store.get("a"), yield* store.get("b"))
    yield* store.clear
    results.push(yield* store.get("b"))
  }
  return plain(results)
})

const programs: Readonly<
  Record<string, Effect.Effect<unknown, unknown, SqlClient.SqlClient | Reactivity.Reactivity | Scope.Scope>>
> = {
  "migrator, models, resolvers, schemas, reactivity": modelled,
  "a queue with attempts, delays and many takers": queued,
  "an event journal with a remote": journalled,
  "persistence in one table": Effect.provide(persisted, Persistence.layerBackingSql),
  "persistence in many tables": Effect.provide(persisted, Persistence.layerBackingSqlMultiTable)
}

type Client = Layer.Layer<SqlClient.SqlClient, unknown>

const dataApi = (api: Layer.Layer<DataApi, unknown>): Client => DataApiSql.layer(names).pipe(Layer.provide(api))

const { postgresUrl } = TestDatabase
const url = postgresUrl ?? ""
const fresh = (client: (url: Effect.Success<ReturnType<typeof TestDatabase.freshDatabase>>) => Client): Client =>
  Layer.unwrap(Effect.map(TestDatabase.freshDatabase(url), client))

describe.skipIf(postgresUrl === undefined)(TestDatabase.onPostgres("effect/sql as on @effect/sql-pg"), () => {
  const clients = {
    postgres: fresh((url) => PostgresSql.layer({ url, ...names })),
    server: fresh((url) => dataApi(LocalDataApi.layerPostgres({ url }))),
    embedded: dataApi(TestDatabase.layer())
  }
  for (const [name, program] of Object.entries(programs)) {
    it.live(
      name,
      () =>
        Effect.gen(function* () {
          const run = (client: Client) => Effect.scoped(Effect.provide(program, Layer.merge(client, Reactivity.layer)))
          const expected = yield* run(fresh((url) => PgClient.layer({ url, ...names })))
          for (const [backend, client] of Object.entries(clients)) {
            assert.deepStrictEqual(yield* run(client), expected, backend)
          }
        }),
      120_000
    )
  }
})
