/** Arguments as models really send them: understood where they have one meaning, refused with the path otherwise. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { SqlClient } from "effect/sql"
import { vi } from "vitest"
import { unwrapped } from "../../src/agent/calls/accepted.ts"
import * as ToolCalls from "../../src/agent/calls/ToolCalls.ts"
import { grants } from "../../src/agent/tools/Grants.ts"
import { toolsFor } from "../../src/agent/tools/Tools.ts"
import * as UserTools from "../../src/agent/tools/UserTools.ts"
import type { Repositories } from "../../src/DbLayer.ts"
import { embedded } from "../repository/TestRepositories.ts"
import { person } from "./People.ts"

// A limit ends what hangs; a busy machine is no fault.
vi.setConfig({ testTimeout: 300_000 })

type Json = ReturnType<typeof JSON.parse>

const opened = Effect.fnUntraced(function* (name: string) {
  const one = yield* person(name)
  const context = yield* Effect.context<Repositories | SqlClient.SqlClient>()
  const granted = new Set(grants)
  const handlers = UserTools.layer({ user: one.user, granted }).pipe(Layer.provide(Layer.succeedContext(context)))
  const call = yield* ToolCalls.make(handlers, { granted, budget: "5 minutes" })
  return {
    ...one,
    call: (tool: string, args: unknown): Effect.Effect<Json> =>
      Effect.map(call(tool, args), ({ value }) => JSON.parse(JSON.stringify(value)))
  }
})

const chart = { title: "Classes", type: "pie", data: [{ name: "Equity", value: 60 }] }

layer(embedded)("a tool", (it) => {
  it.effect("takes a result however deep in it models send null, text for numbers, and JSON as text", () =>
    Effect.gen(function* () {
      const { call, job } = yield* opened("deep")
      const sent: ReadonlyArray<readonly [tool: string, part: string, given: unknown, stored: unknown]> = [
        ["record_charts", "charts", { a: { ...chart, description: null } }, { a: chart }],
        ["record_charts", "charts", { a: { ...chart, data: [{ ...chart.data[0], color: null }] } }, { a: chart }],
        ["record_charts", "charts", { a: { ...chart, data: [{ name: "Equity", value: "60%" }] } }, { a: chart }],
        ["record_charts", "charts", { a: { ...chart, data: { name: "Equity", value: "$60" } } }, { a: chart }],
        ["record_charts", "charts", { a: { ...chart, type: "Pie" } }, { a: chart }],
        [
          "record_charts",
          "charts",
          { a: { ...chart, type: "Horizontal Bar" } },
          { a: { ...chart, type: "horizontalBar" } }
        ],
        ["record_charts", "charts", JSON.stringify({ a: chart }), { a: chart }],
        ["record_report", "report", { content: "# R", generated_at: null, agent: "" }, { content: "# R" }],
        [
          "record_report",
          "report",
          { content: "null", generated_at: "null", agent: "None" },
          { content: "null", agent: "None" }
        ],
        ["record_report", "report", '{"content": "# R"}', { content: "# R" }],
        ["record_report", "report", [{ content: "# R" }], { content: "# R" }],
        [
          "record_retirement",
          "retirement",
          { analysis: "x", success_rate: "87.5 %", projected_income: "$1,250,000" },
          { analysis: "x", success_rate: 87.5, projected_income: "1250000" }
        ],
        [
          "record_retirement",
          "retirement",
          { analysis: "x", success_rate: "", projected_income: 10.5 },
          { analysis: "x", projected_income: "10.5" }
        ],
        ["record_summary", "summary", '{"a": {"b": null}}', { a: { b: null } }],
        [
          "record_summary",
          "summary",
          { constructor: null, toString: "", a: "" },
          { constructor: null, toString: "", a: "" }
        ],
        ["record_summary", "summary", JSON.parse('{"__proto__": null}'), JSON.parse('{"__proto__": null}')]
      ]
      for (const [tool, part, given, stored] of sent) {
        const answer = yield* call(tool, { job_id: job, [part]: given })
        assert.notProperty(answer, "error", `${JSON.stringify(given)}: ${answer.message}`)
        const read = yield* call("read_job", { job_id: job, include: [part] })
        assert.strictEqual(
          JSON.stringify(read[`${part}_payload`], sortedNames(stored)),
          JSON.stringify(stored, sortedNames(stored))
        )
      }
    })
  )

  it.effect("understands words, flags, lists and empty text in the forms that models give them", () =>
    Effect.gen(function* () {
      const { account, call, job } = yield* opened("forms")
      const read = (args: object) => call("read_job", { job_id: job, ...args })
      for (const include of ["report", "Report", '["report"]', ["REPORT"]]) {
        const { charts_payload, report_payload } = yield* read({ include })
        assert.deepStrictEqual([charts_payload, report_payload], [null, { content: "Report mark-of-forms." }])
      }
      for (const args of [
        { status: "Pending" },
        { status: "", after: "", limit: "" },
        { status: "None", after: "null", limit: "undefined" },
        null,
        {},
        '{"limit": "1"}'
      ]) {
        assert.lengthOf((yield* call("list_jobs", args)).jobs, 1, JSON.stringify(args))
      }
      const bought = { account_id: account, symbol: "spy", quantity: 8 }
      for (const preview of [true, "true", "True", "TRUE"]) {
        assert.property(yield* call("set_position", { ...bought, preview }), "preview")
      }
      assert.strictEqual((yield* call("value_account", { account_id: account })).shares, "7")
      for (const name of ["accountId", "AccountID", "account-id", "Account ID", "ACCOUNT_ID"]) {
        assert.strictEqual((yield* call("value_account", { [name]: account })).shares, "7", name)
      }
      const set = yield* call("set_position", { ...bought, quantity: "1,008.5", preview: "false", as_of_date: "" })
      assert.deepInclude(set, { symbol: "SPY", quantity: "1008.5" })
    })
  )

  it.effect("takes a symbol and an id with blanks around them, and an id in braces", () =>
    Effect.gen(function* () {
      const { account, call } = yield* opened("blanks")
      for (const symbol of [" SPY ", "spy\n", "\tSpy", "\u00a0SPY"]) {
        assert.deepInclude(yield* call("get_instrument", { symbol }), { symbol: "SPY" }, JSON.stringify(symbol))
      }
      for (const account_id of [` ${account}`, `{${account}}`, ` {${account.toUpperCase()}}\n`]) {
        assert.strictEqual((yield* call("value_account", { account_id })).shares, "7", account_id)
      }
      for (const account_id of [`{${account}`, `{{${account}}}`, `account ${account}`, `${account} ${account}`]) {
        const { error, message } = yield* call("value_account", { account_id })
        assert.deepStrictEqual([error, message.includes("account_id")], ["InvalidData", true], account_id)
      }
      for (const symbol of ["S PY", "ＳＰＹ", "SPY\u200b", " "]) {
        assert.match((yield* call("get_instrument", { symbol })).error, /^(InvalidData|InstrumentNotFound)$/, symbol)
      }
    })
  )

  it.effect(
    "is called by its name with a namespace or in another spelling, and within the form of a call or a schema",
    () =>
      Effect.gen(function* () {
        const { call } = yield* opened("wrapped")
        const symbol = "SPY"
        const sent: ReadonlyArray<readonly [name: string, args: unknown]> = [
          ["functions.get_instrument", { symbol }],
          ["default_api:get_instrument", { symbol }],
          ["mcp__alex__get_instrument", { symbol }],
          ["getInstrument", { symbol }],
          ["Get-Instrument", { symbol }],
          ["get_instrument", { arguments: { symbol } }],
          ["get_instrument", { parameters: '{"symbol": "SPY"}' }],
          ["get_instrument", { type: "function", name: "get_instrument", arguments: { symbol } }],
          ["get_instrument", { type: "object", properties: { symbol }, required: ["symbol"] }]
        ]
        for (const [name, args] of sent) assert.deepInclude(yield* call(name, args), { symbol }, JSON.stringify(args))
        const refused: ReadonlyArray<readonly [name: string, args: unknown]> = [
          ["instrument", { symbol }],
          ["get_instrument.x", { symbol }],
          ["", { symbol }],
          // Of another tool, beside another argument, or twice.
          ["get_instrument", { name: "search_instruments", arguments: { symbol } }],
          ["get_instrument", { symbol, arguments: {} }],
          ["get_instrument", { arguments: { symbol }, parameters: { symbol } }],
          ["get_instrument", { arguments: [{ symbol }] }],
          ["get_instrument", { properties: { symbol: { type: "string" } } }]
        ]
        for (const [name, args] of refused) {
          assert.strictEqual((yield* call(name, args)).error, "InvalidData", JSON.stringify([name, args]))
        }
      })
  )

  it.effect("has no argument of a name that a model puts around all of them", () =>
    Effect.sync(() => {
      const schemas = toolsFor(new Set(grants)).map((tool) =>
        Object.keys(Object(ToolCalls.argumentsOf(tool)).properties)
      )
      const inner = { a: 1 }
      for (const name of schemas.flat()) assert.notStrictEqual(unwrapped("", { [name]: inner }), inner, name)
    })
  )

  it.effect("says of a preview that is too large that nothing was changed", () =>
    Effect.gen(function* () {
      const { call, job } = yield* opened("large")
      const report = { content: "x".repeat(70_000) }
      const shown = yield* call("record_report", { job_id: job, report, preview: true })
      assert.strictEqual(shown.error, "TooLarge")
      assert.include(shown.message, "Nothing was changed")
      const read = () => call("read_job", { job_id: job, include: ["report"], from: 0 })
      assert.notInclude((yield* read()).excerpt.text, "xxx")
      assert.notProperty(yield* call("record_report", { job_id: job, report }), "error")
      assert.include((yield* read()).excerpt.text, "xxx")
    })
  )

  it.effect("refuses what could mean something else, names where it is, and writes nothing", () =>
    Effect.gen(function* () {
      const { account, call, job } = yield* opened("refused")
      const bought = { account_id: account, symbol: "SPY", quantity: "8" }
      const report = { content: "# R" }
      const deep = `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`
      const sent: ReadonlyArray<readonly [tool: string, args: unknown, named: string]> = [
        // An amount of dollars and a share of the portfolio are no numbers of shares.
        ["set_position", { ...bought, quantity: "$5,000" }, "quantity"],
        ["set_position", { ...bought, quantity: "50%" }, "quantity"],
        ["set_position", { ...bought, quantity: "1,234" }, "quantity"],
        ["set_position", { ...bought, quantity: "N/A" }, "quantity"],
        ["set_position", { ...bought, quantity: "" }, "quantity"],
        ["set_position", { ...bought, symbol: " 5 %" }, "symbol"],
        // An empty flag may mean no.
        ["set_position", { ...bought, preview: "" }, "preview"],
        ["set_position", { ...bought, preview: 1 }, "preview"],
        ["set_position", { ...bought, preview: "None" }, "preview"],
        ["set_position", { ...bought, quantity: "null" }, "quantity"],
        ["read_job", { job_id: job, include: "None" }, "include"],
        ["set_position", { ...bought, as_of_date: "02/28/2026" }, "as_of_date"],
        [
          "record_retirement",
          { job_id: job, retirement: { analysis: "x", projected_income: "80%" } },
          "projected_income"
        ],
        ["record_retirement", { job_id: job, retirement: { analysis: "x", success_rate: "$80" } }, "success_rate"],
        ["record_charts", { job_id: job, charts: { a: { ...chart, legend: true } } }, "legend"],
        ["record_charts", { job_id: job, charts: [{ key: "a", ...chart }] }, "charts"],
        ["record_summary", { job_id: job, summary: deep }, "summary"],
        // Read as JSON, these would be another number, and the second member alone.
        ["record_summary", { job_id: job, summary: '{"a": 9007199254740993}' }, "summary"],
        ["record_summary", { job_id: job, summary: '{"a": 1, "a": 2}' }, "summary"],
        ["record_report", { job_id: job, report: "# R" }, "report"],
        ["record_report", { job_id: job, report: [report, report] }, "report"],
        ["record_report", { job_id: job, report, constructor: null }, "constructor"],
        // Of two spellings of one name, neither is the one that is meant.
        ["set_position", { ...bought, Quantity: "9" }, "Quantity"],
        ["set_position", { accountId: account, AccountId: account, symbol: "SPY", quantity: "8" }, "account_id"],
        ["read_job", { job_id: job, include: "report,charts" }, "include"],
        ["search_instruments", { query: "a\u0000" }, "query"],
        ["search_instruments", { query: "\ud800" }, "query"],
        ["search_instruments", { query: "a", after: "9007199254740991" }, "after"],
        ["search_instruments", { query: "a", after: "1e2" }, "after"],
        [deep, {}, "tool"],
        // As a symbol it would be 1E+21, which nobody has written.
        ["get_instrument", { symbol: 1e21 }, "symbol"],
        ["list_accounts", deep, ""]
      ]
      for (const [tool, args, named] of sent) {
        const answer = yield* call(tool, args)
        assert.strictEqual(answer.error, "InvalidData", `${JSON.stringify(args).slice(0, 100)}: ${answer.message}`)
        assert.include(answer.message, named)
      }
      assert.strictEqual((yield* call("value_account", { account_id: account })).shares, "7")
      const { charts_payload, report_payload, retirement_payload, summary_payload } = yield* call("read_job", {
        job_id: job
      })
      assert.deepStrictEqual(report_payload, { content: "Report mark-of-refused." })
      assert.deepStrictEqual([charts_payload, retirement_payload, summary_payload], [null, null, null])
    })
  )
})

/** The names of all members, in one order: `jsonb` has an order of its own. */
const sortedNames = (value: unknown): Array<string> => {
  const names = new Set<string>()
  JSON.stringify(value, (name, one) => {
    names.add(name)
    return one
  })
  return [...names].sort()
}
