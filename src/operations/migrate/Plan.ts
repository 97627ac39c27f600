/** Lists what `migrate` would run, which tables each statement locks, and what would be slow on a large one. */
import { Data, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { messageInTransaction, sqlStateOf } from "../database/DatabaseFailure.ts"
import * as Installation from "../database/Installation.ts"
import { countTable } from "../database/RowCount.ts"
import * as Adoption from "./Adoption.ts"
import * as Journal from "./applying/Journal.ts"
import { compareInstallation, refusalOf } from "./Comparison.ts"
import type { MigrateOptions } from "./Migrate.ts"
import * as Migration from "./Migration.ts"
import { MigrationFailed } from "./MigrationErrors.ts"
import { locksOf, rewritesOf, warningsOf } from "./statements/StatementLocks.ts"

/**
 * A lock on a table, with PostgreSQL's name of its mode. ACCESS EXCLUSIVE blocks reads too; SHARE and stronger modes
 * block writes.
 */
export const TableLock = Schema.Struct({ table: Schema.String, mode: Schema.String })
export type TableLock = typeof TableLock.Type

/**
 * One statement that would run: its migration and line, the locks that it takes, the tables that it rewrites, and
 * warnings about what would be slow.
 */
export const PlannedStatement = Schema.Struct({
  migration: Schema.String,
  line: Schema.Int,
  sql: Schema.String,
  locks: Schema.Array(TableLock),
  rewrites: Schema.Array(Schema.String),
  warnings: Schema.Array(Schema.String)
})
export type PlannedStatement = typeof PlannedStatement.Type

/**
 * What the adoption of the original module's tables adds: statements that run before and after the first migration, and
 * objects to drop before and create again afterwards by hand.
 */
export const PlannedAdoption = Schema.Struct({
  before: Schema.Array(Schema.String),
  after: Schema.Array(Schema.String),
  notices: Schema.Array(Schema.String),
  obstacles: Schema.Array(Adoption.Obstacle),
  problems: Schema.Array(Schema.String)
})
export type PlannedAdoption = typeof PlannedAdoption.Type

/**
 * The plan. `tried` says whether the statements ran, in a transaction that was rolled back. `tables` are the existing
 * tables that they lock, with their rows, counted up to a million. `adoption` is null if there is nothing to adopt.
 */
export const PlanReport = Schema.Struct({
  tried: Schema.Boolean,
  statements: Schema.Array(PlannedStatement),
  tables: Schema.Array(Schema.Struct({ name: Schema.String, rows: Schema.Int })),
  adoption: Schema.NullOr(PlannedAdoption)
})
export type PlanReport = typeof PlanReport.Type

/** Options of `plan`; all members have a default. */
export interface PlanOptions extends Pick<MigrateOptions, "folder" | "own" | "to"> {
  /** Runs the statements and rolls them back, to find what they really lock and whether they work. */
  readonly rehearse?: boolean | undefined
}

const plannedOf = (migration: Migration.Migration): ReadonlyArray<PlannedStatement> =>
  migration.statements.map(({ line, sql }) => ({
    migration: migration.name,
    line,
    sql,
    locks: locksOf(sql),
    rewrites: rewritesOf(sql),
    warnings: warningsOf(sql)
  }))

/** Carries the outcome out of the transaction that it rolls back. */
class Rehearsed extends Data.TaggedError("Rehearsed")<{ readonly statements: ReadonlyArray<PlannedStatement> }> {}

const Table = Schema.Struct({ oid: Schema.String, name: Schema.String, file: Schema.NullOr(Schema.String) })

const Held = Schema.Tuple([
  Schema.Struct({
    tables: Schema.Array(Table),
    locks: Schema.Array(Schema.Struct({ oid: Schema.String, mode: Schema.String }))
  })
])

/** The schema's tables with the file that each is in, and the locks that this session holds. One request. */
const look = Effect.fnUntraced(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    select (
        select coalesce(jsonb_agg(jsonb_build_object(
          'oid', c.oid::text, 'name', c.relname, 'file', pg_relation_filenode(c.oid)::text)), '[]')
        from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = to_regnamespace(quote_ident(current_schema()::text))
      ) as tables, (
        select coalesce(jsonb_agg(distinct jsonb_build_object('oid', l.relation::text, 'mode', l.mode)), '[]')
        from pg_locks l where l.pid = pg_backend_pid() and l.locktype = 'relation'
      ) as locks`
  const [{ locks, tables }] = yield* Schema.decodeUnknownEffect(Held)(rows)
  return { locks, tables }
})

const inWords = (mode: string): string =>
  mode
    .replace(/Lock$/, "")
    .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
    .toUpperCase()

const rehearse = Effect.fnUntraced(function* (statements: ReadonlyArray<PlannedStatement>) {
  const sql = yield* SqlClient.SqlClient
  const tried: Array<PlannedStatement> = []
  yield* Journal.settings(sql)
  let before = yield* look()
  // A dropped table is no longer in the catalogue, but still locked.
  const names = new Map(before.tables.map(({ name, oid }) => [oid, name]))
  for (const statement of statements) {
    yield* sql.unsafe(statement.sql).pipe(
      Effect.catchTag("SqlError", (error) => {
        const sqlState = sqlStateOf(error)
        return new MigrationFailed({
          migration: statement.migration,
          line: statement.line,
          statement: Migration.firstWords(statement.sql),
          ...(sqlState === undefined ? {} : { sqlState }),
          reason: messageInTransaction(error),
          rolledBack: true,
          tried: true
        })
      })
    )
    const now = yield* look()
    for (const { name, oid } of now.tables) names.set(oid, name)
    const isNew = ({ mode, oid }: (typeof now.locks)[number]) =>
      !before.locks.some((lock) => lock.oid === oid && lock.mode === mode)
    const files = new Map(before.tables.map(({ file, oid }) => [oid, file]))
    tried.push({
      ...statement,
      locks: now.locks.filter(isNew).flatMap(({ mode, oid }) => {
        const table = names.get(oid)
        return table === undefined ? [] : [{ table, mode: inWords(mode) }]
      }),
      rewrites: now.tables.filter(({ file, oid }) => files.has(oid) && files.get(oid) !== file).map(({ name }) => name)
    })
    before = now
  }
  return yield* new Rehearsed({ statements: tried })
})

const adoptionOf = Effect.fnUntraced(function* (
  installation: Installation.Installation,
  pending: ReadonlyArray<Migration.Migration>
) {
  if (installation.standing !== "fresh" && installation.standing !== "remade") return null
  const { after, before, notices, obstacles, problems } = yield* Adoption.prepare(installation, pending)
  const adoption: PlannedAdoption = { before, after, notices, obstacles, problems }
  return [before, after, problems].every((one) => one.length === 0) ? null : adoption
})

/** Counts the rows of those of these tables that exist. One request, and one for each. */
const countRows = Effect.fnUntraced(function* (locked: ReadonlyArray<string>) {
  const { tables } = yield* look()
  const found = tables.filter(({ name }) => locked.includes(name)).map(({ name }) => name)
  return yield* Effect.forEach(found.sort(), countTable)
})

/**
 * Lists the pending statements with the locks that they take, the tables that they rewrite and what is slow about them;
 * changes nothing. If tables of the original module have to be adopted, also lists what prevents that.
 *
 * With `rehearse` the statements run in one transaction that is rolled back, and locks and rewrites are the observed
 * ones. Migrations outside a transaction, and those after them, are not rehearsed, nor is an adoption that has
 * problems.
 *
 * @errors MigrationFailed, MigrationRefused, MigrationsUnreadable, RepositoryError
 */
export const plan = Effect.fn("Plan.plan")(function* (options: PlanOptions = {}) {
  const migrations = yield* Migration.load(options)
  const installation = yield* Installation.inspect(migrations, options)
  const state = compareInstallation(migrations, installation, options.to)
  if (state.problems.length > 0) {
    return yield* refusalOf(state.problems)
  }
  const pending = migrations.filter((migration) => state.pending.some((one) => one.name === migration.name))
  const statements = pending.flatMap(plannedOf)
  const adoption = pending.length === 0 ? null : yield* adoptionOf(installation, pending)
  const locked = statements.flatMap(({ locks }) => locks.map(({ table }) => table.replace(/^.*\./, "")))
  const tables = statements.length === 0 ? [] : yield* countRows(locked)
  if (options.rehearse !== true || statements.length === 0 || (adoption?.problems.length ?? 0) > 0) {
    const report: PlanReport = { tried: false, statements, tables, adoption }
    return report
  }
  const firstOutside = pending.find((migration) => !migration.transactional)
  const upTo = statements.findIndex(({ migration }) => migration === firstOutside?.name)
  const inside = upTo === -1 ? statements : statements.slice(0, upTo)
  const tried = yield* rehearseWith(adoption, pending[0]?.name, inside)
  const report: PlanReport = {
    tried: true,
    statements: [...tried, ...statements.slice(tried.length)],
    tables,
    adoption
  }
  return report
})

const added = (sql: string): PlannedStatement => ({
  migration: "adoption",
  line: 1,
  sql,
  locks: [],
  rewrites: [],
  warnings: []
})

/** Rehearses the statements together with those of the adoption, which are left out of the result. */
const rehearseWith = Effect.fnUntraced(function* (
  adoption: PlannedAdoption | null,
  first: string | undefined,
  statements: ReadonlyArray<PlannedStatement>
) {
  const sql = yield* SqlClient.SqlClient
  const cut = statements.findLastIndex(({ migration }) => migration === first) + 1
  const all = [
    ...(adoption?.before ?? []).map(added),
    ...statements.slice(0, cut),
    ...(adoption?.after ?? []).map(added),
    ...statements.slice(cut)
  ]
  const tried = yield* sql
    .withTransaction(rehearse(all))
    .pipe(Effect.catchTag("Rehearsed", (outcome) => Effect.succeed(outcome.statements)))
  return tried.filter(({ migration }) => migration !== "adoption")
})
