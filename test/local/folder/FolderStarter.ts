/**
 * Takes the lock of data folders on demand, as a process or as a thread.
 *
 * A process reads commands from stdin and answers on stdout, a line each; a thread by messages. `take PATH` answers
 * `held`, or `not` and why; `drop` gives the lock back and answers `dropped`.
 */
import { createInterface } from "node:readline"
import { parentPort } from "node:worker_threads"
import { Effect, Exit, Scope } from "effect"
import * as FolderLock from "../../../src/local/folder/FolderLock.ts"

let open = Scope.makeUnsafe()

const answer = async (line: string): Promise<string> => {
  if (line === "drop") {
    await Effect.runPromise(Scope.close(open, Exit.void))
    return "dropped"
  }
  open = Scope.makeUnsafe()
  return Effect.runPromise(
    FolderLock.take(line.slice("take ".length)).pipe(
      Scope.provide(open),
      Effect.match({ onFailure: ({ why }) => `not ${why}`, onSuccess: () => "held" })
    )
  )
}

if (parentPort === null) {
  createInterface(process.stdin).on("line", async (line) => process.stdout.write(`${await answer(line)}\n`))
  process.stdout.write("ready\n")
} else {
  const port = parentPort
  port.on("message", async (line: string) => port.postMessage(await answer(line)))
  port.postMessage("ready")
}
