/**
 * The command line as an effect: arguments in, exit code out. 0 done, 1 failed, 2 wrong usage, 3 a check found a
 * problem, 128 and the number of the signal that stopped it.
 */
import { constants } from "node:os"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { command } from "./commands/index.ts"
import type { Failure } from "./failure.ts"
import { presenter } from "./help/presenter.ts"
import { unknownCommand } from "./help/unknownCommand.ts"
import { EndsWhenStopped, Exit, Refused, WrongUsage } from "./Outcome.ts"
import { printJson, say } from "./output/text.ts"
import { visible } from "./output/visible.ts"
import { root } from "./root.ts"
import { version } from "./version.ts"

/** @internal Logs go to stderr as plain text, without time or fiber, for an operator to read; stdout is for results. */
export const plainLogger = Logger.withConsoleError(
  Logger.make<unknown, string>(({ logLevel, message }) => {
    const text = visible((Array.isArray(message) ? message : [message]).map(String).join(" "))
    return logLevel === "Info" ? text : `${logLevel.toLowerCase()}: ${text}`
  })
)

/** The arguments of this program: those after `--` are another's. They may be wrong, so they are not parsed. */
const ownArguments = (args: ReadonlyArray<string>): ReadonlyArray<string> =>
  args.slice(0, args.includes("--") ? args.indexOf("--") : undefined)

/** What the parser takes for false, after an equals sign or as the next argument. */
const isFalse = (text: string | undefined): boolean => /^(?:false|0|n|no|off)$/.test(text ?? "")

/** Whether the caller reads JSON: `--json`, also as `--json=true`. */
const isJson = (args: ReadonlyArray<string>): boolean => {
  const own = ownArguments(args)
  const at = own.findIndex((arg) => /^--json(?:=|$)/.test(arg))
  return at !== -1 && !isFalse(own[at] === "--json" ? own[at + 1] : own[at]?.slice("--json=".length))
}

/** Whether the caller reads JSON and did not ask for help, as a script whose command is an empty variable. */
const needsCommand = (args: ReadonlyArray<string>): boolean =>
  isJson(args) && !ownArguments(args).some((arg) => ["--help", "-h", "help"].includes(arg))

/** Prints no help where a document is expected, and none of another command than was asked for. */
const presenterFor = (
  args: ReadonlyArray<string>,
  onUnknown: (parent: ReadonlyArray<string>, name: string) => void
): CliOutput.Presenter => ({
  present: (event) => {
    if (event._tag !== "Help") return presenter.present(event)
    if (needsCommand(args)) return Effect.void
    const unknown = event.reason === "Requested" ? unknownCommand(ownArguments(args), event.helpDoc) : undefined
    if (unknown === undefined) return presenter.present(event)
    return Effect.sync(() => onUnknown(event.commandPath, unknown))
  }
})

/**
 * The flag with an empty value, which an unset variable of the shell leaves: as a path it would be the working folder,
 * and as a host every address. `--with` of `upgrade` names what to give itself.
 */
const emptyFlag = (args: ReadonlyArray<string>): string | undefined => {
  const own = ownArguments(args)
  const flags = own.flatMap((arg, index) => {
    const [, flag = "", joined] = /^(--[^=]+)(=?)$/.exec(arg) ?? []
    return flag !== "" && flag !== "--with" && (joined === "=" || own[index + 1] === "") ? [flag] : []
  })
  return flags[0]
}

/** Prints a failure: a line for the person, and with `--json` a document. */
const report = (failure: Failure, line: string, json: boolean, code: number) =>
  Effect.gen(function* () {
    yield* say(`alex-db: ${line}`)
    if (json) yield* printJson(failure)
    return yield* new Exit({ code })
  })

const wrongUsage = (problem: string, fix: string, json: boolean) =>
  report({ ok: false, code: "usage", problem, fix }, `${problem}. ${fix}`, json, 2)

const noCommand = (name: string, json: boolean) =>
  wrongUsage(`There is no command "${name}"`, `Run ${root.name} --help, which lists them`, json)

const unreached = "Failed to check path existence: "

/** A message of Effect's parser in one line, without the names of its functions. */
const plain = (message: string): string => {
  const [line = "", why] = message.replaceAll(/\s+/g, " ").split(unreached, 2)
  return why === undefined ? line.replace(/[.?]$/, "") : `${line}a path that can be reached`
}

