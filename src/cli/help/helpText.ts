/**
 * The help of a command, as wide as the terminal. It is laid out without Effect: the built command line prints it
 * before anything is loaded.
 */
import type { Style } from "../output/style.ts"

interface Entry {
  readonly term: string
  readonly text: string
}

/** The help of a command, as JSON can hold it. */
export interface Help {
  readonly description: string
  readonly usage: string
  readonly sections: ReadonlyArray<{ readonly title: string; readonly entries: ReadonlyArray<Entry> }>
  readonly examples: ReadonlyArray<{ readonly command: string; readonly description: string }>
  /** Flags that every command takes; only the program's own help explains them. */
  readonly shared: ReadonlyArray<Entry> | string
}

interface Look {
  readonly width: number
  readonly marks: Pick<Style, "bold" | "dim">
}

/** Breaks a text into lines of at most `width` characters, at blanks; a longer word stands alone. */
const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** Terms with their texts beside them, or below them where a term is long or the terminal narrow. */
const linesOf = (all: ReadonlyArray<Entry>, { marks, width }: Look): ReadonlyArray<string> => {
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

const section = (title: string, lines: ReadonlyArray<string>, { marks }: Look): ReadonlyArray<string> =>
  lines.length === 0 ? [] : [marks.bold(title), ...lines, ""]

const sharedLines = ({ shared }: Help, look: Look): ReadonlyArray<string> => {
  if (typeof shared !== "string") return linesOf(shared, look)
  return shared === "" ? [] : wrap(shared, look.width - 2).map((line) => `  ${line}`)
}

export const helpText = (help: Help, look: Look): string => {
  const lines = [
    ...wrap(help.description, look.width),
    "",
    ...section("USAGE", [`  ${help.usage}`], look),
    ...help.sections.flatMap(({ entries, title }) => section(title, linesOf(entries, look), look)),
    ...section(
      "EXAMPLES",
      help.examples.flatMap(({ command, description }) => [
        ...wrap(description, look.width - 2).map((line) => `  ${look.marks.dim(line)}`),
        `    ${command}`
      ]),
      look
    ),
    ...section("GLOBAL FLAGS", sharedLines(help, look), look)
  ]
  return lines.join("\n").trimEnd()
}

/** The width of help: that of the terminal, between 40 and 100 columns; 80 without a terminal. */
export const columns = (): number => Math.min(Math.max(process.stdout.columns ?? 80, 40), 100)
