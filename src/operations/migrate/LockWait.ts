/**
 * Patience with locks that other sessions hold: the application, another runner, or the transaction of one that was
 * killed, which the service ends only after 3 minutes.
 */
import { Duration, Effect, Random } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { sqlStateOf } from "../database/DatabaseFailure.ts"
import * as Progress from "../Progress.ts"
import { locksOf } from "./StatementLocks.ts"

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

/** How often all tables are asked for at once, about a tenth of a second apart, before their locks are queued for. */
const attempts = 25

const togetherSql = (tables: ReadonlyArray<string>, mode: string) => `
  do $alex$
  declare
    name text;
    last timestamptz;
  begin
    for attempt in 1..${attempts} loop
      begin
        lock table ${tables.join(", ")} in ${mode} mode nowait;
        return;
      exception when lock_not_available then
        perform pg_sleep(0.05 + random() / 10);
      end;
    end loop;
    last := clock_timestamp() + current_setting('deadlock_timeout')::interval / 2;
    foreach name in array string_to_array('${tables.join(",")}', ',') loop
      perform set_config('lock_timeout',
        greatest(1, floor(extract(epoch from last - clock_timestamp()) * 1000)::integer)::text, true);
      execute format('lock table %I in ${mode} mode', name);
    end loop;
    perform set_config('lock_timeout', '${lockTimeout}', true);
  end
  $alex$`

/**
 * Takes all the locks that statements will need on these tables before the first of them runs. Statement by statement
 * they would be held while others are waited for, and a service that needs the tables in another order would be ended as
 * the loser of the deadlock.
 *
 * While any table is in use none is held; then, so that a busy application does not keep a migration out for ever, they
 * are queued for, and given back before another session looks for deadlocks. Must be in a transaction.
 *
 * @param tables Those that others may use, what refers to others last. One request where the statements lock two of them.
 */
export const lockTogether = Effect.fnUntraced(function* (
  tables: ReadonlyArray<string>,
  statements: ReadonlyArray<string>
) {
  const sql = yield* SqlClient.SqlClient
  const locks = statements.flatMap(locksOf)
  const locked = tables.filter((table) => locks.some((lock) => lock.table === table)).toReversed()
  const isExclusive = locks.some(({ mode, table }) => mode === "ACCESS EXCLUSIVE" && locked.includes(table))
  if (locked.length < 2) return
  yield* sql.unsafe(togetherSql(locked, isExclusive ? "access exclusive" : "share row exclusive"))
})
