/** What commands print with `--json` arrives whole through a slow pipe, and is as its schema says, whatever happened. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { afterAll, beforeAll } from "vitest"
import { reportSchemas, type reports } from "../../../src/cli/output/reports.ts"
import { commandLine } from "../../CommandLine.ts"
import { type Json, violations } from "./JsonSchemaSubset.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "alex-pipes-"))
  const instruments = Array.from({ length: 9_000 }, (_, index) => ({
    symbol: `S${index}`,
    name: `An instrument of nobody's, number ${index}`,
    instrument_type: "etf",
    allocation_regions: {},
    allocation_sectors: {},
    allocation_asset_class: {}
  }))
  writeFileSync(join(folder, "many.json"), JSON.stringify(instruments))
  writeFileSync(
    join(folder, "bad.json"),
    JSON.stringify(instruments.map((one) => ({ ...one, symbol: "", current_price: -1 })))
  )
})
afterAll(() => rmSync(folder, { recursive: true }))

/** The reader sleeps first, so that the pipe, which holds 64 kB, is full while the command ends. */
const piped = (args: string, variables: Readonly<Record<string, string>> = {}) => {
  const line = `set -o pipefail; "${process.execPath}" "${commandLine()}" ${args} --json | (sleep 0.3; cat)`
  const { status, stdout } = spawnSync("bash", ["--norc", "-c", line], {
    cwd: folder,
    encoding: "utf8",
    env: { PATH: process.env.PATH, ALEX_DB_DIR: "db", ...variables },
    maxBuffer: 1e8
  })
  return { status, length: stdout.length, document: JSON.parse(stdout) }
}

const schemas: Json = reportSchemas()

const isDescribed = (report: keyof typeof reports, document: Json) =>
  assert.deepStrictEqual(violations(schemas[report], document, schemas[report]).slice(0, 5), [], report)

describe("through a slow pipe", () => {
  it("a report of more than a megabyte is whole, and as its schema says, at every exit code", () => {
    assert.strictEqual(piped("migrate --to 3").status, 0)
    const seeded = piped("seed --file many.json")
    assert.strictEqual(seeded.status, 0, JSON.stringify(seeded.document).slice(0, 500))
    isDescribed("seed", seeded.document)
    const wanting = piped("verify --skip-drift")
    assert.strictEqual(wanting.status, 3)
    assert.isAbove(wanting.length, 1_000_000)
    isDescribed("verify", wanting.document)
    const failed = piped("seed --file bad.json")
    assert.strictEqual(failed.status, 1)
    assert.isAbove(failed.length, 1_000_000)
    isDescribed("failure", failed.document)
    const examined = piped("doctor")
    assert.strictEqual(examined.status, 3)
    assert.isAbove(examined.length, 1_000_000)
    isDescribed("doctor", examined.document)
  }, 180_000)

  it("every command's failure is a document that the schema of failures describes", () => {
    const nobody = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/x" }
    const failing: ReadonlyArray<readonly [string, Readonly<Record<string, string>>, number]> = [
      ...["migrate", "migrate status", "migrate plan", "seed", "verify", "repair", "up", "reset"].map(
        (args) => [args, nobody, 1] as const
      ),
      ["migrate --sideways", {}, 2],
      ["check --dotenv missing.env", {}, 2],
      ["serve --engine postgres --memory", {}, 1],
      ["nonsense", {}, 2]
    ]
    for (const [args, variables, code] of failing) {
      const { document, status } = piped(args, variables)
      assert.strictEqual(status, code, `${args}: ${JSON.stringify(document)}`)
      isDescribed("failure", document)
    }
    for (const args of ["check", "doctor"] as const) {
      const { document, status } = piped(args, nobody)
      assert.strictEqual(status, 3)
      isDescribed(args, document)
    }
  }, 180_000)
})
