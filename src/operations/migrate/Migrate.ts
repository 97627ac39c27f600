/** Applies the pending migrations to a database, and reports which are applied and which are pending. */
import { type Duration, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import * as Installation from "../database/Installation.ts"
import * as Layout from "../database/Layout.ts"
import * as Progress from "../Progress.ts"
import * as Adoption from "./Adoption.ts"
import { apply } from "./applying/ApplyMigration.ts"
import * as Journal from "./applying/Journal.ts"
import * as LockWait from "./applying/LockWait.ts"
import { settleConstraints } from "./applying/SettleConstraints.ts"
import { compareInstallation, type MigrationStatus, refusalOf } from "./Comparison.ts"
import * as Migration from "./Migration.ts"
import { MigrationRefused } from "./MigrationErrors.ts"

export { compare, compareInstallation, MigrationStatus, Problem } from "./Comparison.ts"
export { MigrationFailed, MigrationRefused } from "./MigrationErrors.ts"

/**
 * What `migrate` did. `adopted` names the tables that it found without a journal and took over, `converted` their
 * timestamp columns without time zone, which were read as UTC, and `leftOut` the constraints that old rows break, with
 * `lenient`.
 */
export const MigrationReport = Schema.Struct({
  applied: Schema.Array(
    Schema.Struct({ name: Schema.String, statements: Schema.Int, durationMs: Schema.Int, byAnother: Schema.Boolean })
  ),
  alreadyApplied: Schema.Int,
  adopted: Schema.Array(Schema.String),
  converted: Schema.Array(Schema.String),
  leftOut: Schema.Array(Schema.String),
  warnings: Schema.Array(Schema.String)
})
export type MigrationReport = typeof MigrationReport.Type

/** Options of `migrate`; all members have a default. */
export interface MigrateOptions extends Migration.Source {
  /** The last number to apply. */
  readonly to?: number | undefined
  /** The version written into the journal. */
  readonly version?: string | undefined
  /**
   * Sends the statements of a migration as one request where that is possible, which is three times as fast over HTTP.
   * If it fails, the migration is run again statement by statement, to find the statement that fails.
   */
  readonly packed?: boolean | undefined
  /** Leaves out constraints that old rows of an adopted database break, so that those rows can still be changed. */
  readonly lenient?: boolean | undefined
  /** How long to wait in all for locks that others hold: another runner, or the application. 5 minutes by default. */
  readonly patience?: Duration.Input | undefined
}

/**
 * Reports what is applied, what is pending and what is wrong. One request, two if there is no journal.
 *
 * @errors MigrationsUnreadable, RepositoryError
 */
export const status = Effect.fn("Migrate.status")(function* (options: MigrateOptions = {}) {
  const migrations = yield* Migration.load(options)
  const installation = yield* Installation.inspect(migrations, options)
  const { journal } = installation
  const state = compareInstallation(migrations, installation, options.to)
  const unfinished = (journal ?? [])
    .filter((entry) => entry.durationMs === null)
    .map(({ appliedAt, name }) => {
      return `${name} was begun at ${appliedAt.toISOString()} and has not ended: a runner is applying it, or was cut off`
    })
  return { ...state, warnings: [...unfinished, ...state.warnings] } satisfies MigrationStatus
})

const inTransaction = Effect.fnUntraced(function* <A, E, R>(
  work: Effect.Effect<A, E, R>,
  patience: Duration.Input | undefined
) {
  const sql = yield* SqlClient.SqlClient
  return yield* sql.withTransaction(work).pipe(LockWait.waitForLocks({ operation: "migrate", patience }))
})

/** Prepares tables of the original module for the migrations, and a journal without entries for them. */
const prepareTables = (
  { journal }: Installation.Installation,
  statements: ReadonlyArray<string>,
  inUse: ReadonlyArray<string>,
  patience: Duration.Input | undefined
) =>
  inTransaction(
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* Journal.create()
      const last = Math.max(0, ...(journal ?? []).map(({ appliedAt }) => appliedAt.getTime()))
      yield* Journal.forget(new Date(last))
      yield* LockWait.lockTogether(inUse, statements)
      for (const statement of statements) yield* sql.unsafe(statement)
    }),
    patience
  )

/**
 * Applies the pending migrations, each in one transaction, and records them in the journal.
 *
 * Nothing is changed if the journal and the migrations contradict each other, or if tables with Alex's names have
 * unknown columns. Concurrent runners take turns: each migration is applied once. A runner that is killed leaves
 * nothing of a migration in a transaction.
 *
 * Requests: 1 when nothing is pending; else 2, and for each migration its statements and 4 more, 5 if it locks several
 * existing tables.
 *
 * @errors MigrationFailed, MigrationRefused, MigrationsUnreadable, RepositoryError
 *
 * @example
 * ```ts
 * import { NodeServices } from "@effect/platform-node"
 * import { Effect } from "effect"
 * import { DbLayer, Migrate } from "alex-database"
 *
 * const main = Migrate.migrate().pipe(Effect.provide(DbLayer.layer), Effect.provide(NodeServices.layer))
 * ```
 */
export const migrate = Effect.fn("Migrate.migrate")(function* (options: MigrateOptions = {}) {
  const migrations = yield* Migration.load(options)
  yield* Progress.report({ operation: "migrate", done: 0, total: 0, text: "reading the journal" })
  const installation = yield* Installation.inspect(migrations, options)
  const { journal, standing, tables } = installation
  const state = compareInstallation(migrations, installation, options.to)
  if (state.problems.length > 0) {
    return yield* refusalOf(state.problems)
  }
  const pending = migrations.filter((migration) => state.pending.some(({ name }) => name === migration.name))
  const isAdoption = pending.length > 0 && (standing === "fresh" || standing === "remade")
  const preparation = isAdoption ? yield* Adoption.prepare(installation, pending) : Adoption.nothing
  if (preparation.problems.length > 0) return yield* new MigrationRefused({ problems: preparation.problems })
  const isPrepared = preparation.before.length > 0 || standing === "remade"
  const inUse = Layout.allTables.filter((name) => tables.some((table) => table.name === name))
  if (isPrepared) yield* prepareTables(installation, preparation.before, inUse, options.patience)
  const applied: Array<MigrationReport["applied"][number]> = []
  for (const [index, migration] of pending.entries()) {
    const durationMs = yield* apply(migration, {
      version: options.version ?? "unknown",
      makeJournal: journal === undefined && !isPrepared && index === 0,
      packed: (options.packed ?? false) && migration.transactional,
      inUse,
      after: index === 0 ? preparation.after : [],
      patience: options.patience
    })
    applied.push({
      name: migration.name,
      statements: migration.statements.length,
      durationMs: durationMs ?? 0,
      byAnother: durationMs === undefined
    })
  }
  const lenient = options.lenient === true
  const settled =
    lenient || (isAdoption && tables.length > 0)
      ? yield* settleConstraints(lenient, options.patience)
      : { leftOut: [], warnings: [] }
  const report: MigrationReport = {
    applied,
    alreadyApplied: state.applied.length,
    adopted: isAdoption ? tables.map(({ name }) => name).filter(Layout.isAlexs) : [],
    converted: isAdoption ? tables.flatMap(Layout.momentsWithoutZone) : [],
    leftOut: settled.leftOut,
    warnings: [...state.warnings, ...preparation.notices, ...settled.warnings]
  }
  return report
})
