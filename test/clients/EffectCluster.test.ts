/** What `effect/cluster` stores: the same programs on `@effect/sql-pg` and over the Data API. */
import { NodeCrypto } from "@effect/platform-node"
import { assert, describe } from "@effect/vitest"
import { Array as Arr, Effect, Exit, Layer, Option, Result } from "effect"
import {
  EntityAddress,
  EntityId,
  EntityType,
  type Envelope,
  type MessageStorage,
  type Reply,
  Runner,
  RunnerAddress,
  RunnerStorage,
  ShardId,
  ShardingConfig,
  Snowflake,
  SqlMessageStorage,
  SqlRunnerStorage
} from "effect/cluster"
import type { Digest } from "effect/crypto"
import { SqlClient, SqlError } from "effect/sql"
import * as Cluster from "../../src/data-api/Cluster.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { compare, dataApi, native } from "./onBoth.ts"

const address = (entity: string, shard = 1) =>
  EntityAddress.make({
    shardId: ShardId.make("default", shard),
    entityType: EntityType.make("Account"),
    entityId: EntityId.make(entity)
  })

const at = (shard: number) => ShardId.make("default", shard)
const shardName = (shard: number) => at(shard).toString()

const encodedAddress = (entity: string, shard: number) => ({
  shardId: ShardId.fromStringEncoded(shardName(shard)),
  entityType: "Account",
  entityId: entity
})

const request = (id: bigint, entity: string, payload: unknown, shard = 1): Envelope.Encoded => ({
  _tag: "Request",
  requestId: String(id),
  address: encodedAddress(entity, shard),
  tag: "Deposit",
  payload,
  headers: { "x-note": 'it\'s "quoted" é😀 $1 :x' },
  traceId: "0123456789abcdef0123456789abcdef",
  spanId: "0123456789abcdef",
  sampled: id % 2n === 0n
})

const now = 1_800_000_000_000
const idOf = (n: number) => 7_000_000_000_000_000_000n + BigInt(n)

