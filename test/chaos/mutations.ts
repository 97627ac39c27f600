/**
 * Faults in a copy of the sources, one at a time: each must make some test fail.
 *
 * Usage: node test/chaos/mutations.ts [--only part-of-a-name]... [--keep]
 *        node test/chaos/mutations.ts --all [--under src/folder,src/file.ts] [--sample N] [--seed N] [--longest seconds] [--seconds N]
 *
 * Without `--all`, the faults of plantedFaults.ts are planted, and the tests that each names are run. Those that need
 * concurrency want a PostgreSQL in `TEST_POSTGRES_URL`. Exits with 1 when a fault survives, or when what it changes is
 * not there any more.
 *
 * With `--all`, faults are derived from the syntax of every file of `src` (or of those under the paths given), or a
 * sample of them by a seed. First the tests that import the changed files are run once, with a probe at the place of each
 * fault: this tells which of them run it, and how long they take. Then each fault gets the tests that run its place, the
 * closest by imports up to `--seconds`, the shortest first. Tests that last took longer than `--longest` are left out. So
 * the score is a lower bound. Survivors are listed for reading: not each is a missing test.
 */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { readFile, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import { compiles, copyOf, root, runTests, withText } from "./copiedTree.ts"
import { plantedFaults } from "./plantedFaults.ts"
import { type Mutant, mutantsOf, mutated, sampleOf } from "./sourceMutants.ts"
import { lastSeconds, type Surveyed, survey } from "./survey.ts"
import { testsByDistance } from "./testsOf.ts"

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    keep: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    under: { type: "string", default: "src" },
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    longest: { type: "string", default: "30" },
    seconds: { type: "string", default: "60" }
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

interface Judged {
  readonly mutant: Mutant
  readonly verdict: "killed" | "timed out" | "REFUSED" | "SURVIVED" | "NOT RUN"
}

/** The tests of a mutant, the shortest first: the closest of those that run its place, as many as fit in the seconds. */
const chosenFor = (closest: ReadonlyArray<Surveyed>): ReadonlyArray<Surveyed> => {
  let left = Number(values.seconds)
  const fitting = closest.filter(({ seconds }) => {
    if (seconds > left) return false
    left -= seconds
    return true
  })
  return fitting.toSorted((a, b) => a.seconds - b.seconds)
}

const shortestFirst = ["--bail", "1", "--maxWorkers", "1"]

/** Runs the tests of a mutant, whose text is planted for it; what passes them may still be refused by the compiler. */
const judge = (folder: string, path: string, text: string, tests: ReadonlyArray<Surveyed>) =>
  withText(path, text, async (): Promise<{ readonly verdict: Judged["verdict"]; readonly by: string }> => {
    const files = tests.map(({ file }) => file)
    if (files.length > 0) {
      const expected = tests.reduce((sum, { seconds }) => sum + seconds, 0)
      const { by, verdict } = await runTests(folder, files, 1000 * (30 + 4 * expected), { flags: shortestFirst })
      if (verdict !== "passed") return { verdict: verdict === "failed" ? "killed" : verdict, by }
    }
    if (!(await compiles(folder))) return { verdict: "REFUSED", by: "the compiler" }
    return { verdict: files.length === 0 ? "NOT RUN" : "SURVIVED", by: files.join(" ") }
  })

const report = (judged: ReadonlyArray<Judged>) => {
  const line = (name: string, of: ReadonlyArray<Judged>) => {
    const count = (verdict: Judged["verdict"]) => of.filter((one) => one.verdict === verdict).length
    const caught = count("killed") + count("timed out")
    const score = `${Math.round((100 * caught) / of.length)} %`.padStart(5)
    return `${name.padEnd(32)}${score}  ${caught} of ${of.length}: ${count("killed")} killed, ${count("timed out")} timed out, ${count("REFUSED")} refused by the compiler alone, ${count("SURVIVED")} survived, ${count("NOT RUN")} not run by a test`
  }
  print("")
  const folders = [...new Set(judged.map(({ mutant }) => dirname(mutant.file)))].sort()
  for (const folder of folders) {
    const inside = judged.filter(({ mutant }) => dirname(mutant.file) === folder)
    print(line(folder, inside))
  }
  print(line("all", judged))
}

/** Draws mutants of the sources in a copy; with each, the tests that import its file, the closest first. */
const drawMutants = async (folder: string) => {
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
  const mutants = values.sample === undefined ? all : sampleOf(all, Number(values.sample), Number(values.seed))
  print(`${mutants.length} of ${all.length} mutants of ${sources.length} files, seed ${values.seed}`)
  const testsOf = testsByDistance(folder, modules)
  const longest = Number(values.longest)
  const known = lastSeconds()
  // What only asks whether a text is still in the sources sees each change of it, and says nothing of what it does.
  const asks = (test: string) => test !== "test/chaos/plantedFaults.test.ts" && (known.get(test) ?? 0) <= longest
  const importing = new Map(sources.map((file) => [file, testsOf(file).filter(asks)]))
  return mutants.map((mutant) => ({
    mutant,
    text: mutated(texts.get(mutant.file) ?? "", mutant),
    importing: importing.get(mutant.file) ?? []
  }))
}

/** Derives faults from the sources; the exit code. */
const deriveFaults = async (folder: string): Promise<number> => {
  const elapsed = (from: number) => `${Math.round((Date.now() - from) / 1000)} s`
  const drawn = await drawMutants(folder)
  const tests = [...new Set(drawn.flatMap(({ importing }) => importing))]
  const before = Date.now()
  const mutants = drawn.map(({ mutant }) => mutant)
  const surveyed = new Map((await survey(folder, mutants, tests)).map((one) => [one.file, one]))
  print(`${surveyed.size} of ${tests.length} test files pass without a fault, asked in ${elapsed(before)}`)
  for (const file of tests.filter((test) => !surveyed.has(test))) print(`NOT USED  ${file}`)
  const judged: Array<Judged> = []
  for (const [index, { importing, mutant, text }] of drawn.entries()) {
    const start = Date.now()
    const { file, from, kind, line, site, to } = mutant
    const loading = importing.flatMap((test) => surveyed.get(test) ?? [])
    // What a module runs as it is loaded runs in each test that imports it, and says so in the first one only.
    const running = site === undefined ? loading : loading.filter(({ reached }) => reached.has(index))
    const { by, verdict } = await judge(folder, join(folder, file), text, chosenFor(running))
    judged.push({ mutant, verdict })
    const shown = `${from} -> ${to}`.replaceAll(/\s+/g, " ").slice(0, 100)
    print(`${verdict.padEnd(9)} ${file}:${line} ${kind}: ${shown}  [${by}] ${elapsed(start)}`)
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
