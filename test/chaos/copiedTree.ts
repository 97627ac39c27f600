/** A copy of the repository in which sources may be changed, and the tests that run there. */
import { spawn, spawnSync } from "node:child_process"
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
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

/** What a run of tests came to. */
export interface Outcome {
  readonly verdict: "passed" | "failed" | "timed out"
  /** The first test that failed. */
  readonly by: string
  readonly millis: number
}

const failedTest = /"status":\s*"failed",\s*"title":\s*"((?:[^"\\]|\\.)*)"/

/** Runs test files in a copy until the first failure, within a time limit: a mutant may loop endlessly. */
export const runTests = async (folder: string, tests: ReadonlyArray<string>, limit: number): Promise<Outcome> => {
  const report = join(folder, "report.json")
  await rm(report, { force: true })
  const start = Date.now()
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
  const millis = Date.now() - start
  if (code === null) return { verdict: "timed out", by: `no end within ${Math.round(limit / 1000)} s`, millis }
  const text = await readFile(report, "utf8").catch(() => "")
  return { verdict: code === 0 ? "passed" : "failed", by: failedTest.exec(text)?.[1] ?? "a file as a whole", millis }
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
