/** `alex-db gateway` as a process: a program that it runs gets the variables, and its exit code is passed on. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { commandLine } from "../CommandLine.ts"

/** A folder of its own for each test's embedded database. */
const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-gateway-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const environmentOf = (directory: string) => {
  const { AURORA_CLUSTER_ARN: _, DATABASE_URL: __, ...rest } = process.env
  return { ...rest, ALEX_DB_DIR: directory }
}

const gateway = (directory: string, ...args: ReadonlyArray<string>) =>
  Effect.callback<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>((resume) => {
    const child = spawn(process.execPath, [commandLine(), "gateway", ...args], { env: environmentOf(directory) })
    let [stdout, stderr] = ["", ""]
    child.stdout.on("data", (chunk) => {
      stdout += chunk
      // It would listen for good.
      if (!args.includes("--")) child.kill("SIGINT")
    })
    child.stderr.on("data", (chunk) => {
      stderr += chunk
    })
    child.on("close", (code) => resume(Effect.succeed({ code, stdout, stderr })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** A program that asks by node-postgres what a variable points it to. */
const program = (sql: string, exitCode: number) => `
import pg from "pg"
const client = new pg.Client({ connectionString: process.env.DATABASE_URL })
await client.connect()
console.log(JSON.stringify((await client.query(${JSON.stringify(sql)})).rows))
await client.end()
process.exit(${exitCode})`

it.effect(
  "a program reaches the embedded database, and its exit code is the command's",
  () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const node = (sql: string, code: number) =>
        gateway(directory, "--", process.execPath, "--input-type=module", "-e", program(sql, code))
      const first = yield* node("create table kept as select 1 as a, interval '1 day' as i", 0)
      assert.strictEqual(first.code, 0, first.stderr)
      const second = yield* node("select a, i::text, current_database() as d from kept", 7)
      assert.deepStrictEqual(JSON.parse(second.stdout), [{ a: 1, i: "1 day", d: "alex" }])
      assert.strictEqual(second.code, 7)
      const none = yield* gateway(directory, "--", "no-such-program")
      assert.strictEqual(none.code, 1)
      assert.match(none.stderr, /The program no-such-program can't be run/)
    }).pipe(Effect.scoped),
  120_000
)

it.effect(
  "prints the variables for a shell or as JSON, each time with another password, and ends well",
  () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const plain = yield* gateway(directory, "--port", "0")
      const passwordOf = (text: string) => /^export PGPASSWORD=([0-9a-f]{32})$/m.exec(text)?.[1]
      assert.match(plain.stdout, /^export DATABASE_URL=postgres:\/\/alex:[0-9a-f]{32}@127\.0\.0\.1:\d+\/alex$/m)
      assert.strictEqual(plain.code, 0, plain.stderr)
      const json = yield* gateway(directory, "--port", "0", "--json")
      const variables = JSON.parse(json.stdout)
      assert.containsAllKeys(variables, [
        "DATABASE_URL",
        "PGHOST",
        "PGPORT",
        "PGUSER",
        "PGPASSWORD",
        "PGDATABASE",
        "PGCLIENTENCODING"
      ])
      assert.notStrictEqual(variables.PGPASSWORD, passwordOf(plain.stdout))
      const open = yield* gateway(directory, "--host", "0.0.0.0", "--port", "0", "--", "true")
      assert.strictEqual(open.code, 1)
      assert.include(open.stderr, "not a loopback address")
    }).pipe(Effect.scoped),
  120_000
)
