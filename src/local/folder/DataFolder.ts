/**
 * The folder of an embedded database, and checks that it is complete.
 *
 * ```
 * .alex-db/
 *   pgdata/             PostgreSQL's own files; it is never incomplete
 *   database.json       the version of PostgreSQL, and the name of the database
 *   lock.db             empty; the process that has the folder open holds a lock on it
 *   lock.json           names that process
 *   pgdata.unfinished/  files of a first start, renamed to `pgdata` when they are complete
 * ```
 */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { Effect, Option, Schema, type Scope } from "effect"
import { LocalDataApiError } from "../LocalDataApiError.ts"
import { syncFolder, unpack } from "./Archive.ts"
import type { IsThere } from "./FolderLock.ts"
import * as OpenFailure from "./OpenFailure.ts"
import { bareFiles, otherVersion, postgresMajor } from "./OtherVersion.ts"
import * as TakeFolder from "./TakeFolder.ts"

/** A folder that this process holds. */
export interface DataFolder {
  /** Whether the folder is still at its path. */
  readonly isThere: IsThere
  /** Where PostgreSQL's own files are, or will be. */
  readonly pgdata: string
  /** Whether the folder has no database yet. */
  readonly isNew: boolean
  /** Fills a new folder from an archive of PostgreSQL's files, completely or not at all. */
  readonly fill: (archive: Uint8Array) => Effect.Effect<void, LocalDataApiError>
  /** Writes `database.json` after PostgreSQL has opened the folder, unless the file exists. */
  readonly describe: Effect.Effect<void, LocalDataApiError>
}

export interface DataFolderOptions {
  readonly database: string
  /** How other processes can use the folder; without it only this process can. */
  readonly share: TakeFolder.Share | undefined
  /** Whether new files are synced to the disk. */
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

/** Reads a file or folder; `None` if it does not exist. */
const readOptional = <A>(dataDir: string, run: () => Promise<A>): Effect.Effect<Option.Option<A>, LocalDataApiError> =>
  attempt(dataDir, "read", run).pipe(
    Effect.asSome,
    Effect.catchIf(
      ({ cause }) => hasCode(cause, "ENOENT"),
      () => Effect.succeedNone
    )
  )

/**
 * Creates the data folder and its missing parents, one at a time. Node's own recursive `mkdir` loops forever in a
 * folder that allows no new ones, such as `/proc`.
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
    // Another process may have created it meanwhile.
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

/** Whether there is a `database.json` that fits. A missing, empty or incomplete one is no failure: it holds no data. */
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
 * Checks the files that PostgreSQL needs, before it opens the folder. PGlite treats a folder without `PG_VERSION` as a
 * new one, and overwrites its files.
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
    return yield* fail(`The data folder ${dataDir} is incomplete: pgdata/${missing} is missing. ${advice}`)
  }
  const major = version.value.trim()
  if (!/^\d+$/.test(major))
    return yield* fail(`The data folder ${dataDir} is incomplete: pgdata/PG_VERSION names no version. ${advice}`)
  if (Number(major) !== postgresMajor) return yield* failWith(otherVersion(dataDir, Number(major)))
})

/**
 * Refuses a folder that is itself a data folder of PostgreSQL: another program's files are not touched. Beside a
 * database of this package they are those of a PGlite that was opened on the folder instead of `pgdata`.
 */
const refuseBare = Effect.fnUntraced(function* (dataDir: string): Effect.fn.Return<void, LocalDataApiError> {
  const versionIn = (folder: string) =>
    Effect.tryPromise(() => readFile(join(folder, "PG_VERSION"), "utf8")).pipe(
      Effect.match({ onFailure: () => Number.NaN, onSuccess: (text) => Number.parseInt(text, 10) })
    )
  const major = yield* versionIn(dataDir)
  if (Number.isNaN(major)) return
  const pgdata = join(dataDir, "pgdata")
  if (Number.isNaN(yield* versionIn(pgdata))) return yield* failWith(bareFiles(dataDir, major))
  yield* Effect.logWarning(
    `The data folder ${dataDir} also has files of PGlite's own, another database, which is not used here. To open this one with PGlite, name ${pgdata}.`
  )
})

/** A file that this package writes beside `pgdata`. */
interface Written {
  readonly name: string
  readonly form: Schema.Codec<unknown, string>
  /** The name of the first member. */
  readonly first: string
}

const everyWritten: ReadonlyArray<Written> = [
  { name: "database.json", form: Description, first: "postgres" },
  { name: "lock.json", form: Schema.fromJsonString(Schema.Struct({ pid: Schema.Int })), first: "pid" }
]

/** Whether a text is such a file, its beginning, or one that a power cut left without its content. */
const isOwn = (text: string, { first, form }: Written): boolean => {
  const begins = `{"${first}":`
  const isCutOff = /^[\s\0]*$/.test(text) || text.startsWith(begins) || begins.startsWith(text)
  return isCutOff || Option.isSome(Schema.decodeOption(form)(text))
}

/** The file of another program that has the name of one of this package's: a configuration of db-migrate, say. */
const foreignFile = async (dataDir: string): Promise<string | undefined> => {
  for (const written of everyWritten) {
    const text = await readFile(join(dataDir, written.name), "utf8").catch(() => "")
    if (!isOwn(text, written)) return written.name
  }
  // The file of the lock is empty. It is not read, since that could end this process's own lock.
  const lock = await stat(join(dataDir, "lock.db")).catch(() => undefined)
  return lock === undefined || lock.size === 0 ? undefined : "lock.db"
}

/** Refuses a folder with such a file. */
const refuseForeign = Effect.fnUntraced(function* (dataDir: string): Effect.fn.Return<void, LocalDataApiError> {
  const name = yield* Effect.promise(() => foreignFile(dataDir))
  if (name === undefined) return
  return yield* fail(
    `The data folder can't be ${dataDir}: its ${name} is another program's, and would be overwritten. Choose another folder.`
  )
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
 * Opens a data folder for this process, until the scope closes. It deletes only the unfinished files of an interrupted
 * start.
 *
 * @errors LocalDataApiError, FolderInUse
 */
export const open = Effect.fnUntraced(function* (
  dataDir: string,
  { database, isSynced, share }: DataFolderOptions
): Effect.fn.Return<DataFolder, LocalDataApiError | TakeFolder.FolderInUse, Scope.Scope> {
  // Absolute, because the working folder may change before PostgreSQL opens the folder again.
  const pgdata = join(resolve(dataDir), "pgdata")
  yield* refuseBare(dataDir)
  yield* refuseForeign(dataDir)
  yield* makeFolder(dataDir, isSynced)
  const isThere = yield* TakeFolder.take(dataDir, share)
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
    isThere,
    pgdata,
    isNew,
    fill: fill(dataDir, isSynced),
    describe: isDescribed
      ? Effect.void
      : Effect.andThen(
          describe(dataDir, database, isSynced),
          isNew
            ? Effect.void
            : Effect.logWarning(`The data folder ${dataDir} had no readable database.json; the file was written again.`)
        )
  }
})
