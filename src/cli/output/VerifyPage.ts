/** The verification report as a page that needs no network and no script, for light and dark, phone and paper. */
import type { Allocations, Verify } from "../../operations/index.ts"
import { pageStyle } from "./pageStyle.ts"
import { bytes, count, dollars } from "./text.ts"
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

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

const section = (id: string, title: string, body: string): string =>
  `<section aria-labelledby="${id}"><h2 id="${id}">${escaped(title)}</h2>\n${body}</section>`

const groupPart = (group: Group): string => {
  const more = moreOf(group)
  const messages = group.messages.slice(0, mostShown).map((message) => `<li>${escaped(message)}</li>`)
  const tail = more === undefined ? "" : `<li>${more}: see alex-db verify --json</li>`
  return `<h3><span class="${group.kind === "notice" ? "warn" : "bad"}">${signs[group.kind]}</span> ${escaped(headingOf(group))}</h3>
<ul class="messages">${messages.join("")}${tail}</ul>`
}

const findingsPart = (report: Verify.VerifyReport): string => {
  const groups = groupsOf(report)
  const drift = report.drift === null ? "<p>Drift from the migrations was not looked for.</p>" : ""
  const ignored =
    report.ignored.length === 0 ? "" : `<p>Not compared, as asked for: ${escaped(report.ignored.join(", "))}</p>`
  const none = `<p><span class="good">${signs.good}</span> Nothing was found.</p>`
  return section(
    "findings",
    "Findings",
    (groups.length === 0 ? none : groups.map(groupPart).join("\n")) + drift + ignored
  )
}

/** Bars beside their names, all charts on one scale, on which the longest bar fills the width. */
const chart = (title: string, shares: ReadonlyArray<Allocations.Share>, largest: number): string => {
  const bars = shares.map(({ instruments, meanPercent, name }) => {
    const width = Math.max(0.5, (meanPercent / largest) * 100).toFixed(1)
    return `<li title="in ${count(instruments, "instrument")}"><span>${escaped(name.replaceAll("_", " "))}</span><span class="track" aria-hidden="true"><i style="width:${width}%"></i></span><span class="number">${meanPercent.toFixed(1)} %</span></li>`
  })
  return `<div><h3>${title}</h3><ul class="chart">${bars.join("\n")}</ul></div>`
}

const chartsPart = ({ classes, distribution: { assetClasses, regions, sectors } }: Verify.VerifyReport): string => {
  const largest = Math.max(1, ...[...assetClasses, ...regions, ...sectors].map(({ meanPercent }) => meanPercent))
  return section(
    "shares",
    "Mean share over all instruments",
    `<p>${count(classes.pure, "instrument")} of one asset class alone, ${classes.mixed.toLocaleString("en-US")} mixed, ${classes.none.toLocaleString("en-US")} not classified. A full bar is ${largest.toFixed(1)} % in every chart.</p>
<div class="charts">
${chart("Asset classes", assetClasses, largest)}
${chart("Regions", regions, largest)}
${chart("Sectors", sectors, largest)}
</div>`
  )
}

const columns = ["symbol", "name", "type", "price", "regions", "sectors", "classes"]

const instrumentsPart = (report: Verify.VerifyReport): string => {
  const rows = instrumentsOf(report)
  const all = rowCountOf(report, "instruments")
  const number = (text: string | null) => `<td class="number">${escaped(text ?? "-")}</td>`
  const body = rows.map(
    (one) =>
      `<tr><th scope="row">${escaped(one.symbol)}</th><td class="name">${escaped(one.name)}</td><td>${escaped(one.type ?? "")}</td>${[dollars(one.price), one.regions, one.sectors, one.assetClasses].map(number).join("")}</tr>`
  )
  const caption = `What the allocations sum to, in percent; prices in US dollars. ${shownOf(rows.length, all) || `All ${all} shown`}; those that are off come first.`
  const heading = columns.map((name, index) => `<th scope="col"${index > 2 ? ' class="number"' : ""}>${name}</th>`)
  return section(
    "instruments",
    "Instruments",
    `<div class="scroll" role="region" aria-label="Instruments" tabindex="0"><table>
<caption>${caption}</caption>
<thead><tr>${heading.join("")}</tr></thead>
<tbody>${body.join("\n")}</tbody>
</table></div>`
  )
}

const namesPart = (id: string, title: string, names: ReadonlyArray<string>): string =>
  section(id, title, `<ul class="names">${names.map((name) => `<li><code>${escaped(name)}</code></li>`).join("")}</ul>`)

const tilesPart = (report: Verify.VerifyReport): string => {
  const tiles = report.tables.map(
    ({ bytes: size, name, read, rows }) =>
      `<li><b>${rows.toLocaleString("en-US")}</b>${escaped(name)} <small>${bytes(size)}, ${read.toLocaleString("en-US")} read</small></li>`
  )
  return section("tables", "Tables", `<ul class="tiles">${tiles.join("")}</ul>`)
}

/**
 * The report as one HTML document.
 *
 * Everything is inside it; whatever a database holds is escaped, so that a name can't become markup.
 */
export const verifyPage = (report: Verify.VerifyReport, made: Made): string => {
  const { backend, location, name } = report.database
  const mark = report.ok ? "good" : "bad"
  const next = nextOf(report)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Alex database: ${escaped(name)}</title>
<style>${pageStyle}</style>
</head>
<body>
<header>
<h1>Alex database: ${escaped(name)}</h1>
<p>${escaped(backend)}, ${escaped(location)}; ${count(report.migrations.applied.length, "migration")} applied. <time datetime="${made.at.toISOString()}">${escaped(madeText(made))}</time></p>
<p class="verdict ${mark}">${report.ok ? signs.good : "✗"} ${escaped(verdictOf(report))}</p>${next === undefined ? "" : `\n<p class="next">${escaped(next.fix)}${next.command === null ? "" : `: <code>${escaped(next.command)}</code>`}</p>`}
</header>
<main>
${findingsPart(report)}
${tilesPart(report)}
${chartsPart(report)}
${instrumentsPart(report)}
${namesPart("indexes", "Indexes", report.indexes)}
${namesPart("triggers", "Triggers", report.triggers)}
${namesPart("constraints", "Constraints", report.constraints)}
</main>
</body>
</html>
`
}
