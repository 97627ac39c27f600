/** What is done where a data folder can't be closed as it should be. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { LocalDataApiError } from "../LocalDataApiError.ts"

/**
 * Is told why the database of a folder could not write all that it had in memory when it ended; by default it is logged
 * as a warning. Nothing that was committed is lost then, and what closes a folder can't fail.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { DataApi } from "alex-database/data-api"
 * import { LocalDataApi, Unclosed } from "alex-database/local"
 *
 * const now = Effect.gen(function*() {
 *   const api = yield* DataApi
 *   return yield* api.executeStatement({ sql: "select now()" })
 * }).pipe(
 *   Effect.provide(LocalDataApi.layer({ dataDir: ".alex-db" })),
 *   Effect.provideService(Unclosed, ({ message }) => Effect.logError(message))
 * )
 * ```
 */
export class Unclosed extends Context.Reference<(problem: LocalDataApiError) => Effect.Effect<void>>(
  "alex-database/local/Unclosed",
  {
    defaultValue:
      () =>
      ({ message }) =>
        Effect.logWarning(message)
  }
) {}
