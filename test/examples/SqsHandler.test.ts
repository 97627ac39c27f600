import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, References, Stream } from "effect"
import { AiError, LanguageModel } from "effect/ai"
import { SqlClient, SqlError } from "effect/sql"
import { TestClock } from "effect/testing"
import { ClerkUserId, JobId } from "../../src/domain/index.ts"
import { DbLayer, Jobs, Reset } from "../../src/index.ts"
import { runJob } from "./PlannerJob.ts"
import { giveUp, handle, onQueue } from "./SqsHandler.ts"

const user = ClerkUserId.make("test_user_001")
const noJob = JobId.make("00000000-0000-4000-8000-000000000000")

const database = Layer.effectDiscard(Reset.reset({ withTestData: true })).pipe(
  Layer.provideMerge(DbLayer.layerEmbedded({ directory: "memory" })),
  Layer.provideMerge(NodeServices.layer),
  // Every delivery that fails is a line of the log.
  Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "None"))
)

const newJob = Effect.map(
  Jobs.use((jobs) => jobs.create({ clerk_user_id: user, job_type: "portfolio_analysis" })),
  ({ id }) => id
)
const jobOf = (id: JobId) => Jobs.use((jobs) => jobs.findById(id))

/** The planner, whose model answers with this text once it may. */
const planner = (says: string, first: Effect.Effect<void, AiError.AiError> = Effect.void) => {
  const model = LanguageModel.make({
    generateText: () => Effect.as(first, [{ type: "text" as const, text: says }]),
    streamText: () => Stream.empty
  })
  return (id: JobId) => runJob(id).pipe(Effect.provide(Layer.effect(LanguageModel.LanguageModel, model)))
}
const works = planner("Mostly equities.")
const unreachable = new SqlError.SqlError({
  reason: new SqlError.ConnectionError({ cause: new Error("ECONNREFUSED") })
})

/** A record as AWS documents it. */
const record = (messageId: string, body: string, attributes: object = {}) => ({
  messageId,
  receiptHandle: "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
  body,
  attributes: {
    ApproximateReceiveCount: "1",
    SentTimestamp: "1545082649183",
    SenderId: "AIDAIENQZJOLO23YVJ4VO",
    ApproximateFirstReceiveTimestamp: "1545082649185",
    ...attributes
  },
  messageAttributes: {},
  md5OfBody: "e4e68fb7bd0e697a0ae8f1bb342846b3",
  eventSource: "aws:sqs",
  eventSourceARN: "arn:aws:sqs:us-east-2:123456789012:jobs",
  awsRegion: "us-east-2"
})
const naming = (id: JobId) => JSON.stringify({ job_id: id })

const minutes = (count: number) => ({ getRemainingTimeInMillis: () => count * 60_000 })

/** The messages of an event that go back to the queue. */
const returned = Effect.fnUntraced(function* <E, R>(
  records: ReadonlyArray<ReturnType<typeof record>>,
  run: (id: JobId) => Effect.Effect<unknown, E, R>,
  invocation = minutes(15)
) {
  const { batchItemFailures } = yield* handle({ Records: records }, invocation, run)
  return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
})

