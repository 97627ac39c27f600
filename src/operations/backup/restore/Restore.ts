/** Restores a backup into a database, and compares the rows there with the backup. */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Target } from "../../database/Target.ts"
import type { Source } from "../Backup.ts"
import * as Catalogue from "../BackupCatalogue.ts"
import { type Header, TableSum } from "../BackupFormat.ts"
import * as Marker from "./RestoreMarker.ts"
import { occupied, type RestoreOptions, restoreAtOnce, restoreInParts } from "./RestoreRows.ts"
import * as RestoreTarget from "./RestoreTarget.ts"

export { RestoreDiffers, type RestoreOptions } from "./RestoreRows.ts"

/** What a restore would do. */
export const RestorePlan = Schema.Struct({
  database: Schema.String,
  location: Schema.String,
  schema: Schema.String,
  backup: Schema.Struct({ id: Schema.String, at: Schema.String, tool: Schema.String, server: Schema.String }),
  anonymized: Schema.Boolean,
  /** Whether the migrations make the tables first. */
  migrates: Schema.Boolean,
  /** The tables that hold rows. */
  tables: Schema.Array(Schema.Struct({ name: Schema.String, rows: Schema.Int })),
  /** What the backup holds; null if it was not read to its end. */
  contents: Schema.NullOr(Schema.Array(TableSum)),
  /** Rows that an unfinished run with `resume` has written; null if there is none. */
  resumesAt: Schema.NullOr(Schema.Int),
  /** Why the database's name must be confirmed before rows are replaced; null if it need not be. */
  mustConfirm: Schema.NullOr(Schema.String)
})
export type RestorePlan = typeof RestorePlan.Type

/** What `restore` and `copy` did. */
export const RestoreReport = Schema.Struct({
  database: Schema.String,
  location: Schema.String,
  schema: Schema.String,
  backup: Schema.String,
  /** The migrations that made the tables. */
  migrated: Schema.Array(Schema.String),
  /** Tables whose rows were deleted, with how many. */
  replaced: Schema.Array(Schema.Struct({ name: Schema.String, rows: Schema.Int })),
  /** Rows that an earlier run had written. */
  resumedAt: Schema.Int,
  tables: Schema.Array(TableSum),
  rows: Schema.Int,
  sequences: Schema.Int,
  /** Sequences of the backup that the database does not have, and that were therefore not set. */
  missingSequences: Schema.Array(Schema.String),
  /** Whether counts and hashes were compared with the backup's, and found equal. */
  verified: Schema.Boolean
})
export type RestoreReport = typeof RestoreReport.Type

/**
 * What a restore of this backup would do to the current database. Changes nothing.
 *
 * @param contents What `BackupReader.check` found in the backup, for the report.
 * @errors BackupRefused, MigrationsUnreadable, RepositoryError
 */
export const plan = Effect.fn("Restore.plan")(function* (
  header: Header,
  contents: ReadonlyArray<TableSum> | null = null,
  options: RestoreOptions = {}
) {
  const sql = yield* SqlClient.SqlClient
  const { database, isLocal, location } = yield* Target
  const place = yield* RestoreTarget.placeOf(header, options.folder)
  const migrates = place.migrateTo !== undefined
  const tables = migrates
    ? []
    : yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* Catalogue.settings()
          const held = yield* occupied(place.schema, yield* RestoreTarget.pairsOf(header, place))
          if (held.length > 0) yield* RestoreTarget.refuseReferences(place.schema, header)
          return held
        })
      )
  const marker = yield* Marker.find(place.schema)
  const resumes = marker?.backup === header.id
  const report: RestorePlan = {
    database,
    location,
    schema: place.schema,
    backup: { id: header.id, at: header.at, tool: header.tool, server: header.server },
    anonymized: header.anonymized !== null,
    migrates,
    tables,
    contents,
    resumesAt: resumes ? marker.rows : null,
    mustConfirm: tables.length > 0 && !isLocal ? "is not a local database" : null
  }
  return report
})

/**
 * Restores the rows of a backup into the current database.
 *
 * The rows are exactly those of the backup, with their timestamps and generated keys. If Alex's tables have no rows,
 * the migrations of the backup's database are applied first. The restore is one transaction, which is committed once
 * the rows that were read back have the counts and hashes of the backup. With `resume` it is many transactions, and a
 * run that was cut off is continued. Tables that hold rows are left alone without `replace`.
 *
 * @errors BackupRefused, MigrationFailed, MigrationRefused, MigrationsUnreadable, RestoreDiffers, RowsRefused,
 * RepositoryError, and what the source fails with
 */
export const restore = Effect.fn("Restore.restore")(function* <E, R>(
  source: Source<E, R>,
  options: RestoreOptions = {}
) {
  const { header } = source
  const { database, location } = yield* Target
  const found = yield* RestoreTarget.placeOf(header, options.folder)
  const migrated = yield* RestoreTarget.make(found, options)
  const place = { ...found, migrateTo: undefined }
  const run = options.resume === true ? restoreInParts(source, place, options) : restoreAtOnce(source, place, options)
  const { missingSequences, replaced, resumedAt } = yield* run
  const tables = yield* source.sums
  const report: RestoreReport = {
    database,
    location,
    schema: place.schema,
    backup: header.id,
    migrated,
    replaced,
    resumedAt,
    tables,
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
    sequences: header.sequences.length - missingSequences.length,
    missingSequences,
    verified: options.verify !== false
  }
  return report
})
