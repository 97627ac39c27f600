import { assert, it, layer } from "@effect/vitest"
import { BigDecimal, Effect, Layer, Stream } from "effect"
import { Tool } from "effect/ai"
import { SqlClient } from "effect/sql"
import * as ToolCalls from "../../src/agent/calls/ToolCalls.ts"
import { BoundJob, type Grant, Granted, grants } from "../../src/agent/tools/Grants.ts"
import { ReadTools } from "../../src/agent/tools/readTools.ts"
import { layer as layerHandlers } from "../../src/agent/tools/ToolHandlers.ts"
import { Tools, toolsFor } from "../../src/agent/tools/Tools.ts"
import { CurrentUser } from "../../src/agent/tools/toolParts.ts"
import * as UserTools from "../../src/agent/tools/UserTools.ts"
import type { Repositories as Repos } from "../../src/DbLayer.ts"
import { DataApi } from "../../src/data-api/DataApi.ts"
import { DataApiError, ServiceUnavailable } from "../../src/data-api/DataApiError.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { strict } from "../../src/domain/Allocation.ts"
import { InstrumentSymbol } from "../../src/domain/Instrument.ts"
import { JobId } from "../../src/domain/Job.ts"
import { ClerkUserId } from "../../src/domain/User.ts"
import * as Repositories from "../../src/repository/index.ts"
import { embedded } from "../repository/TestRepositories.ts"

const alice = ClerkUserId.make("user_alice")
const bob = ClerkUserId.make("user_bob")

/** Calls tools as a model does: parameters and answers are JSON. */
const as = (user: ClerkUserId, granted: boolean | ReadonlyArray<Grant>, job?: string) => {
  const handlers = layerHandlers.pipe(
    Layer.provide(Layer.succeed(CurrentUser, user)),
    Layer.provide(Layer.succeed(Granted, new Set(granted === true ? grants : granted || []))),
    Layer.provide(Layer.succeed(BoundJob, job === undefined ? undefined : JobId.make(job)))
  )
  return (tool: keyof typeof Tools.tools, parameters: unknown = {}) =>
    Effect.gen(function* () {
      const toolkit = yield* Tools
      const json = JSON.parse(JSON.stringify(parameters))
      const results = yield* Stream.runCollect(Stream.unwrap(toolkit.handle(tool, json, undefined, strict)))
      const { encodedResult, isFailure } = results[0] ?? assert.fail(`${tool} gave no answer`)
      const answer = JSON.parse(JSON.stringify(encodedResult))
      return { isFailure, answer }
    }).pipe(Effect.provide(handlers))
}

const spy = {
  symbol: "SPY",
  name: "SPDR S&P 500 ETF Trust",
  instrument_type: "etf",
  current_price: "450.25",
  allocation_regions: { north_america: 100 },
  allocation_sectors: { technology: 60, healthcare: 40 },
  allocation_asset_class: { equity: 100 }
}

const people = Effect.gen(function* () {
  const users = yield* Repositories.Users
  const accounts = yield* Repositories.Accounts
  const jobs = yield* Repositories.Jobs
  const found = yield* Effect.forEach([alice, bob], (user) =>
    Effect.gen(function* () {
      yield* users.getOrCreate({ clerk_user_id: user })
      const cash_balance = BigDecimal.fromStringUnsafe("0.10")
      const account = yield* accounts.create({ clerk_user_id: user, account_name: "Savings", cash_balance })
      const job = yield* jobs.create({
        clerk_user_id: user,
        job_type: "portfolio_analysis",
        request_payload: { years: 5 }
      })
      return { account: account.id, job: job.id }
    })
  )
  return { alices: found[0] ?? assert.fail(), bobs: found[1] ?? assert.fail() }
})

