/** The columns of statements that need no description by PostgreSQL: SHOW, EXPLAIN, FETCH and EXECUTE. */
import type { FieldDescription } from "../protocol/BackendMessages.ts"
import type { Session } from "../session/ClientSession.ts"
import { cursorColumns, cursorOf } from "../session/cursors/CursorStatements.ts"
import { reported } from "../session/settings/Settings.ts"
import type { ClientStatement } from "../statement/ClientStatement.ts"

const textColumn = (name: string, typeOid = 25): FieldDescription => ({
  name,
  tableOid: 0,
  columnNumber: 0,
  typeOid,
  typeSize: -1,
  typeModifier: -1
})

const JSON_OID = 114
const XML_OID = 142

const explained = ({ words }: ClientStatement): FieldDescription => {
  const at = words.indexOf("format")
  const format = at === -1 ? "text" : words[at + 1]
  return textColumn("QUERY PLAN", format === "json" ? JSON_OID : format === "xml" ? XML_OID : 25)
}

const shown = (words: ReadonlyArray<string>): ReadonlyArray<FieldDescription> => {
  const [, first = "", second] = words
  if (first === "all") return ["name", "setting", "description"].map((name) => textColumn(name))
  const name = first === "time" && second === "zone" ? "timezone" : words.slice(1).join("").replaceAll('"', "")
  return [textColumn(reported.get(name) ?? name)]
}

/** The columns of a statement; undefined if it has none, or they are not known. */
export const fixedColumns = (
  session: Session,
  statement: ClientStatement
): ReadonlyArray<FieldDescription> | undefined => {
  switch (statement.words[0]) {
    case "show":
      return shown(statement.words)
    case "explain":
      return [explained(statement)]
    case "fetch":
      return cursorColumns(session, cursorOf(statement))
    case "execute":
      return session.prepared.get(statement.words[1] ?? "")?.description?.columns
    default:
      return undefined
  }
}
