import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { inject } from "vitest"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { commandLine } from "../../CommandLine.ts"
import { scalar } from "../calls.ts"
import { call, target } from "./RawClient.ts"

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** `alex-db serve` as its users start it. It is killed with the scope, should it still run. */
const alexDb = (...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const ended = yield* Deferred.make<Ended>()
    const printed = yield* Deferred.make<string>()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(process.execPath, [commandLine(), "serve", ...args], { stdio: ["ignore", "pipe", "pipe"] })
        let stdout = ""
        let stderr = ""
        child.stdout.on("data", (chunk) => {
          stdout += chunk
          Deferred.doneUnsafe(printed, Effect.succeed(stdout))
        })
        child.stderr.on("data", (chunk) => {
          stderr += chunk
        })
        child.on("close", (code) => Deferred.doneUnsafe(ended, Effect.succeed({ code, stdout, stderr })))
        return child
      }),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    return { child, ended: Deferred.await(ended), printed: Deferred.await(printed) }
  })

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "alex-serve-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

const urlIn = (stdout: string) => /AWS_ENDPOINT_URL_RDS_DATA=(\S+)/.exec(stdout)?.[1] ?? ""

it.live(
  "SIGINT ends a server whose database is in a statement that never ends: its caller is answered, what was there is kept",
  () =>
    Effect.gen(function* () {
      const dataDir = yield* folder
      const local = LocalDataApi.layer({ dataDir, snapshot: inject("snapshot"), durability: "fast" })
      yield* Effect.scoped(Layer.build(local))
      const server = yield* alexDb("--port", "0", "--data-dir", dataDir)
      const url = urlIn(yield* server.printed)
      yield* call(url, "/Execute", { sql: "create table kept as select 1 as a" })
      const sql = `do $$ begin
        execute format('copy (select 1) to %L', current_setting('data_directory') || '/holding');
        loop null; end loop;
      end $$`
      const running = yield* Effect.forkChild(call(url, "/Execute", { sql }))
      while (!existsSync(join(dataDir, "pgdata", "holding"))) yield* Effect.sleep("50 millis")
      server.child.kill("SIGINT")
      const answer = yield* Fiber.join(running)
      assert.strictEqual(answer.status, 504)
      assert.strictEqual((yield* server.ended).code, 0)
      const kept = yield* Effect.provide(scalar("select count(*) from kept"), local)
      assert.deepStrictEqual(kept, { longValue: 1 })
    }).pipe(Effect.scoped),
  120_000
)

it.live(
  "prints the variables and nothing else, answers, and ends well on a signal with its data kept",
  () =>
    Effect.gen(function* () {
      const dataDir = yield* folder
      // A prepared folder: made from the snapshot here, since a new database costs seconds.
      yield* Effect.scoped(
        Layer.build(LocalDataApi.layer({ dataDir, snapshot: inject("snapshot"), durability: "fast" }))
      )
      const first = yield* alexDb("--port", "0", "--data-dir", dataDir)
      const stdout = yield* first.printed
      const url = urlIn(stdout)
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
      assert.strictEqual(
        stdout,
        [
          `export AWS_ENDPOINT_URL_RDS_DATA=${url}`,
          `export AURORA_CLUSTER_ARN=${target.resourceArn}`,
          `export AURORA_SECRET_ARN=${target.secretArn}`,
          "export AURORA_DATABASE=alex",
          "export DEFAULT_AWS_REGION=us-east-1",
          "export AWS_REGION=us-east-1",
          "export AWS_DEFAULT_REGION=us-east-1",
          "export AWS_ACCESS_KEY_ID=local",
          "export AWS_SECRET_ACCESS_KEY=local",
          ""
        ].join("\n")
      )
      yield* call(url, "/Execute", { sql: "create table kept (n int)" })
      yield* call(url, "/Execute", { sql: "insert into kept values (1)" })
      const { transactionId } = JSON.parse((yield* call(url, "/BeginTransaction", {})).body)
      yield* call(url, "/Execute", { sql: "insert into kept values (2)", transactionId })
      const running = yield* Effect.forkChild(
        call(url, "/Execute", { sql: "select pg_sleep(0.3)::text", transactionId })
      )
      yield* Effect.sleep("100 millis")
      first.child.kill("SIGTERM")
      assert.strictEqual((yield* Fiber.join(running)).status, 200)
      const ended = yield* first.ended
      assert.strictEqual(ended.code, 0)
      assert.strictEqual(ended.stdout, stdout)
      const lines = ended.stderr.trim().split("\n")
      assert.strictEqual(lines.length, 5, ended.stderr)
      assert.match(
        lines[4] ?? "",
        new RegExp(`ExecuteStatement {2}[\\d.]+ ms {2}1 rows {2}tx ${transactionId.slice(-6).replace(/[+]/g, "\\+")}$`)
      )
      assert.notInclude(ended.stderr, "insert")

      const second = yield* alexDb("--port", "0", "--data-dir", dataDir, "--json", "--trace", "--control-port", "0")
      const variables = JSON.parse(yield* second.printed)
      const again: string = variables.AWS_ENDPOINT_URL_RDS_DATA
      const parameters = [{ name: "n", value: { longValue: 1 } }]
      const read = yield* call(again, "/Execute", { sql: "select n from kept where n >= :n", parameters })
      assert.deepStrictEqual(JSON.parse(read.body).records, [[{ longValue: 1 }]])
      assert.match(variables.faultControl, /^http:\/\/127\.0\.0\.1:\d+$/)
      second.child.kill("SIGINT")
      const { code, stderr } = yield* second.ended
      assert.strictEqual(code, 0)
      const logged = JSON.parse(stderr.trim())
      assert.deepStrictEqual(
        [logged.operation, logged.rows, logged.sql, logged.parameters],
        ["ExecuteStatement", 1, "select n from kept where n >= :n", [{ n: "1" }]]
      )
    }),
  120_000
)

