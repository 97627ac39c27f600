/**
 * Empties a database of what the migrations made, and makes it anew.
 */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Target } from "./database/Target.ts"
import * as Journal from "./migrate/Journal.ts"
import * as LockWait from "./migrate/LockWait.ts"
import { type MigrateOptions, MigrationReport, migrate } from "./migrate/Migrate.ts"
import * as Migration from "./migrate/Migration.ts"
import * as Progress from "./Progress.ts"
import { checkPositions, generate, LoadDataReport } from "./seed/LoadData.ts"
import { PortfolioReport, SeedReport, seed, seedPortfolio } from "./seed/Seed.ts"
import { readInstruments, readPortfolio } from "./seed/SeedFile.ts"

/** The database is neither embedded nor local, and nobody named it to confirm that it may be emptied. */
export class ResetRefused extends Schema.TaggedError<ResetRefused>()("ResetRefused", {
  database: Schema.String,
  location: Schema.String,
  confirmed: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    const said = this.confirmed === undefined ? "" : ` (not "${this.confirmed}")`
    return `Nothing was dropped: "${this.database}" at ${this.location} is not a local database. Confirm with --confirm ${this.database}${said}`
  }
}

/** What `reset` did. `dropped` names the tables that were there. */
export const ResetReport = Schema.Struct({
  dropped: Schema.Array(Schema.String),
  migrated: MigrationReport,
  seeded: SeedReport,
  testData: Schema.NullOr(PortfolioReport),
  loadData: Schema.NullOr(LoadDataReport)
})
export type ResetReport = typeof ResetReport.Type

/** How to reset; all members have a default. */
export interface ResetOptions extends MigrateOptions {
  /** The database's name, as the operator gave it to confirm. */
  readonly confirm?: string | undefined
  /** Leaves what is there, and only migrates and seeds. */
  readonly skipDrop?: boolean | undefined
  /** Adds the test user with accounts and positions. */
  readonly withTestData?: boolean | undefined
  /** Adds this many generated users with three accounts each. */
  readonly users?: number | undefined
  /** How many positions each generated user has; 5 by default. */
  readonly positions?: number | undefined
}

/** A table that is there, and how many rows it has. */
const TableCount = Schema.Struct({ name: Schema.String, rows: Schema.Int })

/**
 * The tables that a reset would drop, with PostgreSQL's own estimate of their rows (it is kept by `ANALYZE`, and -1
 * where there never was one). One request.
 *
 * @errors MigrationsUnreadable, RepositoryError
 */
export const affected = Effect.fn("Reset.affected")(function* (folder?: string) {
  const sql = yield* SqlClient.SqlClient
  const { tables } = Migration.objectsOf(yield* Migration.load(folder))
  const rows = yield* sql`
    select c.relname::text as name, c.reltuples::integer as rows
    from pg_class c
    where c.relnamespace = to_regnamespace(quote_ident(current_schema()::text))
      and c.relkind in ('r', 'p') and ${sql.in("relname", [...tables, Journal.table])}
    order by c.relname`
  return yield* Schema.decodeUnknownEffect(Schema.Array(TableCount))(rows)
})

/** Fails unless the target is local or was named. */
const guard = Effect.fnUntraced(function* (confirm: string | undefined) {
  const { database, isLocal, location } = yield* Target
  if (isLocal || confirm === database) return
  return yield* new ResetRefused({ database, location, ...(confirm === undefined ? {} : { confirmed: confirm }) })
})

/**
 * Drops the tables and functions that the migrations create, and the journal, in one transaction.
 *
 * Nothing that others made goes with them: if a view or a foreign key of somebody else's depends on a table, PostgreSQL
 * refuses, and everything stays. Extensions stay.
 */
const drop = Effect.fnUntraced(function* ({ folder, patience }: ResetOptions) {
  const sql = yield* SqlClient.SqlClient
  const { functions } = Migration.objectsOf(yield* Migration.load(folder))
  yield* Progress.report({ operation: "reset", done: 0, total: 3, text: "looking at the tables that are there" })
  const tables = (yield* affected(folder)).map((table) => table.name)
  yield* Progress.report({ operation: "reset", done: 0, total: 3, text: `dropping ${tables.length} tables` })
  const list = (names: ReadonlyArray<string>) => sql.literal(names.map((name) => `"${name}"`).join(", "))
  const transaction = sql.withTransaction(
    Effect.gen(function* () {
      yield* sql`select set_config('lock_timeout', ${LockWait.lockTimeout}, true)`
      if (tables.length > 0) yield* sql`drop table ${list(tables)}`
      if (functions.length > 0) yield* sql`drop function if exists ${list(functions)}`
    })
  )
  yield* transaction.pipe(LockWait.waitForLocks({ operation: "reset", patience }))
  return tables.filter((table) => table !== Journal.table)
})

/**
 * Drops Alex's own objects, migrates and seeds.
 *
 * A database that is neither embedded nor on this machine is refused unless `confirm` is its name; nothing has been
 * sent to it then. Seed files and the numbers of generated data are checked before anything is dropped.
 *
 * @errors MigrationFailed, MigrationRefused, MigrationsUnreadable, ResetRefused, SeedInvalid, TooManyPositions,
 * RepositoryError
 */
export const reset = Effect.fn("Reset.reset")(function* (options: ResetOptions = {}) {
  if (options.skipDrop !== true) yield* guard(options.confirm)
  const { positions = 5, users = 0 } = options
  const instruments = yield* readInstruments()
  // Those that are in the database already may be more.
  if (options.skipDrop !== true && users > 0) yield* checkPositions(positions, instruments.length)
  if (options.withTestData === true) yield* readPortfolio()
  const dropped = options.skipDrop === true ? [] : yield* drop(options)
  yield* Progress.report({ operation: "reset", done: 1, total: 3, text: "migrating" })
  const migrated = yield* migrate({ packed: true, ...options })
  yield* Progress.report({ operation: "reset", done: 2, total: 3, text: "seeding" })
  const seeded = yield* seed()
  const testData = options.withTestData === true ? yield* seedPortfolio() : null
  const loadData = users > 0 ? yield* generate({ users, positions }) : null
  const report: ResetReport = { dropped, migrated, seeded, testData, loadData }
  return report
})
