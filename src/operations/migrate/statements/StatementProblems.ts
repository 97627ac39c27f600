/**
 * Finds problems of a migration before any of its statements is sent, by PostgreSQL's lexical rules: words inside
 * strings and comments do not count.
 */
import { characters, isLonger, MAX_SQL_LENGTH } from "../../../data-api/Limits.ts"
import { tokenize } from "../../../data-api/statement/SqlLexer.ts"
import type { Migration } from "../Migration.ts"
import { type Part, partsOf } from "./StatementParts.ts"
import { undoingPart } from "./UndoingPart.ts"

/** Something that stops a migration (`error`), or that an operator should know (`warning`). */
export interface StatementProblem {
  readonly severity: "error" | "warning"
  readonly migration: string
  readonly line: number
  readonly message: string
}

const wordsOf = (parts: ReadonlyArray<Part>): ReadonlyArray<string> =>
  parts.map(({ kind, text }) => (kind === "word" ? text : "\u0000"))

const endsTransaction = /^(begin|start transaction|commit|end|abort|rollback|prepare transaction)( |$)/

/** Savepoints stay inside the transaction. */
const isSavepoint = /^rollback (work |transaction )?to( |$)/

const outside =
  /^(create (unique )?index concurrently|drop index concurrently|reindex .*concurrently|alter table .*detach partition .*concurrently|vacuum|create database|drop database|create tablespace|drop tablespace|alter system|create subscription|drop subscription)( |$)/

/**
 * The first text in a dollar-quoted body that looks like a `:name`, which other Data API clients take for a parameter.
 */
const placeholderInside = (parts: ReadonlyArray<Part>): string | undefined => {
  for (const { kind, text } of parts) {
    if (kind !== "dollarString") continue
    const open = text.indexOf("$", 1) + 1
    const inner = text.slice(open, -open)
    const found = tokenize(inner).find((part) => part.kind === "placeholder")
    if (found !== undefined) return inner.slice(found.start, found.end)
  }
  return undefined
}

const lineOf = (text: string, position: number): number => text.slice(0, position).split("\n").length

/** Whether a file turns off `standard_conforming_strings`, under which a backslash escapes a quote in any string. */
const escapesByBackslash = /\bstandard_conforming_strings\b['"]?\s*(?:,|=|\bto\b)\s*['"]?(?:off|false|no|0)\b/i

const escapes =
  ": standard_conforming_strings must stay on in a migration, so write E'it\\'s' or 'it''s' for what has a backslash now"

const copies = "COPY can't run over the Data API: write INSERT, as pg_dump --inserts does"

/** Problems of the file as a whole: a string or comment without an end, a command of psql, or a part that undoes it. */
const fileProblems = ({ name, text }: Migration): ReadonlyArray<StatementProblem> => {
  const problem = (position: number, message: string): StatementProblem => ({
    severity: "error",
    migration: name,
    line: lineOf(text, position),
    message
  })
  const tokens = tokenize(text)
  const open = tokens.find((token) => token.unterminated === true)
  const command = tokens.find(({ kind, start }) => kind === "symbol" && text[start] === "\\")
  const what = open?.kind === "comment" ? "comment" : open?.kind === "identifier" ? "quoted name" : "string"
  const why = escapesByBackslash.test(text) ? escapes : ""
  const undoing = undoingPart(text, tokens)
  return [
    ...(open === undefined
      ? []
      : [problem(open.start, `the ${what} that begins here has no end${what === "string" ? why : ""}`)]),
    ...(command === undefined
      ? []
      : [problem(command.start, `a backslash begins a command of psql's, which is not SQL${why}`)]),
    ...(undoing === undefined
      ? []
      : [
          problem(
            undoing.start,
            `\`${text.slice(undoing.start, undoing.end).trim()}\` begins what undoes the migration, and the whole file would run: keep this part in another place`
          )
        ])
  ]
}

/**
 * Finds problems of a migration before any of it is sent: a string or comment without an end, a part that undoes the
 * migration, no statement at all, a statement that is too long for the Data API, that would begin or end a transaction,
 * or that can't run in one, a COPY from the client, or a `:name` inside a dollar-quoted body, which the Data API itself
 * takes for a parameter. In the order of the file, since the first may be the cause of those after it.
 */
export const problemsOfStatements = (migration: Migration): ReadonlyArray<StatementProblem> =>
  [
    ...fileProblems(migration),
    ...(migration.statements.length > 0
      ? []
      : [
          {
            severity: "error",
            migration: migration.name,
            line: 1,
            message:
              "the file has no statement yet: write one, since a statement that is added after the file was applied never runs"
          } as const
        ]),
    ...migration.statements.flatMap(({ line, sql }) => {
      const problem = (severity: StatementProblem["severity"], message: string): ReadonlyArray<StatementProblem> => [
        { severity, migration: migration.name, line, message }
      ]
      const parts = partsOf(sql)
      const words = wordsOf(parts).join(" ")
      const placeholder = placeholderInside(parts)
      return [
        ...(isLonger(sql, MAX_SQL_LENGTH)
          ? problem("error", `the statement has ${characters(sql)} characters; the Data API takes ${MAX_SQL_LENGTH}`)
          : []),
        ...(/^copy .*\b(stdin|stdout)( |$)/.test(words) ? problem("error", copies) : []),
        ...(endsTransaction.test(words) && !isSavepoint.test(words)
          ? problem("error", "a migration is a transaction of its own; it can't begin or end one: leave this out")
          : []),
        ...(migration.transactional && outside.test(words)
          ? problem("error", `${outsideName(words)} needs \`-- alex: no transaction\` as the file's first line`)
          : []),
        ...(!migration.transactional && /^(set|reset|discard)( |$)/.test(words)
          ? problem(
              "error",
              "outside a transaction each statement may have a session of its own, so SET has no effect on the next one"
            )
          : []),
        ...(placeholder === undefined
          ? []
          : problem("warning", `"${placeholder}" in a dollar-quoted body: other Data API clients would corrupt it`))
      ]
    })
  ].toSorted((a, b) => a.line - b.line)

const outsideName = (words: string): string =>
  words.includes("concurrently") ? "CONCURRENTLY" : words.split(" ").slice(0, 2).join(" ").toUpperCase()

/** Whether a migration changes settings of its session, as dumps do: they must be reset after it. */
export const changesSettings = (migration: Migration): boolean =>
  migration.statements.some(({ sql }) => {
    const words = wordsOf(partsOf(sql))
    return words[0] === "set" || words[0] === "reset" || words[0] === "discard" || words.includes("set_config")
  })
