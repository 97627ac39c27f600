/**
 * Detects that an embedded PostgreSQL has stopped.
 *
 * PostgreSQL's own errors leave WebAssembly as an exception that PGlite expects. Any other exception is a trap: a stack
 * overflow, memory out of bounds, a function that does not exist. PGlite catches traps as well and continues with
 * memory in an undefined state, without a response or in an endless loop. So a trap is detected here, and fails the
 * call.
 */
import type { PGlite } from "@electric-sql/pglite"
import { Predicate } from "effect"
import { breakOnSigint } from "./SigintBreak.ts"

/** The status of PostgreSQL's own errors in PGlite. */
const ownError = 100

const isOwnError = (cause: unknown): boolean => Predicate.hasProperty(cause, "status") && cause.status === ownError

/** Makes each call of this PGlite fail with its trap, also with SIGINT if `breaksOnSigint`. */
export const failOnTrap = (pglite: PGlite, breaksOnSigint: boolean): void => {
  const module = pglite.Module
  const { _PostgresMainLoopOnce, stackRestore } = module
  const loopOnce = breaksOnSigint ? breakOnSigint(_PostgresMainLoopOnce) : _PostgresMainLoopOnce
  let trap: { readonly cause: unknown } | undefined
  module._PostgresMainLoopOnce = () => {
    try {
      loopOnce()
    } catch (cause) {
      if (!isOwnError(cause)) trap = { cause }
      throw cause
    }
  }
  // PGlite calls this after it has caught an exception, and does not catch what this throws.
  module.stackRestore = (pointer) => {
    const restored = stackRestore(pointer)
    if (trap !== undefined) throw trap.cause
    return restored
  }
}
