/**
 * Which tables are Alex's, by their columns and constraints.
 */

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

/** Alex's tables as the first databases had them: for each column the types that it may have. */
const columnsOf: Readonly<Record<string, Readonly<Record<string, ReadonlyArray<string>>>>> = {
  users: originalColumns(User),
  instruments: originalColumns(Instrument),
  accounts: originalColumns(Account),
  positions: originalColumns(Position),
  jobs: originalColumns(Job)
}

/** What tells one of Alex's tables from another of that name, however it was altered since it was migrated. */
const identity: Readonly<Record<string, ReadonlyArray<string>>> = {
  users: ["clerk_user_id"],
  instruments: ["symbol", "allocation_regions"],
  accounts: ["id", "clerk_user_id"],
  positions: ["account_id", "symbol"],
  jobs: ["clerk_user_id", "job_type"]
}

/** The names of Alex's tables. */
export const tables: ReadonlyArray<string> = Object.keys(columnsOf)

/** Columns of the first databases that the very first did not have yet, and what adds them. */
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
  Object.entries(later[table.name] ?? {})
    .filter(([column]) => table.columns[column] === undefined)
    .map(([column, type]) => ({ column, type }))

/** Whether a table of this name is one of Alex's, if it has their form. */
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
  if (kind !== "r") return [`it is ${kinds[kind] ?? "not a table"}`]
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

/** Whether a table has the name and the form of one that came after the first databases. */
export const isLaterTable = (table: Relation): boolean => {
  const expected = laterTables[table.name]
  return expected !== undefined && differences(table, expected).length === 0
}

/**
 * How a table differs from Alex's of that name. Columns that are too many do no harm.
 *
 * @param migrated Whether a journal says that Alex's tables are here: what identifies the table is enough then.
 */
export const differencesOf = (table: Relation, migrated: boolean): ReadonlyArray<string> => {
  const expected = columnsOf[table.name] ?? {}
  const added = laterColumns(table).map(({ column }) => column)
  const columns = migrated
    ? (identity[table.name] ?? [])
    : Object.keys(expected).filter((column) => !added.includes(column))
  return differences(table, Object.fromEntries(columns.map((column) => [column, expected[column] ?? []])))
}

/** How a table differs from `migrate`'s journal. */
export const journalDifferences = (table: Relation): ReadonlyArray<string> => differences(table, journalColumns)

const moments = (table: Relation, types: ReadonlyArray<string>): ReadonlyArray<string> =>
  Object.entries(columnsOf[table.name] ?? {})
    .filter(([column, expected]) => expected === moment && types.includes(table.columns[column] ?? ""))
    .map(([column]) => `${table.name}.${column}`)

/** The moments of a table that carry no zone: they were written in UTC. */
export const momentsWithoutZone = (table: Relation): ReadonlyArray<string> => moments(table, moment.slice(0, 1))

/** The migration after which every moment carries a zone. */
export const zonedBy = "002_timestamps_with_zone"

/** Whether a table is as the original module makes it: none of its moments carries a zone. */
export const isOriginal = (table: Relation): boolean =>
  momentsWithoutZone(table).length > 0 && momentsWithoutZone(table).length === moments(table, moment).length

/** The body of a function that keeps `updated_at`, in whatever words: the original module has some of its own. */
export const keepsUpdatedAt =
  /^begin new\.updated_at :?= (now\(\)|current_timestamp|transaction_timestamp\(\)); return new; end;?$/i
