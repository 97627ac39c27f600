/** The verification report for continuous integration: Markdown for a summary, GitHub's annotations. */
import type { Verify } from "../../operations/index.ts"
import { bytes, count } from "./text.ts"
import {
  type Group,
  groupsOf,
  headingOf,
  type Made,
  madeText,
  moreOf,
  mostShown,
  nextOf,
  signs,
  verdictOf
} from "./VerifySummary.ts"

/** Text of a database as code, so that it is neither markup nor a mention, in a table too. */
const code = (text: string): string => {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length))
  const fence = "`".repeat(longest + 1)
  const body = /^`|`$|^ .* $/.test(text) ? ` ${text} ` : text
  return `${fence}${body.replaceAll("|", "\\|")}${fence}`
}

const groupLines = (group: Group): ReadonlyArray<string> => {
  const more = moreOf(group)
  return [
    `### ${signs[group.kind]}: ${headingOf(group)}`,
    "",
    ...group.messages.slice(0, mostShown).map((message) => `- ${code(message)}`),
    ...(more === undefined ? [] : [`- ${more}`]),
    ""
  ]
}

/** For `$GITHUB_STEP_SUMMARY` and any other place that shows Markdown. */
export const verifyMarkdown = (report: Verify.VerifyReport, made: Made): string => {
  const next = nextOf(report)
  return [
    `## ${report.ok ? signs.good : "✗"} ${verdictOf(report)}`,
    "",
    `Database ${code(report.database.name)} (${report.database.backend}, ${code(report.database.location)}), ${madeText(made)}; ${count(report.migrations.applied.length, "migration")} applied.`,
    "",
    ...(next === undefined ? [] : [`${next.command === null ? "" : `Next: ${code(next.command)}. `}${next.fix}.`, ""]),
    ...groupsOf(report).flatMap(groupLines),
    ...(report.ignored.length === 0 ? [] : [`Not compared, as asked for: ${report.ignored.map(code).join(", ")}`, ""]),
    "| table | rows | newest read | size |",
    "| --- | ---: | ---: | ---: |",
    ...report.tables.map(
      ({ bytes: size, name, read, rows }) =>
        `| ${code(name)} | ${rows.toLocaleString("en-US")} | ${read.toLocaleString("en-US")} | ${bytes(size)} |`
    )
  ].join("\n")
}

const data = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A")

const property = (text: string): string => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C")

/** How many messages an annotation holds. */
const mostAnnotated = 5

const annotation = (group: Group): string => {
  const level = group.kind === "notice" ? "warning" : "error"
  const first = group.messages.slice(0, mostAnnotated)
  const more = group.messages.length - first.length
  const text = [...first, ...(more > 0 ? [`and ${more.toLocaleString("en-US")} more`] : [])].join("\n")
  return `::${level} title=${property(headingOf(group))}::${data(text)}`
}

/** One annotation for each check, since GitHub shows only ten of a kind; the verdict is a plain line. */
export const verifyAnnotations = (report: Verify.VerifyReport): string =>
  [...groupsOf(report).map(annotation), verdictOf(report)].join("\n")
