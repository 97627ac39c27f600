/** Syntax errors, which PostgreSQL finds in all statements of a text before it runs the first one. */
import * as Effect from "effect/Effect"
import { isLonger, MAX_SQL_LENGTH } from "../../data-api/Limits.ts"
import { idempotent } from "../../data-api/RetryPolicy.ts"
import { ANSWER_SQLSTATE, nonce } from "../../data-api/sql/TypeLookup.ts"
import { literal } from "../../data-api/statement/Quoting.ts"
import { type ClientStatement, clientPosition } from "../statement/ClientStatement.ts"
import { type Refused, refusedBy } from "../statement/Refused.ts"
import type { Session } from "./ClientSession.ts"
import { atTerminator, callOf } from "./RowStatements.ts"

/** Whether PostgreSQL would find the error before it runs any statement; an error within a function has no position. */
export const isOfGrammar = ({ code, message, position }: Refused["fields"]): boolean =>
  code === "42601" && position !== undefined && message.startsWith("syntax error at ")

/**
 * Has PostgreSQL parse each statement as the body of a function, and tells the number of the first with a syntax error.
 *
 * A function with a parameter of any type is not looked at further than its grammar. Nothing stays of it.
 */
const question = (statements: ReadonlyArray<ClientStatement>): string => {
  const texts = statements.map(({ sql }) => literal(sql)).join(", ")
  return `do ${literal(`declare stmt text; number int := 0;
begin
  foreach stmt in array array[${texts}]::text[] loop
    number := number + 1;
    begin
      execute 'create function pg_temp.alex_${nonce()}(anyelement) returns void language sql as ' || quote_literal(stmt);
      raise exception using errcode = '${ANSWER_SQLSTATE}';
    exception when syntax_error then
      raise exception using errcode = '${ANSWER_SQLSTATE}', message = number::text;
    when others then null;
    end;
  end loop;
end`)}`
}

const ending = /^(?:commit|end|rollback|abort)(?: work| transaction)?(?: and(?: no)? chain)?$/
const goingBack = /^rollback(?: work| transaction)? to(?: savepoint)? name$/
const beginning =
  /^(?:begin(?: work| transaction)?|start transaction)(?:(?: ,)? (?:isolation level (?:read (?:un)?committed|repeatable read|serializable)|read (?:only|write)|(?:not )?deferrable))*$/

/** Whether a statement that begins or ends a transaction, or goes back in it, has no words that do not belong there. */
const isPlain = ({ kind, words }: ClientStatement): boolean => {
  if (kind === "begin") return beginning.test(words.join(" "))
  if (kind === "rollbackTo") return goingBack.test([...words.slice(0, -1), "name"].join(" "))
  return (kind === "commit" || kind === "rollback") && ending.test(words.join(" "))
}

/** Whether a transaction that has failed may have a statement at all. */
export const isEnd = ({ kind }: ClientStatement): boolean =>
  kind === "commit" || kind === "rollback" || kind === "rollbackTo"

/**
 * Whether PostgreSQL would find a syntax error that the gateway would not come to: in a transaction that has failed, which
 * refuses all but its end, and in the beginnings and ends of transactions, which PostgreSQL is not sent.
 */
export const mayHideFault = ({ transaction }: Session, statements: ReadonlyArray<ClientStatement>): boolean =>
  statements.some((one) =>
    transaction?.failed === true ? !(isEnd(one) && isPlain(one)) : (isEnd(one) || one.kind === "begin") && !isPlain(one)
  )

/** Fails with the first syntax error of the statements, before one of them runs. A very long text is not checked. */
export const checkGrammar = Effect.fnUntraced(function* (session: Session, statements: ReadonlyArray<ClientStatement>) {
  const { database, transaction, upstream } = session
  const sql = question(statements)
  if (isLonger(sql, MAX_SQL_LENGTH)) return
  // Outside of the session's transaction, which may have failed; but a database with one connection answers nothing there.
  const within = upstream.locks === undefined ? undefined : transaction
  if (within?.failed === true) return
  const run = (text: string) => upstream.api.executeStatement({ sql: text, database, transactionId: within?.id })
  const answer = yield* Effect.flip(idempotent(run(sql))).pipe(Effect.option)
  if (answer._tag === "None" || answer.value.reason._tag !== "DatabaseError") return
  if (within !== undefined) within.failed = true
  const { primary, sqlState } = answer.value.reason
  const faulty = sqlState === ANSWER_SQLSTATE ? statements[Number(primary) - 1] : undefined
  if (faulty === undefined) return
  // It can't run, and its own error has the position. A parameter stays as it is, since it has no value.
  const call = faulty.words.some((word) => /^\$\d+$/.test(word))
    ? { sql: faulty.sql, positionOf: (position: number) => clientPosition(faulty, position) }
    : yield* callOf(faulty, { sql: faulty.sql, prefix: 0 }, undefined)
  yield* Effect.mapError(run(call.sql), (error) => atTerminator(refusedBy(error, call.positionOf), faulty))
})
