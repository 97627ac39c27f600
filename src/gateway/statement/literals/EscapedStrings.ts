/**
 * Reads the text of a session with `standard_conforming_strings` off, in which a backslash escapes within any string:
 * each such string becomes one with the prefix E, which means the same in every session. Pure.
 */
import { endOfEscapeString, tokenAt } from "../../../data-api/statement/SqlLexer.ts"
import { type ClientStatement, statementsOf } from "../ClientStatement.ts"
import { type Edit, edited, positionBefore } from "../rows/EditedText.ts"

const prefixesOf = (sql: string): ReadonlyArray<Edit> => {
  const edits: Array<Edit> = []
  for (let at = 0; at < sql.length; ) {
    if (sql[at] !== "'") {
      at = tokenAt(sql, at).end
      continue
    }
    const end = endOfEscapeString(sql, at)
    const next = end === -1 ? sql.length : end
    if (sql.slice(at, next).includes("\\")) edits.push({ start: at, end: at, text: "E" })
    at = next
  }
  return edits
}

/** The statements of such a text. */
export const statementsOfEscaped = (sql: string): ReadonlyArray<ClientStatement> => {
  const edits = prefixesOf(sql)
  const before = (position: number) => positionBefore(sql, edits, position)
  return statementsOf(edited(sql, edits)).map((statement) => ({
    ...statement,
    offset: 0,
    // A position at a prefix is that of its string.
    origin: (own) => before(statement.offset + own) ?? before(statement.offset + own + 1)
  }))
}
