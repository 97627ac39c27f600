/** Drops what the migrations created in a database, and creates it again. */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { checked, flag, int, word } from "../repository/calls/Arguments.ts"
import * as Dependents from "./database/Dependents.ts"
import * as Installation from "./database/Installation.ts"
import * as Layout from "./database/Layout.ts"
import { countRows, countTable } from "./database/RowCount.ts"
import { takenNames } from "./database/TakenNames.ts"
import { Target } from "./database/Target.ts"
import * as Journal from "./migrate/applying/Journal.ts"
import * as LockWait from "./migrate/applying/LockWait.ts"
import { type MigrateOptions, MigrationReport, migrate } from "./migrate/Migrate.ts"
import * as Migration from "./migrate/Migration.ts"
import { createdObjects } from "./migrate/statements/CreatedObjects.ts"
import * as Progress from "./Progress.ts"
import { shellWord } from "./ShellWord.ts"
import { checkPositions, generate, isGenerated, LoadDataReport } from "./seed/LoadData.ts"
import { PortfolioReport, SeedReport, seed, seedPortfolio } from "./seed/Seed.ts"
import { readInstruments, readPortfolio } from "./seed/SeedFile.ts"

export { mostCounted } from "./database/RowCount.ts"

/** The database may be reset only if its name is given to confirm, and it was not. */
export class ResetRefused extends Schema.TaggedError<ResetRefused>()("ResetRefused", {
  database: Schema.String,
  location: Schema.String,
  /** Why a name is asked for. */
  reason: Schema.String,
  confirmed: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    const said = this.confirmed === undefined ? "" : ` (not "${this.confirmed}")`
    return `Nothing was dropped: "${this.database}" at ${this.location} ${this.reason}. Confirm with --confirm ${shellWord(this.database)}${said}`
  }
}

/** The database holds objects of another application that have the names of Alex's, or that depend on Alex's tables. */
export class NotAlexs extends Schema.TaggedError<NotAlexs>()("NotAlexs", {
  database: Schema.String,
  location: Schema.String,
  problems: Schema.Array(Schema.String),
  /** Whether the search path is the reason. */
  misplaced: Schema.optionalKey(Schema.Boolean)
}) {
  override get message() {
    return `Nothing was dropped from "${this.database}" at ${this.location}: ${this.problems.join("; ")}`
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
  /** Drops nothing; only migrates and seeds. */
  readonly skipDrop?: boolean | undefined
  /** Adds the test user with accounts and positions. */
  readonly withTestData?: boolean | undefined
  /** Adds this many generated users with three accounts each. */
  readonly users?: number | undefined
  /** How many positions each generated user has; 5 by default. */
  readonly positions?: number | undefined
}

/**
 * What a reset would drop. `mustConfirm` says why the database's name is asked for, and is null where it is not: the
 * embedded database, and a local one that holds only what `seed` and `reset` put there.
 */
export const ResetPlan = Schema.Struct({
  database: Schema.String,
  location: Schema.String,
  tables: Schema.Array(Schema.Struct({ name: Schema.String, rows: Schema.Int })),
  functions: Schema.Array(Schema.String),
  /** Columns, constraints, indexes, policies, rules and triggers that others have added to these tables, and that go with them. */
  additions: Schema.Array(Schema.String),
  mustConfirm: Schema.NullOr(Schema.String)
})
export type ResetPlan = typeof ResetPlan.Type

const isNotLocal = "is not a local database"

/** Lets no policy hide a row: PostgreSQL refuses the statement then. In a transaction. */
const seeAllRows = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql`select set_config('row_security', 'off', true) as security`
)

/** What is neither seeded nor generated, as in `1 user`; undefined if there is nothing. */
const ownRows = Effect.fnUntraced(function* (tables: ReadonlyArray<Layout.Relation>) {
  const sql = yield* SqlClient.SqlClient
  const { user } = yield* readPortfolio()
  const seeded = (yield* readInstruments()).map(({ symbol }) => symbol)
  const kinds = [
    ["user", "users", sql`clerk_user_id <> ${user.clerk_user_id}::text and not ${isGenerated(sql)}`],
    ["instrument", "instruments", sql`symbol::text <> all(${seeded}::text[])`],
    ["job", "jobs", sql`true`],
    ["daily price", "price_history", sql`true`],
    ["snapshot", "portfolio_snapshots", sql`true`],
    ["agent call", "agent_calls", sql`true`]
  ] as const
  for (const [kind, name, isOwn] of kinds) {
    const isThere = tables.some((table) => table.name === name)
    const rows = isThere ? yield* countRows(sql`${sql(name)} where ${isOwn}`) : 0
    if (rows > 0) return `${rows} ${kind}${rows === 1 ? "" : "s"}`
  }
  return undefined
})

