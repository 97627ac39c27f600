/**
 * The files of an empty database, from which new ones start.
 *
 * Initialising PostgreSQL takes PGlite 2 s of CPU time, unpacking the result 0.4 s. So the package contains a snapshot
 * (1.2 MB as Brotli, written by `WriteSnapshot.ts` when the package is built). Without it a database is initialised.
 */

import { readFile, stat } from "node:fs/promises"
import { promisify } from "node:util"
import { brotliCompress, brotliDecompress, constants } from "node:zlib"
import type { PGlite } from "@electric-sql/pglite"
import { Effect, Option, Predicate } from "effect"
import { quotedName } from "../../data-api/statement/Quoting.ts"
import { defaultLimits } from "../EngineLimits.ts"
import * as OpenFailure from "../folder/OpenFailure.ts"
import { postgresMajor } from "../folder/OtherVersion.ts"
import { LocalDataApiError } from "../LocalDataApiError.ts"
import * as EmbeddedPostgres from "./EmbeddedPostgres.ts"

/** The name of the database in a snapshot, and the default name of a new one. */
export const defaultDatabase = "alex"

/**
 * The package's snapshot; the path is the same from `src` and from `dist`. Undefined in a CommonJS bundle, which does
 * not know its own location.
 */
export const packaged = (): URL | undefined =>
  URL.parse(`../../../dist/local/embedded/postgres-${postgresMajor}.tar.br`, import.meta.url) ?? undefined

/** At least the size of an archive, in bytes: with a single chunk, unpacking takes a third of the time. */
const archiveSize = 32 * 1024 * 1024

const failed = (message: string) => (cause: unknown) => new LocalDataApiError({ message, cause })

/** Uses a database in memory, shuts it down, and returns its files as a tar archive. */
export const archived = Effect.fnUntraced(function* <E>(
  options: { readonly database: string; readonly archive: Uint8Array<ArrayBuffer> | undefined },
  use: (pglite: PGlite) => Effect.Effect<unknown, E>
) {
  let archive: Uint8Array<ArrayBuffer> | undefined
  const onClosed = (bytes: Uint8Array<ArrayBuffer>) => {
    archive = bytes
  }
  yield* EmbeddedPostgres.open({ ...options, dataDir: undefined, limits: defaultLimits, onClosed }).pipe(
    Effect.flatMap(use),
    Effect.scoped
  )
  if (archive !== undefined) return archive
  return yield* new EmbeddedPostgres.PgliteFailed({ cause: "The database did not shut down." })
})

/** A tar archive of PostgreSQL's data folder, new or from a snapshot, with a database of the wanted name. */
const archive = (
  database: string,
  start: { readonly name: string; readonly snapshot: Uint8Array<ArrayBuffer> | undefined }
) =>
  archived({ database: "template1", archive: start.snapshot }, (pglite) =>
    database === start.name
      ? Effect.void
      : Effect.tryPromise({
          // Renamed, because a second database would take 8 MB more.
          try: () => pglite.exec(`ALTER DATABASE ${start.name} RENAME TO ${quotedName(database)}`),
          catch: (cause) => new EmbeddedPostgres.PgliteFailed({ cause })
        })
  ).pipe(
    Effect.mapError((cause) => failed(`A new database can't be initialised: ${OpenFailure.reasonOf(cause)}`)(cause))
  )

/** Compresses a tar archive for {@link files}. */
export const compress = (archive: Uint8Array) => {
  // A quality above 9 does not reduce the size; the window is large enough for the copies of the catalogue.
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 24 }
  return Effect.promise(() => promisify(brotliCompress)(archive, { params }))
}

/** Initialises an empty database, as compressed bytes for {@link files}. */
export const make = Effect.fn("Snapshot.make")(function* () {
  return yield* compress(yield* archive(defaultDatabase, { name: "postgres", snapshot: undefined }))
})

/** Reads a snapshot; `None` if there is no such file. */
const read = Effect.fnUntraced(function* (
  path: string | URL | undefined
): Effect.fn.Return<Option.Option<Uint8Array<ArrayBuffer>>, LocalDataApiError> {
  if (path === undefined) return Option.none()
  const compressed = yield* Effect.tryPromise({
    try: () => readFile(path),
    catch: failed(`The snapshot ${path} can't be read. See the cause.`)
  }).pipe(
    Effect.asSome,
    Effect.catchIf(
      ({ cause }) => Predicate.hasProperty(cause, "code") && cause.code === "ENOENT",
      () => Effect.succeedNone
    )
  )
  if (Option.isNone(compressed)) return Option.none()
  const bytes = yield* Effect.tryPromise({
    try: () => promisify(brotliDecompress)(compressed.value, { chunkSize: archiveSize }),
    catch: failed(`The snapshot ${path} can't be unpacked. Install the package again, or see the cause.`)
  })
  return Option.some(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
})

/** The files for a new database, as a tar archive: from the snapshot at `path`, from the package's, or initialised. */
export const files = Effect.fnUntraced(function* (
  database: string,
  path: string | undefined
): Effect.fn.Return<Uint8Array<ArrayBuffer>, LocalDataApiError> {
  const snapshot = yield* read(path ?? packaged())
  if (Option.isNone(snapshot)) {
    if (path !== undefined) return yield* new LocalDataApiError({ message: `There is no snapshot ${path}.` })
    return yield* archive(database, { name: "postgres", snapshot: undefined })
  }
  return database === defaultDatabase
    ? snapshot.value
    : yield* archive(database, { name: defaultDatabase, snapshot: snapshot.value })
})

/** What {@link shared} has unpacked last. */
let last: { readonly key: string; readonly archive: Uint8Array<ArrayBuffer> } | undefined

/**
 * Like {@link files}, for databases that don't change the archive. It stays in memory (31 MB) for the next one, because
 * unpacking it takes as much CPU time as the rest of a start.
 */
export const shared = Effect.fnUntraced(function* (
  database: string,
  path: string | undefined
): Effect.fn.Return<Uint8Array<ArrayBuffer>, LocalDataApiError> {
  const file = path ?? packaged()
  const found = file && (yield* Effect.promise(() => stat(file).catch(() => undefined)))
  if (!found) return yield* files(database, path)
  const key = [database, file, found.mtimeMs, found.size].join()
  if (last?.key === key) return last.archive
  const archive = yield* files(database, path)
  last = { key, archive }
  return archive
})
