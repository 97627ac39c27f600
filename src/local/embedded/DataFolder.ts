/**
 * The folder of an embedded database: who may open it, and whether it is whole.
 *
 * ```
 * .alex-db/
 *   pgdata/        PostgreSQL's own files
 *   database.json  written once `pgdata` is complete
 *   lock.db        empty; its lock is held by the process that has the folder open
  lock.json      names that process
 * ```
 */
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { Effect, Option, Schema, type Scope } from "effect"
import { LocalDataApiError } from "../LocalDataApiError.ts"
import * as FolderLock from "./FolderLock.ts"
import * as Holder from "./Holder.ts"
import * as NetworkFileSystem from "./NetworkFileSystem.ts"

export interface DataFolder {
  /** Where PostgreSQL's own files are or shall be. */
  readonly pgdata: string
  /** The files are there and complete. */
  readonly exists: boolean
  /** Says that they are. */
  readonly complete: Effect.Effect<void, LocalDataApiError>
}

/** The major version of PostgreSQL that this version of PGlite is; files of another one can't be opened. */
export const postgresMajor = 18

const Description = Schema.fromJsonString(Schema.Struct({ postgres: Schema.Int, database: Schema.String }))

const attempt = <A>(dataDir: string, run: () => Promise<A>): Effect.Effect<A, LocalDataApiError> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) =>
      new LocalDataApiError({
        message: `The data folder ${dataDir} can't be written. Choose another one or change its permissions.`,
        cause
      })
  })

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code

/** A file's text; `None` if there is no such file. */
const readText = (dataDir: string, path: string): Effect.Effect<Option.Option<string>, LocalDataApiError> =>
  Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: (cause) =>
      new LocalDataApiError({
        message: `The data folder ${dataDir} can't be read. Choose another one or change its permissions.`,
        cause
      })
  }).pipe(
    Effect.asSome,
    Effect.catchIf(
      ({ cause }) => hasCode(cause, "ENOENT"),
      () => Effect.succeedNone
    )
  )

/**
 * Makes the data folder and those above it, one at a time: Node's own way to make several turns without end where a
 * folder exists in which none can be made, such as `/proc`.
 */
const makeFolder = Effect.fnUntraced(function* (dataDir: string): Effect.fn.Return<void, LocalDataApiError> {
  const missing: Array<string> = []
  for (let path = resolve(dataDir); !missing.includes(path); path = dirname(path)) {
    const found = yield* Effect.option(Effect.tryPromise(() => stat(path)))
    if (Option.isNone(found)) missing.unshift(path)
    else if (found.value.isDirectory()) break
    else {
      const message = `The data folder can't be ${dataDir}: ${path} is a file. Choose another folder.`
      return yield* new LocalDataApiError({ message })
    }
  }
  for (const path of missing) {
    // Another process may have made it meanwhile.
    yield* attempt(dataDir, () => mkdir(path)).pipe(
      Effect.catchIf(
        ({ cause }) => hasCode(cause, "EEXIST"),
        () => Effect.void
      )
    )
  }
})

const inUse = Effect.fnUntraced(function* (
  dataDir: string,
  lockJson: string
): Effect.fn.Return<never, LocalDataApiError> {
  const holder = yield* Holder.read(lockJson)
  const by = Option.match(holder, { onNone: () => "another process", onSome: Holder.nameOf })
  return yield* new LocalDataApiError({
    message: `The data folder ${dataDir} is in use by ${by}, which holds its lock, lock.db. Stop that process or choose another folder.`
  })
})

const earlierInUse = (dataDir: string, pid: number): LocalDataApiError =>
  new LocalDataApiError({
    message: `The data folder ${dataDir} is in use by process ${pid}, which has an earlier version of this package. Stop that process, or remove ${join(dataDir, "lock.json")} if it is another program's.`
  })

