/** Signals that come more than once: from a closing terminal, from npm beside the terminal, from an impatient person. */
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import { afterAll, beforeAll } from "vitest"
import { commandLine } from "../CommandLine.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "alex-signals-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Ended {
  readonly code: number | null
  readonly by: string | null
  readonly out: string
  readonly err: string
}

/** Runs a command in a process group of its own, as a shell does; `meanwhile` starts when stdout has this text. */
const run = (
  args: ReadonlyArray<string>,
  text: string,
  meanwhile: (kill: (signal: NodeJS.Signals, group?: boolean) => void) => Promise<void>
) =>
  new Promise<Ended>((resolve, reject) => {
    const child = spawn(process.execPath, [commandLine(), ...args], {
      cwd: folder,
      detached: true,
      env: { PATH: process.env.PATH, ALEX_DB_DIR: "db", ALEX_DB_DURABILITY: "fast" },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let [out, err, ended] = ["", "", false]
    let begun: Promise<void> | undefined
    child.stdout.on("data", (chunk) => {
      out += chunk
      if (out.includes(text))
        begun ??= meanwhile((signal, group = false) => {
          if (!ended && child.pid !== undefined) process.kill(group ? -child.pid : child.pid, signal)
        })
      begun?.catch(reject)
    })
    child.stderr.on("data", (chunk) => (err += chunk))
    child.on("exit", () => {
      ended = true
    })
    child.on("close", (code, by) => resolve({ code, by, out, err }))
  })

describe("a signal that comes again at once", () => {
  for (const [first, second] of [
    ["SIGHUP", "SIGHUP"],
    ["SIGINT", "SIGINT"],
    ["SIGHUP", "SIGTERM"]
  ] as const) {
    it(`is the same one: ${second} after ${first} leaves a server to close its folder`, async () => {
      const ended = await run(["serve", "--port", "0"], "AURORA_CLUSTER_ARN", async (kill) => {
        kill(first)
        const begin = performance.now()
        for (let again = 0; again < 3; again++) {
          await setTimeout(5)
          if (performance.now() - begin < 500) kill(second)
        }
      })
      assert.deepStrictEqual([ended.code, ended.by, ended.err], [0, null, ""])
      assert.isFalse(existsSync(join(folder, "db", "lock.json")))
    }, 120_000)
  }
})

it("signals of the terminal are the program's that alex-db gateway runs, however many, and so is the exit code", async () => {
  const script =
    "trap 'echo interrupted' INT; echo ready; for i in 1 2 3 4 5 6 7 8 9; do sleep 0.3; done; echo done; exit 7"
  const ended = await run(["gateway", "--", "bash", "--norc", "-c", script], "ready", async (kill) => {
    for (let times = 0; times < 2; times++) {
      await setTimeout(50)
      kill("SIGINT", true)
      await setTimeout(1200)
    }
  })
  assert.deepStrictEqual([ended.code, ended.by], [7, null], ended.err)
  assert.match(ended.out, /interrupted[\s\S]*interrupted[\s\S]*done\n$/)
  assert.notInclude(ended.err, "Stopped by")
}, 120_000)
