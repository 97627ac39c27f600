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

/** A sentence of PostgreSQL that names a constraint or a column. */
interface Sentence {
  readonly start: string
  /** What is before the name, if another name comes first. */
  readonly label?: string
  /** What is after the name, if another name follows. */
  readonly tail?: string
  readonly end: string
}

const foreignKey = '" violates foreign key constraint "'

/** PostgreSQL's sentences about violated constraints, by SQLSTATE. Any other text is a user's or another language's. */
const constraintSentences: Readonly<Record<string, ReadonlyArray<Sentence>>> = {
  "23001": [
    {
      start: 'update or delete on table "',
      label: '" violates RESTRICT setting of foreign key constraint "',
      tail: '" on table "',
      end: '"'
    }
  ],
  "23503": [
    { start: 'insert or update on table "', label: foreignKey, end: '"' },
    { start: 'update or delete on table "', label: foreignKey, tail: '" on table "', end: '"' },
    { start: 'removing partition "', label: foreignKey, end: '"' }
  ],
  "23505": [
    { start: 'duplicate key value violates unique constraint "', end: '"' },
    { start: 'could not create unique index "', end: '"' }
  ],
  "23514": [
    { start: 'new row for relation "', label: '" violates check constraint "', end: '"' },
    { start: "value for domain ", label: ' violates check constraint "', end: '"' },
    { start: 'check constraint "', tail: '" of relation "', end: '" is violated by some row' }
  ],
  "23P01": [
    { start: 'conflicting key value violates exclusion constraint "', end: '"' },
    { start: 'could not create exclusion constraint "', end: '"' }
  ]
}

const columnSentences: Readonly<Record<string, ReadonlyArray<Sentence>>> = {
  "23502": [
    { start: 'null value in column "', tail: '" of relation "', end: '" violates not-null constraint' },
    // Before PostgreSQL 13.
    { start: 'null value in column "', end: '" violates not-null constraint' },
    { start: 'column "', tail: '" of relation "', end: '" contains null values' },
    { start: 'column "', tail: '" of table "', end: '" contains null values' }
  ],
  "23514": [{ start: 'column "', tail: '" of table "', end: '" contains values that violate the new constraint' }]
}

const nameIn = (text: string, { end, label, start, tail }: Sentence): string | undefined => {
  if (!text.startsWith(start) || !text.endsWith(end) || text.length < start.length + end.length) return undefined
  const inside = text.slice(start.length, text.length - end.length)
  const labelled = label === undefined ? 0 : inside.indexOf(label)
  const from = labelled + (label?.length ?? 0)
  const to = tail === undefined ? inside.length : inside.lastIndexOf(tail)
  return labelled === -1 || to < from ? undefined : inside.slice(from, to)
}

const namedBy = (sentences: Readonly<Record<string, ReadonlyArray<Sentence>>>, message: DatabaseMessage) => {
  for (const sentence of sentences[message.sqlState ?? ""] ?? []) {
    const name = nameIn(message.primary, sentence)
    if (name !== undefined) return name
  }
  return undefined
}

/** The constraint, or unique index, that a message says is violated. The service has no field for it. */
export const constraintIn = (message: DatabaseMessage): string | undefined => namedBy(constraintSentences, message)

/** The column whose value a message says is not allowed. */
export const columnIn = (message: DatabaseMessage): string | undefined => namedBy(columnSentences, message)
