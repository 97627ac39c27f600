/** `alex-db migrate`: applies what is pending. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Migrate } from "../../../operations/index.ts"
import { count, print, type Style } from "../../output/text.ts"
import { database, on, operations, root } from "../../root.ts"
import { version } from "../../version.ts"
import { patienceOf, waiting } from "../waiting.ts"
import { baseline, mark } from "./mark.ts"
import { newMigration } from "./new.ts"
import { ownFolder, sourceOf } from "./ownFolder.ts"
import { plan } from "./plan.ts"
import { status } from "./status.ts"

const migrateText = (
  { adopted, alreadyApplied, applied, converted, warnings }: Migrate.MigrationReport,
  marks: Style
) =>
  [
    ...(adopted.length > 0 ? [`Adopted the tables of a database without a journal: ${adopted.join(", ")}`] : []),
    ...(converted.length > 0 ? [`Timestamps without time zone were read as UTC: ${converted.join(", ")}`] : []),
    ...applied.map(
      ({ byAnother, durationMs, name, statements }) =>
        `${marks.good("applied")} ${name} (${byAnother ? "by another runner" : `${count(statements, "statement")}, ${durationMs} ms`})`
    ),
    ...warnings.map((warning) => `${marks.warn("warning:")} ${warning}`),
    applied.length === 0
      ? `Nothing to apply: ${count(alreadyApplied, "migration is", "migrations are")} in place.`
      : `${count(applied.length, "migration")} applied, ${alreadyApplied} already in place.`
  ].join("\n")

export const migrate = Command.make(
  "migrate",
  {
    to: Flag.Int("to").pipe(
      Flag.withMetavar("NUMBER"),
      Flag.withDescription("The number of the last migration to apply (default: all)"),
      Flag.optional
    ),
    folder: ownFolder,
    wait: waiting,
    lenient: on("lenient", "Leave out constraints that existing rows break, so that those rows can still be changed")
  },
  Effect.fnUntraced(function* (options) {
    const flags = yield* root
    const patience = yield* patienceOf(options.wait)
    const { configure, onConfigured, waitFor } = yield* database
    const { Migrate } = yield* operations
    const { folder, lenient } = options
    const config = yield* configure(flags)
    yield* waitFor(config, patience)
    const to = Option.getOrUndefined(options.to)
    const report = yield* onConfigured(config)(
      Migrate.migrate({ to, lenient, ...sourceOf(folder), version: version() })
    )
    yield* print(flags.json, report, migrateText)
  })
).pipe(
  Command.withDescription("Apply the pending migrations, each in one transaction"),
  Command.withExamples([
    { command: "alex-db migrate plan", description: "See the statements first" },
    { command: "alex-db migrate", description: "Apply them" },
    { command: "alex-db migrate --to 2", description: "Apply the first two alone" },
    { command: "alex-db migrate --wait 60s", description: "While the database is still starting" },
    { command: "alex-db migrate --folder migrations", description: "Apply your own, in the same journal" }
  ]),
  Command.withSubcommands([status, plan, newMigration, mark, baseline])
)
