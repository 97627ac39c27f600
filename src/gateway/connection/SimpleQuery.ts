/** The simple protocol: a text of any number of statements, which run as one transaction. */
import * as Effect from "effect/Effect"
import * as Backend from "../protocol/BackendMessages.ts"
import type { ClientSocket } from "../protocol/ClientSocket.ts"
import type { Session } from "../session/ClientSession.ts"
import { endImplicit, execute } from "../session/Execute.ts"
import type { Rows, StatementOutcome } from "../session/StatementOutcome.ts"
import { type ClientStatement, statementsOf } from "../statement/ClientStatement.ts"
import type { Refused } from "../statement/Refused.ts"

/** What a connection needs to answer a query. */
export interface Answering {
  readonly session: Session
  readonly socket: ClientSocket
  /** Runs a statement so that it can be cancelled, and is logged. */
  readonly run: (
    statement: ClientStatement,
    effect: Effect.Effect<StatementOutcome, Refused>
  ) => Effect.Effect<StatementOutcome, Refused>
}

const asText = () => "text" as const

const sendRows = Effect.fnUntraced(function* (socket: ClientSocket, rows: Rows) {
  for (const row of rows) if (socket.send(Backend.dataRow(row))) yield* socket.flush
})

/** Sends the rows of an outcome, and says how many there were. */
const sendOutcome = Effect.fnUntraced(function* (socket: ClientSocket, { columns, more, rows }: StatementOutcome) {
  if (columns === undefined) return 0
  socket.send(Backend.rowDescription(columns, asText))
  yield* sendRows(socket, rows)
  let count = rows.length
  for (let page: Rows = rows; more !== undefined && page.length > 0; count += page.length) {
    page = yield* more.next
    yield* sendRows(socket, page)
  }
  return count
})

const controls = new Set(["begin", "commit", "rollback", "savepoint", "release", "rollbackTo"])

const runAll = Effect.fnUntraced(function* (
  { run, session, socket }: Answering,
  statements: ReadonlyArray<ClientStatement>
) {
  for (const [index, statement] of statements.entries()) {
    const several = statements.length > 1 && session.transaction === undefined && !controls.has(statement.kind)
    if (several) yield* session.begin(true)
    const outcome = yield* run(statement, execute(session, statement))
    const count = yield* sendOutcome(socket, outcome)
    // That the last statement is complete says that its transaction is committed.
    if (index === statements.length - 1) yield* endImplicit(session, false)
    socket.send(Backend.commandComplete(outcome.tag(count)))
  }
})

/** Answers a query, but for the ReadyForQuery at its end. */
export const simpleQuery = (answering: Answering, text: string): Effect.Effect<void> => {
  const { session, socket } = answering
  const statements = statementsOf(text)
  if (statements.length === 0) return Effect.sync(() => void socket.send(Backend.emptyQueryResponse))
  return Effect.catch(runAll(answering, statements), ({ fields }) =>
    Effect.andThen(
      Effect.ignore(endImplicit(session, true)),
      Effect.sync(() => {
        if (session.transaction !== undefined) session.transaction.failed = true
        socket.send(Backend.errorResponse(fields))
      })
    )
  )
}
