import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import type { DataApiError } from "../../../src/data-api/DataApiError.ts"
import { listenForFaults } from "../../../src/local/faults/FaultControl.ts"
import { decide, Fault, FaultPlan } from "../../../src/local/faults/FaultPlan.ts"
import { Faults } from "../../../src/local/faults/Faults.ts"
import { HttpServer } from "../../../src/local/http/HttpServer.ts"
import { call, send } from "../http/RawClient.ts"
import { type Seen, scripted } from "../http/ScriptedDataApi.ts"

const tagOf = <A>(effect: Effect.Effect<A, DataApiError>) =>
  Effect.match(effect, { onFailure: (error) => error.reason._tag, onSuccess: () => "ok" as const })

const select = { sql: "select 1" }

it.effect("what happens to a call depends on nothing but the plan, its seed and the call's number", () =>
  Effect.sync(() => {
    const plan: FaultPlan = {
      seed: 7,
      rates: { throttled: 0.2, "dropped-after": 0.1 },
      latency: { medianMs: 10, p99Ms: 80 }
    }
    const calls = Array.from({ length: 20_000 }, (_, index) => index + 1)
    const drawn = calls.map((number) => decide(plan, number))
    assert.deepStrictEqual(
      [...calls].reverse().map((number) => decide(plan, number)),
      [...drawn].reverse()
    )
    assert.notDeepEqual(
      drawn,
      calls.map((number) => decide({ ...plan, seed: 8 }, number))
    )
    const share = (fault: Fault) => drawn.filter((one) => one.fault === fault).length / calls.length
    assert.closeTo(share("throttled"), 0.2, 0.01)
    assert.closeTo(share("dropped-after"), 0.1, 0.01)
    const delays = drawn.map((one) => one.delayMs).sort((a, b) => a - b)
    assert.closeTo(delays[10_000] ?? 0, 10, 0.5)
    assert.closeTo(delays[19_800] ?? 0, 80, 10)
  })
)

it.effect("a paused cluster answers DatabaseResuming, executes nothing, and resumes", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const { api, faults } = Faults.wrap(scripted({}, seen), { pause: { seconds: 15 } })
    assert.strictEqual(yield* tagOf(api.executeStatement(select)), "DatabaseResuming")
    yield* TestClock.adjust("14 seconds")
    assert.strictEqual(yield* tagOf(api.beginTransaction({})), "DatabaseResuming")
    assert.strictEqual(seen.length, 0)
    yield* TestClock.adjust("1 second")
    assert.strictEqual(yield* tagOf(api.executeStatement(select)), "ok")
    yield* faults.set({ pause: { calls: 2 } })
    const tags = yield* Effect.replicateEffect(tagOf(api.batchExecuteStatement(select)), 3)
    assert.deepStrictEqual(tags, ["DatabaseResuming", "DatabaseResuming", "ok"])
  })
)

it.effect("a pause holds up no call of a transaction that is open, since a cluster in use does not pause", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const { api } = Faults.wrap(scripted({}, seen), { pause: { calls: 100 } })
    const transaction = { transactionId: "t" }
    const calls = {
      statement: tagOf(api.executeStatement({ ...select, ...transaction })),
      batch: tagOf(api.batchExecuteStatement({ ...select, ...transaction })),
      commit: tagOf(api.commitTransaction(transaction)),
      rollback: tagOf(api.rollbackTransaction(transaction))
    }
    for (const [name, call] of Object.entries(calls)) assert.strictEqual(yield* call, "ok", name)
    assert.strictEqual(seen.length, 4)
    assert.strictEqual(yield* tagOf(api.executeStatement(select)), "DatabaseResuming")
    assert.strictEqual(yield* tagOf(api.batchExecuteStatement(select)), "DatabaseResuming")
    assert.strictEqual(yield* tagOf(api.beginTransaction({})), "DatabaseResuming")
  })
)

