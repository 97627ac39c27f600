/**
 * Statements that take longer than the 45 seconds after which the Data API gives a call up: an index on a large table.
 */
import { Effect } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { dataApiReasonOf } from "../database/DatabaseFailure.ts"
import * as Progress from "../Progress.ts"
import { RunsOn } from "./RunsOn.ts"

const timedOut = (error: unknown): boolean =>
  SqlError.isSqlError(error) && dataApiReasonOf(error) === "StatementTimeout"

/** As much of a statement as `pg_stat_activity` shows for certain. */
const shown = 200

/** Waits for as long as a session of this role runs the statement. */
const waitForEnd = Effect.fnUntraced(function* (statement: string, operation: string) {
  const sql = yield* SqlClient.SqlClient
  const beginning = statement.slice(0, shown)
  for (let seconds = 0; ; seconds++) {
    const running = yield* sql`
      select pid from pg_stat_activity
      where datname = current_database() and usename = current_user and state = 'active' and pid <> pg_backend_pid()
        and position(${beginning}::text in query) > 0`
    if (running.length === 0) return
    const text = `the statement runs on in the database, ${seconds} s past the end of its call`
    yield* Progress.report({ operation, done: 0, total: 0, text })
    yield* Effect.sleep("1 second")
  }
})

/**
 * Runs a statement that may take its time. Past the end of its call it is waited for, and then asked for again: what it
 * did the first time, it finds done. It must be one that can be repeated, such as with `if not exists`.
 *
 * @param options.ended Clears away what a statement that was cut off has left behind.
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
