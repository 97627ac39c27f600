/**
 * A folder whose files fail works or says why: at each place where a file is called, with each error, while the folder is
 * made, opened, migrated, written to and closed. No message says what is not so, and every acknowledged row is there after.
 */
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import { Effect } from "effect"
import { inject } from "vitest"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { execute } from "../../local/calls.ts"
import { codes, type Failing } from "./FailingFiles.ts"
import { type Case, type Outcome, phases } from "./FailingOpener.ts"
import { randomOf } from "./Random.ts"

const isLong = process.env["ALEX_LONG"] === "1"
/** Cases of each phase: all places with all errors and so many single calls, or a sample of both. */
const places = isLong ? Number.POSITIVE_INFINITY : 2
const singles = isLong ? 60 : 1

const opener = fileURLToPath(new URL("./FailingOpener.ts", import.meta.url))

/** Milliseconds without an answer after which an opener hangs: on a busy machine a long run waits for its turn as well. */
const patience = isLong ? 900_000 : 120_000

let root = ""

beforeAll(async () => {
  root = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "alex-failing-"))
  await Effect.runPromise(
    execute("create table kept as select g as id from generate_series(1, 500) g").pipe(
      Effect.provide(
        LocalDataApi.layer({ dataDir: join(root, "whole"), snapshot: inject("snapshot"), durability: "fast" })
      )
    )
  )
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A process that tries cases; another takes its place when it hangs or ends. */
const startOpener = () => {
  const child = spawn(process.execPath, [opener, root, inject("snapshot")], { stdio: ["pipe", "pipe", "pipe"] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  let stderr = ""
  child.stderr.on("data", (chunk) => {
    stderr = `${stderr}${chunk}`.slice(-2000)
  })
  return {
    end: () => child.kill("SIGKILL"),
    ask: async (one: Case): Promise<Outcome | string> => {
      child.stdin.write(`${JSON.stringify(one)}\n`)
      let timer: NodeJS.Timeout | undefined
      const silence = new Promise<string>((done) => {
        timer = setTimeout(() => done("it hangs"), patience)
      })
      const answer = await Promise.race([lines.next(), silence])
      clearTimeout(timer)
      if (typeof answer === "string") return answer
      return answer.done === true ? `its process ended: ${stderr}` : JSON.parse(answer.value)
    }
  }
}

const wrongWord = /damaged|corrupt|[Rr]emove it|is incomplete|Restore the folder|DIED/

/** What a message has to name, whoever says it. */
const reasons =
  /no room|No space left|I\/O error|too many files|No file descriptors|by this user|[Pp]ermission|can't be written|read-only|Read-only|enough memory|[Oo]ut of memory|file system refuses|has stopped|Choose another folder|choose another folder/

const complaint = (outcome: Outcome | string): string | undefined => {
  if (typeof outcome === "string") return outcome
  if (outcome.after !== undefined) return `after it, ${outcome.after} (${outcome.said ?? "it said nothing"})`
  if (outcome.said === undefined) return outcome.isShutDown ? undefined : "it was not shut down, and nothing was said"
  if (wrongWord.test(outcome.said)) return `a wrong word: ${outcome.said}`
  return reasons.test(outcome.said) ? undefined : `it does not say why: ${outcome.said}`
}

/** What has been wrong once is tried each time. */
const known: ReadonlyArray<Case> = [
  // A database that could not be looked at was taken for none, and a new one written over it.
  { phase: "opening", failing: { site: "lstatSync pgdata/PG_VERSION", code: "EIO" } },
  // A file that could not be made was said to exist.
  { phase: "migrating", failing: { site: "writeFileSync pgdata/base/N/N_fsm", code: "EACCES" } },
  // A database that could not be shut down was said to be closed.
  { phase: "closing", failing: { site: "writeSync pgdata/global/pg_control", code: "ENOSPC" } },
  { phase: "closing", failing: { site: "openSync pgdata/global/pg_control", code: "EIO" } }
]

const sample = <A>(all: ReadonlyArray<A>, count: number, random: () => number): ReadonlyArray<A> =>
  all
    .map((one) => [random(), one] as const)
    .toSorted(([a], [b]) => a - b)
    .slice(0, count)
    .map(([, one]) => one)

for (const phase of phases) {
  it(
    `a folder whose files fail in ${phase} works or says why, and has every row after`,
    async () => {
      const random = randomOf(phases.indexOf(phase) + 1)
      let child = startOpener()
      try {
        const healthy = await child.ask({ phase })
        if (typeof healthy === "string") return assert.fail(healthy)
        assert.deepStrictEqual([healthy.said, healthy.after], [undefined, undefined])
        const everywhere = healthy.sites.flatMap((site) => codes.map((code): Failing => ({ site, code })))
        const once = Array.from(
          { length: singles },
          (): Failing => ({
            call: Math.floor(random() * healthy.calls),
            code: codes[Math.floor(random() * codes.length)] ?? "EIO"
          })
        )
        const complaints: Array<string> = []
        const before = known.flatMap(({ failing, phase: of }) =>
          failing !== undefined && of === phase ? [failing] : []
        )
        const all = [...before, ...sample(everywhere, places, random), ...once]
        let worked = 0
        for (const failing of all) {
          const outcome = await child.ask({ phase, failing })
          if (typeof outcome === "string") {
            child.end()
            child = startOpener()
          } else if (outcome.said === undefined) worked++
          const found = complaint(outcome)
          if (found === undefined) continue
          complaints.push(`${JSON.stringify(failing)}: ${found}`)
          process.stderr.write(`failing files, ${phase}: ${complaints.at(-1)}\n`)
        }
        process.stderr.write(
          `failing files, ${phase}: ${healthy.sites.length} places, ${healthy.calls} calls; ${all.length} cases, of which ${worked} worked and ${all.length - worked} said why\n`
        )
        assert.deepStrictEqual(complaints, [])
      } finally {
        child.end()
      }
    },
    isLong ? 7_200_000 : 300_000
  )
}
