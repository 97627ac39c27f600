/** PostgreSQL in this process: PGlite, with the settings of a server and of the service. */
import { existsSync } from "node:fs"
import { setFlagsFromString } from "node:v8"
import type { PGlite } from "@electric-sql/pglite"
import { Data, Duration, Effect, type Scope } from "effect"
import type { Limits } from "../EngineLimits.ts"
import { LocalDataApiError } from "../LocalDataApiError.ts"
import { ArchiveBlob } from "./ArchiveBlob.ts"
import { failOnTrap } from "./Trap.ts"

/** `full`: a commit is acknowledged once it is on the disk. `fast`: the operating system writes it when it likes. */
export type Durability = "full" | "fast"

export interface PgliteOptions {
  /** A folder that holds the files of PostgreSQL already; `undefined` keeps everything in memory. */
  readonly dataDir: string | undefined
  readonly database: string
  /** A tape archive of a data folder to start from in memory, of the same PGlite version. */
  readonly archive?: Uint8Array<ArrayBuffer> | undefined
  /** Given the files of a database in memory, as such an archive, once it has shut down: what starts from it replays nothing. */
  readonly onClosed?: ((archive: Uint8Array<ArrayBuffer>) => void) | undefined
  readonly limits: Limits
  /** Whether a commit waits until it is on the disk; what is in memory has none. */
  readonly durability?: Durability | undefined
  /** SIGINT breaks off what is running, and with it the database; the process is about to end then. */
  readonly breaksOnSigint?: boolean | undefined
  /** V8 optimizes PostgreSQL as early as anything else: the start may be dearer, and full speed is there sooner. */
  readonly optimizesEarly?: boolean | undefined
  /** Is filled with the last lines of PostgreSQL's log. */
  readonly log?: Array<string> | undefined
}

/**
 * PGlite's own arguments without `-O` and `search_path`, which a server does not have either, and with what the
 * service sets for each of its sessions.
 */
const startParams = (limits: Limits, isSynced: boolean): Array<string> => [
  "--single",
  "-j",
  ...[
    // Said here, so that a setting in the folder's own files can't say otherwise.
    ...(isSynced ? ["fsync=on", "full_page_writes=on", "wal_sync_method=fsync"] : ["fsync=off"]),
    "exit_on_error=false",
    "log_checkpoints=false",
    "max_worker_processes=0",
    "max_parallel_workers=0",
    "max_parallel_workers_per_gather=0",
    "max_parallel_maintenance_workers=0",
    // Nothing replicates this database, and a session would keep what it took of either.
    "max_replication_slots=0",
    "max_active_replication_origins=0",
    "io_method=sync",
    // WebAssembly's stack ends before PostgreSQL's own limit of 2 MB, and PGlite does not survive that: endless
    // recursion in PL/pgSQL is refused in time up to 300 kB. The frames of the calling program come on top.
    "max_stack_depth=200kB",
    // Buffers are memory that is cleared at the start; 128 MB, the server's own figure, took a tenth of a second.
    "shared_buffers=32MB",
    // PostgreSQL's own figures would let the log grow to 1 GB; this is a folder in somebody's project.
    "max_wal_size=64MB",
    "min_wal_size=8MB",
    "TimeZone=UTC",
    `statement_timeout=${Duration.toMillis(limits.statementTimeout)}`
  ].flatMap((setting) => ["-c", setting])
]

/** Segments of 1 MB in place of 16, and no fsync of files that did not exist a moment ago: 2.1 s in place of 2.8. */
const initDbStartParams = ["--wal-segsize=1", "--no-sync", "--no-instructions"]

/**
 * The module is loaded only here: it costs 50 ms and several megabytes.
 *
 * V8 optimizes a WebAssembly function once it has run for a while. PostgreSQL has thousands that run for that long at
 * the start and never again: with a 20 times longer while a start takes two thirds of the processor time. What is saved
 * is spent by the thousandth call, and calls are dearer for tens of thousands after it: a server that works for hours
 * keeps V8's own figure.
 */
