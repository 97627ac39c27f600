/**
 * What the built command line answers before anything else is loaded: its version, and the help that the build wrote.
 *
 * Other arguments, and runs from the sources, go to the whole command line, which prints the same help.
 */
import { existsSync, readFileSync } from "node:fs"
import { styleOf } from "../output/style.ts"
import { version } from "../version.ts"
import { columns, type Help, helpText } from "./helpText.ts"

/** Where the build writes the help of all commands. */
const written = new URL("../help.json", import.meta.url)

const isSet = (text: string | undefined): boolean => text !== undefined && text !== ""

const isOn = (text: string | undefined): boolean => isSet(text) && text !== "0" && text?.toLowerCase() !== "false"

/** @internal By the same variables as `effect/cli/TerminalCapabilities`. */
export const canColor = ({ FORCE_COLOR, NO_COLOR, TERM }: NodeJS.ProcessEnv): boolean =>
  TERM !== "dumb" && !isSet(NO_COLOR) && (isOn(FORCE_COLOR) || process.stdout.isTTY === true)

/** The command whose help is all that the arguments ask for. */
const asked = (args: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
  if (args.length === 0) return args
  if (["--help", "-h"].includes(args.at(-1) ?? "")) return args.slice(0, -1)
  return args[0] === "help" && args[1] !== "help" ? args.slice(1) : undefined
}

/** The text to print, if it is known. */
export const answerOf = (args: ReadonlyArray<string>, file: URL = written): string | undefined => {
  if (!existsSync(file)) return undefined
  if (args.length === 1 && ["--version", "-v", "version"].includes(args[0] ?? "")) return `alex-db v${version()}`
  const path = asked(args)
  if (path === undefined) return undefined
  const all: Readonly<Record<string, Help | undefined>> = JSON.parse(readFileSync(file, "utf8"))
  const help = Object.hasOwn(all, path.join(" ")) ? all[path.join(" ")] : undefined
  return help && helpText(help, { width: columns(), marks: styleOf(canColor(process.env)) })
}
