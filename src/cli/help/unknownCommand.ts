/**
 * Finds the command that does not exist in arguments that ask for its help: the parser stops at the one above it, and
 * shows the help of that.
 */
import type * as HelpDoc from "effect/cli/HelpDoc"

const literal = /^(?:true|false|yes|no|on|off|y|n|1|0)$/

/** The arguments that are neither flags nor their values. */
const wordsOf = (args: ReadonlyArray<string>, flags: ReadonlyArray<HelpDoc.FlagDoc>): ReadonlyArray<string> => {
  const isValue = (arg: string, before: string | undefined): boolean => {
    const flag = flags.find(({ aliases, name }) => [`--${name}`, ...aliases].includes(before ?? ""))
    return flag !== undefined && (flag.type !== "boolean" || literal.test(arg))
  }
  return args.filter((arg, index) => !arg.startsWith("-") && !isValue(arg, args[index - 1]))
}

/** @param doc The help that the arguments would get. */
export const unknownCommand = (args: ReadonlyArray<string>, doc: HelpDoc.HelpDoc): string | undefined => {
  if ((doc.subcommands ?? []).length === 0 || (doc.args ?? []).length > 0) return undefined
  const flags = [...doc.flags, ...(doc.inheritedFlags ?? []), ...(doc.globalFlags ?? [])]
  return wordsOf(args, flags)[(doc.commandPath ?? []).length - 1]
}
