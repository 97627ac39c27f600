/**
 * A session's advisory locks, which migration tools use to exclude each other. A separate transaction holds each lock,
 * which the gateway keeps open; or the gateway's own table of locks, where there is one.
 */
import * as Effect from "effect/Effect"
import type { DataApiError } from "../../data-api/DataApiError.ts"
import type { Session } from "../session/ClientSession.ts"
import { type HeldLock, KEEP_LOCK } from "../session/OpenTransaction.ts"
import { asItIs, type Bound, callOf, wrappedRows } from "../session/RowStatements.ts"
import type { StatementOutcome } from "../session/StatementOutcome.ts"
import type { ClientStatement } from "../statement/ClientStatement.ts"
import { statementOf } from "../statement/ClientStatement.ts"
import { commandTag } from "../statement/CommandTag.ts"
import { type Refused, refusal, refusedBy } from "../statement/Refused.ts"
import { wrap } from "../statement/Wrapped.ts"
import type { LockTable } from "./LockTable.ts"

export interface LockCall {
  readonly action: "lock" | "try" | "unlock" | "unlockAll"
  readonly shared: boolean
  /** The arguments as written. */
  readonly key: string
  /** The statement that takes the lock until the end of its transaction. */
  readonly withinTransaction: string
}

const names = /^"?pg_(try_)?advisory_(lock|unlock|unlock_all)(_shared)?"?$/

/** Parses `select pg_advisory_lock(...)`, with or without a column alias; undefined for any other statement. */
export const lockCallOf = ({ sql, starts, words }: ClientStatement): LockCall | undefined => {
  if (words[0] !== "select") return undefined
  const at = words[1] === "pg_catalog" && words[2] === "." ? 3 : 1
  const match = names.exec(words[at] ?? "")
  if (match === null || words[at + 1] !== "(") return undefined
  let depth = 0
  let end = at + 1
  for (; end < words.length; end++) {
    if (words[end] === "(") depth++
    else if (words[end] === ")" && --depth === 0) break
  }
  const rest = words.slice(end + 1)
  if (rest.length > 2 || (rest.length === 2 && rest[0] !== "as")) return undefined
  const [, tries, verb, shared] = match
  const start = starts[at] ?? 0
  const name = sql.slice(start, start + (words[at]?.length ?? 0))
  return {
    action: verb === "lock" ? (tries === undefined ? "lock" : "try") : verb === "unlock" ? "unlock" : "unlockAll",
    shared: shared !== undefined,
    key: sql.slice((starts[at + 1] ?? 0) + 1, starts[end]),
    withinTransaction:
      sql.slice(0, start) + name.replace("advisory_", "advisory_xact_") + sql.slice(start + name.length)
  }
}

/** Evaluates the arguments of a lock, so that equal numbers give equal keys, each of the one database. */
export const keyOf = Effect.fnUntraced(function* (session: Session, { key }: LockCall, bound: Bound | undefined) {
  const call = yield* callOf(
    statementOf(`select row(${key})::text`),
    { sql: `select row(${key})::text`, prefix: 0 },
    bound
  )
  // The arguments are expressions of the client's, which must not write through a read-only gateway.
  const isGuarded = session.upstream.readOnly && session.transaction === undefined
  const sent = session.send(call)
  const { records } = yield* isGuarded
    ? Effect.ensuring(Effect.andThen(session.begin(true), sent), session.rollback())
    : sent
  const field = records?.[0]?.[0]
  const numbers = field !== undefined && "stringValue" in field ? field.stringValue : ""
  return `${numbers} ${session.database ?? ""}`
})

/** The transaction of a lock: the one that holds it already, so that a session does not wait for itself, or a new one. */
export const transactionOf = (session: Session, key: string): Effect.Effect<string, DataApiError> => {
  const held = session.locks.find((lock) => lock.key === key)?.transactionId
  return held === undefined ? Effect.map(session.open(""), ({ id }) => id) : Effect.succeed(held)
}

