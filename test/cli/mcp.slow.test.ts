import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Deferred, Effect, Layer, Result, Stream } from "effect"
import { McpClient, McpProtocol } from "effect/ai"
import { ChildProcess } from "effect/process"
import { inject } from "vitest"
import { makeHearing } from "../../src/agent/mcp/guardedStdio.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { ClerkUserId } from "../../src/domain/User.ts"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import * as Repositories from "../../src/repository/index.ts"
import { commandLine } from "../CommandLine.ts"
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
        Layer.provide(
          LocalDataApi.layer({ dataDir: join(folder, "db"), snapshot: inject("snapshot"), durability: "fast" })
        )
      )
      return { folder, ...(yield* Effect.provide(prepare, database)) }
    })
  )
}

const command = (folder: string, args: ReadonlyArray<string>, variables: Readonly<Record<string, string>> = {}) =>
  ChildProcess.make(process.execPath, [commandLine(), "mcp", ...args], {
    cwd: folder,
    env: { ALEX_DB_BACKEND: "embedded", ALEX_DB_DIR: join(folder, "db"), ...variables },
    extendEnv: true
  })

type McpClientProtocol = typeof McpProtocol.v2025_11_25 | typeof McpProtocol.v2026_07_28

/** Runs a client of `alex-db mcp` with these arguments; its `call` returns what a model would be shown. */
const withClient = <A, E>(
  args: ReadonlyArray<string>,
  use: (client: {
    readonly tools: ReadonlyArray<{
      readonly inputSchema?: unknown
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
  "close_position",
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
      yield* withClient(["--user", alice, "--allow", "results,positions,instruments,prices"], ({ call, tools }) =>
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

  it.effect("stores the keys of a summary as the agent wrote them, whatever keys came before", () =>
    Effect.gen(function* () {
      const { alices } = yield* Folder
      yield* withClient(["--user", alice, "--allow", "results"], ({ call }) =>
        Effect.gen(function* () {
          for (const key of ["\\", '"']) {
            yield* call("record_summary", { job_id: alices.job, summary: { "!": 1, [key]: 2 } })
            // As text: this process's own JSON.parse may read the key wrong.
            const { text } = yield* call("read_job", { job_id: alices.job })
            assert.include(text, `"!":1,${JSON.stringify(key)}:2`)
          }
        })
      )
    })
  )

  it.effect("sees typed errors for bad input, and can't reach another user", () =>
    Effect.gen(function* () {
      const { alices, bobs } = yield* Folder
      yield* withClient(
        ["--user", alice, "--allow", "results,positions,instruments,prices"],
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

  it.effect("is answered by every call that there is no such user, and what to do", () =>
    Effect.gen(function* () {
      const { folder } = yield* Folder
      const { exitCode, stdout } = yield* talk(
        folder,
        ["--user", "user_nobody"],
        [{ method: "tools/call", params: { name: "list_accounts" } }]
      )
      const called = stdout
        .split("\n")
        .flatMap(parsed)
        .find(({ id }) => id === 1)
      assert.isTrue(called.result.isError)
      assert.deepStrictEqual(JSON.parse(called.result.content[0].text), {
        error: "UserNotFound",
        message:
          'There is no user "user_nobody" in this database. The person who started this server has to give --user the id of one who is.'
      })
      assert.strictEqual(exitCode, 0)
    })
  )

  it.effect("may send null for what is optional, dummies where nothing is expected, and numbers for decimal text", () =>
    Effect.gen(function* () {
      const { alices } = yield* Folder
      yield* withClient(["--user", alice, "--allow", "results,positions,instruments,prices"], ({ call }) =>
        Effect.gen(function* () {
          assert.isFalse((yield* call("list_accounts", { dummy: "", random_string: "x" })).isError)
          assert.isFalse((yield* call("list_jobs", { status: null, limit: "5", after: null })).isError)
          assert.strictEqual(
            (yield* call("classify_instrument", { ...bnd, symbol: "NUM", current_price: 450.25 })).answer.outcome,
            "inserted"
          )
          assert.strictEqual((yield* call("get_instrument", { symbol: "NUM" })).answer.current_price, "450.25")
          yield* call("classify_instrument", { ...bnd, symbol: "NUM", current_price: null })
          assert.strictEqual((yield* call("get_instrument", { symbol: "NUM" })).answer.current_price, "450.25")
          const position = { account_id: alices.account, symbol: "NUM", quantity: 1.5, as_of_date: null }
          assert.strictEqual((yield* call("set_position", position)).answer.quantity, "1.5")
          const written = { job_id: alices.job, report: { content: "x", generated_at: "2026-13-45T99:99:99Z" } }
          assert.include((yield* call("record_report", written)).text, "a day and a time that exist")
        })
      )
    })
  )

  it.effect("is answered about wrong arguments in every version of the protocol, as a result that the model sees", () =>
    Effect.gen(function* () {
      for (const protocol of [McpProtocol.v2025_11_25, McpProtocol.v2026_07_28]) {
        yield* withClient(
          ["--user", alice],
          ({ call }) =>
            Effect.gen(function* () {
              for (const [name, args, said] of [
                ["get_instrument", {}, "symbol"],
                ["get_instrument", { symbol: "A", mood: 1 }, "mood"],
                ["get_instrument", { symbol: "NUL\u0000" }, "symbol"],
                ["list_jobs", { limit: 1000 }, "from 1 to 100"],
                ["list_jobs", { after: "yesterday" }, "after"],
                ["search_instruments", { query: nested(40) }, "query"]
              ] as const) {
                const { isError, text } = yield* call(name, args)
                assert.isTrue(isError, name)
                assert.strictEqual(JSON.parse(text).error, "InvalidData", text)
                assert.include(text, said)
              }
            }),
          protocol
        )
      }
    })
  )

  it.effect("has tools whose schemas every provider takes", () =>
    Effect.gen(function* () {
      yield* withClient(["--user", alice, "--allow", "results,positions,instruments,prices"], ({ tools }) =>
        Effect.sync(() => {
          for (const { inputSchema, name } of tools) {
            const text = JSON.stringify(inputSchema)
            assert.notMatch(text, /"allOf"|\(\?[=!<]|"type":"null"/, name)
            JSON.stringify(inputSchema, (_, one) => {
              if (one?.type === "object") assert.isObject(one.properties, name)
              return one
            })
          }
          const quantity = Object(tools.find(({ name }) => name === "set_position")?.inputSchema).properties.quantity
          assert.strictEqual(quantity.pattern, String.raw`^\d{1,12}(\.\d{1,8})?$`)
        })
      )
    })
  )
})

/** An array in an array, and so on. */
const nested = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth))

/** A PostgreSQL server that takes connections and says nothing. */
const silent = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = createServer().listen(0, "127.0.0.1")
    await once(server, "listening")
    return server
  }),
  (server) => Effect.sync(() => server.close())
)

describe("a client that breaks the protocol", () => {
  it("is answered as the protocol says, and the session goes on", () => {
    const hear = makeHearing()
    const refusal = (line: string) => {
      const heard = hear(new TextEncoder().encode(line))
      return Result.isFailure(heard) ? heard.failure.line : undefined
    }
    const coded = (line: string) => {
      const { error, id } = JSON.parse(refusal(line) ?? "{}")
      return [id, error?.code]
    }
    const deep = (method: string) =>
      `{"jsonrpc":"2.0","id":7,"method":"${method}","params":${"[".repeat(50_000)}${"]".repeat(50_000)}}`
    assert.deepStrictEqual(coded("{not json"), [null, -32700])
    assert.deepStrictEqual(coded('{"jsonrpc":"2.0","id":"a","method":"tools/list"}'), ["a", -32600])
    assert.deepStrictEqual(coded(deep("initialize")), [7, -32602])
    assert.isUndefined(refusal('{"jsonrpc":"2.0","id":"ping","method":"ping"}'))
    assert.isUndefined(refusal('{"jsonrpc":"2.0","method":"notifications/initialized"}'))
    const about = '{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"0"}}'
    assert.isUndefined(refusal(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":${about}}`))
    assert.isUndefined(refusal('{"jsonrpc":"2.0","id":2,"method":"tools/list"}'))
    assert.deepStrictEqual(coded(deep("tools/call")), [7, -32602])
  })

  it.live(
    "gets an answer to every line, and the server ends with 0 when its output is closed",
    () =>
      Effect.promise(async () => {
        const child = spawn(process.execPath, [commandLine(), "mcp", "--user", "x"], {
          cwd: tmpdir(),
          env: { PATH: process.env.PATH, ALEX_DB_DIR: join(tmpdir(), "none") },
          stdio: ["pipe", "pipe", "ignore"]
        })
        const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
        const answerTo = async (line: string) => {
          child.stdin.write(`${line}\n`)
          return JSON.parse((await lines.next()).value ?? "")
        }
        assert.strictEqual((await answerTo("{not json")).error.code, -32700)
        const clientInfo = { name: "hand", version: "0" }
        const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo }
        const request = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params })
        assert.strictEqual((await answerTo(request)).result.serverInfo.name, "alex-database")
        assert.strictEqual((await answerTo("]")).error.code, -32700)
        assert.isArray((await answerTo('{"jsonrpc":"2.0","id":2,"method":"tools/list"}')).result.tools)
        const ended = once(child, "close")
        child.stdout.destroy()
        child.stdin.write('{"jsonrpc":"2.0","id":3,"method":"tools/list"}\n')
        assert.deepStrictEqual(await ended, [0, null])
      }),
    120_000
  )
})

describe("alex-db mcp on stdio", () => {
  it.live(
    "ends with 0 at SIGTERM, and when its input ends",
    () =>
      Effect.promise(async () => {
        for (const end of ["SIGTERM", "input"] as const) {
          const child = spawn(process.execPath, [commandLine(), "mcp", "--user", "x"], {
            cwd: tmpdir(),
            env: { PATH: process.env.PATH, ALEX_DB_DIR: "memory" },
            stdio: ["pipe", "pipe", "ignore"]
          })
          const clientInfo = { name: "hand", version: "0" }
          const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo }
          child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params })}\n`)
          const [line] = await once(child.stdout, "data")
          assert.deepStrictEqual(Object.keys(JSON.parse(String(line)).result.capabilities), ["tools"])
          const ended = once(child, "close")
          if (end === "SIGTERM") child.kill("SIGTERM")
          else child.stdin.end()
          assert.deepStrictEqual(await ended, [0, null], end)
        }
      }),
    120_000
  )
})

describe("a database that does not answer", () => {
  it.live(
    "does not keep initialize waiting, and calls are answered with when to ask again",
    () =>
      Effect.gen(function* () {
        const address = (yield* silent).address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const { initializedMs, stdout } = yield* talk(
          tmpdir(),
          ["--user", "someone", "--call-seconds", "5"],
          [
            { method: "tools/list" },
            { method: "tools/call", params: { name: "list_accounts", _meta: { progressToken: "mine" } } }
          ],
          {
            ALEX_DB_BACKEND: "postgres",
            DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/x`
          },
          "until answered"
        )
        process.stderr.write(`initialize answered after ${initializedMs} ms, Node's start included\n`)
        const called = stdout
          .split("\n")
          .flatMap(parsed)
          .find(({ id }) => id === 2)
        assert.isTrue(called.result.isError)
        const told = stdout
          .split("\n")
          .flatMap(parsed)
          .filter(({ method }) => method === "notifications/progress")
        assert.isAtLeast(told.length, 1)
        for (const { params } of told) assert.strictEqual(params.progressToken, "mine")
        assert.deepInclude(JSON.parse(called.result.content[0].text), { error: "DatabaseBusy" })
        assert.include(called.result.content[0].text, "Ask again in")
      }).pipe(Effect.scoped),
    120_000
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
const talk = (
  folder: string,
  args: ReadonlyArray<string>,
  requests: ReadonlyArray<object>,
  variables: Readonly<Record<string, string>> = {},
  open: "until sent" | "until answered" = "until sent"
) =>
  Effect.gen(function* () {
    const initialize = {
      method: "initialize",
      params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "hand", version: "0" } }
    }
    const input = [initialize, ...requests].map(
      (request, id) => `${JSON.stringify({ jsonrpc: "2.0", id, ...request })}\n`
    )
    const began = performance.now()
    let initializedMs = 0
    let said = ""
    const answered = yield* Deferred.make<void>()
    const isAnswered = () =>
      said
        .split("\n")
        .slice(0, -1)
        .flatMap(parsed)
        .some(({ id }) => id === requests.length)
    const child = yield* command(folder, args, variables)
    const told = Stream.tap(Stream.decodeText(child.stdout), (text) =>
      Effect.suspend(() => {
        if (initializedMs === 0) initializedMs = Math.round(performance.now() - began)
        said += text
        return open === "until answered" && isAnswered() ? Deferred.succeed(answered, undefined) : Effect.void
      })
    )
    const [exitCode, stdout, stderr] = yield* Effect.all(
      [
        child.exitCode,
        Effect.ensuring(Stream.mkString(told), Deferred.succeed(answered, undefined)),
        Stream.mkString(Stream.decodeText(child.stderr)),
        Effect.ignore(
          Stream.fromIterable(input).pipe(
            // As clients do, which keep the input open while they wait.
            Stream.concat(
              Stream.drain(Stream.fromEffect(open === "until answered" ? Deferred.await(answered) : Effect.void))
            ),
            Stream.encodeText,
            Stream.run(child.stdin)
          )
        )
      ],
      { concurrency: "unbounded" }
    )
    return { exitCode, stdout, stderr, initializedMs }
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
