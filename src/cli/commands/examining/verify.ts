/** `alex-db verify`: the full report, as text, JSON or a page. */
import * as Clock from "effect/Clock"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { Verify } from "../../../operations/index.ts"
import { whyOf } from "../../../operations/TextFile.ts"
import { problemFound, Refused } from "../../Outcome.ts"
import { print, type Style, say } from "../../output/text.ts"
import type { Made } from "../../output/VerifySummary.ts"
import { visibleReport } from "../../output/visible.ts"
import { database, defaulted, on, operations, root } from "../../root.ts"
import { version } from "../../version.ts"
import { ignoredObjects } from "./ignore.ts"

const writePage = Effect.fnUntraced(function* (file: string, report: Verify.VerifyReport, made: Made) {
  const { verifyPage } = yield* Effect.promise(() => import("../../output/VerifyPage.ts"))
  const files = yield* FileSystem.FileSystem
  yield* Effect.mapError(
    files.writeFileString(file, verifyPage(visibleReport(report), made)),
    (cause) =>
      new Refused({
        code: "file",
        problem: `${file} can't be written: ${whyOf(cause)}`,
        fix: "Give --html the path of a file in an existing folder that can be written",
        cause
      })
  )
  yield* say(`The report is in ${file}`)
})

/** The report in the form that was asked for; `--json` wins. */
const textIn = Effect.fnUntraced(function* (format: "text" | "markdown" | "github", made: Made) {
  if (format === "text") {
    const { verifyText } = yield* Effect.promise(() => import("../../output/VerifyText.ts"))
    return (report: Verify.VerifyReport, marks: Style) => verifyText(report, made, marks)
  }
  const { verifyAnnotations, verifyMarkdown } = yield* Effect.promise(() => import("../../output/VerifyMarkdown.ts"))
  return format === "github" ? verifyAnnotations : (report: Verify.VerifyReport) => verifyMarkdown(report, made)
})

export const verify = Command.make(
  "verify",
  {
    html: Flag.Path("html", { pathType: "either", mustExist: false }).pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Also write the report to this file, as an HTML page with charts"),
      Flag.optional
    ),
    format: defaulted(
      Flag.Literals("format", ["text", "markdown", "github"]),
      "text",
      "Text for people, Markdown for a summary, or annotations for GitHub Actions"
    ),
    ignore: ignoredObjects.flag,
    validate: on(
      "validate",
      "First validate the constraints that all rows satisfy, and name the rows that break the others"
    ),
    skipDrift: on("skip-drift", "Do not compare the database with its migrations, which takes some seconds")
  },
  Effect.fnUntraced(function* ({ format, html, ignore, skipDrift, validate }) {
    const flags = yield* root
    yield* ignoredObjects.check(ignore)
    const { onDatabase } = yield* database
    const { Verify } = yield* operations
    const report = yield* onDatabase(flags)(Verify.verify({ drift: !skipDrift, ignore, validate }))
    const made: Made = { at: new Date(yield* Clock.currentTimeMillis), version: version() }
    if (Option.isSome(html)) yield* writePage(html.value, report, made)
    yield* print(flags.json, report, yield* textIn(format, made))
    if (!report.ok) return yield* problemFound
  })
).pipe(
  Command.withDescription(
    "Report on tables, allocations, indexes, triggers, rows and drift; exit 3 if anything is wrong"
  ),
  Command.withExamples([
    { command: "alex-db verify", description: "Exit 3 if anything is wrong" },
    { command: "alex-db verify --html report.html", description: "A page with charts beside it" },
    { command: "alex-db verify --ignore 'view:reporting_*'", description: "Without what another team has added" },
    {
      command: "alex-db verify --format markdown >> $GITHUB_STEP_SUMMARY",
      description: "For the summary of a run on GitHub"
    }
  ])
)
