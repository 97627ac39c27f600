/** What must not change: the whole schema of a database, and what it holds. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Tables, columns, constraints, triggers, functions and privileges, as one text. */
export const schemaOf = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ readonly line: string }>`
    SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || coalesce(column_default, '') AS line
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT conrelid::regclass::text || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT pg_get_functiondef(p.oid) FROM pg_proc p LEFT JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e'
    WHERE p.pronamespace = 'public'::regnamespace AND d.objid IS NULL
    UNION ALL SELECT relname || ' ' || coalesce(relacl::text, '') FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'role ' || rolname FROM pg_roles
    ORDER BY line`
  return rows.map(({ line }) => line).join("\n")
})

const tables = ["users", "instruments", "accounts", "positions", "jobs"] as const

/** How many rows each table holds. */
export const countsOf = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const counts: Record<string, number> = {}
  for (const table of tables) {
    const [row] = yield* sql<{ readonly n: bigint }>`SELECT count(*) AS n FROM ${sql(table)}`
    counts[table] = Number(row?.n)
  }
  return counts
})

/** Runs an effect that may add `added` rows and must change nothing else. */
export const unharmed = Effect.fnUntraced(function* <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  added: Readonly<Record<string, number>> = {}
) {
  const schema = yield* schemaOf
  const counts = yield* countsOf
  const result = yield* effect
  const problems: Array<string> = []
  if ((yield* schemaOf) !== schema) problems.push("the schema has changed")
  for (const [table, count] of Object.entries(yield* countsOf)) {
    const expected = (counts[table] ?? 0) + (added[table] ?? 0)
    if (count !== expected) problems.push(`${table} has ${count} rows, not ${expected}`)
  }
  return { result, problems }
})
