/** Writes that refer to a row which another session deletes while they run, and such deletions. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** One for each of the two rows that a position refers to: another application's key may refuse a deletion for ever. */
const retries = 2

/** How often a statement is run again after deadlocks, each of which PostgreSQL finds after a second. */
const retriesOfDeadlock = 5

/** Whether a statement failed by `foreign_key_violation`. */
export const isForeignKeyViolation = ({ reason }: SqlError): boolean =>
  Predicate.hasProperty(reason.cause, "code") && reason.cause.code === "23503"

/** Whether a statement runs outside of any transaction. */
export const isAlone = (sql: SqlClient): Effect.Effect<boolean> =>
  Effect.map(Effect.serviceOption(sql.transactionService), Option.isNone)

/**
 * Runs a statement again if a foreign key refused it, or if it was ended to resolve a deadlock. The statement looks up the
 * rows that it refers to, so a key can only refuse it if such a row came or went after it began; the next attempt sees
 * that, and the repository says that the row was not found. Deadlocks are with deletions, which lock a row before those
 * that refer to it, while a write's keys lock it after them. A transaction is aborted by then, so a statement in one fails
 * with the error.
 */
export const seeingDeleted = (sql: SqlClient) => {
  const alone = (is: (error: SqlError) => boolean) => (error: SqlError) => (is(error) ? isAlone(sql) : false)
  return <A, R>(statement: Effect.Effect<A, SqlError, R>): Effect.Effect<A, SqlError, R> =>
    statement.pipe(
      Effect.retry({ times: retries, while: alone(isForeignKeyViolation) }),
      Effect.retry({ times: retriesOfDeadlock, while: alone(({ reason }) => reason._tag === "DeadlockError") })
    )
}
