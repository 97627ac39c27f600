/**
 * INSERT outside of a transaction, after which clients ask for the number that a row got: `lastInsertId` of PDO and Qt,
 * `last_insert_id` of DBD::Pg. The next statement has another session, so that PostgreSQL could not tell.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Session } from "../session/ClientSession.ts"
import { asItIs, type Bound, callOf } from "../session/RowStatements.ts"
import type { StatementOutcome } from "../session/StatementOutcome.ts"
import { naming } from "../session/settings/Settings.ts"
import type { ClientStatement } from "../statement/ClientStatement.ts"
import { commandTag } from "../statement/CommandTag.ts"
import { fieldText } from "../statement/FieldText.ts"
import type { Refused } from "../statement/Refused.ts"
import { insertTarget } from "./InsertTarget.ts"

/** Whether a statement runs in a transaction of the client's, in which PostgreSQL itself knows the numbers. */
const isWithin = ({ transaction }: Session): boolean => transaction?.implicit === false

/** Forgets the numbers before a statement that may use sequences. */
export const forgetNumbers = (session: Session, statement: ClientStatement): void => {
  if (isWithin(session) || !session.sequences.outlast(statement)) session.sequences.forget()
}

/** The column of the table of an INSERT that gets its value from a sequence, where names mean what they mean elsewhere. */
const numberedColumn = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  const isElsewhere = isWithin(session) || naming(session.settings.values).length > 0
  const target = isElsewhere ? undefined : insertTarget(statement)
  if (target === undefined) return undefined
  // If it can't be told, the INSERT itself fails, or its number is not known.
  const numbered = yield* Effect.orElseSucceed(session.numbered(target.table), () => undefined)
  return numbered === undefined || target.columns.includes(numbered.column) ? undefined : numbered
})

/** Runs a statement that returns no rows; of an INSERT outside of a transaction, the number of the last row is noted. */
export const withNumbers = Effect.fnUntraced(function* (
  session: Session,
  statement: ClientStatement,
  bound: Bound | undefined
): Effect.fn.Return<StatementOutcome, Refused> {
  const { sequences, upstream } = session
  const numbered = yield* numberedColumn(session, statement)
  if (numbered === undefined) {
    sequences.forget()
    return yield* asItIs(session, statement, bound)
  }
  const call = yield* callOf(statement, { sql: `${statement.sql}\nreturning ${numbered.column}`, prefix: 0 }, bound)
  const sent = yield* Effect.result(session.send(call))
  if (Result.isFailure(sent)) {
    sequences.forget()
    // Refused before it ran, perhaps since the table is another one by now.
    const isOther = sent.failure.fields.code.startsWith("42")
    if (isOther) upstream.numbered.clear()
    return isOther && session.transaction === undefined ? yield* asItIs(session, statement, bound) : yield* sent.failure
  }
  const numbers = (sent.success.records ?? []).flatMap(([field]) => (field === undefined ? [] : [fieldText(field)]))
  const last = numbers.at(-1)
  if (last != null) sequences.note(numbered, last)
  return { columns: undefined, rows: [], tag: () => commandTag(statement.words, numbers.length) }
})
