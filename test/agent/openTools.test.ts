/** The tools by promises, and the documented loops on servers that speak the providers' protocols. */
import { rmSync } from "node:fs"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { afterAll, assert, beforeAll, describe, it, vi } from "vitest"
import { openTools } from "../../src/Agent.ts"
import { ClerkUserId, DbLayer, Jobs, Reset } from "../../src/index.ts"
import { blocksOf, writeBlocks } from "../package/CodeBlocks.ts"

// A limit ends what hangs; a busy machine is no fault.
vi.setConfig({ testTimeout: 300_000 })

type Json = ReturnType<typeof JSON.parse>

const { files, folder } = writeBlocks(blocksOf("docs/agents.md"))
const directory = `${folder}/database`
const user = "test_user_001"

beforeAll(() =>
  Effect.runPromise(
    Reset.reset({ withTestData: true }).pipe(
      Effect.provide(Layer.merge(DbLayer.layerEmbedded({ directory }), NodeServices.layer))
    )
  )
)

afterAll(() => rmSync(folder, { recursive: true }))

const loop = async (name: string): Promise<(user: string, question: string) => Promise<string>> => {
  for (const file of files) {
    const found = (await import(file))[name]
    if (typeof found === "function") return found
  }
  return assert.fail(`docs/agents.md has no ${name}`)
}

