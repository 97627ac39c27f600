/**
 * The migrated and seeded database that `DbLayer.layerTest` starts from, made when the package is built.
 *
 * Its name holds a hash of the migrations and seeds, so that a snapshot of other ones is never used.
 */
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { mkdir, rename, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { DataApi } from "./data-api/DataApi.ts"
import * as DataApiSql from "./data-api/sql/DataApiSql.ts"
import * as FilledSnapshot from "./local/embedded/FilledSnapshot.ts"
import { migrate } from "./operations/migrate/Migrate.ts"
import { seed } from "./operations/seed/Seed.ts"

/** The folders that the snapshot is made from. */
const sources = (): ReadonlyArray<URL> =>
  ["../migrations/", "../seeds/"].map((folder) => new URL(folder, import.meta.url))

const hashed = (): string => {
  const hash = createHash("sha256")
  for (const folder of sources()) {
    for (const file of readdirSync(folder).sort()) hash.update(file).update(readFileSync(new URL(file, folder)))
  }
  return hash.digest("hex").slice(0, 16)
}

const location = (): string => fileURLToPath(new URL(`../dist/test-database-${hashed()}.tar.br`, import.meta.url))

/** Migrates and seeds a database, and makes the snapshot of it. */
const make = FilledSnapshot.make((api) =>
  Effect.andThen(migrate({ packed: true }), seed()).pipe(
    Effect.provide(
      Layer.merge(DataApiSql.layer().pipe(Layer.provide(Layer.succeed(DataApi, api))), NodeFileSystem.layer)
    )
  )
)

const write = Effect.fnUntraced(function* (path: string) {
  const bytes = yield* make
  yield* Effect.promise(async () => {
    await mkdir(new URL("../dist/", import.meta.url), { recursive: true })
    // Tests of several processes may make it at the same time: each finds it whole or not at all.
    const partial = `${path}.${process.pid}`
    await writeFile(partial, bytes)
    await rename(partial, path)
  })
})

/** The path of the snapshot; `undefined` if the package was not built with these migrations. */
export const built: Effect.Effect<string | undefined> = Effect.sync(() => {
  const found = location()
  return existsSync(found) ? found : undefined
})

/** The path of the snapshot; makes it first if the package was not built with these migrations. */
export const path = Effect.fn("TestSnapshot.path")(function* () {
  const found = location()
  if (!existsSync(found)) yield* write(found)
  return found
})
