/** Commits to a data folder between two lines on its output; for those who watch its system calls. */
import { writeSync } from "node:fs"
import { Effect } from "effect"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { execute } from "../../local/calls.ts"

const [, , dataDir = "", snapshot = "", durability = "", commits = ""] = process.argv

await Effect.runPromise(
  Effect.gen(function* () {
    yield* execute("create table committed (id int primary key)")
    writeSync(1, "FIRST COMMIT\n")
    for (let id = 0; id < Number(commits); id++) yield* execute(`insert into committed values (${id})`)
    writeSync(1, "LAST COMMIT\n")
  }).pipe(
    Effect.provide(LocalDataApi.layer({ dataDir, snapshot, durability: durability === "fast" ? "fast" : "full" }))
  )
)
