/** How a command ends when it does not simply succeed: a code for the program that called, words for the person. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"

/** Ends the process with a code; whatever there is to say has been said. */
export class Exit extends Data.TaggedError("Exit")<{ readonly code: number }> {}

/** A check found a problem: verify, check, status. */
export const problemFound = new Exit({ code: 3 })

/** Whether to be stopped is how the command ends well, as it is for a server: exit 0. */
export class EndsWhenStopped extends Context.Reference<{ current: boolean }>("alex-database/cli/EndsWhenStopped", {
  defaultValue: () => ({ current: false })
}) {}

/** What was asked for can't be done as it was asked for. */
export class Refused extends Data.TaggedError("Refused")<{
  /** Names the case for programs. */
  readonly code: string
  /** What is wrong, one sentence without its full stop. */
  readonly problem: string
  /** What to do, one sentence without its full stop. */
  readonly fix: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.problem}. ${this.fix}.`
  }
}

/** An argument that only the command itself can judge is wrong: exit 2. */
export class WrongUsage extends Data.TaggedError("WrongUsage")<{ readonly problem: string; readonly fix: string }> {}
