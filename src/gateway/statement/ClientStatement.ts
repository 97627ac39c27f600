/** Classifies a client's statements by how the gateway handles them, from their words alone. Pure. */
import { characters } from "../../data-api/Limits.ts"
import { meaningful, statementTokens, type Token } from "../../data-api/statement/SqlLexer.ts"
import { writes } from "../../data-api/statement/StatementKind.ts"
import type { SentText } from "./SentText.ts"
import type { Wrapped } from "./Wrapped.ts"

/**
 * - `query`: returns rows and can be a subquery
 * - `write`: INSERT, UPDATE, DELETE or MERGE, also after WITH
 * - `other`: sent as it is; it may return rows (SHOW, EXPLAIN, CALL)
 */
export type Kind =
  | "query"
  | "write"
  | "begin"
  | "commit"
  | "rollback"
  | "prepareTransaction"
  | "savepoint"
  | "release"
  | "rollbackTo"
  | "set"
  | "reset"
  | "discard"
  | "prepare"
  | "execute"
  | "deallocate"
  | "declare"
  | "fetch"
  | "closeCursor"
  | "copy"
  | "listen"
  | "other"

/** One statement of a client's text. */
export interface ClientStatement {
  /** Without the closing semicolon and without surrounding white space and comments. */
  readonly sql: string
  /** The text between the statement and its semicolon; undefined without a semicolon. */
  readonly gap: string | undefined
  /** The number of characters before the statement in the client's text. */
  readonly offset: number
  readonly kind: Kind
  /** Its tokens without space and comments: words in lower case, other tokens as written. */
  readonly words: ReadonlyArray<string>
  /** Where each word begins in `sql`. */
  readonly starts: ReadonlyArray<number>
  /** Whether it returns rows; undefined if that is known only after it has run. */
  readonly returnsRows: boolean | undefined
  /** Where the main statement after WITH begins, if that statement or a query of WITH writes; else 0. */
  readonly tail: number
  /** Of a statement that was made of the client's: a position in it as one in the client's, both from 1. */
  readonly origin?: (position: number) => number | undefined
  /** A cache of the texts derived from it. */
  readonly made: { wrapped?: Wrapped; sent?: SentText }
}

/** A position in a statement, from 1, as one in the client's text; undefined if it is in neither. */
export const clientPosition = (
  { offset, origin }: ClientStatement,
  position: number | undefined
): number | undefined => {
  const own = position === undefined || origin === undefined ? position : origin(position)
  return own === undefined ? undefined : offset + own
}

/** Statements that control transactions themselves. */
export const transactionControls: ReadonlySet<Kind> = new Set([
  "begin",
  "commit",
  "rollback",
  "savepoint",
  "release",
  "rollbackTo"
])

const verbs = new Set(["select", "values", "table", "insert", "update", "delete", "merge"])

const simpleKinds: Readonly<Record<string, Kind>> = {
  begin: "begin",
  start: "begin",
  commit: "commit",
  end: "commit",
  abort: "rollback",
  savepoint: "savepoint",
  release: "release",
  set: "set",
  reset: "reset",
  discard: "discard",
  prepare: "prepare",
  execute: "execute",
  deallocate: "deallocate",
  declare: "declare",
  fetch: "fetch",
  move: "fetch",
  close: "closeCursor",
  copy: "copy",
  listen: "listen",
  unlisten: "listen"
}

/** The index of the first word of the main statement after WITH, and whether a query of WITH writes. */
const afterWith = (words: ReadonlyArray<string>): { readonly at: number; readonly writes: boolean } => {
  let depth = 0
  let listWrites = false
  for (const [index, word] of words.entries()) {
    const before = words[index - 1]
    if (depth === 0 && index > 1 && (verbs.has(word) || (word === "(" && before === ")"))) {
      return { at: index, writes: listWrites }
    }
    if (word === "(") depth++
    else if (word === ")") depth--
    else if (before === "(" && writes.has(word)) listWrites = true
  }
  return { at: 0, writes: listWrites }
}

/** Whether a word occurs outside of all parentheses. */
const hasAtTop = (words: ReadonlyArray<string>, wanted: string): boolean => {
  let depth = 0
  return words.some((word) => {
    if (word === "(") depth++
    else if (word === ")") depth--
    return depth === 0 && word === wanted
  })
}

const rollbackKind = (words: ReadonlyArray<string>): Kind =>
  words[1] === "to" || words[2] === "to" ? "rollbackTo" : words[1] === "prepared" ? "other" : "rollback"

type Shape = Pick<ClientStatement, "kind" | "returnsRows" | "tail">

const shapeOf = (words: ReadonlyArray<string>, starts: ReadonlyArray<number>): Shape => {
  const [first = "", second] = words
  const plain = (kind: Kind, returnsRows: boolean | undefined): Shape => ({ kind, returnsRows, tail: 0 })
  if (first === "with") {
    const { at, writes: listWrites } = afterWith(words)
    const verb = words[at] ?? ""
    const tail = starts[at] ?? 0
    if (writes.has(verb)) return { kind: "write", returnsRows: hasAtTop(words.slice(at), "returning"), tail }
    if (hasAtTop(words.slice(at), "into")) return plain("other", false)
    return { kind: "query", returnsRows: true, tail: listWrites ? tail : 0 }
  }
  if (writes.has(first)) return plain("write", hasAtTop(words, "returning"))
  if (verbs.has(first) || first === "(") return hasAtTop(words, "into") ? plain("other", false) : plain("query", true)
  if (first === "rollback") return plain(rollbackKind(words), false)
  if ((first === "commit" || first === "prepare") && /^(?:prepared|transaction)$/.test(second ?? "")) {
    if (first === "prepare") return plain("prepareTransaction", false)
    if (second === "prepared") return plain("other", false)
  }
  const kind = Object.hasOwn(simpleKinds, first) ? simpleKinds[first] : undefined
  if (kind === undefined) return plain("other", /^(?:show|explain|call)$/.test(first) ? undefined : false)
  return plain(kind, kind === "execute" || kind === "fetch" ? undefined : false)
}

const refused: Shape = { kind: "other", returnsRows: false, tail: 0 }

/** The words of a text, where they begin (counted from `from`), and the statement's kind. */
const wordsIn = (text: string, tokens: ReadonlyArray<Token>, from: number) => {
  const words: Array<string> = []
  const starts: Array<number> = []
  for (const { end, kind, start } of tokens) {
    const word = text.slice(start, end)
    words.push(kind === "word" ? word.toLowerCase() : word)
    starts.push(start - from)
  }
  // PostgreSQL refuses a text that ends in a string, with the rest of the text in its message: nothing must follow.
  const shape = tokens.at(-1)?.unterminated ? refused : shapeOf(words, starts)
  return { words, starts, made: {}, ...shape }
}

/** Reads one statement. */
export const statementOf = (sql: string, offset = 0): ClientStatement => ({
  sql,
  gap: undefined,
  offset,
  ...wordsIn(sql, meaningful(sql), 0)
})

/** The statements of a client's text, as `psql` and PostgreSQL split them. */
export const statementsOf = (text: string): ReadonlyArray<ClientStatement> => {
  let counted = 0
  let offset = 0
  return statementTokens(text).map(({ semicolon, tokens }) => {
    const start = tokens[0]?.start ?? 0
    offset += characters(text.slice(counted, start))
    counted = start
    const end = tokens.at(-1)?.end ?? 0
    const gap = semicolon === undefined ? undefined : text.slice(end, semicolon)
    return { sql: text.slice(start, end), gap, offset, ...wordsIn(text, tokens, start) }
  })
}
