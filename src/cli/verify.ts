/** `alex-db verify`: the full report, as text, JSON or a page. */
import { Console, Effect, FileSystem, Option } from "effect"
import { CliError } from "effect/cli"
import { Verify } from "../operations/index.ts"
import { type DatabaseFlags, onDatabase } from "./database.ts"
import { foundWanting } from "./Outcome.ts"
import { verifyText } from "./Report.ts"
import { print } from "./text.ts"
import { verifyPage } from "./VerifyPage.ts"

const writePage = Effect.fnUntraced(function* (file: string, report: Verify.VerifyReport) {
  const files = yield* FileSystem.FileSystem
  yield* files
    .writeFileString(file, verifyPage(report))
    .pipe(
      Effect.mapError(
        (cause) => new CliError.UserError({ cause, userMessage: `${file} can't be written: ${cause.message}` })
      )
    )
  yield* Console.error(`The report is in ${file}`)
})

export const verify = Effect.fnUntraced(function* (
  flags: DatabaseFlags & { readonly json: boolean },
  options: { readonly html: Option.Option<string>; readonly skipDrift: boolean }
) {
  const report = yield* onDatabase(flags)(Verify.verify({ drift: !options.skipDrift }))
  yield* print(flags.json, report, verifyText)
  if (Option.isSome(options.html)) yield* writePage(options.html.value, report)
  if (!report.ok) return yield* foundWanting
})
