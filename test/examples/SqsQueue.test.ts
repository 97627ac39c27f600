/** The handler of a queue under a simulated SQS: at least once, out of order, with workers that die. */
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Deferred, Effect, Fiber, Layer, References, Schema, Stream } from "effect"
import { LanguageModel } from "effect/ai"
import { SqlClient, SqlError } from "effect/sql"
import { ClerkUserId, type JobId } from "../../src/domain/index.ts"
import { Jobs, Users } from "../../src/index.ts"
import { embedded, hasPostgres, postgres, skipWithoutPostgres } from "../repository/TestRepositories.ts"
import { runJob } from "./PlannerJob.ts"
import { giveUp, handle } from "./SqsHandler.ts"

const long = process.env["ALEX_LONG"] !== undefined

/** What becomes of one delivery. */
const Fate = Schema.Literals([
  "works",
  "the planner fails",
  "the answer is lost",
  "the worker dies at once",
  "the worker dies with the job",
  "the worker goes on though its time is over",
  "the database is gone",
  "time is up",
  "a defect"
])

const Sent = Schema.Struct({
  job: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 3 }))),
  form: Schema.Literals(["object", "text", "json", "topic", "bus", "garbage", "of no job"]),
  fates: Schema.Array(Fate).pipe(Schema.check(Schema.isMaxLength(4))),
  /** Whether it is visible again while the first worker may still have it. */
  early: Schema.Boolean,
  /** Whether every delivery reaches two consumers. */
  twice: Schema.Boolean
})

const Case = Schema.Struct({
  fifo: Schema.Boolean,
  batch: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 5 }))),
  sent: Schema.Array(Sent).pipe(Schema.check(Schema.isMaxLength(7)))
})

interface Letter {
  readonly messageId: string
  readonly sent: typeof Sent.Type
  readonly body: string
  receives: number
  visibleAt: number
}

const maxReceiveCount = 3
const visibility = 90
const early = 10

const bodyOf = ({ form }: typeof Sent.Type, id: JobId): string => {
  const object = JSON.stringify({ job_id: id })
  switch (form) {
    case "text":
      return id
    case "json":
      return JSON.stringify(id)
    case "topic":
      return JSON.stringify({ Type: "Notification", Message: object })
    case "bus":
      return JSON.stringify({ "detail-type": "Asked for", source: "alex", detail: { job_id: id } })
    case "garbage":
      return "hello"
    case "of no job":
      return "00000000-0000-4000-8000-000000000000"
    default:
      return object
  }
}

const groupOf = ({ job }: typeof Sent.Type): string => `group ${job % 2}`

const unreachable = new SqlError.SqlError({
  reason: new SqlError.ConnectionError({ cause: new Error("ECONNREFUSED") })
})

const says = (answer: Effect.Effect<unknown>) =>
  Layer.effect(
    LanguageModel.LanguageModel,
    LanguageModel.make({
      generateText: () => Effect.as(answer, [{ type: "text" as const, text: "Done." }]),
      streamText: () => Stream.empty
    })
  )

/** A planner that meets its fate; `over` ends the work of those that went on. */
const meeting = (fate: typeof Fate.Type, over: Effect.Effect<void>) =>
  Effect.fnUntraced(function* (id: JobId) {
    const jobs = yield* Jobs
    switch (fate) {
      case "the planner fails": {
        const { attempts } = yield* jobs.start(id, { takeOver: "15 minutes" })
        return yield* jobs.attempt({ id, attempts }).fail("no model")
      }
      case "the worker dies at once":
        return undefined
      case "the worker dies with the job":
        return yield* jobs.start(id, { takeOver: "15 minutes" })
      case "the database is gone":
        return yield* Effect.fail(unreachable)
      case "time is up":
        return yield* Effect.provide(runJob(id), says(Effect.never))
      case "a defect":
        return yield* Effect.provide(runJob(id), says(Effect.die("a defect")))
      case "the worker goes on though its time is over":
        return yield* Effect.provide(runJob(id), says(over))
      default:
        return yield* Effect.provide(runJob(id), says(Effect.void))
    }
  })

