/** A snapshot of a database that already holds something, from which any number of others start. */
import { Effect } from "effect"
import type { DataApi } from "../../data-api/DataApi.ts"
import { defaultLimits } from "../EngineLimits.ts"
import * as Engine from "../engine/Engine.ts"
import { LocalDataApiError } from "../LocalDataApiError.ts"
import * as EmbeddedPostgres from "./EmbeddedPostgres.ts"
import * as Pglite from "./PgliteSessions.ts"
import * as Snapshot from "./Snapshot.ts"

/** Runs `fill` on an empty database, and makes a snapshot of it: compressed bytes, which `LocalDataApi.layer` starts from. */
export const make = Effect.fn("FilledSnapshot.make")(function* <E, R>(
  fill: (api: DataApi["Service"]) => Effect.Effect<unknown, E, R>
) {
  const options = { dataDir: undefined, database: Snapshot.defaultDatabase, limits: defaultLimits }
  const failed = (cause: unknown) =>
    new LocalDataApiError({ message: "A database to make a snapshot of can't be started. See the cause.", cause })
  const archive = yield* Snapshot.files(Snapshot.defaultDatabase, undefined)
  const pglite = yield* Effect.mapError(EmbeddedPostgres.start({ ...options, archive }), failed)
  const source = yield* Pglite.sessions(Effect.succeed(pglite), { ...options, isMemory: true })
  yield* fill(yield* Engine.make(source, { database: Snapshot.defaultDatabase, limits: undefined }))
  const bytes = yield* Effect.tryPromise({
    try: async () => {
      // What is in the files need not be replayed by those that start from them.
      await pglite.exec("CHECKPOINT")
      return new Uint8Array(await (await pglite.dumpDataDir("none")).arrayBuffer())
    },
    catch: failed
  })
  return yield* Snapshot.compress(bytes)
}, Effect.scoped)
