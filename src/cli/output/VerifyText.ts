/** The verification report as text. */
import { Drift, type Verify } from "../../operations/index.ts"
import { count, dollars, type Style, table } from "./text.ts"

const percent = (sum: string | null): string => (sum === null ? "-" : sum)

/** Alternatives side by side would not fit a narrow terminal, so names are wrapped at about 76 columns. */
const wrapped = (names: ReadonlyArray<string>): string => {
  const lines: Array<string> = []
  for (const name of names) {
    const last = lines.at(-1)
    if (last === undefined || last.length + name.length > 76) lines.push(`  ${name}`)
    else lines[lines.length - 1] = `${last}, ${name}`
  }
  return lines.join("\n")
}

const rowsOf = (report: Verify.VerifyReport, table: string): number =>
  report.tables.find(({ name }) => name === table)?.rows ?? 0

/** How many instruments a report on a terminal lists; the JSON and the page hold more. */
const listed = 30

export const verifyText = (report: Verify.VerifyReport, { bad, bold, dim, good, warn }: Style): string => {
  const section = (title: string, body: string) => `${bold(title)}\n${body}`
  const instruments = rowsOf(report, "instruments")
  const problems = report.findings.filter(({ severity }) => severity === "problem")
  const notices = report.findings.filter(({ severity }) => severity === "notice")
  const drift = report.drift ?? []
  const applied = count(report.migrations.applied.length, "migration")
  return [
    section(
      `${count(report.tables.length, "table")}, ${applied} applied`,
      table(
        ["table", "rows"],
        report.tables.map(({ name, rows }) => [name, rows.toLocaleString("en-US")])
      )
    ),
    section(
      `${count(instruments, "instrument")}, ${
        report.allocationsAt100 === instruments
          ? "every allocation at 100 %"
          : `${report.allocationsAt100} with every allocation at 100 %`
      }`,
      table(
        ["symbol", "type", "price", "regions", "sectors", "classes", "name"],
        report.instruments
          .slice(0, listed)
          .map((one) => [
            one.symbol,
            one.type ?? "",
            dollars(one.price),
            percent(one.regions),
            percent(one.sectors),
            percent(one.assetClasses),
            one.name
          ])
      ) + (report.instruments.length > listed ? `\n  ${dim("and more: see --json or --html")}` : "")
    ),
    section(
      "asset classes",
      table(
        ["class", "instruments", "mean share"],
        report.distribution.assetClasses.map((share) => [
          share.name,
          String(share.instruments),
          `${share.meanPercent.toFixed(1)} %`
        ])
      )
    ),
    section(count(report.indexes.length, "index", "indexes"), wrapped(report.indexes)),
    section(count(report.triggers.length, "trigger"), wrapped(report.triggers)),
    section(count(report.constraints.length, "constraint"), wrapped(report.constraints)),
    section(
      "drift from the migrations",
      report.drift === null
        ? `  ${dim("not looked for here; alex-db verify does")}`
        : drift.length === 0
          ? `  ${good("none")}`
          : drift.map((one) => `  ${bad(Drift.describe(one))}`).join("\n")
    ),
    ...(report.findings.length === 0
      ? []
      : [
          section(
            "findings",
            [
              ...problems.map(({ check, message }) => `  ${bad(`${check}:`)} ${message}`),
              ...notices.map(({ check, message }) => `  ${warn(`${check}:`)} ${message}`)
            ].join("\n")
          )
        ]),
    report.ok
      ? good(
          `Verified: ${count(report.tables.length, "table")}, ${count(instruments, "instrument")}, ${count(rowsOf(report, "users"), "user")}, ${count(rowsOf(report, "accounts"), "account")}, ${count(rowsOf(report, "positions"), "position")}; all is well.`
        )
      : bad(
          `Found wanting: ${count(problems.length, "problem")}, ${count(drift.length, "difference")} from the migrations.`
        )
  ].join("\n\n")
}