/** The queue: who receives what at which minute. */
class Queue {
  now = 0
  readonly letters: Array<Letter>
  readonly dead: Array<Letter> = []
  readonly fifo: boolean

  constructor(letters: Array<Letter>, fifo: boolean) {
    this.letters = letters
    this.fifo = fifo
  }

  /** What is visible, in order if it is a FIFO queue; what was received too often goes to the dead letters. */
  receive(): ReadonlyArray<Letter> {
    const blocked = new Set<string>()
    const received: Array<Letter> = []
    for (const letter of [...this.letters]) {
      const group = groupOf(letter.sent)
      if (letter.visibleAt > this.now) {
        blocked.add(group)
        continue
      }
      if (this.fifo && blocked.has(group)) continue
      letter.receives++
      letter.visibleAt = this.now + (letter.sent.early ? early : visibility)
      if (letter.receives > maxReceiveCount) {
        this.delete(letter)
        this.dead.push(letter)
      } else received.push(letter)
    }
    return received
  }

  delete(letter: Letter): void {
    const at = this.letters.indexOf(letter)
    if (at >= 0) this.letters.splice(at, 1)
  }

  /** Goes to where the next hidden letter is visible; the minutes until then. */
  advance(): number {
    const hidden = this.letters.map(({ visibleAt }) => visibleAt).filter((at) => at > this.now)
    const passed = hidden.length === 0 ? 0 : Math.min(...hidden) - this.now
    this.now += passed
    return passed
  }
}

const eventOf = (letters: ReadonlyArray<Letter>, fifo: boolean) => ({
  Records: letters.map(({ body, messageId, receives, sent }) => ({
    messageId,
    body,
    attributes: {
      ApproximateReceiveCount: `${receives}`,
      ...(fifo && { SequenceNumber: messageId, MessageGroupId: groupOf(sent) })
    }
  }))
})

const statusOf = Effect.fnUntraced(function* (id: JobId) {
  return (yield* Jobs.use((jobs) => jobs.findById(id))).status
})

// Every failed delivery is a line of the log.
const quiet = Layer.succeed(References.MinimumLogLevel, "None")

const user = ClerkUserId.make("test_user_001")

/** Notes each end of a job, also of one that had ended. */
const noting = Layer.effectDiscard(
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* Users.use((users) => users.create({ clerk_user_id: user }))
    yield* sql`CREATE TABLE ends (job uuid, status text)`
    yield* sql`CREATE FUNCTION note_end() RETURNS trigger LANGUAGE plpgsql AS ${sql.literal(
      "$$ BEGIN INSERT INTO ends VALUES (NEW.id, NEW.status); RETURN NEW; END $$"
    )}`
    yield* sql`CREATE TRIGGER note_end AFTER UPDATE OF status ON jobs FOR EACH ROW
      WHEN (NEW.status NOT IN ('pending', 'running') AND OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION note_end()`
  })
)

