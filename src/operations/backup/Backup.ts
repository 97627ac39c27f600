/** Backs up a database: a consistent snapshot of its rows, as lines of text. */
import { randomUUID } from "node:crypto"
import { Array as Arr, Clock, DateTime, Effect, Schema, Stream } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import * as Installation from "../database/Installation.ts"
import { Target } from "../database/Target.ts"
import * as Migration from "../migrate/Migration.ts"
import * as Progress from "../Progress.ts"
import * as Anonymize from "./Anonymize.ts"
import * as Catalogue from "./BackupCatalogue.ts"
import { save } from "./BackupFile.ts"
import {
  Anonymized,
  formatName,
  formatVersion,
  type Header,
  longestLine,
  type Row,
  rowLine,
  Seal,
  TableSum,
  Tally
} from "./BackupFormat.ts"
import * as BackupRows from "./BackupRows.ts"

/** The database can't be backed up, or a backup can't be restored into it, with these options. */
export class BackupRefused extends Schema.TaggedError<BackupRefused>()("BackupRefused", {
  database: Schema.String,
  location: Schema.String,
  problem: Schema.String,
  fix: Schema.String
}) {
  override get message() {
    return `${this.refusal}. ${this.fix}`
  }
  /** What is wrong, without what to do. */
  get refusal() {
    return `"${this.database}" at ${this.location}: ${this.problem}`
  }
}

/** What to back up; all members have a default. */
export interface BackupOptions {
  /** All tables of this schema, of any application, instead of Alex's tables. */
  readonly schema?: string | undefined
  /** Replaces names, ids and texts with pseudonyms that are derived from this key. */
  readonly anonymize?: Anonymize.Key | undefined
  /** The name of the program in the backup's header. */
  readonly tool?: string | undefined
  /** The folder of the migrations; by default the package's own. */
  readonly folder?: string | undefined
}

/** What was backed up. */
export const BackupReport = Schema.Struct({
  database: Schema.String,
  location: Schema.String,
  /** `-` for stdout. */
  file: Schema.String,
  backup: Schema.String,
  scope: Schema.Literals(["alex", "schema"]),
  schema: Schema.String,
  consistency: Schema.String,
  tables: Schema.Array(TableSum),
  rows: Schema.Int,
  sequences: Schema.Int,
  leftOut: Schema.Array(Schema.String),
  anonymized: Schema.NullOr(Anonymized)
})
export type BackupReport = typeof BackupReport.Type

/** The rows of a backup, wherever they come from. `sums` are known once the rows have been read. */
export interface Source<E = never, R = never> {
  readonly header: Header
  readonly rows: Stream.Stream<Row, E, R>
  readonly sums: Effect.Effect<ReadonlyArray<TableSum>>
}

/** Why the rows of a database can't be read. */
export type ReadError = SqlError.SqlError | Schema.SchemaError | BackupRefused

/**
 * Fails with a problem of the current database.
 *
 * @errors BackupRefused
 */
export const refuse = Effect.fnUntraced(function* (problem: string, fix: string) {
  const { database, location } = yield* Target
  return yield* new BackupRefused({ database, location, problem, fix })
})

/** The tables to back up, and the migrations that made them. Not in a transaction: without a journal, a query fails. */
const scopeOf = Effect.fnUntraced(function* ({ folder, schema }: BackupOptions) {
  if (schema !== undefined) return { scope: { schema, names: undefined }, migrations: [] }
  const installation = yield* Installation.inspect(yield* Migration.load({ folder }))
  const fix = "Correct that first, or back up a whole schema with --schema"
  if (installation.foreign.length > 0) return yield* refuse(installation.foreign.join("; "), fix)
  if (installation.tables.length === 0) {
    return yield* refuse("it holds nothing of Alex's", "Back up another application's tables with --schema")
  }
  return {
    scope: { schema: installation.schema, names: installation.tables.map(({ name }) => name) },
    migrations: (installation.journal ?? []).filter(({ durationMs }) => durationMs !== null).map(({ name }) => name)
  }
})

