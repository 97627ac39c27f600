/**
 * A query that takes a session's advisory lock among other things, outside of a transaction. It runs in the transaction
 * that holds the lock, and so must not write.
 */
import * as Effect from "effect/Effect"
import type { Session } from "../session/ClientSession.ts"
import { KEEP_LOCK } from "../session/OpenTransaction.ts"
import { type Bound, callOf, wrappedRows } from "../session/RowStatements.ts"
import type { StatementOutcome } from "../session/StatementOutcome.ts"
import { setConfig } from "../session/settings/Settings.ts"
import { type ClientStatement, statementOf } from "../statement/ClientStatement.ts"
import { commandTag } from "../statement/CommandTag.ts"
import { afterParentheses } from "../statement/InnerQuery.ts"
import { type Refused, refusal, refusedBy } from "../statement/Refused.ts"
import { wrap } from "../statement/Wrapped.ts"
import { give, keyOf, type LockCall, transactionOf } from "./AdvisoryLocks.ts"

const names = /^pg_(try_)?advisory_lock(_shared)?$/

/** The call within a query that has one, and no other function of such locks; undefined for any other statement. */
export const lockWithin = ({ kind, sql, starts, tail, words }: ClientStatement): LockCall | undefined => {
  if (kind !== "query" || tail > 0) return undefined
  const calls = words.flatMap((word, at) => (/advisory_(?:un)?lock/.test(word) && words[at + 1] === "(" ? [at] : []))
  const [at = 0] = calls
  const match = names.exec(words[at] ?? "")
  if (calls.length !== 1 || match === null) return undefined
  const [, tries, shared] = match
  const start = starts[at] ?? 0
  const closing = afterParentheses(words, at + 1) - 1
  return {
    action: tries === undefined ? "lock" : "try",
    shared: shared !== undefined,
    key: sql.slice((starts[at + 1] ?? 0) + 1, starts[closing]),
    withinTransaction: `${sql.slice(0, start)}${sql.slice(start).replace(/advisory_/i, "advisory_xact_")}`
  }
}

/** Whether the transaction got its lock, and whether it has written. */
const cameTo = `select exists (select from pg_catalog.pg_locks where locktype = 'advisory' and pid = pg_catalog.pg_backend_pid()),
pg_catalog.pg_current_xact_id_if_assigned() is not null`

/** Whether the arguments are values of their own, and not of the query's rows. */
const isSettled = (session: Session, { key }: LockCall, bound: Bound | undefined) =>
  Effect.map(
    session.describe(statementOf(`select row(${key})::text`), bound?.description.parameters.map(String) ?? []),
    (answer) => answer !== "unknown" && !("sqlState" in answer)
  )

const refused = (message: string): Refused =>
  refusal(
    "0A000",
    message,
    "Take it alone, by SELECT pg_advisory_lock(...). Use it within a transaction (BEGIN ... COMMIT), or start the gateway with --session."
  )

/** Runs the query in a transaction of its own, which is kept if it has got the lock. */
export const lockingQuery = Effect.fnUntraced(function* (
  session: Session,
  statement: ClientStatement,
  asked: LockCall,
  bound: Bound | undefined
) {
  const { api, locks } = session.upstream
  const answer = bound?.description ?? (yield* session.describe(statement, []))
  const known = answer !== "unknown" && !("sqlState" in answer)
  // A try that fails in the gateway's own table would have to change what the query computes.
  const possible =
    known && !(locks !== undefined && asked.action === "try") && (yield* isSettled(session, asked, bound))
  if (!possible)
    return yield* refused("a session's advisory lock can't be taken in a larger statement outside of a transaction")
  const key = yield* keyOf(session, asked, bound)
  const own = statementOf(asked.withinTransaction)
  const { parameters, sql } = yield* callOf(own, wrap(own), bound)
  const taking = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      if (locks !== undefined) yield* restore(locks.take(session, key, asked.shared))
      const transactionId = yield* transactionOf(session, key)
      const place = { database: session.database, transactionId }
      const lock = { key, shared: asked.shared, transactionId }
      const settings = session.settings.due(own.sql)
      const run = Effect.gen(function* () {
        if (settings.length > 0) yield* api.executeStatement({ ...place, sql: setConfig(settings) })
        const ran = yield* session.tagged(sql, (text) => api.executeStatement({ ...place, sql: text, parameters }))
        const { records } = yield* api.executeStatement({ ...place, sql: cameTo })
        yield* api.executeStatement({ ...place, sql: KEEP_LOCK })
        const [got, written] = (records?.[0] ?? []).map((field) => "booleanValue" in field && field.booleanValue)
        return { got: got === true, written: written === true, rows: wrappedRows(ran) }
      })
      const inTable = { ...lock, transactionId: undefined }
      const outcome = yield* Effect.onError(restore(run), () =>
        Effect.andThen(give(session, lock), locks === undefined ? Effect.void : give(session, inTable))
      )
      const keeps = outcome.got && !outcome.written
      if (locks !== undefined || !keeps) yield* give(session, lock)
      if (locks !== undefined && !keeps) yield* give(session, inTable)
      if (keeps) session.locks.push(locks === undefined ? lock : inTable)
      return outcome
    })
  )
  const { rows, written } = yield* Effect.mapError(taking, (error) => refusedBy(error))
  if (written)
    return yield* refused("a statement that takes a session's advisory lock can't write outside of a transaction")
  return {
    columns: answer.columns,
    rows,
    tag: (count) => commandTag(statement.words, count)
  } satisfies StatementOutcome
})