/** Gives a lock back: rolls back its transaction, unless that holds other locks. */
export const give = (session: Session, { key, shared, transactionId }: HeldLock): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (transactionId === undefined) return Effect.sync(() => session.upstream.locks?.release(session, key, shared))
    return session.locks.some((lock) => lock.transactionId === transactionId)
      ? Effect.void
      : Effect.ignore(session.upstream.api.rollbackTransaction({ transactionId }))
  })

/** Releases all locks. */
export const releaseLocks = (session: Session): Effect.Effect<void> =>
  Effect.suspend(() => Effect.forEach(session.locks.splice(0), (lock) => give(session, lock), { discard: true }))

/** Takes a lock of the gateway's table, and returns the row of the call. */
const takeFrom = (table: LockTable, session: Session, { action, shared }: LockCall, key: string) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      if (action === "lock") yield* restore(table.take(session, key, shared))
      else if (!table.tryTake(session, key, shared)) return [["f"]]
      session.locks.push({ key, shared, transactionId: undefined })
      return [[action === "lock" ? "" : "t"]]
    })
  )

/** Takes a lock, and returns the rows of the call. */
const take = Effect.fnUntraced(function* (session: Session, asked: LockCall, bound: Bound | undefined) {
  const { api, locks } = session.upstream
  const key = yield* keyOf(session, asked, bound)
  if (locks !== undefined) return yield* takeFrom(locks, session, asked, key)
  const statement = statementOf(asked.withinTransaction)
  const call = yield* callOf(statement, wrap(statement), bound)
  const taking = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const transactionId = yield* transactionOf(session, key)
      const lock = { key, shared: asked.shared, transactionId }
      const { parameters, sql } = call
      const place = { database: session.database, transactionId }
      const ran = session.tagged(sql, (text) => api.executeStatement({ ...place, sql: text, parameters }))
      const rows = wrappedRows(yield* Effect.onError(restore(ran), () => give(session, lock)))
      if (asked.action === "try" && rows[0]?.[0] !== "t") yield* give(session, lock)
      else {
        yield* Effect.onError(api.executeStatement({ ...place, sql: KEEP_LOCK }), () => give(session, lock))
        session.locks.push(lock)
      }
      return rows
    })
  )
  return yield* Effect.mapError(taking, (error) => refusedBy(error))
})

const free = Effect.fnUntraced(function* (session: Session, asked: LockCall, bound: Bound | undefined) {
  const key = yield* keyOf(session, asked, bound)
  const at = session.locks.findLastIndex((lock) => lock.key === key && lock.shared === asked.shared)
  const [lock] = at === -1 ? [] : session.locks.splice(at, 1)
  if (lock !== undefined) {
    yield* give(session, lock)
    return "t"
  }
  session.listener.notice({
    severity: "WARNING",
    code: "01000",
    message: `you don't own a lock of type ${asked.shared ? "ShareLock" : "ExclusiveLock"}`
  })
  return "f"
})

/** Runs `select pg_advisory_lock(...)` and the like. */
export const advisoryLock = (
  session: Session,
  statement: ClientStatement,
  asked: LockCall,
  bound: Bound | undefined
): Effect.Effect<StatementOutcome, Refused> =>
  Effect.gen(function* () {
    const answer = bound?.description ?? (yield* session.describe(statement, []))
    if (answer === "unknown") {
      return yield* refusal(
        "0A000",
        "the advisory lock can't be taken",
        "Give its number as one constant or parameter."
      )
    }
    if ("sqlState" in answer) {
      // Fails in PostgreSQL's own words; if not, the lock ends with its transaction instead of staying in a session.
      const takes = asked.action === "lock" || asked.action === "try"
      const own = asItIs(session, takes ? statementOf(asked.withinTransaction) : statement, bound)
      const isGuarded = session.upstream.readOnly && session.transaction === undefined
      return yield* isGuarded ? Effect.andThen(session.begin(true), own) : own
    }
    const rows =
      asked.action === "unlockAll"
        ? yield* Effect.as(releaseLocks(session), [[""]])
        : asked.action === "unlock"
          ? [[yield* free(session, asked, bound)]]
          : yield* take(session, asked, bound)
    return { columns: answer.columns, rows, tag: (count) => commandTag(statement.words, count) }
  })
