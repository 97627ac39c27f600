/** The verification report as text. */
import type { Verify } from "../../operations/index.ts"
import { bytes, count, dollars, type Style, table } from "./text.ts"
import {
  type Group,
  groupsOf,
  headingOf,
  instrumentsOf,
  type Made,
  madeText,
  moreOf,
  mostShown,
  nextOf,
  rowCountOf,
  shownOf,
  signs,
  verdictOf
} from "./VerifySummary.ts"

/** Wraps names at about 76 columns, to fit a narrow terminal. */
const wrapped = (names: ReadonlyArray<string>): string => {
  const lines: Array<string> = []
  for (const name of names) {
    const last = lines.at(-1)
    if (last === undefined || last.length + name.length > 76) lines.push(`  ${name}`)
    else lines[lines.length - 1] = `${last}, ${name}`
  }
  return lines.join("\n")
}

/** How many instruments a report on a terminal lists; the JSON and the page hold more. */
const listed = 30

const groupText = (group: Group, { bad, dim, warn }: Style): string => {
  const mark = group.kind === "notice" ? warn : bad
  const more = moreOf(group)
  return [
    `${mark(signs[group.kind])} ${headingOf(group)}`,
    ...group.messages.slice(0, mostShown).map((message) => `  ${message}`),
    ...(more === undefined ? [] : [`  ${dim(`${more}: see --json or --html`)}`])
  ].join("\n")
}

const driftText = ({ drift, ignored }: Verify.VerifyReport, { dim, good }: Style): ReadonlyArray<string> => {
  if (drift === null) return [dim("drift from the migrations: not checked here; run alex-db verify")]
  return [
    ...(drift.length === 0 ? [`${good(signs.good)} no drift from the migrations`] : []),
    ...(ignored.length === 0 ? [] : [dim(`not compared, as asked for: ${ignored.join(", ")}`)])
  ]
}

const instrumentsText = (report: Verify.VerifyReport, { bold, dim }: Style): string => {
  const all = rowCountOf(report, "instruments")
  const at100 =
    report.allocationsAt100 === all
      ? "every allocation at 100 %"
      : `${report.allocationsAt100.toLocaleString("en-US")} with every allocation at 100 %`
  const rows = instrumentsOf(report).slice(0, listed)
  const shown = shownOf(rows.length, all)
  return [
    bold(`${count(all, "instrument")}, ${at100}`),
    table(
      ["symbol", "type", "price", "regions", "sectors", "classes", "name"],
      rows.map((one) => [
        one.symbol,
        one.type ?? "",
        dollars(one.price),
        one.regions ?? "-",
        one.sectors ?? "-",
        one.assetClasses ?? "-",
        one.name
      ])
    ),
    ...(shown === "" ? [] : [`  ${dim(`${shown}: see --json or --html`)}`])
  ].join("\n")
}

const n = (amount: number): string => amount.toLocaleString("en-US")

const classesText = ({ classes, distribution }: Verify.VerifyReport, { bold }: Style): string =>
  [
    bold(
      `asset classes: ${[`${n(classes.pure)} pure`, `${n(classes.mixed)} mixed`, `${n(classes.none)} not classified`].join(", ")}`
    ),
    table(
      ["class", "instruments", "mean share"],
      distribution.assetClasses.map((share) => [
        share.name,
        String(share.instruments),
        `${share.meanPercent.toFixed(1)} %`
      ])
    )
  ].join("\n")

/** Problems come first; the verdict comes last, where a terminal shows it. */
export const verifyText = (report: Verify.VerifyReport, made: Made, marks: Style): string => {
  const { bad, bold, dim, good } = marks
  const named = (names: ReadonlyArray<string>, one: string, many?: string) =>
    `${bold(count(names.length, one, many))}\n${wrapped(names)}`
  const { backend, location, name } = report.database
  const next = nextOf(report)
  return [
    `${bold(`Report on "${name}"`)} (${backend}, ${location})\n${dim(madeText(made))}`,
    ...groupsOf(report).map((group) => groupText(group, marks)),
    ...driftText(report, marks),
    `${bold(`${count(report.tables.length, "table")}, ${count(report.migrations.applied.length, "migration")} applied`)}\n${table(
      ["table", "rows", "newest read", "size"],
      report.tables.map((one) => [
        one.name,
        one.rows.toLocaleString("en-US"),
        one.read.toLocaleString("en-US"),
        bytes(one.bytes)
      ])
    )}`,
    instrumentsText(report, marks),
    classesText(report, marks),
    named(report.indexes, "index", "indexes"),
    named(report.triggers, "trigger"),
    named(report.constraints, "constraint"),
    report.ok ? `${good(signs.good)} ${good(verdictOf(report))}` : bad(verdictOf(report)),
    ...(next === undefined ? [] : [`${next.fix}.${next.command === null ? "" : `\n${bold("Next:")} ${next.command}`}`])
  ].join("\n\n")
}
