/** `alex-db migrate`, `migrate status`, `migrate plan`. */
import { Effect, Option } from "effect"
import { Migrate, Plan } from "../operations/index.ts"
import { type DatabaseFlags, onDatabase } from "./database.ts"
import { foundWanting } from "./Outcome.ts"
import { count, print, type Style, table } from "./text.ts"
import { version } from "./version.ts"

type Flags = DatabaseFlags & { readonly json: boolean }

const migrateText = (
  { adopted, alreadyApplied, applied, converted, warnings }: Migrate.MigrationReport,
  marks: Style
) =>
  [
    ...(adopted.length > 0 ? [`Adopted the tables of a database without a journal: ${adopted.join(", ")}`] : []),
    ...(converted.length > 0 ? [`Moments without a zone were read as UTC: ${converted.join(", ")}`] : []),
    ...applied.map(
      ({ byAnother, durationMs, name, statements }) =>
        `${marks.good("applied")} ${name} (${byAnother ? "by another runner" : `${count(statements, "statement")}, ${durationMs} ms`})`
    ),
    ...warnings.map((warning) => `${marks.warn("warning:")} ${warning}`),
    applied.length === 0
      ? `Nothing to apply: ${count(alreadyApplied, "migration is", "migrations are")} in place.`
      : `${count(applied.length, "migration")} applied, ${alreadyApplied} already in place.`
  ].join("\n")

export const migrate = Effect.fnUntraced(function* (flags: Flags, options: { readonly to: Option.Option<number> }) {
  const to = Option.getOrUndefined(options.to)
  const report = yield* onDatabase(flags)(Migrate.migrate({ to, version: version() }))
  yield* print(flags.json, report, migrateText)
})

const statusText = ({ applied, pending, problems, warnings }: Migrate.MigrationStatus, marks: Style) =>
  [
    table(
      ["migration", "state", "applied at", "took", "by version"],
      [
        ...applied.map((entry) => [
          entry.name,
          marks.good("applied"),
          entry.appliedAt.toISOString(),
          `${entry.durationMs ?? 0} ms`,
          entry.version
        ]),
        ...pending.map(({ name, statements }) => [name, marks.warn("pending"), "", "", count(statements, "statement")])
      ]
    ),
    ...problems.map(({ message }) => `${marks.bad("problem:")} ${message}`),
    ...warnings.map((warning) => `${marks.warn("warning:")} ${warning}`)
  ].join("\n")

export const status = Effect.fnUntraced(function* (flags: Flags) {
  const report = yield* onDatabase(flags)(Migrate.status())
  yield* print(flags.json, report, statusText)
  if (!report.current) return yield* foundWanting
})

const planText = ({ statements, tried }: Plan.PlanReport, marks: Style) =>
  statements.length === 0
    ? "Nothing to apply."
    : [
        ...statements.flatMap(({ line, locks, migration, sql, warnings }) => [
          marks.dim(`-- ${migration}.sql, line ${line}`),
          `${sql};`,
          ...locks.map((lock) => marks.dim(`-- locks ${lock.table}: ${lock.mode}`)),
          ...warnings.map((warning) => marks.warn(`-- warning: ${warning}`)),
          ""
        ]),
        `${count(statements.length, "statement")}${tried ? ", each tried and rolled back" : ""}. Nothing was changed.`
      ].join("\n")

export const plan = Effect.fnUntraced(function* (
  flags: Flags,
  options: { readonly to: Option.Option<number>; readonly rehearse: boolean }
) {
  const to = Option.getOrUndefined(options.to)
  const report = yield* onDatabase(flags)(Plan.plan({ to, rehearse: options.rehearse }))
  yield* print(flags.json, report, planText)
})
