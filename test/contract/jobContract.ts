/** What the repositories promise about the life of a job, whatever `SqlClient` they run on. */
import { setTimeout } from "node:timers/promises"
import { assert, type Vitest } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Logger, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { ClerkUserId, type JobId, JobTypes, jobTypes, maxJobBytes } from "../../src/domain/index.ts"
import { type ClaimedJob, Jobs, Users } from "../../src/repository/index.ts"
import type { Services } from "./repositoryContract.ts"

let last = 0
const newUser = Effect.gen(function* () {
  const clerk_user_id = ClerkUserId.make(`job_user_${++last}`)
  yield* (yield* Users).create({ clerk_user_id })
  return clerk_user_id
})

const newJob = Effect.gen(function* () {
  const clerk_user_id = yield* newUser
  return (yield* (yield* Jobs).create({ clerk_user_id, job_type: "portfolio_analysis" })).id
})

/** Jobs of a kind that no other test claims. */
const kindOf = (name: string) => `${name}_${++last}`

const jobsOfKind = Effect.fnUntraced(function* (kind: string, count: number) {
  const sql = yield* SqlClient.SqlClient
  const clerk_user_id = yield* newUser
  const rows = yield* sql<{ readonly id: JobId }>`
    INSERT INTO jobs (clerk_user_id, job_type) SELECT ${clerk_user_id}::varchar, ${kind}::varchar FROM generate_series(1, ${count}::int)
    RETURNING id`
  return rows.map(({ id }) => id)
})

