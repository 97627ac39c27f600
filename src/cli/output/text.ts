/** Text for terminals: tables, colours where there are any, plain words elsewhere. */
import * as Console from "effect/Console"
import * as CliOutput from "effect/cli/CliOutput"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import { shellWord } from "../../operations/ShellWord.ts"
import { type Style, styleOf } from "./style.ts"
import { visible, visibleJson, visibleReport } from "./visible.ts"

export type { Style }

export const style = Effect.map(TerminalCapabilities.TerminalCapabilities, ({ canColor }) => styleOf(canColor))

const isNumber = (text: string): boolean => /^[\d.,]+( ?(ms|%|kB|MB|GB))?$/.test(text)

/** Rows under a heading, in columns as wide as their widest cell; columns of numbers are flush right. */
export const table = (heading: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const cells = (column: number) => rows.map((row) => row[column] ?? "")
  const right = heading.map(
    (_, column) => rows.length > 0 && cells(column).every((cell) => cell === "" || isNumber(cell))
  )
  const widths = heading.map((title, column) =>
    Math.max(...[title, ...cells(column)].map((cell) => CliOutput.displayWidth(cell)))
  )
  const line = (row: ReadonlyArray<string>) =>
    row
      .map((cell, column) => {
        const padding = " ".repeat(Math.max(0, (widths[column] ?? 0) - CliOutput.displayWidth(cell)))
        return right[column] === true ? padding + cell : cell + padding
      })
      .join("  ")
      .trimEnd()
  return [heading, ...rows].map((row) => `  ${line(row)}`).join("\n")
}

/** `1 row`, `2 rows`. */
export const count = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString("en-US")} ${n === 1 ? one : many}`

/** The most names in a line; `--json` has all of them. */
const mostListed = 20

/** Names in a line, which a database with thousands of tables would make longer than anybody reads. */
export const listed = (names: ReadonlyArray<string>): string => {
  const more = names.length - mostListed
  return more <= 0 ? names.join(", ") : `${names.slice(0, mostListed).join(", ")} and ${count(more, "other")}`
}

/** A price with two decimals, or as many as it has; nothing where there is none. */
export const dollars = (price: string | null): string => {
  const [whole = "", decimals = ""] = (price ?? "").split(".")
  return whole === "" ? "" : `${whole}.${decimals.padEnd(2, "0")}`
}

/** Bytes in the unit that suits them, 1 kB being 1000 bytes. */
export const bytes = (n: number): string => {
  if (n < 1e6) return `${Math.ceil(n / 1e3)} kB`
  return n < 1e9 ? `${(n / 1e6).toFixed(1)} MB` : `${(n / 1e9).toFixed(1)} GB`
}

/** Prints one line for the person, on stderr. */
export const say = (line: string) => Console.error(visible(line))

/** Prints several lines on stderr, of a text that is visible already. */
export const sayLines = (lines: string) => Console.error(lines)

/** Prints one JSON document, on stdout. */
export const printJson = (document: unknown) => Console.log(visibleJson(JSON.stringify(document, undefined, 2)))

/** The same in one line. */
export const printJsonLine = (document: unknown) => Console.log(visibleJson(JSON.stringify(document)))

/** Prints a result: as one JSON document, or as text in which everything of the result is visible. */
export const print = <A>(json: boolean, result: A, text: (result: A, style: Style) => string) =>
  json ? printJson(result) : Effect.flatMap(style, (marks) => Console.log(text(visibleReport(result), marks)))

/** Prints variables as lines for a shell; what a shell would interpret is quoted. */
export const printExports = (variables: Readonly<Record<string, string>>) =>
  Console.log(
    Object.entries(variables)
      .map(([name, value]) => `export ${name}=${shellWord(value)}`)
      .map(visible)
      .join("\n")
  )
