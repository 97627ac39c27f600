import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Stream } from "effect"
import { McpClient, McpProtocol } from "effect/ai"
import { ChildProcess } from "effect/process"
import { inject } from "vitest"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { ClerkUserId } from "../../src/domain/User.ts"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import * as Repositories from "../../src/repository/index.ts"
import { migrate } from "../repository/TestRepositories.ts"

const alice = ClerkUserId.make("user_alice")
const bob = ClerkUserId.make("user_bob")

const prepare = Effect.gen(function* () {
  yield* migrate()
  const users = yield* Repositories.Users
  const accounts = yield* Repositories.Accounts
  const jobs = yield* Repositories.Jobs
  const [alices, bobs] = yield* Effect.forEach([alice, bob], (user) =>
    Effect.gen(function* () {
      yield* users.getOrCreate({ clerk_user_id: user })
      const account = yield* accounts.create({ clerk_user_id: user, account_name: "Savings" })
      const job = yield* jobs.create({ clerk_user_id: user, job_type: "portfolio_analysis" })
      return { account: account.id, job: job.id }
    })
  )
  return { alices: alices ?? assert.fail(), bobs: bobs ?? assert.fail() }
})

interface Prepared {
  readonly folder: string
  readonly alices: { readonly account: string; readonly job: string }
  readonly bobs: { readonly account: string; readonly job: string }
}

/** A folder with an embedded database in which Alice and Bob have an account and a job each. */
class Folder extends Context.Service<Folder, Prepared>()("test/cli/Folder") {
  static readonly layer = Layer.effect(
    Folder,
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "alex-mcp-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true }))
      )
      const database = Repositories.layer.pipe(
        Layer.provideMerge(DataApiSql.layer()),
        Layer.provide(LocalDataApi.layer({ dataDir: join(folder, "db"), snapshot: inject("snapshot") }))
      )
      return { folder, ...(yield* Effect.provide(prepare, database)) }
    })
  )
}

const command = (folder: string, args: ReadonlyArray<string>) =>
  ChildProcess.make(process.execPath, [join(import.meta.dirname, "../../src/cli/main.ts"), "mcp", ...args], {
    cwd: folder,
    env: { ALEX_DB_BACKEND: "embedded", ALEX_DB_DIR: join(folder, "db") },
    extendEnv: true
  })

type McpClientProtocol = typeof McpProtocol.v2025_11_25 | typeof McpProtocol.v2026_07_28

/** Runs a client of `alex-db mcp` with these arguments; its `call` returns what a model would be shown. */
const withClient = <A, E>(
  args: ReadonlyArray<string>,
  use: (client: {
    readonly tools: ReadonlyArray<{
      readonly name: string
      readonly description?: string | undefined
      readonly annotations?: { readonly readOnlyHint?: boolean | undefined } | undefined
    }>
    readonly call: (name: string, parameters?: Record<string, unknown>) => Effect.Effect<Answer, unknown>
  }) => Effect.Effect<A, E>,
  protocol: McpClientProtocol = McpProtocol.v2025_11_25
) =>
  Effect.gen(function* () {
    const { folder } = yield* Folder
    const mcp = McpClient.layerStdio({
      name: "test",
      version: "0",
      protocol,
      command: command(folder, args)
    })
    return yield* Effect.gen(function* () {
      const client = yield* McpClient.McpClient
      const tools = yield* client.listTools()
      const call = (name: string, parameters: Record<string, unknown> = {}) =>
        Effect.gen(function* () {
          const tool = tools.find((one) => one.name === name) ?? assert.fail(`there is no tool ${name}`)
          const { content, isError, structuredContent } = yield* client.callTool({ tool, arguments: parameters })
          const text = content.map((part) => ("text" in part ? part.text : "")).join("")
          return { isError: isError === true, text, answer: Object(structuredContent) }
        })
      return yield* use({ tools, call })
    }).pipe(Effect.provide(mcp.pipe(Layer.provide(NodeServices.layer))))
  })

