import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Logger, Metric, Random, References, Tracer } from "effect"
import { TestClock } from "effect/testing"
import { DataApi } from "../../src/data-api/DataApi.ts"
import {
  ConnectFailed,
  ConnectionLost,
  type DataApiError,
  DatabaseError,
  DatabaseResuming,
  InternalServerError,
  type Reason,
  StatementTimeout,
  Throttled,
  TransactionBusy
} from "../../src/data-api/DataApiError.ts"
import * as RetryPolicy from "../../src/data-api/RetryPolicy.ts"
import { type Answer, scripted } from "./scripted.ts"

const resuming = new DatabaseResuming({ message: "resuming" })
const lost = new ConnectionLost({ message: "ECONNRESET" })
const currentMillis = Effect.clockWith((clock) => Effect.succeed(clock.currentTimeMillisUnsafe()))
const state = (sqlState: string) => DatabaseError.fromMessage(`ERROR: no; SQLState: ${sqlState}`)

/** Runs one statement against answers in order, the last for good, and gives how it ended and how long it took. */
const run = Effect.fnUntraced(function* (
  sql: string,
  answers: ReadonlyArray<Answer>,
  within: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = (effect) => effect
) {
  const { calls, layer } = scripted((_, index) => answers[Math.min(index, answers.length - 1)] ?? {})
  const timed = Effect.gen(function* () {
    const api = yield* DataApi
    const start = yield* currentMillis
    const exit = yield* Effect.result(within(api.executeStatement({ sql })))
    return { exit, millis: (yield* currentMillis) - start }
  })
  const fiber = yield* Effect.forkChild(timed.pipe(Effect.provide(RetryPolicy.layer().pipe(Layer.provide(layer)))))
  yield* TestClock.adjust("10 minutes")
  const { exit, millis } = yield* Fiber.join(fiber)
  const failure: Reason | undefined = exit._tag === "Failure" ? exit.failure.reason : undefined
  return { failure, calls: calls.length, seconds: millis / 1000 }
})

it.effect("a call outlasts a pause of 60 seconds, whatever it is", () =>
  Effect.gen(function* () {
    const start = yield* currentMillis
    const paused = Effect.map(currentMillis, (at) => (at - start < 60_000 ? resuming : {}))
    const result = yield* run("insert into t values (1)", [paused])
    assert.isUndefined(result.failure)
    assert.isAbove(result.seconds, 59)
    assert.isBelow(result.seconds, 70)
    assert.isBelow(result.calls, 25)
  })
)

it.effect("the waits before retries are spread, from 80 to 120 per cent of the plan", () =>
  Effect.gen(function* () {
    const shares: Array<number> = []
    for (let seed = 0; seed < 40; seed++) {
      const { seconds } = yield* run("select 1", [resuming, {}]).pipe(Random.withSeed(`${seed}`))
      shares.push(seconds / 0.2)
    }
    assert.isAtLeast(Math.min(...shares), 0.8)
    assert.isAtMost(Math.max(...shares), 1.2)
    assert.isBelow(Math.min(...shares), 0.85)
    assert.isAbove(Math.max(...shares), 1.15)
  })
)

it.effect("a database that does not come back is reported after the budget", () =>
  Effect.gen(function* () {
    const result = yield* run("select 1", [resuming])
    assert.strictEqual(result.failure?._tag, "DatabaseResuming")
    assert.isAtLeast(result.seconds, 90)
    assert.isBelow(result.seconds, 100)
  })
)

it.effect("what certainly did not run is retried, writes included", () =>
  Effect.gen(function* () {
    for (const reason of [
      new Throttled({ message: "Rate exceeded" }),
      new ConnectFailed({ message: "ECONNREFUSED" }),
      new TransactionBusy({ message: "Transaction is still running a query" })
    ]) {
      const result = yield* run("insert into t values (1)", [reason, {}])
      assert.deepStrictEqual([result.failure, result.calls], [undefined, 2], reason._tag)
    }
  })
)

it.effect("a write whose answer was lost is not retried: its outcome is unknown", () =>
  Effect.gen(function* () {
    for (const sql of ["insert into t values (1)", "select my_function()", "with x as (delete from t) select 1"]) {
      const result = yield* run(sql, [lost, {}])
      assert.strictEqual(result.failure?._tag, "OutcomeUnknown", sql)
      assert.deepStrictEqual(result.failure?._tag === "OutcomeUnknown" && result.failure.lost, "ConnectionLost")
      assert.strictEqual(result.calls, 1)
    }
  })
)

