/** `alex-db verify`: the full report, as text, JSON or a page. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { Verify } from "../../operations/index.ts"
import { foundWanting, Refused } from "../Outcome.ts"
import { print, say } from "../output/text.ts"
import { visibleReport } from "../output/visible.ts"
import { database, on, operations, root } from "../root.ts"

const writePage = Effect.fnUntraced(function* (file: string, report: Verify.VerifyReport) {
  const { verifyPage } = yield* Effect.promise(() => import("../output/VerifyPage.ts"))
  const files = yield* FileSystem.FileSystem
  yield* Effect.mapError(
    files.writeFileString(file, verifyPage(visibleReport(report))),
    (cause) =>
      new Refused({
        code: "file",
        problem: `${file} can't be written: ${cause.message}`,
        fix: "Give --html the path of a file in a folder that is there and can be written",
        cause
      })
  )
  yield* say(`The report is in ${file}`)
})

export const verify = Command.make(
  "verify",
  {
    html: Flag.Path("html", { pathType: "either", mustExist: false }).pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Write the report to this file too, as a page with charts"),
      Flag.optional
    ),
    skipDrift: on("skip-drift", "Do not compare the database with its migrations, which takes some seconds")
  },
  Effect.fnUntraced(function* (options) {
    const flags = yield* root
    const { onDatabase } = yield* database
    const { Verify } = yield* operations
    const report = yield* onDatabase(flags)(Verify.verify({ drift: !options.skipDrift }))
    const { verifyText } = yield* Effect.promise(() => import("../output/VerifyText.ts"))
    if (Option.isSome(options.html)) yield* writePage(options.html.value, report)
    yield* print(flags.json, report, verifyText)
    if (!report.ok) return yield* foundWanting
  })
).pipe(
  Command.withDescription("Report on tables, allocations, indexes, triggers, rows and drift; exit 3 if wanting"),
  Command.withExamples([
    { command: "alex-db verify", description: "Exit 3 if anything is wrong" },
    { command: "alex-db verify --html report.html", description: "A page with charts beside it" }
  ])
)
