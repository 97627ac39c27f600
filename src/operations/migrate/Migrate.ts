/** Applies the pending migrations to a database, and reports which are applied and which are pending. */
import { Duration, Effect, Schema } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { isLonger, MAX_SQL_LENGTH } from "../../data-api/Limits.ts"
import * as BrokenConstraints from "../database/BrokenConstraints.ts"
import { messageInTransaction, messageOf, sqlStateOf } from "../database/DatabaseFailure.ts"
import * as Installation from "../database/Installation.ts"
import * as Layout from "../database/Layout.ts"
import * as LeftOut from "../database/LeftOut.ts"
import * as Progress from "../Progress.ts"
import * as Adoption from "./Adoption.ts"
import * as Journal from "./applying/Journal.ts"
import * as LockWait from "./applying/LockWait.ts"
import { runToItsEnd } from "./applying/LongStatement.ts"
import * as Migration from "./Migration.ts"
import { indexBuiltConcurrently, partsOf } from "./statements/StatementParts.ts"
import { changesSettings, problemsOfStatements, type StatementProblem } from "./statements/StatementProblems.ts"

/** The journal and the migrations contradict each other, or a statement can't run. Nothing was changed. */
export class MigrationRefused extends Schema.TaggedError<MigrationRefused>()("MigrationRefused", {
  problems: Schema.Array(Schema.String),
  /** What was not done, if it is not a migration. */
  undone: Schema.optionalKey(Schema.Literals(["repaired", "written into the journal"]))
}) {
  override get message() {
    return `Nothing was ${this.undone ?? "migrated"}: ${this.problems.join("; ")}`
  }
}

/** A statement of a migration failed. What the migration had done before it was rolled back. */
export class MigrationFailed extends Schema.TaggedError<MigrationFailed>()("MigrationFailed", {
  migration: Schema.String,
  line: Schema.Int,
  statement: Schema.String,
  sqlState: Schema.optionalKey(Schema.String),
  reason: Schema.String,
  rolledBack: Schema.Boolean
}) {
  override get message() {
    const code = this.sqlState === undefined ? "" : ` (SQLSTATE ${this.sqlState})`
    const after = this.rolledBack
      ? "the migration was rolled back, the ones before it stay applied"
      : "what ran before it stays, and the next run continues from there"
    return `${this.migration}.sql, line ${this.line}: ${this.reason}${code}; ${after}. Statement: ${this.statement}`
  }
}

/** Something found while comparing the journal with the migrations. */
export const Problem = Schema.Struct({
  kind: Schema.Literals(["edited", "missing", "out of order", "statement", "foreign", "tables", "number"]),
  migration: Schema.String,
  message: Schema.String
})
export type Problem = typeof Problem.Type

/** What is applied and what is pending. `problems` stop `migrate`; `warnings` do not. */
export const MigrationStatus = Schema.Struct({
  journal: Schema.Boolean,
  current: Schema.Boolean,
  applied: Schema.Array(Installation.Entry),
  pending: Schema.Array(Schema.Struct({ name: Schema.String, statements: Schema.Int, transactional: Schema.Boolean })),
  problems: Schema.Array(Problem),
  warnings: Schema.Array(Schema.String)
})
export type MigrationStatus = typeof MigrationStatus.Type

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

const statementProblems = (migrations: ReadonlyArray<Migration.Migration>, severity: StatementProblem["severity"]) =>
  migrations
    .flatMap(problemsOfStatements)
    .filter((problem) => problem.severity === severity)
    .map((problem) => ({ ...problem, message: `${problem.migration}.sql, line ${problem.line}: ${problem.message}` }))

const shown = (number: number): string => String(number).padStart(3, "0")

/** The number to stop at must be a migration's, and not below one that is applied: no migration is ever undone. */
const numberProblems = (
  migrations: ReadonlyArray<Migration.Migration>,
  newest: number,
  to: number
): ReadonlyArray<Problem> => {
  const problem = (message: string): ReadonlyArray<Problem> => [{ kind: "number", migration: "", message }]
  if (to === Number.POSITIVE_INFINITY) return []
  if (!migrations.some(({ number }) => number === to)) {
    return problem(`there is no migration ${to}: the last one is ${shown(migrations.at(-1)?.number ?? 0)}`)
  }
  return to < newest ? problem(`${shown(newest)} is applied, and no migration can be undone: stop at it or later`) : []
}

