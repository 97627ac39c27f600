/** Prints help and version where the whole command line is loaded. */
import * as Console from "effect/Console"
import type * as CliOutput from "effect/cli/CliOutput"
import type * as HelpDoc from "effect/cli/HelpDoc"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { style } from "../output/text.ts"
import { columns, type Help, helpText } from "./helpText.ts"

const flagEntry = ({ aliases, description, name, type }: HelpDoc.FlagDoc) => ({
  term: [`--${name}`, ...aliases].join(", ") + (type === "boolean" ? "" : ` ${type}`),
  text: Option.getOrElse(description, () => "")
})

const argumentEntry = ({ description, name, required, type, variadic }: HelpDoc.ArgDoc) => ({
  term: `${name}${variadic ? "..." : ""} ${type}`,
  text: Option.getOrElse(description, () => "") + (required ? "" : " (optional)")
})

/** Flags that every command takes are explained in the help of `alex-db` itself; other help only names them. */
const sharedFlags = (doc: HelpDoc.HelpDoc): Help["shared"] => {
  const [program = "alex-db", ...rest] = doc.commandPath ?? []
  const isRoot = rest.length === 0
  const shared = [...(isRoot ? doc.flags : (doc.inheritedFlags ?? [])), ...(doc.globalFlags ?? [])]
  if (isRoot) return shared.map(flagEntry)
  return shared.length === 0 ? "" : `${shared.map(({ name }) => `--${name}`).join(", ")}: see ${program} --help`
}

/** The help of a command, from what Effect's command line knows about it. */
export const helpOf = (doc: HelpDoc.HelpDoc): Help => {
  const isRoot = (doc.commandPath ?? []).length <= 1
  const subcommands = (doc.subcommands ?? []).flatMap(({ commands }) =>
    commands.map(({ description, name }) => ({ term: name, text: description }))
  )
  const sections = [
    { title: "SUBCOMMANDS", entries: subcommands },
    { title: "ARGUMENTS", entries: (doc.args ?? []).map(argumentEntry) },
    { title: "FLAGS", entries: isRoot ? [] : doc.flags.map(flagEntry) }
  ]
  return {
    description: doc.description,
    usage: doc.usage,
    sections: sections.filter(({ entries }) => entries.length > 0),
    examples: (doc.examples ?? []).map(({ command, description }) => ({ command, description: description ?? "" })),
    shared: sharedFlags(doc)
  }
}

/** Prints help and the version. Wrong arguments are reported by `run`, without the help. */
export const presenter: CliOutput.Presenter = {
  present: Effect.fnUntraced(function* (event) {
    if (event._tag === "InvalidInvocation") return
    if (event._tag === "Version") return yield* Console.log(`${event.name} v${event.version}`)
    const marks = yield* style
    yield* Console.log(helpText(helpOf(event.helpDoc), { width: columns(), marks }))
  })
}