layer(embedded)("the tools", (it) => {
  it.effect("a position that an agent sets and adds to is in the portfolio, with totals exact to the last digit", () =>
    Effect.gen(function* () {
      const { alices } = yield* people
      const call = as(alice, true)
      const classified = yield* call("classify_instrument", spy)
      assert.deepStrictEqual(classified.answer, { symbol: "SPY", outcome: "inserted" })
      const position = { account_id: alices.account, symbol: "SPY", quantity: "0.1", as_of_date: "2026-02-28" }
      yield* call("set_position", position)
      const added = yield* call("add_to_position", { ...position, quantity: "0.2" })
      assert.strictEqual(added.answer["quantity"], "0.3")

      const { answer } = yield* call("read_portfolio")
      assert.strictEqual(answer["market_value"], "135.075")
      assert.strictEqual(answer["cash"], "0.1")
      assert.strictEqual(answer["total"], "135.175")
      assert.deepStrictEqual(answer["sectors"].by_name, { technology: "81.045", healthcare: "54.03" })
      assert.deepStrictEqual(answer["positions"], [{ ...position, quantity: "0.3" }])
      assert.strictEqual(answer["user"].target_retirement_income, "60000")
      assert.isNotEmpty(answer["asset_class_drift"])

      const value = yield* call("value_account", { account_id: alices.account })
      assert.deepStrictEqual(value.answer, { positions: 1, shares: "0.3", market_value: "135.075" })
    })
  )

  it.effect("shares that a repeated call would add again are refused, if it says how many were held", () =>
    Effect.gen(function* () {
      const { alices, bobs } = yield* people
      const call = as(alice, true)
      yield* call("classify_instrument", { ...spy, symbol: "ADDED" })
      const args = { account_id: alices.account, symbol: "added", quantity: "1.5", expected_quantity: "0" }
      const preview = yield* call("add_to_position", { ...args, preview: true })
      assert.deepInclude(preview.answer.preview, { before: null })
      const calls = Array.from({ length: 5 }, () => call("add_to_position", args))
      const answers = yield* Effect.all(calls, { concurrency: "unbounded" })
      assert.deepStrictEqual(
        answers.filter(({ isFailure }) => !isFailure).map(({ answer }) => answer.quantity),
        ["1.5"]
      )
      for (const preview of [false, true]) {
        const { answer } = yield* call("add_to_position", { ...args, preview })
        assert.strictEqual(answer.error, "PositionChanged")
        assert.include(answer.message, "held 1.5 shares of ADDED, and not 0: nothing was added.")
      }
      assert.isTrue((yield* call("add_to_position", { ...args, expected_quantity: "-3" })).isFailure)
      for (const [expected_quantity, error] of [
        ["1.5000", undefined],
        ["2.99999999", "PositionChanged"]
      ] as const) {
        const { answer } = yield* call("add_to_position", { ...args, expected_quantity })
        assert.strictEqual(answer.error, error, expected_quantity)
      }
      const others = yield* call("add_to_position", { ...args, account_id: bobs.account })
      assert.strictEqual(others.answer.error, "AccountNotFound")
      const closed = yield* call("close_position", { account_id: alices.account, symbol: "ADDED" })
      assert.strictEqual(closed.answer.quantity, "3")
      const gone = yield* call("add_to_position", { ...args, expected_quantity: "3" })
      assert.include(gone.answer.message, "held 0 shares")
      const none = yield* call("close_position", { account_id: alices.account, symbol: "ADDED" })
      assert.strictEqual(none.answer.error, "PositionNotFound")
      yield* Repositories.Instruments.use((instruments) => instruments.delete(InstrumentSymbol.make("ADDED")))
    })
  )

  it.effect("instruments are found by part of their name, by symbol, and for lack of an allocation", () =>
    Effect.gen(function* () {
      const call = as(alice, true)
      yield* call("classify_instrument", spy)
      const found = yield* call("search_instruments", { query: "s&p" })
      assert.deepStrictEqual(
        found.answer["instruments"].map((one: typeof spy) => one.symbol),
        ["SPY"]
      )
      const { answer } = yield* call("get_instrument", { symbol: "SPY" })
      assert.strictEqual(answer["current_price"], "450.25")
      assert.match(answer["updated_at"], /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/)
      assert.deepStrictEqual((yield* call("list_unclassified_instruments")).answer, {
        instruments: [],
        next: null
      })
    })
  )

  it.effect("results that agents record can be read back from the job", () =>
    Effect.gen(function* () {
      const { alices } = yield* people
      const call = as(alice, true)
      const report = { content: "## Summary", agent: "reporter" }
      const charts = { classes: { title: "Classes", type: "pie", data: [{ name: "Equity", value: 60 }] } }
      const retirement = { analysis: "On track", projected_income: "60000.5" }
      const summary = { status: "done", steps: [1, null] }
      yield* call("record_report", { job_id: alices.job, report })
      yield* call("record_charts", { job_id: alices.job, charts })
      yield* call("record_retirement", { job_id: alices.job, retirement })
      const recorded = yield* call("record_summary", { job_id: alices.job, summary })
      assert.strictEqual(recorded.answer["status"], "pending")
      const { answer } = yield* call("read_job", { job_id: alices.job })
      assert.deepStrictEqual(answer["request_payload"], { years: 5 })
      assert.deepStrictEqual(
        [answer["report_payload"], answer["charts_payload"], answer["retirement_payload"], answer["summary_payload"]],
        [report, charts, retirement, summary]
      )
      const page = yield* call("list_jobs", { status: "pending", limit: 1 })
      assert.deepStrictEqual(
        page.answer["jobs"].map((one: { id: string }) => one.id),
        [alices.job]
      )
      const next = yield* call("list_jobs", { after: page.answer["next"] })
      assert.notInclude(
        next.answer["jobs"].map((one: { id: string }) => one.id),
        alices.job
      )
    })
  )

  it.effect("a failure has a name and words that say what to do", () =>
    Effect.gen(function* () {
      const { alices } = yield* people
      const call = as(alice, true)
      assert.deepStrictEqual(yield* call("get_instrument", { symbol: "NOPE" }), {
        isFailure: true,
        answer: { error: "InstrumentNotFound", message: "There is no instrument NOPE. Register it first." }
      })
      const unknown = { account_id: alices.account, symbol: "NOPE", quantity: "1" }
      assert.strictEqual((yield* call("set_position", unknown)).answer["error"], "InstrumentNotFound")
    })
  )

  it.effect("parameters that break a rule are answered with the rule and the field's path", () =>
    Effect.gen(function* () {
      const { alices } = yield* people
      const call = as(alice, true)
      const told = (tool: keyof typeof Tools.tools, parameters: unknown) =>
        Effect.map(call(tool, parameters), ({ answer, isFailure }) => `${isFailure} ${JSON.stringify(answer)}`)
      const uneven = { ...spy, allocation_regions: { north_america: 50 } }
      assert.include(yield* told("classify_instrument", uneven), "sum to 100 (within 0.05), found a sum of 50")
      const mars = { ...spy, allocation_regions: { north_america: 100, mars: 1 } }
      assert.include(yield* told("classify_instrument", mars), "unknown region")
      const none = { account_id: alices.account, symbol: "SPY", quantity: "0" }
      assert.include(yield* told("set_position", none), "more than 0")
      const number = { account_id: alices.account, symbol: "SPY", quantity: 1.5 }
      assert.include(yield* told("add_to_position", number), "quantity")
      assert.include(yield* told("value_account", { account_id: "' OR 1=1" }), "a UUID like")
    })
  )

  it.effect("another person's accounts and jobs are not found by any tool, and nothing of theirs changes", () =>
    Effect.gen(function* () {
      const { bobs } = yield* people
      yield* as(alice, true)("classify_instrument", spy)
      const call = as(alice, true)
      const position = { account_id: bobs.account, symbol: "SPY", quantity: "1" }
      const before = yield* as(bob, false)("read_portfolio")
      const foreign: ReadonlyArray<readonly [keyof typeof Tools.tools, unknown, string]> = [
        ["value_account", { account_id: bobs.account }, "AccountNotFound"],
        ["set_position", position, "AccountNotFound"],
        ["add_to_position", position, "AccountNotFound"],
        ["close_position", { account_id: bobs.account, symbol: "SPY" }, "AccountNotFound"],
        ["read_job", { job_id: bobs.job }, "JobNotFound"],
        ["record_report", { job_id: bobs.job, report: { content: "x" } }, "JobNotFound"],
        ["record_charts", { job_id: bobs.job, charts: {} }, "JobNotFound"],
        ["record_retirement", { job_id: bobs.job, retirement: { analysis: "x" } }, "JobNotFound"],
        ["record_summary", { job_id: bobs.job, summary: {} }, "JobNotFound"]
      ]
      for (const [tool, parameters, error] of foreign) {
        assert.strictEqual((yield* call(tool, parameters)).answer["error"], error, tool)
      }
      const withIds = Object.values(Tools.tools)
        .filter((tool) => /"(account|job)_id"/.test(JSON.stringify(Tool.getJsonSchema(tool))))
        .map((tool) => tool.name)
      assert.sameMembers(
        withIds,
        foreign.map(([tool]) => tool)
      )
      for (const tool of ["list_accounts", "list_jobs", "read_portfolio"] as const) {
        const text = JSON.stringify((yield* call(tool)).answer)
        assert.notInclude(text, bobs.account)
        assert.notInclude(text, bobs.job)
      }
      assert.deepStrictEqual(yield* as(bob, false)("read_portfolio"), before)
    })
  )

  it.effect("without permission every writing tool refuses, and reading goes on", () =>
    Effect.gen(function* () {
      const { alices } = yield* people
      const call = as(alice, false)
      const position = { account_id: alices.account, symbol: "SPY", quantity: "9" }
      const parameters: Record<Exclude<keyof typeof Tools.tools, keyof typeof ReadTools.tools>, unknown> = {
        classify_instrument: { ...spy, name: "Another name" },
        set_position: position,
        add_to_position: position,
        close_position: { account_id: alices.account, symbol: "SPY" },
        record_report: { job_id: alices.job, report: { content: "x" } },
        record_charts: { job_id: alices.job, charts: {} },
        record_retirement: { job_id: alices.job, retirement: { analysis: "x" } },
        record_summary: { job_id: alices.job, summary: {} }
      }
      const before = yield* call("read_job", { job_id: alices.job })
      const tools = ["classify_instrument", "set_position", "add_to_position", "close_position"] as const
      const results = ["record_report", "record_charts", "record_retirement", "record_summary"] as const
      assert.sameMembers([...tools, ...results, ...Object.keys(ReadTools.tools)], Object.keys(Tools.tools))
      for (const tool of [...tools, ...results]) {
        assert.strictEqual((yield* call(tool, parameters[tool])).answer["error"], "NotAllowed", tool)
      }
      assert.deepStrictEqual(yield* call("read_job", { job_id: alices.job }), before)
      assert.notInclude(Object.keys(ReadTools.tools), "set_position")
    })
  )

  it.effect("a grant allows its own tools and no others", () =>
    Effect.gen(function* () {
      const { alices } = yield* people
      yield* as(alice, true)("classify_instrument", { ...spy, symbol: "GRANT" })
      const position = { account_id: alices.account, symbol: "GRANT", quantity: "1" }
      const calls: Readonly<Record<Exclude<Grant, "prices">, readonly [keyof typeof Tools.tools, unknown]>> = {
        results: ["record_report", { job_id: alices.job, report: { content: "x" } }],
        positions: ["set_position", position],
        instruments: ["classify_instrument", { ...spy, symbol: "OTHER" }]
      }
      for (const granted of grants) {
        for (const [grant, [tool, parameters]] of Object.entries(calls)) {
          const { answer, isFailure } = yield* as(alice, [granted])(tool, parameters)
          assert.strictEqual(isFailure, grant !== granted, `${granted}: ${tool}: ${JSON.stringify(answer)}`)
        }
        const { length } = toolsFor(new Set([granted]))
        assert.strictEqual(length, 8 + { results: 4, positions: 3, instruments: 1, prices: 0 }[granted])
      }
    })
  )

  it.effect("gaps of an instrument are filled in, but its name and price change only where prices are allowed", () =>
    Effect.gen(function* () {
      const fill = as(alice, ["instruments"])
      const { current_price: _, ...unpriced } = { ...spy, symbol: "GAP" }
      assert.strictEqual((yield* fill("classify_instrument", unpriced)).answer.outcome, "inserted")
      assert.strictEqual(
        (yield* fill("classify_instrument", { ...unpriced, current_price: "10" })).answer.outcome,
        "updated"
      )
      for (const change of [{ current_price: "11" }, { name: "Another" }]) {
        const { answer } = yield* fill("classify_instrument", { ...unpriced, current_price: "10.00", ...change })
        assert.strictEqual(answer.error, "NotAllowed")
        assert.match(answer.message, /name "SPDR S&P 500 ETF Trust" and price "10"\. .* all users see it/)
      }
      const change = as(alice, ["instruments", "prices"])
      assert.strictEqual(
        (yield* change("classify_instrument", { ...unpriced, current_price: "11" })).answer.outcome,
        "updated"
      )
    })
  )

  it.effect(
    "an instrument that another program stored in small letters is meant by the symbol that the tools list",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { alices } = yield* people
        const call = as(alice, true)
        const symbol = "tiny-usd"
        yield* sql`INSERT INTO instruments (symbol, name) VALUES (${symbol}::varchar, 'Of another program')`
        const held = { account_id: alices.account, symbol, quantity: "2" }
        assert.strictEqual((yield* call("set_position", held)).answer.symbol, symbol)
        assert.strictEqual((yield* call("add_to_position", held)).answer.quantity, "4")
        const listed = Effect.map(call("list_unclassified_instruments"), ({ answer }) =>
          JSON.stringify(answer.instruments)
        )
        assert.include(yield* listed, symbol)
        const { answer } = yield* call("classify_instrument", { ...spy, symbol, name: "Of another program" })
        assert.deepStrictEqual(answer, { symbol, outcome: "updated" })
        assert.notInclude(yield* listed, symbol)
        assert.strictEqual((yield* call("get_instrument", { symbol })).answer.instrument_type, "etf")
        assert.isTrue((yield* call("get_instrument", { symbol: symbol.toUpperCase() })).isFailure)
        assert.strictEqual((yield* call("close_position", { account_id: alices.account, symbol })).answer.quantity, "4")
        yield* sql`DELETE FROM instruments WHERE symbol = ${symbol}::varchar`
      })
  )

  it.effect("results of an ended job stay, and a bound session records those of its job alone", () =>
    Effect.gen(function* () {
      const { alices } = yield* people
      const jobs = (yield* Repositories.Jobs).forUser(alice)
      const other = yield* jobs.create({ job_type: "portfolio_analysis" })
      const report = { content: "first" }
      const bound = as(alice, ["results"], alices.job)
      assert.strictEqual((yield* bound("record_report", { job_id: other.id, report })).answer.error, "NotAllowed")
      assert.isFalse((yield* bound("record_report", { job_id: alices.job, report })).isFailure)
      assert.isFalse((yield* bound("record_report", { job_id: alices.job.toUpperCase(), report })).isFailure)
      assert.isFalse(
        (yield* as(alice, ["results"], alices.job.toUpperCase())("record_report", { job_id: alices.job, report }))
          .isFailure
      )
      yield* jobs.cancel(alices.job)
      const again = yield* bound("record_report", { job_id: alices.job, report: { content: "second" } })
      assert.strictEqual(again.answer.error, "JobEnded")
      assert.strictEqual((yield* bound("read_job", { job_id: alices.job })).answer.report_payload.content, "first")
    })
  )

  it.effect("a preview answers before and after as the write would, and changes nothing", () =>
    Effect.gen(function* () {
      const { alices } = yield* people
      const call = as(alice, true)
      const known = { ...spy, symbol: "SEEN" }
      const preview = true
      const unborn = yield* call("classify_instrument", { ...known, preview })
      assert.strictEqual(unborn.answer.outcome, "inserted")
      assert.isNull(unborn.answer.preview.before)
      assert.strictEqual(unborn.answer.preview.after.name, spy.name)
      assert.strictEqual((yield* call("get_instrument", { symbol: "SEEN" })).answer.error, "InstrumentNotFound")

      yield* call("classify_instrument", known)
      const priced = yield* call("classify_instrument", { ...known, current_price: "451", preview })
      assert.strictEqual(priced.answer.outcome, "updated")
      assert.strictEqual(priced.answer.preview.before.current_price, "450.25")
      assert.strictEqual(priced.answer.preview.after.current_price, "451")

      const held = { account_id: alices.account, symbol: "SEEN" }
      const opened = yield* call("set_position", { ...held, quantity: "2", preview })
      assert.isNull(opened.answer.preview.before)
      assert.strictEqual(opened.answer.preview.after.quantity, "2")
      assert.strictEqual((yield* call("close_position", held)).answer.error, "PositionNotFound")
      yield* call("set_position", { ...held, quantity: "2" })
      const more = yield* call("add_to_position", { ...held, quantity: "0.5", preview })
      assert.deepStrictEqual(
        [more.answer.preview.before.quantity, more.answer.preview.after.quantity, more.answer.quantity],
        ["2", "2.5", "2.5"]
      )
      const closed = yield* call("close_position", { ...held, preview })
      assert.deepStrictEqual([closed.answer.preview.before.quantity, closed.answer.preview.after], ["2", null])

      const writes: ReadonlyArray<readonly [keyof typeof Tools.tools, object, unknown]> = [
        ["record_report", { report: { content: "x" } }, { content: "x" }],
        ["record_charts", { charts: {} }, {}],
        [
          "record_retirement",
          { retirement: { analysis: "x", projected_value: "1.50" } },
          { analysis: "x", projected_value: "1.5" }
        ],
        ["record_summary", { summary: { a: [1, null] } }, { a: [1, null] }]
      ]
      for (const [tool, payload, after] of writes) {
        const { answer, isFailure } = yield* call(tool, { job_id: alices.job, ...payload, preview })
        assert.isFalse(isFailure, JSON.stringify(answer))
        assert.deepStrictEqual(answer.preview, { before: null, after }, tool)
      }
      const { answer } = yield* call("read_job", { job_id: alices.job })
      for (const [tool] of writes) assert.isNull(answer[`${tool.replace("record_", "")}_payload`])
      const { answer: positions } = yield* call("read_portfolio", { include: ["positions"] })
      assert.include(JSON.stringify(positions.positions), '"SEEN","quantity":"2"')
    })
  )

  it.effect("a preview is refused where the write would be", () =>
    Effect.gen(function* () {
      const { alices, bobs } = yield* people
      const preview = true
      yield* as(alice, true)("classify_instrument", { ...spy, symbol: "DENY" })
      const fill = as(alice, ["instruments"])
      const { answer } = yield* fill("classify_instrument", { ...spy, symbol: "DENY", current_price: "1", preview })
      assert.strictEqual(answer.error, "NotAllowed")
      const call = as(alice, true)
      const foreign = { account_id: bobs.account, symbol: "DENY", quantity: "1", preview }
      assert.strictEqual((yield* call("set_position", foreign)).answer.error, "AccountNotFound")
      const unknown = { account_id: alices.account, symbol: "NONE", quantity: "1", preview }
      assert.strictEqual((yield* call("set_position", unknown)).answer.error, "InstrumentNotFound")
      yield* (yield* Repositories.Jobs).forUser(alice).cancel(alices.job)
      const late = { job_id: alices.job, report: { content: "x" }, preview }
      assert.strictEqual((yield* call("record_report", late)).answer.error, "JobEnded")
    })
  )

  it.effect("a position is closed once, and another person's is not found", () =>
    Effect.gen(function* () {
      const { alices, bobs } = yield* people
      const call = as(alice, true)
      yield* call("classify_instrument", { ...spy, symbol: "CLOSE" })
      const held = { account_id: alices.account, symbol: "CLOSE" }
      yield* call("set_position", { ...held, quantity: "2" })
      assert.strictEqual((yield* call("close_position", held)).answer.quantity, "2")
      assert.strictEqual((yield* call("close_position", held)).answer.error, "PositionNotFound")
      const foreign = { ...held, account_id: bobs.account }
      assert.strictEqual((yield* call("close_position", foreign)).answer.error, "AccountNotFound")
    })
  )
})

