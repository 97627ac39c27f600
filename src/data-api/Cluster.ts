/**
 * The runner storage of `effect/cluster` over the Data API. By default its shard locks are advisory locks of a session,
 * which the Data API does not have: two runners would both get every shard. Here the locks are rows that expire.
 */

import type * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as SqlRunnerStorage from "effect/cluster/SqlRunnerStorage"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as SqlError from "effect/sql/SqlError"
import type { DataApi } from "./DataApi.ts"
import * as DataApiSql from "./sql/DataApiSql.ts"

const rowLocks = Layer.effect(
  ShardingConfig.ShardingConfig,
  Effect.map(ShardingConfig.ShardingConfig, (config) => ({ ...config, shardLockDisableAdvisory: true }))
)

/**
 * Provides the `RunnerStorage` of a cluster with row locks. The message storage needs no layer from here:
 * `SqlMessageStorage.layer` works on any `SqlClient`.
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