/** A server that answers the nth request with the nth answer; what it was sent is kept. */
const scripted = async (answers: ReadonlyArray<(body: Json) => object>) => {
  const requests: Array<{ readonly url: string; readonly headers: IncomingMessage["headers"]; readonly body: Json }> =
    []
  const server = createServer(async (request, response) => {
    const chunks: Array<Buffer> = []
    for await (const chunk of request) chunks.push(chunk)
    const body = JSON.parse(Buffer.concat(chunks).toString())
    const answer = answers[requests.length]?.(body)
    requests.push({ url: request.url ?? "", headers: request.headers, body })
    response.writeHead(answer === undefined ? 500 : 200, { "content-type": "application/json" })
    response.end(JSON.stringify(answer ?? { error: "the script is over" }))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, requests, close: () => server.close() }
}

const withEnvironment = async <A>(variables: Readonly<Record<string, string>>, run: () => Promise<A>): Promise<A> => {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
  vi.stubEnv("ALEX_DB_BACKEND", "embedded")
  vi.stubEnv("ALEX_DB_DIR", directory)
  try {
    return await run()
  } finally {
    vi.unstubAllEnvs()
  }
}

describe("a loop on a provider's API", () => {
  it("of OpenAI's Responses reads, writes, and gets its mistakes back as messages", async () => {
    const call = (id: string, name: string, args: object | string) => ({
      type: "function_call",
      id: `fc_${id}`,
      call_id: id,
      name,
      arguments: typeof args === "string" ? args : JSON.stringify(args)
    })
    const server = await scripted([
      () => ({ output: [{ type: "reasoning", id: "rs_1", summary: [] }, call("1", "list_accounts", "")] }),
      () => ({ output: [call("2", "get_instrument", { symbol: "NOPE" }), call("3", "get_instrument", "{broken")] }),
      () => ({ output: [{ type: "message", content: [{ type: "output_text", text: "You have accounts." }] }] })
    ])
    const environment = { OPENAI_BASE_URL: `${server.url}/v1`, OPENAI_API_KEY: "test-key" }
    const said = await withEnvironment(environment, async () => (await loop("askOpenAi"))(user, "What do I have?"))
    server.close()
    assert.strictEqual(said, "You have accounts.")
    const [first, second, third] = server.requests
    assert.strictEqual(first?.url, "/v1/responses")
    assert.strictEqual(first?.headers.authorization, "Bearer test-key")
    for (const tool of first?.body.tools ?? []) {
      assert.strictEqual(tool.type, "function")
      assert.isObject(tool.parameters.properties)
    }
    assert.include(JSON.stringify(first?.body.tools), "record_report")
    assert.notInclude(JSON.stringify(first?.body.tools), "set_position")
    const outputs = (body: Json) => body.input.filter((item: Json) => item.type === "function_call_output")
    assert.isNotEmpty(JSON.parse(outputs(second?.body)[0].output).accounts)
    assert.deepStrictEqual(
      outputs(third?.body).map((item: Json) => [item.call_id, JSON.parse(item.output).error]),
      [
        ["1", undefined],
        ["2", "InstrumentNotFound"],
        ["3", "InvalidData"]
      ]
    )
  })

  it("of Anthropic's Messages answers every tool_use in one message", async () => {
    const use = (id: string, name: string, input: object) => ({ type: "tool_use", id, name, input })
    const server = await scripted([
      () => ({
        stop_reason: "tool_use",
        content: [{ type: "text", text: "Let me look." }, use("a", "read_portfolio", {}), use("b", "set_position", {})]
      }),
      () => ({ stop_reason: "end_turn", content: [{ type: "text", text: "It is diversified." }] })
    ])
    const environment = { ANTHROPIC_BASE_URL: server.url, ANTHROPIC_API_KEY: "test-key" }
    const said = await withEnvironment(environment, async () => (await loop("askAnthropic"))(user, "How am I?"))
    server.close()
    assert.strictEqual(said, "It is diversified.")
    const [first, second] = server.requests
    assert.strictEqual(first?.url, "/v1/messages")
    for (const tool of first?.body.tools ?? []) assert.strictEqual(tool.input_schema.type, "object")
    const { content, role } = Object(second?.body.messages.at(-1))
    assert.strictEqual(role, "user")
    assert.deepStrictEqual(
      content.map((block: Json) => [block.type, block.tool_use_id, block.is_error]),
      [
        ["tool_result", "a", false],
        ["tool_result", "b", true]
      ]
    )
    assert.isString(JSON.parse(content[0].content).total)
    assert.strictEqual(JSON.parse(content[1].content).error, "NotAllowed")
  })
})

describe("openTools", () => {
  const open = (options: object = {}) => openTools({ user, database: DbLayer.layerEmbedded({ directory }), ...options })

  it("stores the keys of a summary that comes as text as they are, whatever keys were read before", async () => {
    const created = Effect.flatMap(Jobs, (jobs) =>
      jobs.create({ clerk_user_id: ClerkUserId.make(user), job_type: "portfolio_analysis" })
    )
    const job = await Effect.runPromise(Effect.provide(created, DbLayer.layerEmbedded({ directory })))
    const tools = await open({ grants: ["results"] })
    for (const key of ["\\", '"']) {
      const recorded = await tools.call(
        "record_summary",
        `{"job_id":"${job.id}","summary":{"!":1,${JSON.stringify(key)}:2}}`
      )
      assert.isFalse(recorded.isError, recorded.text)
      assert.include((await tools.call("read_job", { job_id: job.id })).text, `"!":1,${JSON.stringify(key)}:2`)
    }
    await tools.close()
  })

  it("answers calls that come at once, on a database that the first of them opens", async () => {
    const tools = await open()
    const names = ["list_accounts", "list_jobs", "read_portfolio"]
    const answers = await Promise.all(names.map((name) => tools.call(name)))
    assert.deepStrictEqual(
      answers.map(({ isError }) => isError),
      [false, false, false]
    )
    for (const { text, value } of answers) assert.deepStrictEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)))
    await tools.close()
  })

  it("takes nothing in each of its forms for the arguments of a tool that needs none, and undefined for a member", async () => {
    const tools = await open()
    const forms = [
      undefined,
      null,
      [],
      "",
      " \n",
      "null",
      "[]",
      '""',
      '"{}"',
      "{}",
      {},
      { limit: undefined },
      { after: null }
    ]
    for (const args of forms) {
      const { text } = await tools.call("list_accounts", args)
      assert.match(text, /^\{"accounts":\[/, String(args))
    }
    assert.include((await tools.call("get_instrument", [])).text, "symbol")
    await tools.close()
  })

  it("reads arguments that are nearly JSON, and says what is wrong with text that has no one meaning", async () => {
    const tools = await open()
    for (const text of [
      '{"symbol": "SPY",}',
      "{'symbol': 'SPY', }",
      '{symbol: "SPY" /* the fund */}',
      '\ufeff{"symbol": "\\u0053PY"}\n',
      '"{\\"symbol\\": \\"SPY\\"}"'
    ]) {
      assert.include((await tools.call("get_instrument", text)).text, '"symbol":"SPY"', text)
    }
    const broken = await tools.call("search_instruments", '{"query": "a\nb", "limit": 1.0,}')
    assert.deepStrictEqual(broken.value, { instruments: [], next: null })
    for (const [text, said] of [
      ['{"symbol": "SPY"', "cut off"],
      ['{"symbol": "SP', "cut off"],
      ['{"symbol": "SPY"}{"symbol": "AGG"}', "more follows"],
      ["{'symbol': 'SPY', 'symbol': 'AGG'}", "comes twice"],
      ["{'limit': 9007199254740993}", "limit has more digits"],
      ['{"limit": 9007199254740993}', "limit has more digits"],
      ["SPY", "not JSON"]
    ] as const) {
      const { isError, text: answer } = await tools.call("get_instrument", text)
      assert.isTrue(isError)
      assert.include(answer, said, text)
    }
    await tools.close()
  })

  it("never rejects a call: unknown tools, wrong arguments, another's job, a missing user and a closed database", async () => {
    const tools = await open({ grants: ["results"] })
    const errorOf = async (name: string, args: unknown) => Object((await tools.call(name, args)).value).error
    assert.strictEqual(await errorOf("drop_table", {}), "InvalidData")
    assert.strictEqual(await errorOf("get_instrument", null), "InvalidData")
    assert.strictEqual(await errorOf("get_instrument", [1]), "InvalidData")
    const itself: { [member: string]: unknown } = { job_id: "x" }
    itself["summary"] = { again: itself }
    const throwing = Object.defineProperty({}, "limit", { enumerable: true, get: () => BigInt("x") })
    for (const args of [itself, { summary: 1n }, 1n, throwing, new Map([[1, 2]]), () => 1, Symbol("x"), "{", "NaN"]) {
      assert.strictEqual(await errorOf("record_summary", args), "InvalidData")
    }
    const job_id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    assert.strictEqual(await errorOf("record_summary", { job_id, summary: {} }), "JobNotFound")
    for (const [summary, named] of [
      ['{"worth": 9007199254740993}', "summary.worth has more digits"],
      ['{"worth": 1, "worth": 2}', "summary.worth comes twice"]
    ] as const) {
      const { text } = await tools.call("record_summary", `{"job_id": "${job_id}", "summary": ${summary}}`)
      assert.include(text, named)
    }
    await tools.close()
    assert.strictEqual(await errorOf("list_accounts", {}), "DatabaseFailed")
    const nobody = await open({ user: "user_nobody" })
    assert.strictEqual(Object((await nobody.call("list_accounts")).value).error, "UserNotFound")
    await nobody.close()
  })

  it("says that a database without tables has to be migrated, and not to try again before", async () => {
    const tools = await open({ database: DbLayer.layerEmbedded({ directory: "memory" }) })
    const { text } = await tools.call("list_accounts")
    assert.match(text, /"DatabaseFailed".*has to run alex-db migrate\. Don't repeat the call/)
    await tools.close()
  })

  it("refuses options that mean nothing, and names each", async () => {
    const refused = async (options: object) => {
      try {
        await open(options)
      } catch (error) {
        return String(Object(error).message)
      }
      return assert.fail("was taken")
    }
    assert.include(await refused({ grants: ["everything"] }), "grants.0")
    assert.include(await refused({ job: "1" }), "job")
    assert.include(await refused({ user: "" }), "user")
    for (const callSeconds of [Number.NaN, 0, -1, Number.POSITIVE_INFINITY, 1e21, "5", null]) {
      assert.include(await refused({ callSeconds }), "callSeconds: ")
    }
    for (const maxResult of [Number.NaN, 0, -1, "x", null]) {
      assert.include(await refused({ maxResult }), "maxResult: ")
    }
    assert.include(await refused({ callSeconds: -1 }), "expected a number from 0.001 to 86400")
    assert.include(await refused({ onCall: "log" }), "onCall: expected a function")
  })

  it("answers the calls that are not finished when they are closed", async () => {
    for (const wait of [0, 20, 200, 400]) {
      const tools = await open({ grants: ["results"] })
      const calls = Array.from({ length: 5 }, () => tools.call("list_accounts"))
      await new Promise((resolve) => setTimeout(resolve, wait))
      await Promise.all([tools.close(), tools.close()])
      for (const { isError, text } of await Promise.all(calls)) {
        assert.isTrue(!isError || text.includes("These tools were closed"), text)
      }
    }
  })

  it("answer a call whose record could not be kept, and a name that is none", async () => {
    const kept: Array<string> = []
    const throwing = ({ tool }: { readonly tool: string }) => {
      kept.push(tool)
      throw new Error("The disk is full")
    }
    for (const onCall of [throwing, async (record: { readonly tool: string }) => throwing(record)]) {
      const tools = await open({ onCall })
      assert.isFalse((await tools.call("list_accounts")).isError)
      for (const name of [null, undefined, 5, {}, Symbol("x"), ""]) {
        // What a program without types passes on.
        const { text } = await tools.call(name as string)
        assert.include(text, "There is no tool of this name")
      }
      await tools.close()
    }
    assert.deepStrictEqual(
      kept.filter((tool) => tool === "list_accounts"),
      ["list_accounts", "list_accounts"]
    )
  })
})
