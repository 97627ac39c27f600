/**
 * Reads texts whose strings depend on `standard_conforming_strings`: each string with a backslash becomes one with the
 * prefix E, which means the same in every session. Pure.
 */
import { endOfEscapeString, tokenAt, tokenize } from "../../../data-api/statement/SqlLexer.ts"
import { type ClientStatement, statementsOf } from "../ClientStatement.ts"
import { type Edit, edited, positionBefore } from "../rows/EditedText.ts"

const prefix = (at: number): Edit => ({ start: at, end: at, text: "E" })

/** In a session with the setting off a backslash escapes within any string. */
const ofEscapes = (sql: string): ReadonlyArray<Edit> => {
  const edits: Array<Edit> = []
  for (let at = 0; at < sql.length; ) {
    if (sql[at] !== "'") {
      at = tokenAt(sql, at).end
      continue
    }
    const end = endOfEscapeString(sql, at)
    const next = end === -1 ? sql.length : end
    if (sql.slice(at, next).includes("\\")) edits.push(prefix(at))
    at = next
  }
  return edits
}

/** In a session with the setting on a backslash is a character as any other. */
const ofCharacters = (sql: string): ReadonlyArray<Edit> =>
  tokenize(sql).flatMap(({ end, kind, start }) => {
    const text = sql.slice(start, end)
    if (kind !== "string" || !text.startsWith("'") || !text.includes("\\")) return []
    const doubled = [...text.matchAll(/\\/g)].map(({ index }) => ({ ...prefix(start + index), text: "\\" }))
    return [prefix(start), ...doubled]
  })

const statementsWith = (sql: string, edits: ReadonlyArray<Edit>): ReadonlyArray<ClientStatement> => {
  const before = (position: number) => positionBefore(sql, edits, position)
  return statementsOf(edited(sql, edits)).map((statement) => ({
    ...statement,
    offset: 0,
    // A position at a prefix is that of its string.
    origin: (own) => before(statement.offset + own) ?? before(statement.offset + own + 1)
  }))
}

/** The statements of a text that a session with the setting off receives. */
export const statementsOfEscaped = (sql: string): ReadonlyArray<ClientStatement> => statementsWith(sql, ofEscapes(sql))

/** The statements of a text that a session with the setting on receives, where they may run with the setting off. */
export const statementsOfSetting = (sql: string): ReadonlyArray<ClientStatement> =>
  statementsWith(sql, ofCharacters(sql))