interface Answer {
  readonly isError: boolean
  readonly text: string
  // What the tool returned, as JSON.
  readonly answer: ReturnType<typeof JSON.parse>
}

const readOnly = [
  "search_instruments",
  "get_instrument",
  "list_unclassified_instruments",
  "read_portfolio",
  "list_accounts",
  "value_account",
  "list_jobs",
  "read_job"
]

const writing = [
  "classify_instrument",
  "set_position",
  "add_to_position",
  "record_report",
  "record_charts",
  "record_retirement",
  "record_summary"
]

const bnd = {
  symbol: "BND",
  name: "Vanguard Total Bond Market",
  instrument_type: "bond_fund",
  current_price: "72.5",
  allocation_regions: { north_america: 100 },
  allocation_sectors: { treasury: 60, corporate: 40 },
  allocation_asset_class: { fixed_income: 100 }
}

layer(Folder.layer, { excludeTestServices: true })("an MCP client of alex-db mcp", (it) => {
  it.effect("lists every tool that reads and writes, and calls each", () =>
    Effect.gen(function* () {
      const { alices } = yield* Folder
      yield* withClient(["--user", alice, "--allow-writes"], ({ call, tools }) =>
        Effect.gen(function* () {
          assert.sameMembers(
            tools.map(({ name }) => name),
            [...readOnly, ...writing]
          )
          assert.isTrue(tools.every(({ annotations, name }) => annotations?.readOnlyHint === readOnly.includes(name)))
          assert.isTrue(tools.every(({ description }) => description !== undefined && description.length > 40))

          const position = { account_id: alices.account, symbol: "BND", quantity: "0.1" }
          const job = { job_id: alices.job }
          assert.strictEqual((yield* call("classify_instrument", bnd)).answer.outcome, "inserted")
          assert.strictEqual((yield* call("set_position", position)).answer.quantity, "0.1")
          assert.strictEqual((yield* call("add_to_position", { ...position, quantity: "0.2" })).answer.quantity, "0.3")
          assert.strictEqual(
            (yield* call("record_report", { ...job, report: { content: "# R" } })).answer.id,
            job.job_id
          )
          yield* call("record_charts", {
            ...job,
            charts: { a: { title: "A", type: "pie", data: [{ name: "x", value: 1 }] } }
          })
          yield* call("record_retirement", { ...job, retirement: { analysis: "Fine", success_rate: 90 } })
          yield* call("record_summary", { ...job, summary: { done: true } })

          assert.strictEqual((yield* call("search_instruments", { query: "bond" })).answer.instruments[0].symbol, "BND")
          assert.strictEqual((yield* call("get_instrument", { symbol: "BND" })).answer.current_price, "72.5")
          assert.deepStrictEqual((yield* call("list_unclassified_instruments")).answer.instruments, [])
          assert.strictEqual((yield* call("read_portfolio")).answer.total, "21.75")
          assert.strictEqual((yield* call("list_accounts")).answer.accounts[0].id, alices.account)
          assert.strictEqual(
            (yield* call("value_account", { account_id: alices.account })).answer.market_value,
            "21.75"
          )
          assert.strictEqual((yield* call("list_jobs")).answer.jobs[0].id, alices.job)
          const read = yield* call("read_job", job)
          assert.strictEqual(read.answer.report_payload.content, "# R")
          assert.deepStrictEqual(read.answer.summary_payload, { done: true })
        })
      )
    })
  )

  it.effect("sees typed errors for bad input, and can't reach another user", () =>
    Effect.gen(function* () {
      const { alices, bobs } = yield* Folder
      yield* withClient(
        ["--user", alice, "--allow-writes"],
        ({ call }) =>
          Effect.gen(function* () {
            const failure = (name: string, parameters: Record<string, unknown>) =>
              Effect.map(call(name, parameters), ({ isError, text }) => {
                assert.isTrue(isError, text)
                return text
              })
            assert.deepStrictEqual(JSON.parse(yield* failure("get_instrument", { symbol: "NOPE" })), {
              error: "InstrumentNotFound",
              message: "There is no instrument NOPE. Register it first."
            })
            const uneven = { ...bnd, allocation_sectors: { treasury: 60 } }
            assert.include(yield* failure("classify_instrument", uneven), "found a sum of 60")
            assert.include(yield* failure("classify_instrument", { ...bnd, mood: "good" }), "mood")
            assert.include(yield* failure("value_account", { account_id: "1" }), "a UUID like")
            assert.include(yield* failure("value_account", { account_id: alices.account, user: bob }), "user")
            assert.include(yield* failure("value_account", { account_id: bobs.account }), "AccountNotFound")
            assert.include(yield* failure("read_job", { job_id: bobs.job }), "JobNotFound")
            const position = { account_id: bobs.account, symbol: "BND", quantity: "1" }
            assert.include(yield* failure("set_position", position), "AccountNotFound")
            assert.include(yield* failure("record_summary", { job_id: bobs.job, summary: {} }), "JobNotFound")
          }),
        McpProtocol.v2026_07_28
      )
    })
  )

  it.effect("has no tool that writes unless writes are allowed, and reads nothing but the protocol on stdout", () =>
    Effect.gen(function* () {
      const { bobs, folder } = yield* Folder
      const recording = { name: "record_report", arguments: { job_id: bobs.job, report: { content: "x" } } }
      const { exitCode, stderr, stdout } = yield* talk(
        folder,
        ["--user", bob],
        [
          { method: "tools/list" },
          { method: "tools/call", params: recording },
          { method: "tools/call", params: { name: "read_job", arguments: { job_id: bobs.job } } }
        ]
      )
      const [initialized, listed, recorded, read] = stdout
        .split("\n")
        .flatMap(parsed)
        .toSorted((a, b) => a.id - b.id)
      assert.strictEqual(initialized.result.serverInfo.name, "alex-database")
      assert.sameMembers(
        listed.result.tools.map((tool: { name: string }) => tool.name),
        readOnly
      )
      assert.include(recorded.error.message, "record_report")
      assert.isNull(read.result.structuredContent.report_payload)
      assert.include(stderr, "read-only")
      assert.strictEqual(exitCode, 0, "the server ends well when its input ends")
    })
  )

  it.effect("is told in one line that there is no such user", () =>
    Effect.gen(function* () {
      const { folder } = yield* Folder
      const { exitCode, stderr, stdout } = yield* talk(folder, ["--user", "user_nobody"], [])
      assert.strictEqual(exitCode, 1)
      assert.strictEqual(stdout, "")
      assert.match(stderr, /^alex-db: There is no user "user_nobody" in this database\. Give --user .*$/m)
      assert.notInclude(stderr, "    at ")
    })
  )
})

