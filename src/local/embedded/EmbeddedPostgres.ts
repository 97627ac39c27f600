/** PostgreSQL in this process: PGlite, with the settings of a server and of the service. */
import { existsSync } from "node:fs"
import { setFlagsFromString } from "node:v8"
import type { PGlite } from "@electric-sql/pglite"
import { Data, Duration, Effect, type Scope } from "effect"
import type { Limits } from "../EngineLimits.ts"
import { LocalDataApiError } from "../LocalDataApiError.ts"
import type { Durability } from "./Durability.ts"
import { failOnTrap } from "./Trap.ts"

export interface PgliteOptions {
  /** A folder with the files of PostgreSQL; `undefined` keeps everything in memory. */
  readonly dataDir: string | undefined
  /** Whether the folder is still at its path, where no other database is then; always, by default. */
  readonly isThere?: (() => boolean) | undefined
  readonly database: string
  /**
   * A tar archive of a data folder, from which a database in memory starts; of the same PGlite version.
   */
  readonly archive?: Uint8Array<ArrayBuffer> | undefined
  /**
   * Called with the files of a database in memory, as such an archive, after it has shut down. A start needs no
   * recovery.
   */
  readonly onClosed?: ((archive: Uint8Array<ArrayBuffer>) => void) | undefined
  readonly limits: Limits
  /** Whether a commit waits until it is on the disk; without effect in memory. */
  readonly durability?: Durability | undefined
  /** SIGINT interrupts the running statement and stops the database, for a process that then ends. */
  readonly breaksOnSigint?: boolean | undefined
  /** V8 optimizes PostgreSQL's code early: the start takes longer, and full speed is reached sooner. */
  readonly optimizesEarly?: boolean | undefined
  /** Receives the last lines of PostgreSQL's log. */
  readonly log?: Array<string> | undefined
}

/**
 * PGlite's own arguments, without `-O` and `search_path`, which a server does not have, and with the settings of the
 * service's sessions.
 */
const startParams = (limits: Limits, isSynced: boolean): Array<string> => [
  "--single",
  "-j",
  ...[
    // Arguments override the settings in the folder's configuration files.
    ...(isSynced ? ["fsync=on", "full_page_writes=on", "wal_sync_method=fsync"] : ["fsync=off"]),
    "exit_on_error=false",
    "log_checkpoints=false",
    "max_worker_processes=0",
    "max_parallel_workers=0",
    "max_parallel_workers_per_gather=0",
    "max_parallel_maintenance_workers=0",
    // Nothing replicates this database, and a reset could not free a slot or an origin of a session.
    "max_replication_slots=0",
    "max_active_replication_origins=0",
    "io_method=sync",
    // WebAssembly's stack ends before PostgreSQL's own limit of 2 MB, and that stops PGlite. Up to 300 kB PostgreSQL
    // refuses endless recursion in PL/pgSQL in time; the calling program's frames need some of it as well.
    "max_stack_depth=200kB",
    // Buffers are cleared at the start. A server's default, 128 MB, took a tenth of a second.
    "shared_buffers=32MB",
    // PostgreSQL's default would let the write-ahead log grow to 1 GB, too much for a folder in a project.
    "max_wal_size=64MB",
    "min_wal_size=8MB",
    "TimeZone=UTC",
    `statement_timeout=${Duration.toMillis(limits.statementTimeout)}`
  ].flatMap((setting) => ["-c", setting])
]

/** Segments of 1 MB instead of 16, and no fsync of new files: initialisation takes 2.1 s instead of 2.8 s. */
const initDbStartParams = ["--wal-segsize=1", "--no-sync", "--no-instructions"]

/**
 * Loads PGlite on demand, because that takes 50 ms and several megabytes.
 *
 * V8 optimizes a WebAssembly function after it has run for some time. At the start thousands of PostgreSQL's functions
 * run that long, and never again. With a 20 times larger budget a start takes two thirds of the CPU time. After about a
 * thousand calls the saving is spent, and later calls are slower, so a server that runs for hours keeps V8's default.
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
      "bundle that includes only its code. Keep @electric-sql/pglite out of the bundle and install it where the program " +
      "runs (esbuild: --external:@electric-sql/pglite).",
    ...(cause === undefined ? {} : { cause })
  })

/**
 * Fails if PGlite's files are not where PGlite expects them. PGlite itself would fail in a promise that is never
 * awaited.
 */
export const requireFiles: Effect.Effect<void, LocalDataApiError> = Effect.gen(function* () {
  const bundle = yield* Effect.tryPromise({
    try: async () => {
      const { uuid_ossp } = await import("@electric-sql/pglite/contrib/uuid_ossp")
      // The setup function returns the file's path, and ignores its arguments.
      const setup: (...nothing: ReadonlyArray<never>) => ReturnType<typeof uuid_ossp.setup> = uuid_ossp.setup
      return (await setup()).bundlePath
    },
    catch: notThere
  })
  // PGlite handles any other URL, such as one that a bundler has made.
  if (bundle?.protocol === "file:" && !existsSync(bundle)) return yield* notThere()
})

/** PGlite threw an error. `log` has PostgreSQL's own messages. */
export class PgliteFailed extends Data.TaggedError("PgliteFailed")<{
  readonly cause: unknown
  readonly log?: ReadonlyArray<string>
}> {}

/** How many of the last lines of PostgreSQL's log are kept, enough to explain why it stopped. */
const logLines = 50

/** Where PGlite has its files. */
const filesOf = async ({ archive, dataDir, isThere = () => true, onClosed }: PgliteOptions, isSynced: boolean) =>
  dataDir === undefined
    ? new (await import("./MemoryFiles.ts")).MemoryFiles({ archive, onClosed })
    : new (await import("./FolderFiles.ts")).FolderFiles(dataDir, isSynced, isThere)

/** Starts PGlite. The caller must close it, unless it has stopped. */
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
        fs: await filesOf(options, isSynced),
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

/** Opens PGlite until the scope closes. */
export const open = (options: PgliteOptions): Effect.Effect<PGlite, PgliteFailed, Scope.Scope> =>
  Effect.acquireRelease(start(options), (pglite) => Effect.ignore(Effect.tryPromise(() => pglite.close())))
