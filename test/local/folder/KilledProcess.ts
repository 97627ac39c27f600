/** Writes to the data folder given as its first argument, and is killed without having closed it. */
import { Effect } from "effect"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { execute } from "../calls.ts"

const [, , dataDir = "", snapshot = ""] = process.argv

await Effect.runPromise(
  Effect.gen(function* () {
    yield* execute("create table written (id int)")
    for (let row = 0; row < 500; row++) yield* execute("insert into written values (1)")
    process.kill(process.pid, "SIGKILL")
  }).pipe(Effect.provide(LocalDataApi.layer({ dataDir, snapshot, durability: "fast" })))
)
