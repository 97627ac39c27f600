/** Texts with parts of them replaced, and where a position in them was before. Pure. */
import { characters } from "../../../data-api/Limits.ts"
import { type ClientStatement, statementOf } from "../ClientStatement.ts"
import { indexOfCharacter } from "../ErrorPosition.ts"

/** A part of a text, and what replaces it. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** A text with parts of it replaced, which are in their order. */
export const edited = (sql: string, edits: ReadonlyArray<Edit>): string => {
  const parts: Array<string> = []
  let at = 0
  for (const { end, start, text } of edits) {
    parts.push(sql.slice(at, start), text)
    at = end
  }
  return parts.join("") + sql.slice(at)
}

/** The position in a text of one in the text with the edits, from 1; undefined if it is in the text of an edit. */
export const positionBefore = (sql: string, edits: ReadonlyArray<Edit>, position: number): number | undefined => {
  const at = indexOfCharacter(edited(sql, edits), position - 1)
  let shift = 0
  for (const { end, start, text } of edits) {
    if (at < start + shift) break
    if (at < start + shift + text.length) return undefined
    shift += text.length - (end - start)
  }
  return characters(sql.slice(0, at - shift)) + 1
}

/** A statement with parts of it replaced. */
export const editedStatement = (statement: ClientStatement, edits: ReadonlyArray<Edit>): ClientStatement => ({
  ...statementOf(edited(statement.sql, edits), statement.offset),
  origin: (position) => {
    const before = positionBefore(statement.sql, edits, position)
    return before === undefined || statement.origin === undefined ? before : statement.origin(before)
  }
})
