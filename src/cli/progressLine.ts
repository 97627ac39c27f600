/** Shows how far an operation is, on stderr, once it has run for a second. */
import { Clock, Console, Effect, Layer } from "effect"
import { TerminalCapabilities } from "effect/cli"
import { Progress, type Step } from "../operations/Progress.ts"

/** Shorter operations show nothing. */
const patienceMs = 1000

/** On no terminal, where lines can't be redrawn, at most one line in this time. */
const plainEveryMs = 1000

const textOf = ({ done, operation, text, total }: Step) =>
  total > 0 ? `${operation} ${done + 1}/${total} ${text}` : `${operation} ${text}`

const barOf = ({ done, total }: Step) => {
  if (total <= 0) return ""
  const filled = Math.round((Math.min(done, total) / total) * 20)
  return `[${"█".repeat(filled)}${"░".repeat(20 - filled)}] `
}

/** On a terminal one line that is redrawn and wiped at the end; elsewhere plain lines. */
export const layer: Layer.Layer<never> = Layer.effect(
  Progress,
  Effect.gen(function* () {
    const { canAnimate } = yield* TerminalCapabilities.TerminalCapabilities
    const redraw = canAnimate && process.stderr.isTTY === true
    const began = yield* Clock.currentTimeMillis
    let shown = 0
    const wipe = Effect.sync(() => {
      if (redraw && shown > 0) process.stderr.write("\r\u001b[2K")
    })
    yield* Effect.addFinalizer(() => wipe)
    return (step: Step) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        if (now - began < patienceMs) return
        if (redraw) {
          const line = `${barOf(step)}${textOf(step)}`.slice(0, (process.stderr.columns ?? 80) - 1)
          process.stderr.write(`\r\u001b[2K${line}`)
        } else if (now - shown >= plainEveryMs) {
          yield* Console.error(textOf(step))
        } else return
        shown = now
      })
  })
)
