/** Quotes names of tables and columns for SQL, whatever characters they have. */
import type { SqlClient } from "effect/sql"

/** A name in quotes. (`sql(name)` would take a dot in the name as the one between schema and table.) */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A table with its schema. */
export const tableText = (schema: string, name: string): string => `${quoted(schema)}.${quoted(name)}`

/** The same as a fragment. */
export const table = (sql: SqlClient.SqlClient, schema: string, name: string) => sql.literal(tableText(schema, name))

/** Several names, with commas. */
export const columns = (sql: SqlClient.SqlClient, names: ReadonlyArray<string>, before = "") =>
  sql.literal(names.map((name) => `${before}${quoted(name)}`).join(", "))
