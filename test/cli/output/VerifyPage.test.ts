/** The report on a database in every form: what it says, and how the page looks in a real browser. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { afterAll, beforeAll, describe } from "vitest"
import { verifyAnnotations, verifyMarkdown } from "../../../src/cli/output/VerifyMarkdown.ts"
import { verifyPage } from "../../../src/cli/output/VerifyPage.ts"
import { verifyText } from "../../../src/cli/output/VerifyText.ts"
import { visibleReport } from "../../../src/cli/output/visible.ts"
import type { Verify } from "../../../src/operations/index.ts"
import { browser, Chromium, type View } from "./Chromium.ts"

const share = (name: string, meanPercent: number) => ({ name, instruments: 3, meanPercent })

const report: Verify.VerifyReport = {
  ok: false,
  database: {
    backend: "data-api",
    name: "alex",
    location: "arn:aws:rds:us-east-1:123456789012:cluster:a-cluster-with-quite-a-long-name-that-does-not-break"
  },
  migrations: { journal: true, current: true, applied: [], pending: [], problems: [], warnings: [] },
  tables: ["users", "instruments", "accounts", "positions", "jobs"].map((name) => ({
    name,
    rows: name === "instruments" ? 5_023 : 1_234_567,
    read: name === "instruments" ? 5_023 : 500,
    bytes: 1_234_567_890
  })),
  instruments: Array.from({ length: 1_213 }, (_, index) => ({
    symbol: `SYM${index}`,
    name: `An instrument with a name that goes on for a while & <script>alert(${index})</script>`,
    type: "etf",
    price: "450.25",
    regions: index === 700 ? "50" : "100",
    sectors: "100",
    assetClasses: null
  })),
  allocationsAt100: 3_810,
  classes: { pure: 4_000, mixed: 1_000, none: 23 },
  distribution: {
    assetClasses: [share("equity", 65.5), share("fixed_income", 34.5)],
    regions: [share("north_america", 73.2), share("europe", 26.8)],
    sectors: [share("consumer_discretionary", 13.9), share("government_related", 0.6)]
  },
  indexes: ["idx_jobs_user_newest"],
  triggers: ["update_instruments_updated_at"],
  constraints: ["instruments_allocation_asset_class_check"],
  drift: [{ kind: "different", object: "column users.display_name", expected: "text", found: "integer", repair: [] }],
  ignored: ["view reporting_days"],
  findings: [
    ...Array.from({ length: 1_213 }, (_, index) => ({
      severity: "problem" as const,
      check: "allocations",
      message: `SYM${index}: allocation_regions sums to 50, expected 100`
    })),
    {
      severity: "notice",
      check: "idle jobs",
      message: "1 job has run for an hour: \u001b[2J`x` | @everyone %0A::error::\nforged"
    }
  ]
}

const made = { at: new Date("2026-11-26T02:30:00.000Z"), version: "1.2.3" }
const plain = (text: string) => text
const marks = { bold: plain, dim: plain, good: plain, bad: plain, warn: plain }
const shown = visibleReport(report)
const good: Verify.VerifyReport = {
  ...shown,
  ok: true,
  findings: [],
  drift: [],
  instruments: shown.instruments.slice(0, 3)
}

it("keeps what a database holds from becoming markup, and needs no network", () => {
  const page = verifyPage(shown, made)
  assert.notMatch(page, /<script|https?:\/\/|@import|url\(/)
  assert.include(page, "&lt;script&gt;alert(0)")
  assert.include(page, "different: column users.display_name: expected text, found integer")
})

it("says what is wrong first, with counts and the first 20, and what is well last, in every form", () => {
  for (const text of [verifyText(shown, made, marks), verifyPage(shown, made), verifyMarkdown(shown, made)]) {
    const at = (said: string) => {
      assert.include(text, said)
      return text.indexOf(said)
    }
    const order = ["allocations: 1,213 problems", "SYM0: allocation", "SYM19: allocation", "and 1,193 more"]
    const places = [...order, "drift from the migrations: 1 difference", "idle jobs: 1 notice", "5,023"].map(at)
    assert.deepStrictEqual(
      places,
      places.toSorted((a, b) => a - b)
    )
    assert.notInclude(text, "SYM20: allocation")
    for (const sign of ["✗ problem", "✗ difference", "! notice"]) at(sign)
    at("2026-11-26 02:30:00 UTC, alex-db 1.2.3")
    at("1.2 GB")
  }
})

it("lists instruments whose allocations are off before the others, and says how many of all are shown", () => {
  const text = verifyText(shown, made, marks)
  assert.isBelow(text.indexOf("SYM700  "), text.indexOf("SYM0  "))
  assert.include(text, "30 of 5,023 shown")
  assert.include(text, "asset classes: 4,000 pure, 1,000 mixed, 23 not classified")
  assert.match(text, /^ *class +instruments +mean share$/m)
  const page = verifyPage(shown, made)
  assert.include(page, "1,213 of 5,023 shown")
  assert.isBelow(page.indexOf(">SYM700<"), page.indexOf(">SYM0<"))
})

it("says that all is well where it is, in every form", () => {
  for (const text of [verifyText(good, made, marks), verifyPage(good, made), verifyMarkdown(good, made)]) {
    assert.include(text, "all is well.")
    assert.notInclude(text, "✗")
  }
  assert.match(verifyAnnotations(good), /^Verified: .*all is well\.$/)
})

it("keeps names from being Markdown, a mention or a command of GitHub's", () => {
  const markdown = verifyMarkdown(shown, made)
  assert.include(markdown, "- ``1 job has run for an hour: \\x1b[2J`x` \\| @everyone %0A::error::\\nforged``")
  const lines = verifyAnnotations(shown).split("\n")
  assert.lengthOf(lines, 4)
  assert.match(lines[0] ?? "", /^::error title=allocations%3A 1%2C213 problems::SYM0: .*%0Aand 1,208 more$/)
  assert.match(lines[1] ?? "", /^::error title=drift from the migrations%3A 1 difference::/)
  assert.match(lines[2] ?? "", /^::warning title=idle jobs%3A 1 notice::1 job .* %250A::error::\\nforged$/)
  assert.match(lines[3] ?? "", /^Found 1,213 problems and 1 difference from the migrations\.$/)
})

if (browser === undefined) process.stderr.write("SKIPPED: the report's page in a browser (there is no Chromium)\n")

/** Where the pictures go that a person looks at; none are kept without it. */
const pictures = process.env.ALEX_PICTURES

