/** Writes the snapshot from which new embedded databases start. It runs when the package is built. */
import { mkdir, writeFile } from "node:fs/promises"
import { Effect } from "effect"
import * as Snapshot from "./Snapshot.ts"

const path = Snapshot.packaged()
if (import.meta.main && path !== undefined) {
  await mkdir(new URL(".", path), { recursive: true })
  await writeFile(path, await Effect.runPromise(Snapshot.make()))
}
