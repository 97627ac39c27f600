/**
 * The folder of an embedded database, and whether it is whole.
 *
 * ```
 * .alex-db/
 *   pgdata/             PostgreSQL's own files; there is no moment at which some of them are missing
 *   database.json       the version of PostgreSQL, and the name of the database
 *   lock.db             empty; the process that has the folder open holds its lock
 *   lock.json           names that process
 *   pgdata.unfinished/  a first start's work, renamed to `pgdata` once it is complete
 * ```
 */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { Effect, Option, Schema, type Scope } from "effect"
import { LocalDataApiError } from "../LocalDataApiError.ts"
import { syncFolder, unpack } from "./Archive.ts"
import * as OpenFailure from "./OpenFailure.ts"
import { bareFiles, otherVersion, postgresMajor } from "./OtherVersion.ts"
import * as TakeFolder from "./TakeFolder.ts"

/** A folder that this process holds. */
export interface DataFolder {
  /** Where PostgreSQL's own files are, or will be. */
  readonly pgdata: string
  /** There is nothing yet. */
  readonly isNew: boolean
  /** Fills a new folder from an archive of PostgreSQL's files: entirely, or not at all. */
  readonly fill: (archive: Uint8Array) => Effect.Effect<void, LocalDataApiError>
  /** Says what is in it, once PostgreSQL has opened it; does nothing where that has been said. */
  readonly describe: Effect.Effect<void, LocalDataApiError>
}

export interface DataFolderOptions {
  readonly database: string
  /** What others are told; without it the folder is this process's alone. */
  readonly share: TakeFolder.Share | undefined
  /** Whether what is made is on the disk before it counts as made. */
  readonly isSynced: boolean
}

const Description = Schema.fromJsonString(Schema.Struct({ postgres: Schema.Int, database: Schema.String }))

const fail = (message: string) => Effect.fail(new LocalDataApiError({ message }))

const failWith = ({ fix, problem }: ReturnType<typeof otherVersion>) => fail(`${problem}. ${fix}.`)

const attempt = <A>(
  dataDir: string,
  what: "read" | "written",
  run: () => Promise<A>,
  room?: number
): Effect.Effect<A, LocalDataApiError> =>
  Effect.tryPromise(run).pipe(
    Effect.catch(({ cause }) => Effect.flatMap(OpenFailure.explain({ dataDir, what, cause, room }), Effect.fail))
  )

const hasCode = (error: unknown, ...codes: ReadonlyArray<string>): boolean =>
  error instanceof Error && "code" in error && codes.some((code) => error.code === code)