/** A command that only has subcommands ends in its help, without an error, unless a document is expected. */
const notParsed = ({ commandPath, errors }: CliError.ShowHelp, args: ReadonlyArray<string>) => {
  const help = `Run ${[...commandPath, "--help"].join(" ")}`
  if (errors.length > 0) return wrongUsage(errors.map(({ message }) => plain(message)).join("; "), help, isJson(args))
  if (!needsCommand(args)) return Effect.void
  return wrongUsage(`${commandPath.join(" ")} needs a command`, `${help}, which lists them`, true)
}

const failed = (error: unknown, json: boolean) =>
  Effect.flatMap(
    Effect.promise(() => import("./failure.ts")),
    ({ failureOf, lineOf }) => {
      const failure = failureOf(error)
      return report(failure, lineOf(failure), json, error instanceof Refused ? (error.exit ?? 1) : 1)
    }
  )

const stopped = (signal: NodeJS.Signals, json: boolean) => {
  const problem = `Stopped by ${signal}; open transactions were rolled back`
  const fix = "A statement that ran outside a transaction may have taken effect: check before you run it again"
  return report(
    { ok: false, code: "stopped", problem, fix },
    `${problem}. ${fix}`,
    json,
    128 + constants.signals[signal]
  )
}

/** Interrupts alone mean that a signal stopped the command or a prompt was left; all else is a failure. */
const outcome = (cause: Cause.Cause<unknown>, signal: NodeJS.Signals | undefined, args: ReadonlyArray<string>) => {
  const json = isJson(args)
  if (Cause.hasInterruptsOnly(cause)) return stopped(signal ?? "SIGINT", json)
  const error = Cause.squash(cause)
  if (error instanceof Exit) return Effect.fail(error)
  if (CliError.isCliError(error) && error._tag === "ShowHelp") return notParsed(error, args)
  if (error instanceof WrongUsage) return wrongUsage(error.problem, error.fix, json)
  return failed(error, json)
}

/**
 * Runs the command line with these arguments; fails with `Exit` unless all went well.
 *
 * @param signal Waits for the signal that stops the command.
 */
export const run = (
  args: ReadonlyArray<string>,
  signal: Effect.Effect<NodeJS.Signals> = Effect.never
): Effect.Effect<void, Exit> =>
  Effect.gen(function* () {
    const empty = emptyFlag(args)
    if (empty !== undefined)
      return yield* wrongUsage(`The value of ${empty} is empty`, "Give one, or leave the flag out", isJson(args))
    let received: NodeJS.Signals | undefined
    const ends = { current: false }
    const { Unclosed } = yield* Effect.promise(() => import("../local/folder/Unclosed.ts"))
    let isUnclosed = false
    let unknown: string | undefined
    const onUnknown = (parent: ReadonlyArray<string>, name: string) => {
      unknown = [...parent.slice(1), name].join(" ")
    }
    // The command's work is done by then; only closing the folder failed.
    const tellUnclosed = ({ message }: { readonly message: string }) => {
      isUnclosed = true
      return say(`alex-db: ${message}`)
    }
    const running = yield* Effect.forkChild(
      Command.runWith(command, { version: version() })(args).pipe(
        Effect.provideService(CliOutput.Presenter, presenterFor(args, onUnknown)),
        Effect.provideService(EndsWhenStopped, ends),
        Effect.provideService(Unclosed, tellUnclosed)
      )
    )
    yield* Effect.forkChild(
      Effect.flatMap(signal, (name) => {
        // The command finishes its work, although nobody reads its output.
        if (name === "SIGPIPE" && !ends.current) return Effect.void
        received = name
        return Fiber.interrupt(running)
      })
    )
    const exit = yield* Fiber.await(running)
    const isDone = exit._tag === "Success" || (ends.current && Cause.hasInterruptsOnly(exit.cause))
    if (!isDone) yield* outcome(exit.cause, received, args)
    if (unknown !== undefined) return yield* noCommand(unknown, isJson(args))
    if (isUnclosed) return yield* new Exit({ code: 1 })
  }).pipe(Effect.provide([NodeServices.layer, Logger.layer([plainLogger])]))