const messages = Effect.fnUntraced(function* (storage: MessageStorage.Encoded) {
  const seen: Record<string, unknown> = {}
  const save = (
    id: bigint,
    entity: string,
    options: { key?: string; payload?: unknown; deliverAt?: number; shard?: number } = {}
  ) =>
    storage.saveEnvelope({
      envelope: request(id, entity, options.payload ?? { id: String(id) }, options.shard),
      primaryKey: options.key ?? null,
      deliverAt: options.deliverAt ?? null
    })
  const unprocessed = (
    shard: number,
    options?: Parameters<MessageStorage.Encoded["unprocessedMessages"]>[2],
    time = now
  ) =>
    Effect.map(storage.unprocessedMessages([shardName(shard)], time, options), (all) =>
      all.map(({ envelope, lastSentReply }) => [envelope, Option.getOrNull(lastSentReply)])
    )
  const ids = (shard: number, options?: Parameters<MessageStorage.Encoded["unprocessedMessages"]>[2], time = now) =>
    Effect.map(storage.unprocessedMessages([shardName(shard)], time, options), (all) =>
      all.map(({ envelope }) => (envelope._tag === "Request" ? envelope.requestId : envelope.id))
    )
  const exit = (id: bigint, requestId: bigint, value: unknown): Reply.Encoded => ({
    _tag: "WithExit",
    id: String(id),
    requestId: String(requestId),
    exit: { _tag: "Success", value }
  })
  const chunk = (id: bigint, requestId: bigint, sequence: number): Reply.Encoded => ({
    _tag: "Chunk",
    id: String(id),
    requestId: String(requestId),
    sequence,
    values: [sequence, "é"]
  })

  yield* save(idOf(1), 'it\'s "a" \\ é😀', { payload: { text: "x\u2028\"\\'é😀", n: [1, null, { deep: true }] } })
  yield* save(idOf(2), "b", { payload: null })
  yield* save(idOf(3), "b", { deliverAt: now + 1000 })
  seen.claimed = yield* unprocessed(1)
  seen.again = yield* unprocessed(1)
  seen.later = yield* ids(1, undefined, now + 1000)
  yield* storage.resetAddresses([address("b"), address('it\'s "a" \\ é😀')])
  seen.reset = yield* ids(1, undefined, now + 1000)
  yield* storage.resetRequests([Snowflake.Snowflake(idOf(2)), Snowflake.Snowflake(idOf(1))])
  seen.limited = [yield* ids(1, { limit: 1 }), yield* ids(1, { limit: 5 })]
  yield* storage.resetShards([shardName(1), shardName(2)])
  seen.addressed = yield* ids(1, { addresses: [address("b"), address("c"), address("z", 2)] })

  // One of many that are sent at once.
  const racing = yield* Effect.forEach(
    Array.from({ length: 20 }, (_, n) => n),
    (n) => save(idOf(100 + n), "race", { key: "Account/race/Deposit/é'1", shard: 2 }),
    { concurrency: "unbounded" }
  )
  seen.racing = racing.filter(({ _tag }) => _tag === "Success").length
  const winner = (yield* storage.requestIdForPrimaryKey("Account/race/Deposit/é'1")).pipe(Option.getOrThrow)
  seen.duplicates = racing.every((one) => one._tag === "Success" || one.originalId === winner)
  const long = `Account/${"é".repeat(200)}/${"k".repeat(300)}`
  seen.long = [
    yield* save(idOf(130), "long", { key: long, shard: 3 }),
    yield* save(idOf(131), "long", { key: long, shard: 3 }),
    yield* storage.requestIdForPrimaryKey(long),
    yield* storage.requestIdForPrimaryKey(`${long}!`)
  ]
  // Chunks, acknowledged one by one, and the exit.
  yield* save(idOf(200), "stream", { key: "stream", shard: 4 })
  yield* storage.saveReply(chunk(idOf(201), idOf(200), 0))
  seen.unacknowledged = [yield* unprocessed(4), yield* storage.repliesFor([String(idOf(200))])]
  yield* storage.saveEnvelope({
    envelope: {
      _tag: "AckChunk",
      id: String(idOf(202)),
      requestId: String(idOf(200)),
      replyId: String(idOf(201)),
      address: encodedAddress("stream", 4)
    },
    primaryKey: null,
    deliverAt: null
  })
  seen.acknowledged = [yield* unprocessed(4), yield* storage.repliesFor([String(idOf(200))])]
  yield* storage.saveReply(chunk(idOf(203), idOf(200), 1))
  seen.chunk = yield* save(idOf(204), "stream", { key: "stream", shard: 4 })
  yield* storage.saveReply(exit(idOf(205), idOf(200), "done"))
  seen.exit = yield* save(idOf(206), "stream", { key: "stream", shard: 4 })
  const twice = yield* Effect.result(storage.saveReply(exit(idOf(207), idOf(200), "again")))
  seen.twice = Result.isFailure(twice)
    ? [twice.failure._tag, SqlError.isSqlError(twice.failure.cause) ? twice.failure.cause.reason._tag : "no SqlError"]
    : "saved"
  seen.replies = [
    yield* storage.repliesFor([String(idOf(200)), "1"]),
    yield* storage.repliesForUnfiltered([String(idOf(200))])
  ]
  yield* storage.clearReplies(Snowflake.Snowflake(idOf(200)), { expectedReplyId: Snowflake.Snowflake(idOf(1)) })
  seen.kept = yield* storage.repliesFor([String(idOf(200))])
  yield* storage.clearReplies(Snowflake.Snowflake(idOf(200)), { expectedReplyId: Snowflake.Snowflake(idOf(205)) })
  seen.cleared = [yield* storage.repliesFor([String(idOf(200))]), yield* ids(4)]
  yield* storage.clearReplies(Snowflake.Snowflake(idOf(200)))
  yield* storage.clearAddress(address("stream", 4))
  seen.gone = [yield* ids(4), yield* storage.repliesForUnfiltered([String(idOf(200))])]

  // A transaction that fails leaves nothing, with what is nested in it.
  seen.failed = Exit.isFailure(
    yield* Effect.exit(
      storage.withTransaction(
        Effect.andThen(
          Effect.andThen(save(idOf(300), "tx", { shard: 5 }), storage.saveReply(exit(idOf(301), idOf(300), 1))),
          Effect.fail("no")
        )
      )
    )
  )
  yield* storage.withTransaction(
    Effect.andThen(
      save(idOf(302), "tx", { shard: 5 }),
      Effect.ignore(storage.withTransaction(Effect.andThen(save(idOf(303), "tx", { shard: 5 }), Effect.fail("no"))))
    )
  )
  seen.transactions = yield* ids(5)

  // Many: redelivered in order, each once, whatever is claimed at the same time.
  const many = Array.from({ length: 400 }, (_, n) => idOf(1000 + n))
  yield* Effect.forEach(many, (id) => save(id, `e${Number(id % 7n)}`, { shard: 6 }), { concurrency: 10 })
  const claims = yield* Effect.forEach([1, 2, 3, 4, 5], () => ids(6), { concurrency: 5 })
  seen.claims = [claims.flat().length, new Set(claims.flat()).size]
  yield* Effect.forEach(many.slice(0, 150), (id) => storage.saveReply(exit(id + 5000n, id, { n: 1 })), {
    concurrency: 10
  })
  yield* storage.resetShards([shardName(6)])
  seen.left = (yield* ids(6)).length
  const waiting = Arr.makeBy(6000, (n) => String(idOf(1000 + n)))
  seen.manyReplies = (yield* storage.repliesFor(waiting)).length
  seen.manyIds = (yield* storage.unprocessedMessagesById(
    Arr.map(waiting, (id) => Snowflake.Snowflake(id)),
    now
  )).length
  yield* storage.resetRequests(waiting.map((id) => Snowflake.Snowflake(id)))
  seen.manyReset = (yield* ids(6)).length
  yield* storage.resetAddresses(Array.from({ length: 4000 }, (_, n) => address(`e${n}`, 6)))
  seen.manyAddresses = (yield* ids(6, {
    addresses: Array.from({ length: 4000 }, (_, n) => address(`e${n}`, 6))
  })).length

  // Payloads that together exceed one result of the Data API.
  yield* Effect.forEach([0, 1, 2, 3], (n) => save(idOf(9000 + n), "large", { shard: 7, payload: "é".repeat(150_000) }))
  const large = yield* Effect.result(storage.unprocessedMessages([shardName(7)], now))
  seen.large = Result.isSuccess(large)
    ? large.success.map(({ envelope }) => envelope._tag === "Request" && String(envelope.payload).length)
    : String(large.failure.cause)
  yield* Effect.forEach([0, 1, 2, 3], (n) =>
    storage.saveReply(exit(idOf(9100 + n), idOf(9000 + n), "x".repeat(300_000)))
  )
  seen.largeReplies = (yield* storage.repliesFor(Arr.makeBy(4, (n) => String(idOf(9000 + n))))).map(({ id }) => id)
  return seen
})

