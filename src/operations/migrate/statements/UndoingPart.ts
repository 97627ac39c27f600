/** Finds the part of a file that undoes the migration, which other runners of migrations skip. */
import { type Token, tokenize } from "../../../data-api/statement/SqlLexer.ts"

/** The words of the comments that begin such a part: those of dbmate, goose, sql-migrate, node-pg-migrate and others. */
const beginnings = new Set([
  "migrate down",
  "migrate down transaction false",
  "goose down",
  "micrate down",
  "rambler down",
  "down migration",
  "migration down",
  "create above drop below",
  "down",
  "downs",
  "undo"
])

const wordsOf = (comment: string): string =>
  comment
    .toLowerCase()
    .match(/[a-z]+/g)
    ?.join(" ") ?? ""

/** The comment that begins the part, if a statement follows it. */
export const undoingPart = (text: string, tokens: ReadonlyArray<Token> = tokenize(text)): Token | undefined => {
  const last = tokens.findLast(({ kind }) => kind !== "space" && kind !== "comment")
  return tokens.find(
    ({ end, kind, start }) =>
      kind === "comment" && start < (last?.start ?? 0) && beginnings.has(wordsOf(text.slice(start, end)))
  )
}
