/** Runs a command in this process, until it ends or a signal stops it. */
import { setInterval } from "node:timers"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { run } from "./run.ts"

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const

/** The first signal stops the command; a second one ends the process at once, as it would without a listener. */
const signal = Effect.callback<NodeJS.Signals>((resume) => {
  const stop = (received: NodeJS.Signals) => {
    for (const one of signals) process.removeListener(one, stop)
    resume(Effect.succeed(received))
  }
  for (const one of signals) process.on(one, stop)
  // When nobody reads a server's output any more, its client is gone.
  process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") resume(Effect.succeed("SIGPIPE"))
  })
})

/** Resolves with the exit code. */
export const runHere = async (args: ReadonlyArray<string>, console: Console.Console): Promise<number> => {
  // Nothing else keeps the process alive while a command waits.
  const awake = setInterval(() => {}, 2 ** 31 - 1)
  const code = await Effect.runPromise(
    run(args, signal).pipe(
      Effect.match({ onFailure: (exit) => exit.code, onSuccess: () => 0 }),
      Effect.provideService(Console.Console, console)
    )
  )
  clearInterval(awake)
  return code
}
