/** What is kept of the calls that write: a row by the same statement as the write. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { vi } from "vitest"
import { type CallRecord, hashOf } from "../../src/agent/calls/callTrail.ts"
import * as ToolCalls from "../../src/agent/calls/ToolCalls.ts"
import { type Grant, grants } from "../../src/agent/tools/Grants.ts"
import * as UserTools from "../../src/agent/tools/UserTools.ts"
import type { Repositories } from "../../src/DbLayer.ts"
import { type InstrumentCreate, InstrumentSymbol } from "../../src/domain/Instrument.ts"
import { ClerkUserId } from "../../src/domain/User.ts"
import { AgentCalls, Instruments } from "../../src/repository/index.ts"
import { countRequests, embedded, hasPostgres, postgres, skipWithoutPostgres } from "../repository/TestRepositories.ts"
import { person } from "./People.ts"

// A limit ends what hangs; a busy machine is no fault.
vi.setConfig({ testTimeout: 300_000 })

const as = Effect.fnUntraced(function* (user: string, granted: ReadonlyArray<Grant> = grants) {
  const records: Array<CallRecord> = []
  const context = yield* Effect.context<Repositories | SqlClient.SqlClient>()
  const handlers = UserTools.layer({ user, granted: new Set(granted) }).pipe(
    Layer.provide(Layer.succeedContext(context))
  )
  const call = yield* ToolCalls.make(handlers, {
    granted: new Set(granted),
    budget: "5 minutes",
    caller: { user },
    onCall: (record) => Effect.sync(() => void records.push(record))
  })
  return { call, records }
})

const fund = (symbol: string) => ({
  symbol,
  name: `Fund ${symbol}`,
  instrument_type: "etf",
  allocation_regions: { north_america: 100 },
  allocation_sectors: { technology: 100 },
  allocation_asset_class: { equity: 100 }
})

const priced = (symbol: string, current_price: string) => ({ ...fund(symbol), current_price })

const known = (symbol: string): InstrumentCreate => ({
  ...fund(symbol),
  symbol: InstrumentSymbol.make(symbol),
  instrument_type: "etf"
})

layer(embedded)("agent_calls", (it) => {
  it.effect("has a row for each call that writes, in the one request of the write, as the trail has it", () =>
    Effect.gen(function* () {
      const { account, job, user } = yield* person("kept")
      const other = yield* person("other")
      const { call, records } = yield* as(user)
      yield* call("list_accounts", {})
      const position = { account_id: account, symbol: "SPY", quantity: "3" }
      const calls: ReadonlyArray<readonly [string, object, requests: number]> = [
        ["set_position", position, 1],
        ["add_to_position", position, 1],
        // Finds the position of this symbol first.
        ["close_position", { account_id: account, symbol: "SPY" }, 2],
        ["set_position", { ...position, symbol: "NOPE" }, 1],
        ["set_position", { ...position, account_id: other.account }, 1],
        ["classify_instrument", priced("KEPT", "1.5"), 1],
        ["record_report", { job_id: job, report: { content: "a secret" } }, 1],
        ["record_charts", { job_id: job, charts: {} }, 1],
        ["record_retirement", { job_id: job, retirement: { analysis: "a secret" } }, 1],
        ["record_summary", { job_id: job, summary: { said: "a secret" } }, 1],
        ["record_summary", { job_id: other.job, summary: { said: "a secret" } }, 1]
      ]
      for (const [tool, args, count] of calls) {
        const { requests } = yield* countRequests(call(tool, args))
        assert.strictEqual(requests, count, tool)
      }
      const kept = yield* AgentCalls.use(({ list }) => list({ user }))
      const rows = kept.toReversed()
      assert.deepStrictEqual(
        rows.map(({ arguments: hash, clerk_user_id, job_id, outcome, tool }) => [
          clerk_user_id,
          job_id,
          tool,
          hash,
          outcome
        ]),
        records.slice(1).map((record) => [record.user, record.job, record.tool, record.arguments, record.outcome])
      )
      assert.deepStrictEqual(
        rows.map(({ outcome }) => outcome),
        ["ok", "ok", "ok", "InstrumentNotFound", "AccountNotFound", "ok", "ok", "ok", "ok", "ok", "JobNotFound"]
      )
      assert.deepStrictEqual(
        rows.map(({ bytes }) => bytes),
        calls.map(([, args]) => Buffer.byteLength(JSON.stringify(args)))
      )
      assert.strictEqual(rows[0]?.arguments, hashOf(position))
      assert.isTrue(rows.every(({ milliseconds }) => milliseconds >= 0))
      assert.notInclude(JSON.stringify(rows), "a secret")
    })
  )

  it.effect("has a row for an addition that is refused, with an expected quantity as without one", () =>
    Effect.gen(function* () {
      const { account, user } = yield* person("expecting")
      const other = yield* person("unexpected")
      const { call, records } = yield* as(user)
      const addition = { account_id: account, symbol: "SPY", quantity: "3" }
      const sent = [
        addition,
        { ...addition, symbol: "NOPE" },
        { ...addition, account_id: other.account },
        { ...addition, quantity: "999999999999" }
      ]
      for (const args of sent) yield* call("add_to_position", args)
      for (const args of sent) yield* call("add_to_position", { ...args, expected_quantity: "1" })
      for (const args of sent) yield* call("add_to_position", { ...args, expected_quantity: "10" })
      yield* call("close_position", { account_id: account, symbol: "NOPE" })
      yield* call("close_position", { account_id: other.account, symbol: "SPY" })
      yield* call("add_to_position", { ...addition, expected_quantity: "1", preview: true })
      yield* call("close_position", { account_id: account, symbol: "NOPE", preview: true })
      const rows = (yield* AgentCalls.use(({ list }) => list({ user }))).toReversed()
      const refused = ["InstrumentNotFound", "AccountNotFound", "InvalidData"]
      assert.deepStrictEqual(
        rows.map(({ outcome }) => outcome),
        [
          ...["ok", ...refused],
          ...["PositionChanged", ...refused],
          ...["ok", ...refused],
          ...["PositionNotFound", "AccountNotFound"]
        ]
      )
      assert.deepStrictEqual(
        rows.map(({ arguments: hash }) => hash),
        records.slice(0, -2).map((record) => record.arguments)
      )
    })
  )

  it.effect("has none for what only reads, is refused before the write, or is a preview", () =>
    Effect.gen(function* () {
      const { account, job, user } = yield* person("nothing")
      const { call } = yield* as(user)
      const preview = true
      for (const [tool, args] of [
        ["read_portfolio", {}],
        ["set_position", { account_id: account, symbol: "SPY", quantity: "x" }],
        ["set_position", { account_id: account, symbol: "SPY", quantity: "1", preview }],
        ["close_position", { account_id: account, symbol: "SPY", preview }],
        ["classify_instrument", { ...fund("TRIED"), preview }],
        ["record_summary", { job_id: job, summary: {}, preview }]
      ] as const) {
        yield* call(tool, args)
      }
      assert.deepStrictEqual(yield* AgentCalls.use(({ list }) => list({ user })), [])
    })
  )

  it.effect("forgets what is older than is asked for, and no more", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const calls = yield* AgentCalls
      yield* sql`DELETE FROM agent_calls`
      yield* sql`
        INSERT INTO agent_calls (clerk_user_id, tool, arguments, outcome, called_at, milliseconds, bytes)
        SELECT 'gone', 'set_position', '', 'ok', now() - age * interval '1 day', 1, 2
        FROM unnest(ARRAY[0, 89, 91, 400]) AS age, generate_series(1, 6000)`
      assert.strictEqual(yield* calls.prune("90 days"), 12_000)
      assert.strictEqual(yield* calls.prune("90 days"), 0)
      const left = yield* sql`SELECT count(*)::int AS n FROM agent_calls`
      assert.deepStrictEqual(left, [{ n: 12_000 }])
      assert.strictEqual((yield* calls.list({ user: ClerkUserId.make("gone"), limit: 3 })).length, 3)
      yield* sql`DELETE FROM agent_calls`
    })
  )

  it.effect("where it is missing, a call that writes says what has to be run, and writes nothing; reads go on", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { account, user } = yield* person("behind")
      const { call } = yield* as(user)
      yield* sql`ALTER TABLE agent_calls RENAME TO not_yet`
      const written = yield* call("set_position", { account_id: account, symbol: "SPY", quantity: "11" })
      const read = yield* call("read_portfolio", { include: ["positions"] })
      yield* sql`ALTER TABLE not_yet RENAME TO agent_calls`
      assert.isTrue(written.isError)
      assert.match(String(Reflect.get(Object(written.value), "message")), /has to run alex-db migrate/)
      assert.isFalse(read.isError)
      assert.include(JSON.stringify(read.value), '"7"')
    })
  )
})

if (hasPostgres)
  layer(postgres, { timeout: "60 seconds", excludeTestServices: true })(
    "classify_instrument by many at the same time",
    (it) => {
      it.effect("the name and price that the first gives stay, whoever comes next", () =>
        Effect.gen(function* () {
          const { user } = yield* person("racing")
          const instruments = yield* Instruments
          for (let round = 0; round < 10; round++) {
            const symbol = `RACE${round}`
            // In every other round the instrument is known, without a price.
            if (round % 2 === 1) yield* instruments.upsert(known(symbol))
            const { call } = yield* as(user, ["instruments"])
            const answers = yield* Effect.forEach(
              ["1", "2", "3", "4", "5", "6", "7", "8"],
              (price) =>
                Effect.map(call("classify_instrument", priced(symbol, price)), (answer) => ({ price, answer })),
              { concurrency: "unbounded" }
            )
            const taken = answers.filter(({ answer }) => !answer.isError)
            assert.strictEqual(taken.length, 1, JSON.stringify(answers))
            const { current_price } = yield* instruments.findBySymbol(InstrumentSymbol.make(symbol))
            assert.strictEqual(String(current_price?.value), taken[0]?.price)
            assert.match(JSON.stringify(answers), /NotAllowed/)
          }
          const outcomes = (yield* AgentCalls.use(({ list }) => list({ user, limit: 1000 }))).map(
            ({ outcome }) => outcome
          )
          assert.strictEqual(outcomes.filter((outcome) => outcome === "ok").length, 10)
          assert.strictEqual(outcomes.filter((outcome) => outcome === "NotAllowed").length, 70)
        })
      )
    }
  )
else skipWithoutPostgres("classify_instrument by many at the same time")