const load = (optimizesEarly: boolean) =>
  Effect.promise(() => {
    if (!optimizesEarly) setFlagsFromString("--wasm-tiering-budget=300000000")
    return Promise.all([import("@electric-sql/pglite"), import("@electric-sql/pglite/contrib/uuid_ossp")])
  })

const notThere = (cause?: unknown) =>
  new LocalDataApiError({
    message:
      "The embedded database can't be started: PGlite's files (pglite.wasm, pglite.data) are not beside its code, as in a " +
      "bundle that has its code and not its files. Keep @electric-sql/pglite out of the bundle and install it where the " +
      "program runs (esbuild: --external:@electric-sql/pglite).",
    ...(cause === undefined ? {} : { cause })
  })

/**
 * Fails where PGlite's files are not where it looks for them, which PGlite itself finds out only in a promise that
 * nobody awaits.
 */
export const requireFiles: Effect.Effect<void, LocalDataApiError> = Effect.gen(function* () {
  const bundle = yield* Effect.tryPromise({
    try: async () => {
      const { uuid_ossp } = await import("@electric-sql/pglite/contrib/uuid_ossp")
      // It says where its file is without looking at the database that it is for.
      const setup: (...nothing: ReadonlyArray<never>) => ReturnType<typeof uuid_ossp.setup> = uuid_ossp.setup
      return (await setup()).bundlePath
    },
    catch: notThere
  })
  // Whatever else it may be, such as an address that a bundler gave it, is PGlite's to read.
  if (bundle?.protocol === "file:" && !existsSync(bundle)) return yield* notThere()
})

/** PGlite threw; PostgreSQL's own words are in the log. */
export class PgliteFailed extends Data.TaggedError("PgliteFailed")<{
  readonly cause: unknown
  readonly log?: ReadonlyArray<string>
}> {}

/** Lines of PostgreSQL's log that are kept: enough for what led to its end. */
const logLines = 50

/** Where PGlite's files are, and what of its options says so. */
const filesOf = async ({ archive, dataDir, onClosed }: PgliteOptions, isSynced: boolean) => ({
  ...(archive === undefined ? {} : { loadDataDir: new ArchiveBlob(archive) }),
  ...(dataDir === undefined ? {} : { fs: new (await import("./FolderFiles.ts")).FolderFiles(dataDir, isSynced) }),
  ...(onClosed === undefined ? {} : { fs: new (await import("./ArchivedFiles.ts")).ArchivedFiles(onClosed) })
})

/** Starts PGlite; the caller closes it, unless it has stopped. */
export const start = Effect.fnUntraced(function* (options: PgliteOptions): Effect.fn.Return<PGlite, PgliteFailed> {
  const [{ PGlite }, { uuid_ossp }] = yield* load(options.optimizesEarly === true)
  const isSynced = options.dataDir !== undefined && options.durability !== "fast"
  const { log = [] } = options
  const onStderr = (line: string): boolean => {
    if (log.push(line) > logLines) log.shift()
    return false
  }
  const pglite = yield* Effect.tryPromise({
    try: async () =>
      PGlite.create({
        ...(await filesOf(options, isSynced)),
        database: options.database,
        extensions: { uuid_ossp },
        startParams: startParams(options.limits, isSynced),
        initDbStartParams,
        onStderr
      }),
    catch: (cause) => new PgliteFailed({ cause, log })
  })
  failOnTrap(pglite, options.breaksOnSigint === true)
  return pglite
}, Effect.uninterruptible)

/** Opens PGlite for the life of the scope. */
export const open = (options: PgliteOptions): Effect.Effect<PGlite, PgliteFailed, Scope.Scope> =>
  Effect.acquireRelease(start(options), (pglite) => Effect.ignore(Effect.tryPromise(() => pglite.close())))
