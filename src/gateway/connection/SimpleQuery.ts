/** The simple protocol: a text of one or more statements, which run in one transaction. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { receiveCopy } from "../copy/CopyIn.ts"
import { openCopy, sendCopy } from "../copy/CopyOut.ts"
import { copyOf } from "../copy/CopyStatement.ts"
import * as Backend from "../protocol/BackendMessages.ts"
import type { ClientSocket } from "../protocol/ClientSocket.ts"
import type { Session } from "../session/ClientSession.ts"
import { endImplicit, execute } from "../session/Execute.ts"
import { checkGrammar, isOfGrammar, mayHideFault } from "../session/GrammarCheck.ts"
import { namedFault, refusedAt } from "../session/RowStatements.ts"
import { done, type Rows, type StatementOutcome } from "../session/StatementOutcome.ts"
import { type ClientStatement, transactionControls } from "../statement/ClientStatement.ts"
import { type Refused, refusal } from "../statement/Refused.ts"
import { encodedRow } from "../values/EncodedValues.ts"
import { describedRow } from "./DescribedRow.ts"

/** The parts of a connection that are needed to answer a query. */
export interface Answering {
  readonly session: Session
  readonly socket: ClientSocket
  /** Runs a statement so that it can be cancelled and is logged. */
  readonly run: (
    statement: ClientStatement,
    effect: Effect.Effect<StatementOutcome, Refused>
  ) => Effect.Effect<StatementOutcome, Refused>
}

const sendRows = Effect.fnUntraced(function* (socket: ClientSocket, rows: Rows) {
  const encoding = socket.encoding()
  for (const row of rows) {
    const values = yield* Effect.fromResult(encodedRow(row, encoding))
    if (socket.send(Backend.dataRow(values))) yield* socket.flush
  }
})

/** Sends the rows of an outcome, and returns how many there were. */
const sendOutcome = Effect.fnUntraced(function* (socket: ClientSocket, { columns, more, rows }: StatementOutcome) {
  if (columns === undefined) return 0
  socket.send(yield* Effect.fromResult(describedRow(columns, socket.encoding())))
  yield* sendRows(socket, rows)
  let count = rows.length
  for (let page: Rows = rows; more !== undefined && page.length > 0; count += page.length) {
    page = yield* more.next
    yield* sendRows(socket, page)
  }
  return count
})

/** Runs COPY from or to the client, and returns its tag; undefined for a COPY from or to the server's files. */
export const copied = Effect.fnUntraced(function* ({ run, session, socket }: Answering, statement: ClientStatement) {
  const asked = copyOf(statement)
  if (Result.isFailure(asked)) {
    const { code, message, word = -1 } = asked.failure
    return yield* refusedAt(statement, word, code, message)
  }
  const copy = asked.success
  if (copy === undefined) return undefined
  const needs = session.transaction === undefined && session.needsTransaction(statement)
  if (needs) yield* session.begin(true)
  let count = 0
  yield* run(
    statement,
    Effect.gen(function* () {
      count =
        copy.direction === "in"
          ? yield* receiveCopy(session, socket, copy)
          : yield* sendCopy(session, socket, copy, yield* openCopy(session, statement, copy))
      return done("COPY")
    })
  )
  return `COPY ${count}`
})

/** Runs a statement, sends its rows, and returns its tag. */
const answered = Effect.fnUntraced(function* (answering: Answering, statement: ClientStatement) {
  const { run, session, socket } = answering
  const tag = statement.kind === "copy" ? yield* copied(answering, statement) : undefined
  if (tag !== undefined) return tag
  const outcome = yield* run(statement, execute(session, statement))
  return outcome.tag(yield* sendOutcome(socket, outcome))
})

/** Whether a statement has parameters, of which a simple query has none: PostgreSQL finds that after all syntax errors. */
const hasParameter = ({ kind, words }: ClientStatement): boolean =>
  (kind === "query" || kind === "write") && words.some((word) => /^\$\d+$/.test(word))

/** Whether another error than the first syntax error would be found, or what runs before it stays. */
const hidesSyntaxErrors = (statements: ReadonlyArray<ClientStatement>): boolean =>
  statements.some(hasParameter) || statements.slice(0, -1).some(({ kind }) => kind === "commit" || kind === "rollback")

const runAll = Effect.fnUntraced(function* (answering: Answering, statements: ReadonlyArray<ClientStatement>) {
  const { session, socket } = answering
  const fault = statements.map(namedFault).find((error) => error !== undefined)
  if (fault !== undefined) return yield* fault
  if (hidesSyntaxErrors(statements) || mayHideFault(session, statements)) yield* checkGrammar(session, statements)
  for (const [index, statement] of statements.entries()) {
    const several =
      statements.length > 1 && session.transaction === undefined && !transactionControls.has(statement.kind)
    if (several) yield* session.begin(true)
    if (several && session.transaction !== undefined) session.transaction.ofQuery = true
    if (statements.length > 1 && statement.kind === "discard" && statement.words[1] === "all") {
      return yield* refusal("25001", "DISCARD ALL cannot run inside a transaction block")
    }
    const tag = yield* answered(answering, statement)
    // The last CommandComplete promises that the transaction is committed.
    if (index === statements.length - 1) yield* endImplicit(session, false)
    socket.send(Backend.commandComplete(tag))
  }
})

/** Answers a query, except for the final ReadyForQuery. */
export const simpleQuery = (answering: Answering, text: string): Effect.Effect<void> => {
  const { session, socket } = answering
  const statements = session.upstream.texts.statementsOf(text, session.settings)
  if (statements.length === 0) return Effect.sync(() => void socket.send(Backend.emptyQueryResponse))
  return answeredOr(answering, runAll(answering, statements))
}

/** Refuses a query whose text can't be read. */
export const refuseQuery = (answering: Answering, error: Refused): Effect.Effect<void> =>
  answeredOr(answering, Effect.fail(error))

const answeredOr = ({ session, socket }: Answering, ran: Effect.Effect<void, Refused>): Effect.Effect<void> => {
  const wasIdle = session.transaction === undefined
  return Effect.catch(ran, ({ fields }) =>
    Effect.andThen(
      wasIdle && isOfGrammar(fields) ? session.rollback() : Effect.ignore(endImplicit(session, true)),
      Effect.sync(() => {
        if (session.transaction !== undefined) session.transaction.failed = true
        socket.send(Backend.errorResponse(fields, session.settings.encoding))
      })
    )
  )
}
