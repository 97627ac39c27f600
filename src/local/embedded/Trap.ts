/**
 * How the end of an embedded PostgreSQL is noticed.
 *
 * PostgreSQL's own errors leave WebAssembly as an exception that PGlite expects. Every other one is a trap: the end of
 * the stack, memory out of bounds, a call that does not exist. PGlite catches those as well and goes on, without an
 * answer or for ever, on memory in an undefined state. So a trap is noticed here, and ends the call.
 */
import type { PGlite } from "@electric-sql/pglite"
import { Predicate } from "effect"
import { breakOnSigint } from "./SigintBreak.ts"

/** PGlite's status of PostgreSQL's own errors. */
const ownError = 100

const isOwnError = (cause: unknown): boolean => Predicate.hasProperty(cause, "status") && cause.status === ownError

/** Makes each call of this PGlite fail with the trap that ended it, which may be SIGINT where that is to break it off. */
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
  // PGlite calls this when it has caught an exception, and lets through what it throws itself.
  module.stackRestore = (pointer) => {
    const restored = stackRestore(pointer)
    if (trap !== undefined) throw trap.cause
    return restored
  }
}
