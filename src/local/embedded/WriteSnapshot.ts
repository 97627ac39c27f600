/** Run when the package is built: writes the snapshot that new embedded databases start from. */
import { mkdir, writeFile } from "node:fs/promises"
import { Effect } from "effect"
import * as Snapshot from "./Snapshot.ts"

if (import.meta.main) {
  await mkdir(new URL(".", Snapshot.packaged), { recursive: true })
  await writeFile(Snapshot.packaged, await Effect.runPromise(Snapshot.make()))
}
