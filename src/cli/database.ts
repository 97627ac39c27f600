/** Runs an operation on the database that the environment and the flags describe. */
import { ConfigProvider, Effect, Layer, Option } from "effect"
import * as DbConfig from "../DbConfig.ts"
import * as DbLayer from "../DbLayer.ts"
import type { Catalogue } from "../operations/index.ts"
import { loadEnvironment } from "./environment.ts"
import { layer as layerProgress } from "./progressLine.ts"

/** The flags that say which database. */
export interface DatabaseFlags {
  readonly envFile: Option.Option<string>
  readonly backend: Option.Option<DbConfig.Backend>
}

/** Reads the environment, completed from `.env` or the file of `--env-file`. */
export const configure = Effect.fnUntraced(function* ({ backend, envFile }: DatabaseFlags) {
  const environment = yield* loadEnvironment(envFile)
  return yield* DbConfig.load(Option.getOrUndefined(backend)).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, environment)
  )
})

/** Gives an operation its database, something to compare it with, and a progress line. */
export const onDatabase =
  (flags: DatabaseFlags) =>
  <A, E, R>(operation: Effect.Effect<A, E, R>) =>
    Effect.flatMap(configure(flags), (config) => onConfigured(config)(operation))

/** The same for a configuration that has been read. */
export const onConfigured =
  (config: DbConfig.DbConfig) =>
  <A, E, R>(
    operation: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | DbLayer.LayerError, Exclude<R, DbLayer.Services | Catalogue.Reference>> =>
    operation.pipe(Effect.provide(Layer.mergeAll(DbLayer.layerOf(config), DbLayer.layerReference(), layerProgress)))
