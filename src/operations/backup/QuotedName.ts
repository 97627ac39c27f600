/**
 * Names of tables and columns in SQL, whatever characters they have. (`sql(name)` would take a dot in a name as the one
 * between schema and table.)
 */

import type { SqlClient } from "effect/sql"
import { quotedName } from "../../data-api/statement/Quoting.ts"

/** A table with its schema. */
export const tableText = (schema: string, name: string): string => `${quotedName(schema)}.${quotedName(name)}`

/** The same as a fragment. */
export const table = (sql: SqlClient.SqlClient, schema: string, name: string) => sql.literal(tableText(schema, name))

/** Several names, with commas. */
export const columns = (sql: SqlClient.SqlClient, names: ReadonlyArray<string>, before = "") =>
  sql.literal(names.map((name) => `${before}${quotedName(name)}`).join(", "))
