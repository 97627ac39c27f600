/** The servers of event logs and the queues of Effect, in anger: the same on `@effect/sql-pg` and over the Data API. */
import { NodeCrypto } from "@effect/platform-node"
import { assert, describe } from "@effect/vitest"
import {
  Array as Arr,
  Duration,
  Effect,
  Exit,
  Fiber,
  Latch,
  Layer,
  Queue,
  Schedule,
  Schema,
  type Scope,
  Stream
} from "effect"
import type { Digest } from "effect/crypto"
import {
  EventJournal,
  EventLogMessage,
  SqlEventLogServerEncrypted,
  SqlEventLogServerUnencrypted
} from "effect/eventlog"
import { KeyValueStore, PersistedQueue, Persistence } from "effect/persistence"
import { SqlClient } from "effect/sql"
import * as TestDatabase from "../TestDatabase.ts"
import { compare, dataApi, native } from "./onBoth.ts"

const storeId = (name: string) => EventLogMessage.StoreId.make(name)
const entryId = (n: number) => EventJournal.makeEntryIdUnsafe({ msecs: 1_400_000_000_000 + n })

const entry = (n: number, primaryKey: string, payload = Uint8Array.of(n % 256, 0, 255)) =>
  new EventJournal.Entry({ id: entryId(n), event: "Changed", primaryKey, payload })

const numbered = (entries: ReadonlyArray<EventJournal.RemoteEntry>) =>
  entries.map(({ entry: { payload, primaryKey }, remoteSequence }) => [remoteSequence, primaryKey, payload.length])

const unencrypted = Effect.gen(function* () {
  const options = { entryTablePrefix: "it_s", remoteIdTable: "remote", insertBatchSize: 50 }
  const storage = yield* SqlEventLogServerUnencrypted.makeStorage(options)
  const other = yield* SqlEventLogServerUnencrypted.makeStorage(options)
  const [store, second] = [storeId('it\'s "one"'), storeId("two")]
  const changes = (startSequence = 0) =>
    storage
      .changes({ storeId: store, startSequence, compactors: new Map() })
      .pipe(Stream.toQueue({ capacity: "unbounded" }))
  const sameId = Buffer.compare(yield* storage.getId, yield* other.getId) === 0
  const batch = Array.from({ length: 120 }, (_, n) => entry(n, `k${n % 5}'é😀`))
  yield* storage.write(store, batch)
  const feed = yield* changes()
  const backlog = numbered(yield* Queue.takeN(feed, 120))
  yield* Effect.forEach(
    Array.from({ length: 20 }, (_, n) => n),
    (n) => storage.write(store, [entry(200 + n, `c${n}`)]),
    {
      concurrency: 10
    }
  )
  yield* storage.write(second, [entry(300, "second")])
  const live = numbered(yield* Queue.takeN(feed, 20)).map(([sequence]) => sequence)
  // A caught nested rollback, and an interrupted transaction.
  yield* storage.withTransaction(
    Effect.gen(function* () {
      yield* storage.write(store, [entry(400, "before")])
      yield* Effect.ignore(
        storage.withTransaction(Effect.andThen(storage.write(store, [entry(401, "lost")]), Effect.fail("no")))
      )
      yield* storage.withTransaction(storage.write(store, [entry(402, "nested")]))
      yield* storage.write(store, [entry(403, "after")])
    })
  )
  const written = yield* Latch.make()
  const fiber = yield* Effect.forkChild(
    storage.withTransaction(
      Effect.andThen(storage.write(store, [entry(404, "interrupted")]), Effect.andThen(written.open, Effect.never))
    )
  )
  yield* written.await
  yield* Fiber.interrupt(fiber)
  yield* storage.write(store, [
    entry(405, "last", new Uint8Array(300_000)),
    entry(406, "large", new Uint8Array(400_000))
  ])
  const after = numbered(yield* Queue.takeN(feed, 5))
  // The whole log exceeds one result of the Data API.
  const replayed = numbered(yield* Queue.takeN(yield* changes(100), 45)).length
  const history = yield* storage.entriesAfter(store, entry(-1, "k0"), [
    entry(1, "k1'é😀"),
    entry(402, "nested"),
    entry(500, "k3'é😀")
  ])
  const whole = yield* storage.entriesAfter(store, entry(-1, "k0"))
  const key = Uint8Array.from({ length: 32 }, (_, n) => n)
  const bound = [
    yield* storage.getOrCreateSessionAuthBinding("it's a key", key),
    yield* other.getOrCreateSessionAuthBinding("it's a key", new Uint8Array(32))
  ].map((octets) => [...octets])
  return { sameId, backlog, live, after, replayed, history: numbered(history), whole: whole.length, bound }
})