/** Compares the journal with the migrations, for `status` and `migrate`. Pure. */
export const compare = (
  migrations: ReadonlyArray<Migration.Migration>,
  journal: ReadonlyArray<Installation.Entry> | undefined,
  to = Number.POSITIVE_INFINITY
): MigrationStatus => {
  const entries = journal ?? []
  const finished = entries.filter((entry) => entry.durationMs !== null)
  const isApplied = (migration: Migration.Migration) => finished.some((entry) => entry.name === migration.name)
  const pending = migrations.filter((migration) => !isApplied(migration) && migration.number <= to)
  const newest = Math.max(0, ...migrations.filter(isApplied).map((migration) => migration.number))
  const last = migrations.at(-1)?.number ?? 0
  const isNewer = ({ name }: Installation.Entry) => Migration.numberOf(name) > last
  const problems: ReadonlyArray<Problem> = [
    ...numberProblems(migrations, newest, to),
    ...finished.flatMap((entry): ReadonlyArray<Problem> => {
      const migration = migrations.find((one) => one.name === entry.name)
      if (migration === undefined) {
        if (isNewer(entry)) return []
        const message = `${entry.name} is applied, but its file is missing: restore it, or run alex-db migrate mark ${entry.name} --not-applied`
        return [{ kind: "missing", migration: entry.name, message }]
      }
      if (migration.checksum === entry.checksum) return []
      const message = `${entry.name} was edited after it had been applied: restore the file, and put the change in a new one`
      return [{ kind: "edited", migration: entry.name, message }]
    }),
    ...pending
      .filter((migration) => migration.number < newest)
      .map((migration): Problem => {
        const message = `${migration.name} comes before ${shown(newest)}, which is applied: give it a higher number`
        return { kind: "out of order", migration: migration.name, message }
      }),
    ...statementProblems(pending, "error").map(
      ({ message, migration }): Problem => ({ kind: "statement", migration, message })
    )
  ]
  return {
    journal: journal !== undefined,
    current: pending.length === 0 && problems.length === 0,
    applied: finished,
    pending: pending.map(({ name, statements, transactional }) => ({
      name,
      statements: statements.length,
      transactional
    })),
    problems,
    warnings: [
      ...finished.filter(isNewer).map(({ name }) => {
        return `${name} is applied and not known here: this package is older than the database`
      }),
      ...statementProblems(pending, "warning").map((problem) => problem.message)
    ]
  }
}

const remade =
  "the tables were dropped or created again since they were migrated: migrate applies all of it again, and no row is lost"

const ownBefore = ({ name }: Installation.Entry): string =>
  `${name} was applied to the tables that are gone: if it changed those, run alex-db migrate mark ${name} --not-applied --folder FOLDER, and alex-db migrate --folder FOLDER after this`

/** The same for a database, whose tables are checked too: those that are not Alex's are problems. */
export const compareInstallation = (
  migrations: ReadonlyArray<Migration.Migration>,
  { foreign, incomplete, journal, notices, others, standing }: Installation.Installation,
  to?: number
): MigrationStatus => {
  const state = compare(migrations, standing === "remade" ? [] : journal, to)
  const problems = [
    ...foreign.map((message): Problem => ({ kind: "foreign", migration: "", message })),
    ...incomplete.map((message): Problem => ({ kind: "tables", migration: "", message }))
  ]
  return {
    ...state,
    journal: journal !== undefined,
    current: state.current && problems.length === 0,
    problems: [...problems, ...state.problems],
    warnings: [...(standing === "remade" ? [remade, ...others.map(ownBefore)] : []), ...notices, ...state.warnings]
  }
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

/** All statements as one anonymous block, which is one request; `undefined` if the block would be too long. */
const pack = (statements: Migration.Migration["statements"]): string | undefined => {
  const body = statements.map(({ sql }) => `  execute $alex_statement$${sql}$alex_statement$;`).join("\n")
  const block = `do $alex_migration$\nbegin\n${body}\nend\n$alex_migration$`
  return !isLonger(block, MAX_SQL_LENGTH) && !statements.some(({ sql }) => sql.includes("$alex_")) ? block : undefined
}

const failed = (migration: Migration.Migration, statement: { line: number; sql: string }, error: SqlError.SqlError) => {
  const sqlState = sqlStateOf(error)
  return new MigrationFailed({
    migration: migration.name,
    line: statement.line,
    statement: Migration.firstWords(statement.sql),
    ...(sqlState === undefined ? {} : { sqlState }),
    reason: migration.transactional ? messageInTransaction(error) : messageOf(error),
    rolledBack: migration.transactional
  })
}

/** Runs a migration's statements one after the other. */
const runStatements = Effect.fnUntraced(function* <E, R>(
  migration: Migration.Migration,
  run: (statement: string) => Effect.Effect<unknown, E | SqlError.SqlError, R>
) {
  for (const [index, statement] of migration.statements.entries()) {
    yield* Progress.report({
      operation: "migrate",
      done: index,
      total: migration.statements.length,
      text: `${migration.name}: ${Migration.firstWords(statement.sql)}`
    })
    yield* run(statement.sql).pipe(Effect.catchIf(SqlError.isSqlError, (error) => failed(migration, statement, error)))
  }
})

/** Undoes session settings of a migration, such as a dump's, so that the journal is found and none outlives it. */
const restoreSettings = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`reset session authorization`
  yield* sql`reset role`
  yield* sql`reset all`
  yield* Journal.settings(sql)
})

