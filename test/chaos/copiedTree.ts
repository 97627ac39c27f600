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
  /** The files that ran to their end. */
  readonly files: ReadonlyArray<{ readonly file: string; readonly passed: boolean }>
}

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly assertionResults: ReadonlyArray<{ readonly status: string; readonly title: string }>
  }>
}

/** The first failure in a report. Of a file that fails as a whole, the name is all there is. */
const firstFailure = ({ testResults }: Report): string => {
  const failed = testResults.filter(({ status }) => status === "failed")
  const titles = failed.flatMap(({ assertionResults }) => assertionResults.filter(({ status }) => status === "failed"))
  return titles[0]?.title ?? failed[0]?.name ?? "no test in particular"
}

/** Runs a command in a copy, within a time limit in milliseconds; the exit code, or `null` where the limit ended it. */
const runWithin = (folder: string, args: ReadonlyArray<string>, limit: number, env: NodeJS.ProcessEnv) =>
  new Promise<number | null>((resolve) => {
    // A group of its own, so that the time limit ends Vitest's workers and what the tests started as well.
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, ...env },
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

/**
 * Runs test files in a copy, in their order, within a time limit in milliseconds: a mutant may loop endlessly. Unless
 * the flags say otherwise, the first failure ends it.
 */
export const runTests = async (
  folder: string,
  tests: ReadonlyArray<string>,
  limit: number,
  {
    env = {},
    flags = ["--bail", "1"]
  }: { readonly env?: NodeJS.ProcessEnv; readonly flags?: ReadonlyArray<string> } = {}
): Promise<Outcome> => {
  const path = join(folder, "report.json")
  await rm(path, { force: true })
  const vitest = join(root, "node_modules/vitest/vitest.mjs")
  const config = ["--config", "test/chaos/mutations.config.ts", "--root", folder]
  const args = [vitest, "run", ...config, ...flags, "--reporter", "json", "--outputFile", path, ...tests]
  const code = await runWithin(folder, args, limit, { TESTS_IN_ORDER: tests.join(" "), ...env })
  if (code === null) return { verdict: "timed out", by: `no end within ${Math.round(limit / 1000)} s`, files: [] }
  const text = await readFile(path, "utf8").catch(() => '{"testResults":[]}')
  const report: Report = JSON.parse(text)
  const files = report.testResults.map(({ name, status }) => ({
    file: relative(folder, name),
    passed: status === "passed"
  }))
  return { verdict: code === 0 ? "passed" : "failed", by: code === 0 ? "" : firstFailure(report), files }
}

/** Whether the compiler accepts the sources of a copy as they are. */
export const compiles = async (folder: string): Promise<boolean> => {
  const compiler = join(root, "node_modules/typescript/bin/tsc")
  const args = [compiler, "-p", "tsconfig.build.json", "--noEmit", "--incremental", "--tsBuildInfoFile", "checked.json"]
  return (await runWithin(folder, args, 300_000, {})) === 0
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
