/** Closes the database of a data folder, and reports if it did not shut down properly. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { PGlite } from "@electric-sql/pglite"
import { Cause, Effect, Exit } from "effect"
import { LocalDataApiError } from "../LocalDataApiError.ts"
import type { IsThere } from "./FolderLock.ts"
import * as OpenFailure from "./OpenFailure.ts"
import { Unclosed } from "./Unclosed.ts"

/** The offset of the database's state in `pg_control`, and the state of a database that was shut down. */
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
  readonly isThere: IsThere
  /** The last lines of PostgreSQL's log, also those while it shuts down. */
  readonly log: Array<string>
}

/** A folder that was moved, deleted or replaced while it was open. */
export const lost = (dataDir: string): LocalDataApiError =>
  new LocalDataApiError({
    message: `The data folder ${dataDir} was moved, deleted or replaced while this process had it open, and is used no more. Move it back, or start this process again.`
  })

/** Commits are in the write-ahead log, which was written before. */
const kept = "All commits are kept: they are recovered when the folder is opened again."

/**
 * Shuts PostgreSQL down, which writes its buffers. PGlite does not report a failure, so the state in the folder is
 * checked. A failure is passed to {@link Unclosed}.
 */
export const close = Effect.fnUntraced(function* (pglite: PGlite, { dataDir, isThere, log, pgdata }: OpenedFolder) {
  const tell = yield* Unclosed
  // Its buffers have no place: another folder may be at its path.
  if (!isThere()) return yield* tell(lost(dataDir))
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
