/** The next thing to do about a database, derived from the verification report. */
import { Schema } from "effect"
import { newerServer, onForeign } from "./database/Advice.ts"
import type { MigrationStatus } from "./migrate/Comparison.ts"
import * as Drift from "./verify/Drift.ts"
import type { VerifyReport } from "./verify/Verify.ts"

/** What to do next, and why. `command` is null where no command does it. */
export const NextStep = Schema.Struct({ why: Schema.String, fix: Schema.String, command: Schema.NullOr(Schema.String) })
export type NextStep = typeof NextStep.Type

const step = (why: string, fix: string, command: string | null): NextStep => ({ why, fix, command })

/** What to do about the rows that a check complains about, by the check's name. */
const aboutRows: Readonly<Record<string, readonly [fix: string, command: string]>> = {
  allocations: ["See which instruments, and correct them in the seed file", "alex-db verify"],
  "stuck jobs": ["See which, and make them pending again", "alex-db jobs list --stuck"]
}

const nextOnMigrations = ({ pending, problems }: MigrationStatus): NextStep | undefined => {
  const [problem] = problems
  if (problem?.kind === "tables")
    return step(problem.message, "See what would be created again", "alex-db repair --dry-run")
  if (problem?.kind === "server") return step(problem.message, newerServer.fix, null)
  if (problem?.kind === "foreign" || problem?.kind === "search path")
    return step(problem.message, onForeign(problem.kind === "search path").fix, null)
  if (problem !== undefined) return step(problem.message, "See all of it", "alex-db migrate status")
  const [first] = pending
  return first === undefined
    ? undefined
    : step(`${first.name} is not applied`, "See what it locks, then run alex-db migrate", "alex-db migrate plan")
}

const nextOnDrift = (drift: ReadonlyArray<Drift.Difference>): NextStep | undefined => {
  const repairable = drift.find((difference) => !Drift.needsRemoval(difference))
  const first = repairable ?? drift[0]
  if (first === undefined) return undefined
  const command = repairable === undefined ? "alex-db repair --drift --dry-run" : "alex-db repair --dry-run"
  return step(Drift.describe(first), "See the statements that repair it", command)
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

/** The first thing to do; null where all is well. */
export const nextStep = (report: VerifyReport): NextStep | null =>
  nextOnMigrations(report.migrations) ?? nextOnDrift(report.drift ?? []) ?? nextOnRows(report) ?? null
