/** Compares the journal with the migrations: what is applied, what is pending, and what is wrong. Pure. */
import { Schema } from "effect"
import { newerServer, onForeign } from "../database/Advice.ts"
import * as Installation from "../database/Installation.ts"
import { takenNames } from "../database/TakenNames.ts"
import * as Migration from "./Migration.ts"
import { MigrationRefused } from "./MigrationErrors.ts"
import { problemsOfStatements, type StatementProblem } from "./statements/StatementProblems.ts"

/** Something found while comparing the journal with the migrations. */
export const Problem = Schema.Struct({
  kind: Schema.Literals([
    "edited",
    "missing",
    "out of order",
    "statement",
    "foreign",
    "search path",
    "tables",
    "number",
    "server"
  ]),
  migration: Schema.String,
  message: Schema.String
})
export type Problem = typeof Problem.Type

/** The oldest PostgreSQL that runs Alex's migrations: they replace triggers. */
const OLDEST_SERVER = 14

/** A server that is too old for migrations of Alex's that are pending. */
const serverProblems = (server: string, pending: ReadonlyArray<Migration.Migration>): ReadonlyArray<Problem> => {
  const needs = pending.find(({ name }) => !Migration.isOwn(name))
  if (needs === undefined || Number.parseInt(server, 10) >= OLDEST_SERVER) return []
  const message = `the server is PostgreSQL ${server}, and Alex's tables need ${OLDEST_SERVER} or later`
  return [{ kind: "server", migration: needs.name, message }]
}

/** The refusal for these problems. Of another application's objects it says where Alex's may go instead. */
export const refusalOf = (problems: ReadonlyArray<Problem>): MigrationRefused => {
  const isTooOld = problems.some(({ kind }) => kind === "server")
  const isMisplaced = problems.some(({ kind }) => kind === "search path")
  const isForeign = isMisplaced || problems.some(({ kind }) => kind === "foreign")
  return new MigrationRefused({
    problems: problems.map(({ message }) => message),
    ...(isTooOld ? { fix: newerServer.fix } : isForeign ? { fix: onForeign(isMisplaced).fix } : {})
  })
}

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

const unknownHere = ({ name }: Installation.Entry): string =>
  Migration.isOwn(name)
    ? `${name} is applied, but the folder has no such file: check --folder, or fetch the newer files`
    : `${name} is applied and not known here: this package is older than the database: install a newer one`

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
        const folder = Migration.isOwn(entry.name) ? " --folder FOLDER" : ""
        const message = `${entry.name} is applied, but its file is missing: restore it, or run alex-db migrate mark ${entry.name} --not-applied${folder}`
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
      ...finished.filter(isNewer).map(unknownHere),
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
  {
    foreign,
    holders,
    incomplete,
    journal,
    misplaced,
    notices,
    others,
    server,
    standing,
    tables
  }: Installation.Installation,
  to?: number
): MigrationStatus => {
  const state = compare(migrations, standing === "remade" ? [] : journal, to)
  const pending = migrations.filter((migration) => state.pending.some(({ name }) => name === migration.name))
  const existing = tables.map(({ name }) => name)
  const problems = [
    ...serverProblems(server, pending),
    ...[...foreign, ...takenNames(holders, pending, existing)].map(
      (message): Problem => ({
        kind: misplaced.includes(message) ? "search path" : "foreign",
        migration: "",
        message
      })
    ),
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
