/**
 * Picks a backend, and provides `SqlClient` and the repositories on it. This is the only module that imports every
 * folder.
 *
 * Each backend is imported when its layer is built, so that a bundle holds only those whose layer it uses.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import * as DbConfig from "./DbConfig.ts"
import * as Endpoint from "./data-api/aws/Endpoint.ts"
import type { DataApi } from "./data-api/DataApi.ts"
import * as PostgresUrl from "./data-api/postgres/PostgresUrl.ts"
import type { Options as RetryOptions } from "./data-api/RetryPolicy.ts"
import type { LocalDataApiError } from "./local/LocalDataApiError.ts"
import { Target } from "./operations/database/Target.ts"
import { RunsOn } from "./operations/migrate/applying/RunsOn.ts"
import * as Catalogue from "./operations/verify/Catalogue.ts"
import * as Repository from "./repository/index.ts"

export type { ConfigurationError, DbConfig as Configuration } from "./DbConfig.ts"
export type { Options as RetryPolicyOptions } from "./data-api/RetryPolicy.ts"
export type { Catalogue as DatabaseCatalogue, Reference as CatalogueReference } from "./operations/verify/Catalogue.ts"

/** The repositories. */
export type Repositories = Layer.Success<typeof Repository.layer>

/** What every layer here provides: `SqlClient`, the repositories, and the name of the database they work on. */
export type Services = SqlClient.SqlClient | Repositories | Target

type DataApiConfig = Extract<DbConfig.DbConfig, { readonly _tag: "data-api" }>
type PostgresConfig = Extract<DbConfig.DbConfig, { readonly _tag: "postgres" }>
type EmbeddedConfig = Extract<DbConfig.DbConfig, { readonly _tag: "embedded" }>

const hostOf = (url: string): string => URL.parse(url)?.hostname.replace(/^\[(.*)\]$/, "$1") ?? ""

/** Describes the database of a configuration, without secrets. */
export const targetOf = (config: DbConfig.DbConfig): Target["Service"] => {
  switch (config._tag) {
    case "data-api":
      return {
        backend: config._tag,
        database: config.database,
        location:
          config.endpoint === undefined
            ? config.clusterArn
            : `${config.clusterArn} via ${Endpoint.shown(config.endpoint)}`,
        isLocal: config.endpoint !== undefined && PostgresUrl.isLocal({ host: hostOf(config.endpoint) })
      }
    case "postgres":
      return {
        backend: config._tag,
        database: config.server.database,
        location: PostgresUrl.locationOf(config.server),
        isLocal: PostgresUrl.isLocal(config.server)
      }
    case "embedded":
      return { backend: config._tag, database: config.database, location: config.directory, isLocal: true }
  }
}

/** Logs which database was chosen, and why, before connecting; provides the repositories on it. */
const announced = <E>(
  config: DbConfig.DbConfig,
  sql: Effect.Effect<Layer.Layer<SqlClient.SqlClient, E>>
): Layer.Layer<Services, E> => {
  const target = targetOf(config)
  const said = Effect.logInfo(`Database: ${target.backend}, "${target.database}" at ${target.location} (${config.why})`)
  return Repository.layer.pipe(
    Layer.provideMerge(Layer.unwrap(Effect.andThen(said, sql))),
    Layer.merge(Layer.succeed(Target, target))
  )
}

/** Loads the AWS SDK only where it has settings to resolve: loading it takes a third of a function's cold start. */
const aurora = async (config: DataApiConfig): Promise<Layer.Layer<DataApi>> => {
  const HttpDataApi = await import("./data-api/aws/HttpDataApi.ts")
  if (HttpDataApi.suffices(config)) return HttpDataApi.layer(config)
  const AwsDataApi = await import("./data-api/aws/AwsDataApi.ts")
  return AwsDataApi.layer(config)
}

const dataApi = (config: DataApiConfig, retries?: RetryOptions): Layer.Layer<Services> =>
  announced(
    config,
    Effect.map(
      Effect.promise(() =>
        Promise.all([import("./data-api/sql/DataApiSql.ts"), import("./data-api/RetryPolicy.ts"), aurora(config)])
      ),
      ([DataApiSql, RetryPolicy, api]) =>
        DataApiSql.layer({ continueAfterTimeout: RunsOn }).pipe(
          Layer.provide(RetryPolicy.layer(retries)),
          Layer.provide(api)
        )
    )
  )

const postgres = (config: PostgresConfig): Layer.Layer<Services, SqlError.SqlError> =>
  announced(
    config,
    Effect.map(
      Effect.promise(() => import("./PostgresSql.ts")),
      (PostgresSql) => PostgresSql.layer(PostgresSql.configOf({ applicationName: "alex-db", ...config.server }))
    )
  )

const embeddedSql = (config: Omit<EmbeddedConfig, "_tag" | "why">, share?: Share) =>
  Effect.map(
    Effect.promise(() => Promise.all([import("./data-api/sql/DataApiSql.ts"), import("./local/LocalDataApi.ts")])),
    ([DataApiSql, LocalDataApi]) =>
      DataApiSql.layer().pipe(Layer.provide(LocalDataApi.layer(localOptions(config, share))))
  )

