/** Counts the rows of tables, up to a limit. */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"

/** Rows are counted up to this number; `rows` is one more if there are more. */
export const mostCounted = 1_000_000

const Count = Schema.Tuple([Schema.Struct({ rows: Schema.Int })])

/** Counts the rows of a table, up to {@link mostCounted}. One request. */
export const rowsOf = Effect.fnUntraced(function* (table: string) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    select count(*)::integer as rows from (select 1 from ${sql(table)} limit ${sql.literal(String(mostCounted + 1))}) t`
  const [{ rows: count }] = yield* Schema.decodeUnknownEffect(Count)(rows)
  return { name: table, rows: count }
})
