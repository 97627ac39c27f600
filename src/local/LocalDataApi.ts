/** The Data API in this process, on PGlite in a folder or in memory, or on a PostgreSQL server. */
import type { PGlite } from "@electric-sql/pglite"
import { Effect, Layer, type Redacted, type Scope } from "effect"
import { DataApi, withOneSession } from "../data-api/DataApi.ts"
import { defaultLimits, type Limits } from "./EngineLimits.ts"
import type { Durability } from "./embedded/Durability.ts"
import * as EmbeddedPostgres from "./embedded/EmbeddedPostgres.ts"
import { HeldSession } from "./embedded/HeldSession.ts"
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

/** Options of an embedded database. */
export interface LocalDataApiOptions {
  /**
   * The folder to keep the data in, created when missing: a path, one below `~/`, or a `file:///` URL. `"memory"`, or
   * `"memory://"`, keeps nothing. Other schemes, and an empty name, are refused.
   */
  readonly dataDir: string
  /** The name of the database. Default `alex`. */
  readonly database?: string | undefined
  /** The path of a snapshot from `Snapshot.make`, from which a new database starts. By default the package's. */
  readonly snapshot?: string | undefined
  readonly limits?: Partial<Limits> | undefined
  /**
   * When a commit to a folder is acknowledged. `full`, the default: when it is on the disk. `fast`, for tests and
   * caches: when the operating system has it. Then it survives a kill of this process, but a loss of power may lose it
   * or damage the folder.
   */
  readonly durability?: Durability | undefined
  /**
   * Shares the folder with other processes that set this option: the first one opens it, and the others send their
   * calls to it through a socket that only this user can reach. By default only this process can use the folder.
   */
  readonly share?: { readonly program: string } | undefined
  /**
   * Lets SIGINT interrupt a running statement, for a process that then ends: the database stops, and commits are kept.
   * By default a statement runs to its end before a listener of the signal is called.
   */
  readonly breaksOnSigint?: boolean | undefined
  /**
   * Lets V8 optimize PostgreSQL's code early, for a process that runs for minutes or longer. The start takes more CPU
   * time; after about a thousand calls the total is lower.
   */
  readonly optimizesEarly?: boolean | undefined
}

/** How a database is opened, each time that it has stopped, and closed. */
interface Place {
  readonly start: Effect.Effect<PGlite, LocalDataApiError>
  readonly close?: (pglite: PGlite) => Effect.Effect<void>
  readonly isThere?: () => boolean
}

/** Opens the folder, and holds it until the scope closes. */
const inFolder = Effect.fnUntraced(function* (
  { dataDir, snapshot }: LocalDataApiOptions,
  options: EmbeddedPostgres.PgliteOptions,
  share: Share | undefined
): Effect.fn.Return<Place, LocalDataApiError | FolderInUse, Scope.Scope> {
  const isSynced = options.durability !== "fast"
  const { describe, fill, isNew, isThere, pgdata } = yield* DataFolder.open(dataDir, {
    database: options.database,
    share,
    isSynced
  })
  if (isNew) yield* fill(yield* Snapshot.files(options.database, snapshot))
  const log: Array<string> = []
  const unclosed = yield* Unclosed
  const start = EmbeddedPostgres.start({ ...options, dataDir: pgdata, isThere, log }).pipe(
    Effect.catch(({ cause, log }) =>
      Effect.flatMap(OpenFailure.explain({ dataDir, what: "opened", cause, log }), Effect.fail)
    ),
    Effect.tap(() => describe)
  )
  return {
    isThere,
    start: Effect.suspend(() => (isThere() ? start : Effect.fail(CloseFolder.lost(dataDir)))),
    close: (pglite) =>
      Effect.provideService(CloseFolder.close(pglite, { dataDir, isThere, pgdata, log }), Unclosed, unclosed)
  }
})

const inMemory = Effect.fnUntraced(function* (
  snapshot: string | undefined,
  options: EmbeddedPostgres.PgliteOptions
): Effect.fn.Return<Place, LocalDataApiError> {
  return {
    start: Effect.mapError(
      EmbeddedPostgres.start({ ...options, archive: yield* Snapshot.shared(options.database, snapshot) }),
      (cause) =>
        new LocalDataApiError({
          message: `The database in memory can't be started: ${OpenFailure.reasonOf(cause)}`,
          cause
        })
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
  const place = yield* isMemory ? inMemory(snapshot, pgliteOptions) : inFolder(options, pgliteOptions, share)
  return yield* Pglite.sessions(place.start, { ...pgliteOptions, ...place, isMemory })
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
 * Opens the embedded database, or connects to the process that has a shared one open. See {@link layer}.
 *
 * @errors LocalDataApiError
 */
export const make = Effect.fn("LocalDataApi.make")(function* (
  given: LocalDataApiOptions
): Effect.fn.Return<DataApi["Service"], LocalDataApiError, Scope.Scope> {
  const options = { ...given, dataDir: yield* DataPlace.read(given.dataDir) }
  const { dataDir, database = Snapshot.defaultDatabase, limits, share } = options
  const api =
    share === undefined || dataDir === DataPlace.memory
      ? Engine.make(yield* sessions(options), { database, limits })
      : SharedFolder.make({
          dataDir,
          database,
          program: share.program,
          open: (asHolder) =>
            Effect.flatMap(openSessions(options, asHolder), (source) => Engine.make(source, { database, limits }))
        })
  const session = new HeldSession()
  return withOneSession(session.before(yield* api), session)
})

/**
 * Provides the `DataApi` of an embedded database.
 *
 * Parameters, result types, error messages and limits are the same as the service's. PGlite has one connection: an open
 * transaction holds it, and other calls wait for it, up to `limits.sessionWait` (10 s by default).
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

/** Options of a PostgreSQL server. */
export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=require`; requests without a database use this one. */
  readonly url: Redacted.Redacted
  /** The most connections at a time. Default 20. */
  readonly maxConnections?: number | undefined
  readonly limits?: Partial<Limits> | undefined
}

/**
 * Opens a pool on a PostgreSQL server as a source of sessions. It connects once, and fails if the server is
 * unreachable.
 *
 * @errors LocalDataApiError
 */
export const postgresSessions = Effect.fn("LocalDataApi.postgresSessions")(function* (
  options: PostgresOptions
): Effect.fn.Return<{ readonly source: SessionSource; readonly database: string }, LocalDataApiError, Scope.Scope> {
  const { address, database } = yield* Effect.mapError(
    Effect.fromResult(Postgres.parseUrl(options.url)),
    (message) => new LocalDataApiError({ message, ofServer: true })
  )
  const source = yield* Postgres.sessions({
    address,
    database,
    maxConnections: options.maxConnections ?? 20,
    limits: { ...defaultLimits, ...options.limits }
  })
  yield* Effect.mapError(
    Effect.uninterruptible(Effect.flatMap(source.lend(database), ({ end }) => end)),
    (cause) =>
      new LocalDataApiError({ message: `${cause.message}. Check the server and its URL.`, ofServer: true, cause })
  )
  return { source, database }
})

/**
 * Provides the `DataApi` on a PostgreSQL server: the same results as the embedded one, with real concurrency. A request
 * runs on the database that it names.
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
