/** Which test files run the place of each mutant, and how long they take: the tests themselves are asked, once for all. */
import { globSync, readFileSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { join, relative } from "node:path"
import { pathToFileURL } from "node:url"
import { root, runTests } from "./copiedTree.ts"
import { type Mutant, probed } from "./sourceMutants.ts"

/** A test file that passes without a fault. */
export interface Surveyed {
  readonly file: string
  /** What it takes, its imports included. */
  readonly seconds: number
  /** The mutants, by their place in the list, that it runs. */
  readonly reached: ReadonlySet<number>
}

/** The seconds that test files took when Vitest last ran them in this clone. */
export const lastSeconds = (): ReadonlyMap<string, number> => {
  type Results = { projects: Record<string, { files: Record<string, { duration: number }> }> }
  const found = globSync("node_modules/.vite/vitest/*/results.json", { cwd: root }).flatMap((path) => {
    const { projects }: Results = JSON.parse(readFileSync(join(root, path), "utf8"))
    return Object.values(projects).flatMap(({ files }) => Object.entries(files))
  })
  return new Map(found.map(([file, { duration }]) => [file, duration / 1000]))
}

/** What the log of a survey that ends now says of each test file. */
const notesOf = (folder: string, log: string) => {
  const notes = new Map<string, { seconds: number; readonly reached: Set<number> }>()
  let last: { readonly start: number; readonly note: { seconds: number; readonly reached: Set<number> } } | undefined
  const close = (end: number) => {
    if (last !== undefined) last.note.seconds = (end - last.start) / 1000
  }
  for (const line of log.split("\n").filter((text) => text !== "")) {
    const [path = "", time] = line.split(" ")
    if (time === undefined) last?.note.reached.add(Number(path))
    else {
      close(Number(time))
      last = { start: Number(time), note: { seconds: 0, reached: new Set() } }
      notes.set(relative(folder, path), last.note)
    }
  }
  close(Date.now())
  return notes
}

/** Beside each other, the tests' notes in the log would mix. */
const oneByOne = ["--maxWorkers", "1"]

/** Runs test files in a copy whose sources carry a probe at the place of each mutant, and restores the sources. */
export const survey = async (
  folder: string,
  mutants: ReadonlyArray<Mutant>,
  tests: ReadonlyArray<string>
): Promise<ReadonlyArray<Surveyed>> => {
  const texts = new Map<string, string>()
  for (const { file } of mutants) texts.set(file, await readFile(join(folder, file), "utf8"))
  for (const [file, text] of texts) {
    const sites = mutants.flatMap(({ file: of, site }, index) => (of === file && site ? [{ site, index }] : []))
    await writeFile(join(folder, file), probed(text, sites))
  }
  const log = join(folder, "reached.log")
  await writeFile(log, "")
  const hook = pathToFileURL(join(folder, "test/chaos/reach.mjs")).href
  const env = { NODE_OPTIONS: `--import=${hook}`, REACHED_LOG: log }
  const { files } = await runTests(folder, tests, 120_000 * tests.length, { env, flags: oneByOne })
  for (const [file, text] of texts) await writeFile(join(folder, file), text)
  const noted = notesOf(folder, await readFile(log, "utf8"))
  return files.flatMap(({ file, passed }) => {
    const note = noted.get(file)
    return passed && note !== undefined ? [{ file, ...note }] : []
  })
}
