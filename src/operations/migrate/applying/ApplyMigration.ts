/** Applies one migration and records it in the journal, in one transaction or, where it can run in none, outside. */
import { Duration, Effect, Schema } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { isLonger, MAX_SQL_LENGTH } from "../../../data-api/Limits.ts"
import { messageInTransaction, messageOf, sqlStateOf } from "../../database/DatabaseFailure.ts"
import * as Progress from "../../Progress.ts"
import * as Migration from "../Migration.ts"
import { MigrationFailed, MigrationRefused } from "../MigrationErrors.ts"
import { indexBuiltConcurrently, partsOf } from "../statements/StatementParts.ts"
import { changesSettings } from "../statements/StatementProblems.ts"
import * as Journal from "./Journal.ts"
import * as LockWait from "./LockWait.ts"
import { runToItsEnd } from "./LongStatement.ts"

interface Options {
  /** The version written into the journal. */
  readonly version: string
  readonly makeJournal: boolean
  /** Whether the statements are sent as one request, where that is possible. */
  readonly packed: boolean
  /** The existing tables of Alex's, which are locked together. */
  readonly inUse: ReadonlyArray<string>
  /** Statements that belong to an adoption: they take effect together with the migration. */
  readonly after: ReadonlyArray<string>
  readonly patience: Duration.Input | undefined
}

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

/** Runs what an adoption needs after a migration, and records the migration. In the transaction of both. */
const finishWith = Effect.fnUntraced(function* (migration: Migration.Migration, { after }: Options) {
  const sql = yield* SqlClient.SqlClient
  for (const statement of after) yield* sql.unsafe(statement)
  return yield* Journal.finish(migration)
})

const applyInTransaction = Effect.fnUntraced(function* (migration: Migration.Migration, options: Options) {
  const sql = yield* SqlClient.SqlClient
  return yield* sql.withTransaction(
    Effect.gen(function* () {
      if (options.makeJournal) yield* Journal.create()
      if (!(yield* Journal.claim(migration, options.version))) return undefined
      yield* LockWait.lockTogether(options.inUse, [
        ...migration.statements.map((statement) => statement.sql),
        ...options.after
      ])
      const block = options.packed ? pack(migration.statements) : undefined
      if (block === undefined) yield* runStatements(migration, (statement) => sql.unsafe(statement))
      else yield* sql.unsafe(block)
      if (changesSettings(migration)) yield* restoreSettings
      return yield* finishWith(migration, options)
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
const claimOutside = Effect.fnUntraced(function* (migration: Migration.Migration, { patience, version }: Options) {
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

const applyOutside = Effect.fnUntraced(function* (migration: Migration.Migration, options: Options) {
  const sql = yield* SqlClient.SqlClient
  if (options.makeJournal) yield* sql.withTransaction(Journal.create())
  if (!(yield* claimOutside(migration, options))) return undefined
  const ended = dropInvalidIndexes(migration)
  return yield* ended.pipe(
    Effect.andThen(runStatements(migration, (statement) => runToItsEnd(statement, { operation: "migrate", ended }))),
    Effect.andThen(
      options.after.length === 0 ? Journal.finish(migration) : sql.withTransaction(finishWith(migration, options))
    ),
    Effect.onError(() => Effect.ignore(Journal.release(migration)))
  )
})

/** Applies a migration; returns the milliseconds that it took, or undefined if another runner applied it. */
export const apply = Effect.fn("Migrate.apply")(function* (migration: Migration.Migration, options: Options) {
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
