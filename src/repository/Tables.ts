/** The tables: their keys, their columns as the schemas of their rows name them, and parts of statements made of these. */
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import { type Fragment, fragment, literal } from "effect/sql/Statement"
import { Account } from "../domain/Account.ts"
import { Decimal } from "../domain/Decimal.ts"
import { Instrument } from "../domain/Instrument.ts"
import { Job } from "../domain/Job.ts"
import { Position } from "../domain/Position.ts"
import { User } from "../domain/User.ts"

/** A part of statements that is always the same. */
export const fixed = (text: string): Fragment => fragment([literal(text)])

/** Stands for a part of a statement that is left out. */
export const nothing = /* @__PURE__ */ fixed("")

/** A schema with named fields, one for each column. */
export interface Columns {
  readonly fields: { readonly [column: string]: unknown }
}

/** A table, and the schema of its rows. */
export interface Table<
  Row extends Schema.Codec<unknown, unknown> & Columns = Schema.Codec<unknown, unknown> & Columns
> {
  readonly name: string
  readonly key: string
  readonly row: Row
}

export const users = { name: "users", key: "clerk_user_id", row: User } as const satisfies Table<typeof User>
export const instruments = {
  name: "instruments",
  key: "symbol",
  row: Instrument
} as const satisfies Table<typeof Instrument>
export const accounts = { name: "accounts", key: "id", row: Account } as const satisfies Table<typeof Account>
export const positions = { name: "positions", key: "id", row: Position } as const satisfies Table<typeof Position>
export const jobs = { name: "jobs", key: "id", row: Job } as const satisfies Table<typeof Job>

/** The columns of a table, qualified, for `SELECT` and `RETURNING`; all that its rows have, or those of `some`. */
export const selected = (
  { name, row }: { readonly name: string; readonly row: Columns },
  some: Columns = row
): Fragment => settable(some, name)

/** The columns that an input may set: `name, instrument_type`; of a record, `new.name, new.instrument_type`. */
export const settable = (input: Columns, record?: string): Fragment =>
  fixed(
    Object.keys(input.fields)
      .map((column) => (record === undefined ? column : `${record}.${column}`))
      .join(", ")
  )

/** Reads the rows of some keys: UUIDs where the key is `id`, else text. */
export const byKeys = (sql: SqlClient, table: Table) => {
  const columns = selected(table)
  const name = fixed(table.name)
  const key = fixed(table.key)
  const type = fixed(table.key === "id" ? "uuid[]" : "text[]")
  return (keys: ReadonlyArray<string>) => sql`SELECT ${columns} FROM ${name} WHERE ${key} = ANY(${keys}::${type})`
}

/** Changes rows: the columns that the JSON names are set, and the others of `columns` keep their values. */
export const updateFrom = (sql: SqlClient, { name }: { readonly name: string }, columns: Fragment, json: string) => {
  const table = fixed(name)
  return sql`UPDATE ${table} SET (${columns}) = (SELECT ${columns} FROM jsonb_populate_record(${table}, ${json}::jsonb))`
}

/** Limits a query to the rows of a user. */
export const ofUser = (sql: SqlClient, user: string): Fragment => sql`WHERE clerk_user_id = ${user}::varchar`

/** Limits a query to the rows whose key comes after another; `""` may be a key itself. */
export const following = (sql: SqlClient, key: string, after: string | undefined): Fragment =>
  Predicate.isNullish(after) ? fixed("true") : sql`${fixed(key)} > ${after}::varchar`

/** Returns so many rows at most; a limit beyond the integers of PostgreSQL, such as `Infinity`, is none. */
export const limited = (sql: SqlClient, limit: number): Fragment => sql`LIMIT ${Math.min(limit, 2 ** 31 - 1)}::int`

/** Inserts a row, unless there is one with its key. */
export const insertNew = (sql: SqlClient, table: Table, columns: Fragment, json: string) => {
  const name = fixed(table.name)
  return sql`
    INSERT INTO ${name} (${columns})
    SELECT ${columns} FROM jsonb_populate_record(NULL::${name}, ${json}::jsonb)
    ON CONFLICT (${fixed(table.key)}) DO NOTHING RETURNING ${selected(table)}`
}

/**
 * Inserts a row, or finds the one with its key; `created` says which it was. A row that another transaction is inserting
 * is neither inserted nor visible: there is none then, and the next attempt sees it.
 */
export const insertOrFind = (sql: SqlClient, table: Table, columns: Fragment, json: string, key: Fragment) => sql`
  WITH created AS (${insertNew(sql, table, columns, json)})
  SELECT true AS created, created.* FROM created
  UNION ALL
  SELECT false, ${selected(table)} FROM ${fixed(table.name)}
  WHERE ${fixed(table.key)} = ${key} AND NOT EXISTS (SELECT FROM created)`

const isDecimal = (field: unknown): boolean =>
  field === Decimal ||
  (Predicate.hasProperty(field, "members") && Array.isArray(field.members) && field.members.includes(Decimal))

/** The SQL of a row as a JSON object. Decimals are text, so that none is rounded. */
export const rowAsJson = ({ row }: { readonly row: Columns }): Fragment => {
  const members = Object.entries(row.fields).map(
    ([column, field]) => `'${column}', ${column}${isDecimal(field) ? "::text" : ""}`
  )
  return fixed(`jsonb_build_object(${members.join(", ")})`)
}
