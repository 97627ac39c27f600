/** PostgreSQL's own error of a statement that can't be described. */
import * as Effect from "effect/Effect"
import { nonce } from "../../data-api/sql/TypeLookup.ts"
import { pgElementByOid, pgTypeByOid } from "../../data-api/values/PgOids.ts"
import { type ClientStatement, clientPosition } from "../statement/ClientStatement.ts"
import { positionInWhole, shortStatement } from "../statement/rows/ShortStatement.ts"
import type { Session } from "./ClientSession.ts"

const typeName = (oid: number): string => {
  const element = pgElementByOid.get(oid)
  const type = element ?? pgTypeByOid.get(oid)
  return type === undefined ? "unknown" : `pg_catalog."${type.name}"${element === undefined ? "" : "[]"}`
}

/**
 * Prepares a statement that can't be described, to get PostgreSQL's own error. Settings of the session that decide about
 * it need an implicit transaction, which the error or the next Sync ends.
 */
export const whyNot = Effect.fnUntraced(function* (
  session: Session,
  statement: ClientStatement,
  types: ReadonlyArray<number>
) {
  const name = `alex_${nonce()}`
  const short = shortStatement(statement, types.map(String))
  const declared = short?.types.map(Number) ?? types
  const list = declared.length === 0 ? "" : ` (${declared.map(typeName).join(", ")})`
  const before = `prepare ${name}${list} as `
  const positionOf = (position: number): number | undefined => {
    const sent = position - before.length
    return clientPosition(statement, short === undefined ? sent : positionInWhole(statement, short, sent))
  }
  if (session.transaction === undefined && session.needsTransaction(statement)) yield* session.begin(true)
  yield* session.send({ sql: before + (short?.statement ?? statement).sql, positionOf })
  // Outside of a transaction this may run on another backend and fail; the name is unique, so nothing conflicts.
  yield* Effect.ignore(session.send({ sql: `deallocate ${name}` }))
})
