/** The log of what `alex-db serve` and `alex-db gateway` answer. */
import { Console, Effect } from "effect"

/** Milliseconds that a line may wait: no reader notices, and a busy server writes 50 times a second at most. */
const DELAY = 20

/**
 * Writes to stderr a little later, and many lines with one write. A write right after an answer would delay the next
 * request, which has arrived by then: a client that waits for each answer would wait for the log as well.
 */
export const logWriter = Effect.gen(function* () {
  const { error } = yield* Console.Console
  const lines: Array<string> = []
  const flush = () => {
    if (lines.length > 0) error(lines.splice(0).join("\n"))
  }
  yield* Effect.addFinalizer(() => Effect.sync(flush))
  return (line: string): void => {
    if (lines.push(line) === 1) setTimeout(flush, DELAY)
  }
})
