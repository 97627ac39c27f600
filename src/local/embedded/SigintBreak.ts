/**
 * Lets SIGINT interrupt a call that blocks the thread. A listener of the signal can't run during the call, and with a
 * listener the signal does not end the process.
 *
 * Node's `vm` starts a thread for this on each call, which takes 30 to 120 µs.
 */
import { Script } from "node:vm"
import { Predicate } from "effect"

/** The global in which the script finds the function to call. */
const held = Symbol.for("alex-database/local/held")

const isBroken = (cause: unknown): boolean =>
  Predicate.hasProperty(cause, "code") && cause.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED"

/** Returns the same call, but SIGINT makes it throw, after the listeners of the signal were called. */
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
