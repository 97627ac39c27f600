/** Opens the data folder given as its first argument, and prints how many rows its table `kept` has, or why it can't. */
import { Effect } from "effect"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { execute, scalar } from "../calls.ts"

const [, , dataDir = "", snapshot = ""] = process.argv

const message = await Effect.runPromise(
  Effect.gen(function* () {
    yield* execute("create table if not exists kept (id int)")
    return JSON.stringify(yield* scalar("select count(*) from kept"))
  }).pipe(
    Effect.provide(LocalDataApi.layer({ dataDir, snapshot, durability: "fast" })),
    Effect.catch((error) => Effect.succeed(error.message))
  )
)
process.stdout.write(`${message}\n`)
