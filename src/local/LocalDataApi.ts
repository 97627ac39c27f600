/** The Data API answered in this process by PGlite: an Aurora of one's own in a folder, or in memory. */
import type { PGlite } from "@electric-sql/pglite"
import { Effect, Layer, type Redacted, type Scope } from "effect"
import { DataApi } from "../data-api/DataApi.ts"
import { defaultLimits, type Limits } from "./EngineLimits.ts"
import * as EmbeddedPostgres from "./embedded/EmbeddedPostgres.ts"
import * as Pglite from "./embedded/PgliteSessions.ts"
import * as Snapshot from "./embedded/Snapshot.ts"
import * as Engine from "./engine/Engine.ts"
import type { SessionSource } from "./engine/Session.ts"
import * as CloseFolder from "./folder/CloseFolder.ts"
import * as DataFolder from "./folder/DataFolder.ts"
import * as DataPlace from "./folder/DataPlace.ts"
import * as OpenFailure from "./folder/OpenFailure.ts"
import * as SharedFolder from "./folder/SharedFolder.ts"
import type { FolderInUse, Share } from "./folder/TakeFolder.ts"
import { Unclosed } from "./folder/Unclosed.ts"
import { LocalDataApiError } from "./LocalDataApiError.ts"
import * as Postgres from "./postgres/PostgresPool.ts"

/** Where an embedded database lives, and what it starts from. */
export interface LocalDataApiOptions {
  /**
   * The folder to keep the data in, created when missing: a path, one below `~/`, or a `file:///` URL. `"memory"`, or
   * `"memory://"`, keeps nothing. Other schemes, and an empty name, are refused.
   */
  readonly dataDir: string
  /** The name of its database, `alex` when absent. */
  readonly database?: string | undefined
  /** The path of a snapshot made by `Snapshot.make`, which a new database starts from; the package's when absent. */
  readonly snapshot?: string | undefined
  readonly limits?: Partial<Limits> | undefined
  /**
   * When a commit to a folder is acknowledged: `full`, the default, once it is on the disk; `fast`, for tests and caches,
   * as soon as the operating system has it, which keeps it when this process is killed and may lose it, or damage the
   * folder, when power is lost.
   */
  readonly durability?: EmbeddedPostgres.Durability | undefined
  /**
   * Works with a folder at the same time as others that share it: the first holds it, and the others go through that
   * one, by a socket that only this user can reach. Without it the folder is this process's alone.
   */
  readonly share?: { readonly program: string } | undefined
  /**
   * SIGINT breaks off the statement that is running, for a process that ends then: the database stops, and what was
   * committed is kept. Without it a statement runs to its end before a listener of the signal is called.
   */
  readonly breaksOnSigint?: boolean | undefined
  /**
   * For a process that answers calls for minutes and more: V8 optimizes PostgreSQL as early as anything else. The start
   * may take more processor time, and from the thousandth call on less is taken in all.
   */
  readonly optimizesEarly?: boolean | undefined
}

/** How a database is opened, as often as that is needed, and closed. */
interface Place {
  readonly start: Effect.Effect<PGlite, LocalDataApiError>
  readonly close?: (pglite: PGlite) => Effect.Effect<void>
}

/** Takes the folder until the scope closes. */
const inFolder = Effect.fnUntraced(function* (
  { dataDir, snapshot }: LocalDataApiOptions,
  options: EmbeddedPostgres.PgliteOptions,
  share: Share | undefined
): Effect.fn.Return<Place, LocalDataApiError | FolderInUse, Scope.Scope> {
  const isSynced = options.durability !== "fast"
  const { describe, fill, isNew, pgdata } = yield* DataFolder.open(dataDir, {
    database: options.database,
    share,
    isSynced
  })
  if (isNew) yield* fill(yield* Snapshot.files(options.database, snapshot))
  const log: Array<string> = []
  const unclosed = yield* Unclosed
  return {
    start: EmbeddedPostgres.start({ ...options, dataDir: pgdata, log }).pipe(
      Effect.catch(({ cause, log }) =>
        Effect.flatMap(OpenFailure.explain({ dataDir, what: "opened", cause, log }), Effect.fail)
      ),
      Effect.tap(() => describe)
    ),
    close: (pglite) => Effect.provideService(CloseFolder.close(pglite, { dataDir, pgdata, log }), Unclosed, unclosed)
  }
})

const inMemory = Effect.fnUntraced(function* (
  snapshot: string | undefined,
  options: EmbeddedPostgres.PgliteOptions
): Effect.fn.Return<Place, LocalDataApiError> {
  return {
    start: Effect.mapError(
      EmbeddedPostgres.start({ ...options, archive: yield* Snapshot.files(options.database, snapshot) }),
      (cause) => new LocalDataApiError({ message: "The database in memory can't be started. See the cause.", cause })
    )
  }
})

