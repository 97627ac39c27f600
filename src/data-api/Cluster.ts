/**
 * The storages of `effect/cluster` over the Data API.
 *
 * By default the shard locks of the runner storage are advisory locks of a session, which the Data API does not have:
 * two runners would both get every shard. Here the locks are rows that expire. The message storage reads all waiting
 * messages by one statement, whose result the service limits to 1 MiB. Here more are read in parts.
 */

import * as MessageStorage from "effect/cluster/MessageStorage"
import type * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as Snowflake from "effect/cluster/Snowflake"
import * as SqlMessageStorage from "effect/cluster/SqlMessageStorage"
import * as SqlRunnerStorage from "effect/cluster/SqlRunnerStorage"
import type * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as SqlClient from "effect/sql/SqlClient"
import * as SqlError from "effect/sql/SqlError"
import type { DataApi } from "./DataApi.ts"
import { DataApiError } from "./DataApiError.ts"
import * as DataApiSql from "./sql/DataApiSql.ts"
import { isOverSize } from "./sql/SqlErrors.ts"

const rowLocks = Layer.effect(
  ShardingConfig.ShardingConfig,
  Effect.map(ShardingConfig.ShardingConfig, (config) => ({ ...config, shardLockDisableAdvisory: true }))
)

/**
 * Provides the `RunnerStorage` of a cluster with row locks.
 *
 * @param options.prefix Prefix of the tables' names; `cluster` by default.
 *
 * @errors SqlError when its tables can't be made.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { ShardingConfig } from "effect/cluster"
 * import * as Cluster from "alex-database/data-api/Cluster"
 * import { LocalDataApi } from "alex-database/local"
 *
 * const storage = Cluster.layerRunnerStorage().pipe(
 *   Layer.provide(ShardingConfig.layer()),
 *   Layer.provide(LocalDataApi.layer({ dataDir: ".alex-db" }))
 * )
 * ```
 */
export const layerRunnerStorage = (
  options: DataApiSql.Options & { readonly prefix?: string | undefined } = {}
): Layer.Layer<RunnerStorage.RunnerStorage, SqlError.SqlError, DataApi | ShardingConfig.ShardingConfig> =>
  SqlRunnerStorage.layerWith({ prefix: options.prefix }).pipe(
    Layer.provide(rowLocks),
    Layer.provide(DataApiSql.layer({ ...options, reserve: "shared" }))
  )

type Encoded = MessageStorage.Encoded

/** Messages that the first part has at most. */
const FIRST_PART = 256

const isTooLarge = ({ cause }: { readonly cause: unknown }): boolean =>
  SqlError.isSqlError(cause) && cause.reason.cause instanceof DataApiError && isOverSize(cause.reason.cause.reason)

/** Reads messages in parts, each in a transaction: one whose result is too large is rolled back, and read in smaller ones. */
const readParts = (storage: Encoded): Encoded["unprocessedMessages"] =>
  Effect.fnUntraced(function* (shardIds, now, options) {
    const wanted = options?.limit ?? Number.POSITIVE_INFINITY
    const messages: Array<Effect.Success<ReturnType<Encoded["unprocessedMessages"]>>[number]> = []
    let size = FIRST_PART
    while (messages.length < wanted) {
      const limit = Math.min(size, wanted - messages.length)
      const part = yield* storage
        .withTransaction(storage.unprocessedMessages(shardIds, now, { ...options, limit }))
        .pipe(
          Effect.catchIf(
            (error) => isTooLarge(error) && limit > 1,
            () => Effect.undefined
          )
        )
      if (part === undefined) size = Math.max(1, Math.floor(limit / 4))
      else {
        messages.push(...part)
        if (part.length < limit) break
      }
    }
    return messages
  })

/**
 * The encoded message storage that {@link layerMessageStorage} stands on, for adapters of one's own.
 *
 * @param options.prefix Prefix of the tables' names; `cluster` by default.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { MessageStorage } from "effect/cluster"
 * import * as Cluster from "alex-database/data-api/Cluster"
 *
 * const storage = Effect.flatMap(Cluster.makeEncodedMessageStorage(), MessageStorage.makeEncoded)
 * ```
 */
export const makeEncodedMessageStorage = (
  options: { readonly prefix?: string | undefined } = {}
): Effect.Effect<Encoded, never, SqlClient.SqlClient | Digest.Digest> =>
  Effect.map(SqlMessageStorage.makeEncoded(options), (storage) => ({
    ...storage,
    unprocessedMessages: (shardIds, now, filter) =>
      Effect.catchIf(storage.unprocessedMessages(shardIds, now, filter), isTooLarge, () => {
        // The statement has run, so its messages count as delivered, though they have not arrived.
        const { addresses } = filter ?? {}
        const reset = addresses === undefined ? storage.resetShards(shardIds) : storage.resetAddresses(addresses)
        return Effect.andThen(reset, readParts(storage)(shardIds, now, filter))
      })
  }))

/**
 * Provides the `MessageStorage` of a cluster, as `SqlMessageStorage.layer` does, for any number of waiting messages. A
 * message has at most 1 MiB.
 *
 * @param options.prefix Prefix of the tables' names; `cluster` by default.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { ShardingConfig } from "effect/cluster"
 * import { Digest } from "effect/crypto"
 * import { DataApiSql } from "alex-database/data-api"
 * import * as Cluster from "alex-database/data-api/Cluster"
 * import { LocalDataApi } from "alex-database/local"
 *
 * const storage = Cluster.layerMessageStorage().pipe(
 *   Layer.provide([Digest.layerWebCrypto, ShardingConfig.layer(), DataApiSql.layer()]),
 *   Layer.provide(LocalDataApi.layer({ dataDir: ".alex-db" }))
 * )
 * ```
 */
export const layerMessageStorage = (
  options: { readonly prefix?: string | undefined } = {}
): Layer.Layer<
  MessageStorage.MessageStorage,
  never,
  SqlClient.SqlClient | ShardingConfig.ShardingConfig | Digest.Digest
> =>
  Layer.effect(
    MessageStorage.MessageStorage,
    Effect.flatMap(makeEncodedMessageStorage(options), MessageStorage.makeEncoded)
  ).pipe(Layer.provide(Snowflake.layerGenerator))