/** Lets time pass for the jobs that run. */
const later = Effect.fnUntraced(function* (by: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE jobs SET started_at = started_at - ${by}::text::interval, created_at = created_at - ${by}::text::interval
    WHERE status = 'running'`
})

layer(database, { timeout: "60 seconds", excludeTestServices: true })("a queue's Lambda function", (it) => {
  it.effect("runs the job that a message names: as JSON, as text, by the Python module, through an SNS topic", () =>
    Effect.gen(function* () {
      const bodies = [
        naming,
        (id: JobId) => id,
        (id: JobId) => ` ${id.toUpperCase()}\n`,
        (id: JobId) => JSON.stringify(id),
        // What the original API sends, by Python's json.dumps.
        (id: JobId) =>
          `{"job_id": "${id}", "clerk_user_id": "${user}", "analysis_type": "portfolio", "options": {"note": "\\u00fc"}}`
      ]
      const inTopic = (body: string) =>
        JSON.stringify({ Type: "Notification", MessageId: "22b80b92", TopicArn: "arn:aws:sns:jobs", Message: body })
      const onBus = (id: JobId) =>
        JSON.stringify({
          ...{ version: "0", id: "7bf73129-1428-4cd3-a780-95db273d1602", "detail-type": "Analysis asked for" },
          ...{
            source: "alex",
            account: "123456789012",
            time: "2026-11-28T00:00:00Z",
            region: "us-east-2",
            resources: []
          },
          detail: { job_id: id, clerk_user_id: user }
        })
      const sent = [...bodies, onBus]
      for (const body of [...sent, ...sent.map((body) => (id: JobId) => inTopic(body(id)))]) {
        const id = yield* newJob
        assert.deepStrictEqual(yield* returned([record("one", body(id))], works), [])
        assert.strictEqual((yield* jobOf(id)).status, "completed", body(id))
      }
    })
  )

  it.effect("acknowledges a message that names no job, and runs the others", () =>
    Effect.gen(function* () {
      const ids = yield* Effect.all([newJob, newJob])
      const bodies = [
        "",
        "hello",
        "{",
        "null",
        "42",
        "[]",
        '"constructor"',
        "{}",
        '{"job_id": null}',
        '{"job_id": 7}',
        '{"job_id": "7"}',
        `{"job_id": ["${ids[0]}"]}`,
        `{"__proto__": {"job_id": "${ids[0]}"}}`,
        '{"Type": "Notification"}',
        '{"Type": "Notification", "Message": "hello"}',
        `{"Type": "SubscriptionConfirmation", "Message": "${ids[0]}"}`,
        "[".repeat(100_000),
        `${ids[0]}, ${ids[1]}`,
        `{"job_id": "${ids[0]}"`,
        `{"detail": {"job_id": "${ids[0]}"}}`,
        `{"detail-type": "x", "detail": "${ids[0]}"}`,
        Buffer.from(naming(ids[0] ?? noJob)).toString("base64")
      ]
      const ran: Array<string> = []
      const records = bodies.map((body, index) => record(`bad ${index}`, body))
      const run = (id: JobId) =>
        Effect.andThen(
          Effect.sync(() => ran.push(id)),
          works(id)
        )
      assert.deepStrictEqual(yield* returned([...records, record("good", naming(ids[1]))], run), [])
      assert.deepStrictEqual(ran, [ids[1]])
    })
  )

  it.effect("runs a job once whose message comes twice, one after the other or at once", () =>
    Effect.gen(function* () {
      const id = yield* newJob
      const refused = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(
        returned([record("one", naming(id))], planner("First.", Deferred.await(refused)))
      )
      while ((yield* jobOf(id)).status === "pending") yield* Effect.sleep("5 millis")
      // The one that has the job may die, so that the other message must not be lost.
      assert.deepStrictEqual(yield* returned([record("two", id)], works), ["two"])
      yield* Deferred.succeed(refused, undefined)
      assert.deepStrictEqual(yield* Fiber.join(first), [])
      for (const body of [naming(id), id, JSON.stringify(id)]) {
        assert.deepStrictEqual(yield* returned([record("two", body, { ApproximateReceiveCount: "2" })], works), [])
      }
      const job = yield* jobOf(id)
      assert.deepStrictEqual([job.status, job.attempts, job.summary_payload], ["completed", 1, { summary: "First." }])
    })
  )

  it.effect("runs a job once that two messages of one event name", () =>
    Effect.gen(function* () {
      const id = yield* newJob
      const back = yield* returned([record("one", naming(id)), record("two", id)], works)
      assert.isAtMost(back.length, 1)
      assert.deepStrictEqual(
        yield* returned(
          back.map((messageId) => record(messageId, id)),
          works
        ),
        []
      )
      assert.deepInclude(yield* jobOf(id), { status: "completed", attempts: 1 })
    })
  )

  it.effect("acknowledges what no delivery helps: a job that ended in any way, or that is not there", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const [failed, cancelled, deleted] = yield* Effect.all([newJob, newJob, newJob])
      yield* jobs.fail(failed, "no model")
      yield* jobs.cancel(cancelled)
      yield* jobs.delete(deleted)
      const records = [failed, cancelled, deleted, noJob].map((id, index) => record(`${index}`, naming(id)))
      assert.deepStrictEqual(yield* returned(records, works), [])
      assert.deepInclude(yield* jobOf(failed), { status: "failed", attempts: 0, error_message: "no model" })
      assert.deepInclude(yield* jobOf(cancelled), { status: "cancelled", attempts: 0 })
    })
  )

  it.effect("acknowledges a job whose planner fails, and keeps one whose planner has a defect", () =>
    Effect.gen(function* () {
      const [fails, broken, good] = yield* Effect.all([newJob, newJob, newJob])
      const reason = new AiError.InvalidOutputError({ description: "The model said nothing." })
      const wordless = Effect.fail(new AiError.AiError({ module: "script", method: "generateText", reason }))
      const run = (id: JobId) => {
        if (id === good) return works(id)
        return id === broken ? planner("", Effect.die("a defect"))(id) : planner("", wordless)(id)
      }
      const records = [fails, broken, good].map((id, index) => record(`${index}`, naming(id)))
      assert.deepStrictEqual(yield* returned(records, run), ["1"])
      assert.deepInclude(yield* jobOf(fails), { status: "failed", attempts: 1 })
      assert.deepInclude(yield* jobOf(broken), { status: "pending", attempts: 1 })
      assert.deepInclude(yield* jobOf(good), { status: "completed", attempts: 1 })
    })
  )

  it.effect("takes over the job of a worker that died, as soon as no worker can still be alive", () =>
    Effect.gen(function* () {
      const id = yield* newJob
      yield* Jobs.use((jobs) => jobs.start(id))
      yield* later("14 minutes")
      assert.deepStrictEqual(yield* returned([record("one", naming(id))], works), ["one"])
      yield* later("2 minutes")
      assert.deepStrictEqual(yield* returned([record("one", naming(id))], works), [])
      assert.deepInclude(yield* jobOf(id), { status: "completed", attempts: 2 })
    })
  )

  it.effect("keeps a message while the database can't be reached, before the job and within it", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const services = yield* Effect.context<SqlClient.SqlClient>()
      const id = yield* newJob
      assert.deepStrictEqual(yield* returned([record("one", naming(id))], () => Effect.fail(unreachable)), ["one"])
      const cut = Effect.orDie(sql`ALTER TABLE jobs RENAME TO unreachable`).pipe(Effect.provideContext(services))
      assert.deepStrictEqual(yield* returned([record("one", naming(id))], planner("Lost.", Effect.asVoid(cut))), [
        "one"
      ])
      yield* sql`ALTER TABLE unreachable RENAME TO jobs`
      yield* later("16 minutes")
      assert.deepStrictEqual(yield* returned([record("one", naming(id))], works), [])
      assert.deepInclude(yield* jobOf(id), { status: "completed", attempts: 2 })
    })
  )

  it.effect("gives a job back shortly before its own time is over, and the next delivery runs it", () =>
    Effect.gen(function* () {
      const [slow, quick] = yield* Effect.all([newJob, newJob])
      const thinks = yield* Deferred.make<void>()
      const endless = planner("Never.", Effect.andThen(Deferred.succeed(thinks, undefined), Effect.never))
      const run = (id: JobId) => (id === slow ? endless(id) : works(id))
      const records = [record("slow", naming(slow)), record("quick", naming(quick))]
      const back = yield* Effect.gen(function* () {
        const answer = yield* Effect.forkChild(returned(records, run, minutes(1)))
        yield* Deferred.await(thinks)
        while ((yield* jobOf(quick)).status !== "completed") yield* Effect.yieldNow
        yield* TestClock.adjust("54 seconds")
        assert.isUndefined(answer.pollUnsafe())
        yield* TestClock.adjust("1 second")
        return yield* Fiber.join(answer)
      }).pipe(Effect.provide(TestClock.layer()))
      assert.deepStrictEqual(back, ["slow"])
      assert.deepInclude(yield* jobOf(slow), { status: "pending", attempts: 1 })
      assert.deepStrictEqual(yield* returned([record("slow", naming(slow))], works), [])
      assert.deepInclude(yield* jobOf(slow), { status: "completed", attempts: 2 })
    })
  )

  it.effect("keeps the order of a FIFO group: what comes after a failed message goes back with it", () =>
    Effect.gen(function* () {
      const ids = yield* Effect.all(Array.from({ length: 6 }, () => newJob))
      const ran: Array<JobId> = []
      const run = (id: JobId) =>
        id === ids[1]
          ? Effect.fail(unreachable)
          : Effect.andThen(
              Effect.sync(() => ran.push(id)),
              works(id)
            )
      const records = (attributes: object) =>
        ids.map((id, index) =>
          record(`${index}`, naming(id), {
            MessageGroupId: index % 2 === 1 ? "constructor" : "__proto__",
            ...attributes
          })
        )
      assert.deepStrictEqual(yield* returned(records({ SequenceNumber: "18849496460467696128" }), run), ["1", "3", "5"])
      assert.deepStrictEqual(ran, [ids[0], ids[2], ids[4]])
      // The groups of a standard queue have no order.
      assert.deepStrictEqual(yield* returned(records({}), run), ["1"])
    })
  )

  it.effect("takes the records of a pipe, which come without an envelope, and an event without records", () =>
    Effect.gen(function* () {
      const [good, bad] = yield* Effect.all([newJob, newJob])
      const run = (id: JobId) => (id === bad ? Effect.fail(unreachable) : works(id))
      const records = [record("good", naming(good)), record("bad", naming(bad)), record("none", "hello")]
      assert.deepStrictEqual(yield* handle(records, minutes(15), run), {
        batchItemFailures: [{ itemIdentifier: "bad" }]
      })
      assert.strictEqual((yield* jobOf(good)).status, "completed")
      for (const empty of [[], { Records: [] }]) {
        assert.deepStrictEqual(yield* handle(empty, minutes(15), run), { batchItemFailures: [] })
      }
    })
  )

  it.effect("returns all of an event that is none of a queue's to Lambda, as a failure", () =>
    Effect.gen(function* () {
      for (const event of [{}, { Records: [{ Sns: { Message: noJob } }] }, { job_id: noJob }, null]) {
        assert.strictEqual((yield* Effect.flip(handle(event, minutes(15), works)))._tag, "SchemaError")
      }
      const handler = onQueue(giveUp, DbLayer.layerEmbedded({ directory: "memory" }))
      const answer = yield* Effect.promise(() => handler({ Records: [record("one", "hello")] }, minutes(1)))
      assert.deepStrictEqual(answer, { batchItemFailures: [] })
    })
  )

  it.effect("fails the job of a dead letter, unless it has ended", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const [pending, died, completed] = yield* Effect.all([newJob, newJob, newJob])
      yield* jobs.start(died)
      yield* works(completed)
      const records = [pending, died, completed, noJob].map((id, index) => record(`${index}`, naming(id)))
      assert.deepStrictEqual(yield* returned(records, giveUp), [])
      for (const id of [pending, died]) assert.include((yield* jobOf(id)).error_message, "never ended")
      assert.strictEqual((yield* jobOf(completed)).status, "completed")
    })
  )
})
