/** Handles a data folder whose database did not shut down properly. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { LocalDataApiError } from "../LocalDataApiError.ts"

/**
 * Called with the reason if the database of a folder could not write its buffers when it shut down. By default it logs
 * a warning. No commit is lost in this case, and closing a folder never fails.
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
