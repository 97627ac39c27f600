/**
 * Databases for tests: embedded ones, each a clone of one prepared snapshot in memory, and ones on a PostgreSQL server
 * where `TEST_POSTGRES_URL` names one.
 *
 * The snapshot is made once for a version of PGlite and kept in `node_modules/.cache`; `globalSetup.ts` hands its path
 * to the tests.
 */
import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, readFile, rename, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { Effect, Layer, Redacted } from "effect"
import { inject } from "vitest"
import { DataApi } from "../src/data-api/DataApi.ts"
import * as Snapshot from "../src/local/embedded/Snapshot.ts"
import * as LocalDataApi from "../src/local/LocalDataApi.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** The path of a snapshot of an empty database `alex`. */
    readonly snapshot: string
  }
}

const cacheFolder = new URL("../node_modules/.cache/alex-database/", import.meta.url)
const pglitePackage = new URL("../node_modules/@electric-sql/pglite/package.json", import.meta.url)

/** The path of the snapshot, which is made when it is missing. */
export const prepareSnapshot = async (): Promise<string> => {
  const { version }: { version: string } = JSON.parse(await readFile(pglitePackage, "utf8"))
  const snapshot = new URL(`pglite-${version}-shut-down.tar.br`, cacheFolder)
  if (!existsSync(snapshot)) {
    await mkdir(cacheFolder, { recursive: true })
    const partial = new URL(`${snapshot.href}.${process.pid}`)
    await writeFile(partial, await Effect.runPromise(Snapshot.make()))
    await rename(partial, snapshot)
  }
  return fileURLToPath(snapshot)
}

/** A `DataApi` on a fresh embedded database. */
export const layer = (options: Partial<LocalDataApi.LocalDataApiOptions> = {}) =>
  Layer.suspend(() => LocalDataApi.layer({ dataDir: "memory", snapshot: inject("snapshot"), ...options }))

/** The server to test on, for example `postgres://postgres@127.0.0.1:5432/postgres`. */
export const postgresUrl: string | undefined = process.env.TEST_POSTGRES_URL

/** The name of a suite that needs a PostgreSQL server, which says aloud where it has none. */
export const onPostgres = (name: string): string => {
  if (postgresUrl !== undefined) return name
  process.stderr.write(`SKIPPED: ${name} (TEST_POSTGRES_URL is not set)\n`)
  return `${name} (skipped: TEST_POSTGRES_URL is not set)`
}

/** The URL of a fresh database on the server at `url`, made with these options and dropped with the scope. */
export const freshDatabase = Effect.fnUntraced(function* (url: string, options = "") {
  const name = `test_${randomBytes(6).toString("hex")}`
  const onServer = (sql: string) =>
    Effect.flatMap(DataApi, (api) => api.executeStatement({ sql })).pipe(
      Effect.provide(LocalDataApi.layerPostgres({ url: Redacted.make(url) }))
    )
  yield* Effect.acquireRelease(onServer(`CREATE DATABASE ${name} ${options}`), () =>
    Effect.orDie(onServer(`DROP DATABASE ${name} WITH (FORCE)`))
  )
  const fresh = new URL(url)
  fresh.pathname = `/${name}`
  return Redacted.make(fresh.href)
})

/** A `DataApi` on a fresh database of the server at `url`. */
export const layerPostgres = (url: string, options: Partial<LocalDataApi.PostgresOptions> = {}) =>
  Layer.unwrap(Effect.map(freshDatabase(url), (fresh) => LocalDataApi.layerPostgres({ url: fresh, ...options })))

/** A `DataApi` on the database that the URL names. */
export const onServer = (url: string) => LocalDataApi.layerPostgres({ url: Redacted.make(url), maxConnections: 1 })
