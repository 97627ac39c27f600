/**
 * Databases that have Alex's tables but no journal: those made before there were migrations.
 */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Account, Instrument, Job, Position, User } from "../../domain/index.ts"

const moment = ["timestamp without time zone", "timestamp with time zone"]

/** The types that the columns of the first databases may have, whichever table they are in. */
const originalTypes: Readonly<Record<string, ReadonlyArray<string>>> = {
  clerk_user_id: ["character varying(255)"],
  display_name: ["character varying(255)"],
  years_until_retirement: ["integer"],
  target_retirement_income: ["numeric(12,2)"],
  asset_class_targets: ["jsonb"],
  region_targets: ["jsonb"],
  symbol: ["character varying(20)"],
  name: ["character varying(255)"],
  instrument_type: ["character varying(50)"],
  current_price: ["numeric(12,4)"],
  allocation_regions: ["jsonb"],
  allocation_sectors: ["jsonb"],
  allocation_asset_class: ["jsonb"],
  id: ["uuid"],
  account_name: ["character varying(255)"],
  account_purpose: ["text"],
  cash_balance: ["numeric(12,2)"],
  cash_interest: ["numeric(5,4)"],
  account_id: ["uuid"],
  quantity: ["numeric(20,8)"],
  as_of_date: ["date"],
  job_type: ["character varying(50)"],
  status: ["character varying(20)"],
  request_payload: ["jsonb"],
  report_payload: ["jsonb"],
  charts_payload: ["jsonb"],
  retirement_payload: ["jsonb"],
  summary_payload: ["jsonb"],
  error_message: ["text"],
  created_at: moment,
  started_at: moment,
  completed_at: moment,
  updated_at: moment
}

/** The columns of a table that the first databases had; later migrations add the others. */
const originalColumns = (row: { readonly fields: object }) =>
  Object.fromEntries(
    Object.keys(row.fields).flatMap((column) => {
      const types = originalTypes[column]
      return types === undefined ? [] : [[column, types] as const]
    })
  )

/** The tables as the first databases had them: for each column the types it may have. */
const originalTables: Readonly<Record<string, Readonly<Record<string, ReadonlyArray<string>>>>> = {
  users: originalColumns(User),
  instruments: originalColumns(Instrument),
  accounts: originalColumns(Account),
  positions: originalColumns(Position),
  jobs: originalColumns(Job)
}

/** The tables that `migrate` adopts when it finds them without a journal. */
export const tables: ReadonlyArray<string> = Object.keys(originalTables)

const Column = Schema.Struct({ table: Schema.String, column: Schema.String, type: Schema.String })

/** What a database without a journal holds: nothing of Alex's, the first form of its tables, or something else. */
export type Layout =
  | { readonly _tag: "empty" }
  | { readonly _tag: "original"; readonly tables: ReadonlyArray<string> }
  | { readonly _tag: "unknown"; readonly differences: ReadonlyArray<string> }

/** Compares a database's tables with those of the first databases. Columns that are too many do no harm. */
export const layoutOf = (columns: ReadonlyArray<typeof Column.Type>): Layout => {
  const found = new Map<string, Map<string, string>>()
  for (const { column, table, type } of columns) {
    found.set(table, (found.get(table) ?? new Map<string, string>()).set(column, type))
  }
  if (found.size === 0) return { _tag: "empty" }
  const differences = [...found].flatMap(([table, actual]) =>
    Object.entries(originalTables[table] ?? {}).flatMap(([column, types]) => {
      const type = actual.get(column)
      if (type === undefined) return [`${table}.${column} is missing`]
      return types.includes(type) ? [] : [`${table}.${column} is ${type}, expected ${types.join(" or ")}`]
    })
  )
  return differences.length > 0 ? { _tag: "unknown", differences } : { _tag: "original", tables: [...found.keys()] }
}

/** Looks at the tables of the current schema that have the names of Alex's. One request. */
export const inspect = Effect.fn("Adoption.inspect")(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    select c.relname::text as "table", a.attname::text as "column", format_type(a.atttypid, a.atttypmod) as "type"
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = to_regnamespace(current_schema()::text)
      and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
      and ${sql.in("relname", tables)}`
  return layoutOf(yield* Schema.decodeUnknownEffect(Schema.Array(Column))(rows))
})
