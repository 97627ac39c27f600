/** Runs a command in this process, until it ends or a signal stops it. */
import { setInterval, setTimeout } from "node:timers"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { SignalsOfProgram } from "./Outcome.ts"
import { run } from "./run.ts"

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const

/**
 * How long signals count as the first one, in milliseconds: a terminal that closes sends SIGHUP from the shell and from
 * the kernel, and npm passes on the SIGINT that the terminal sent to both.
 */
const sameSignal = 1000

const ofProgram = { current: false }

/** The first signal stops the command; a later one ends the process at once, as it would without a listener. */
const signal = Effect.callback<NodeJS.Signals>((resume) => {
  const stop = (received: NodeJS.Signals) => {
    if (ofProgram.current) return
    resume(Effect.succeed(received))
    setTimeout(() => {
      for (const one of signals) process.removeListener(one, stop)
    }, sameSignal)
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
      Effect.provideService(SignalsOfProgram, ofProgram),
      Effect.provideService(Console.Console, console)
    )
  )
  clearInterval(awake)
  return code
}
