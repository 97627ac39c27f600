/** Run when the package is built: writes the snapshot that new embedded databases start from. */
import { mkdir, writeFile } from "node:fs/promises"
import { Effect } from "effect"
import * as Snapshot from "./Snapshot.ts"

const path = Snapshot.packaged()
if (import.meta.main && path !== undefined) {
  await mkdir(new URL(".", path), { recursive: true })
  await writeFile(path, await Effect.runPromise(Snapshot.make()))
}
