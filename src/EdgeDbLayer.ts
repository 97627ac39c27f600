/**
 * `DbLayer` where there is no Node: Aurora over the Data API, by `fetch`. Bundlers for Cloudflare Workers, Vercel's
 * edge and browsers resolve `alex-database/DbLayer` to it.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as SqlClient from "effect/sql/SqlClient"
import * as DbConfig from "./DbConfig.ts"
import * as FetchDataApi from "./data-api/aws/FetchDataApi.ts"
import * as RetryPolicy from "./data-api/RetryPolicy.ts"
import * as DataApiSql from "./data-api/sql/DataApiSql.ts"
import { RunsOn } from "./operations/migrate/applying/RunsOn.ts"
import * as Repository from "./repository/index.ts"

/** The repositories. */
export type Repositories = Layer.Success<typeof Repository.layer>

/** What {@link layerDataApi} provides. */
export type Services = SqlClient.SqlClient | Repositories

/**
 * Aurora over the Data API, configured by `AURORA_CLUSTER_ARN`, `AURORA_SECRET_ARN` and the variables beside them, from
 * the environment or from a `ConfigProvider` with a Worker's bindings.
 *
 * @errors ConfigurationError
 *
 * @example
 * ```ts
 * import { ConfigProvider, Effect } from "effect"
 * import { Users } from "alex-database"
 * import * as DbLayer from "alex-database/DbLayer"
 *
 * export default {
 *   fetch: (_request: Request, env: Record<string, string>) =>
 *     Effect.flatMap(Users, (users) => users.list()).pipe(
 *       Effect.map((users) => Response.json({ users: users.length })),
 *       Effect.provide(DbLayer.layerDataApi),
 *       Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env)),
 *       Effect.runPromise
 *     )
 * }
 * ```
 */
export const layerDataApi: Layer.Layer<Services, DbConfig.ConfigurationError> = /* @__PURE__ */ Layer.unwrap(
  /* @__PURE__ */ Effect.map(/* @__PURE__ */ DbConfig.loadDataApi(), (config) =>
    Repository.layer.pipe(
      Layer.provideMerge(DataApiSql.layer({ continueAfterTimeout: RunsOn })),
      Layer.provide(RetryPolicy.layer()),
      Layer.provide(FetchDataApi.layer(config))
    )
  )
)
