/** DECLARE, FETCH, MOVE and CLOSE: cursors of the service's own, whose rows come as text of any type. */
import * as Effect from "effect/Effect"
import type { ClientStatement } from "../statement/ClientStatement.ts"
import { commandTag } from "../statement/CommandTag.ts"
import { innerQuery } from "../statement/InnerQuery.ts"
import { refusal } from "../statement/Refused.ts"
import { wrap } from "../statement/Wrapped.ts"
import type { Session } from "./ClientSession.ts"
import { asItIs, type Bound, callOf, wrappedRows } from "./RowStatements.ts"
import { done, type StatementOutcome } from "./StatementOutcome.ts"

/** PostgreSQL reads a name in lower case unless it is quoted. */
const nameOf = (word = ""): string => (word.startsWith('"') ? word.slice(1, -1).replaceAll('""', '"') : word)

/** The cursor that FETCH, MOVE or CLOSE names: the last word. */
export const cursorOf = ({ words }: Pick<ClientStatement, "words">): string => nameOf(words.at(-1))

/** DECLARE name ... CURSOR ... FOR query. */
export const declare = Effect.fnUntraced(function* (session: Session, statement: ClientStatement, bound?: Bound) {
  const { sql, words } = statement
  const query = innerQuery(statement)
  if (query === undefined) return yield* asItIs(session, statement, bound)
  if (session.transaction === undefined || session.transaction.implicit) {
    return yield* refusal(
      "25P01",
      "DECLARE CURSOR can only be used in transaction blocks",
      words.slice(0, words.indexOf("for")).includes("hold")
        ? "The service keeps no cursor beyond a transaction."
        : undefined
    )
  }
  const types = bound?.description.parameters.map(String) ?? []
  const answer = query.kind === "query" ? yield* session.describe(query, types) : "unknown"
  if (answer === "unknown" || "sqlState" in answer) return yield* asItIs(session, statement, bound)
  const wrapped = wrap(query)
  const before = sql.slice(0, sql.length - query.sql.length)
  const call = yield* callOf(statement, { sql: before + wrapped.sql, prefix: 0 }, bound)
  yield* session.send(call)
  session.transaction.cursors.set(nameOf(words[1]), answer.columns ?? [])
  return done("DECLARE CURSOR")
})

/** FETCH and MOVE. */
export const fetch = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  const columns = session.transaction?.cursors.get(cursorOf(statement))
  if (columns === undefined || statement.words[0] === "move") return yield* asItIs(session, statement)
  const call = yield* callOf(statement, { sql: statement.sql, prefix: 0 }, undefined)
  const rows = wrappedRows(yield* session.send(call))
  const outcome: StatementOutcome = {
    columns,
    rows: columns.length === 0 ? rows.map(() => []) : rows,
    tag: (count) => commandTag(statement.words, count)
  }
  return outcome
})

/** CLOSE. */
export const close = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  const outcome = yield* asItIs(session, statement)
  if (statement.words[1] === "all") session.transaction?.cursors.clear()
  else session.transaction?.cursors.delete(cursorOf(statement))
  return outcome
})
