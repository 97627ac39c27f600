/** DECLARE, FETCH, MOVE and CLOSE: cursors over wrapped queries, so that rows of any type are returned as text. */

import * as Effect from "effect/Effect"
import { literal, quotedName, unquotedName } from "../../../data-api/statement/Quoting.ts"
import { type ClientStatement, statementOf } from "../../statement/ClientStatement.ts"
import { commandTag } from "../../statement/CommandTag.ts"
import { innerQuery } from "../../statement/InnerQuery.ts"
import { type Refused, refusal } from "../../statement/Refused.ts"
import { wrap } from "../../statement/Wrapped.ts"
import type { Session } from "../ClientSession.ts"
import { boundTo, withPackedLiterals } from "../LongStatements.ts"
import { asItIs, type Bound, callOf, query as queryRows } from "../RowStatements.ts"
import { done, type StatementOutcome } from "../StatementOutcome.ts"
import { moveOf } from "./CursorMove.ts"
import { declaredCursor, fetchParts } from "./DeclaredCursor.ts"
import { fetchHeld, hold, isHeld } from "./HeldCursors.ts"

/** The cursor that FETCH, MOVE or CLOSE names: the last word. */
export const cursorOf = ({ words }: Pick<ClientStatement, "words">): string => unquotedName(words.at(-1))

/** The columns of a cursor of DECLARE. */
export const cursorColumns = (session: Session, name: string) =>
  (session.held.get(name) ?? session.transaction?.cursors.get(name))?.columns

/** The parameters' values for the query of a DECLARE, which has the columns that DECLARE has not. */
const boundToQuery = Effect.fnUntraced(function* (session: Session, query: ClientStatement, given: Bound) {
  const answer = yield* session.describe(query, given.description.parameters.map(String))
  if (answer === "unknown" || "sqlState" in answer) return given
  return { ...given, description: answer, question: query } satisfies Bound
})

const alreadyExists = (name: string): Refused => refusal("42P03", `cursor "${name}" already exists`)

/** Declares a cursor WITH HOLD, and reads its rows at once. */
const declareHeld = Effect.fnUntraced(function* (
  session: Session,
  statement: ClientStatement,
  query: ClientStatement,
  bound: Bound | undefined
) {
  const name = unquotedName(statement.words[1])
  if (session.held.has(name) || session.transaction?.cursors.has(name) === true) return yield* alreadyExists(name)
  if (session.transaction === undefined && session.needsTransaction(query)) yield* session.begin(true)
  const options = statement.words.slice(0, statement.words.indexOf("cursor"))
  const scrolls = options[options.indexOf("scroll") - 1] !== "no"
  const whole = bound === undefined ? undefined : yield* boundToQuery(session, query, bound)
  const outcome = yield* queryRows(session, query, whole, undefined, () => false)
  session.held.set(name, yield* hold(outcome, scrolls))
  return done("DECLARE CURSOR")
})

/** DECLARE name ... CURSOR ... FOR query. */
export const declare = Effect.fnUntraced(function* (session: Session, statement: ClientStatement, given?: Bound) {
  const { sql, words } = statement
  const written = innerQuery(statement)
  if (written === undefined) return yield* asItIs(session, statement, given)
  const name = unquotedName(words[1])
  const moved = given === undefined ? yield* withPackedLiterals(session, written, []) : undefined
  const query = moved?.statement ?? written
  const bound = moved === undefined ? given : boundTo(moved)
  if (isHeld(statement) && query.kind === "query") return yield* declareHeld(session, statement, query, bound)
  if (session.transaction === undefined || (session.transaction.implicit && !session.transaction.ofQuery)) {
    return yield* refusal("25P01", "DECLARE CURSOR can only be used in transaction blocks")
  }
  if (session.held.has(name)) return yield* alreadyExists(name)
  const types = bound?.description.parameters.map(String) ?? []
  const answer = moved?.description ?? (query.kind === "query" ? yield* session.describe(query, types) : "unknown")
  if (answer === "unknown" || "sqlState" in answer) return yield* asItIs(session, statement, bound)
  const wrapped = wrap(query)
  const before = sql.slice(0, sql.length - written.sql.length)
  const call = yield* callOf(statement, { sql: before + wrapped.sql, prefix: 0 }, bound)
  yield* session.send(call)
  session.transaction.cursors.set(name, declaredCursor(answer.columns ?? []))
  return done("DECLARE CURSOR")
})

