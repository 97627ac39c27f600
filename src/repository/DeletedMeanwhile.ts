/** Writes that refer to a row which another session deletes while they run. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** One for each of the two rows that a position refers to: another application's key may refuse a deletion for ever. */
const retries = 2

/** SQLSTATE `foreign_key_violation`. */
const isForeignKeyViolation = ({ reason }: SqlError): boolean =>
  Predicate.hasProperty(reason.cause, "code") && reason.cause.code === "23503"

/**
 * Runs a statement again if a foreign key refused it. The statement looks up the rows that it refers to, so a key can only
 * refuse it if such a row came or went after it began; the next attempt sees that, and the repository says that the row
 * was not found. A transaction is aborted by then, so a statement in one fails with the error of the key.
 */
export const seeingDeleted = (sql: SqlClient) => {
  const isAlone = Effect.map(Effect.serviceOption(sql.transactionService), Option.isNone)
  return <A, R>(statement: Effect.Effect<A, SqlError, R>): Effect.Effect<A, SqlError, R> =>
    Effect.retry(statement, {
      times: retries,
      while: (error) => (isForeignKeyViolation(error) ? isAlone : false)
    })
}
