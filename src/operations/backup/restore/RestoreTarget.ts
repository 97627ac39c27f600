/** The database that a backup is restored into: whether its tables exist and fit, and what they hold. */

import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { onForeign } from "../../database/Advice.ts"
import * as Installation from "../../database/Installation.ts"
import { countRows } from "../../database/RowCount.ts"
import { migrate } from "../../migrate/Migrate.ts"
import * as Migration from "../../migrate/Migration.ts"
import { refuse } from "../Backup.ts"
import * as Catalogue from "../BackupCatalogue.ts"
import type { Header, Table } from "../BackupFormat.ts"
import { table } from "../QuotedName.ts"

/** A table of the backup and the table that takes its rows. */
export interface Pair {
  readonly from: Table
  readonly to: Catalogue.FoundTable
}

/**
 * Where the rows go. `migrateTo` is the number of the last migration to apply first, if the tables are missing or
 * empty.
 */
export interface Place {
  readonly schema: string
  readonly migrateTo: number | undefined
}

const list = (names: ReadonlyArray<string>): string => names.join(", ")

const placeOfAlex = Effect.fnUntraced(function* (header: Header, folder: string | undefined) {
  const migrations = yield* Migration.load({ folder })
  const unknown = header.migrations.filter((name) => !migrations.some((migration) => migration.name === name))
  if (unknown.length > 0) {
    return yield* refuse(
      `the backup is of a database that ${list(unknown)} made, which this version does not know`,
      "Use the version of alex-database that wrote the backup, or a newer one"
    )
  }
  const { foreign, journal, misplaced, schema, tables } = yield* Installation.inspect(migrations)
  if (foreign.length > 0) {
    const fix = misplaced.length > 0 ? onForeign(true).fix : "Restore into a database of its own"
    return yield* refuse(foreign.join("; "), fix)
  }
  const last = migrations.findLast(({ name }) => header.migrations.includes(name))
  if (tables.length === 0 && last === undefined) {
    return yield* refuse(
      "it is empty, and the backup is of a database that was never migrated",
      "Run alex-db migrate on the database that was backed up, and back it up again"
    )
  }
  const applied = (journal ?? []).filter(({ durationMs }) => durationMs !== null).map(({ name }) => name)
  const missing = header.migrations.filter((name) => !applied.includes(name))
  if (missing.length === 0) return { schema, migrateTo: undefined }
  // A restore that was cut off while it migrated leaves tables without rows.
  const counts = yield* Effect.forEach(tables, ({ name }) => countOf(schema, name))
  if (last !== undefined && counts.every((rows) => rows === 0)) return { schema, migrateTo: last.number }
  return yield* refuse(`it is older than the backup: ${list(missing)} not applied`, "Run alex-db migrate on it first")
})

/** Finds where the rows of a backup go. Not in a transaction. */
export const placeOf = Effect.fnUntraced(function* (header: Header, folder?: string) {
  if (header.scope === "alex") return yield* placeOfAlex(header, folder)
  return { schema: header.schema, migrateTo: undefined }
})

/** Creates the tables of Alex that are missing; returns the names of the migrations that were applied. */
export const make = Effect.fnUntraced(function* (
  { migrateTo }: Place,
  options: { readonly folder?: string | undefined; readonly version?: string | undefined }
) {
  if (migrateTo === undefined) return []
  const { applied } = yield* migrate({ ...options, to: migrateTo, packed: true })
  return applied.map(({ name }) => name)
})

/** How a table differs from what the backup's rows need. */
const differences = ({ from, to }: Pair): ReadonlyArray<string> => [
  ...from.columns.flatMap(({ name, type }) => {
    const column = to.columns.find((one) => one.name === name)
    if (column === undefined) return [`${from.name}.${name} is missing`]
    if (column.isGenerated) return [`${from.name}.${name} is generated, and has values in the backup`]
    return column.type === type ? [] : [`${from.name}.${name} is ${column.type}, and ${type} in the backup`]
  }),
  ...to.columns
    .filter(({ isGenerated, isOptional, name }) => {
      return !isGenerated && !isOptional && !from.columns.some((column) => column.name === name)
    })
    .map(({ name }) => `${from.name}.${name} must have a value, and is not in the backup`)
]

/** How many differences a message lists. */
const mostListed = 10

const listed = (all: ReadonlyArray<string>): string =>
  all.length > mostListed ? `${list(all.slice(0, mostListed))}, and ${all.length - mostListed} more` : list(all)

const References = Schema.Array(Schema.Struct({ reference: Schema.String }))

/** Fails if a table outside the backup refers to one in it: PostgreSQL truncates neither without the other. */
export const refuseReferences = Effect.fnUntraced(function* (schema: string, header: Header) {
  const sql = yield* SqlClient.SqlClient
  const names = header.tables.map(({ name }) => name)
  const rows = yield* sql`
    with emptied as (
      select c.oid, t.relid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      cross join lateral (select c.oid as relid union select relid from pg_catalog.pg_partition_tree(c.oid)) t
      where n.nspname = ${schema}::text and c.relkind in ('r', 'p') and c.relname::text = any(${names}::text[])
    )
    select format('%s refers to %s (%I)', k.conrelid::regclass, k.confrelid::regclass, k.conname) as reference
    from pg_catalog.pg_constraint k
    where k.contype = 'f' and k.conparentid = 0 and k.confrelid in (select relid from emptied)
      and k.conrelid not in (select relid from emptied)
    order by 1`
  const found = yield* Schema.decodeUnknownEffect(References)(rows)
  if (found.length === 0) return
  return yield* refuse(
    `its tables can't be emptied, since others refer to them: ${listed(found.map(({ reference }) => reference))}`,
    "Drop these foreign keys, and add them again after the restore"
  )
})

/** Finds the tables, and fails if they don't fit. In a transaction that has the catalogue's settings. */
export const pairsOf = Effect.fnUntraced(function* (header: Header, { schema }: Place) {
  const names = header.tables.map(({ name }) => name)
  const found = yield* Catalogue.tables({ schema, names })
  const pairs: Array<Pair> = []
  const problems: Array<string> = []
  for (const from of header.tables) {
    const to = found.find(({ name }) => name === from.name)
    if (to === undefined) problems.push(`${from.name} is missing`)
    else pairs.push({ from, to })
  }
  problems.push(...pairs.flatMap(differences))
  if (problems.length === 0) return pairs
  return yield* refuse(
    `its tables in the schema "${schema}" do not fit the backup: ${listed(problems)}`,
    header.scope === "alex"
      ? "Run alex-db verify, which names what differs from the migrations; or restore into a new database"
      : "Create them as they were, with the application's own migrations or pg_dump --schema-only: a backup holds only rows"
  )
})

export { mostCounted } from "../../database/RowCount.ts"

/**
 * How many rows a table holds, or one more than are counted.
 *
 * @param only Whether to leave out the rows of partitions and of tables that inherit from it.
 */
export const countOf = Effect.fnUntraced(function* (schema: string, name: string, only = false) {
  const sql = yield* SqlClient.SqlClient
  return yield* countRows(sql`${sql.literal(only ? "only " : "")}${table(sql, schema, name)}`)
})
