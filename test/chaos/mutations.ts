/**
 * Faults in a copy of the sources, one at a time: each must make some test fail.
 *
 * Usage: node test/chaos/mutations.ts [--only part-of-a-name]... [--keep]
 *        node test/chaos/mutations.ts --all [--under src/folder,src/file.ts] [--sample N] [--seed N] [--nearest N] [--limit seconds]
 *
 * Without `--all`, the faults of plantedFaults.ts are planted, and the tests that each names are run. Those that need
 * concurrency want a PostgreSQL in `TEST_POSTGRES_URL`. Exits with 1 when a fault survives, or when what it changes is
 * not there any more.
 *
 * With `--all`, faults are derived from the syntax of every file of `src` (or of those under the paths given), or a
 * sample of them by a seed. The tests that import a file are run, those closest by imports first; `--nearest` takes so
 * many of them only, which makes the score a lower bound. Survivors are listed for reading: not each is a missing test.
 */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { readFile, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import { copyOf, root, runTests, withText } from "./copiedTree.ts"
import { plantedFaults } from "./plantedFaults.ts"
import { type Mutant, mutantsOf, mutated, sampleOf } from "./sourceMutants.ts"
import { testsByDistance } from "./testsOf.ts"

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    keep: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    under: { type: "string", default: "src" },
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    nearest: { type: "string" },
    limit: { type: "string", default: "120" }
  }
})
const print = (text: string) => process.stdout.write(`${text}\n`)

/** Plants the faults of the list; the exit code. */
const plantFaults = async (folder: string): Promise<number> => {
  const limit = 300_000
  const rows: Array<readonly [name: string, verdict: string, by: string]> = []
  const chosen = plantedFaults.filter(({ name }) => values.only?.some((part) => name.includes(part)) ?? true)
  const untouched = await runTests(folder, [...new Set(chosen.flatMap(({ tests }) => tests))], 4 * limit)
  if (untouched.verdict !== "passed") {
    print(`The tests fail as it is, without any planted fault: ${untouched.by}`)
    return 1
  }
  for (const { file, from, name, needsPostgres, tests, to } of chosen) {
    const path = join(folder, file)
    const text = await readFile(path, "utf8")
    if (!text.includes(from)) rows.push([name, "STALE", `${file} has changed`])
    else if (needsPostgres === true && process.env["TEST_POSTGRES_URL"] === undefined) {
      rows.push([name, "SKIPPED", "TEST_POSTGRES_URL is not set"])
    } else {
      const planted = text.replaceAll(from, () => to)
      const { by, verdict } = await withText(path, planted, () => runTests(folder, tests, limit))
      rows.push(verdict === "passed" ? [name, "SURVIVED", tests.join(" ")] : [name, "killed", by])
    }
    const [, verdict, by] = rows.at(-1) ?? []
    print(`${verdict?.padEnd(9)} ${name}: ${by}`)
  }
  const count = (verdict: string) => rows.filter(([, found]) => found === verdict).length
  print(
    `\n${rows.length} planted faults: ${count("killed")} killed, ${count("SURVIVED")} survived, ${count("SKIPPED")} skipped, ${count("STALE")} stale`
  )
  return count("SURVIVED") + count("STALE") === 0 ? 0 : 1
}

/** Milliseconds that the tests of a mutant may take. */
const limit = 1000 * Number(values.limit)

interface Judged {
  readonly mutant: Mutant
  readonly verdict: "killed" | "timed out" | "SURVIVED" | "NO TEST" | "NOT JUDGED"
}

/**
 * Runs the tests of a mutant, whose text is planted for it. A failure, or that there is no end, counts only where the same
 * tests pass without the fault; a file that fails without it is left out.
 */
