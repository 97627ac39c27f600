/** `alex-db migrate`: applies what is pending. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Migrate } from "../../../operations/index.ts"
import { count, print, type Style } from "../../output/text.ts"
import { database, on, operations, root } from "../../root.ts"
import { version } from "../../version.ts"
import { baseline, mark } from "./mark.ts"
import { plan } from "./plan.ts"
import { status } from "./status.ts"

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

export const migrate = Command.make(
  "migrate",
  {
    to: Flag.Int("to").pipe(
      Flag.withMetavar("NUMBER"),
      Flag.withDescription("The number of the last migration to apply (default: all)"),
      Flag.optional
    ),
    lenient: on("lenient", "Leave out the rules that old rows break, so that no change of those is refused")
  },
  Effect.fnUntraced(function* (options) {
    const flags = yield* root
    const { onDatabase } = yield* database
    const { Migrate } = yield* operations
    const to = Option.getOrUndefined(options.to)
    const report = yield* onDatabase(flags)(Migrate.migrate({ to, lenient: options.lenient, version: version() }))
    yield* print(flags.json, report, migrateText)
  })
).pipe(
  Command.withDescription("Apply the pending migrations, each in one transaction"),
  Command.withExamples([
    { command: "alex-db migrate plan", description: "See the statements first" },
    { command: "alex-db migrate", description: "Apply them" },
    { command: "alex-db migrate --to 2", description: "Apply the first two alone" }
  ]),
  Command.withSubcommands([status, plan, mark, baseline])
)