const encryptedBatch = (n: number, length = 3) => ({
  entryIds: [entryId(2 * n), entryId(2 * n + 1)] as const,
  iv: Uint8Array.from({ length: 12 }, () => n % 256),
  encryptedBatch: new Uint8Array(length).fill(n % 256)
})

const encrypted = Effect.gen(function* () {
  const storage = yield* SqlEventLogServerEncrypted.makeStorage({ entryTablePrefix: "enc" })
  const store = storeId("one")
  const write = (...batches: ReadonlyArray<number>) =>
    storage.write(
      "it's a key",
      store,
      batches.map((n) => encryptedBatch(n))
    )
  const first = yield* write(1, 2, 3)
  const again = yield* write(2, 4)
  const raced = yield* Effect.forEach([10, 10, 11, 11, 12], (n) => write(n), { concurrency: 5 })
  yield* storage.write("other key", store, [encryptedBatch(1)])
  yield* storage.write("it's a key", store, [encryptedBatch(20, 400_000), encryptedBatch(21, 400_000)])
  const all = yield* Stream.runCollect(Stream.take(storage.changes("it's a key", store, 0), 9))
  const acks = yield* storage.entrySequences("it's a key", store, [entryId(2), entryId(5), entryId(42), entryId(999)])
  const { compaction } = storage
  if (compaction === undefined) return assert.fail("no compaction")
  const begun = yield* compaction.begin("it's a key", store, { through: 8 })
  const busy = yield* compaction.begin("it's a key", store, { through: 8 })
  if (begun._tag !== "Started") return assert.fail(begun._tag)
  const { stageId } = begun
  const headers = yield* Stream.runCollect(compaction.inputHeaders("it's a key", store, stageId))
  const fetched = yield* Stream.runCollect(compaction.fetch("it's a key", store, stageId, [1, 3]))
  const staged = [
    yield* compaction.stagePart("it's a key", store, stageId, 0, [encryptedBatch(100), encryptedBatch(101)]),
    yield* compaction.stagePart("it's a key", store, stageId, 0, [encryptedBatch(100), encryptedBatch(101)])
  ]
  const stagedHeaders = yield* Stream.runCollect(compaction.stagedHeaders("it's a key", store, stageId))
  const committed = yield* compaction.commit("it's a key", store, stageId, [5, 7])
  const compacted = yield* Stream.runCollect(Stream.take(storage.changes("it's a key", store, 0), 2))
  const { base, head } = yield* compaction.status("it's a key", store)
  const [, active] = yield* compaction.history("it's a key", store)
  const rolledBack = yield* Effect.exit(compaction.rollback("it's a key", store, active?.activationId ?? ""))
  const sequences = (batches: ReadonlyArray<{ readonly sequence: number; readonly encryptedBatch: Uint8Array }>) =>
    batches.map(({ encryptedBatch: octets, sequence }) => [sequence, octets.length, octets[0]])
  return {
    first: sequences(first),
    again: sequences(again),
    raced: raced.flat().length,
    all: sequences(all).length,
    acks: acks.map(({ sequence }) => sequence),
    busy: busy._tag,
    headers: headers.map(({ entryIds, sequence }) => [sequence, entryIds.length]),
    fetched: sequences(fetched),
    staged,
    stagedHeaders: stagedHeaders.map(({ position }) => position),
    committed,
    compacted: sequences(compacted),
    base,
    head,
    rolledBack: Exit.isSuccess(rolledBack)
  }
})

const storeOf = Effect.fnUntraced(function* (tableName: string) {
  const store = yield* PersistedQueue.makeStoreSql({
    tableName,
    pollInterval: "20 millis",
    lockExpiration: "10 minutes"
  })
  const factory = yield* Effect.provideService(PersistedQueue.makeFactory, PersistedQueue.PersistedQueueStore, store)
  return { store, factory }
})