/** What reading gives; `None` if there is nothing to read. */
const readOptional = <A>(dataDir: string, run: () => Promise<A>): Effect.Effect<Option.Option<A>, LocalDataApiError> =>
  attempt(dataDir, "read", run).pipe(
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
const makeFolder = Effect.fnUntraced(function* (
  dataDir: string,
  isSynced: boolean
): Effect.fn.Return<void, LocalDataApiError> {
  const missing: Array<string> = []
  for (let path = resolve(dataDir); !missing.includes(path); path = dirname(path)) {
    const found = yield* Effect.option(Effect.tryPromise(() => stat(path)))
    if (Option.isNone(found)) missing.unshift(path)
    else if (found.value.isDirectory()) break
    else return yield* fail(`The data folder can't be ${dataDir}: ${path} is a file. Choose another folder.`)
  }
  for (const path of missing) {
    // Another process may have made it meanwhile.
    yield* attempt(dataDir, "written", () => mkdir(path)).pipe(
      Effect.catchIf(
        ({ cause }) => hasCode(cause, "EEXIST"),
        () => Effect.void
      )
    )
  }
  if (!isSynced) return
  for (const path of missing) yield* attempt(dataDir, "written", () => syncFolder(dirname(path)))
})

const left = "Its files are left as they are."

/** What `database.json` says: nothing if it is missing, empty or half written, since the data is not in it. */
const readDescription = Effect.fnUntraced(function* (
  dataDir: string,
  database: string
): Effect.fn.Return<boolean, LocalDataApiError> {
  const text = yield* readOptional(dataDir, () => readFile(join(dataDir, "database.json"), "utf8"))
  const description = Option.flatMap(text, Schema.decodeOption(Description))
  if (Option.isNone(description)) return false
  const { database: described, postgres } = description.value
  if (postgres !== postgresMajor) {
    return yield* failWith(otherVersion(dataDir, postgres))
  }
  if (described !== database)
    return yield* fail(
      `The data folder ${dataDir} holds the database ${described}, not ${database}. Choose another folder.`
    )
  return true
})

/**
 * Looks at what PostgreSQL itself can't do without, before it is asked to open the files: PGlite takes a folder without
 * `PG_VERSION` for a new one, and writes over what there is.
 */
const examine = Effect.fnUntraced(function* (
  dataDir: string,
  pgdata: string
): Effect.fn.Return<void, LocalDataApiError> {
  const version = yield* readOptional(dataDir, () => readFile(join(pgdata, "PG_VERSION"), "utf8"))
  const control = yield* readOptional(dataDir, () => stat(join(pgdata, "global", "pg_control")))
  const advice = `${left} Restore the folder from a copy, or choose another one.`
  if (Option.isNone(version) || Option.isNone(control)) {
    const missing = Option.isNone(version) ? "PG_VERSION" : "global/pg_control"
    return yield* fail(`The data folder ${dataDir} is not whole: pgdata/${missing} is missing. ${advice}`)
  }
  const major = version.value.trim()
  if (!/^\d+$/.test(major))
    return yield* fail(`The data folder ${dataDir} is not whole: pgdata/PG_VERSION names no version. ${advice}`)
  if (Number(major) !== postgresMajor) return yield* failWith(otherVersion(dataDir, Number(major)))
})

/** Another program's files are left alone: nothing is made among them. */
const refuseBare = Effect.fnUntraced(function* (dataDir: string): Effect.fn.Return<void, LocalDataApiError> {
  const version = yield* Effect.option(Effect.tryPromise(() => readFile(join(dataDir, "PG_VERSION"), "utf8")))
  const major = Number.parseInt(
    Option.getOrElse(version, () => ""),
    10
  )
  if (!Number.isNaN(major)) return yield* failWith(bareFiles(dataDir, major))
})

/** Unpacks beside `pgdata` and renames, so that an interruption leaves nothing that looks like a database. */
const fill = (dataDir: string, isSynced: boolean) => (archive: Uint8Array) => {
  const unfinished = join(dataDir, "pgdata.unfinished")
  const remove = () => rm(unfinished, { recursive: true, force: true })
  const make = async () => {
    await remove()
    await unpack(archive, unfinished, isSynced)
    await rename(unfinished, join(dataDir, "pgdata"))
    if (isSynced) await syncFolder(dataDir)
  }
  return attempt(dataDir, "written", make, archive.byteLength).pipe(
    Effect.onError(() => Effect.ignore(Effect.tryPromise(remove)))
  )
}

const describe = (dataDir: string, database: string, isSynced: boolean) =>
  attempt(dataDir, "written", async () => {
    const path = join(dataDir, "database.json")
    const text = `${JSON.stringify({ postgres: postgresMajor, database })}\n`
    await writeFile(`${path}.unfinished`, text, { flush: isSynced })
    await rename(`${path}.unfinished`, path)
    if (isSynced) await syncFolder(dataDir)
  })

/**
 * Opens a data folder for this process alone, until the scope closes. Nothing in it is deleted but what an interrupted
 * first start left behind.
 *
 * @errors LocalDataApiError, FolderInUse
 */
export const open = Effect.fnUntraced(function* (
  dataDir: string,
  { database, isSynced, share }: DataFolderOptions
): Effect.fn.Return<DataFolder, LocalDataApiError | TakeFolder.FolderInUse, Scope.Scope> {
  const pgdata = join(dataDir, "pgdata")
  yield* refuseBare(dataDir)
  yield* makeFolder(dataDir, isSynced)
  yield* TakeFolder.take(dataDir, share)
  for (const left of ["pgdata.unfinished", "database.json.unfinished"])
    yield* attempt(dataDir, "written", () => rm(join(dataDir, left), { recursive: true, force: true }))
  const isDescribed = yield* readDescription(dataDir, database)
  const files = yield* readOptional(dataDir, () => readdir(pgdata))
  const isNew = Option.isNone(files) || files.value.length === 0
  if (isNew && isDescribed)
    return yield* fail(
      `The data folder ${dataDir} had a database, and pgdata is gone. Restore it from a copy; to start with an empty one, remove database.json.`
    )
  if (!isNew) yield* examine(dataDir, pgdata)
  return {
    pgdata,
    isNew,
    fill: fill(dataDir, isSynced),
    describe: isDescribed
      ? Effect.void
      : Effect.andThen(
          describe(dataDir, database, isSynced),
          isNew
            ? Effect.void
            : Effect.logWarning(`The data folder ${dataDir} had no readable database.json, and has one again.`)
        )
  }
})
