/** What Effect itself stores in a database, over the Data API: queues, keys and values, event journals, and a cluster. */
import { createServer } from "node:net"
import { NodeClusterSocket, NodeCrypto } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schedule, Schema } from "effect"
import {
  ClusterSchema,
  ClusterWorkflowEngine,
  Entity,
  RunnerAddress,
  RunnerStorage,
  ShardId,
  ShardingConfig,
  SingleRunner
} from "effect/cluster"
import { EventJournal, SqlEventJournal } from "effect/eventlog"
import { KeyValueStore, PersistedQueue } from "effect/persistence"
import { Rpc } from "effect/rpc"
import type { SqlClient } from "effect/sql"
import { Activity, DurableClock, Workflow } from "effect/workflow"
import * as Cluster from "../../src/data-api/Cluster.ts"
import type { DataApi } from "../../src/data-api/DataApi.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import * as TestDatabase from "../TestDatabase.ts"

const { postgresUrl } = TestDatabase
const backends: ReadonlyArray<readonly [string, Layer.Layer<DataApi>]> = [
  ["the embedded engine", Layer.orDie(TestDatabase.layer())],
  ...(postgresUrl === undefined ? [] : [["PostgreSQL", Layer.orDie(TestDatabase.layerPostgres(postgresUrl))] as const])
]

/** An account that is sent each deposit once, whichever runner it lives on. */
const Deposit = Rpc.make("Deposit", {
  payload: { key: Schema.String, amount: Schema.Int },
  primaryKey: ({ key }) => key,
  success: Schema.String
}).annotate(ClusterSchema.Persisted, true)
const Account = Entity.make("Account", [Deposit])

const Order = Workflow.make("Order", {
  payload: { id: Schema.String },
  idempotencyKey: ({ id }) => id,
  success: Schema.String
})

const Reminder = Workflow.make("Reminder", {
  payload: { id: Schema.String },
  idempotencyKey: ({ id }) => id,
  success: Schema.String
})

/** A process by itself, with a workflow that waits between its steps. */
const alone = (name: string, ran: Array<string>) => {
  const step = (of: string) =>
    Activity.make({
      name: of,
      success: Schema.String,
      execute: Effect.sync(() => {
        ran.push(of)
        return `${of} on ${name}`
      })
    })
  const reminders = Reminder.toLayer(
    Effect.fnUntraced(function* () {
      const written = yield* step("written")
      yield* DurableClock.sleep({ name: "Wait", duration: "2 seconds", inMemoryThreshold: "1 milli" })
      return `${written}, ${yield* step("sent")}`
    })
  )
  const polling = { entityMessagePollInterval: "200 millis" as const, sendRetryInterval: "50 millis" as const }
  return reminders.pipe(
    Layer.provideMerge(ClusterWorkflowEngine.layer),
    Layer.provideMerge(SingleRunner.layer({ runnerStorage: "memory", shardingConfig: polling })),
    Layer.provide(NodeCrypto.layerDigest),
    Layer.fresh
  )
}

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

/** One runner of a cluster of two, with its entities and workflows. */
const runner = (name: string, port: number, ran: Array<string>) => {
  const config = {
    runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", port)),
    runnerListenAddress: Option.some(RunnerAddress.make("127.0.0.1", port)),
    shardsPerGroup: 20,
    entityMessagePollInterval: "200 millis" as const,
    refreshAssignmentsInterval: "200 millis" as const,
    sendRetryInterval: "50 millis" as const
  }
  const entities = Account.toLayer({
    Deposit: ({ address, payload }) =>
      Effect.sync(() => {
        ran.push(`deposit ${payload.key}`)
        return `${address.entityId} on ${name}`
      })
  })
  const workflows = Order.toLayer(
    Effect.fnUntraced(function* ({ id }) {
      const paid = yield* Activity.make({
        name: "Pay",
        success: Schema.String,
        execute: Effect.sync(() => {
          ran.push(`order ${id}`)
          return `paid ${id}`
        })
      })
      return `${paid} on ${name}`
    })
  )
  return Layer.merge(entities, workflows).pipe(
    Layer.provideMerge(ClusterWorkflowEngine.layer),
    Layer.provideMerge(NodeClusterSocket.layer({ storage: "byo", shardingConfig: config })),
    Layer.provideMerge(Cluster.layerMessageStorage().pipe(Layer.provide(NodeCrypto.layerDigest))),
    Layer.provideMerge(Cluster.layerRunnerStorage()),
    Layer.provide(ShardingConfig.layer(config)),
    Layer.fresh
  )
}