describe.skipIf(browser === undefined)("the page in a browser", () => {
  let chromium: Chromium
  beforeAll(async () => {
    chromium = await Chromium.start()
  }, 90_000)
  afterAll(() => chromium.close())

  const looks: Readonly<Record<string, View>> = {
    desktop: { width: 1280, height: 900 },
    phone: { width: 375, height: 800 },
    dark: { width: 1280, height: 900, dark: true },
    print: { width: 794, height: 1123, print: true }
  }

  for (const [name, view] of Object.entries(looks)) {
    it(`fits a ${name}, shows its charts on one scale, and says nothing on the console`, async () => {
      await chromium.show(verifyPage(shown, made), view)
      if (pictures !== undefined) {
        mkdirSync(pictures, { recursive: true })
        writeFileSync(join(pictures, `${name}.png`), Buffer.from(await chromium.screenshot(view.width, 2400), "base64"))
      }
      const { bars, sideways, right } = await chromium.evaluate(`({
        sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        bars: [...document.querySelectorAll(".chart li")].map((bar) => ({
          track: Math.round(bar.querySelector(".track").getBoundingClientRect().width),
          share: parseFloat(bar.querySelector(".number").textContent),
          width: bar.querySelector("i").getBoundingClientRect().width / bar.querySelector(".track").getBoundingClientRect().width
        })),
        right: Math.max(...[...document.querySelectorAll(".chart .number")].map((one) => one.getBoundingClientRect().right))
      })`)
      assert.isAtMost(sideways, 0)
      assert.isAtMost(right, view.width)
      assert.lengthOf(bars, 6)
      assert.lengthOf(new Set(bars.map(({ track }: { track: number }) => track)), 1, "bars can be compared")
      for (const { share, width } of bars) assert.closeTo(width, share / 73.2, 0.01)
      assert.deepStrictEqual(chromium.said, [])
    }, 120_000)
  }

  it("has enough contrast, light and dark", async () => {
    for (const dark of [false, true]) {
      await chromium.show(verifyPage(shown, made), { width: 1280, height: 900, dark })
      const contrasts: ReadonlyArray<number> = await chromium.evaluate(`(() => {
        const luminance = (color) => {
          const [r, g, b] = color.match(/[\\d.]+/g).map((part) => part / 255)
          const linear = (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
          return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
        }
        const paper = luminance(getComputedStyle(document.body).backgroundColor)
        return [...document.querySelectorAll("body, .bad, .warn, .number")].slice(0, 40).map((one) => {
          const ink = luminance(getComputedStyle(one).color)
          return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)
        })
      })()`)
      for (const contrast of contrasts) assert.isAtLeast(contrast, 4.5)
    }
  }, 120_000)

  it("can be walked through: landmarks, headings, captions, and a table that the keyboard scrolls", async () => {
    await chromium.show(verifyPage(shown, made), { width: 375, height: 800 })
    const found = await chromium.evaluate(`({
      landmarks: ["header", "main"].map((name) => document.querySelectorAll("body > " + name).length),
      unnamed: [...document.querySelectorAll("section")].filter((one) => document.getElementById(one.getAttribute("aria-labelledby")) === null).length,
      captions: [...document.querySelectorAll("table")].every((one) => one.caption !== null),
      headings: [...document.querySelectorAll("h1, h2, h3")].map((one) => Number(one.tagName[1])),
      scrolls: [...document.querySelectorAll(".scroll")].filter((one) => one.scrollWidth > one.clientWidth).every((one) => one.tabIndex === 0 && one.getAttribute("aria-label") !== null),
      language: document.documentElement.lang
    })`)
    assert.deepInclude(found, { landmarks: [1, 1], unnamed: 0, captions: true, scrolls: true, language: "en" })
    const steps = found.headings.map((level: number, index: number) => level - (found.headings[index - 1] ?? 0))
    assert.isAtMost(Math.max(...steps), 1, "no level of headings is left out")
  }, 120_000)

  it("loses no column and no colour on paper", async () => {
    await chromium.show(verifyPage(shown, made), { width: 794, height: 1123, print: true })
    const { colours, right } = await chromium.evaluate(`({
      right: Math.max(...[...document.querySelectorAll("td, th")].map((one) => one.getBoundingClientRect().right)),
      colours: getComputedStyle(document.querySelector(".chart i")).printColorAdjust
    })`)
    assert.isAtMost(right, 794)
    assert.strictEqual(colours, "exact")
  }, 120_000)
})
