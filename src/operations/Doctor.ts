/**
 * Everything that is wrong with a database on one screen, and what to do next.
 */
import { Effect, Schema } from "effect"
import * as Check from "./Check.ts"
import { type MigrateOptions, type MigrationStatus, status } from "./migrate/Migrate.ts"
import * as Drift from "./verify/Drift.ts"
import { Finding } from "./verify/Finding.ts"
import { type VerifyReport, verify } from "./verify/Verify.ts"

/** What to do next, and why. `command` is null where no command does it. */
export const NextStep = Schema.Struct({ why: Schema.String, fix: Schema.String, command: Schema.NullOr(Schema.String) })
export type NextStep = typeof NextStep.Type

/**
 * The findings of `check`, `migrate status` and `verify`. `migrations` and what follows is empty where the database
 * could not be reached, and `next` is null where nothing has to be done.
 */
export const DoctorReport = Schema.Struct({
  ok: Schema.Boolean,
  check: Check.CheckReport,
  migrations: Schema.Struct({
    applied: Schema.Int,
    pending: Schema.Array(Schema.String),
    problems: Schema.Array(Schema.String),
    warnings: Schema.Array(Schema.String)
  }),
  tables: Schema.Array(Schema.Struct({ name: Schema.String, rows: Schema.Int })),
  drift: Schema.Array(Drift.Difference),
  findings: Schema.Array(Finding),
  next: Schema.NullOr(NextStep)
})
export type DoctorReport = typeof DoctorReport.Type

/** How to examine; all members have a default. */
export interface DoctorOptions extends Pick<MigrateOptions, "folder"> {
  /** Objects that are not compared with the migrations, such as `view:reporting_*`. */
  readonly ignore?: ReadonlyArray<string> | undefined
}

const step = (why: string, fix: string, command: string | null): NextStep => ({ why, fix, command })

/** What is to be done about the rows, by the check that found them wanting. */
const aboutRows: Readonly<Record<string, readonly [fix: string, command: string]>> = {
  allocations: ["See which instruments, and correct them in the seed file", "alex-db verify"],
  "stuck jobs": ["See which, and make them pending again", "alex-db jobs list --stuck"]
}

const nextOnMigrations = ({ pending, problems }: MigrationStatus): NextStep | undefined => {
  const [problem] = problems
  if (problem?.kind === "tables")
    return step(problem.message, "See what would be made again", "alex-db repair --dry-run")
  if (problem !== undefined) return step(problem.message, "See all of it", "alex-db migrate status")
  const [first] = pending
  return first === undefined
    ? undefined
    : step(`${first.name} is not applied`, "See what it locks, then run alex-db migrate", "alex-db migrate plan")
}

const nextOnDrift = (drift: ReadonlyArray<Drift.Difference>): NextStep | undefined => {
  const mendable = drift.find(({ kind }) => kind !== "unexpected")
  const first = mendable ?? drift[0]
  if (first === undefined) return undefined
  const command = mendable === undefined ? "alex-db repair --drift --dry-run" : "alex-db repair --dry-run"
  return step(Drift.describe(first), "See the statements that put it right", command)
}

const nextOnRows = ({ findings, tables }: VerifyReport): NextStep | undefined => {
  const problem = findings.find(({ severity }) => severity === "problem")
  if (problem !== undefined) {
    const [fix, command] = aboutRows[problem.check] ?? ["See all of them", "alex-db verify"]
    return step(problem.message, fix, command)
  }
  return tables.some(({ name, rows }) => name === "instruments" && rows === 0)
    ? step("There are no instruments yet", "Load those of the package", "alex-db seed")
    : undefined
}

const withoutDatabase = { migrations: { applied: 0, pending: [], problems: [], warnings: [] }, tables: [] }

/** The report on a database that could not be reached, or is another application's. */
export const onCheck = (check: Check.CheckReport): DoctorReport => ({
  ok: false,
  check,
  ...withoutDatabase,
  drift: [],
  findings: [],
  next: check.problem === null ? null : step(check.problem.problem, check.problem.fix, "alex-db check")
})

/**
 * Examines a database that answers: changes nothing. As many requests as `Check.found`, `Migrate.status` and
 * `Verify.verify` together.
 *
 * @errors MigrationsUnreadable, ReferenceUnavailable, RepositoryError
 */
export const examine = Effect.fn("Doctor.examine")(function* (options: DoctorOptions = {}) {
  const check = yield* Check.found(options)
  if (check.problem?.code === "foreign") return onCheck(check)
  const migrations = yield* status(options)
  const verified = yield* verify(options)
  const next = nextOnMigrations(migrations) ?? nextOnDrift(verified.drift ?? []) ?? nextOnRows(verified) ?? null
  const report: DoctorReport = {
    ok: check.ok && migrations.current && verified.ok,
    check,
    migrations: {
      applied: migrations.applied.length,
      pending: migrations.pending.map(({ name }) => name),
      problems: migrations.problems.map(({ message }) => message),
      warnings: migrations.warnings
    },
    tables: verified.tables.map(({ name, rows }) => ({ name, rows })),
    drift: verified.drift ?? [],
    // What the journal says is told once, under migrations.
    findings: verified.findings.filter(({ check }) => check !== "migrations"),
    next
  }
  return report
})