/** Moves what the database remembers of a job into the past. */
const age = Effect.fnUntraced(function* (id: JobId) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE jobs SET started_at = started_at - interval '1 hour', lease_until = lease_until - interval '1 hour'
    WHERE id = ${id}::uuid`
})

/** How many of many that do the same thing at the same time succeed. */
const winners = <A, E>(attempt: Effect.Effect<A, E>, times = 20) =>
  Effect.map(
    Effect.all(
      Array.from({ length: times }, () => Effect.result(attempt)),
      { concurrency: "unbounded" }
    ),
    (outcomes) => outcomes.filter((outcome) => outcome._tag === "Success").length
  )

type It = Vitest.MethodsNonLive<Services>

const steps = (it: It) => {
  it.effect("a job that runs is taken up by a start that says after how long, and the attempts are counted", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const id = yield* newJob
      assert.strictEqual((yield* jobs.start(id)).attempts, 1)
      const refused = yield* Effect.flip(jobs.start(id, { takeOver: "15 minutes" }))
      assert.deepInclude(refused, { _tag: "JobTransitionRefused", found: "running", wanted: "running" })
      yield* age(id)
      assert.strictEqual(yield* winners(jobs.start(id, { takeOver: "15 minutes" })), 1)
      const found = yield* jobs.findById(id)
      assert.deepInclude(found, { status: "running", attempts: 2 })
      assert.isAbove(found.started_at?.getTime() ?? 0, Date.now() - 600_000)
    })
  )

  it.effect("a job is not taken up while its lease holds, however long it runs", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const id = yield* newJob
      const started = yield* jobs.start(id, { lease: "2 hours" })
      assert.isNotNull(started.lease_until)
      yield* age(id)
      assert.strictEqual((yield* Effect.flip(jobs.start(id, { takeOver: "1 second" })))._tag, "JobTransitionRefused")
      yield* age(id)
      yield* age(id)
      assert.strictEqual((yield* jobs.start(id, { takeOver: "1 second" })).attempts, 2)
    })
  )

  it.effect("a failed or cancelled job is retried with its results kept or cleared, as asked", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      for (const results of ["keep", "clear"] as const) {
        const id = yield* newJob
        assert.deepInclude(yield* Effect.flip(jobs.retry(id, { results })), { found: "pending", wanted: "pending" })
        yield* jobs.start(id)
        yield* jobs.attachReport(id, { content: "# Half" })
        yield* results === "keep" ? jobs.fail(id, "no answer") : jobs.cancel(id)
        assert.strictEqual(yield* winners(jobs.retry(id, { results })), 1)
        const found = yield* jobs.findById(id)
        assert.deepInclude(found, {
          status: "pending",
          attempts: 1,
          error_message: null,
          started_at: null,
          completed_at: null
        })
        assert.deepStrictEqual(found.report_payload, results === "keep" ? { content: "# Half" } : null)
        assert.strictEqual((yield* jobs.start(id)).attempts, 2)
      }
    })
  )

  it.effect("a job that hangs is listed, and a retry that says after how long makes it pending again", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const [id, leased] = [yield* newJob, yield* newJob]
      yield* jobs.start(id)
      yield* jobs.start(leased, { lease: "3 hours" })
      const runningFor = "50 minutes"
      assert.notInclude(
        (yield* jobs.listOldest({ runningFor })).map((job) => job.id),
        id
      )
      yield* age(id)
      yield* age(leased)
      const hanging = (yield* jobs.listOldest({ runningFor, limit: 1000 })).map((job) => job.id)
      assert.include(hanging, id)
      assert.notInclude(hanging, leased)
      assert.deepInclude(yield* Effect.flip(jobs.retry(id, { results: "keep" })), { found: "running" })
      for (const [job, takeOver] of [
        [id, "2 hours"],
        [leased, runningFor]
      ] as const) {
        assert.deepInclude(yield* Effect.flip(jobs.retry(job, { results: "keep", takeOver })), { found: "running" })
      }
      assert.strictEqual(yield* winners(jobs.retry(id, { results: "keep", takeOver: runningFor })), 1)
      assert.deepInclude(yield* jobs.findById(id), { status: "pending", attempts: 1, started_at: null })
    })
  )

  it.effect("a job that was never started can fail, and be cancelled", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const failed = yield* jobs.fail(yield* newJob, "the queue could not be reached")
      assert.deepInclude(failed, { status: "failed", error_message: "the queue could not be reached", attempts: 0 })
      const cancelled = yield* jobs.cancel(yield* newJob, "not wanted any more")
      assert.deepInclude(cancelled, { status: "cancelled", error_message: "not wanted any more" })
      assert.instanceOf(cancelled.completed_at, Date)
      assert.deepInclude(yield* Effect.flip(jobs.cancel(cancelled.id)), { found: "cancelled" })
    })
  )

  it.effect("a job fails whatever its message, which says what was cut or replaced", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const messages: ReadonlyArray<readonly [string, RegExp]> = [
        ["a\u0000b", /^a\ufffdb \[characters that can't be stored were replaced\]$/],
        ["\ud800", /^\ufffd \[characters/],
        ["x".repeat(10_000), /^x{10000}$/],
        ["x".repeat(10_001), /^x+… \[cut from 10001 characters\]$/],
        ["😀".repeat(200_000), /^(😀)+… \[cut from 200000 characters\]$/u],
        ["\u0000".repeat(20_000), /^\ufffd+… \[cut from 20000 characters\] \[characters/],
        ["", /^$/]
      ]
      for (const [message, stored] of messages) {
        const failed = yield* jobs.fail(yield* newJob, message)
        assert.strictEqual(failed.status, "failed")
        assert.match(failed.error_message ?? "", stored)
        assert.isAtMost([...(failed.error_message ?? "")].length, 10_000)
      }
    })
  )

  it.effect("of those that end one job at the same time, each in a way of its own, one succeeds", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      for (let round = 0; round < 5; round++) {
        const id = yield* newJob
        yield* jobs.start(id)
        const ends = [jobs.complete(id), jobs.fail(id, "x"), jobs.cancel(id), jobs.complete(id), jobs.cancel(id)]
        const outcomes = yield* Effect.all(ends.map(Effect.result), { concurrency: "unbounded" })
        assert.strictEqual(outcomes.filter((outcome) => outcome._tag === "Success").length, 1)
      }
    })
  )

  it.effect("kinds of jobs that the caller names are created, and others are refused with those that there are", () =>
    Effect.gen(function* () {
      const clerk_user_id = yield* newUser
      const jobs = yield* Jobs
      const refused = yield* Effect.flip(jobs.create({ clerk_user_id, job_type: "daily_digest" }))
      assert.strictEqual(refused._tag, "InvalidInput")
      assert.include(refused.message, "portfolio_analysis")
      const extended = Layer.fresh(Jobs.layer).pipe(
        Layer.provide(Layer.succeed(JobTypes, [...jobTypes, "daily_digest"]))
      )
      const created = yield* Effect.provide(
        Effect.flatMap(Jobs, (own) => own.create({ clerk_user_id, job_type: "daily_digest" })),
        extended
      )
      assert.strictEqual(created.job_type, "daily_digest")
    })
  )
}

/** What a planner does with a job that its queue delivers: what earlier deliveries have done already stays done. */
const plan = Effect.fnUntraced(function* (id: JobId, dieAfter: number) {
  const jobs = yield* Jobs
  const done: Array<string> = []
  const step = Effect.fnUntraced(function* <A, E, R>(name: string, effect: Effect.Effect<A, E, R>) {
    yield* effect
    done.push(name)
    if (done.length === dieAfter) return yield* Effect.interrupt
  })
  const attempt = jobs.attempt(yield* jobs.start(id, { takeOver: "15 minutes" }))
  if (dieAfter === 0) return yield* Effect.interrupt
  const found = yield* jobs.findById(id)
  if (found.report_payload === null) yield* step("report", attempt.attach({ report_payload: { content: "# Report" } }))
  if (found.charts_payload === null) yield* step("charts", attempt.attach({ charts_payload: {} }))
  if (found.retirement_payload === null) {
    yield* step("retirement", attempt.attach({ retirement_payload: { analysis: "On track" } }))
  }
  if (found.summary_payload === null) yield* step("summary", attempt.attach({ summary_payload: { done: true } }))
  yield* step("complete", attempt.complete())
})

const redelivery = (it: It) => {
  it.effect(
    "a planner that dies after any of its steps, and whose job is delivered again, ends with every result",
    () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        for (let dieAfter = 0; dieAfter <= 5; dieAfter++) {
          const id = yield* newJob
          yield* Effect.exit(plan(id, dieAfter))
          yield* age(id)
          const again = yield* Effect.exit(plan(id, -1))
          // A job that was completed before its worker died is not done again.
          assert.strictEqual(again._tag, dieAfter === 5 ? "Failure" : "Success")
          const found = yield* jobs.findById(id)
          assert.deepInclude(found, { status: "completed", attempts: dieAfter === 5 ? 1 : 2 })
          assert.deepStrictEqual(found.report_payload, { content: "# Report" })
          assert.deepStrictEqual(found.summary_payload, { done: true })
          assert.isNotNull(found.charts_payload)
          assert.isNotNull(found.retirement_payload)
        }
      })
  )
}

const sizes = (it: It) => {
  it.effect("a job's payloads together stay below what one answer carries, though agents write at the same time", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const id = yield* newJob
      const content = "😀".repeat(150_000)
      const outcomes = yield* Effect.all(
        [
          Effect.result(jobs.attachReport(id, { content })),
          Effect.result(jobs.attachRetirement(id, { analysis: content })),
          Effect.result(jobs.attachSummary(id, { content }))
        ],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(outcomes.filter((outcome) => outcome._tag === "Success").length, 1)
      for (const outcome of outcomes) {
        if (outcome._tag === "Failure") {
          assert.deepInclude(outcome.failure, { _tag: "JobTooLarge", job_id: id, limit: maxJobBytes })
          assert.include(outcome.failure.message, String(maxJobBytes))
        }
      }
      yield* jobs.findById(id)
      yield* jobs.update(id, { report_payload: null, retirement_payload: null, summary_payload: null })
      yield* jobs.attachReport(id, { content })
      assert.deepStrictEqual((yield* jobs.findById(id)).report_payload, { content })
    })
  )

  it.effect("a new job whose request is too large is refused", () =>
    Effect.gen(function* () {
      const clerk_user_id = yield* newUser
      const create = (size: number) =>
        Effect.flatMap(Jobs, (jobs) =>
          jobs.create({ clerk_user_id, job_type: "risk_assessment", request_payload: "x".repeat(size) })
        )
      yield* create(899_000)
      assert.deepInclude(yield* Effect.flip(create(900_000)), { _tag: "JobTooLarge", job_id: null })
    })
  )
}

const queue = (it: It) => {
  it.effect("claims take the oldest jobs of their kinds, and no two have the same one", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const kind = kindOf("claims")
      const ids = yield* jobsOfKind(kind, 60)
      const claims = yield* Effect.all(
        Array.from({ length: 12 }, () => jobs.claim({ types: [kind], limit: 6 })),
        { concurrency: "unbounded" }
      )
      const claimed = claims.flat().map(({ id }) => id)
      assert.strictEqual(new Set(claimed).size, claimed.length)
      for (const rest = new Set(ids); ; ) {
        for (const id of claimed) rest.delete(id)
        const more = yield* jobs.claim({ types: [kind], limit: 6 })
        if (more.length === 0) break
        claimed.push(...more.map(({ id }) => id))
      }
      assert.sameMembers(claimed, [...ids])
    })
  )

  it.effect("a job whose lease is over is claimed again, and the attempt before is refused in all it does", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const kind = kindOf("lease")
      const [id] = yield* jobsOfKind(kind, 1)
      if (id === undefined) return assert.fail("no job")
      const [first] = yield* jobs.claim({ types: [kind], lease: "1 minute" })
      if (first === undefined) return assert.fail("nothing claimed")
      assert.deepStrictEqual(yield* jobs.claim({ types: [kind] }), [])
      const extended = yield* first.extend("10 minutes")
      assert.isAbove(extended.lease_until?.getTime() ?? 0, Date.now() + 300_000)
      yield* age(id)
      const [second] = yield* jobs.claim({ types: [kind] })
      assert.strictEqual(second?.number, 2)
      const stale: ReadonlyArray<ReturnType<typeof first.complete | typeof first.attach>> = [
        first.attach({ report_payload: { content: "late" } }),
        first.extend("1 hour"),
        first.complete(),
        first.fail("late"),
        first.release()
      ]
      for (const late of stale) {
        const refused = yield* Effect.flip(late)
        assert.deepInclude(refused, { _tag: "JobTransitionRefused", attempts: 2 })
        assert.include(refused.message, "another worker")
      }
      yield* second?.attach({ report_payload: { content: "in time" } }) ?? Effect.void
      yield* second?.complete() ?? Effect.void
      assert.deepInclude(yield* jobs.findById(id), { status: "completed", attempts: 2 })
    })
  )

  it.effect("a job that no worker finishes fails after its last attempt, and says so", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const kind = kindOf("poison")
      const [id] = yield* jobsOfKind(kind, 1)
      if (id === undefined) return assert.fail("no job")
      for (let attempt = 1; attempt <= 2; attempt++) {
        assert.lengthOf(yield* jobs.claim({ types: [kind], maxAttempts: 2 }), 1)
        yield* age(id)
      }
      assert.lengthOf(yield* jobs.claim({ types: [kind], maxAttempts: 2 }), 0)
      const found = yield* jobs.findById(id)
      assert.strictEqual(found.status, "failed")
      assert.include(found.error_message ?? "", "started 2 times")
    })
  )

  it.effect("a claim gets as many jobs as it asks for, with and without a request, the oldest first", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const clerk_user_id = yield* newUser
      const ids: Array<JobId> = []
      for (const request of [{}, {}, { request_payload: { years: 20 } }, { request_payload: null }, {}]) {
        ids.push((yield* jobs.create({ clerk_user_id, job_type: "tax_optimization", ...request })).id)
        // The clock of the embedded database has whole milliseconds, and jobs of the same one have no order.
        yield* Effect.promise(() => setTimeout(2))
      }
      const claimed = yield* jobs.claim({ types: ["tax_optimization"], limit: 4 })
      assert.deepStrictEqual(
        claimed.map(({ id }) => id),
        ids.slice(0, 4)
      )
    })
  )

  it.effect("a claim gets as many jobs as it asks for, though older ones fail because no worker finished them", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const sql = yield* SqlClient.SqlClient
      const kind = kindOf("behind_poison")
      const poison = yield* jobsOfKind(kind, 5)
      yield* jobs.claim({ types: [kind], limit: 5 })
      // One of them is started once more, and one still has its worker.
      const [again, held] = poison
      if (again === undefined || held === undefined) return assert.fail("no job")
      yield* sql`UPDATE jobs SET lease_until = now() - interval '1 second', attempts = CASE WHEN id = ${again}::uuid THEN 1 ELSE 3 END
        WHERE job_type = ${kind}::varchar AND id <> ${held}::uuid`
      const fresh = yield* jobsOfKind(kind, 2)
      const claimed = yield* jobs.claim({ types: [kind], limit: 2 })
      assert.lengthOf(claimed, 2)
      assert.deepInclude(claimed[0], { id: again, number: 2 })
      assert.include(fresh, claimed[1]?.id)
      for (const id of poison.slice(2)) assert.strictEqual((yield* jobs.findById(id)).status, "failed")
      assert.strictEqual((yield* jobs.findById(held)).status, "running")
    })
  )

  it.effect("a worker goes on at once where the oldest jobs fail because no worker finished them", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const sql = yield* SqlClient.SqlClient
      const kind = kindOf("work_behind_poison")
      yield* jobsOfKind(kind, 3)
      yield* jobs.claim({ types: [kind], limit: 3 })
      yield* sql`UPDATE jobs SET lease_until = now() - interval '1 second', attempts = 3 WHERE job_type = ${kind}::varchar`
      yield* jobsOfKind(kind, 1)
      const [outcome] = yield* jobs
        .work({ types: [kind], pollEvery: "1 hour" }, () => Effect.void)
        .pipe(Stream.take(1), Stream.runCollect, Effect.timeout("30 seconds"))
      assert.deepInclude(outcome, { outcome: "completed", attempt: 1 })
    })
  )

  it.effect("requests that do not fit into one answer are claimed in as many claims as it takes", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const sql = yield* SqlClient.SqlClient
      const kind = kindOf("large")
      yield* jobsOfKind(kind, 3)
      yield* sql`UPDATE jobs SET request_payload = to_jsonb(repeat('x', 500000)) WHERE job_type = ${kind}::varchar`
      const sizes: Array<number> = []
      for (let left = 3; left > 0; ) {
        const claimed = yield* jobs.claim({ types: [kind], limit: 3 })
        sizes.push(claimed.length)
        left -= claimed.length
      }
      assert.deepStrictEqual(sizes, [1, 1, 1])
    })
  )
}

const workers = (it: It) => {
  it.effect("a worker completes its jobs, and fails those whose handler fails", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const kind = kindOf("work")
      const ids = yield* jobsOfKind(kind, 10)
      const outcomes = yield* jobs
        .work(
          { types: [kind], concurrency: 3, pollEvery: "10 millis" },
          Effect.fnUntraced(function* ({ attach, id }) {
            if (id === ids[0]) return yield* Effect.fail("no model")
            yield* attach({ report_payload: { content: id } })
          })
        )
        .pipe(Stream.take(10), Stream.runCollect)
      assert.sameMembers(
        outcomes.map(({ id }) => id),
        [...ids]
      )
      for (const { id, outcome } of outcomes) {
        const found = yield* jobs.findById(id)
        assert.strictEqual(outcome, id === ids[0] ? "failed" : "completed")
        assert.strictEqual(found.status, outcome)
        if (outcome === "failed") assert.include(found.error_message ?? "", "no model")
        else assert.deepStrictEqual(found.report_payload, { content: id })
      }
    })
  )

  it.effect("a handler that ends its job itself may go on, and its worker says what became of the job", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const kind = kindOf("ended")
      const [completed, failed] = yield* jobsOfKind(kind, 2)
      let told = false
      const outcomes = yield* jobs
        .work(
          { types: [kind], lease: "300 millis", pollEvery: "10 millis" },
          Effect.fnUntraced(function* ({ complete, fail, id }) {
            yield* id === failed ? fail("no model") : complete()
            yield* Effect.sleep(id === failed ? 0 : "600 millis")
            told ||= id === completed
          })
        )
        .pipe(Stream.take(2), Stream.runCollect)
      assert.isTrue(told)
      assert.sameDeepMembers(
        [...outcomes],
        [
          { id: completed, attempt: 1, outcome: "completed" },
          { id: failed, attempt: 1, outcome: "failed" }
        ]
      )
    })
  )

  it.effect("a worker that is stopped ends the jobs that it has, and takes no more", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const kind = kindOf("stop")
      yield* jobsOfKind(kind, 10)
      const stop = yield* Deferred.make<void>()
      const started = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const worker = yield* jobs
        .work({ types: [kind], concurrency: 2, pollEvery: "10 millis", stop: Deferred.await(stop) }, () =>
          Effect.andThen(Deferred.succeed(started, undefined), Deferred.await(go))
        )
        .pipe(Stream.runCollect, Effect.forkChild)
      yield* Deferred.await(started)
      yield* Deferred.succeed(stop, undefined)
      yield* Effect.sleep("50 millis")
      yield* Deferred.succeed(go, undefined)
      const outcomes = yield* Fiber.join(worker)
      assert.isAtMost(outcomes.length, 2)
      for (const { outcome } of outcomes) assert.strictEqual(outcome, "completed")
      const sql = yield* SqlClient.SqlClient
      const [counts] = yield* sql`SELECT count(*) FILTER (WHERE status = 'running')::int AS running FROM jobs
        WHERE job_type = ${kind}::varchar`
      assert.deepStrictEqual(counts, { running: 0 })
    })
  )

  it.effect("a worker without a job ends when it is stopped, however long it waits for the next claim", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const types = [kindOf("idle")]
      for (const stop of [Effect.void, Effect.sleep("20 millis")]) {
        const options = { types, concurrency: 3, pollEvery: "1 hour", stop } as const
        assert.deepStrictEqual(yield* Stream.runCollect(jobs.work(options, () => Effect.void)), [])
      }
    })
  )

  it.effect("a worker that is interrupted gives its job back at once", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const kind = kindOf("interrupted")
      const [id] = yield* jobsOfKind(kind, 1)
      if (id === undefined) return assert.fail("no job")
      const started = yield* Deferred.make<void>()
      const worker = yield* jobs
        .work({ types: [kind], lease: "1 hour" }, () =>
          Effect.andThen(Deferred.succeed(started, undefined), Effect.never)
        )
        .pipe(Stream.runDrain, Effect.forkChild)
      yield* Deferred.await(started)
      yield* Fiber.interrupt(worker)
      assert.deepInclude(yield* jobs.findById(id), { status: "pending", attempts: 1, lease_until: null })
    })
  )

  it.effect("a worker that can't extend its lease, or read a job, goes on, and the log says why and what to do", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const sql = yield* SqlClient.SqlClient
      const kind = kindOf("unextended")
      const [good, bad] = yield* jobsOfKind(kind, 2)
      yield* sql`UPDATE jobs SET created_at = '294276-12-31' WHERE id = ${bad}::uuid`
      const said: Array<string> = []
      const [warned, named] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const log = Logger.make(({ message }) => {
        said.push(String(message))
        if (String(message).includes("lease")) Deferred.doneUnsafe(warned, Effect.void)
        else Deferred.doneUnsafe(named, Effect.void)
      })
      const outcomes = yield* jobs
        .work(
          { types: [kind], lease: "30 millis", maxAttempts: 1, pollEvery: "5 millis", stop: Deferred.await(named) },
          () =>
            Effect.acquireUseRelease(
              sql`ALTER TABLE jobs RENAME COLUMN lease_until TO gone`,
              () => Deferred.await(warned),
              () => Effect.orDie(sql`ALTER TABLE jobs RENAME COLUMN gone TO lease_until`)
            )
        )
        .pipe(Stream.runCollect, Effect.provide(Logger.layer([log])))
      assert.deepStrictEqual(
        outcomes.map(({ id, outcome }) => [id, outcome]),
        [[good, "completed"]]
      )
      const [lease = "", unreadable = ""] = [...new Set(said)]
      assert.include(lease, `The lease of job ${good} could not be extended`)
      assert.match(lease, /column .*lease_until.* does not exist/)
      assert.include(lease, "set a longer lease")
      assert.include(unreadable, `The row ${bad} of jobs was written, but can't be read: created_at`)
    })
  )

  it.effect("a worker extends its lease while it works, and stops working on a job that is cancelled", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const kind = kindOf("cancelled")
      const [id] = yield* jobsOfKind(kind, 1)
      if (id === undefined) return assert.fail("no job")
      const started = yield* Deferred.make<void>()
      const interrupted = yield* Deferred.make<void>()
      const worker = yield* jobs
        .work({ types: [kind], lease: "600 millis" }, () =>
          Effect.andThen(Deferred.succeed(started, undefined), Effect.never).pipe(
            Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
          )
        )
        .pipe(Stream.take(1), Stream.runCollect, Effect.forkChild)
      yield* Deferred.await(started)
      yield* Effect.sleep("1500 millis")
      assert.deepStrictEqual(yield* jobs.claim({ types: [kind] }), [])
      yield* jobs.cancel(id)
      yield* Deferred.await(interrupted)
      assert.deepStrictEqual(yield* Fiber.join(worker), [{ id, attempt: 1, outcome: "lost" }])
      assert.strictEqual((yield* jobs.findById(id)).status, "cancelled")
    })
  )
}