const embedded = (config: EmbeddedConfig, share?: Share): Layer.Layer<Services, LocalDataApiError> =>
  announced(config, embeddedSql(config, share))

const localOptions = ({ database, directory, durability }: Omit<EmbeddedConfig, "_tag" | "why">, share?: Share) => ({
  dataDir: directory,
  database,
  durability,
  share,
  breaksOnSigint: share !== undefined
})

/** The name of this process, as the others that share the folder see it. */
type Share = { readonly program: string }

/** Why a layer can't be built. */
export type LayerError = DbConfig.ConfigurationError | SqlError.SqlError | LocalDataApiError

/**
 * The database that `config` describes.
 *
 * @param retries How calls of the Data API are retried, for the backend `data-api`.
 * @param share Shares an embedded database's folder with other processes, as the commands of `alex-db` do; without it
 *   this process holds the folder alone.
 * @errors ConfigurationError, LocalDataApiError, SqlError
 */
export const layerOf = (
  config: DbConfig.DbConfig,
  retries?: RetryOptions,
  share?: Share
): Layer.Layer<Services, LayerError> => {
  switch (config._tag) {
    case "data-api":
      return dataApi(config, retries)
    case "postgres":
      return postgres(config)
    case "embedded":
      return embedded(config, share)
  }
}

const urlOf = ({ database, host, password, port, sslmode, user }: PostgresConfig["server"]): Redacted.Redacted => {
  const login =
    password === undefined
      ? encodeURIComponent(user)
      : `${encodeURIComponent(user)}:${encodeURIComponent(Redacted.value(password))}`
  const isFolder = host.startsWith("/")
  const query = new URLSearchParams({ ...(isFolder ? { host } : {}), ...(sslmode === undefined ? {} : { sslmode }) })
  const name = host.includes(":") ? `[${host}]` : host
  return Redacted.make(
    `postgres://${login}@${isFolder ? "localhost" : name}:${port}/${encodeURIComponent(database)}?${query}`
  )
}

/**
 * The Data API of the database that `config` describes: Aurora's own, or one in this process in front of a PostgreSQL
 * server or the embedded database.
 *
 * @errors LocalDataApiError
 */
export const dataApiOf = (
  config: DbConfig.DbConfig,
  retries?: RetryOptions,
  share?: Share
): Layer.Layer<DataApi, LocalDataApiError> => {
  const local = Effect.promise(() => import("./local/LocalDataApi.ts"))
  switch (config._tag) {
    case "data-api":
      return Layer.unwrap(
        Effect.map(
          Effect.promise(() => Promise.all([import("./data-api/RetryPolicy.ts"), aurora(config)])),
          ([RetryPolicy, api]) => RetryPolicy.layer(retries).pipe(Layer.provide(api))
        )
      )
    case "postgres":
      return Layer.unwrap(
        Effect.map(local, (LocalDataApi) => LocalDataApi.layerPostgres({ url: urlOf(config.server) }))
      )
    case "embedded":
      return Layer.unwrap(Effect.map(local, (LocalDataApi) => LocalDataApi.layer(localOptions(config, share))))
  }
}

/**
 * The database that the environment describes: Aurora if `AURORA_CLUSTER_ARN` is set, any PostgreSQL if `DATABASE_URL`
 * is, else the embedded one in `.alex-db`.
 *
 * @errors ConfigurationError, LocalDataApiError, SqlError
 *
 * @example
 * ```ts
 * import { NodeRuntime } from "@effect/platform-node"
 * import { Effect } from "effect"
 * import { DbLayer, Users } from "alex-database"
 *
 * const program = Effect.gen(function*() {
 *   const users = yield* Users
 *   return yield* users.list()
 * })
 *
 * program.pipe(Effect.provide(DbLayer.layer), NodeRuntime.runMain)
 * ```
 */
export const layer: Layer.Layer<Services, LayerError> = /* @__PURE__ */ Layer.unwrap(
  /* @__PURE__ */ Effect.map(/* @__PURE__ */ DbConfig.load(), (config) => layerOf(config))
)

/**
 * Aurora over the Data API, configured by `AURORA_CLUSTER_ARN`, `AURORA_SECRET_ARN` and the variables beside them.
 *
 * To keep the other backends out of a bundle, import it from `alex-database/DbLayer`: esbuild keeps everything behind a
 * namespace that is re-exported.
 *
 * Calls are signed and sent without the AWS SDK where the environment holds AWS keys and no other setting of the SDK,
 * as in a Lambda function. With a profile, a configuration file or another setting, the SDK is used.
 *
 * @errors ConfigurationError
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Users } from "alex-database"
 * import * as DbLayer from "alex-database/DbLayer"
 *
 * export const users = Effect.flatMap(Users, (users) => users.list()).pipe(Effect.provide(DbLayer.layerDataApi))
 * ```
 */