it.live("what can't be served ends with one line and exit code 1", () =>
  Effect.gen(function* () {
    const path = join(yield* folder, "clusters.json")
    // A byte order mark is read over: what is wrong is what follows.
    const clusters = JSON.stringify({ clusters: [{ arn: "orders" }], secrets: [] })
    yield* Effect.promise(() => writeFile(path, `\ufeff${clusters}`))
    const wrongFile = yield* alexDb("--clusters", path)
    const wrongFlags = yield* alexDb("--engine", "postgres", "--memory")
    const wrongBackend = yield* alexDb("--backend", "data-api", "--memory")
    const twoEngines = yield* alexDb("--backend", "postgres", "--engine", "pglite")
    const onlyP99 = yield* alexDb("--memory", "--latency-p99", "10")
    const lowP99 = yield* alexDb("--memory", "--latency", "50", "--latency-p99", "10")
    const serverInMemory = yield* alexDb("--backend", "postgres", "--memory")
    const occupied = yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const server = createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    )
    const address = occupied.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    const inUse = yield* alexDb("--port", String(port), "--memory")
    const elsewhere = yield* alexDb("--port", "0", "--memory", "--host", "203.0.113.9")
    const bracketed = yield* alexDb("--port", "0", "--memory", "--host", "[::1]")
    const controlInUse = yield* alexDb("--port", "0", "--memory", "--control-port", String(port))
    const unreachable = yield* alexDb("--port", "0", "--database-url", "postgres://nobody@127.0.0.1:1/none")
    const expected = [
      [wrongFile, "expected a cluster's ARN like arn:aws:rds:us-east-1:000000000000:cluster:alex-local"],
      [wrongFlags, "--memory and --data-dir are the embedded engine's"],
      [wrongBackend, "leave out --backend data-api, or give --backend embedded or --backend postgres"],
      [twoEngines, "--backend postgres is --engine postgres; leave out one of the two"],
      [onlyP99, "--latency-p99 needs a --latency that is not above it"],
      [lowP99, "--latency-p99 needs a --latency that is not above it"],
      [serverInMemory, "--memory and --data-dir are the embedded engine's"],
      [unreachable, "Check the server and its URL."],
      [elsewhere, "203.0.113.9 is not an address of this machine"],
      [bracketed, "such as 127.0.0.1 or ::1, without a port or brackets"],
      [controlInUse, `port ${port} on 127.0.0.1 is in use`],
      [
        inUse,
        `port ${port} on 127.0.0.1 is in use. Choose another port, or 0 for any that is free. Run alex-db serve --help`
      ]
    ] as const
    for (const [process, text] of expected) {
      const { code, stderr, stdout } = yield* process.ended
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      assert.include(stderr, text)
      assert.notInclude(stderr, "report the problem")
      assert.strictEqual(stderr.trim().split("\n").length, 1, stderr)
    }
  })
)

it.live("a host name to allow that has more than a name would match no request, and is a wrong usage", () =>
  Effect.gen(function* () {
    for (const name of ["db:8080", "http://db", "db/", "[::1]:80", "*.example"]) {
      const { code, stderr } = yield* (yield* alexDb("--memory", "--allow-host", name)).ended
      assert.strictEqual(code, 2, stderr)
      assert.include(stderr, `Expected a host name without a scheme, a port or a path, got ${name}`)
    }
  }).pipe(Effect.scoped)
)

it.live("a DATABASE_URL that is not served is named, unless an engine or a folder was asked for", () =>
  Effect.gen(function* () {
    const home = yield* folder
    const file = join(home, "variables.env")
    const set = `DATABASE_URL=postgres://nobody@db.invalid/app\nALEX_DB_DIR=${join(home, "data")}\nALEX_DB_DURABILITY=fast\n`
    yield* Effect.promise(() => writeFile(file, set))
    const saidBy = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
      const server = yield* alexDb("--port", "0", "--dotenv", file, ...args)
      yield* server.printed
      server.child.kill("SIGINT")
      return (yield* server.ended).stderr
    })
    assert.include(yield* saidBy(), "DATABASE_URL is set, and not used: add --engine postgres")
    assert.notInclude(yield* saidBy("--engine", "pglite"), "DATABASE_URL")
    assert.notInclude(yield* saidBy("--backend", "embedded"), "DATABASE_URL")
    const server = yield* alexDb("--port", "0", "--dotenv", file, "--backend", "postgres")
    assert.include((yield* server.ended).stderr, "db.invalid")
    assert.notInclude(yield* saidBy("--memory"), "DATABASE_URL")
  }).pipe(Effect.scoped)
)
