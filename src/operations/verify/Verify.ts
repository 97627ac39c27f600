/** The full report on a database: its contents, whether it matches the migrations, and whether its data is valid. */
import { Effect, Result, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Instrument } from "../../domain/index.ts"
import * as BrokenConstraints from "../database/BrokenConstraints.ts"
import { messageOf } from "../database/DatabaseFailure.ts"
import * as Layout from "../database/Layout.ts"
import * as LeftOut from "../database/LeftOut.ts"
import { Target } from "../database/Target.ts"
import * as ForeignTables from "../ForeignTables.ts"
import { MigrationStatus } from "../migrate/Comparison.ts"
import { type MigrateOptions, status } from "../migrate/Migrate.ts"
import * as Progress from "../Progress.ts"
import {
  allocationFindings,
  Classes,
  classesOf,
  distributionOf,
  InstrumentSums,
  isAt100,
  Share,
  sumsOf
} from "./Allocations.ts"
import * as Catalogue from "./Catalogue.ts"
import * as Constraints from "./Constraints.ts"
import * as Drift from "./Drift.ts"
import { Finding, undecodable } from "./Finding.ts"
import { columnsOf, decodeSamples, runRowChecks } from "./RowChecks.ts"

/**
 * The report. `ok` is false if anything is missing, drifted or wrong. `drift` is `null` if it was not checked.
 * `instruments` holds the first 100 and every one whose allocations do not sum to 100.
 */
export const VerifyReport = Schema.Struct({
  ok: Schema.Boolean,
  database: Schema.Struct({ backend: Schema.String, name: Schema.String, location: Schema.String }),
  migrations: MigrationStatus,
  /** `bytes` include indexes and TOAST; `read` is how many rows, the newest, were read as the repositories read them. */
  tables: Schema.Array(Schema.Struct({ name: Schema.String, rows: Schema.Int, bytes: Schema.Int, read: Schema.Int })),
  instruments: Schema.Array(InstrumentSums),
  allocationsAt100: Schema.Int,
  classes: Classes,
  distribution: Schema.Struct({
    assetClasses: Schema.Array(Share),
    regions: Schema.Array(Share),
    sectors: Schema.Array(Share)
  }),
  indexes: Schema.Array(Schema.String),
  triggers: Schema.Array(Schema.String),
  constraints: Schema.Array(Schema.String),
  drift: Schema.NullOr(Schema.Array(Drift.Difference)),
  /** The differences that `ignore` excluded. */
  ignored: Schema.Array(Schema.String),
  findings: Schema.Array(Finding)
})
export type VerifyReport = typeof VerifyReport.Type

const Count = Schema.Struct({ name: Schema.String, rows: Schema.Int, bytes: Schema.Int })
const Counted = Schema.Struct({ ...Count.fields, policed: Schema.Boolean })

const countTables = Effect.fnUntraced(function* (tables: ReadonlyArray<string>) {
  if (tables.length === 0) return []
  const sql = yield* SqlClient.SqlClient
  const counts = tables.map(
    (table) =>
      `select '${table}' as name, (select count(*) from ${table})::integer as rows, pg_total_relation_size('${table}')::float8 as bytes, row_security_active('${table}') as policed`
  )
  return yield* Schema.decodeUnknownEffect(Schema.Array(Counted))(yield* sql.unsafe(counts.join(" union all ")))
})

/** What a role sees of tables with policies may be part of the rows: of the others nothing is known. */
const hiddenRows = (tables: ReadonlyArray<typeof Counted.Type>): ReadonlyArray<Finding> => {
  const names = tables.filter(({ policed }) => policed).map(({ name }) => name)
  if (names.length === 0) return []
  const message = `policies may hide rows of ${names.join(", ")} from this role, so the rows are not checked: use a role with BYPASSRLS, or the owner where row-level security is not forced`
  return [{ severity: "problem", check: "row-level security", message }]
}

/** Rows of one request when a table is read page by page. */
const page = 500

const instrumentColumns = Object.keys(Instrument.fields).join(", ")

/** Every instrument, or what is wrong with its row. */
const readInstruments = Effect.fnUntraced(function* () {
  const sql = yield* SqlClient.SqlClient
  const decode = Schema.decodeUnknownResult(Instrument)
  const instruments: Array<Instrument> = []
  const findings: Array<Finding> = []
  for (let after = ""; ; ) {
    const rows = yield* sql<{ readonly symbol: string }>`
      select ${sql.literal(instrumentColumns)} from instruments where symbol > ${after}::text order by symbol limit ${page}`
    for (const row of rows) {
      const decoded = decode(row)
      if (Result.isSuccess(decoded)) instruments.push(decoded.success)
      else findings.push(undecodable("instruments", row.symbol, decoded.failure))
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < page) return { instruments, findings }
    after = last.symbol
  }
})

