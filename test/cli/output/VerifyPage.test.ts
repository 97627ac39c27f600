import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { describe } from "vitest"
import { verifyPage } from "../../../src/cli/output/VerifyPage.ts"
import type { Verify } from "../../../src/operations/index.ts"

const share = (name: string, meanPercent: number) => ({ name, instruments: 3, meanPercent })

const report: Verify.VerifyReport = {
  ok: false,
  database: {
    backend: "data-api",
    name: "alex",
    location: "arn:aws:rds:us-east-1:123456789012:cluster:a-cluster-with-quite-a-long-name-that-does-not-break"
  },
  migrations: { journal: true, current: true, applied: [], pending: [], problems: [], warnings: [] },
  tables: ["users", "instruments", "accounts", "positions", "jobs"].map((name) => ({ name, rows: 1_234_567 })),
  instruments: Array.from({ length: 30 }, (_, index) => ({
    symbol: `SYM${index}`,
    name: `An instrument with a name that goes on for a while & <script>alert(${index})</script>`,
    type: "etf",
    price: "450.25",
    regions: "100",
    sectors: "100",
    assetClasses: null
  })),
  allocationsAt100: 30,
  distribution: {
    assetClasses: [share("equity", 65.5), share("fixed_income", 34.5)],
    regions: [share("north_america", 73.2), share("europe", 26.8)],
    sectors: [share("consumer_discretionary", 13.9), share("government_related", 0.6)]
  },
  indexes: ["idx_jobs_user_newest"],
  triggers: ["update_instruments_updated_at"],
  constraints: ["instruments_allocation_asset_class_check"],
  drift: [{ kind: "different", object: "column users.display_name", expected: "text", found: "integer" }],
  findings: [{ severity: "problem", check: "allocations", message: "SPY: allocation_regions sums to 50, expected 100" }]
}

it("keeps what a database holds from becoming markup, and needs no network", () => {
  const page = verifyPage(report)
  assert.notMatch(page, /<script|https?:\/\/|@import|url\(/)
  assert.include(page, "&lt;script&gt;alert(0)")
  assert.include(page, "different: column users.display_name: expected text, found integer")
})

const browser = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"], { timeout: 10_000 }).status === 0
)
const inBrowser = browser === undefined ? "in a browser (skipped: there is no Chromium)" : "in a browser"
if (browser === undefined) process.stderr.write("SKIPPED: the report's page in a browser (there is no Chromium)\n")

describe.skipIf(browser === undefined)(inBrowser, () => {
  it("shows its charts on a phone, without scrolling sideways and without an error", () => {
    const folder = mkdtempSync(join(tmpdir(), "alex-page-"))
    const harness = join(folder, "harness.html")
    // A browser's window can't be as narrow as a phone; a frame can.
    writeFileSync(
      harness,
      `<!doctype html><iframe id="phone" style="width:375px;height:800px;border:0"></iframe><script>
      const errors = [], phone = document.getElementById("phone")
      addEventListener("error", (event) => errors.push(event.message))
      phone.onload = () => {
        const page = phone.contentDocument
        const bars = [...page.querySelectorAll(".chart i")].map((bar) => bar.getBoundingClientRect())
        document.body.setAttribute("data-seen", [
          page.documentElement.scrollWidth <= page.documentElement.clientWidth,
          bars.filter(({ width, height, right }) => width > 0 && height > 8 && right <= 375).length,
          [...page.querySelectorAll(".chart .number")].every((label) => label.getBoundingClientRect().right <= 375),
          errors.length
        ].join(" "))
      }
      phone.srcdoc = ${JSON.stringify(verifyPage(report)).replaceAll("<", "\\u003c")}
      </script>`
    )
    const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"]
    const { stderr, stdout } = spawnSync(
      browser ?? "",
      [...flags, `--user-data-dir=${folder}`, "--enable-logging=stderr", "--dump-dom", `file://${harness}`],
      { encoding: "utf8", timeout: 60_000 }
    )
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    assert.include(stdout, 'data-seen="true 6 true 0"')
    assert.notInclude(stderr, "CONSOLE")
  }, 90_000)
})
