/** `alex-db migrate status`: what is applied and what is pending. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import type { Migrate } from "../../../operations/index.ts"
import { problemFound } from "../../Outcome.ts"
import { count, print, type Style, table } from "../../output/text.ts"
import { database, operations, root } from "../../root.ts"
import { ownFolder, sourceOf } from "./ownFolder.ts"

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

export const status = Command.make(
  "status",
  { folder: ownFolder },
  Effect.fnUntraced(function* ({ folder }) {
    const flags = yield* root
    const { onDatabase } = yield* database
    const { Migrate } = yield* operations
    const report = yield* onDatabase(flags)(Migrate.status(sourceOf(folder)))
    yield* print(flags.json, report, statusText)
    if (!report.current) return yield* problemFound
  })
).pipe(
  Command.withDescription("Say what is applied and what is pending; exit 3 unless all is applied"),
  Command.withExamples([{ command: "alex-db migrate status", description: "Exit 3 while something is pending" }])
)