/** Delivers until the queue is empty, and then the dead letters. */
const simulate = Effect.fnUntraced(function* ({ batch, fifo, sent }: typeof Case.Type) {
  const sql = yield* SqlClient.SqlClient
  const jobs = yield* Jobs
  const create = jobs.create({ clerk_user_id: user, job_type: "portfolio_analysis" })
  const ids = yield* Effect.all([create, create, create, create]).pipe(Effect.map((all) => all.map(({ id }) => id)))
  const [anyId] = ids
  if (anyId === undefined) return assert.fail("no job")
  const idOf = (one: typeof Sent.Type) => ids[one.job] ?? anyId
  const queue = new Queue(
    sent.map((one, index) => ({
      messageId: `${index}`,
      sent: one,
      body: bodyOf(one, idOf(one)),
      receives: 0,
      visibleAt: 0
    })),
    fifo
  )
  const over = yield* Deferred.make<void>()
  const going: Array<Fiber.Fiber<unknown, unknown>> = []
  const fateOf = ({ receives, sent: { fates } }: Letter) => fates[receives - 1] ?? "works"

  const acknowledge = Effect.fnUntraced(function* (letter: Letter) {
    if (!queue.letters.includes(letter)) return
    // No message is lost: its job has ended, or it has none. In a FIFO group none before it is left.
    const { form } = letter.sent
    if (form !== "garbage" && form !== "of no job") {
      assert.include(["completed", "failed"], yield* statusOf(idOf(letter.sent)))
    }
    const before = queue.letters.slice(0, queue.letters.indexOf(letter))
    if (fifo)
      assert.notInclude(
        before.map((one) => groupOf(one.sent)),
        groupOf(letter.sent)
      )
    queue.delete(letter)
  })

  const invoke = Effect.fnUntraced(function* (letters: ReadonlyArray<Letter>) {
    const fates = new Map(letters.map((letter) => [idOf(letter.sent), fateOf(letter)]))
    const dies = letters.some((letter) => /answer|dies|goes on/.test(fateOf(letter)))
    const outOfTime = letters.some((letter) => fateOf(letter) === "time is up")
    const answer = handle(
      eventOf(letters, fifo),
      { getRemainingTimeInMillis: () => (outOfTime ? 5050 : 900_000) },
      (id) => meeting(fates.get(id) ?? "works", Deferred.await(over))(id)
    )
    if ([...fates.values()].includes("the worker goes on though its time is over")) {
      going.push(yield* Effect.forkScoped(answer))
      return
    }
    const { batchItemFailures } = yield* answer
    if (dies) return
    const back = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))
    for (const letter of letters) if (!back.has(letter.messageId)) yield* acknowledge(letter)
  })

  for (let rounds = 0; queue.letters.length > 0; rounds++) {
    assert.isBelow(rounds, 100)
    const received = queue.receive()
    const batches: Array<ReadonlyArray<Letter>> = fifo ? [received] : []
    if (!fifo) for (let at = 0; at < received.length; at += batch) batches.push(received.slice(at, at + batch))
    const copies = fifo ? [] : received.filter((letter) => letter.sent.twice)
    yield* Effect.all([...batches.map((letters) => invoke(letters)), invoke(copies)], {
      concurrency: "unbounded"
    })
    const passed = queue.advance()
    yield* sql`UPDATE jobs SET started_at = started_at - ${passed} * interval '1 minute',
      created_at = created_at - ${passed} * interval '1 minute' WHERE status = 'running'`
  }
  yield* Deferred.succeed(over, undefined)
  for (const fiber of going) yield* Fiber.join(fiber)
  const given = yield* handle(eventOf(queue.dead, false), { getRemainingTimeInMillis: () => 900_000 }, giveUp)
  assert.deepStrictEqual(given.batchItemFailures, [])

  const named = new Set(sent.filter(({ form }) => form !== "garbage" && form !== "of no job").map(idOf))
  for (const id of ids) {
    const ends = yield* sql`SELECT status FROM ends WHERE job = ${id}::uuid`
    assert.lengthOf(ends, named.has(id) ? 1 : 0)
  }
  return true
})

const held = (name: string, database: typeof embedded | typeof postgres) =>
  layer(noting.pipe(Layer.provideMerge(database), Layer.provideMerge(quiet)), {
    timeout: "60 seconds",
    excludeTestServices: true
  })(`a queue with several consumers, on ${name}`, (it) => {
    it.effect(
      "runs each job to one end, loses no message and delivers none for ever",
      () =>
        Effect.gen(function* () {
          const check = yield* Arbitrary.checkEffect(
            Arbitrary.schema(Case),
            (one) => Effect.scoped(simulate(one)).pipe(Effect.catchDefect(Effect.fail)),
            {
              runs: long ? 1000 : 40
            }
          )
          assert.strictEqual(check._tag, "Passed", Arbitrary.formatCheckFailure(check) ?? check._tag)
        }),
      long ? 1_200_000 : 120_000
    )
  })

held("the embedded database", embedded)
// There the statements of the consumers run at the same time, and wait for each other's rows.
if (hasPostgres) held("PostgreSQL", postgres)
else skipWithoutPostgres("a queue with several consumers")