/** Why the database's name has to be confirmed; null if it need not be. In a transaction. */
const reasonOf = Effect.fnUntraced(function* (found: Found, additions?: ReadonlyArray<string>) {
  const { installation } = found
  const { backend, isLocal } = yield* Target
  if (!isLocal) return isNotLocal
  if (backend === "embedded" || installation.tables.length === 0) return null
  if (installation.journal === undefined) return "was not made by this tool"
  yield* seeAllRows
  const own = yield* ownRows(installation.tables)
  if (own !== undefined) return `holds ${own} that no seed restores`
  return (additions ?? (yield* additionsTo(found))).length === 0
    ? null
    : "has additions that no migration creates again"
})

/** Finds what is Alex's and may be dropped, or fails with what is in the way. */
const findOwn = Effect.fnUntraced(function* (folder: string | undefined) {
  const migrations = yield* Migration.load({ folder })
  const installation = yield* Installation.inspect(migrations)
  const { database, location } = yield* Target
  const misplaced = installation.misplaced.length > 0
  const refuse = (problems: ReadonlyArray<string>) => new NotAlexs({ database, location, problems, misplaced })
  const inTheWay = [...installation.foreign, ...takenNames(installation.holders, migrations, [])]
  if (inTheWay.length > 0) return yield* refuse(inTheWay)
  const { journal } = installation
  // A table of a later migration is Alex's if there is a journal, or if it has the right columns.
  const tables = installation.tables.filter(
    (table) => Layout.isAlexs(table.name) || journal !== undefined || Layout.isLaterTable(table)
  )
  // The journal stays if it also records the user's own migrations.
  const keepsJournal = installation.others.length > 0
  const created = createdObjects(migrations)
  const own = {
    schema: installation.schema,
    tables: [
      ...tables.map(({ name }) => name),
      ...(journal === undefined || keepsJournal ? [] : [Installation.journalTable])
    ],
    functions: created.functions
  }
  const named = { ...own, functions: installation.functions }
  const dependents = own.tables.length === 0 ? [] : yield* Dependents.of(named)
  if (dependents.length > 0) {
    return yield* refuse(
      dependents.map(({ object, on }) => `${object} is another application's and depends on ${on}: drop it first`)
    )
  }
  return { ...own, created, installation, keepsJournal }
})
type Found = Effect.Success<ReturnType<typeof findOwn>>

const additionsTo = ({ created, installation, schema, tables }: Found) =>
  tables.length === 0
    ? Effect.succeed([])
    : Dependents.additionsTo({ schema, tables, functions: installation.functions }, created)

/**
 * Tells what `reset` would drop from the current database, and whether its name must be confirmed. Changes nothing.
 *
 * @errors MigrationsUnreadable, NotAlexs, SeedInvalid, RepositoryError
 */
export const plan = Effect.fn("Reset.plan")(function* (options: ResetOptions = {}) {
  const sql = yield* SqlClient.SqlClient
  const { database, location } = yield* Target
  const planned = Effect.gen(function* () {
    yield* seeAllRows
    const found = yield* findOwn(options.folder)
    const additions = yield* additionsTo(found)
    const report: ResetPlan = {
      database,
      location,
      tables: yield* Effect.forEach(found.tables, countTable),
      functions: found.tables.length === 0 ? [] : found.functions.map(({ name }) => name),
      additions,
      mustConfirm: yield* reasonOf(found, additions)
    }
    return report
  })
  return yield* sql.withTransaction(planned)
})

const refusal = Effect.fnUntraced(function* (reason: string, confirm: string | undefined) {
  const { database, location } = yield* Target
  return new ResetRefused({ database, location, reason, ...(confirm === undefined ? {} : { confirmed: confirm }) })
})

/** Fails unless the target is local or was confirmed by name. Sends nothing. */
const guard = Effect.fnUntraced(function* (confirm: string | undefined) {
  const { database, isLocal } = yield* Target
  if (confirm === database || (isLocal && confirm === undefined)) return
  return yield* yield* refusal(isLocal ? "has another name" : isNotLocal, confirm)
})

