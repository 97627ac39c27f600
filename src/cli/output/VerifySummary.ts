/** The parts that all forms of the verification report share, in order: problems first. */
import { Drift, NextStep, type Verify } from "../../operations/index.ts"
import { isAt100 } from "../../operations/verify/Allocations.ts"
import { count } from "./text.ts"

/** Findings of one kind and check. */
export interface Group {
  readonly kind: "problem" | "difference" | "notice"
  readonly check: string
  readonly messages: ReadonlyArray<string>
}

/** A sign and a word for each kind, so that nothing depends on colour alone. */
export const signs = { problem: "✗ problem", difference: "✗ difference", notice: "! notice", good: "✓" } as const

/** How many messages of a group a person is shown; `--json` holds all. */
export const mostShown = 20

const byCheck = (kind: "problem" | "notice", report: Verify.VerifyReport): ReadonlyArray<Group> => {
  const groups = new Map<string, Array<string>>()
  for (const { check, message, severity } of report.findings) {
    if (severity === kind) groups.set(check, [...(groups.get(check) ?? []), message])
  }
  return [...groups].map(([check, messages]) => ({ kind, check, messages }))
}

/** The most characters of a repair's SQL in a line; `alex-db repair --drift --dry-run` prints all of it. */
const mostSql = 200

/** Puts SQL on one line; its line breaks may be escapes already. */
const oneLine = (sql: string): string => sql.replaceAll(/(\s|\\n|\\t)+/g, " ")

const differenceText = (difference: Drift.Difference): string => {
  const sql = difference.repair.map((statement) => `${oneLine(statement)};`).join(" ")
  if (sql === "") return Drift.describe(difference)
  return `${Drift.describe(difference)}. Repair: ${sql.length <= mostSql ? sql : `${sql.slice(0, mostSql)}…`}`
}

/** Problems, then differences from the migrations, then notices. */
export const groupsOf = (report: Verify.VerifyReport): ReadonlyArray<Group> => {
  const drift = report.drift ?? []
  return [
    ...byCheck("problem", report),
    ...(drift.length === 0
      ? []
      : [{ kind: "difference" as const, check: "drift from the migrations", messages: drift.map(differenceText) }]),
    ...byCheck("notice", report)
  ]
}

/** `allocations: 1,213 problems`. */
export const headingOf = ({ check, kind, messages }: Group): string => `${check}: ${count(messages.length, kind)}`

/** `and 1,193 more`, where not all of them are shown. */
export const moreOf = ({ messages }: Group): string | undefined =>
  messages.length > mostShown ? `and ${(messages.length - mostShown).toLocaleString("en-US")} more` : undefined

type Sums = Verify.VerifyReport["instruments"][number]

const sumsOf = ({ assetClasses, regions, sectors }: Sums) => [regions, sectors, assetClasses]

/** Instruments with an allocation that does not sum to 100, then those that lack one, then the others. */
export const instrumentsOf = (report: Verify.VerifyReport): ReadonlyArray<Sums> => {
  const rank = (one: Sums) => (sumsOf(one).every(isAt100) ? (sumsOf(one).includes(null) ? 1 : 2) : 0)
  return report.instruments.toSorted((a, b) => rank(a) - rank(b))
}

export const rowCountOf = (report: Verify.VerifyReport, table: string): number =>
  report.tables.find(({ name }) => name === table)?.rows ?? 0

/** `1,213 of 5,023 shown`, where not all are. */
export const shownOf = (shown: number, all: number): string =>
  shown < all ? `${shown.toLocaleString("en-US")} of ${all.toLocaleString("en-US")} shown` : ""

/** The verdict in one sentence. */
export const verdictOf = (report: Verify.VerifyReport): string => {
  if (!report.ok) {
    const problems = report.findings.filter(({ severity }) => severity === "problem").length
    return `Found ${count(problems, "problem")} and ${count(report.drift?.length ?? 0, "difference")} from the migrations.`
  }
  const counted = ["instrument", "user", "account", "position"].map((one) => count(rowCountOf(report, `${one}s`), one))
  return `Verified: ${[count(report.tables.length, "table"), ...counted].join(", ")}; all is well.`
}

/** What to do next, and the command for it if there is one; undefined if nothing, or if it is `verify` itself. */
export const nextOf = (
  report: Verify.VerifyReport
): { readonly command: string | null; readonly fix: string } | undefined => {
  const next = NextStep.nextStep(report)
  if (next === null || next.command === "alex-db verify") return undefined
  return { command: next.command, fix: next.fix }
}

/** When and by what the report was made. */
export interface Made {
  readonly at: Date
  readonly version: string
}

/** `2026-11-26 02:30:00 UTC, alex-db 0.1.0`. */
export const madeText = ({ at, version }: Made): string =>
  `${at.toISOString().slice(0, 19).replace("T", " ")} UTC, alex-db ${version}`