/** Finds what differs from the migrations; the operator's additions and left-out constraints become notices. */
const lookForDrift = Effect.fnUntraced(function* (catalogue: Catalogue.Catalogue, ignore: ReadonlyArray<string>) {
  const expected = yield* (yield* Catalogue.Reference).catalogue
  const { additions, differences, ignored, leftOut } = Drift.compare(expected, catalogue, ignore)
  const notice =
    (check: string) =>
    (message: string): Finding => ({ severity: "notice", check, message })
  return {
    drift: differences,
    ignored,
    notices: [
      ...leftOut.map(notice("constraints left out by migrate --lenient")),
      ...additions.map(({ object }) => object).map(notice("not in the migrations"))
    ]
  }
})

/** If a constraint of a table was left out on purpose, findings in its rows become notices. */
const softenedBy =
  (leftOut: ReadonlyArray<string>) =>
  (table: string) =>
  (finding: Finding): Finding =>
    leftOut.some((constraint) => constraint.startsWith(`${table}.`)) ? { ...finding, severity: "notice" } : finding

/** What is wrong with rows, and how many of each table were read. */
interface RowsChecked {
  readonly findings: ReadonlyArray<Finding>
  readonly read: ReadonlyMap<string, number>
}

/** The tables that came after the first ones and lack a column: a statement on them would abort a transaction. */
const lackingColumns = (
  catalogue: Catalogue.Catalogue,
  tables: ReadonlyArray<string>
): ReadonlyMap<string, Finding> => {
  const columns = new Set(
    catalogue.filter(({ kind }) => kind === "column").map(({ name, table }) => `${table}.${name}`)
  )
  return new Map(
    tables
      .filter((table) => !Layout.isAlexs(table))
      .flatMap((table) => {
        const missing = columnsOf(table).filter((column) => !columns.has(`${table}.${column}`))
        const message = `the rows of ${table} could not be checked: it has no ${missing.join(", ")}`
        return missing.length === 0 ? [] : [[table, { severity: "problem", check: "rows", message }]]
      })
  )
}

/** Checks the rows of all tables. */
const checkRows = (
  catalogue: Catalogue.Catalogue,
  softened: ReturnType<typeof softenedBy>,
  { pending }: MigrationStatus
) => {
  const existing = catalogue.filter(({ kind }) => kind === "table").map(({ name }) => name)
  const lacking = lackingColumns(catalogue, existing)
  const tables = new Set(existing.filter((table) => !lacking.has(table)))
  return Effect.all([runRowChecks(tables), decodeSamples(tables)]).pipe(
    Effect.map(([found, { findings, read }]) => ({
      read,
      findings: [...lacking.values(), ...[...found, ...findings].map(({ finding, table }) => softened(table)(finding))]
    })),
    // If a column is missing or has another type, the row checks can't run; drift names the column.
    Effect.catchTag("SqlError", (error) => {
      const message =
        pending.length > 0
          ? "the rows can be checked only when the pending migrations are applied"
          : `the rows could not be checked: ${messageOf(error)}`
      return Effect.succeed<RowsChecked>({
        read: new Map(),
        findings: [{ severity: "problem", check: "rows", message }]
      })
    })
  )
}

const validateConstraints = Effect.fnUntraced(function* () {
  const { broken, leftOut } = yield* Constraints.validate(false)
  const finding =
    (severity: Finding["severity"], check: string) =>
    (constraint: BrokenConstraints.BrokenConstraint): Finding => ({
      severity,
      check,
      message: BrokenConstraints.describe(constraint)
    })
  return [
    ...broken.map(finding("problem", "constraints that are not validated")),
    ...leftOut.map(finding("notice", "constraints that are left out"))
  ]
})

/** Options of `verify`; all members have a default. */
export interface VerifyOptions extends Pick<MigrateOptions, "folder"> {
  /**
   * Whether to check for drift, which needs an empty database with the migrations applied, and up to a few seconds;
   * true by default.
   */
  readonly drift?: boolean | undefined
  /**
   * Whether to validate the constraints that no row breaks first, and to name the rows that break the others; false by
   * default.
   */
  readonly validate?: boolean | undefined
  /** Objects that are not compared with the migrations: a kind and a name with `*`, such as `view:reporting_*`. */
  readonly ignore?: ReadonlyArray<string> | undefined
}

/** How many instruments the report lists if their allocations sum to 100. */
const listed = 100

const isAllAt100 = ({ assetClasses, regions, sectors }: InstrumentSums): boolean =>
  isAt100(regions) && isAt100(sectors) && isAt100(assetClasses)

/** What the report says of the instruments' allocations. */
const allocationsOf = (read: ReadonlyArray<{ readonly instrument: Instrument; readonly sums: InstrumentSums }>) => {
  const instruments = read.map(({ instrument }) => instrument)
  const sums = read.map((one) => one.sums)
  return {
    instruments: sums.filter((one, index) => index < listed || !isAllAt100(one)),
    allocationsAt100: sums.filter((one) => isAllAt100(one) && one.regions !== null).length,
    classes: classesOf(instruments.map((one) => one.allocation_asset_class)),
    distribution: {
      assetClasses: distributionOf(instruments.map((one) => one.allocation_asset_class)),
      regions: distributionOf(instruments.map((one) => one.allocation_regions)),
      sectors: distributionOf(instruments.map((one) => one.allocation_sectors))
    }
  }
}

