/** Starters as a test commands them: processes, threads, and processes in a process namespace of their own. */
import { spawn, spawnSync } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import { Effect, type Scope } from "effect"

const program = fileURLToPath(new URL("./FolderStarter.ts", import.meta.url))

/** A starter; `ask` sends a command and waits for the answer. */
export interface Starter {
  readonly kind: Kind
  readonly ask: (command: string) => Promise<string>
  /** Ends it as it stands, without a chance to give anything back. */
  readonly kill: () => Promise<unknown>
}

export type Kind = "process" | "thread" | "namespace" | "bun"

/** Whether this machine lets a process have a process namespace of its own. */
export const hasNamespaces = spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"]).status === 0

export const hasBun = spawnSync("bun", ["--version"]).status === 0

/** Answers in the order of the commands. */
class Answers {
  readonly #waiting: Array<(answer: string) => void> = []
  readonly next = (): Promise<string> => new Promise((resolve) => this.#waiting.push(resolve))
  readonly arrived = (answer: string): void => this.#waiting.shift()?.(answer)
}

const commands = {
  process: [process.execPath, program],
  namespace: ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", process.execPath, program],
  bun: ["bun", program]
}

const startProcess = async (kind: keyof typeof commands): Promise<Starter> => {
  const [command = "", ...args] = commands[kind]
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] })
  const ended = new Promise((resolve) => child.once("close", resolve))
  const answers = new Answers()
  createInterface(child.stdout).on("line", answers.arrived)
  await answers.next()
  const ask = (line: string) => {
    const answer = answers.next()
    child.stdin.write(`${line}\n`)
    return answer
  }
  const kill = () => {
    child.kill("SIGKILL")
    return ended
  }
  return { kind, ask, kill }
}

const startThread = async (): Promise<Starter> => {
  const worker = new Worker(program, { execArgv: [] })
  const answers = new Answers()
  worker.on("message", answers.arrived)
  await answers.next()
  const ask = (line: string) => {
    const answer = answers.next()
    worker.postMessage(line)
    return answer
  }
  return { kind: "thread", ask, kill: () => worker.terminate() }
}

/** Starts one, killed at the end of the scope. */
export const start = (kind: Kind): Effect.Effect<Starter, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => (kind === "thread" ? startThread() : startProcess(kind))),
    ({ kill }) => Effect.promise(kill)
  )
