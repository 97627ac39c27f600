/** Foreign clients list and call every tool, and providers' SDKs take every definition. */
import { execFile } from "node:child_process"
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { payloads } from "../../src/agent/payloads/decodePayload.ts"
import { dialects } from "../../src/agent/schemas/JsonSchemas.ts"
import { toolDefinitions, toolDialects } from "../../src/agent/tools/toolDefinitions.ts"
import { ClerkUserId } from "../../src/domain/index.ts"
import { DbLayer, Jobs, Reset, Users } from "../../src/index.ts"
import { Accounts } from "../../src/repository/index.ts"
import { commandLine } from "../CommandLine.ts"
import { installed } from "../package/installed.ts"

type Json = ReturnType<typeof JSON.parse>

const packages = await installed("agentClients")
const here = fileURLToPath(new URL(".", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "alex-clients-"))
const directory = join(folder, "db")
const user = ClerkUserId.make("test_user_001")

const run = async (script: string, input: object): Promise<Json> => {
  const place = join(packages ?? assert.fail(), script)
  cpSync(join(here, script), place)
  const given = join(folder, "input.json")
  writeFileSync(given, JSON.stringify(input))
  const { stdout } = await promisify(execFile)(process.execPath, [place, given], { maxBuffer: 2 ** 26 })
  return JSON.parse(stdout.slice(stdout.indexOf("{")))
}

const prepare = Effect.gen(function* () {
  yield* Reset.reset({ withTestData: true })
  yield* (yield* Users).findById(user)
  const [account] = yield* (yield* Accounts).forUser(user).list()
  const job = yield* (yield* Jobs).create({ clerk_user_id: user, job_type: "portfolio_analysis" })
  return { account_id: account?.id ?? assert.fail(), job_id: job.id }
})

let made = { account_id: "", job_id: "" }
beforeAll(async () => {
  made = await Effect.runPromise(
    prepare.pipe(Effect.provide(Layer.merge(DbLayer.layerEmbedded({ directory }), NodeServices.layer)))
  )
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const calls = () => {
  const held = { account_id: made.account_id, symbol: "CLNT" }
  const job = { job_id: made.job_id }
  return [
    {
      name: "classify_instrument",
      arguments: {
        symbol: "CLNT",
        name: "Of a client",
        instrument_type: "etf",
        current_price: "450.25",
        allocation_regions: { north_america: 100 },
        allocation_sectors: { technology: 100 },
        allocation_asset_class: { equity: 100 }
      }
    },
    { name: "set_position", arguments: { ...held, quantity: "2" } },
    { name: "add_to_position", arguments: { ...held, quantity: "0.5" } },
    { name: "search_instruments", arguments: { query: "client" } },
    { name: "get_instrument", arguments: { symbol: "CLNT" } },
    { name: "list_unclassified_instruments", arguments: {} },
    { name: "read_portfolio", arguments: {} },
    { name: "list_accounts", arguments: {} },
    { name: "value_account", arguments: { account_id: made.account_id } },
    { name: "close_position", arguments: held },
    { name: "record_report", arguments: { ...job, report: { content: "# R" } } },
    {
      name: "record_charts",
      arguments: { ...job, charts: { a: { title: "A", type: "pie", data: [{ name: "x", value: 1 }] } } }
    },
    { name: "record_retirement", arguments: { ...job, retirement: { analysis: "Fine", success_rate: 90 } } },
    { name: "record_summary", arguments: { ...job, summary: { done: true } } },
    { name: "list_jobs", arguments: {} },
    { name: "read_job", arguments: job }
  ]
}

/** Holds the folder, which a process for each call then need not open. */
const held = DbLayer.layerOf(
  { _tag: "embedded", why: "the clients' folder", directory, database: "alex", durability: "fast" },
  undefined,
  { program: "test" }
)

const marks: Readonly<Record<string, string>> = {
  add_to_position: '"quantity":"2.5"',
  get_instrument: '"current_price":"450.25"',
  read_portfolio: '"total":"',
  close_position: '"quantity":"2.5"',
  read_job: '"report_payload":{"content":"# R"}'
}

const names = toolDefinitions("mcp").map((tool) => String(Reflect.get(tool, "name")))

describe.skipIf(packages === undefined)("a client", () => {
  it.each(["sdk", "inspector", "langchain", "aiSdk", "openaiAgents", "desktop"])(
    "of %s lists and calls every tool, and its model sees what the tools answered",
    async (client) => {
      const asked = Effect.promise(() =>
        run("clients.mjs", {
          client,
          command: process.execPath,
          args: [
            commandLine(),
            ...["mcp", "--user", user, "--allow", "results,positions,instruments,prices", "--call-seconds", "120"]
          ],
          env: { PATH: process.env["PATH"], ALEX_DB_BACKEND: "embedded", ALEX_DB_DIR: directory },
          calls: calls()
        })
      )
      const found = await Effect.runPromise(client === "inspector" ? Effect.provide(asked, held) : asked)
      assert.sameMembers(found.tools, names)
      assert.sameMembers(Object.keys(found.seen), names)
      for (const [name, { isError, text }] of Object.entries<Json>(found.seen)) {
        assert.isFalse(isError, `${name}: ${text}`)
        assert.include(text, marks[name] ?? "{", name)
      }
      if (found.capabilities !== undefined) assert.deepStrictEqual(found.capabilities, ["tools"])
      if (found.portability !== undefined) assert.notMatch(found.portability, /^Error/m)
    },
    600_000
  )
})

const withoutWords = (schema: Json): Json =>
  JSON.parse(JSON.stringify(schema), (_, node) => {
    if (typeof node !== "object" || node === null || Array.isArray(node)) return node
    const { description: _description, pattern: _pattern, type, ...rest } = node
    return rest.enum === undefined ? { ...rest, type } : rest
  })

describe.skipIf(packages === undefined)("a provider's SDK", () => {
  it("takes every definition in its dialect, and sends it unchanged; strict modes find nothing to convert", async () => {
    const definitions = Object.fromEntries(toolDialects.map((dialect) => [dialect, toolDefinitions(dialect)]))
    const schemas = Object.fromEntries(
      dialects.map((dialect) => [
        dialect,
        Object.fromEntries(Object.entries(payloads).map(([kind, of]) => [kind, of(dialect).jsonSchema]))
      ])
    )
    const report = await run("providers.mjs", { definitions, payloads: schemas })
    for (const dialect of toolDialects) {
      assert.deepStrictEqual(report[dialect].tools, JSON.parse(JSON.stringify(definitions[dialect])), dialect)
    }
    assert.sameMembers(report.agents, names)
    assert.deepStrictEqual(report.openai.strict, JSON.parse(JSON.stringify(schemas["openai"])))
    // Anthropic's SDK says patterns in words, and leaves out the type of an enum; nothing else is changed.
    assert.deepStrictEqual(withoutWords(report.anthropic.transformed), withoutWords(schemas["anthropic"]))
  }, 120_000)
})
