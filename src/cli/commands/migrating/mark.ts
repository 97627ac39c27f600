/** `alex-db migrate mark` and `alex-db migrate baseline`: write the journal without running anything. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Mark } from "../../../operations/index.ts"
import { print } from "../../output/text.ts"
import { database, on, operations, root } from "../../root.ts"
import { version } from "../../version.ts"
import { ownFolder, sourceOf } from "./ownFolder.ts"

const markText = ({ applied, marked }: Mark.MarkReport): string =>
  `${marked.join(", ")} ${marked.length === 1 ? "counts" : "count"} as ${applied ? "applied" : "pending"} now; nothing was run. See alex-db migrate status, and alex-db verify.`

export const mark = Command.make(
  "mark",
  {
    name: Argument.String("name").pipe(Argument.withDescription("The migration's name or number")),
    folder: ownFolder,
    notApplied: on("not-applied", "Count it as pending instead")
  },
  Effect.fnUntraced(function* ({ folder, name, notApplied }) {
    const flags = yield* root
    const { onDatabase } = yield* database
    const { Mark } = yield* operations
    const report = yield* onDatabase(flags)(
      Mark.mark(name, { ...sourceOf(folder), applied: !notApplied, version: version() })
    )
    yield* print(flags.json, report, markText)
  })
).pipe(
  Command.withDescription("Record a migration that was applied by hand as applied, without running it"),
  Command.withExamples([
    { command: "alex-db migrate mark 004_jobs_newest_first", description: "Its statements were run by hand" }
  ])
)

export const baseline = Command.make(
  "baseline",
  {
    to: Flag.Int("to").pipe(
      Flag.withMetavar("NUMBER"),
      Flag.withDescription("The number of the last migration that the tables have (default: all)"),
      Flag.optional
    ),
    folder: ownFolder
  },
  Effect.fnUntraced(function* ({ folder, to }) {
    const flags = yield* root
    const { onDatabase } = yield* database
    const { Mark } = yield* operations
    const report = yield* onDatabase(flags)(
      Mark.baseline({ ...sourceOf(folder), to: Option.getOrUndefined(to), version: version() })
    )
    yield* print(flags.json, report, markText)
  })
).pipe(
  Command.withDescription(
    "Write the journal of a database that has the tables but lost its journal, without running anything"
  ),
  Command.withExamples([{ command: "alex-db migrate baseline", description: "The tables match the last migration" }])
)
