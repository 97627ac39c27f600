/** Runs an operation on the database that the environment and the flags describe. */
import { setFlagsFromString } from "node:v8"
import { Clock, Duration, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import type * as DbConfig from "../DbConfig.ts"
import * as DbLayer from "../DbLayer.ts"
import type * as RetryPolicy from "../data-api/RetryPolicy.ts"
import { adviceOn } from "../operations/database/Advice.ts"
import { explain } from "../operations/ForeignTables.ts"
import { configure, type DatabaseFlags } from "./configuration.ts"
import { layer as layerProgress } from "./output/progressLine.ts"
import { program } from "./program.ts"

export const targetOf = DbLayer.targetOf

export { configure, type DatabaseFlags }

/** Runs an operation with its database, the catalogue to compare it with, and a progress line. */
export const onDatabase =
  (flags: DatabaseFlags) =>
  <A, E, R>(operation: Effect.Effect<A, E, R>) =>
    Effect.flatMap(configure(flags), (config) => onConfigured(config)(operation))

/**
 * Keeps V8 from optimizing the WebAssembly of the embedded PostgreSQL: a command ends before that pays off. It saves
 * `up` a third of its CPU time and 400 MB; a statement that runs for seconds takes up to twice as long.
 */
export const unoptimized = Effect.sync(() => {
  setFlagsFromString("--no-wasm-tier-up")
  setFlagsFromString("--no-wasm-dynamic-tiering")
})

/** The layer of a configuration that was read before, for callers that build it later. */
export const layerConfigured = (
  config: DbConfig.DbConfig,
  retries?: RetryPolicy.Options
): Layer.Layer<DbLayer.Services, DbLayer.LayerError> =>
  Layer.unwrap(Effect.as(unoptimized, DbLayer.layerOf(config, retries, { program: program() })))

/** Whether a database that is starting may fail with this. */
const isComingUp = (error: unknown): boolean =>
  ["network", "starting", "shutdown", "connections", "paused", "unavailable", "no-instance"].includes(
    adviceOn(error).code
  )

/**
 * Waits until the database answers, at most this long. Any failure that a starting database does not explain ends the
 * wait.
 */
export const waitFor = Effect.fnUntraced(function* (config: DbConfig.DbConfig, patience: Duration.Duration) {
  const millis = Duration.toMillis(patience)
  if (millis === 0) return
  const attempt = onConfigured(config, { connectBudget: "2 seconds" })(
    Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select 1`)
  )
  const begin = yield* Clock.currentTimeMillis
  for (let announced = false; ; announced = true) {
    const outcome = yield* Effect.result(attempt)
    if (outcome._tag === "Success") return
    const waited = (yield* Clock.currentTimeMillis) - begin
    if (!isComingUp(outcome.failure) || waited >= millis) return yield* outcome.failure
    if (!announced)
      yield* Effect.logInfo(`Waiting up to ${Duration.format(patience)}: ${adviceOn(outcome.failure).problem}`)
    yield* Effect.sleep("1 second")
  }
})

/** The same as {@link onDatabase}, for a configuration that was read before. */
export const onConfigured =
  (config: DbConfig.DbConfig, retries?: RetryPolicy.Options) =>
  <A, E, R>(operation: Effect.Effect<A, E, R>) =>
    Effect.provide(
      explain(operation),
      Layer.mergeAll(layerConfigured(config, retries), DbLayer.layerReference(), layerProgress)
    )
