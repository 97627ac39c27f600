/**
 * Runs statements that take longer than the 45 seconds after which a call of the Data API times out, such as an index
 * on a large table.
 */
import { Effect } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { dataApiReasonOf } from "../../database/DatabaseFailure.ts"
import * as Progress from "../../Progress.ts"
import { RunsOn } from "./RunsOn.ts"

const timedOut = (error: unknown): boolean =>
  SqlError.isSqlError(error) && dataApiReasonOf(error) === "StatementTimeout"

/** The characters of a statement that `pg_stat_activity` shows for certain. */
const shown = 200

/** Waits until no session of this role runs the statement any more. */
const waitForEnd = Effect.fnUntraced(function* (statement: string, operation: string) {
  const sql = yield* SqlClient.SqlClient
  const beginning = statement.slice(0, shown)
  for (let seconds = 0; ; seconds++) {
    const running = yield* sql`
      select pid from pg_stat_activity
      where datname = current_database() and usename = current_user and state = 'active' and pid <> pg_backend_pid()
        and position(${beginning}::text in query) > 0`
    if (running.length === 0) return
    const text = `the statement still runs in the database, ${seconds} s after its call ended`
    yield* Progress.report({ operation, done: 0, total: 0, text })
    yield* Effect.sleep("1 second")
  }
})

/**
 * Runs a statement that may take long. If its call times out, waits until it ends in the database, and runs it again,
 * which finds the work done. The statement must be repeatable, for example with `if not exists`.
 *
 * @param options.ended Removes what a statement that was cut off left behind.
 */
export const runToItsEnd = Effect.fnUntraced(function* <E, R>(
  statement: string,
  options: { readonly operation: string; readonly ended: Effect.Effect<unknown, E, R> }
) {
  const sql = yield* SqlClient.SqlClient
  const wait = Effect.andThen(waitForEnd(statement, options.operation), options.ended)
  return yield* sql.unsafe(statement).pipe(
    Effect.provideService(RunsOn, true),
    Effect.tapError((error) => (timedOut(error) ? wait : Effect.void)),
    Effect.retry({ while: timedOut, times: 2 })
  )
})
