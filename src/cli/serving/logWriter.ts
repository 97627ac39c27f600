/** The log of `alex-db serve`'s requests. */
import { Console, Effect } from "effect"

/**
 * Writes to stderr, with one write for the lines of one turn of the event loop: a write costs more than a small
 * statement.
 */
export const logWriter = Effect.gen(function* () {
  const { error } = yield* Console.Console
  const lines: Array<string> = []
  const flush = () => {
    if (lines.length > 0) error(lines.splice(0).join("\n"))
  }
  yield* Effect.addFinalizer(() => Effect.sync(flush))
  return (line: string): void => {
    if (lines.push(line) === 1) setImmediate(flush)
  }
})
