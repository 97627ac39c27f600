/** Snapshots of databases with data, from which other databases start. */
import { Effect } from "effect"
import type { DataApi } from "../../data-api/DataApi.ts"
import { defaultLimits } from "../EngineLimits.ts"
import * as Engine from "../engine/Engine.ts"
import * as OpenFailure from "../folder/OpenFailure.ts"
import { LocalDataApiError } from "../LocalDataApiError.ts"
import { PgliteFailed } from "./EmbeddedPostgres.ts"
import * as Pglite from "./PgliteSessions.ts"
import * as Snapshot from "./Snapshot.ts"

const isPgliteFailed = (error: unknown): error is PgliteFailed => error instanceof PgliteFailed

/** Runs `fill` on an empty database, and returns a snapshot of it as compressed bytes for `LocalDataApi.layer`. */
export const make = Effect.fn("FilledSnapshot.make")(function* <E, R>(
  fill: (api: DataApi["Service"]) => Effect.Effect<unknown, E, R>
) {
  const database = Snapshot.defaultDatabase
  const empty = yield* Snapshot.files(database, undefined)
  const context = yield* Effect.context<R>()
  const filled = yield* Snapshot.archived({ database, archive: empty }, (pglite) =>
    Effect.gen(function* () {
      const options = { dataDir: undefined, database, limits: defaultLimits, isMemory: true }
      const source = yield* Pglite.sessions(Effect.succeed(pglite), options)
      yield* fill(yield* Engine.make(source, { database, limits: undefined }))
    }).pipe(Effect.scoped, Effect.provideContext(context))
  ).pipe(
    Effect.catchIf(isPgliteFailed, (cause) =>
      Effect.fail(
        new LocalDataApiError({
          message: `The database for a snapshot can't be started: ${OpenFailure.reasonOf(cause)}`,
          cause
        })
      )
    )
  )
  return yield* Snapshot.compress(filled)
})
