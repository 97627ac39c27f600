/**
 * The parts of a database's error message, as the service writes them. Pure.
 *
 * A message holds what a user has sent, as in `invalid input syntax for type uuid: "..."`, and so of any length and form:
 * each part is looked up by its label, because an expression such as `;\s*Hint:\s*` would read every run of blanks again
 * from each of its characters.
 */

/** The parts of a message. */
export interface DatabaseMessage {
  readonly primary: string
  readonly hint?: string
  readonly position?: number
  readonly sqlState?: string
}

/** A message that ends with a part: what is before it, and its text. */
interface Split {
  readonly before: string
  readonly text: string
}

/** Whether what is before a label, and the blanks between the two, make it the start of a part. */
type Separates = (before: string, blanks: string) => boolean

const byLine: Separates = (_before, blanks) => blanks.includes("\n")
const bySemicolon: Separates = (before, blanks) => before.endsWith(";") || byLine(before, blanks)
const byBlank: Separates = (before, blanks) => before.endsWith(";") || before === "" || blanks !== ""

const splitAt = (message: string, label: string, at: number, separates: Separates): Split | undefined => {
  const head = message.slice(0, at)
  const before = head.trimEnd()
  if (!separates(before, head.slice(before.length))) return undefined
  const text = message.slice(at + label.length).trimStart()
  return { before: before.endsWith(";") ? before.slice(0, -1).trimEnd() : before, text }
}

const firstPart = (message: string, label: string, separates: Separates): Split | undefined => {
  for (let at = message.indexOf(label); at !== -1; at = message.indexOf(label, at + 1)) {
    const split = splitAt(message, label, at, separates)
    if (split !== undefined) return split
  }
  return undefined
}

const lastPart = (message: string, label: string, separates: Separates): Split | undefined => {
  for (let at = message.lastIndexOf(label); at !== -1; at = at === 0 ? -1 : message.lastIndexOf(label, at - 1)) {
    const split = splitAt(message, label, at, separates)
    if (split !== undefined) return split
  }
  return undefined
}

/** The part if its text has a form. */
const inForm = (split: Split | undefined, form: RegExp): Split | undefined =>
  split !== undefined && form.test(split.text) ? split : undefined

/**
 * Takes the service's one-line message apart: `ERROR: primary; Hint: h; Position: 8; SQLState: 42601`.
 *
 * Known parts are read from the right, since the primary message may itself contain `; ` and `: `. The older form,
 * with a line break before each part, gives the same result.
 *
 * @example
 * ```ts
 * import { parseDatabaseMessage } from "alex-database/data-api"
 *
 * parseDatabaseMessage("ERROR: relation \"t\" does not exist; Position: 15; SQLState: 42P01")
 * // { primary: "relation \"t\" does not exist", position: 15, sqlState: "42P01" }
 * ```
 */
export const parseDatabaseMessage = (message: string): DatabaseMessage => {
  let rest = message.trim()
  const peel = (split: Split | undefined): string | undefined => {
    if (split !== undefined) rest = split.before
    return split?.text
  }
  const sqlState = peel(inForm(lastPart(rest, "SQLState:", byBlank), /^[0-9A-Z]{5}$/))
  peel(firstPart(rest, "Where:", bySemicolon))
  const position = peel(inForm(lastPart(rest, "Position:", bySemicolon), /^\d+$/))
  const hint = peel(lastPart(rest, "Hint:", bySemicolon))
  peel(firstPart(rest, "Detail:", byLine))
  return {
    primary: rest.replace(/^(?:ERROR|FATAL|PANIC):\s*/, ""),
    ...(hint === undefined ? {} : { hint }),
    ...(position === undefined ? {} : { position: Number(position) }),
    ...(sqlState === undefined ? {} : { sqlState })
  }
}

/** The text after a label, up to the first of the ends that follows, or else to the last quote. */
const quotedAfter = (text: string, label: RegExp, ends: ReadonlyArray<string>): string | undefined => {
  const found = label.exec(text)
  if (found === null) return undefined
  const rest = text.slice(found.index + found[0].length)
  const ended = ends.map((end) => rest.indexOf(end)).find((at) => at !== -1) ?? rest.lastIndexOf('"')
  return ended === -1 ? undefined : rest.slice(0, ended)
}

/** The constraint, or unique index, that a primary message of class 23 names. The service has no field for it. */
export const constraintIn = (primary: string): string | undefined =>
  quotedAfter(primary, /(?:constraint|unique index) "/, ['" on table "', '" of relation "'])

/** The column that a primary message of class 23 names. */
export const columnIn = (primary: string): string | undefined =>
  quotedAfter(primary, /column "/, ['" of relation "', '" violates'])