const Server = Schema.Tuple([Schema.Struct({ server: Schema.String })])

const headerOf = Effect.fnUntraced(function* (
  { anonymize, schema, tool = "alex-database" }: BackupOptions,
  scope: Catalogue.Scope,
  migrations: ReadonlyArray<string>,
  tables: ReadonlyArray<Catalogue.FoundTable>
) {
  const sql = yield* SqlClient.SqlClient
  const { backend } = yield* Target
  const [{ server }] = yield* Schema.decodeUnknownEffect(Server)(
    yield* sql`select current_setting('server_version') as server`
  )
  const header: Header = {
    format: formatName,
    version: formatVersion,
    id: randomUUID(),
    tool,
    at: DateTime.formatIso(DateTime.makeUnsafe(yield* Clock.currentTimeMillis)),
    server,
    backend,
    consistency: "one REPEATABLE READ transaction",
    scope: schema === undefined ? "alex" : "schema",
    schema: scope.schema,
    tables: tables.map(({ columns, constraints, name }) => ({
      name,
      columns: columns.filter(({ isGenerated }) => !isGenerated).map(({ name, type }) => ({ name, type })),
      notValidated: constraints.filter(({ isValidated }) => !isValidated).map(({ key }) => key)
    })),
    sequences: schema === undefined ? [] : yield* Catalogue.sequences(scope.schema),
    migrations,
    leftOut: schema === undefined ? [] : yield* Catalogue.leftOut(scope.schema),
    anonymized: anonymize === undefined ? null : Anonymize.described(anonymize)
  }
  return header
})

const longestMiB = Math.round(longestLine / 2 ** 20)

/** The table and the columns to read. */
export const readable = (
  schema: string,
  { columns, isPartitioned, name }: Catalogue.FoundTable,
  wanted: ReadonlyArray<string>
): BackupRows.Readable => ({ schema, name, isPartitioned, all: columns.map((column) => column.name), columns: wanted })

/**
 * The rows of tables, one table after the other, counted and summed as they pass.
 *
 * @param operation The name of the operation in progress reports.
 */
export const tallied = (
  operation: string,
  tables: ReadonlyArray<BackupRows.Readable>,
  change: (table: BackupRows.Readable) => (values: Row["values"]) => Row["values"] = () => (values) => values
) => {
  const tally = new Tally(tables.map(({ name }) => name))
  const ofTable = (table: BackupRows.Readable, index: number) => {
    const changed = change(table)
    const reported = Effect.suspend(() => {
      const text = `${table.name}: ${tally.rows(index).toLocaleString("en-US")} rows`
      return Progress.report({ operation, done: index, total: tables.length, text })
    })
    return Stream.unwrap(Effect.as(reported, BackupRows.rows(table))).pipe(
      Stream.catchTag("RowTooLong", () =>
        Stream.fromEffect(
          refuse(
            `a row of ${table.schema}.${table.name} has more text than the ${longestMiB} MiB that a backup's line may have`,
            "Find it with octet_length, and shorten it, or use pg_dump"
          )
        )
      ),
      Stream.mapArrayEffect((chunk) => {
        const [first, ...rest] = chunk
        const pass = (values: Row["values"]): Row => {
          const row = { table: index, values: changed(values) }
          tally.add(row)
          return row
        }
        return Effect.as(reported, [pass(first), ...rest.map(pass)] as const)
      })
    )
  }
  return {
    rows: Stream.flatMap(Stream.fromIterable(tables.entries()), ([index, table]) => ofTable(table, index)),
    sums: Effect.sync(() => tally.sums())
  }
}

/** A backup only reads. */
const snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"

/**
 * Passes the rows of the current database to `use`, in one transaction that reads one snapshot and writes nothing.
 *
 * @errors BackupRefused, MigrationsUnreadable, RepositoryError
 */
