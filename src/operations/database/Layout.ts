/** Tells which tables are Alex's, by their columns. */

import { Account, Instrument, Job, Position, User } from "../../domain/index.ts"

const moment = ["timestamp without time zone", "timestamp with time zone"]

/** The types that columns of the first databases may have, by the column's name in any table. */
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

/** A member that a record itself has: a table of any name may be asked for, and objects inherit `constructor`. */
const named = <A>(record: Readonly<Record<string, A>>, name: string): A | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined

/** The columns of a table that the first databases had; later migrations add the others. */
const originalColumns = (row: { readonly fields: object }) =>
  Object.fromEntries(
    Object.keys(row.fields).flatMap((column) => {
      const types = originalTypes[column]
      return types === undefined ? [] : [[column, types] as const]
    })
  )

/** Alex's tables as in the first databases: for each column the types that it may have. */
const columnsByTable: Readonly<Record<string, Readonly<Record<string, ReadonlyArray<string>>>>> = {
  users: originalColumns(User),
  instruments: originalColumns(Instrument),
  accounts: originalColumns(Account),
  positions: originalColumns(Position),
  jobs: originalColumns(Job)
}

/** The columns that tell Alex's table from another of that name, however it was altered since. */
const identity: Readonly<Record<string, ReadonlyArray<string>>> = {
  users: ["clerk_user_id"],
  instruments: ["symbol", "allocation_regions"],
  accounts: ["id", "clerk_user_id"],
  positions: ["account_id", "symbol"],
  jobs: ["clerk_user_id", "job_type"]
}

/** The names of the tables of the first databases. */
export const tables: ReadonlyArray<string> = Object.keys(columnsByTable)

/** Columns that the very first databases did not have yet, with the types that they are added with. */
const later: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  jobs: {
    request_payload: "jsonb",
    report_payload: "jsonb",
    charts_payload: "jsonb",
    retirement_payload: "jsonb",
    summary_payload: "jsonb",
    error_message: "text",
    started_at: "timestamp",
    completed_at: "timestamp",
    updated_at: "timestamp default now()"
  }
}

/** The columns that a table of the very first databases lacks, with the type that they are added with. */
export const laterColumns = (table: Relation): ReadonlyArray<{ readonly column: string; readonly type: string }> =>
  Object.entries(named(later, table.name) ?? {})
    .filter(([column]) => table.columns[column] === undefined)
    .map(([column, type]) => ({ column, type }))

/** Whether Alex has a table of this name; the columns must match too. */
export const isAlexs = (name: string): boolean => tables.includes(name)

/** The columns of the journal in which `migrate` writes what it applied. */
const journalColumns: Readonly<Record<string, ReadonlyArray<string>>> = {
  name: ["text"],
  checksum: ["text"],
  applied_at: ["timestamp with time zone"],
  duration_ms: ["integer"],
  version: ["text"]
}

/** PostgreSQL's letters for kinds of relations, in words. */
const kinds: Readonly<Record<string, string>> = {
  p: "a partitioned table",
  f: "a foreign table",
  v: "a view",
  m: "a materialized view",
  S: "a sequence",
  i: "an index",
  I: "an index",
  c: "a type"
}

/** A relation of the catalogue: `kind` is PostgreSQL's letter, `columns` are types by name. */
export interface Relation {
  readonly name: string
  readonly kind: string
  readonly columns: Readonly<Record<string, string>>
}

const differences = (
  { columns, kind, name }: Relation,
  expected: Readonly<Record<string, ReadonlyArray<string>>>
): ReadonlyArray<string> => {
  if (kind !== "r") return [`it is ${named(kinds, kind) ?? "not a table"}`]
  return Object.entries(expected).flatMap(([column, types]) => {
    const type = columns[column]
    if (type === undefined) return [`${name}.${column} is missing`]
    return types.includes(type) ? [] : [`${name}.${column} is ${type}, expected ${types.join(" or ")}`]
  })
}

/** Tables that came after the first databases, with the types of their columns. */
const laterTables: Readonly<Record<string, Readonly<Record<string, ReadonlyArray<string>>>>> = {
  portfolio_snapshots: {
    clerk_user_id: ["character varying(255)"],
    day: ["date"],
    cash: ["numeric"],
    market_value: ["numeric"],
    total: ["numeric"],
    accounts: ["jsonb"],
    asset_classes: ["jsonb"],
    regions: ["jsonb"],
    sectors: ["jsonb"]
  },
  price_history: { symbol: ["character varying(20)"], day: ["date"], price: ["numeric(12,4)"] },
  agent_calls: {
    id: ["uuid"],
    clerk_user_id: ["character varying(255)"],
    job_id: ["uuid"],
    tool: ["character varying(64)"],
    arguments: ["character varying(64)"],
    outcome: ["character varying(64)"],
    called_at: ["timestamp with time zone"],
    milliseconds: ["integer"],
    bytes: ["integer"]
  }
}

/** The names of all of Alex's tables, those that came later too. */
export const allTables: ReadonlyArray<string> = [...tables, ...Object.keys(laterTables)]

/** How a table differs from the one of its name that came after the first databases, if there is one. */
export const laterDifferences = (table: Relation): ReadonlyArray<string> =>
  differences(table, named(laterTables, table.name) ?? {})

/** Whether a table has the name and the columns of one that came after the first databases. */
export const isLaterTable = (table: Relation): boolean =>
  Object.hasOwn(laterTables, table.name) && laterDifferences(table).length === 0

/**
 * How a table differs from Alex's table of that name. Additional columns do no harm.
 *
 * @param migrated Whether a journal says that Alex's tables are here: then only the identifying columns are compared.
 */
export const differencesOf = (table: Relation, migrated: boolean): ReadonlyArray<string> => {
  const expected = named(columnsByTable, table.name) ?? {}
  const added = laterColumns(table).map(({ column }) => column)
  const columns = migrated
    ? (named(identity, table.name) ?? [])
    : Object.keys(expected).filter((column) => !added.includes(column))
  return differences(table, Object.fromEntries(columns.map((column) => [column, expected[column] ?? []])))
}

/** How a table differs from `migrate`'s journal. */
export const journalDifferences = (table: Relation): ReadonlyArray<string> => differences(table, journalColumns)

const moments = (table: Relation, types: ReadonlyArray<string>): ReadonlyArray<string> =>
  Object.entries(named(columnsByTable, table.name) ?? {})
    .filter(([column, expected]) => expected === moment && types.includes(table.columns[column] ?? ""))
    .map(([column]) => `${table.name}.${column}`)

/** The timestamp columns of a table that are without time zone; their values are in UTC. */
export const momentsWithoutZone = (table: Relation): ReadonlyArray<string> => moments(table, moment.slice(0, 1))

/** The migration after which every timestamp column has a time zone. */
export const zonedBy = "002_timestamps_with_zone"

/** Whether the original Python module made a table: all of its timestamp columns are without time zone. */
export const isOriginal = (table: Relation): boolean =>
  momentsWithoutZone(table).length > 0 && momentsWithoutZone(table).length === moments(table, moment).length

/** Matches the body of a function that keeps `updated_at`: the original module words it in its own way. */
export const keepsUpdatedAt =
  /^begin new\.updated_at :?= (now\(\)|current_timestamp|transaction_timestamp\(\)); return new; end;?$/i
