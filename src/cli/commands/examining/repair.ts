/** `alex-db repair`: repairs what differs from the migrations. */
import * as Command from "effect/cli/Command"
import * as Prompt from "effect/cli/Prompt"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import type { Repair } from "../../../operations/index.ts"
import { problemFound } from "../../Outcome.ts"
import { count, listed, print, type Style, sayLines, style } from "../../output/text.ts"
import { visibleReport } from "../../output/visible.ts"
import { database, on, operations, root } from "../../root.ts"
import { ignoredObjects } from "./ignore.ts"

type BrokenConstraint = Repair.RepairReport["broken"][number]

/** What to do about rows that break a foreign key or another constraint. */
const remedyOf = ({ definition, look }: BrokenConstraint): string =>
  definition.startsWith("FOREIGN KEY")
    ? `Restore the rows that they refer to, or run: ${look.replace(/^select \*/, "delete")};`
    : `See them and correct them: ${look};`

const brokenText = (broken: BrokenConstraint): string => {
  const { constraint, definition, first, rows, table } = broken
  const name = `${table}.${constraint}, ${definition.replace(/ NOT VALID$/, "")}`
  if (rows === 0) return `${name}: no row breaks it, and alex-db repair puts it in force`
  return `${name}: ${count(rows, "row")}: ${first.join(", ")}\n  ${remedyOf(broken)} Then run alex-db repair again.`
}

/** What to do about objects that no migration creates. */
const aboutLeft = (removes: boolean): string =>
  removes
    ? "They hold data or do not affect Alex's rows, and no command drops them."
    : "alex-db repair --drift drops those that verify reports, and turns row security off."

const repairText =
  (removes: boolean) =>
  (report: Repair.RepairReport, { bad, dim, good, warn }: Style): string => {
    const { broken, dryRun, left, leftOut, repaired, validated } = report
    const failed = repaired.filter(({ failure }) => failure !== null)
    return [
      ...repaired.map(({ failure, object, statements }) =>
        [
          failure === null
            ? `${good(dryRun ? "to repair:" : "repaired:")} ${object}`
            : `${bad("failed:")} ${object}: ${failure}`,
          ...statements.map((statement) => dim(`  ${statement};`))
        ].join("\n")
      ),
      ...validated.map((constraint) => `${good("validated:")} ${constraint}`),
      ...broken.map((constraint) => `${warn("not validated:")} ${brokenText(constraint)}`),
      ...leftOut.map((constraint) => `${warn("left out:")} ${brokenText(constraint)}`),
      ...(left.length === 0
        ? []
        : [`Not changed, because no migration creates them: ${listed(left)}. ${aboutLeft(removes)}`]),
      repaired.length === 0
        ? "Found no difference from the migrations that can be repaired."
        : dryRun
          ? `${count(repaired.length, "difference")} to repair in "${report.database}" at ${report.location}. Nothing was changed.`
          : `${count(repaired.length - failed.length, "difference")} repaired, ${failed.length} failed.`
    ].join("\n")
  }

/** Whether a repair would change nothing: no difference, and each constraint is still broken by some row. */
const isIdle = ({ broken, leftOut, repaired }: Repair.RepairReport): boolean =>
  repaired.length === 0 && [...broken, ...leftOut].every(({ rows }) => rows > 0)

export const repair = Command.make(
  "repair",
  {
    drift: on(
      "drift",
      "Also drop what no migration creates and what can reject, change or expose rows: constraints, triggers, rules, policies, privileges of PUBLIC, row security"
    ),
    ignore: ignoredObjects.flag,
    dryRun: on("dry-run", "Print the statements, and run none"),
    yes: on("yes", "Run them without asking")
  },
  Effect.fnUntraced(function* ({ dryRun, yes, ...options }) {
    const flags = yield* root
    yield* ignoredObjects.check(options.ignore)
    const { onDatabase } = yield* database
    const { Repair } = yield* operations
    const { canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
    const toText = repairText(options.drift)
    const report = yield* onDatabase(flags)(
      Effect.gen(function* () {
        const planned = yield* Repair.repair({ ...options, dryRun: true })
        // No statement was held back.
        if (isIdle(planned)) return { ...planned, dryRun }
        if (dryRun || (!yes && !canPrompt)) return planned
        if (yes) return yield* Repair.repair(options)
        yield* sayLines(toText(visibleReport(planned), yield* style))
        const go = yield* Prompt.run(Prompt.Confirm({ message: "Run these statements?", initial: false }))
        return go ? yield* Repair.repair(options) : planned
      })
    )
    yield* print(flags.json, report, toText)
    if (!report.ok) return yield* problemFound
  })
).pipe(
  Command.withDescription(
    "Create missing objects, change those that differ from the migrations, and validate constraints that all rows satisfy; exit 3 if a difference remains"
  ),
  Command.withExamples([
    { command: "alex-db repair --dry-run", description: "See the statements" },
    {
      command: "alex-db repair --drift",
      description: "Also drop unexpected triggers, rules and policies, after confirmation"
    },
    { command: "alex-db repair --yes", description: "Run them without a question" }
  ])
)