const applyInTransaction = Effect.fnUntraced(function* (
  migration: Migration.Migration,
  options: {
    readonly version: string
    readonly makeJournal: boolean
    readonly packed: boolean
    readonly inUse: ReadonlyArray<string>
  }
) {
  const sql = yield* SqlClient.SqlClient
  return yield* sql.withTransaction(
    Effect.gen(function* () {
      if (options.makeJournal) yield* Journal.create()
      if (!(yield* Journal.claim(migration, options.version))) return undefined
      yield* LockWait.lockTogether(
        options.inUse,
        migration.statements.map((statement) => statement.sql)
      )
      const block = options.packed ? pack(migration.statements) : undefined
      if (block === undefined) yield* runStatements(migration, (statement) => sql.unsafe(statement))
      else yield* sql.unsafe(block)
      if (changesSettings(migration)) yield* restoreSettings
      return yield* Journal.finish(migration)
    })
  )
})

/** Drops the invalid index that `create index concurrently` leaves behind when it is cut off. */
const dropInvalidIndexes = Effect.fnUntraced(function* (migration: Migration.Migration) {
  const sql = yield* SqlClient.SqlClient
  const names = migration.statements.flatMap((statement) => indexBuiltConcurrently(partsOf(statement.sql)) ?? [])
  if (names.length === 0) return
  const rows = yield* sql`
    select c.relname::text as name from pg_index i join pg_class c on c.oid = i.indexrelid
    where not i.indisvalid and c.relnamespace = to_regnamespace(quote_ident(current_schema())) and c.relname::text = any(${names}::text[])`
  const invalid = yield* Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ name: Schema.String })))(rows)
  for (const { name } of invalid) yield* sql`drop index concurrently if exists ${sql(name)}`
})

/** Claims a migration outside a transaction, or waits while another runner has it: false if that one finished it. */
const claimOutside = Effect.fnUntraced(function* (
  migration: Migration.Migration,
  { patience, version }: { readonly version: string; readonly patience: Duration.Input | undefined }
) {
  const last = Duration.toSeconds(Duration.fromInputUnsafe(patience ?? LockWait.defaultPatience))
  for (let seconds = 0; ; seconds++) {
    if (yield* Journal.claimOutside(migration, version)) return true
    const entry = yield* Journal.find(migration)
    if (entry !== undefined && entry.durationMs !== null) return false
    const message = `${migration.name} is being applied by another runner since ${entry?.appliedAt.toISOString() ?? "now"}`
    if (seconds >= last) return yield* new MigrationRefused({ problems: [message] })
    yield* Progress.report({ operation: "migrate", done: 0, total: 0, text: message })
    yield* Effect.sleep("1 second")
  }
})

const applyOutside = Effect.fnUntraced(function* (
  migration: Migration.Migration,
  options: { readonly version: string; readonly makeJournal: boolean; readonly patience: Duration.Input | undefined }
) {
  const sql = yield* SqlClient.SqlClient
  if (options.makeJournal) yield* sql.withTransaction(Journal.create())
  if (!(yield* claimOutside(migration, options))) return undefined
  const ended = dropInvalidIndexes(migration)
  return yield* ended.pipe(
    Effect.andThen(runStatements(migration, (statement) => runToItsEnd(statement, { operation: "migrate", ended }))),
    Effect.andThen(Journal.finish(migration)),
    Effect.onError(() => Effect.ignore(Journal.release(migration)))
  )
})

