/** Counts the rows of tables, up to a limit. */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { Fragment } from "effect/sql/Statement"

/** Rows are counted up to this number; `rows` is one more if there are more. */
export const mostCounted = 1_000_000

const Count = Schema.Tuple([Schema.Struct({ rows: Schema.Int })])

/** Counts the rows of a FROM clause, up to {@link mostCounted}. One request. */
export const countRows = Effect.fnUntraced(function* (from: Fragment) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    select count(*)::integer as rows from (select from ${from} limit ${sql.literal(String(mostCounted + 1))}) t`
  const [{ rows: count }] = yield* Schema.decodeUnknownEffect(Count)(rows)
  return count
})

/** Counts the rows of a table of Alex's, up to {@link mostCounted}. One request. */
export const countTable = Effect.fnUntraced(function* (name: string) {
  const sql = yield* SqlClient.SqlClient
  return { name, rows: yield* countRows(sql`${sql(name)}`) }
})
