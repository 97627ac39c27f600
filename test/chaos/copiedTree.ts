/** A copy of the repository in which sources may be changed, and the tests that run there. */
import { spawn, spawnSync } from "node:child_process"
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"

/** The repository itself, which is never changed. */
export const root = fileURLToPath(new URL("../../", import.meta.url))

/** Copies what Git knows, uncommitted changes included, to a new folder; `node_modules` is a link. */
export const copyOf = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "alex-mutations-"))
  const listed = spawnSync("git", ["ls-files", "-co", "--exclude-standard", "--deduplicate"], {
    cwd: root,
    encoding: "utf8"
  })
  if (listed.status !== 0)
    throw new Error(`git ls-files failed, run this in a clone of the repository: ${listed.stderr}`)
  for (const name of listed.stdout.split("\n").filter((line) => line !== "")) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await cp(join(root, name), join(folder, name))
  }
  await symlink(join(root, "node_modules"), join(folder, "node_modules"))
  return folder
}

/** The result of a run of tests. */
export interface Outcome {
  readonly verdict: "passed" | "failed" | "timed out"
  /** The first test that failed. */
  readonly by: string
  /** The file of that test, where the report names it. */
  readonly file?: string
}

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly assertionResults: ReadonlyArray<{ readonly status: string; readonly title: string }>
  }>
}

const wholeFile = "a file as a whole"

/** The first failure in the report of a run in `folder`. */
const firstFailure = (folder: string, text: string): Pick<Outcome, "by" | "file"> => {
  if (text === "") return { by: "no report" }
  const { testResults }: Report = JSON.parse(text)
  const found = testResults.flatMap(({ assertionResults, name, status }) => {
    const test = assertionResults.find((one) => one.status === "failed")
    // Where one file fails, those that run beside it are stopped, and count as failed without a failed test.
    if (test !== undefined) return [{ by: test.title, file: relative(folder, name) }]
    return status === "failed" ? [{ by: wholeFile, file: relative(folder, name) }] : []
  })
  return found.find(({ by }) => by !== wholeFile) ?? found[0] ?? { by: "no test in particular" }
}

/** Runs test files in a copy until the first failure, within a time limit: a mutant may loop endlessly. */
export const runTests = async (folder: string, tests: ReadonlyArray<string>, limit: number): Promise<Outcome> => {
  const report = join(folder, "report.json")
  await rm(report, { force: true })
  const code = await new Promise<number | null>((resolve) => {
    const vitest = join(root, "node_modules/vitest/vitest.mjs")
    const flags = ["run", "--bail", "1", "--reporter", "json", "--outputFile", report]
    // A group of its own, so that the time limit ends Vitest's workers and what the tests started as well.
    const child = spawn(process.execPath, [vitest, ...flags, ...tests], {
      cwd: folder,
      stdio: "ignore",
      detached: true
    })
    const kill = () => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL")
    }
    const interrupted = () => {
      kill()
      process.exit(130)
    }
    const timer = setTimeout(kill, limit)
    process.once("SIGINT", interrupted)
    process.once("SIGTERM", interrupted)
    child.on("close", (status) => {
      clearTimeout(timer)
      process.off("SIGINT", interrupted)
      process.off("SIGTERM", interrupted)
      resolve(status)
    })
  })
  if (code === null) return { verdict: "timed out", by: `no end within ${Math.round(limit / 1000)} s` }
  if (code === 0) return { verdict: "passed", by: "" }
  return { verdict: "failed", ...firstFailure(folder, await readFile(report, "utf8").catch(() => "")) }
}

/** Runs an effect of ours with one file of a copy changed, and restores the file whatever happens. */
export const withText = async <A>(path: string, text: string, run: () => Promise<A>): Promise<A> => {
  const before = await readFile(path, "utf8")
  await writeFile(path, text)
  try {
    return await run()
  } finally {
    await writeFile(path, before)
  }
}