for (const [backend, api] of backends) {
  describe(`Effect's own storages on ${backend}`, () => {
    const database = DataApiSql.layer().pipe(Layer.provideMerge(api))
    const withDatabase = <A, E>(effect: Effect.Effect<A, E, DataApi | SqlClient.SqlClient>) =>
      Effect.provide(effect, database)

    it.live("a queue takes each element once, and again what failed", () =>
      Effect.gen(function* () {
        const queue = yield* PersistedQueue.make({
          name: "mails",
          schema: Schema.Struct({ n: Schema.Int }),
          retrySchedule: Schedule.spaced("10 millis")
        })
        for (const n of [1, 2, 3, 1]) yield* queue.offer({ n }, { id: `mail-${n}` })
        assert.strictEqual(yield* Effect.flip(queue.take(() => Effect.fail("not yet" as const))), "not yet")
        const taken: Array<number> = []
        for (const _ of [1, 2, 3]) yield* queue.take(({ n }) => Effect.sync(() => taken.push(n)))
        assert.sameMembers(taken, [1, 2, 3])
      }).pipe(
        Effect.provide(
          PersistedQueue.layer.pipe(Layer.provide(PersistedQueue.layerStoreSql({ pollInterval: "50 millis" })))
        ),
        withDatabase
      )
    )

    it.live("keys and values are kept", () =>
      Effect.gen(function* () {
        const store = yield* KeyValueStore.KeyValueStore
        yield* store.set("a", "1")
        yield* store.set("a", "it's 2")
        yield* store.set("b", "3")
        assert.strictEqual(yield* store.get("a"), "it's 2")
        yield* store.remove("b")
        assert.isUndefined(yield* store.get("b"))
        assert.strictEqual(yield* store.size, 1)
        yield* store.clear
        assert.strictEqual(yield* store.size, 0)
      }).pipe(Effect.provide(KeyValueStore.layerSql()), withDatabase)
    )

    it.live("an event journal keeps what was written, in order", () =>
      Effect.gen(function* () {
        const journal = yield* EventJournal.EventJournal
        for (const n of [1, 2]) {
          yield* journal.write({
            event: "Counted",
            primaryKey: "counter",
            payload: new Uint8Array([n]),
            effect: () => Effect.void
          })
        }
        const entries = yield* journal.entries
        assert.deepStrictEqual(
          entries.map(({ event, payload, primaryKey }) => [event, primaryKey, [...payload]]),
          [
            ["Counted", "counter", [1]],
            ["Counted", "counter", [2]]
          ]
        )
      }).pipe(Effect.provide(SqlEventJournal.layer()), withDatabase)
    )

    it.live("a shard's lock is one runner's at a time, and passes on when it is released", () =>
      Effect.gen(function* () {
        const storage = Cluster.layerRunnerStorage().pipe(Layer.provide(ShardingConfig.layer()), Layer.fresh)
        const open = Effect.flatMap(Layer.build(storage), (context) =>
          Effect.provide(RunnerStorage.RunnerStorage, context)
        )
        const [one, two] = [yield* open, yield* open]
        const [a, b] = [RunnerAddress.make("localhost", 1), RunnerAddress.make("localhost", 2)]
        const shards = [1, 2, 3].map((id) => ShardId.make("default", id))
        assert.strictEqual((yield* one.acquire(a, shards)).length, 3)
        assert.strictEqual((yield* two.acquire(b, shards)).length, 0)
        assert.strictEqual((yield* one.refresh(a, shards)).length, 3)
        yield* one.release(a, ShardId.make("default", 2))
        assert.strictEqual((yield* two.acquire(b, shards)).length, 1)
        yield* one.releaseAll(a)
        assert.strictEqual((yield* two.acquire(b, shards)).length, 3)
      }).pipe(Effect.scoped, withDatabase)
    )

    it.live("a single runner goes on with a workflow that waited when the one before it ended", () =>
      Effect.gen(function* () {
        const ran: Array<string> = []
        yield* Effect.gen(function* () {
          yield* Reminder.execute({ id: "1" }, { discard: true })
          yield* Effect.sync(() => ran.length > 0).pipe(
            Effect.repeat({ until: (written) => written, schedule: Schedule.spaced("50 millis") })
          )
          yield* Effect.sleep("500 millis")
        }).pipe(Effect.provide(alone("one", ran)))
        const done = yield* Effect.provide(Reminder.execute({ id: "1" }), alone("two", ran))
        assert.strictEqual(done, "written on one, sent on two")
        assert.deepStrictEqual(ran, ["written", "sent"])
      }).pipe(withDatabase)
    )

    it.live(
      "two runners share the shards; each deposit and each step of a workflow runs once",
      () =>
        Effect.gen(function* () {
          const ran: Array<string> = []
          const [first, second] = [yield* freePort, yield* freePort]
          const one = yield* Layer.build(runner("one", first, ran))
          const two = yield* Layer.build(runner("two", second, ran))
          const clientOf = (context: typeof one) => Effect.provide(Account.client, context)
          const clients = [yield* clientOf(one), yield* clientOf(two)]
          const deposit = (index: number) =>
            (clients[index % 2] ?? assert.fail("no client"))(`account ${index % 10}`).Deposit({
              key: `deposit ${index}`,
              amount: index
            })
          // Shards pass from the first runner to the second, so that both come to answer.
          const answered = new Set<string>()
          let sent = 0
          while (answered.size < 2 && sent < 400) {
            for (const answer of yield* Effect.forEach(
              Array.from({ length: 10 }, () => sent++),
              deposit,
              {
                concurrency: 5
              }
            )) {
              answered.add(answer.split(" on ")[1] ?? "")
            }
          }
          assert.sameMembers([...answered], ["one", "two"])
          const again = yield* deposit(0)
          assert.match(again, /^account 0 on/)
          assert.strictEqual(new Set(ran).size, ran.length)
          const orders = yield* Effect.forEach(
            Array.from({ length: 8 }, (_, index) => index),
            (index) => Effect.provide(Order.execute({ id: `${index}` }), index % 2 === 0 ? one : two),
            { concurrency: 4 }
          )
          assert.deepStrictEqual(
            orders.map((order) => order.split(" on ")[0]),
            Array.from({ length: 8 }, (_, index) => `paid ${index}`)
          )
          assert.strictEqual(ran.filter((step) => step.startsWith("order")).length, 8)
        }).pipe(Effect.scoped, withDatabase),
      120_000
    )
  })
}