export const withSource = Effect.fn("Backup.withSource")(function* <A, E, R>(
  options: BackupOptions,
  use: (source: Source<ReadError, SqlClient.SqlClient>) => Effect.Effect<A, E, R>
) {
  const sql = yield* SqlClient.SqlClient
  const { migrations, scope } = yield* scopeOf(options)
  return yield* sql
    .withTransaction(
      Effect.gen(function* () {
        yield* Catalogue.settings()
        const tables = Catalogue.ordered(yield* Catalogue.tables(scope))
        if (tables.length === 0) {
          return yield* refuse(`the schema "${scope.schema}" has no tables, or is not there`, "Correct its name")
        }
        const header = yield* headerOf(options, scope, migrations, tables)
        const { anonymize } = options
        const read = tallied(
          "backup",
          tables.map((table, index) =>
            readable(scope.schema, table, header.tables[index]?.columns.map(({ name }) => name) ?? [])
          ),
          anonymize === undefined ? undefined : (table) => Anonymize.changeOf(anonymize, table)
        )
        // A copy reads these rows where the target is another database.
        return yield* use({ header, sums: read.sums, rows: Stream.provideService(read.rows, Target, yield* Target) })
      })
    )
    .pipe(Effect.provideService(SqlClient.BeginTransaction, snapshot))
})

/** The most characters of a block, unless it is one line. */
const longestBlock = 2 ** 24

/** Joins lines into few blocks: all of them might be more than a string holds. */
const inBlocks = (lines: ReadonlyArray<string>): Arr.NonEmptyReadonlyArray<string> => {
  const blocks: Array<string> = []
  let block = ""
  for (const line of lines) {
    if (block.length + line.length > longestBlock && block !== "") blocks.push(block)
    block = block.length + line.length > longestBlock ? line : block + line
  }
  return Arr.append(blocks, block)
}

/** The text of a backup in blocks of whole lines: header, rows, trailer. */
export const blocks = <E, R>({ header, rows, sums }: Source<E, R>): Stream.Stream<string, E, R> =>
  Stream.suspend(() => {
    const seal = new Seal()
    const line = (document: object) => `${seal.write(document)}\n`
    return Stream.succeed(line(header)).pipe(
      Stream.concat(Stream.mapArray(rows, (chunk) => inBlocks(chunk.map((row) => line(rowLine(row)))))),
      Stream.concat(Stream.fromEffect(Effect.map(sums, (tables) => line({ end: true, tables }))))
    )
  })

/**
 * Backs up the current database into a file, or to stdout for `-`; compressed with gzip if the name ends in `.gz`.
 *
 * The backup is a consistent snapshot, whatever is written meanwhile. The memory that it takes does not grow with the
 * database. An existing file is replaced once the new one is complete.
 *
 * @errors BackupRefused, BackupFileError, MigrationsUnreadable, RepositoryError
 *
 * @example
 * ```ts
 * import { NodeServices } from "@effect/platform-node"
 * import { Effect } from "effect"
 * import { Backup, DbLayer } from "alex-database"
 *
 * const main = Backup.backup("alex.jsonl.gz").pipe(Effect.provide(DbLayer.layer), Effect.provide(NodeServices.layer))
 * ```
 */
export const backup = Effect.fn("Backup.backup")(function* (file: string, options: BackupOptions = {}) {
  const { database, location } = yield* Target
  return yield* withSource(options, (source) =>
    Effect.gen(function* () {
      yield* save(file, blocks(source))
      const { anonymized, consistency, id, leftOut, schema, scope, sequences } = source.header
      const tables = yield* source.sums
      const report: BackupReport = {
        database,
        location,
        file,
        backup: id,
        scope,
        schema,
        consistency,
        tables,
        rows: tables.reduce((sum, { rows }) => sum + rows, 0),
        sequences: sequences.length,
        leftOut,
        anonymized
      }
      return report
    })
  )
})
