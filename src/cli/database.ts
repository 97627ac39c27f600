/** Runs an operation on the database that the environment and the flags describe. */
import { setFlagsFromString } from "node:v8"
import { Effect, Layer } from "effect"
import type * as DbConfig from "../DbConfig.ts"
import * as DbLayer from "../DbLayer.ts"
import type * as RetryPolicy from "../data-api/RetryPolicy.ts"
import type { Catalogue } from "../operations/index.ts"
import { configure, type DatabaseFlags } from "./configuration.ts"
import { layer as layerProgress } from "./output/progressLine.ts"
import { program } from "./program.ts"

export const targetOf = DbLayer.targetOf

export { configure, type DatabaseFlags }

/** Gives an operation its database, something to compare it with, and a progress line. */
export const onDatabase =
  (flags: DatabaseFlags) =>
  <A, E, R>(operation: Effect.Effect<A, E, R>) =>
    Effect.flatMap(configure(flags), (config) => onConfigured(config)(operation))

/**
 * Keeps V8 from optimizing WebAssembly, and so the embedded PostgreSQL: a command is over before that pays. Of what `up`
 * took, it saves a third of the processor time and 400 MB; a statement that runs for seconds takes up to twice as long.
 */
const unoptimized = Effect.sync(() => {
  setFlagsFromString("--no-wasm-tier-up")
  setFlagsFromString("--no-wasm-dynamic-tiering")
})

/** The database of a configuration that has been read, for who opens it later. */
export const layerConfigured = (
  config: DbConfig.DbConfig,
  retries?: RetryPolicy.Options
): Layer.Layer<DbLayer.Services, DbLayer.LayerError> =>
  Layer.unwrap(Effect.as(unoptimized, DbLayer.layerOf(config, retries, { program: program() })))

/** The same for a configuration that has been read. */
export const onConfigured =
  (config: DbConfig.DbConfig, retries?: RetryPolicy.Options) =>
  <A, E, R>(
    operation: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | DbLayer.LayerError, Exclude<R, DbLayer.Services | Catalogue.Reference>> =>
    Effect.provide(operation, Layer.mergeAll(layerConfigured(config, retries), DbLayer.layerReference(), layerProgress))
