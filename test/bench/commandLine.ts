/**
 * What the command line takes to its end: processor time, wall time and memory. The base is Node doing nothing; what
 * opens a folder is compared with PGlite opening one too.
 */
import { execFile } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { type Figure, median } from "./measure.ts"

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

interface Usage {
  readonly wall: number
  readonly cpu: number
  readonly memory: number
}

const usageOf = (args: ReadonlyArray<string>, folder: string): Promise<Usage> =>
  new Promise((resolve, reject) => {
    const start = performance.now()
    const env = { PATH: process.env["PATH"], ALEX_DB_DIR: folder, ALEX_DB_BACKEND: "embedded" }
    execFile(process.execPath, ["--require", here("usage.cjs"), ...args], { env }, (error, _, stderr) => {
      const wall = performance.now() - start
      if (error !== null) return reject(error)
      const usage: Omit<Usage, "wall"> = JSON.parse(stderr.trim().split("\n").at(-1) ?? "")
      return resolve({ ...usage, wall })
    })
  })

/** The built command, as npm installs it; the sources where nothing was built. */
const built = here("../../dist/cli/main.js")
const main = existsSync(built) ? built : here("../../src/cli/main.ts")

interface Command {
  readonly what: string
  readonly args: ReadonlyArray<string>
  /** On an empty folder, instead of the one that all share. */
  readonly isFirst?: boolean
  /** What it is compared with, where that is not Node doing nothing. */
  readonly base?: string
  /** How much more processor time than its base it may take. */
  readonly limit?: number
}

/** PGlite on a folder of its own: opened, asked and closed. */
const openPglite = [
  "--input-type=module",
  "--eval",
  `
  const { PGlite } = await import("@electric-sql/pglite")
  const { uuid_ossp } = await import("@electric-sql/pglite/contrib/uuid_ossp")
  const database = await PGlite.create({ dataDir: process.env.ALEX_DB_DIR + "-pglite", extensions: { uuid_ossp } })
  await database.query("SELECT 1")
  await database.close()`
]

const node = "node"
const opened = "PGlite, opened on a folder that is there and closed"

const commands: ReadonlyArray<Command> = [
  { what: node, args: ["--eval", "0"] },
  { what: "alex-db --version", args: [main, "--version"] },
  { what: "alex-db --help", args: [main, "--help"], limit: 2.5 },
  { what: "alex-db migrate, in an empty folder", args: [main, "migrate"], isFirst: true },
  { what: opened, args: openPglite },
  { what: "alex-db check, in a folder that is there", args: [main, "check"], base: opened, limit: 2 },
  { what: "alex-db verify", args: [main, "verify"] }
]

export const commandLine = Effect.fnUntraced(function* (options: { readonly rounds: number }) {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-bench-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  )
  return yield* Effect.promise(async () => {
    await usageOf([main, "reset", "--with-test-data"], join(folder, "shared"))
    await usageOf(openPglite, join(folder, "shared"))
    const usages = new Map<string, Array<Usage>>()
    for (let round = 0; round < options.rounds; round++) {
      for (const { args, isFirst, what } of commands) {
        const path = isFirst === true ? join(folder, `first-${round}`) : join(folder, "shared")
        usages.set(what, [...(usages.get(what) ?? []), await usageOf(args, path)])
      }
    }
    const medianOf = (what: string, of: (usage: Usage) => number) => median((usages.get(what) ?? []).map(of))
    const cpuOf = (what: string) => medianOf(what, ({ cpu }) => cpu)
    return commands.map(
      ({ base = node, limit, what }): Figure => ({
        section: `The command line (${main === built ? "built" : "from its sources"}); the base is Node doing nothing`,
        what: base === node ? what : `${what}; the base is PGlite`,
        contender: what === node ? "Node" : what === opened ? "PGlite" : "alex-database",
        values: {
          "wall/ms": medianOf(what, ({ wall }) => wall),
          "CPU/ms": cpuOf(what),
          "memory/MiB": medianOf(what, ({ memory }) => memory)
        },
        ratio: cpuOf(what) / cpuOf(base),
        ...(limit === undefined ? {} : { limits: { ratio: limit } })
      })
    )
  })
})
