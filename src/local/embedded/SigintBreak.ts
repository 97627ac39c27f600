/**
 * Lets SIGINT break off what holds the thread. A listener of the signal can't run before that, and the signal's own
 * effect, the end of the process, is off as long as there is a listener.
 *
 * Node's `vm` has a thread of its own for this, which is started for each call: 30 to 120 µs.
 */
import { Script } from "node:vm"
import { Predicate } from "effect"

/** Where the script finds what it is to call. */
const held = Symbol.for("alex-database/local/held")

const isBroken = (cause: unknown): boolean =>
  Predicate.hasProperty(cause, "code") && cause.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED"

/** The same call, which SIGINT makes throw; the listeners of the signal have been called by then. */
export const breakOnSigint = (call: () => void): (() => void) => {
  const script = new Script(`globalThis[Symbol.for("${held.description}")]()`)
  return () => {
    Object.assign(globalThis, { [held]: call })
    try {
      script.runInThisContext({ breakOnSigint: true })
    } catch (cause) {
      if (isBroken(cause)) process.emit("SIGINT", "SIGINT")
      throw cause
    }
  }
}