const unavailable = (operation: DataApiError["operation"]) => () =>
  Effect.fail(new DataApiError({ operation, reason: new ServiceUnavailable({ message: "pg_hba on 10.0.0.7" }) }))

/** The repositories on a service that answers nothing. */
const outage = Repositories.layer.pipe(
  Layer.provideMerge(DataApiSql.layer()),
  Layer.provide(
    Layer.succeed(DataApi, {
      executeStatement: unavailable("ExecuteStatement"),
      batchExecuteStatement: unavailable("BatchExecuteStatement"),
      beginTransaction: unavailable("BeginTransaction"),
      commitTransaction: unavailable("CommitTransaction"),
      rollbackTransaction: unavailable("RollbackTransaction")
    })
  )
)

it.effect("an outage is answered with whether to repeat the call, and without the database's own words", () =>
  Effect.gen(function* () {
    const call = as(alice, true)
    assert.deepStrictEqual((yield* call("list_accounts")).answer, {
      error: "DatabaseFailed",
      message: "The database could not do this. Try again in a moment."
    })
    const { answer } = yield* call("classify_instrument", spy)
    assert.include(answer.message, "It may or may not have written: read what is there before you repeat the call.")
  }).pipe(Effect.provide(outage))
)

layer(embedded, { excludeTestServices: true })("a row of the user that can't be read", (it) => {
  it.effect("keeps no tool from its work that does not need it, and is no fault of the arguments", () =>
    Effect.gen(function* () {
      const { alices } = yield* people
      const sql = yield* SqlClient.SqlClient
      const context = yield* Effect.context<Repos | SqlClient.SqlClient>()
      const granted = new Set(grants)
      const handlers = UserTools.layer({ user: alice, granted }).pipe(Layer.provide(Layer.succeedContext(context)))
      yield* sql`UPDATE users SET created_at = 'infinity' WHERE clerk_user_id = ${alice}::varchar`
      const call = yield* ToolCalls.make(handlers, { granted })
      const report = { content: "x" }
      for (const [tool, args] of [
        ["list_accounts", {}],
        ["value_account", { account_id: alices.account }],
        ["record_report", { job_id: alices.job, report }]
      ] as const) {
        const { isError, value } = yield* call(tool, args)
        assert.isFalse(isError, JSON.stringify(value))
      }
      const { value } = yield* call("read_portfolio", {})
      assert.deepInclude(Object(value), { error: "DatabaseFailed" })
      assert.match(
        String(Object(value).message),
        /^The row user_alice of users can't be read: .*Don't repeat the call before that\.$/
      )
      const nobody = UserTools.layer({ user: "nobody", granted }).pipe(Layer.provide(Layer.succeedContext(context)))
      const other = yield* ToolCalls.make(nobody, { granted })
      assert.deepInclude(Object((yield* other("list_accounts", {})).value), { error: "UserNotFound" })
    })
  )
})

