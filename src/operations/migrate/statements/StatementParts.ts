/** Splits a statement into tokens without white space and comments, from which to tell what it does. */
import { unquotedName } from "../../../data-api/statement/Quoting.ts"
import { type TokenKind, tokenize } from "../../../data-api/statement/SqlLexer.ts"

/** A token that is neither white space nor a comment. */
export interface Part {
  readonly kind: TokenKind
  readonly text: string
  /** The offset in the statement, in characters. */
  readonly start: number
  readonly end: number
}

/** The tokens of a statement without white space and comments; words in lower case. */
export const partsOf = (sql: string): ReadonlyArray<Part> =>
  tokenize(sql)
    .filter(({ kind }) => kind !== "space" && kind !== "comment")
    .map(({ end, kind, start }) => {
      const text = sql.slice(start, end)
      return { kind, start, end, text: kind === "word" ? text.toLowerCase() : text }
    })

/** The name that a word or a quoted identifier stands for. */
export const nameOf = ({ kind, text }: Part): string => (kind === "identifier" ? unquotedName(text) : text)

const beforeName = new Set(["or", "replace", "unlogged", "if", "not", "exists"])

/** The kind of object that a statement creates, and the index of its unqualified name. */
export const createdBy = (parts: ReadonlyArray<Part>): { readonly kind: string; readonly at: number } | undefined => {
  if (parts[0]?.text !== "create") return undefined
  const words = parts.findIndex(({ kind, text }, index) => index > 0 && !(kind === "word" && beforeName.has(text)))
  const kind = parts[words]?.text ?? ""
  const at = parts.findIndex((part, index) => index > words && !(part.kind === "word" && beforeName.has(part.text)))
  const isName = parts[at]?.kind === "word" || parts[at]?.kind === "identifier"
  return isName && parts[at + 1]?.text !== "." ? { kind, at } : undefined
}

/** The name of the index that a statement builds concurrently, if there is one. */
export const indexBuiltConcurrently = (parts: ReadonlyArray<Part>): string | undefined => {
  const at = parts.findIndex(({ text }) => text === "concurrently")
  const begins = parts.slice(0, at).map(({ text }) => text)
  if (!/^create (unique )?index$/.test(begins.join(" "))) return undefined
  const name = parts[parts[at + 1]?.text === "if" ? at + 4 : at + 1]
  return name === undefined || name.text === "on" ? undefined : nameOf(name)
}
