/**
 * The command line as an effect: arguments in, exit code out. 0 done, 1 failed, 2 wrong usage, 3 looked and found
 * wanting.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { command } from "./commands.ts"
import { Exit } from "./Outcome.ts"
import { version } from "./version.ts"

/** What an operator reads goes to stderr as it is, without time, level or fiber; stdout is for results. */
const plainLogger = Logger.withConsoleError(
  Logger.make<unknown, string>(({ logLevel, message }) => {
    const text = (Array.isArray(message) ? message : [message]).map(String).join(" ")
    return logLevel === "Info" ? text : `${logLevel.toLowerCase()}: ${text}`
  })
)

/** Help has been printed already; what was wrong with the arguments is said below it. */
const usage = ({ errors }: CliError.ShowHelp) =>
  errors.length === 0
    ? Effect.void
    : Effect.andThen(
        Console.error(errors.map(({ message }) => `alex-db: ${message}`).join("\n")),
        Effect.fail(new Exit({ code: 2 }))
      )

const failed = (error: unknown) =>
  Effect.promise(() => import("./failure.ts")).pipe(
    Effect.flatMap(({ lineOf }) => Console.error(`alex-db: ${lineOf(error)}`)),
    Effect.andThen(Effect.fail(new Exit({ code: 1 })))
  )

const outcome = (cause: Cause.Cause<unknown>): Effect.Effect<void, Exit> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
  const error = Cause.squash(cause)
  if (error instanceof Exit) return Effect.fail(error)
  if (CliError.isCliError(error) && error._tag === "ShowHelp") return usage(error)
  return failed(error)
}

const stopped = Console.error("alex-db: stopped; what a transaction had begun was rolled back")

/** Runs the command line with these arguments; fails with `Exit` unless all went well. */
export const run = (args: ReadonlyArray<string>): Effect.Effect<void, Exit> =>
  Command.runWith(command, { version: version(), renderErrors: false })(args).pipe(
    Effect.onInterrupt(() => stopped),
    Effect.catchCause(outcome),
    Effect.provide([NodeServices.layer, Logger.layer([plainLogger])])
  )
