/** Runs the command line of this process: its signals, its output, its exit code. */
import { enableCompileCache } from "node:module"
import { setInterval } from "node:timers"

// A third of the time to the first line goes into compiling modules; the cache must be on before they are loaded.
enableCompileCache()
const [{ run }, { make }, Effect, { Console }] = await Promise.all([
  import("./run.ts"),
  import("./output/Output.ts"),
  import("effect/Effect"),
  import("effect/Console")
])

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const

/** The first signal stops the command; a second one ends the process at once, as it would without a listener. */
const signal = Effect.callback<NodeJS.Signals>((resume) => {
  const stop = (received: NodeJS.Signals) => {
    for (const one of signals) process.removeListener(one, stop)
    resume(Effect.succeed(received))
  }
  for (const one of signals) process.on(one, stop)
  // A server whose reader is gone has no client left.
  process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") resume(Effect.succeed("SIGPIPE"))
  })
})

const output = make(process.stdout, process.stderr)
// Nothing else keeps the process alive while a command waits.
const awake = setInterval(() => {}, 2 ** 31 - 1)
const code = await Effect.runPromise(
  run(process.argv.slice(2), signal).pipe(
    Effect.match({ onFailure: (exit) => exit.code, onSuccess: () => 0 }),
    Effect.provideService(Console, output.console)
  )
)
clearInterval(awake)
const unwritten = await output.settled()
if (unwritten !== undefined) {
  output.console.error(`alex-db: the output could not be written (${unwritten.message}). Make room, or write elsewhere`)
  await output.settled()
}
process.exit(unwritten !== undefined && code === 0 ? 1 : code)
