/**
 * The `PgClient` of `@effect/sql-pg` over the Data API, for libraries that ask for that service and not for
 * `SqlClient`. It is a separate module because it imports that driver.
 */
import * as Pg from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import * as SqlError from "effect/sql/SqlError"
import type { DataApi } from "./DataApi.ts"
import { json } from "./sql/Compiler.ts"
import * as DataApiSql from "./sql/DataApiSql.ts"
import { lengthOf } from "./values/Octets.ts"

const message =
  "LISTEN needs a connection that stays open, which the Data API does not have: poll a table, or connect with DATABASE_URL."

const cannotListen = new SqlError.SqlError({
  reason: new SqlError.UnknownError({ cause: new Error(message), message, operation: "listen" })
})

/** Runs an effect on a channel, unless PostgreSQL could have no channel of that name. */
const onChannel = <A>(
  operation: "listen" | "notify",
  channel: string,
  effect: Effect.Effect<A, SqlError.SqlError>
): Effect.Effect<A, SqlError.SqlError> => {
  if (lengthOf(channel) <= 63) return effect
  const message = "PostgreSQL channel names must not exceed 63 UTF-8 bytes"
  const reason = new SqlError.UnknownError({ cause: new Error(message), message, operation })
  return Effect.fail(new SqlError.SqlError({ reason }))
}

const pgClientOf = (sql: SqlClient.SqlClient, config: Pg.PgClientConfig): Pg.PgClient =>
  Object.assign(sql, {
    [Pg.TypeId]: Pg.TypeId,
    config,
    json,
    listen: (channel: string) => onChannel("listen", channel, Effect.fail(cannotListen)),
    notify: (channel: string, payload: string) =>
      onChannel("notify", channel, Effect.asVoid(sql`select pg_notify(${channel}, ${payload})`))
  })

/**
 * Provides `PgClient` and `SqlClient` over whichever `DataApi` is given.
 *
 * `json`, `notify` and every statement work as with `@effect/sql-pg`; `listen` fails, since the Data API delivers no
 * notifications.
 *
 * @example
 * ```ts
 * import { PgClient } from "@effect/sql-pg"
 * import { Effect, Layer } from "effect"
 * import * as DataApiPgClient from "alex-database/data-api/PgClient"
 * import { LocalDataApi } from "alex-database/local"
 *
 * const program = Effect.gen(function*() {
 *   const sql = yield* PgClient.PgClient
 *   return yield* sql`select ${sql.json([1, 2])} as list` // [{ list: [1, 2] }]
 * })
 *
 * const database = DataApiPgClient.layer().pipe(Layer.provide(LocalDataApi.layer({ dataDir: "memory" })))
 * ```
 */
export const layer = (
  options: DataApiSql.Options = {}
): Layer.Layer<Pg.PgClient | SqlClient.SqlClient, never, DataApi> =>
  Layer.effectContext(
    Effect.map(DataApiSql.make(options), (sql) => {
      const client = pgClientOf(sql, options)
      return Context.make(Pg.PgClient, client).pipe(Context.add(SqlClient.SqlClient, client))
    })
  ).pipe(Layer.provide(Reactivity.layer))

const isPgClient = (sql: SqlClient.SqlClient): sql is Pg.PgClient => Pg.TypeId in sql

/**
 * Provides `PgClient` on the `SqlClient` of the chosen backend, for programs that run on every backend. `listen` works
 * over PostgreSQL's own protocol, and fails over the Data API.
 *
 * @example
 * ```ts
 * import { PgClient } from "@effect/sql-pg"
 * import { Effect, Layer } from "effect"
 * import { DbLayer } from "alex-database"
 * import * as DataApiPgClient from "alex-database/data-api/PgClient"
 *
 * const program = Effect.gen(function*() {
 *   const sql = yield* PgClient.PgClient
 *   return yield* sql`select ${sql.json([1, 2])} as list` // [{ list: [1, 2] }]
 * })
 *
 * const database = DataApiPgClient.layerOnSqlClient.pipe(Layer.provideMerge(DbLayer.layer))
 * ```
 */
export const layerOnSqlClient: Layer.Layer<Pg.PgClient, never, SqlClient.SqlClient> = /* @__PURE__ */ Layer.effect(
  Pg.PgClient,
  /* @__PURE__ */ Effect.map(SqlClient.SqlClient, (sql) => (isPgClient(sql) ? sql : pgClientOf(sql, {})))
)