/** Rows as locks, which the tests let expire by making them older. */
const locks = { shardLockDisableAdvisory: true, shardLockExpiration: "1 minute", shardsPerGroup: 300 } as const

const runners = Effect.gen(function* () {
  const storage = yield* RunnerStorage.RunnerStorage
  const sql = yield* SqlClient.SqlClient
  const [a, b, c, d] = ["localhost", "höst", "c", "d"].map((host) => RunnerAddress.make(host, 1))
  if (a === undefined || b === undefined || c === undefined || d === undefined) return assert.fail("no address")
  const runner = (address: RunnerAddress.RunnerAddress) =>
    Runner.make({ address, groups: ["default", "é"], weight: 1.5 })
  const seen: Record<string, unknown> = {}
  seen.registered = [
    yield* storage.register(runner(a), true),
    yield* storage.register(runner(b), false),
    yield* storage.register(runner(a), true)
  ]
  seen.runners = yield* storage.getRunners
  yield* storage.setRunnerHealth(b, true)
  seen.healthy = yield* storage.getRunners
  yield* storage.unregister(b)
  seen.unregistered = yield* storage.getRunners
  const shards = Array.from({ length: 300 }, (_, n) => at(n + 1))
  const raced = yield* Effect.forEach([a, b, c], (address) => storage.acquire(address, shards), { concurrency: 3 })
  seen.acquired = raced.reduce((sum, all) => sum + all.length, 0)
  const holder = [a, b, c][raced.findIndex((all) => all.length > 0)] ?? a
  seen.refreshed = (yield* storage.refresh(holder, shards)).length
  yield* storage.release(holder, at(5))
  seen.released = (yield* storage.refresh(holder, shards)).length
  seen.held = (yield* storage.acquire(d, shards)).map(({ id }) => id)
  yield* sql`update cluster_locks set acquired_at = acquired_at - interval '2 minutes'`
  seen.expired = (yield* storage.acquire(d, shards)).length
  seen.lost = (yield* storage.refresh(holder, shards)).length
  yield* storage.releaseAll(d)
  seen.all = (yield* storage.acquire(a, shards)).length
  return seen
})

const sharded = Layer.provide(ShardingConfig.layer(locks))

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres("effect/cluster as on @effect/sql-pg"),
  () => {
    compare<SqlClient.SqlClient | Digest.Digest>(
      "messages and replies",
      [Effect.flatMap(SqlMessageStorage.makeEncoded(), messages), Layer.merge(native, NodeCrypto.layerDigest)],
      [Effect.flatMap(Cluster.makeEncodedMessageStorage(), messages), Layer.merge(dataApi, NodeCrypto.layerDigest)]
    )
    compare<SqlClient.SqlClient | RunnerStorage.RunnerStorage>(
      "runners and the locks of their shards",
      [runners, sharded(Layer.provideMerge(SqlRunnerStorage.layer, native))],
      [runners, sharded(Layer.merge(Cluster.layerRunnerStorage(), dataApi))]
    )
  }
)
