/** `alex-db` as a process of its own, and what it takes to look at what it left. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { commandLine } from "../../CommandLine.ts"

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: Buffer
  readonly stderr: string
}

/**
 * Prints the most memory that the process had, in kB. `resourceUsage` says what the process had that started it, where
 * that had more.
 */
const measured = `data:text/javascript,${encodeURIComponent(`
  import { readFileSync } from "node:fs"
  const most = () =>
    process.platform === "linux"
      ? /VmHWM:\\s*(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]
      : process.resourceUsage().maxRSS
  process.on("exit", () => process.stderr.write("maxRSS " + most() + "\\n"))
`)}`

export interface Run {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: Buffer
  readonly measure?: boolean
  /** Is given the process once it runs. */
  readonly on?: (child: ChildProcess) => void
}

/** Runs a command to its end; it is killed with the scope, should it still run. */
export const alexDb = (args: ReadonlyArray<string>, { cwd, env, input, measure, on }: Run) =>
  Effect.callback<Ended>((resume) => {
    const child = spawn(
      process.execPath,
      [...(measure === true ? ["--import", measured] : []), commandLine(), ...args],
      {
        cwd,
        env: { PATH: process.env.PATH, ...env },
        stdio: ["pipe", "pipe", "pipe"]
      }
    )
    const stdout: Array<Buffer> = []
    let stderr = ""
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on("data", (chunk) => {
      stderr += chunk
    })
    child.stdin.on("error", () => {})
    child.stdin.end(input)
    child.on("close", (code, signal) => resume(Effect.succeed({ code, signal, stdout: Buffer.concat(stdout), stderr })))
    on?.(child)
    return Effect.sync(() => child.kill("SIGKILL"))
  })

export const peakOf = ({ stderr }: Ended): number => Number(/maxRSS (\d+)/.exec(stderr)?.[1]) / 1024

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-keeping-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)
