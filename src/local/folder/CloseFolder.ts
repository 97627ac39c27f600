/** Closes the database of a data folder, and tells where it did not end as it should. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { PGlite } from "@electric-sql/pglite"
import { Cause, Effect, Exit } from "effect"
import { LocalDataApiError } from "../LocalDataApiError.ts"
import * as OpenFailure from "./OpenFailure.ts"
import { Unclosed } from "./Unclosed.ts"

/** Where `pg_control` has the state of the database, and which state is that of one that was shut down. */
const stateAt = 16
const shutDown = 1

const isShutDown = (pgdata: string) =>
  Effect.tryPromise(async () => {
    const control = await readFile(join(pgdata, "global", "pg_control"))
    return control.readInt32LE(stateAt) === shutDown
  })

export interface OpenedFolder {
  readonly dataDir: string
  readonly pgdata: string
  /** PostgreSQL's last lines, which go on while it ends. */
  readonly log: Array<string>
}

/** What was committed is in the log, which was written before. */
const kept = "What was committed is kept: it is recovered when the folder is opened again."

/**
 * Ends PostgreSQL, which writes what it has in memory. PGlite does not say whether that went well, the folder does.
 * What did not is told to {@link Unclosed}.
 */
export const close = Effect.fnUntraced(function* (pglite: PGlite, { dataDir, log, pgdata }: OpenedFolder) {
  const tell = yield* Unclosed
  log.length = 0
  const ended = yield* Effect.tryPromise(() => pglite.close()).pipe(
    Effect.ignore,
    Effect.andThen(isShutDown(pgdata)),
    Effect.exit
  )
  if (Exit.isSuccess(ended) && ended.value) return
  const cause = Exit.isFailure(ended) ? Cause.squash(ended.cause) : undefined
  const { message } = yield* OpenFailure.explain({ dataDir, what: "closed", cause, log })
  yield* tell(new LocalDataApiError({ message: `${message} ${kept}`, cause }))
})