const judge = async (
  folder: string,
  path: string,
  text: string,
  tests: ReadonlyArray<string>,
  passes: (tests: ReadonlyArray<string>) => Promise<boolean>
): Promise<{ readonly verdict: Judged["verdict"]; readonly by: string }> => {
  if (tests.length === 0) return { verdict: "NO TEST", by: "" }
  const run = () => runTests(folder, tests, limit)
  const { by, file, verdict } = await withText(path, text, run)
  if (verdict === "passed") return { verdict: "SURVIVED", by: tests.join(" ") }
  // Without a failed test, Vitest itself may have failed.
  if (file === undefined) {
    const caught = verdict === "timed out" ? verdict : "killed"
    return { verdict: (await passes(tests)) ? caught : "NOT JUDGED", by }
  }
  if (await passes([file])) return { verdict: "killed", by }
  const others = tests.filter((test) => test !== file)
  return judge(folder, path, text, others, passes)
}

/** Whether test files pass as the sources are, within the limit, as far as it was asked before. */
const passesUnchanged = (folder: string) => {
  const known = new Map<string, boolean>()
  return async (tests: ReadonlyArray<string>): Promise<boolean> => {
    const key = tests.join(" ")
    const before = known.get(key)
    if (before !== undefined) return before
    const { by, verdict } = await runTests(folder, tests, limit)
    if (verdict !== "passed") print(`NOT USED  ${key} ${verdict} without a fault: ${by}`)
    known.set(key, verdict === "passed")
    return verdict === "passed"
  }
}

const report = (all: ReadonlyArray<Judged>) => {
  const judged = all.filter(({ verdict }) => verdict !== "NOT JUDGED")
  const line = (name: string, of: ReadonlyArray<Judged>) => {
    const count = (verdict: Judged["verdict"]) => of.filter((one) => one.verdict === verdict).length
    const caught = count("killed") + count("timed out")
    const score = `${Math.round((100 * caught) / of.length)} %`.padStart(5)
    return `${name.padEnd(32)}${score}  ${caught} of ${of.length}: ${count("killed")} killed, ${count("timed out")} timed out, ${count("SURVIVED")} survived, ${count("NO TEST")} without a test`
  }
  print("")
  const folders = [...new Set(judged.map(({ mutant }) => dirname(mutant.file)))].sort()
  for (const folder of folders) {
    print(
      line(
        folder,
        judged.filter(({ mutant }) => dirname(mutant.file) === folder)
      )
    )
  }
  print(line("all", judged))
}

/** Derives faults from the sources; the exit code. */
const deriveFaults = async (folder: string): Promise<number> => {
  const under = values.under.split(",")
  const listed = spawnSync("git", ["ls-files", "-co", "--exclude-standard", "src", "test"], {
    cwd: root,
    encoding: "utf8"
  })
  // Of those in the copy: a file may have been added since.
  const modules = listed.stdout.split("\n").filter((file) => file.endsWith(".ts") && existsSync(join(folder, file)))
  const sources = modules.filter((file) => under.some((path) => file === path || file.startsWith(`${path}/`)))
  const texts = new Map<string, string>()
  for (const file of sources) texts.set(file, await readFile(join(folder, file), "utf8"))
  const all = sources.flatMap((file) => mutantsOf(file, texts.get(file) ?? ""))
  const chosen = values.sample === undefined ? all : sampleOf(all, Number(values.sample), Number(values.seed))
  const nearest = values.nearest === undefined ? Number.POSITIVE_INFINITY : Number(values.nearest)
  const testsOf = testsByDistance(folder, modules)
  const reaching = new Map(sources.map((file) => [file, testsOf(file).slice(0, nearest)]))
  print(`${chosen.length} of ${all.length} mutants of ${sources.length} files, seed ${values.seed}`)
  const passes = passesUnchanged(folder)
  const judged: Array<Judged> = []
  for (const mutant of chosen) {
    const { file, from, kind, line, to } = mutant
    const text = mutated(texts.get(file) ?? "", mutant)
    const { by, verdict } = await judge(folder, join(folder, file), text, reaching.get(file) ?? [], passes)
    judged.push({ mutant, verdict })
    const shown = `${from} -> ${to}`.replaceAll(/\s+/g, " ").slice(0, 100)
    print(`${verdict.padEnd(9)} ${file}:${line} ${kind}: ${shown}  [${by}]`)
  }
  report(judged)
  return 0
}

const folder = await copyOf()
try {
  process.exitCode = await (values.all ? deriveFaults(folder) : plantFaults(folder))
} finally {
  if (!values.keep) await rm(folder, { recursive: true, force: true })
}
