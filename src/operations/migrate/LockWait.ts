/**
 * Patience with locks that other sessions hold: the application, another runner, or the transaction of one that was
 * killed, which the service ends only after 3 minutes.
 */
import { Duration, Effect, Random } from "effect"
import { SqlError } from "effect/sql"
import { sqlStateOf } from "../database/DatabaseFailure.ts"
import * as Progress from "../Progress.ts"

/** How long a statement waits for a lock before it steps back and lets the application through. */
export const lockTimeout = "5s"

/** How long a lock is waited for in all, unless an operation says otherwise. */
export const defaultPatience = "5 minutes"

const stateOf = (error: unknown): string | undefined => {
  if (SqlError.isSqlError(error)) return sqlStateOf(error)
  const state = typeof error === "object" && error !== null && "sqlState" in error ? error.sqlState : undefined
  return typeof state === "string" ? state : undefined
}

/** No lock in time, or the loser of a deadlock or a race: all of it was rolled back and may be tried again. */
export const mayPass = (error: unknown): boolean => /^(55P03|40P01|40001)$/.test(stateOf(error) ?? "")

/**
 * Repeats a whole transaction for as long as others hold the locks that it needs, with a pause after each turn. The
 * transaction must set `lock_timeout` to {@link lockTimeout}.
 */
export const waitForLocks =
  (options: { readonly operation: string; readonly patience?: Duration.Input | undefined }) =>
  <A, E, R>(transaction: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.gen(function* () {
      const patience = Duration.toMillis(Duration.fromInputUnsafe(options.patience ?? defaultPatience))
      for (let waited = 0; ; ) {
        const outcome = yield* Effect.result(transaction)
        if (outcome._tag === "Success") return outcome.success
        if (!mayPass(outcome.failure) || waited >= patience) return yield* Effect.fail(outcome.failure)
        const seconds = Math.round(waited / 1000)
        const text = `waiting for a lock that another session holds, ${seconds} s so far`
        yield* Progress.report({ operation: options.operation, done: 0, total: 0, text })
        const pause = yield* Random.nextIntBetween(500, 1500)
        yield* Effect.sleep(pause)
        // A turn is the pause and the 5 seconds for which the statement itself waited.
        waited += pause + 5000
      }
    })