export const layerDataApi: Layer.Layer<Services, DbConfig.ConfigurationError> = /* @__PURE__ */ Layer.unwrap(
  /* @__PURE__ */ Effect.map(/* @__PURE__ */ DbConfig.loadDataApi(), dataApi)
)

/**
 * Any PostgreSQL, over its own protocol, as `DATABASE_URL` says.
 *
 * @errors ConfigurationError, SqlError
 */
export const layerPostgres: Layer.Layer<Services, DbConfig.ConfigurationError | SqlError.SqlError> =
  /* @__PURE__ */ Layer.unwrap(/* @__PURE__ */ Effect.map(/* @__PURE__ */ DbConfig.loadPostgres(), postgres))

/**
 * The embedded database: the Data API answered in this process.
 *
 * @param options.directory The folder that holds the data, `.alex-db` by default; `"memory"` writes nothing to disk.
 * @param options.database Its name, `alex` by default.
 * @param options.durability `full` by default: a commit is on the disk when it is acknowledged; `fast`, for tests, does
 *   not wait for that.
 * @errors LocalDataApiError
 */
export const layerEmbedded = (
  options: {
    readonly directory?: string | undefined
    readonly database?: string | undefined
    readonly durability?: DbConfig.Durability | undefined
  } = {}
): Layer.Layer<Services, LocalDataApiError> =>
  embedded({
    _tag: "embedded",
    why: "asked for",
    directory: options.directory ?? ".alex-db",
    database: options.database ?? "alex",
    durability: options.durability ?? "full"
  })

/**
 * A database in memory for tests of your own code: migrated, seeded with the instruments, and new each time the layer
 * is provided. It starts from a snapshot, in a fraction of a second.
 *
 * @errors LocalDataApiError
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { DbLayer, Instruments, InstrumentSymbol } from "alex-database"
 *
 * const test = Effect.gen(function*() {
 *   const instruments = yield* Instruments
 *   return yield* instruments.findBySymbol(InstrumentSymbol.make("SPY"))
 * }).pipe(Effect.provide(DbLayer.layerTest))
 * ```
 */
export const layerTest: Layer.Layer<Services, LocalDataApiError> = /* @__PURE__ */ Layer.fresh(
  /* @__PURE__ */ Layer.suspend(() => Repository.layer.pipe(Layer.provideMerge(testSql), Layer.merge(testTarget)))
)

// Nothing here runs at import time, so that a bundler can drop what is not used.
const testSql = /* @__PURE__ */ Layer.unwrap(
  /* @__PURE__ */ Effect.suspend(() =>
    Effect.gen(function* () {
      const TestSnapshot = yield* Effect.promise(() => import("./TestSnapshot.ts"))
      return Layer.unwrap(memorySql(yield* Effect.orDie(TestSnapshot.path())))
    })
  )
)

/** A database in memory that starts from a snapshot, by default an empty one. */
const memorySql = (snapshot: string | undefined) =>
  Effect.map(
    Effect.promise(() => Promise.all([import("./data-api/sql/DataApiSql.ts"), import("./local/LocalDataApi.ts")])),
    ([DataApiSql, LocalDataApi]) =>
      DataApiSql.layer().pipe(Layer.provide(LocalDataApi.layer({ dataDir: "memory", snapshot })))
  )

const testTarget = /* @__PURE__ */ Layer.sync(Target, () =>
  targetOf({ _tag: "embedded", why: "for a test", directory: "memory", database: "alex", durability: "fast" })
)

/**
 * The catalogue that drift is measured against: the migrations, applied to an embedded database in memory. It is read
 * on first use and kept.
 *
 * @param folder The migrations; by default the package's own.
 */
export const layerReference = (folder?: string): Layer.Layer<Catalogue.Reference> =>
  Layer.effect(
    Catalogue.Reference,
    Effect.map(Effect.cached(referenceCatalogue(folder)), (catalogue) => ({ catalogue }))
  )

// A function that is not called at import time, so that a bundler can drop it with what it imports.
const referenceCatalogue = (folder: string | undefined) =>
  Effect.gen(function* () {
    const [Migrate, NodeFileSystem, TestSnapshot] = yield* Effect.promise(() =>
      Promise.all([
        import("./operations/migrate/Migrate.ts"),
        import("@effect/platform-node/NodeFileSystem"),
        import("./TestSnapshot.ts")
      ])
    )
    // The snapshot holds the package's own migrations: starting from it is faster than applying them.
    const snapshot = folder === undefined ? yield* TestSnapshot.built : undefined
    const applied = snapshot === undefined ? Migrate.migrate({ folder, packed: true }) : Effect.void
    return yield* Effect.andThen(applied, Catalogue.read()).pipe(
      Effect.provide(Layer.merge(Layer.unwrap(memorySql(snapshot)), NodeFileSystem.layer))
    )
  }).pipe(
    Effect.mapError(
      ({ message }) => new Catalogue.ReferenceUnavailable({ message: `There is nothing to compare with: ${message}` })
    )
  )