describe("alex-db mcp", () => {
  it.live("without --user is a wrong usage", () =>
    Effect.gen(function* () {
      const { exitCode } = yield* talk(tmpdir(), [], [])
      assert.strictEqual(exitCode, 2)
    })
  )
})

const parsed = (line: string): ReadonlyArray<ReturnType<typeof JSON.parse>> => (line === "" ? [] : [JSON.parse(line)])

/** Speaks the protocol by hand: initializes, sends the requests, closes the input, and waits for the end. */
const talk = (folder: string, args: ReadonlyArray<string>, requests: ReadonlyArray<object>) =>
  Effect.gen(function* () {
    const initialize = {
      method: "initialize",
      params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "hand", version: "0" } }
    }
    const input = [initialize, ...requests].map(
      (request, id) => `${JSON.stringify({ jsonrpc: "2.0", id, ...request })}\n`
    )
    const child = yield* command(folder, args)
    const [exitCode, stdout, stderr] = yield* Effect.all(
      [
        child.exitCode,
        Stream.mkString(Stream.decodeText(child.stdout)),
        Stream.mkString(Stream.decodeText(child.stderr)),
        Effect.ignore(Stream.run(Stream.encodeText(Stream.fromIterable(input)), child.stdin))
      ],
      { concurrency: "unbounded" }
    )
    return { exitCode, stdout, stderr }
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
