/** The help of a command, as wide as the terminal. */
import * as Console from "effect/Console"
import * as CliOutput from "effect/cli/CliOutput"
import type * as HelpDoc from "effect/cli/HelpDoc"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Style, style } from "./text.ts"

interface Look {
  readonly width: number
  readonly marks: Style
}

/** Breaks a text into lines of at most `width` columns, at blanks; a longer word stands alone. */
export const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last !== undefined && CliOutput.displayWidth(`${last} ${word}`) <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

interface Entry {
  readonly term: string
  readonly text: string
}

/** Terms with their texts beside them, or below them where a term is long or the terminal narrow. */
const entries = (all: ReadonlyArray<Entry>, { marks, width }: Look): ReadonlyArray<string> => {
  const column = Math.min(Math.max(...all.map(({ term }) => term.length)) + 4, 30)
  const beside = width >= 60
  return all.flatMap(({ term, text }) => {
    const indent = beside ? column : 6
    const [first = "", ...rest] = wrap(text, width - indent)
    const shown = marks.bold(term)
    const more = rest.map((line) => " ".repeat(indent) + line)
    return beside && term.length + 4 <= column
      ? [`  ${shown}${" ".repeat(column - term.length - 2)}${first}`, ...more]
      : [`  ${shown}`, " ".repeat(indent) + first, ...more]
  })
}

const flagEntry = ({ aliases, description, name, type }: HelpDoc.FlagDoc): Entry => ({
  term: [`--${name}`, ...aliases].join(", ") + (type === "boolean" ? "" : ` ${type}`),
  text: Option.getOrElse(description, () => "")
})

const argumentEntry = ({ description, name, required, type, variadic }: HelpDoc.ArgDoc): Entry => ({
  term: `${name}${variadic ? "..." : ""} ${type}`,
  text: Option.getOrElse(description, () => "") + (required ? "" : " (optional)")
})

const section = (title: string, lines: ReadonlyArray<string>, { marks }: Look): ReadonlyArray<string> =>
  lines.length === 0 ? [] : [marks.bold(title), ...lines, ""]

const entriesOf = (title: string, all: ReadonlyArray<Entry>, look: Look) =>
  section(title, all.length === 0 ? [] : entries(all, look), look)

/** Flags that every command takes stand in the help of `alex-db` itself; elsewhere their names have to do. */
const sharedFlags = (doc: HelpDoc.HelpDoc, look: Look): ReadonlyArray<string> => {
  const [program = "alex-db", ...rest] = doc.commandPath ?? []
  const isRoot = rest.length === 0
  const shared = [...(isRoot ? doc.flags : (doc.inheritedFlags ?? [])), ...(doc.globalFlags ?? [])]
  if (isRoot) return entriesOf("GLOBAL FLAGS", shared.map(flagEntry), look)
  const names = shared.map(({ name }) => `--${name}`).join(", ")
  const lines = wrap(`${names}: see ${program} --help`, look.width - 2)
  return section("GLOBAL FLAGS", shared.length === 0 ? [] : lines.map((line) => `  ${line}`), look)
}

const examples = (all: HelpDoc.HelpDoc["examples"], look: Look): ReadonlyArray<string> =>
  section(
    "EXAMPLES",
    (all ?? []).flatMap(({ command, description }) => [
      ...wrap(description ?? "", look.width - 2).map((line) => `  ${look.marks.dim(line)}`),
      `    ${command}`
    ]),
    look
  )

export const helpText = (doc: HelpDoc.HelpDoc, look: Look): string => {
  const isRoot = (doc.commandPath ?? []).length <= 1
  const subcommands = (doc.subcommands ?? []).flatMap(({ commands }) =>
    commands.map(({ description, name }) => ({ term: name, text: description }))
  )
  const lines = [
    ...wrap(doc.description, look.width),
    "",
    ...section("USAGE", [`  ${doc.usage}`], look),
    ...entriesOf("SUBCOMMANDS", subcommands, look),
    ...entriesOf("ARGUMENTS", (doc.args ?? []).map(argumentEntry), look),
    ...entriesOf("FLAGS", isRoot ? [] : doc.flags.map(flagEntry), look),
    ...examples(doc.examples, look),
    ...sharedFlags(doc, look)
  ]
  return lines.join("\n").trimEnd()
}

/** Columns of help: those of the terminal, within reason; 80 where there is none. */
const columns = (): number => Math.min(Math.max(process.stdout.columns ?? 80, 40), 100)

/** Prints help and version. What is wrong with the arguments is said by `run`, without the help. */
export const presenter: CliOutput.Presenter = {
  present: Effect.fnUntraced(function* (event) {
    if (event._tag === "InvalidInvocation") return
    if (event._tag === "Version") return yield* Console.log(`${event.name} v${event.version}`)
    const marks = yield* style
    yield* Console.log(helpText(event.helpDoc, { width: columns(), marks }))
  })
}