const missingTables = (present: ReadonlyArray<string>): ReadonlyArray<Finding> =>
  Layout.tables
    .filter((table) => !present.includes(table))
    .map((table) => ({ severity: "problem", check: "tables", message: `table ${table} is missing` }))

const migrationFindings = ({ pending, problems }: VerifyReport["migrations"]): ReadonlyArray<Finding> =>
  [...problems.map(({ message }) => message), ...pending.map(({ name }) => `${name} is not applied`)].map(
    (message) => ({ severity: "problem", check: "migrations", message })
  )

const databaseOf = ({ backend, database, location }: Target["Service"]) => ({ backend, name: database, location })

/** The report on another application's tables. Their rows are not looked at, and no repair of them is proposed. */
const foreignReport = (target: Target["Service"], migrations: MigrationStatus): VerifyReport => ({
  ok: false,
  database: databaseOf(target),
  migrations,
  tables: [],
  ...allocationsOf([]),
  indexes: [],
  triggers: [],
  constraints: [],
  drift: null,
  ignored: [],
  findings: migrationFindings({ ...migrations, pending: [] })
})

/**
 * Checks everything. Changes nothing, except that `validate` validates constraints. Where another application's tables
 * have the names of Alex's, the report says so, and nothing else. About thirteen requests, and one more for each 500
 * instruments.
 *
 * @errors MigrationsUnreadable, ReferenceUnavailable, RepositoryError
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Verify } from "alex-database"
 *
 * const problems = Verify.verify().pipe(
 *   Effect.map((report) => report.findings.filter((finding) => finding.severity === "problem"))
 * )
 * ```
 */
export const verify = Effect.fn("Verify.verify")(function* (options: VerifyOptions = {}) {
  const target = yield* Target
  const step = (done: number, text: string) => Progress.report({ operation: "verify", done, total: 5, text })
  yield* step(0, "reading the catalogue and the journal")
  const migrations = yield* status({ folder: options.folder })
  const isForeign =
    migrations.problems.some(({ kind }) => kind === "foreign" || kind === "search path") &&
    (yield* ForeignTables.find()).length > 0
  if (isForeign) return foreignReport(target, migrations)
  const broken = options.validate === true ? yield* validateConstraints() : []
  const catalogue = yield* Catalogue.read()
  const softened = softenedBy(LeftOut.constraintsOf(catalogue))
  const present = Layout.allTables.filter((table) =>
    catalogue.some((object) => object.kind === "table" && object.name === table)
  )
  const complete = Layout.tables.every((table) => present.includes(table))
  yield* step(1, "counting rows")
  const counted = yield* countTables(present)
  const hidden = hiddenRows(counted)
  yield* step(2, "checking allocations")
  const read = present.includes("instruments") ? yield* readInstruments() : { instruments: [], findings: [] }
  const instruments = read.instruments.map((instrument) => ({ instrument, sums: sumsOf(instrument) }))
  yield* step(3, "checking rows")
  const rows: RowsChecked =
    complete && hidden.length === 0
      ? yield* checkRows(catalogue, softened, migrations)
      : { findings: [], read: new Map() }
  if (options.drift !== false) yield* step(4, "looking for drift")
  const { drift, ignored, notices } =
    options.drift === false
      ? { drift: null, ignored: [], notices: [] }
      : yield* lookForDrift(catalogue, options.ignore ?? [])
  const findings: ReadonlyArray<Finding> = [
    ...missingTables(present),
    ...hidden,
    ...migrationFindings(migrations),
    ...[...read.findings, ...instruments.flatMap(({ instrument, sums }) => allocationFindings(sums, instrument))].map(
      softened("instruments")
    ),
    ...broken,
    ...rows.findings,
    ...notices
  ]
  const named = (kind: Catalogue.Kind) =>
    catalogue
      .filter((object) => object.kind === kind && object.table !== null && present.includes(object.table))
      .map((object) => object.name)
  const report: VerifyReport = {
    ok: findings.every((finding) => finding.severity === "notice") && (drift ?? []).length === 0,
    database: databaseOf(target),
    migrations,
    tables: counted.map(({ bytes, name, rows: all }) => ({
      name,
      rows: all,
      bytes,
      read: name === "instruments" ? read.instruments.length + read.findings.length : (rows.read.get(name) ?? 0)
    })),
    ...allocationsOf(instruments),
    indexes: named("index"),
    triggers: named("trigger"),
    constraints: named("constraint"),
    drift,
    ignored,
    findings
  }
  return report
})