it.effect("each fault of a schedule happens to its call, before or after it is executed", () =>
  Effect.gen(function* () {
    const expected: ReadonlyArray<readonly [Fault, string, number]> = [
      ["resuming", "DatabaseResuming", 0],
      ["throttled", "Throttled", 0],
      ["connect-failed", "ConnectFailed", 0],
      ["dropped-before", "ConnectionLost", 0],
      ["dropped-after", "ConnectionLost", 1],
      ["500-before", "InternalServerError", 0],
      ["500-after", "InternalServerError", 1],
      ["503-before", "ServiceUnavailable", 0],
      ["503-after", "ServiceUnavailable", 1],
      ["504-before", "DatabaseUnavailable", 0],
      ["504-after", "DatabaseUnavailable", 1],
      ["transaction-expired", "ok", 1],
      ["failover", "DatabaseUnavailable", 0],
      ["statement-timeout", "StatementTimeout", 0]
    ]
    assert.sameMembers(
      [...Fault.literals],
      expected.map(([fault]) => fault)
    )
    const seen: Array<Seen> = []
    const schedule = expected.map(([fault], index) => ({ call: index + 1, fault }))
    const { api, faults } = Faults.wrap(scripted({}, seen), { schedule })
    for (const [fault, tag, executed] of expected) {
      seen.length = 0
      assert.strictEqual(yield* tagOf(api.executeStatement(select)), tag, fault)
      assert.strictEqual(seen.length, executed, fault)
    }
    const { calls, injected } = yield* faults.state
    assert.strictEqual(calls, expected.length)
    assert.deepStrictEqual(
      injected,
      Object.fromEntries(expected.filter(([f]) => f !== "transaction-expired").map(([f]) => [f, 1]))
    )
  })
)

it.effect("a failover ends every open transaction and fails what is under way", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const started = yield* Deferred.make<void>()
    const finish = yield* Deferred.make<never>()
    const inner = scripted(
      {
        executeStatement: () => Effect.andThen(Deferred.succeed(started, undefined), Deferred.await(finish))
      },
      seen
    )
    const { api, faults } = Faults.wrap(inner)
    const { transactionId } = yield* api.beginTransaction({})
    yield* api.beginTransaction({})
    const running = yield* Effect.forkChild(tagOf(api.executeStatement({ ...select, transactionId })))
    yield* Deferred.await(started)
    assert.strictEqual((yield* faults.state).openTransactions, 2)
    yield* faults.failover
    yield* Deferred.die(finish, "late")
    assert.strictEqual(yield* Fiber.join(running), "DatabaseUnavailable")
    assert.strictEqual((yield* faults.state).openTransactions, 0)
    assert.strictEqual(seen.filter(({ operation }) => operation === "RollbackTransaction").length, 3)
  })
)

it.effect("an expired transaction is rolled back before the call that finds out", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const { api } = Faults.wrap(scripted({}, seen), { schedule: [{ call: 2, fault: "transaction-expired" }] })
    const { transactionId } = yield* api.beginTransaction({})
    yield* api.commitTransaction({ transactionId })
    assert.deepStrictEqual(
      seen.map(({ operation }) => operation),
      ["BeginTransaction", "RollbackTransaction", "CommitTransaction"]
    )
  })
)

it.effect("a statement's time-out aborts its transaction, or lets it finish if it may continue", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const { api } = Faults.wrap(scripted({}, seen), { rates: { "statement-timeout": 1 } })
    const cut = yield* Effect.flip(api.executeStatement({ ...select, transactionId: "t" }))
    assert.deepStrictEqual(
      seen.map(({ request }) => request),
      [{ sql: "SELECT 1/0", transactionId: "t" }]
    )
    assert.strictEqual(cut.didRun, "no")
    const late = yield* Effect.flip(api.executeStatement({ ...select, continueAfterTimeout: true }))
    assert.deepStrictEqual(seen[1]?.request, { ...select, continueAfterTimeout: true })
    assert.strictEqual(late.didRun, "yes")
  })
)

it.effect("latency delays the call by the clock", () =>
  Effect.gen(function* () {
    const { api } = Faults.wrap(scripted(), { latency: { medianMs: 100 } })
    const running = yield* Effect.forkChild(api.executeStatement(select))
    yield* TestClock.adjust("99 millis")
    assert.isUndefined(running.pollUnsafe())
    yield* TestClock.adjust("1 millis")
    assert.isDefined(running.pollUnsafe())
  })
)

