/**
 * The folder of an embedded database: who may open it, and whether it is whole.
 *
 * ```
 * .alex-db/
 *   pgdata/        PostgreSQL's own files
 *   database.json  written once `pgdata` is complete
 *   lock.json      the process that has it open
 * ```
 */
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { Effect, Option, Result, Schema, type Scope } from "effect"

/** Why an embedded database can't be opened, in one line that says what to do. */
export class LocalDataApiError extends Schema.TaggedError<LocalDataApiError>()("LocalDataApiError", {
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

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
const Lock = Schema.fromJsonString(Schema.Struct({ pid: Schema.Int }))

/** Folders that this process has open: its own id in a lock file is then no leftover of an earlier process. */
const held = new Set<string>()

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

/** Signal 0 only asks; EPERM says that the process exists and belongs to another user. */
const isAlive = (pid: number): boolean => {
  const asked = Result.try(() => process.kill(pid, 0))
  if (Result.isSuccess(asked)) return true
  return hasCode(asked.failure, "EPERM")
}

const inUse = (dataDir: string, pid: number): LocalDataApiError =>
  new LocalDataApiError({
    message: `The data folder ${dataDir} is in use by process ${pid}. Stop that process or choose another folder.`
  })

/** Creates the lock file, which only one process can do; a dead process's lock is removed first. */
const writeLock = Effect.fnUntraced(function* (
  dataDir: string,
  path: string
): Effect.fn.Return<void, LocalDataApiError> {
  if (held.has(path)) return yield* inUse(dataDir, process.pid)
  const create = () => writeFile(path, JSON.stringify({ pid: process.pid }), { flag: "wx" })
  for (let tries = 0; tries < 2; tries++) {
    const created = yield* Effect.option(Effect.tryPromise(create))
    if (Option.isSome(created)) return void held.add(path)
    const text = yield* readText(dataDir, path)
    if (Option.isNone(text)) break
    const lock = Schema.decodeOption(Lock)(text.value)
    if (Option.isSome(lock) && lock.value.pid !== process.pid && isAlive(lock.value.pid)) {
      return yield* inUse(dataDir, lock.value.pid)
    }
    // A process that has only just made the file has yet to write into it.
    if (Option.isNone(lock) && tries === 0) yield* Effect.sleep("100 millis")
    else yield* attempt(dataDir, () => rm(path, { force: true }))
  }
  // No lock file, and none could be made: this says why.
  yield* attempt(dataDir, create)
  held.add(path)
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
  const lock = join(dataDir, "lock.json")
  yield* makeFolder(dataDir)
  yield* Effect.acquireRelease(writeLock(dataDir, lock), () =>
    Effect.promise(() => rm(lock, { force: true })).pipe(Effect.andThen(Effect.sync(() => held.delete(lock))))
  )
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
