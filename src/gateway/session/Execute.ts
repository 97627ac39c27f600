/** Runs one statement of a client, of any kind. */
import * as Effect from "effect/Effect"
import { advisoryLock, lockCallOf } from "../locks/AdvisoryLocks.ts"
import { lockingQuery, lockWithin } from "../locks/LockingQuery.ts"
import { forgetNumbers, withNumbers } from "../sequences/InsertedNumbers.ts"
import type { ClientStatement } from "../statement/ClientStatement.ts"
import { innerQuery } from "../statement/InnerQuery.ts"
import { aborted, type Refused, refusal } from "../statement/Refused.ts"
import { type Lack, neverSupported, outsideSupported } from "../statement/Unsupported.ts"
import type { Session } from "./ClientSession.ts"
import { createFrom, creationOf } from "./CreatedTables.ts"
import { close, declare, fetch } from "./cursors/CursorStatements.ts"
import { runLong } from "./LongStatements.ts"
import { refuseUnlike, runsOutsideTransaction } from "./OutsideTransactions.ts"
import { deallocate, executeText, ofNamed, prepareText } from "./PreparedText.ts"
import { asItIs, type Bound, query } from "./RowStatements.ts"
import { done, type StatementOutcome } from "./StatementOutcome.ts"
import { shownEncoding } from "./settings/ClientEncoding.ts"
import {
  discard,
  encodingByFunction,
  readOnlyGateway,
  rememberConfig,
  reset,
  set,
  setsEncoding
} from "./settings/SettingStatements.ts"
import { readsAlone } from "./settings/SettledRead.ts"
import * as Transactions from "./TransactionStatements.ts"

const lacking = ({ hint, message }: Lack): Effect.Effect<never, Refused> => Effect.fail(refusal("0A000", message, hint))

const other = (
  session: Session,
  statement: ClientStatement,
  bound: Bound | undefined
): Effect.Effect<StatementOutcome, Refused> => {
  if (innerQuery(statement)?.words[0] === "execute") return ofNamed(session, statement, bound)
  if (statement.words[0] === "explain") return asItIs(session, statement, bound)
  const shown = shownEncoding(session, statement)
  if (shown !== undefined) return Effect.succeed(shown)
  const creation = bound === undefined ? creationOf(statement) : undefined
  return creation === undefined ? asItIs(session, statement, bound) : createFrom(session, statement, creation)
}

/** A query, or a statement that writes. */
const ofRows = (
  session: Session,
  statement: ClientStatement,
  bound: Bound | undefined
): Effect.Effect<StatementOutcome, Refused> => {
  if (statement.kind === "query") {
    if (setsEncoding(statement, bound?.values ?? [])) return Effect.fail(encodingByFunction())
    const answered = session.transaction === undefined ? session.sequences.answered(statement) : undefined
    if (answered !== undefined) return query(session, answered, bound)
    return Effect.tap(query(session, statement, bound), () => rememberConfig(session, statement, bound?.values ?? []))
  }
  return statement.returnsRows === true ? query(session, statement, bound) : withNumbers(session, statement, bound)
}

const own = (
  session: Session,
  statement: ClientStatement,
  bound: Bound | undefined
): Effect.Effect<StatementOutcome, Refused> => {
  switch (statement.kind) {
    case "query":
    case "write":
      return bound === undefined
        ? runLong(session, statement, (moved, values) => ofRows(session, moved, values))
        : ofRows(session, statement, bound)
    case "set":
      return set(session, statement)
    case "reset":
      return reset(session, statement)
    case "discard":
      return discard(session, statement)
    case "prepare":
      return prepareText(session, statement)
    case "execute":
      return executeText(session, statement)
    case "deallocate":
      return deallocate(session, statement)
    case "declare":
      return declare(session, statement, bound)
    case "fetch":
      return fetch(session, statement)
    case "closeCursor":
      return close(session, statement)
    case "listen":
      return Effect.succeed(done("UNLISTEN"))
    default:
      return other(session, statement, bound)
  }
}

const lostLock = (): Refused =>
  refusal("55000", "an advisory lock was lost: the service has ended the transaction that held it", "Connect again.")

/** Kinds that manage their own transaction, or send nothing. */
const selfReliant = new Set(["set", "reset", "discard", "listen", "prepare", "deallocate", "declare"])

/**
 * Runs a statement.
 *
 * If the statement may depend on the session's settings, it runs in an implicit transaction, which `endImplicit` ends.
 */
export const execute = (
  session: Session,
  statement: ClientStatement,
  bound?: Bound
): Effect.Effect<StatementOutcome, Refused> =>
  Effect.suspend(() => {
    switch (statement.kind) {
      case "commit":
        return Transactions.commit(session, statement)
      case "rollback":
        return Transactions.rollback(session, statement)
      case "rollbackTo":
        return Transactions.rollbackTo(session, statement)
      default:
    }
    if (session.transaction?.failed === true) return Effect.fail(aborted())
    switch (statement.kind) {
      case "begin":
        return Transactions.begin(session, statement)
      case "savepoint":
        return Transactions.savepoint(session, statement)
      case "release":
        return Transactions.release(session, statement)
      default:
    }
    const lock = session.upstream.wholeSession ? undefined : lockCallOf(statement)
    const isOutside = session.transaction === undefined && !session.upstream.wholeSession && lock === undefined
    const within = isOutside ? lockWithin(statement) : undefined
    const lack =
      neverSupported(statement) ?? (isOutside && within === undefined ? outsideSupported(statement) : undefined)
    if (lack !== undefined) return lacking(lack)
    const runsOutside = runsOutsideTransaction(statement)
    if (session.upstream.readOnly && runsOutside) return Effect.fail(readOnlyGateway())
    if (session.lostLock) return Effect.fail(lostLock())
    if (lock !== undefined) return advisoryLock(session, statement, lock, bound)
    if (within !== undefined) return lockingQuery(session, statement, within, bound)
    forgetNumbers(session, statement)
    const run = own(session, statement, bound)
    if (session.transaction !== undefined) return run
    if (runsOutside) return Effect.andThen(refuseUnlike(session, statement), run)
    const alone =
      selfReliant.has(statement.kind) || !session.needsTransaction(statement) || readsAlone(session, statement)
    return alone ? run : Effect.andThen(session.begin(true), run)
  })

/** Ends the implicit transaction, if there is one. */
export const endImplicit = (session: Session, failed: boolean): Effect.Effect<void, Refused> =>
  Effect.suspend(() => {
    if (session.transaction?.implicit !== true) return Effect.void
    return failed ? session.rollback() : Effect.asVoid(session.commit())
  })
