/**
 * Opens a data folder and writes rows into it, one statement each, until it has written enough or is killed.
 *
 * Lines on stdout, each written before anything else happens: `open`, a row's number once it was acknowledged, `rival
 * refused` or `rival opened` where it tried to open its folder once more by another path, `closing`, `closed`. A
 * refused opening is `refused` and its message.
 */
import { writeSync } from "node:fs"
import { Effect } from "effect"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import { execute, long, text } from "../local/calls.ts"

const [, , dataDir = "", snapshot = "", writer = "", rows = "0", rivalPath = ""] = process.argv

const say = (line: string) => Effect.sync(() => writeSync(1, `${line}\n`))

const open = (path: string) => LocalDataApi.layer({ dataDir: path, snapshot })

const rival = Effect.provide(Effect.void, open(rivalPath)).pipe(
  Effect.matchEffect({ onFailure: () => say("rival refused"), onSuccess: () => say("rival opened") })
)

const write = Effect.gen(function* () {
  yield* say("open")
  yield* execute("create table if not exists acknowledged (writer text, row int8)")
  for (let row = 0; row < Number(rows); row++) {
    yield* execute("insert into acknowledged values (:writer, :row)", { writer: text(writer), row: long(row) })
    yield* say(String(row))
    if (rivalPath !== "" && row % 50 === 0) yield* rival
  }
  yield* say("closing")
})

await Effect.runPromise(
  write.pipe(
    Effect.provide(open(dataDir)),
    Effect.matchEffect({ onFailure: ({ message }) => say(`refused ${message}`), onSuccess: () => say("closed") })
  )
)
