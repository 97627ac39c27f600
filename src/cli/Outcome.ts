/** How a command ends when it does not simply succeed: a line for the person, a code for the program that called. */
import * as Data from "effect/Data"
import * as Runtime from "effect/Runtime"

/** Ends the process with a code; whatever there is to say has been said. */
export class Exit extends Data.TaggedError("Exit")<{ readonly code: number }> {
  override readonly [Runtime.errorExitCode] = this.code
  override readonly [Runtime.errorReported] = false
}

/** Looked and found wanting: verify, check, status. */
export const foundWanting = new Exit({ code: 3 })