const apply = Effect.fn("Migrate.apply")(function* (
  migration: Migration.Migration,
  options: {
    readonly version: string
    readonly makeJournal: boolean
    readonly packed: boolean
    readonly inUse: ReadonlyArray<string>
    readonly patience: Duration.Input | undefined
  }
) {
  yield* Effect.annotateCurrentSpan({ migration: migration.name })
  const oneByOne = migration.transactional
    ? applyInTransaction(migration, { ...options, packed: false })
    : applyOutside(migration, options)
  const attempt = options.packed
    ? applyInTransaction(migration, options).pipe(
        // A failure of the block names no line: running the statements one by one finds it.
        Effect.catchTag("SqlError", (error) => (LockWait.mayPass(error) ? Effect.fail(error) : oneByOne))
      )
    : oneByOne
  return yield* attempt.pipe(LockWait.waitForLocks({ operation: "migrate", patience: options.patience }))
})

const brokenText = (constraint: BrokenConstraints.BrokenConstraint): string =>
  `${BrokenConstraints.describe(constraint)}. Until they keep it, no column of these rows can be changed: correct them, and alex-db repair validates the constraint; or alex-db migrate --lenient leaves it out`

const leftOutText = (constraint: BrokenConstraints.BrokenConstraint): string =>
  `${BrokenConstraints.describe(constraint)}. The constraint is left out, for old rows and new ones; alex-db repair brings it back when they keep it`

/** Validates the constraints that no row breaks; drops the others if `lenient`, else they hold for new rows only. */
const settleConstraints = Effect.fnUntraced(function* (lenient: boolean, patience: Duration.Input | undefined) {
  const found = yield* BrokenConstraints.find()
  const validated = yield* Effect.forEach(
    found.filter(({ rows }) => rows === 0),
    BrokenConstraints.validate
  )
  const broken = found.filter((constraint) => !validated.includes(BrokenConstraints.nameOf(constraint)))
  if (!lenient || broken.length === 0) return { broken, leftOut: [] }
  const leaveOut = Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* Journal.settings(sql)
    for (const { constraint, table } of broken) yield* sql`alter table ${sql(table)} drop constraint ${sql(constraint)}`
    yield* LeftOut.write([...(yield* LeftOut.find()), ...broken.map(BrokenConstraints.nameOf)])
  })
  yield* inTransaction(leaveOut, patience)
  return { broken: [], leftOut: broken }
})

const inTransaction = Effect.fnUntraced(function* <A, E, R>(
  work: Effect.Effect<A, E, R>,
  patience: Duration.Input | undefined
) {
  const sql = yield* SqlClient.SqlClient
  return yield* sql.withTransaction(work).pipe(LockWait.waitForLocks({ operation: "migrate", patience }))
})

const runPrepared = (
  statements: ReadonlyArray<string>,
  inUse: ReadonlyArray<string>,
  patience: Duration.Input | undefined
) =>
  inTransaction(
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* Journal.settings(sql)
      yield* LockWait.lockTogether(inUse, statements)
      for (const statement of statements) yield* sql.unsafe(statement)
    }),
    patience
  )

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
    return yield* new MigrationRefused({ problems: state.problems.map((problem) => problem.message) })
  }
  const pending = migrations.filter((migration) => state.pending.some(({ name }) => name === migration.name))
  const isAdoption = pending.length > 0 && (standing === "fresh" || standing === "remade")
  const preparation = isAdoption ? yield* Adoption.prepare(tables, pending) : Adoption.nothing
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
      patience: options.patience
    })
    applied.push({
      name: migration.name,
      statements: migration.statements.length,
      durationMs: durationMs ?? 0,
      byAnother: durationMs === undefined
    })
    if (index === 0 && preparation.after.length > 0) yield* runPrepared(preparation.after, inUse, options.patience)
  }
  const lenient = options.lenient === true
  const { broken, leftOut } =
    lenient || (isAdoption && tables.length > 0)
      ? yield* settleConstraints(lenient, options.patience)
      : { broken: [], leftOut: [] }
  const report: MigrationReport = {
    applied,
    alreadyApplied: state.applied.length,
    adopted: isAdoption ? tables.map(({ name }) => name).filter(Layout.isAlexs) : [],
    converted: isAdoption ? tables.flatMap(Layout.momentsWithoutZone) : [],
    leftOut: leftOut.map(BrokenConstraints.nameOf),
    warnings: [...state.warnings, ...preparation.notices, ...broken.map(brokenText), ...leftOut.map(leftOutText)]
  }
  return report
})
