/** Finds everything that is wrong with a database, and what to do next. */
import { Effect, Schema } from "effect"
import * as Check from "./Check.ts"
import { type MigrateOptions, status } from "./migrate/Migrate.ts"
import { NextStep, nextStep } from "./NextStep.ts"
import * as Drift from "./verify/Drift.ts"
import { Finding } from "./verify/Finding.ts"
import { verify } from "./verify/Verify.ts"

/**
 * The findings of `check`, `migrate status` and `verify`. `migrations`, `tables`, `drift` and `findings` are empty if
 * the database could not be reached; `next` is null if nothing has to be done.
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

/** Options of `examine`; all members have a default. */
export interface DoctorOptions extends Pick<MigrateOptions, "folder"> {
  /** Objects that are not compared with the migrations, such as `view:reporting_*`. */
  readonly ignore?: ReadonlyArray<string> | undefined
}

const withoutDatabase = { migrations: { applied: 0, pending: [], problems: [], warnings: [] }, tables: [] }

/** Whether Alex's tables can't be looked at: another application's have their names, or the search path is wrong. */
const isBlocked = ({ problem }: Check.CheckReport): boolean => problem?.code === "foreign" || problem?.code === "schema"

/** What `check` found, where no command does anything about it. */
const outside = (problem: Check.CheckProblem): NextStep => ({ why: problem.problem, fix: problem.fix, command: null })

/** The report on a database that could not be reached, or that has others' tables in the way. */
export const onCheck = (check: Check.CheckReport): DoctorReport => {
  const { problem } = check
  const reached = check.reachable !== null
  return {
    ok: false,
    check,
    ...withoutDatabase,
    drift: [],
    findings: [],
    next: problem === null ? null : { ...outside(problem), command: reached ? null : "alex-db check" }
  }
}

/**
 * Examines a database that answers, and changes nothing. It takes as many requests as `Check.found`, `Migrate.status`
 * and `Verify.verify` together.
 *
 * @errors MigrationsUnreadable, ReferenceUnavailable, RepositoryError
 */
export const examine = Effect.fn("Doctor.examine")(function* (options: DoctorOptions = {}) {
  const check = yield* Check.found(options)
  if (isBlocked(check)) return onCheck(check)
  const migrations = yield* status(options)
  const verified = yield* verify(options)
  const { problem } = check
  const next = problem?.code === "read-only" || problem?.code === "privilege" ? outside(problem) : nextStep(verified)
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
    // Findings about the journal are already under `migrations`.
    findings: verified.findings.filter(({ check }) => check !== "migrations"),
    next
  }
  return report
})
