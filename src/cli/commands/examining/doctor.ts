/** `alex-db doctor`: everything that is wrong on one screen, and the next command. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import type { Doctor } from "../../../operations/index.ts"
import { problemFound } from "../../Outcome.ts"
import { count, print, type Style } from "../../output/text.ts"
import { database, operations, root } from "../../root.ts"
import { patienceOf, waiting } from "../waiting.ts"
import { retries } from "./check.ts"
import { ignoredObjects } from "./ignore.ts"

/** The most lines that are shown of a kind. */
const shown = 3

const part = (title: string, messages: ReadonlyArray<string>): ReadonlyArray<string> =>
  messages.length === 0
    ? []
    : [
        title,
        ...messages.slice(0, shown).map((message) => `    ${message.slice(0, 200)}`),
        ...(messages.length > shown ? [`    and ${count(messages.length - shown, "other")}`] : [])
      ]

/** Others' tables in the way, or a wrong search path: then nothing else was looked at. */
const isBlocked = ({ problem }: Doctor.DoctorReport["check"]): boolean =>
  problem?.code === "foreign" || problem?.code === "schema"

const reachedText = (check: Doctor.DoctorReport["check"], style: Style) => {
  const { bad, good } = style
  const { backend, location, reachable } = check
  return reachable === null || isBlocked(check)
    ? [`${bad("✗")} connection  ${backend}, ${location}`]
    : [
        `${good("✓")} connection  ${backend}, ${location}`,
        `              PostgreSQL ${reachable.server} as ${reachable.role}, ${reachable.latencyMs} ms`
      ]
}

const doctorText = (report: Doctor.DoctorReport, style: Style): string => {
  const { bad, bold, good, warn } = style
  const { check, drift, findings, migrations, next, tables } = report
  const mark = (isGood: boolean) => (isGood ? good("✓") : bad("✗"))
  const problems = findings.filter(({ severity }) => severity === "problem").map(({ message }) => message)
  const notices = findings.filter(({ severity }) => severity === "notice").map(({ message }) => message)
  const pending = migrations.pending.map((name) => `${name} is not applied`)
  const isReached = check.reachable !== null && !isBlocked(check)
  return [
    ...reachedText(check, style),
    ...(isReached
      ? [
          ...part(
            `${mark(pending.length + migrations.problems.length === 0)} migrations  ${migrations.applied} applied, ${pending.length} pending`,
            [...migrations.problems, ...pending]
          ),
          ...(pending.length + migrations.problems.length === 0
            ? [`${good("✓")} migrations  ${migrations.applied} applied`]
            : []),
          ...part(`${warn("!")} warnings`, migrations.warnings),
          `${mark(tables.length > 0)} tables      ${tables.map(({ name, rows }) => `${name} ${rows.toLocaleString("en-US")}`).join(", ") || "none"}`,
          ...(drift.length === 0 ? [`${good("✓")} drift       none`] : []),
          ...part(
            `${bad("✗")} drift       ${count(drift.length, "difference")}`,
            drift.map(({ kind, object }) => `${kind}: ${object}`)
          ),
          ...(problems.length === 0 ? [`${good("✓")} rows        no problem`] : []),
          ...part(`${bad("✗")} rows        ${count(problems.length, "problem")}`, problems),
          ...part(`${warn("!")} notices     ${count(notices.length, "notice")}`, notices)
        ]
      : []),
    "",
    ...(next === null
      ? [good("All is well: nothing to do.")]
      : [
          next.why.slice(0, 300),
          `${next.fix}.`,
          ...(next.command === null ? [] : [`${bold("Next:")} ${next.command}`])
        ])
  ].join("\n")
}

export const doctor = Command.make(
  "doctor",
  { wait: waiting, ignore: ignoredObjects.flag },
  Effect.fnUntraced(function* ({ ignore, wait }) {
    const flags = yield* root
    yield* ignoredObjects.check(ignore)
    const patience = yield* patienceOf(wait)
    const { configure, onConfigured, targetOf, waitFor } = yield* database
    const { Check, Doctor } = yield* operations
    const config = yield* configure(flags)
    const cluster = config._tag === "data-api" ? config : undefined
    const report = yield* Effect.andThen(
      waitFor(config, patience),
      onConfigured(config, retries)(Doctor.examine({ ignore }))
    ).pipe(Effect.catch((error) => Effect.succeed(Doctor.onCheck(Check.notFound(error, targetOf(config), cluster)))))
    yield* print(flags.json, report, doctorText)
    if (!report.ok) return yield* problemFound
  })
).pipe(
  Command.withDescription(
    "Run check, status and verify, and name the next command to run; exit 3 if anything is wrong"
  ),
  Command.withExamples([
    { command: "alex-db doctor", description: "What is wrong, and what to do next" },
    { command: "alex-db doctor --wait 60s --json", description: "For a program, once the database is up" }
  ])
)
