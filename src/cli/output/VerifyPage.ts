/** The verification report as a page of its own: no network and no script; light and dark; readable on a phone. */
import { type Allocations, Drift, type Verify } from "../../operations/index.ts"
import { dollars } from "./text.ts"

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

const table = (title: string, heading: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const cells = (row: ReadonlyArray<string>) =>
    row.map((cell) => `<td${/^[\d.]+$/.test(cell) ? ' class="number"' : ""}>${escaped(cell)}</td>`).join("")
  return `<h2>${escaped(title)}</h2>
<div class="scroll"><table>
<thead><tr>${heading.map((name) => `<th scope="col">${escaped(name)}</th>`).join("")}</tr></thead>
<tbody>${rows.map((row) => `<tr>${cells(row)}</tr>`).join("\n")}</tbody>
</table></div>`
}

/** Bars beside their names: the largest share fills the width. */
const chart = (title: string, shares: ReadonlyArray<Allocations.Share>): string => {
  const largest = Math.max(1, ...shares.map((share) => share.meanPercent))
  const bars = shares.map(({ instruments, meanPercent, name }) => {
    const width = Math.max(0.5, (meanPercent / largest) * 100).toFixed(1)
    return `<li title="in ${instruments} instruments"><span>${escaped(name.replaceAll("_", " "))}</span><span class="track"><i style="width:${width}%"></i></span><span class="number">${meanPercent.toFixed(1)} %</span></li>`
  })
  return `<section><h2>${escaped(title)}</h2>
<ul class="chart">${bars.join("\n")}</ul></section>`
}

const list = (names: ReadonlyArray<string>): string =>
  `<ul class="names">${names.map((name) => `<li><code>${escaped(name)}</code></li>`).join("")}</ul>`

const css = `
:root { color-scheme: light dark; --ink: #1c2430; --paper: #ffffff; --soft: #f1f4f8; --line: #d5dbe3; --bar: #2f6fb5; --good: #14713d; --bad: #b3261e; --warn: #8a5300; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9f0; --paper: #12161c; --soft: #1c222b; --line: #343d4a; --bar: #6ea8e6; --good: #6fd39b; --bad: #ff8a80; --warn: #f0b860; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 62rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.verdict { font-weight: 600; } .good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 1rem 0; padding: 0; list-style: none; }
.tiles li { background: var(--soft); border-radius: .5rem; padding: .6rem .8rem; } .tiles b { display: block; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; white-space: nowrap; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.names { display: flex; flex-wrap: wrap; gap: .4rem; padding: 0; list-style: none; } .names code { background: var(--soft); border-radius: .3rem; padding: .1rem .4rem; font-size: .85rem; }
.chart { display: grid; grid-template-columns: max-content minmax(4rem, 1fr) max-content; gap: .3rem .6rem; margin: 0; padding: 0; list-style: none; font-size: .85rem; }
.chart li { display: contents; } .track { align-self: center; height: 1rem; } .track i { display: block; height: 100%; border-radius: .2rem; background: var(--bar); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 0 2rem; }
`

/**
 * The report as one HTML document.
 *
 * Everything is inside it; whatever a database holds is escaped, so that a name can't become markup.
 */
export const verifyPage = (report: Verify.VerifyReport): string => {
  const verdict = report.ok
    ? '<p class="verdict good">All is well.</p>'
    : '<p class="verdict bad">Found wanting: see the findings and the drift.</p>'
  const drift =
    report.drift === null
      ? "<p>Not looked for.</p>"
      : report.drift.length === 0
        ? '<p class="good">None: the database is as its migrations describe it.</p>'
        : `<ul>${report.drift.map((one) => `<li class="bad">${escaped(Drift.describe(one))}</li>`).join("")}</ul>`
  const findings =
    report.findings.length === 0
      ? '<p class="good">None.</p>'
      : `<ul>${report.findings
          .map(
            ({ check, message, severity }) =>
              `<li class="${severity === "problem" ? "bad" : "warn"}">${escaped(`${check}: ${message}`)}</li>`
          )
          .join("")}</ul>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Alex database: ${escaped(report.database.name)}</title>
<style>${css}</style>
</head>
<body>
<h1>Alex database: ${escaped(report.database.name)}</h1>
<p>${escaped(report.database.backend)}, ${escaped(report.database.location)}; ${report.migrations.applied.length} migrations applied</p>
${verdict}
<ul class="tiles">${report.tables.map(({ name, rows }) => `<li><b>${rows.toLocaleString("en-US")}</b>${escaped(name)}</li>`).join("")}</ul>
<h2>Findings</h2>
${findings}
<h2>Drift from the migrations</h2>
${drift}
<div class="charts">
${chart("Asset classes, mean share", report.distribution.assetClasses)}
${chart("Regions, mean share", report.distribution.regions)}
${chart("Sectors, mean share", report.distribution.sectors)}
</div>
${table(
  "Instruments and what their allocations sum to",
  ["symbol", "name", "type", "price", "regions", "sectors", "classes"],
  report.instruments.map((one) => [
    one.symbol,
    one.name,
    one.type ?? "",
    dollars(one.price),
    one.regions ?? "-",
    one.sectors ?? "-",
    one.assetClasses ?? "-"
  ])
)}
<h2>Indexes</h2>
${list(report.indexes)}
<h2>Triggers</h2>
${list(report.triggers)}
<h2>Constraints</h2>
${list(report.constraints)}
</body>
</html>
`
}
