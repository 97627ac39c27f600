/** BEGIN, COMMIT, ROLLBACK and savepoints. */

import * as Effect from "effect/Effect"
import { unquotedName } from "../../data-api/statement/Quoting.ts"
import { type ClientStatement, clientPosition } from "../statement/ClientStatement.ts"
import { commandTag } from "../statement/CommandTag.ts"
import { type Refused, refusal, refusedBy } from "../statement/Refused.ts"
import type { Session } from "./ClientSession.ts"
import { changeSettings, holdingOf, noteModes } from "./OpenTransaction.ts"
import { done } from "./StatementOutcome.ts"
import { readOnlyGateway } from "./settings/SettingStatements.ts"

const warning = (session: Session, code: string, message: string) =>
  Effect.sync(() => session.listener.notice({ severity: "WARNING", code, message }))

/** The modes after BEGIN. */
const modesOf = ({ sql, starts, words }: ClientStatement): string => {
  const at = /^(?:work|transaction)$/.test(words[1] ?? "") ? 2 : 1
  return words.length > at ? sql.slice(starts[at]) : ""
}

export const begin = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  const { transaction } = session
  const modes = modesOf(statement)
  if (session.upstream.readOnly && /\bwrite\b/i.test(modes)) return yield* readOnlyGateway()
  if (transaction === undefined) yield* session.begin(false, modes)
  else {
    if (!transaction.implicit) yield* warning(session, "25001", "there is already a transaction in progress")
    if (modes !== "") {
      yield* session.setModes(modes)
      if (session.transaction !== undefined) noteModes(session.transaction, modes)
    }
    // With modes that PostgreSQL refuses it has not begun.
    if (session.transaction !== undefined) session.transaction.implicit = false
  }
  return done(commandTag(statement.words, 0))
})

const isChained = ({ words }: ClientStatement): boolean => words.at(-1) === "chain" && words.at(-2) !== "no"

export const commit = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  if (session.status === "I") {
    if (isChained(statement)) return yield* refusal("25P01", "COMMIT AND CHAIN can only be used in transaction blocks")
    yield* warning(session, "25P01", "there is no transaction in progress")
  }
  const { modes = "", names } = session.transaction ?? {}
  const committed = yield* session.commit()
  if (names !== "") session.forgetNames()
  if (isChained(statement)) yield* session.begin(false, modes)
  return done(committed ? "COMMIT" : "ROLLBACK")
})

export const rollback = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  if (session.status === "I") {
    if (isChained(statement))
      return yield* refusal("25P01", "ROLLBACK AND CHAIN can only be used in transaction blocks")
    yield* warning(session, "25P01", "there is no transaction in progress")
  }
  const modes = session.transaction?.modes
  yield* session.rollback()
  if (isChained(statement)) yield* session.begin(false, modes)
  return done("ROLLBACK")
})

const asWritten = (statement: ClientStatement) => ({
  sql: statement.sql,
  positionOf: (position: number) => clientPosition(statement, position)
})

const refuseOutside = (session: Session, what: string) =>
  session.status === "I" ? Effect.fail(refusal("25P01", `${what} can only be used in transaction blocks`)) : Effect.void

/** Notes if it is unknown whether a savepoint statement has run. */
const noted = <A>(session: Session, effect: Effect.Effect<A, Refused>): Effect.Effect<A, Refused> =>
  Effect.tapError(effect, ({ fields }) =>
    Effect.sync(() => {
      if (session.transaction !== undefined && fields.code === "08007") session.transaction.unclear = true
    })
  )

export const savepoint = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  const { words } = statement
  yield* refuseOutside(session, "SAVEPOINT")
  yield* noted(session, session.send(asWritten(statement)))
  const { transaction } = session
  transaction?.savepoints.push({
    name: unquotedName(words[1]),
    before: holdingOf(session.holding),
    modes: transaction.modes
  })
  return done("SAVEPOINT")
})

const lastOf = (session: Session, name: string): number =>
  session.transaction?.savepoints.findLastIndex((one) => one.name === name) ?? -1

export const release = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  const { words } = statement
  yield* refuseOutside(session, "RELEASE SAVEPOINT")
  yield* noted(session, session.send(asWritten(statement)))
  const at = lastOf(session, unquotedName(words.at(-1)))
  if (at !== -1) session.transaction?.savepoints.splice(at)
  return done("RELEASE")
})

/** ROLLBACK TO SAVEPOINT, which also works in a failed transaction. */
export const rollbackTo = Effect.fnUntraced(function* (session: Session, { sql, words }: ClientStatement) {
  yield* refuseOutside(session, "ROLLBACK TO SAVEPOINT")
  const { transaction } = session
  if (transaction?.unclear === true) {
    return yield* refusal(
      "25P02",
      "the savepoint may not exist: the response to an earlier savepoint statement was lost",
      "Roll back the whole transaction."
    )
  }
  const called = Effect.mapError(session.call({ sql }), (error) => refusedBy(error))
  yield* noted(session, called)
  if (transaction !== undefined) {
    transaction.failed = false
    if (transaction.sets !== "") changeSettings(transaction, sql)
    const at = lastOf(session, unquotedName(words.at(-1)))
    const found = transaction.savepoints[at]
    if (found !== undefined) {
      transaction.savepoints.splice(at + 1)
      session.restore(found.before)
      transaction.modes = found.modes
    }
  }
  return done("ROLLBACK")
})