/** The outcomes of a worker that takes so many of the jobs of a kind. */
const outcomesOf = Effect.fnUntraced(function* <E, R>(
  kind: string,
  count: number,
  handler: (claimed: ClaimedJob) => Effect.Effect<unknown, E, R>
) {
  const jobs = yield* Jobs
  const outcomes = yield* jobs
    .work({ types: [kind], lease: "60 millis", pollEvery: "5 millis", maxAttempts: 1 }, handler)
    .pipe(Stream.take(count), Stream.runCollect)
  return outcomes.map(({ id, outcome }) => [id, outcome] as const)
})

const statusOf = Effect.fnUntraced(function* (id: JobId) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ readonly status: string; readonly error_message: string | null }>`
    SELECT status, error_message FROM jobs WHERE id = ${id}::uuid`
  return row
})

/** Runs an effect while a rule of the table holds for the rows that are written. */
const under = Effect.fnUntraced(function* <A, E, R>(rule: string, effect: Effect.Effect<A, E, R>) {
  const sql = yield* SqlClient.SqlClient
  return yield* Effect.acquireUseRelease(
    sql.unsafe(`ALTER TABLE jobs ADD CONSTRAINT own_rule CHECK (${rule}) NOT VALID`),
    () => effect,
    () => Effect.orDie(sql.unsafe("ALTER TABLE jobs DROP CONSTRAINT own_rule"))
  )
})