/** MOVE in a block of PL/pgSQL, which says how many rows it moved by: the service does not. */
const move = Effect.fnUntraced(function* (session: Session, { sql, starts, words }: ClientStatement, name: string) {
  const last = words.length - (/^(?:from|in)$/.test(words.at(-2) ?? "") ? 2 : 1)
  const direction = sql.slice(starts[1], starts[last])
  const block = `declare c refcursor default ${literal(name)}; n int8;
begin move ${direction} from c; get diagnostics n = row_count; perform set_config('alex_gateway.moved', n::text, true); end`
  yield* session.send({ sql: `do ${literal(block)}` })
  const { records } = yield* session.send({ sql: "select current_setting('alex_gateway.moved')" })
  const moved = records?.[0]?.[0]
  return done(commandTag(words, moved !== undefined && "stringValue" in moved ? Number(moved.stringValue) : 0))
})

/** FETCH and MOVE. */
export const fetch = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  const name = cursorOf(statement)
  const held = session.held.get(name)
  if (held !== undefined) return yield* fetchHeld(held, name, statement)
  const cursor = session.transaction?.cursors.get(name)
  if (cursor === undefined) return yield* asItIs(session, statement)
  if (statement.words[0] === "move") return yield* move(session, statement, name)
  const whole = yield* callOf(statement, { sql: statement.sql, prefix: 0 }, undefined)
  const asked = moveOf(statement)
  const count = asked !== undefined && "count" in asked && Math.abs(asked.count) > 1 ? asked.count : 1
  const part = (rows: number) =>
    rows === Math.abs(count) || count === 1
      ? whole
      : { sql: `fetch ${count < 0 ? "backward" : "forward"} ${rows} from ${statement.words.at(-1)}` }
  const more = fetchParts(session, cursor, count, part)
  const outcome: StatementOutcome = {
    columns: cursor.columns,
    rows: yield* more.next,
    more,
    tag: (rows) => commandTag(statement.words, rows)
  }
  return outcome
})

/** Closes a cursor WITH HOLD for good, which no rollback takes back; false if there is none. */
const closeHeld = ({ held, transaction }: Session, name: string): boolean => {
  const earlier = transaction === undefined ? [] : [transaction, ...transaction.savepoints]
  for (const { before } of earlier) before.held.delete(name)
  return held.delete(name)
}

/** CLOSE. */
export const close = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  if (statement.words[1] === "all") for (const name of session.held.keys()) closeHeld(session, name)
  else if (closeHeld(session, cursorOf(statement))) return done("CLOSE CURSOR")
  const outcome = yield* asItIs(session, statement)
  if (statement.words[1] === "all") session.transaction?.cursors.clear()
  else session.transaction?.cursors.delete(cursorOf(statement))
  return outcome
})

/** Ends the cursor that the portal of a Close is. In an aborted transaction only its end does so. */
export const closePortal = (session: Session, name: string): Effect.Effect<void, Refused> => {
  const { transaction } = session
  if (closeHeld(session, name) || transaction === undefined || transaction.failed) return Effect.void
  return transaction.cursors.delete(name)
    ? Effect.asVoid(session.send({ sql: `close ${quotedName(name)}` }))
    : Effect.void
}

/** Reads as many rows of a cursor as an Execute of it asks for, 0 for all. */
export const fetchPortal = (name: string, maxRows: number): ClientStatement =>
  statementOf(`fetch forward ${maxRows > 0 ? maxRows : "all"} from ${quotedName(name)}`)