const queue = Effect.gen(function* () {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const { factory, store } = yield* storeOf("it's queue")
  const workers = yield* Effect.forEach([1, 2], () => storeOf("it's queue"))
  const options = {
    name: "wörk",
    schema: Schema.Struct({ n: Schema.BigInt, note: Schema.String }),
    maxAttempts: 3,
    retrySchedule: Schedule.spaced(0)
  }
  const jobs = yield* factory.make(options)
  const note = 'it\'s \\ "quoted" é😀 $1 :x \u2028'
  yield* Effect.forEach(
    Array.from({ length: 60 }, (_, n) => BigInt(n)),
    (n) => jobs.offer({ n, note }, { id: `job ${n}` }),
    { concurrency: 10 }
  )
  yield* jobs.offer({ n: 5n, note: "again" }, { id: "job 5" })
  // An element that no longer fits, one whose JSON is broken, and one that a worker held that crashed.
  yield* store.offer({ name: "wörk", id: "poison", element: { n: null }, isCustomId: true })
  yield* jobs.offer({ n: 100n, note }, { id: "broken" })
  yield* sql`update ${sql("it's queue")} set element = ${"{"} where id = ${"broken"}`
  yield* jobs.offer({ n: 101n, note }, { id: "crashed" })
  yield* sql`update ${sql("it's queue")} set acquired_by = ${crypto.randomUUID()}, attempts = 1, acquired_at = now() - interval '1 hour' where id = ${"crashed"}`
  const deliveries = new Map<string, number>()
  const done = yield* Latch.make()
  let succeeded = 0
  const taking = yield* Effect.forEach(workers, (worker) => worker.factory.make(options))
  yield* Effect.forEach([...taking, ...taking], (one) =>
    Effect.forkScoped(
      Effect.forever(
        Effect.ignore(
          one.take(({ n }, { id }) =>
            Effect.suspend(() => {
              const count = (deliveries.get(id) ?? 0) + 1
              deliveries.set(id, count)
              if (n % 3n === 0n && n < 100n && count === 1) return Effect.fail("once")
              if (n === 7n) return Effect.fail("always")
              return ++succeeded === 60 ? done.open : Effect.void
            })
          )
        )
      )
    )
  )
  yield* done.await
  yield* Effect.repeat(sql`select state from ${sql("it's queue")} where state = 'pending' or acquired_by is not null`, {
    until: (rows) => rows.length === 0,
    schedule: Schedule.spaced("50 millis")
  })
  const rows =
    yield* sql`select id, state, attempts, last_failure is null as fine from ${sql("it's queue")} order by id`
  // Rolled back with the transaction that offered it, and delayed from the offer on.
  yield* Effect.ignore(
    sql.withTransaction(Effect.andThen(jobs.offer({ n: 1000n, note }, { id: "lost" }), Effect.fail("no")))
  )
  yield* sql.withTransaction(jobs.offer({ n: 1001n, note }, { id: "delayed", delay: "1 day" }))
  yield* sql`update ${sql("it's queue")} set updated_at = now() - interval '2 days' where state <> 'pending'`
  yield* store.cleanup({ timeToLive: Duration.days(1), failedTimeToLive: undefined })
  const kept =
    yield* sql`select id, state, visible_at > now() + interval '23 hours' as later from ${sql("it's queue")} order by id`
  yield* store.cleanup({ timeToLive: Duration.days(1), failedTimeToLive: Duration.days(1) })
  const left = yield* sql`select id from ${sql("it's queue")}`
  return { deliveries: [...deliveries].sort(), rows, kept, left }
})

const keys = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const store = yield* KeyValueStore.KeyValueStore
  const octets = Uint8Array.from({ length: 1000 }, (_, n) => n % 256)
  yield* store.set("it's é😀", "é".repeat(100_000))
  yield* store.set("octets", octets)
  yield* Effect.forEach(
    Array.from({ length: 50 }, (_, n) => n),
    (n) => store.set("raced", `${n}`.padStart(9, "0")),
    { concurrency: 10 }
  )
  const modified = yield* store.modify("raced", (value) => `${value.length}!`)
  // More expired entries than one step of the cleanup deletes, while the table is in use.
  const persistence = yield* Persistence.BackingPersistence
  const cache = yield* persistence.make("it's a cache")
  yield* cache.setMany(Arr.makeBy(1500, (n) => [`${n}`, { n, note: "é".repeat(400) }, undefined] as const))
  const many = yield* cache.getMany(Arr.makeBy(1500, (n) => `${n}`))
  return {
    text: (yield* store.get("it's é😀"))?.length,
    octets: yield* store.getUint8Array("octets"),
    raced: (yield* store.get("raced"))?.length,
    modified,
    has: [yield* store.has("octets"), yield* store.has("none")],
    size: yield* store.size,
    many: many.length,
    rows: yield* sql`select count(*)::int as n from effect_persistence`
  }
}).pipe(Effect.provide([KeyValueStore.layerSql({ table: "it's kept" }), Persistence.layerBackingSql]))

const programs: Readonly<
  Record<string, Effect.Effect<unknown, unknown, SqlClient.SqlClient | Digest.Digest | Scope.Scope>>
> = {
  "a server of event logs": unencrypted,
  "a server of encrypted event logs, which are compacted": encrypted,
  "a queue with crashed workers, dead letters and a cleanup": queue,
  "keys and values, and persistence, that exceed one result": keys
}

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres("event logs and queues as on @effect/sql-pg"),
  () => {
    for (const [name, program] of Object.entries(programs)) {
      const scoped = Effect.scoped(program)
      compare(
        name,
        [scoped, Layer.merge(native, NodeCrypto.layerDigest)],
        [scoped, Layer.merge(dataApi, NodeCrypto.layerDigest)]
      )
    }
  }
)
