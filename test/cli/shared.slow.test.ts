/** Commands on one embedded folder at a time: beside a server, beside each other, and after the one that held it. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { commandLine } from "../CommandLine.ts"

/** Rounds of commands at once; with `ALEX_LONG` many. */
const rounds = process.env["ALEX_LONG"] === undefined ? 2 : 40

/** What can be run on a folder that is empty, and what once one of those was. */
const making = [["up"], ["migrate"], ["up"]]
const all = [["check"], ["up"], ["verify", "--skip-drift"], ["seed"], ["migrate"], ["seed", "--dry-run"], ["verify"]]

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "alex-beside-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

const start = (folder: string, args: ReadonlyArray<string>): ChildProcess =>
  spawn(process.execPath, [commandLine(), ...args], {
    cwd: folder,
    env: { ...process.env, ALEX_DB_BACKEND: "embedded", ALEX_DB_DIR: join(folder, "db") }
  })

/** A command from its start to its end. */
const run = (folder: string, ...args: ReadonlyArray<string>) =>
  Effect.promise(
    () =>
      new Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>((resolve) => {
        const child = start(folder, args)
        const said = { stdout: "", stderr: "" }
        child.stdin?.end()
        child.stdout?.on("data", (chunk) => (said.stdout += chunk))
        child.stderr?.on("data", (chunk) => (said.stderr += chunk))
        child.on("close", (code) => resolve({ code, ...said }))
      })
  )

/** A server on the folder, once it has said where it listens. */
const serve = (folder: string) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<ChildProcess>((resolve, reject) => {
          const child = start(folder, ["serve", "--port", "0"])
          child.stdout?.once("data", () => resolve(child))
          child.once("close", reject)
        })
    ),
    (child) => stop(child, "SIGKILL")
  )

const stop = (child: ChildProcess, signal: NodeJS.Signals) =>
  Effect.promise(
    () =>
      new Promise<void>((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve()
        child.once("close", () => resolve())
        child.kill(signal)
      })
  )

/** An agent's server for a user, asked one thing after the other. */
const agent = (folder: string, user: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = start(folder, ["mcp", "--user", user])
      const lines = createInterface(child.stdout ?? process.stdin)[Symbol.asyncIterator]()
      let id = 0
      const ask = async (method: string, params: object): Promise<ReturnType<typeof JSON.parse>> => {
        child.stdin?.write(`${JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params })}\n`)
        const { value } = await lines.next()
        return JSON.parse(value ?? '"it has ended"')
      }
      const client = { capabilities: {}, clientInfo: { name: "test", version: "0" }, protocolVersion: "2025-06-18" }
      assert.property(await ask("initialize", client), "result")
      const accounts = async () => {
        const { result } = await ask("tools/call", { name: "list_accounts", arguments: {} })
        return result.structuredContent.accounts.length
      }
      return { child, accounts }
    }),
    ({ child }) => stop(child, "SIGKILL")
  )

describe("commands on one folder", () => {
  it.live(
    "work beside a server that has it, and say whom they go through",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const server = yield* serve(folder)
        for (const args of [
          ["migrate"],
          ["seed"],
          ["check"],
          ["reset", "--with-test-data"],
          ["verify", "--skip-drift"]
        ]) {
          const { code, stderr } = yield* run(folder, ...args)
          assert.strictEqual(code, 0, `${args[0]}: ${stderr}`)
          assert.match(
            stderr,
            new RegExp(
              `is open in process ${server.pid} \\(alex-db serve, since .*this process uses it through that one`
            )
          )
        }
        yield* stop(server, "SIGTERM")
        const { code, stderr, stdout } = yield* run(folder, "verify", "--skip-drift", "--json")
        assert.strictEqual(code, 0, stderr)
        assert.notInclude(stderr, "is open in process")
        assert.strictEqual(JSON.parse(stdout).ok, true)
      }).pipe(Effect.scoped),
    300_000
  )

  it.live(
    "two servers for agents share it, and one goes on when the other is killed",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const reset = yield* run(folder, "reset", "--with-test-data", "--json")
        assert.strictEqual(reset.code, 0, reset.stderr)
        const user = "test_user_001"
        const first = yield* agent(folder, user)
        const second = yield* agent(folder, user)
        const accounts = yield* Effect.promise(first.accounts)
        assert.isAbove(accounts, 0)
        assert.strictEqual(yield* Effect.promise(second.accounts), accounts)
        yield* stop(first.child, "SIGKILL")
        assert.strictEqual(yield* Effect.promise(second.accounts), accounts)
        const { code, stderr } = yield* run(folder, "check")
        assert.strictEqual(code, 0, stderr)
        assert.match(stderr, new RegExp(`is open in process ${second.child.pid} \\(alex-db mcp, `))
      }).pipe(Effect.scoped),
    300_000
  )

  it.live(
    "that start at the same moment on an empty folder all end well",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const all = yield* Effect.all(
          Array.from({ length: 3 }, () => run(folder, "migrate", "--json")),
          { concurrency: "unbounded" }
        )
        for (const { code, stderr } of all) assert.strictEqual(code, 0, stderr)
        const applied = all.flatMap(({ stdout }) =>
          JSON.parse(stdout).applied.flatMap((one: { readonly name: string; readonly byAnother: boolean }) =>
            one.byAnother ? [] : [one.name]
          )
        )
        assert.isNotEmpty(applied)
        assert.deepStrictEqual(applied, [...new Set(applied)], "each migration is applied once")
        const second = yield* temporaryFolder
        const ups = yield* Effect.all(
          Array.from({ length: 3 }, () => run(second, "up")),
          { concurrency: "unbounded" }
        )
        const counts = ups.map(({ stdout }) => Number(/applied (\d+) migration/.exec(stdout)?.[1] ?? 0))
        assert.strictEqual(
          counts.reduce((sum, one) => sum + one, 0),
          new Set(applied).size,
          counts.join()
        )
      }).pipe(Effect.scoped),
    300_000
  )

  it.live(
    `that start together, two to five of every kind, all end well (${rounds} rounds)`,
    () =>
      Effect.gen(function* () {
        for (let round = 0; round < rounds; round++) {
          const folder = yield* temporaryFolder
          for (const kinds of [making, all]) {
            const started = Array.from(
              { length: 2 + (round % 4) },
              (_, n) => kinds[(3 * round + n) % kinds.length] ?? []
            )
            const ended = yield* Effect.all(
              started.map((args) => run(folder, ...args)),
              { concurrency: "unbounded" }
            )
            for (const [n, { code, stderr }] of ended.entries()) {
              assert.strictEqual(code, 0, `${started.map(([name]) => name)}, round ${round}: ${started[n]}: ${stderr}`)
            }
          }
          const { code, stderr, stdout } = yield* run(folder, "verify", "--skip-drift", "--json")
          assert.strictEqual(code, 0, stderr)
          assert.strictEqual(JSON.parse(stdout).ok, true)
        }
      }).pipe(Effect.scoped),
    rounds * 120_000
  )
})