/**
 * Drops Alex's tables, the functions that the migrations create, and the journal. Must be in a transaction.
 *
 * Nothing of others is dropped: the DROP does not cascade, and extensions stay.
 */
const drop = Effect.fnUntraced(function* ({ confirm, folder }: ResetOptions) {
  const sql = yield* SqlClient.SqlClient
  yield* Progress.report({ operation: "reset", done: 0, total: 3, text: "looking at the tables that are there" })
  yield* Journal.takeLock()
  const found = yield* findOwn(folder)
  const { functions, keepsJournal, schema, tables } = found
  const reason = confirm === undefined ? yield* reasonOf(found) : null
  if (reason !== null) return yield* yield* refusal(reason, confirm)
  if (tables.length === 0) return []
  yield* Progress.report({ operation: "reset", done: 0, total: 3, text: `dropping ${tables.length} tables` })
  const home = sql(schema)
  if (keepsJournal) yield* Journal.forget()
  yield* sql`drop table ${sql.csv(tables.map((table) => sql`${home}.${sql(table)}`))}`
  const signatures = functions.map(({ name, parameters }) => sql`${home}.${sql(name)}(${sql.literal(parameters)})`)
  if (signatures.length > 0) yield* sql`drop function if exists ${sql.csv(signatures)}`
  return tables.filter((table) => table !== Installation.journalTable)
})

/** Migrates and seeds. */
const create = Effect.fnUntraced(function* (options: ResetOptions) {
  yield* Progress.report({ operation: "reset", done: 1, total: 3, text: "migrating" })
  const migrated = yield* migrate({ packed: true, ...options })
  yield* Progress.report({ operation: "reset", done: 2, total: 3, text: "seeding" })
  const seeded = yield* seed()
  const testData = options.withTestData === true ? yield* seedPortfolio() : null
  return { migrated, seeded, testData }
})

/**
 * Drops, migrates and seeds in one transaction: a reset that is cut off changes nothing, and whatever runs beside it
 * waits for its end. Migrations that can't run in a transaction come after it.
 */
const recreate = Effect.fnUntraced(function* (options: ResetOptions) {
  const sql = yield* SqlClient.SqlClient
  const migrations = yield* Migration.load(options)
  const isOne = migrations.every(({ transactional }) => transactional)
  const dropped = drop(options)
  const waiting = LockWait.waitForLocks({ operation: "reset", patience: options.patience })
  if (!isOne) {
    const names = yield* sql.withTransaction(dropped).pipe(waiting)
    return { dropped: names, ...(yield* create(options)) }
  }
  const all = Effect.flatMap(dropped, (names) => Effect.map(create(options), (made) => ({ dropped: names, ...made })))
  return yield* sql.withTransaction(all).pipe(waiting)
})

/**
 * Drops Alex's own objects, migrates and seeds, in one transaction: it is done as a whole or not at all, and what runs
 * beside it waits. Generated users are added after it.
 *
 * A table with the name of one of Alex's but other columns, or an object that depends on one, belongs to another
 * application: then nothing is dropped. A database that is neither embedded nor on this machine is refused, before
 * anything is sent to it, unless `confirm` is its name. So is a local one that holds more than `seed` and `reset` put
 * there. Seed files and the numbers of generated data are checked before anything is dropped.
 *
 * @errors MigrationFailed, MigrationRefused, MigrationsUnreadable, NotAlexs, ResetRefused, SeedInvalid,
 * TooManyPositions, RepositoryError
 */
export const reset = Effect.fn("Reset.reset")(function* (given?: ResetOptions) {
  const options = given ?? {}
  yield* checked(given, { confirm: word, skipDrop: flag, withTestData: flag, users: int, positions: int })
  if (options.skipDrop !== true) yield* guard(options.confirm)
  const positions = options.positions ?? 5
  const users = options.users ?? 0
  const instruments = yield* readInstruments()
  // With `skipDrop` the database may hold more instruments than the file.
  if (options.skipDrop !== true && users > 0) yield* checkPositions(positions, instruments.length)
  if (options.withTestData === true) yield* readPortfolio()
  const made = options.skipDrop === true ? { dropped: [], ...(yield* create(options)) } : yield* recreate(options)
  const loadData = users > 0 ? yield* generate({ users, positions }) : null
  const report: ResetReport = { ...made, loadData }
  return report
})