layer(embedded)("lists in which another program wrote rows that can't be read", (it) => {
  it.effect("go on behind entries of any name", () =>
    Effect.gen(function* () {
      const { alices } = yield* people
      const positions = (yield* Repositories.Positions).forUser(alice)
      const call = as(alice, true)
      const sql = yield* SqlClient.SqlClient
      const symbols = ["ZZ 0", "ZZ A", "ZZ %41", 'ZZ"/\\', "ZZ+&=?#"]
      for (const symbol of symbols) {
        const quantity = BigDecimal.fromStringUnsafe("1")
        yield* positions.registerAndPut({ account_id: alices.account, symbol: InstrumentSymbol.make(symbol), quantity })
      }
      const lists: ReadonlyArray<readonly [keyof typeof Tools.tools, list: string, args: object]> = [
        ["search_instruments", "instruments", { query: "ZZ" }],
        ["list_unclassified_instruments", "instruments", {}],
        ...["holdings", "positions", "missing_prices", "missing_allocations"].map(
          (list) => ["read_portfolio", list, { include: [list] }] as const
        )
      ]
      const page = (tool: keyof typeof Tools.tools, args: object): ReturnType<typeof call> => call(tool, args)
      for (const [tool, list, args] of lists) {
        const read: Array<string> = []
        for (let after: string | undefined, pages = 0; pages === 0 || after !== undefined; pages++) {
          const { answer, isFailure } = yield* page(tool, {
            ...args,
            ...(after !== undefined && { after }),
            limit: 1
          })
          assert.isFalse(isFailure, JSON.stringify(answer))
          for (const one of answer[list]) read.push(one.symbol ?? one)
          after = (tool === "read_portfolio" ? answer.next[list] : answer.next) ?? undefined
        }
        assert.sameMembers(
          read.filter((symbol) => symbol.startsWith("ZZ")),
          symbols,
          `${tool} ${list}: ${read}`
        )
      }
      yield* sql`DELETE FROM positions WHERE symbol LIKE 'ZZ%'`
      yield* sql`DELETE FROM instruments WHERE symbol LIKE 'ZZ%'`
    })
  )

  it.effect("a write to one says that it was done, and a preview of it does not", () =>
    Effect.gen(function* () {
      const { alices } = yield* people
      const sql = yield* SqlClient.SqlClient
      const positions = (yield* Repositories.Positions).forUser(alice)
      const position = { account_id: alices.account, symbol: InstrumentSymbol.make("WWW") }
      yield* positions.registerAndPut({ ...position, quantity: BigDecimal.fromStringUnsafe("1") })
      yield* sql`UPDATE positions SET created_at = '294276-12-31' WHERE account_id = ${alices.account}::uuid`
      const set = (quantity: string, preview: boolean) =>
        as(alice, true)("set_position", { ...position, quantity, preview })
      const tried = yield* set("2", true)
      assert.include(tried.answer.message, "of positions can't be read: created_at")
      assert.include(tried.answer.message, "Don't repeat the call before that.")
      const done = yield* set("3", false)
      assert.include(done.answer.message, "of positions was written, but can't be read: created_at")
      assert.isTrue(done.answer.message.endsWith("Don't repeat the call."))
      const [stored] = yield* sql<{
        quantity: string
      }>`SELECT quantity::int::text AS quantity FROM positions WHERE account_id = ${alices.account}::uuid`
      assert.strictEqual(stored?.quantity, "3")
    })
  )

  it.effect("a position of one instrument that can't be read is closed, and one of another is not found", () =>
    Effect.gen(function* () {
      const { alices } = yield* people
      const sql = yield* SqlClient.SqlClient
      const positions = (yield* Repositories.Positions).forUser(alice)
      const account_id = alices.account
      const call = as(alice, true)
      for (const symbol of ["VVA", "VVB"]) {
        const quantity = BigDecimal.fromStringUnsafe("1")
        yield* positions.registerAndPut({ account_id, symbol: InstrumentSymbol.make(symbol), quantity })
      }
      const spoil = sql`UPDATE positions SET created_at = '294276-12-31' WHERE symbol = 'VVA'`
      yield* spoil
      const close = (symbol: string, preview = false) => call("close_position", { account_id, symbol, preview })
      assert.strictEqual((yield* close("VVC")).answer.error, "PositionNotFound")
      const tried = yield* close("vva", true)
      assert.include(tried.answer.message, "of positions can't be read: created_at")
      assert.include(tried.answer.message, "Don't repeat the call before that.")
      for (const preview of [true, false]) assert.isFalse((yield* close("VVB", preview)).isFailure)
      const closed = yield* close("vva")
      assert.strictEqual(closed.answer.error, "DatabaseFailed")
      assert.include(closed.answer.message, "of positions was deleted, but can't be read: created_at")
      assert.isTrue(closed.answer.message.endsWith("Don't repeat the call."))
      assert.deepStrictEqual(yield* sql`SELECT FROM positions WHERE account_id = ${account_id}::uuid`, [])
      assert.strictEqual((yield* close("VVA")).answer.error, "PositionNotFound")
    })
  )

  it.effect("name them, and go on behind them to the end", () =>
    Effect.gen(function* () {
      const { alices } = yield* people
      const sql = yield* SqlClient.SqlClient
      const positions = (yield* Repositories.Positions).forUser(alice)
      const call = as(alice, true)
      const symbols = ["QQA", "QQB", "QQC", "QQD", "QQE", "QQF"]
      for (const symbol of symbols) {
        yield* positions.registerAndPut({
          account_id: alices.account,
          symbol: InstrumentSymbol.make(symbol),
          quantity: BigDecimal.fromStringUnsafe("1")
        })
      }
      yield* sql`UPDATE instruments SET created_at = 'infinity' WHERE symbol IN ('QQB', 'QQC', 'QQE')`
      yield* sql`UPDATE instruments SET allocation_regions = '{}' WHERE symbol LIKE 'QQ_'`
      for (const tool of ["search_instruments", "list_unclassified_instruments"] as const) {
        for (const limit of [1, 2, 3, 4, 5, 6, 50]) {
          const [read, left] = [new Set<string>(), new Set<string>()]
          let after: string | undefined
          do {
            const { answer, isFailure } = yield* call(tool, {
              limit,
              ...(tool === "search_instruments" && { query: "QQ" }),
              ...(after !== undefined && { after })
            })
            assert.isFalse(isFailure, JSON.stringify(answer))
            assert.isAtMost(answer.instruments.length, limit)
            for (const { symbol } of answer.instruments) read.add(symbol)
            for (const symbol of answer.unreadable ?? []) left.add(symbol)
            after = answer.next ?? undefined
          } while (after !== undefined)
          assert.deepStrictEqual([...read].toSorted(), ["QQA", "QQD", "QQF"], `${tool} by ${limit}`)
          assert.deepStrictEqual([...left].toSorted(), ["QQB", "QQC", "QQE"], `${tool} by ${limit}`)
        }
      }
      const accounts = yield* call("list_accounts")
      assert.notProperty(accounts.answer, "unreadable")
      yield* sql`UPDATE accounts SET created_at = 'infinity' WHERE id = ${alices.account}::uuid`
      yield* sql`UPDATE jobs SET started_at = 'infinity' WHERE id = ${alices.job}::uuid`
      assert.deepStrictEqual((yield* call("list_accounts")).answer.unreadable, [alices.account])
      assert.deepStrictEqual((yield* call("list_jobs")).answer.unreadable, [alices.job])
    })
  )
})