it.effect("a read whose answer was lost is retried, and a write that was declared idempotent", () =>
  Effect.gen(function* () {
    assert.strictEqual((yield* run("select count(*) from t", [lost, {}])).calls, 2)
    const declared = yield* run("insert into t values (1)", [lost, {}], RetryPolicy.idempotent)
    assert.deepStrictEqual([declared.failure, declared.calls], [undefined, 2])
  })
)

it.effect("a read that always fails inside the service is given up after three repetitions", () =>
  Effect.gen(function* () {
    const failure = new InternalServerError({ message: "", code: "InternalFailure" })
    const result = yield* run("select 'infinity'::date", [failure])
    assert.deepStrictEqual([result.failure?._tag, result.calls], ["InternalServerError", 4])
    assert.isBelow(result.seconds, 5)
  })
)

it.effect("a syntax error, a time-out, a deadlock, a serialization failure and a lock time-out are sent once", () =>
  Effect.gen(function* () {
    for (const reason of [
      state("42601"),
      state("40P01"),
      state("40001"),
      state("55P03"),
      new StatementTimeout({ message: "canceling statement due to statement timeout" })
    ]) {
      const result = yield* run("select 1", [reason, {}])
      assert.deepStrictEqual([result.failure, result.calls, result.seconds], [reason, 1, 0], reason.message)
    }
  })
)

it.effect("a begin and a rollback may always be retried, a commit never after its answer was lost", () =>
  Effect.gen(function* () {
    const attempt = Effect.fnUntraced(function* (
      which: "beginTransaction" | "commitTransaction" | "rollbackTransaction",
      reason: Reason
    ) {
      const { calls, layer } = scripted((_, index) => (index === 0 ? reason : {}))
      const fiber = yield* Effect.forkChild(
        Effect.gen(function* () {
          const api = yield* DataApi
          const call: Effect.Effect<unknown, DataApiError> = api[which]({ transactionId: "tx" })
          return yield* Effect.exit(RetryPolicy.idempotent(call))
        }).pipe(Effect.provide(RetryPolicy.layer().pipe(Layer.provide(layer))))
      )
      yield* TestClock.adjust("1 minute")
      return [Exit.isSuccess(yield* Fiber.join(fiber)), calls.length]
    })
    assert.deepStrictEqual(yield* attempt("beginTransaction", lost), [true, 2])
    assert.deepStrictEqual(yield* attempt("rollbackTransaction", lost), [true, 2])
    assert.deepStrictEqual(yield* attempt("commitTransaction", lost), [false, 1])
    assert.deepStrictEqual(yield* attempt("commitTransaction", new Throttled({ message: "" })), [true, 2])
  })
)

it.effect("every repetition is logged, an event of the span and counted, without the statement", () =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const events: Array<string> = []
    const keep = Logger.formatLogFmt.pipe(Logger.map((line) => lines.push(line)))
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        const event = span.event.bind(span)
        span.event = (name, time, attributes) => {
          events.push(`${name} ${JSON.stringify(attributes)}`)
          event(name, time, attributes)
        }
        return span
      }
    })
    const { layer } = scripted((_, index) => (index === 0 ? resuming : {}))
    const fiber = yield* Effect.forkChild(
      Effect.gen(function* () {
        const api = yield* DataApi
        yield* Effect.withSpan(api.executeStatement({ sql: "select 'secret'" }), "outer")
      }).pipe(
        Effect.provide([RetryPolicy.layer().pipe(Layer.provide(layer)), Logger.layer([keep])]),
        Effect.provideService(References.MinimumLogLevel, "Debug"),
        Effect.provideService(Tracer.Tracer, tracer)
      )
    )
    yield* TestClock.adjust("1 minute")
    yield* Fiber.join(fiber)
    assert.strictEqual(events.length, 1)
    assert.include(events[0], "DatabaseResuming")
    assert.strictEqual(lines.length, 1)
    assert.include(lines[0], "failure=DatabaseResuming")
    assert.notInclude(events.join() + lines.join(), "secret")
    const metrics = (yield* Metric.snapshot).filter((metric) => metric.id.startsWith("data_api_"))
    const names = new Set(metrics.map((metric) => metric.id))
    for (const name of ["data_api_requests", "data_api_retries", "data_api_resumes", "data_api_latency_milliseconds"]) {
      assert.isTrue(names.has(name), name)
    }
  })
)