/** Why the lock can't be had, where it is not that somebody else holds it. */
const notLockable = (dataDir: string, { cause, why }: FolderLock.NotLocked): LocalDataApiError => {
  const lockDb = join(dataDir, "lock.db")
  const message = {
    held: `The data folder ${dataDir} is in use. Choose another folder.`,
    "read-only": `The data folder ${dataDir} can't be locked: ${lockDb} can't be written. Change its permissions or choose another folder.`,
    foreign: `The data folder ${dataDir} can't be locked: ${lockDb} is not the file of a lock. Remove that file alone; the data is not in it.`,
    unopened: `The data folder ${dataDir} can't be written. Choose another one or change its permissions.`,
    refused: `The data folder ${dataDir} can't be locked: its file system refuses. Choose a folder on a local disk.`,
    "no-sqlite": `The data folder ${dataDir} can't be locked: this runtime has neither node:sqlite nor bun:sqlite. Use Node 22.19 or newer, or Bun.`
  }[why]
  return new LocalDataApiError({ message, cause })
}

/** Holds the folder against everybody else until the scope closes. */
const hold = Effect.fnUntraced(function* (dataDir: string): Effect.fn.Return<void, LocalDataApiError, Scope.Scope> {
  const lockJson = join(dataDir, "lock.json")
  yield* FolderLock.take(join(dataDir, "lock.db")).pipe(
    Effect.catch(
      (failure): Effect.Effect<never, LocalDataApiError> =>
        failure.why === "held" ? inUse(dataDir, lockJson) : Effect.fail(notLockable(dataDir, failure))
    )
  )
  const earlier = yield* Holder.earlier(lockJson)
  if (Option.isSome(earlier)) return yield* earlierInUse(dataDir, earlier.value)
  yield* Effect.acquireRelease(
    Effect.flatMap(Holder.self(), (holder) => Holder.write(lockJson, holder)),
    () => Holder.remove(lockJson)
  )
})

const warnOfNetwork = Effect.fnUntraced(function* (dataDir: string): Effect.fn.Return<void> {
  const network = yield* NetworkFileSystem.find(dataDir)
  if (Option.isNone(network)) return
  yield* Effect.logWarning(
    `The data folder ${dataDir} is on a network file system (${network.value}). Its lock keeps out other processes of this machine, and perhaps not those of other machines: open it on one machine only, or choose a folder on a local disk.`
  )
})

/**
 * Opens a data folder for this process alone, until the scope closes. What an interrupted first start left behind is
 * removed.
 */
export const open = Effect.fnUntraced(function* (
  dataDir: string,
  database: string
): Effect.fn.Return<DataFolder, LocalDataApiError, Scope.Scope> {
  const pgdata = join(dataDir, "pgdata")
  const description = join(dataDir, "database.json")
  yield* makeFolder(dataDir)
  yield* warnOfNetwork(dataDir)
  yield* hold(dataDir)
  const text = yield* readText(dataDir, description)
  if (Option.isNone(text)) {
    yield* attempt(dataDir, () => rm(pgdata, { recursive: true, force: true }))
    const complete = attempt(dataDir, () =>
      writeFile(description, `${JSON.stringify({ postgres: postgresMajor, database })}\n`)
    )
    return { pgdata, exists: false, complete }
  }
  const described = yield* Schema.decodeEffect(Description)(text.value).pipe(
    Effect.mapError((cause) => new LocalDataApiError({ message: damaged(dataDir), cause }))
  )
  if (described.postgres !== postgresMajor) {
    return yield* new LocalDataApiError({
      message: `The data folder ${dataDir} was made by PostgreSQL ${described.postgres}, this is ${postgresMajor}. Choose another folder.`
    })
  }
  if (described.database !== database) {
    return yield* new LocalDataApiError({
      message: `The data folder ${dataDir} holds the database ${described.database}, not ${database}. Choose another folder.`
    })
  }
  return { pgdata, exists: true, complete: Effect.void }
})

export const damaged = (dataDir: string): string =>
  `The data folder ${dataDir} is damaged. Restore it from a copy, or remove it to start afresh.`
