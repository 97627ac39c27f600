/**
 * Times a newcomer's path on this machine: from a clone to a verified database, and with `--tests` on to passing tests.
 *
 * `npx node test/package/newcomer.ts [--tests]` clones what is committed into a new folder, which goes away at the end.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../", import.meta.url))

/** What npm tells the scripts that it runs is not for the clone. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")))

const timed = (what: string, cwd: string, command: string, ...args: ReadonlyArray<string>): number => {
  const start = performance.now()
  execFileSync(command, args, { cwd, env: environment, stdio: ["ignore", "ignore", "inherit"] })
  const seconds = (performance.now() - start) / 1000
  process.stdout.write(`${what.padEnd(28)} ${seconds.toFixed(1).padStart(7)} s\n`)
  return seconds
}

const said = (what: string, seconds: ReadonlyArray<number>): void => {
  const minutes = seconds.reduce((sum, one) => sum + one, 0) / 60
  process.stdout.write(`${what.padEnd(28)} ${minutes.toFixed(1).padStart(7)} min\n`)
}

const path = (withTests: boolean): void => {
  const folder = mkdtempSync(join(tmpdir(), "alex-newcomer-"))
  const clone = join(folder, "alex-database")
  try {
    const cloned = timed("git clone", folder, "git", "clone", "--quiet", root, clone)
    const installed = timed("npm ci (builds too)", clone, "npm", "ci", "--silent")
    const started = timed("npm start", clone, "npm", "start", "--silent")
    said("clone to verified database", [cloned, installed, started])
    if (!withTests) return
    const tested = timed("npm test", clone, "npm", "test", "--silent")
    said("clone to passing tests", [cloned, installed, tested])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (import.meta.main) path(process.argv.includes("--tests"))
