/** Shows how far an operation is, on stderr, once it has run for a second. */
import { Clock, Effect, Exit, Layer } from "effect"
import { TerminalCapabilities } from "effect/cli"
import { Progress, type Step } from "../../operations/Progress.ts"
import { say } from "./text.ts"
import { visible } from "./visible.ts"

/** Shorter operations show nothing. */
const patienceMs = 1000

/** Without a terminal, where lines can't be redrawn, at most one line is printed in this time. */
const plainEveryMs = 1000

/** A step that takes longer than this is shown again, with its seconds: on a terminal, and elsewhere. */
const lastingMs = { redrawn: 2000, plain: 10_000 }

const textOf = ({ done, operation, text, total }: Step) =>
  visible(total > 0 ? `${operation} ${done + 1}/${total} ${text}` : `${operation} ${text}`)

const barOf = ({ done, total }: Step) => {
  if (total <= 0) return ""
  const filled = Math.round((Math.min(done, total) / total) * 20)
  return `[${"█".repeat(filled)}${"░".repeat(20 - filled)}] `
}

/**
 * On a terminal, one line that is redrawn, and removed at the end; elsewhere plain lines. An interrupt prints the last
 * step.
 */
export const layer: Layer.Layer<never> = Layer.effect(
  Progress,
  Effect.gen(function* () {
    const { canAnimate } = yield* TerminalCapabilities.TerminalCapabilities
    const redraw = canAnimate && process.stderr.isTTY === true
    const began = yield* Clock.currentTimeMillis
    let shown = 0
    let last: { readonly step: Step; readonly since: number } | undefined
    const show = (step: Step, now: number, lasting = "") => {
      shown = now
      if (!redraw) return say(`${textOf(step)}${lasting}`)
      const room = (process.stderr.columns ?? 80) - 1 - lasting.length
      const line = `${barOf(step)}${textOf(step)}`.slice(0, room) + lasting
      return Effect.sync(() => process.stderr.write(`\r\u001b[2K${line}`))
    }
    const showLasting = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const quiet = redraw ? lastingMs.redrawn : lastingMs.plain
      if (last === undefined || now - last.since < quiet || (!redraw && now - shown < quiet)) return
      yield* show(last.step, now, ` (${Math.round((now - last.since) / 1000)} s)`)
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 second"), showLasting)))
    yield* Effect.addFinalizer((exit) =>
      Effect.gen(function* () {
        if (redraw && shown > 0) process.stderr.write("\r\u001b[2K")
        if (Exit.hasInterrupts(exit) && last !== undefined) yield* say(`Stopped at: ${textOf(last.step)}`)
      })
    )
    return (step: Step) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        last = { step, since: now }
        if (now - began < patienceMs || (!redraw && now - shown < plainEveryMs)) return
        yield* show(step, now)
      })
  })
)
