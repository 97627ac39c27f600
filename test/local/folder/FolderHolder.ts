/** Holds the data folder given as its first argument, for guests too, until it is killed or its input ends. */
import { once } from "node:events"
import { Effect } from "effect"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"

const [, , dataDir = "", snapshot = ""] = process.argv

await Effect.runPromise(
  Effect.gen(function* () {
    yield* Effect.sync(() => process.stdout.write("open\n"))
    yield* Effect.promise(() => once(process.stdin.resume(), "end"))
  }).pipe(Effect.provide(LocalDataApi.layer({ dataDir, snapshot, share: { program: "test holder" } })))
)