const openSessions = Effect.fnUntraced(function* (
  options: LocalDataApiOptions,
  share: Share | undefined
): Effect.fn.Return<SessionSource, LocalDataApiError | FolderInUse, Scope.Scope> {
  const { dataDir, database = Snapshot.defaultDatabase, snapshot } = options
  yield* EmbeddedPostgres.requireFiles
  const pgliteOptions = {
    dataDir: undefined,
    database,
    limits: { ...defaultLimits, ...options.limits },
    durability: options.durability,
    breaksOnSigint: options.breaksOnSigint,
    optimizesEarly: options.optimizesEarly
  }
  const isMemory = dataDir === DataPlace.memory
  const { close, start } = yield* isMemory ? inMemory(snapshot, pgliteOptions) : inFolder(options, pgliteOptions, share)
  return yield* Pglite.sessions(start, { ...pgliteOptions, isMemory, close })
})

/**
 * Opens the embedded database as a source of sessions, for an engine or a server.
 *
 * @errors LocalDataApiError
 */
export const sessions = Effect.fn("LocalDataApi.sessions")(function* (
  given: Omit<LocalDataApiOptions, "share">
): Effect.fn.Return<SessionSource, LocalDataApiError, Scope.Scope> {
  const options = { ...given, dataDir: yield* DataPlace.read(given.dataDir) }
  return yield* Effect.catchTag(openSessions(options, undefined), "FolderInUse", ({ message }) =>
    Effect.fail(new LocalDataApiError({ message }))
  )
})

/**
 * Opens the embedded database, or a way into it where it is shared. See {@link layer}.
 *
 * @errors LocalDataApiError
 */
export const make = Effect.fn("LocalDataApi.make")(function* (
  given: LocalDataApiOptions
): Effect.fn.Return<DataApi["Service"], LocalDataApiError, Scope.Scope> {
  const options = { ...given, dataDir: yield* DataPlace.read(given.dataDir) }
  const { dataDir, database = Snapshot.defaultDatabase, limits, share } = options
  if (share === undefined || dataDir === DataPlace.memory)
    return yield* Engine.make(yield* sessions(options), { database, limits })
  return yield* SharedFolder.make({
    dataDir,
    database,
    program: share.program,
    open: (asHolder) =>
      Effect.flatMap(openSessions(options, asHolder), (source) => Engine.make(source, { database, limits }))
  })
})

/**
 * The `DataApi` of an embedded database.
 *
 * It binds parameters, types results, words errors and keeps limits as the service does. PGlite has one connection:
 * an open transaction holds it, and other calls wait, for 10 s unless `limits.sessionWait` says otherwise.
 *
 * @errors LocalDataApiError
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { DataApi } from "alex-database/data-api"
 * import { LocalDataApi } from "alex-database/local"
 *
 * const now = Effect.gen(function*() {
 *   const api = yield* DataApi
 *   return yield* api.executeStatement({ sql: "select now()" })
 * }).pipe(Effect.provide(LocalDataApi.layer({ dataDir: ".alex-db" })))
 * ```
 */
export const layer = (options: LocalDataApiOptions): Layer.Layer<DataApi, LocalDataApiError> =>
  Layer.effect(DataApi, make(options))

/** Which server to stand in front of. */
export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=require`; its database is that of requests that name none. */
  readonly url: Redacted.Redacted
  /** How many connections there may be at a time, 20 when absent. */
  readonly maxConnections?: number | undefined
  readonly limits?: Partial<Limits> | undefined
}

/**
 * Opens a pool on a PostgreSQL server as a source of sessions; fails if the server can't be reached now.
 *
 * @errors LocalDataApiError
 */
export const postgresSessions = Effect.fn("LocalDataApi.postgresSessions")(function* (
  options: PostgresOptions
): Effect.fn.Return<{ readonly source: SessionSource; readonly database: string }, LocalDataApiError, Scope.Scope> {
  const { address, database } = yield* Effect.mapError(
    Effect.fromResult(Postgres.parseUrl(options.url)),
    (message) => new LocalDataApiError({ message })
  )
  const source = yield* Postgres.sessions({
    address,
    database,
    maxConnections: options.maxConnections ?? 20,
    limits: { ...defaultLimits, ...options.limits }
  })
  yield* Effect.mapError(
    Effect.uninterruptible(Effect.flatMap(source.lend(database), ({ end }) => end)),
    (failure) => new LocalDataApiError({ message: `${failure.message}. Check the server and its URL.`, cause: failure })
  )
  return { source, database }
})

/**
 * The `DataApi` in front of a PostgreSQL server: the same answers as the embedded one, with real concurrency. A
 * request is run on the database that it names.
 *
 * @errors LocalDataApiError
 */
export const layerPostgres = (options: PostgresOptions): Layer.Layer<DataApi, LocalDataApiError> =>
  Layer.effect(
    DataApi,
    Effect.flatMap(postgresSessions(options), ({ source, database }) =>
      Engine.make(source, { database, limits: options.limits })
    )
  )
