/** `alex-db migrate new`: a file for a migration of the user's own. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { print } from "../../output/text.ts"
import { defaulted, operations, root } from "../../root.ts"

export const newMigration = Command.make(
  "new",
  {
    name: Argument.String("name").pipe(Argument.withDescription("What it changes, in a few words")),
    folder: defaulted(
      Flag.Path("folder", { pathType: "either", mustExist: false }).pipe(Flag.withMetavar("DIR")),
      "migrations",
      "The folder of your own migrations"
    )
  },
  Effect.fnUntraced(function* ({ folder, name }) {
    const flags = yield* root
    const { NewMigration } = yield* operations
    const report = yield* NewMigration.create(name, folder)
    yield* print(
      flags.json,
      report,
      ({ file }) => `Made ${file}. Write its SQL, then run alex-db migrate --folder ${folder}`
    )
  })
).pipe(
  Command.withDescription("Make a file for a migration of your own, with the next number"),
  Command.withExamples([
    { command: 'alex-db migrate new "add reports"', description: "migrations/001_add_reports.sql" }
  ])
)
