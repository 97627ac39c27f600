/** `alex-db restore`: a backup into a database. */
import { stat } from "node:fs/promises"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { WrongUsage } from "../../Outcome.ts"
import { planText, restoreText } from "../../output/keepingText.ts"
import { print } from "../../output/text.ts"
import { database, fileArgument, on, operations, root } from "../../root.ts"
import { version } from "../../version.ts"
import { askToReplace, replaceFlags } from "./asking.ts"

/** Whether a second look would find nothing, or wait for ever: of a pipe, such as that of `<(ssh ...)`, and of stdin. */
const readsOnce = (file: string) =>
  Effect.map(
    Effect.promise(() => stat(file).catch(() => undefined)),
    (found) => file === "-" || (found !== undefined && !found.isFile() && !found.isDirectory())
  )

export const restore = Command.make(
  "restore",
  {
    file: fileArgument("file").pipe(Argument.withDescription("The backup file, compressed or not; - for stdin")),
    ...replaceFlags,
    resume: on("resume", "Commit in steps, and continue where an interrupted run with the same file stopped"),
    dryRun: on("dry-run", "Read the backup, say what would be replaced, and change nothing")
  },
  Effect.fnUntraced(function* ({ confirm, dryRun, file, replace, resume, skipVerify }) {
    const flags = yield* root
    const isOnce = yield* readsOnce(file)
    if (isOnce && resume) {
      const problem = `--resume reads the backup more than once, which ${file === "-" ? "stdin" : "a pipe"} does not allow`
      return yield* new WrongUsage({ problem, fix: "Name a file" })
    }
    const { configure, onConfigured } = yield* database
    const { BackupFile, BackupReader, Restore, RestoreTarget } = yield* operations
    const config = yield* configure(flags)
    const { canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
    const open = BackupReader.read(file, BackupFile.bytesOf(file))
    const options = {
      replace,
      resume,
      confirm: Option.getOrUndefined(confirm),
      verify: !skipVerify,
      version: version()
    }
    // A damaged file is found before anything is changed.
    const checked = isOnce && !dryRun ? undefined : yield* BackupReader.check(file, BackupFile.bytesOf(file))
    if (dryRun && checked !== undefined) {
      const plan = yield* onConfigured(config)(Restore.plan(checked.header, checked.contents))
      return yield* print(flags.json, plan, planText(RestoreTarget.mostCounted))
    }
    const report = yield* onConfigured(config)(
      Effect.gen(function* () {
        const source = yield* open
        if (!canPrompt || isOnce) return yield* Restore.restore(source, options)
        const plan = yield* Restore.plan(source.header, checked?.contents)
        const isAsked =
          plan.tables.length > 0 &&
          options.confirm === undefined &&
          !(resume && plan.resumesAt !== null) &&
          (!replace || plan.mustConfirm !== null)
        if (!isAsked) return yield* Restore.restore(source, options)
        const named = yield* askToReplace(plan, RestoreTarget.mostCounted)
        return yield* Restore.restore(source, { ...options, replace: true, confirm: named })
      })
    )
    yield* print(flags.json, report, restoreText("restored"))
  })
).pipe(
  Command.withDescription("Put a backup into the database, in one transaction, and compare counts and hashes"),
  Command.withExamples([
    { command: "alex-db restore alex.jsonl.gz", description: "Into an empty database, which is migrated first" },
    { command: "alex-db restore alex.jsonl.gz --dry-run", description: "Check the file, and see what would be lost" },
    {
      command: "alex-db restore alex.jsonl.gz --resume",
      description: "Start a long restore, or continue an interrupted one"
    }
  ])
)
