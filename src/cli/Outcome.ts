/** How a command ends if it does not succeed: an exit code for the calling program, a message for the person. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"

/** Ends the process with this exit code; the message was printed before. */
export class Exit extends Data.TaggedError("Exit")<{ readonly code: number }> {}

/** A check found a problem: verify, check, status. */
export const problemFound = new Exit({ code: 3 })

/** Whether a signal is the normal end of the command, as of a server: exit 0. */
export class EndsWhenStopped extends Context.Reference<{ current: boolean }>("alex-database/cli/EndsWhenStopped", {
  defaultValue: () => ({ current: false })
}) {}

/** Whether signals are left to a program that the command runs, whose exit code is the command's. */
export class SignalsOfProgram extends Context.Reference<{ current: boolean }>("alex-database/cli/SignalsOfProgram", {
  defaultValue: () => ({ current: false })
}) {}

/** The command can't do what it was asked to do: exit 1, or 3 where a check found out why. */
export class Refused extends Data.TaggedError("Refused")<{
  /** Names the case for programs. */
  readonly code: string
  /** What is wrong, one sentence without its full stop. */
  readonly problem: string
  /** What to do, one sentence without its full stop. */
  readonly fix: string
  readonly exit?: 3
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.problem}. ${this.fix}.`
  }
}

/** An argument that only the command itself can judge is wrong: exit 2. */
export class WrongUsage extends Data.TaggedError("WrongUsage")<{ readonly problem: string; readonly fix: string }> {}
