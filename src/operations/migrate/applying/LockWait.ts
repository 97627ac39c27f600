/**
 * Waits for locks that other sessions hold: the application, another runner, or the transaction of a killed runner,
 * which the Data API ends only after 3 minutes.
 */
import { Duration, Effect, Random } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { sqlStateOf } from "../../database/DatabaseFailure.ts"
import * as Progress from "../../Progress.ts"
import { locksOf } from "../statements/StatementLocks.ts"

/** How long a statement waits for a lock before it fails and lets the application continue. */
export const lockTimeout = "5s"

/** How long to wait for locks in all, unless an operation says otherwise. */
export const defaultPatience = "5 minutes"

const stateOf = (error: unknown): string | undefined => {
  if (SqlError.isSqlError(error)) return sqlStateOf(error)
  const state = typeof error === "object" && error !== null && "sqlState" in error ? error.sqlState : undefined
  return typeof state === "string" ? state : undefined
}

/** Whether a lock timed out, or the transaction lost a deadlock or a race: it was rolled back and may be retried. */
export const mayPass = (error: unknown): boolean => /^(55P03|40P01|40001)$/.test(stateOf(error) ?? "")

/**
 * Retries a whole transaction while others hold the locks that it needs, with a pause after each attempt. The
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
        // An attempt takes the pause and the 5 seconds of `lock_timeout`.
        waited += pause + 5000
      }
    })

/**
 * How often to try to lock all tables without waiting, about a tenth of a second apart, before waiting for the locks.
 */
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
 * Takes all the locks that statements need on these tables before the first one runs. Taken statement by statement,
 * they could deadlock with a service that locks the tables in another order, and the service might be the one that
 * fails.
 *
 * First it holds no lock while any table is in use. Then, so that a busy application can't block a migration for ever,
 * it waits for one table after the other, but gives up before another session checks for deadlocks. Must be in a
 * transaction.
 *
 * @param tables The tables that others may use, each after those that it refers to. One request if the statements lock
 *   at least two of them.
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
