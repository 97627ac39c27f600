/** `alex-db backup`: the rows of a database into a file. */
import { fstatSync, statSync } from "node:fs"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { WrongUsage } from "../../Outcome.ts"
import { backupText } from "../../output/keepingText.ts"
import { print, sayLines, style } from "../../output/text.ts"
import { visibleReport } from "../../output/visible.ts"
import { database, fileArgument, operations, root } from "../../root.ts"
import { version } from "../../version.ts"
import { anonymizeFlag, anonymizeKey, schemaFlag } from "./asking.ts"

/** Whether stdout keeps nothing: Node opens /dev/null where the shell closed it, as `>&-` does. */
const isNowhere = (): boolean => {
  const nothing = statSync("/dev/null", { throwIfNoEntry: false })
  return nothing !== undefined && fstatSync(1).rdev === nothing.rdev
}

export const backup = Command.make(
  "backup",
  {
    file: fileArgument("file").pipe(
      Argument.withDescription("The file to write, compressed with gzip if its name ends in .gz; - for stdout")
    ),
    schema: schemaFlag,
    anonymize: anonymizeFlag
  },
  Effect.fnUntraced(function* ({ anonymize, file, schema }) {
    const flags = yield* root
    const toStdout = file === "-"
    if (toStdout && flags.json) {
      const problem = "--json and - both write to stdout"
      return yield* new WrongUsage({ problem, fix: "Name a file, or leave --json out" })
    }
    if (anonymize && Option.isSome(schema)) {
      const problem = "--anonymize works on Alex's tables only"
      return yield* new WrongUsage({ problem, fix: "Leave out --anonymize or --schema" })
    }
    const { configure, onConfigured } = yield* database
    const { Backup } = yield* operations
    const config = yield* configure(flags)
    const key = yield* anonymizeKey(anonymize)
    const report = yield* onConfigured(config)(
      Backup.backup(file, {
        schema: Option.getOrUndefined(schema),
        anonymize: key,
        tool: `alex-database ${version()}`
      })
    )
    if (toStdout) {
      const isLost = isNowhere()
      const shown = visibleReport({ ...report, file: isLost ? "/dev/null" : "stdout" })
      yield* sayLines(backupText(shown, yield* style))
      if (isLost)
        yield* Effect.logWarning(
          "nothing of the backup is kept: stdout is closed or is /dev/null. Name a file, or send stdout to one"
        )
      return
    }
    yield* print(flags.json, report, backupText)
  })
).pipe(
  Command.withDescription("Write a consistent snapshot of the database's rows to a file that can be restored"),
  Command.withExamples([
    { command: "alex-db backup alex.jsonl.gz", description: "All tables of Alex" },
    { command: "alex-db backup app.jsonl.gz --schema app", description: "Another application's" },
    { command: "alex-db backup - | gzip -9 > alex.jsonl.gz", description: "To another program" }
  ])
)
