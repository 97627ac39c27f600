/**
 * What `migrate` would run, which tables each statement locks, and what would be slow on a large one.
 */
import { Data, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { messageInTransaction, sqlStateOf } from "../database/DatabaseFailure.ts"
import * as Installation from "../database/Installation.ts"
import * as Journal from "./Journal.ts"
import { compareInstallation, type MigrateOptions, MigrationFailed, MigrationRefused } from "./Migrate.ts"
import * as Migration from "./Migration.ts"

/** A lock on a table, in PostgreSQL's words. ACCESS EXCLUSIVE stops reads too; SHARE and stronger stop writes. */
export const TableLock = Schema.Struct({ table: Schema.String, mode: Schema.String })
export type TableLock = typeof TableLock.Type

/** One statement that would run, where it stands, what it locks, and what would be slow about it. */
export const PlannedStatement = Schema.Struct({
  migration: Schema.String,
  line: Schema.Int,
  sql: Schema.String,
  locks: Schema.Array(TableLock),
  warnings: Schema.Array(Schema.String)
})
export type PlannedStatement = typeof PlannedStatement.Type

/** The plan. `tried` says whether the statements ran, in a transaction that was rolled back. */
export const PlanReport = Schema.Struct({ tried: Schema.Boolean, statements: Schema.Array(PlannedStatement) })
export type PlanReport = typeof PlanReport.Type

/** What to plan; all members have a default. */
export interface PlanOptions extends Pick<MigrateOptions, "folder" | "to"> {
  /** Runs the statements and rolls them back: says what they really lock, and whether they work. */
  readonly rehearse?: boolean | undefined
}

const name = '"?([a-z_][a-z0-9_.]*)"?'
const ifs = "(?:if\\s+(?:not\\s+)?exists\\s+)?"

const rules: ReadonlyArray<{ readonly pattern: RegExp; readonly mode: string; readonly unless?: RegExp }> = [
  {
    pattern: new RegExp(`^alter\\s+table\\s+${ifs}(?:only\\s+)?${name}\\s+validate\\b`, "i"),
    mode: "SHARE UPDATE EXCLUSIVE"
  },
  {
    pattern: new RegExp(`^alter\\s+table\\s+${ifs}(?:only\\s+)?${name}`, "i"),
    mode: "ACCESS EXCLUSIVE",
    unless: /^alter\s+table\s+\S+\s+validate\b/i
  },
  { pattern: new RegExp(`^drop\\s+table\\s+${ifs}${name}`, "i"), mode: "ACCESS EXCLUSIVE" },
  { pattern: new RegExp(`^truncate\\s+(?:table\\s+)?${name}`, "i"), mode: "ACCESS EXCLUSIVE" },
  {
    pattern: new RegExp(`^create\\s+(?:unique\\s+)?index\\s+concurrently\\s[^(]*?\\bon\\s+${name}`, "i"),
    mode: "SHARE UPDATE EXCLUSIVE"
  },
  {
    pattern: new RegExp(`^create\\s+(?:unique\\s+)?index\\s[^(]*?\\bon\\s+${name}`, "i"),
    mode: "SHARE",
    unless: /^create\s+(?:unique\s+)?index\s+concurrently\b/i
  },
  {
    pattern: new RegExp(`^create\\s+(?:or\\s+replace\\s+)?trigger\\s[\\s\\S]*?\\bon\\s+${name}`, "i"),
    mode: "SHARE ROW EXCLUSIVE"
  },
  { pattern: new RegExp(`^create\\s+table[\\s\\S]*?\\breferences\\s+${name}`, "i"), mode: "SHARE ROW EXCLUSIVE" },
  { pattern: new RegExp(`^(?:update|insert\\s+into|delete\\s+from)\\s+${name}`, "i"), mode: "ROW EXCLUSIVE" }
]

const slowness: ReadonlyArray<{ readonly pattern: RegExp; readonly warning: string; readonly unless?: RegExp }> = [
  {
    pattern: /^alter\s+table[\s\S]*\btype\s/i,
    warning: "changing a column's type rewrites the table unless the new type stores it alike"
  },
  { pattern: /^alter\s+table[\s\S]*\bset\s+not\s+null/i, warning: "SET NOT NULL reads the whole table" },
  {
    pattern: /^alter\s+table[\s\S]*\badd\s+(constraint\s+\S+\s+)?(check|foreign\s+key)/i,
    warning: "the constraint is checked against every row; add it NOT VALID and validate it later",
    unless: /\bnot\s+valid\b/i
  },
  {
    pattern: /^create\s+(unique\s+)?index\b/i,
    warning: "no row can be written while the index is built; CONCURRENTLY avoids that",
    unless: /\bconcurrently\b/i
  },
  { pattern: /^update\s/i, warning: "the update keeps its rows locked until the migration ends" },
  { pattern: /^(drop\s+table|truncate)\b/i, warning: "data is lost" }
]

const applies = (sql: string) => (rule: { readonly pattern: RegExp; readonly unless?: RegExp }) =>
  rule.pattern.test(sql) && !(rule.unless?.test(sql) ?? false)

/** What a statement locks, read off its text: the strongest lock on each table, as PostgreSQL's manual has them. */
export const locksOf = (sql: string): ReadonlyArray<TableLock> =>
  rules.filter(applies(sql)).flatMap(({ mode, pattern }) => {
    const table = pattern.exec(sql)?.[1]
    return table === undefined ? [] : [{ table: table.toLowerCase(), mode }]
  })

/** What is slow about a statement, or in the way of the application, when the table is large. */
export const warningsOf = (sql: string): ReadonlyArray<string> =>
  slowness.filter(applies(sql)).map(({ warning }) => warning)

const plannedOf = (migration: Migration.Migration): ReadonlyArray<PlannedStatement> =>
  migration.statements.map(({ line, sql }) => ({
    migration: migration.name,
    line,
    sql,
    locks: locksOf(sql),
    warnings: warningsOf(sql)
  }))

/** Carries the outcome out of the transaction that it rolls back. */
class Rehearsed extends Data.TaggedError("Rehearsed")<{ readonly statements: ReadonlyArray<PlannedStatement> }> {}

const heldLocks = Effect.fnUntraced(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    select distinct c.relname::text as "table", l.mode
    from pg_locks l join pg_class c on c.oid = l.relation
    where l.pid = pg_backend_pid() and l.locktype = 'relation' and c.relkind in ('r', 'p')
      and c.relnamespace = to_regnamespace(quote_ident(current_schema()::text))
    order by 1, 2`
  const locks = yield* Schema.decodeUnknownEffect(Schema.Array(TableLock))(rows)
  return locks.map(({ mode, table }) => ({
    table,
    mode: mode
      .replace(/Lock$/, "")
      .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
      .toUpperCase()
  }))
})

const rehearse = Effect.fnUntraced(function* (statements: ReadonlyArray<PlannedStatement>) {
  const sql = yield* SqlClient.SqlClient
  const tried: Array<PlannedStatement> = []
  let before: ReadonlyArray<TableLock> = []
  yield* Journal.settings(sql)
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
          rolledBack: true
        })
      })
    )
    const held = yield* heldLocks()
    const isNew = ({ mode, table }: TableLock) => !before.some((lock) => lock.table === table && lock.mode === mode)
    tried.push({ ...statement, locks: held.filter(isNew) })
    before = held
  }
  return yield* new Rehearsed({ statements: tried })
})

/**
 * Lists the pending statements with the locks that they take and what is slow about them; changes nothing.
 *
 * With `rehearse` the statements run in one transaction that is rolled back, and the locks are those that were held.
 * Migrations that are no transaction are not rehearsed, nor is what comes after them.
 *
 * @errors MigrationFailed, MigrationRefused, MigrationsUnreadable, RepositoryError
 */
export const plan = Effect.fn("Plan.plan")(function* (options: PlanOptions = {}) {
  const migrations = yield* Migration.load(options.folder)
  const state = compareInstallation(migrations, yield* Installation.inspect(migrations), options.to)
  if (state.problems.length > 0) {
    return yield* new MigrationRefused({ problems: state.problems.map(({ message }) => message) })
  }
  const pending = migrations.filter((migration) => state.pending.some((one) => one.name === migration.name))
  const statements = pending.flatMap(plannedOf)
  if (options.rehearse !== true || statements.length === 0) {
    const report: PlanReport = { tried: false, statements }
    return report
  }
  const sql = yield* SqlClient.SqlClient
  const firstOutside = pending.find((migration) => !migration.transactional)
  const upTo = statements.findIndex(({ migration }) => migration === firstOutside?.name)
  const inside = upTo === -1 ? statements : statements.slice(0, upTo)
  const tried = yield* sql
    .withTransaction(rehearse(inside))
    .pipe(Effect.catchTag("Rehearsed", (outcome) => Effect.succeed(outcome.statements)))
  const report: PlanReport = { tried: true, statements: [...tried, ...statements.slice(tried.length)] }
  return report
})