const poisoned = (it: It) => {
  it.effect("a job that can't be read once it is worked on ends as it should, and the worker goes on", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const kind = kindOf("spoilt")
      const [spoilt, failing, extended, good] = yield* jobsOfKind(kind, 4)
      const outcomes = yield* outcomesOf(
        kind,
        4,
        Effect.fnUntraced(function* ({ id }) {
          if (id === good) return
          yield* sql`UPDATE jobs SET created_at = '294276-12-31' WHERE id = ${id}::uuid`
          if (id === failing) return yield* Effect.fail("no model")
          if (id === extended) yield* Effect.sleep("200 millis")
        })
      )
      assert.sameDeepMembers<unknown>(outcomes, [
        [spoilt, "completed"],
        [failing, "failed"],
        [extended, "completed"],
        [good, "completed"]
      ])
      for (const [id, outcome] of outcomes)
        if (id !== undefined) assert.strictEqual((yield* statusOf(id))?.status, outcome)
    })
  )

  it.effect("a job whose state becomes none while it is worked on is lost, and the worker goes on", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const kind = kindOf("paused")
      const [ended, interrupted, good] = yield* jobsOfKind(kind, 3)
      yield* sql`ALTER TABLE jobs DROP CONSTRAINT jobs_status_check`
      const outcomes = yield* outcomesOf(
        kind,
        3,
        Effect.fnUntraced(function* ({ id }) {
          if (id !== good) yield* sql`UPDATE jobs SET status = 'paused' WHERE id = ${id}::uuid`
          if (id === interrupted) return yield* Effect.never
        })
      ).pipe(
        Effect.ensuring(
          Effect.orDie(
            sql`ALTER TABLE jobs ADD CONSTRAINT jobs_status_check
              CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')) NOT VALID`
          )
        )
      )
      assert.sameDeepMembers<unknown>(outcomes, [
        [ended, "lost"],
        [interrupted, "lost"],
        [good, "completed"]
      ])
    })
  )

  it.effect("a job that a rule of the database lets no one complete fails with the rule, and the worker goes on", () =>
    Effect.gen(function* () {
      const kind = kindOf("ruled")
      const [ruled, good] = yield* jobsOfKind(kind, 2)
      const outcomes = yield* under(
        "status <> 'completed' OR report_payload IS NOT NULL",
        outcomesOf(kind, 2, ({ attach, id }) =>
          id === good ? attach({ report_payload: { content: "x" } }) : Effect.void
        )
      )
      assert.sameDeepMembers<unknown>(outcomes, [
        [ruled, "failed"],
        [good, "completed"]
      ])
      if (ruled !== undefined) assert.include((yield* statusOf(ruled))?.error_message ?? "", "own_rule")
    })
  )

  it.effect("a job that a rule of the database lets no one end is lost, and the worker goes on", () =>
    Effect.gen(function* () {
      const kind = kindOf("endless")
      const [endless, good] = yield* jobsOfKind(kind, 2)
      const outcomes = yield* under(
        `status NOT IN ('completed', 'failed') OR id <> '${endless}'`,
        outcomesOf(kind, 2, () => Effect.void)
      )
      assert.sameDeepMembers<unknown>(outcomes, [
        [endless, "lost"],
        [good, "completed"]
      ])
    })
  )

  it.effect("jobs that a rule of the database lets no one start are named, and those behind them are claimed", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const sql = yield* SqlClient.SqlClient
      const kind = kindOf("unstarted")
      const [first, second, expired, good, better] = yield* jobsOfKind(kind, 5)
      yield* sql`
        UPDATE jobs SET created_at = created_at - interval '1 day'
        WHERE id IN (${first}::uuid, ${second}::uuid, ${expired}::uuid)`
      yield* sql`
        UPDATE jobs SET status = 'running', attempts = 9, lease_until = now() - interval '1 day' WHERE id = ${expired}::uuid`
      const claims = Effect.gen(function* () {
        const claimed = yield* jobs.claim({ types: [kind], limit: 2 })
        assert.sameMembers<unknown>(
          Array.from(claimed, ({ id }) => id),
          [good, better]
        )
        assert.sameMembers<unknown>(
          (claimed.unreadable ?? []).map(({ key }) => key),
          [first, second, expired]
        )
        for (const row of claimed.unreadable ?? []) {
          assert.notProperty(row, "done")
          assert.include(row.message, "own_rule")
        }
        assert.deepStrictEqual([...(yield* jobs.claim({ types: [kind] }))], [])
        yield* sql`UPDATE jobs SET status = 'pending' WHERE id = ${good}::uuid`
        yield* sql`UPDATE jobs SET status = 'pending' WHERE id = ${better}::uuid`
        const said: Array<string> = []
        const log = Logger.make(({ message }) => said.push(String(message)))
        const worked = outcomesOf(kind, 2, () => Effect.void).pipe(Effect.provide(Logger.layer([log])))
        assert.sameDeepMembers<unknown>(yield* worked, [
          [good, "completed"],
          [better, "completed"]
        ])
        assert.strictEqual(said.length, 3)
        const within = yield* Effect.flip(sql.withTransaction(jobs.claim({ types: [kind] })))
        assert.strictEqual(within._tag, "SqlError")
      })
      yield* under(`id NOT IN ('${first}', '${second}', '${expired}')`, claims)
    })
  )
}

export const jobContract = (it: It) => {
  steps(it)
  redelivery(it)
  sizes(it)
  queue(it)
  workers(it)
  poisoned(it)
}