it.effect("a plan with unknown faults, or rates beyond one, is refused", () =>
  Effect.gen(function* () {
    const decode = (plan: unknown) =>
      Effect.exit(Schema.decodeUnknownEffect(FaultPlan)(plan, { onExcessProperty: "error" }))
    assert.strictEqual(
      (yield* decode({ rates: { throttled: 0.5, "500-after": 0.5 }, pause: { calls: 1 } }))._tag,
      "Success"
    )
    assert.strictEqual((yield* decode({ rates: { throttled: 0.6, "500-after": 0.6 } }))._tag, "Failure")
    assert.strictEqual((yield* decode({ rates: { earthquake: 0.1 } }))._tag, "Failure")
    assert.strictEqual((yield* decode({ schedule: [{ call: 0, fault: "throttled" }] }))._tag, "Failure")
  })
)

it("a plan's numbers are taken up to their bounds, and refused beyond them", () => {
  const isPlan = Schema.is(FaultPlan)
  const bounds: ReadonlyArray<readonly [plan: (number: number) => unknown, least: number, most: number]> = [
    [(medianMs) => ({ latency: { medianMs } }), 0, 3_600_000],
    [(p99Ms) => ({ latency: { medianMs: 1, p99Ms } }), 0, 3_600_000],
    [(seconds) => ({ pause: { seconds } }), 0, 86_400],
    [(calls) => ({ pause: { calls } }), 1, 1_000_000_000],
    [(rate) => ({ rates: { failover: rate } }), 0, 1],
    [(call) => ({ schedule: [{ call, fault: "failover" }] }), 1, 1_000_000_000]
  ]
  for (const [plan, least, most] of bounds) {
    for (const number of [least, most]) assert.isTrue(isPlan(plan(number)), JSON.stringify(plan(number)))
    for (const number of [least - 1, most + 1, Number.NaN]) assert.isFalse(isPlan(plan(number)), `${number}`)
  }
})

it.effect("over HTTP a dropped connection is a closed socket, and the control endpoint sets and clears the plan", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const { api, faults } = Faults.wrap(scripted({}, seen))
    const { url } = yield* HttpServer.make({ port: 0 }).pipe(Effect.provideService(DataApi, api))
    const control = yield* listenForFaults({ port: 0 }).pipe(Effect.provideService(Faults, faults))
    const set = (method: string, plan: unknown, path = "/") =>
      send(control.url, { method, path, headers: {}, body: plan === undefined ? "" : JSON.stringify(plan) })
    const ask = Effect.match(call(url, "/Execute", select), {
      onFailure: (error) => error.message,
      onSuccess: (raw) => String(raw.headers["x-amzn-errortype"] ?? raw.status)
    })
    yield* set("PUT", {
      schedule: [
        { call: 1, fault: "dropped-before" },
        { call: 2, fault: "dropped-after" },
        { call: 3, fault: "throttled" }
      ]
    })
    assert.strictEqual(yield* ask, "socket hang up")
    assert.strictEqual(seen.length, 0)
    assert.strictEqual(yield* ask, "socket hang up")
    assert.strictEqual(seen.length, 1)
    assert.strictEqual(yield* ask, "ThrottlingException")
    assert.strictEqual(yield* ask, "200")
    const state = JSON.parse((yield* set("GET", undefined)).body)
    assert.deepStrictEqual(
      [state.calls, state.injected],
      [4, { "dropped-before": 1, "dropped-after": 1, throttled: 1 }]
    )
    assert.strictEqual((yield* set("PUT", { rates: { throttled: 2 } })).status, 400)
    const refused = [yield* set("PATCH", {}), yield* set("GET", undefined, "/failover")]
    assert.deepStrictEqual(
      refused.map(({ headers, status }) => [status, headers["allow"]]),
      [
        [405, "GET, PUT, POST, DELETE"],
        [405, "POST"]
      ]
    )
    assert.strictEqual((yield* set("POST", undefined, "/failover")).status, 200)
    assert.deepStrictEqual(JSON.parse((yield* set("DELETE", undefined)).body).plan, {})
    const browser = yield* send(control.url, { method: "GET", path: "/", headers: { origin: "http://localhost" } })
    assert.strictEqual(browser.status, 403)
  })
)
