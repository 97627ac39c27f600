/**
 * A Lambda function behind an SQS queue whose messages name jobs. Whatever the queue delivers, and however often, each job
 * is run to one end:
 *
 *     export const handler = onQueue(runJob, Layer.merge(DbLayer.layerDataApi, model))
 *     export const deadLetters = onQueue(giveUp, DbLayer.layerDataApi)
 *
 * docs/queues.md says what happens at which delivery, and how the queue is set up.
 */
import { Cause, Duration, Effect, type Layer, ManagedRuntime, Option, Schema } from "effect"
import { isEnded, JobId, JobNotFound, JobTransitionRefused } from "../../src/domain/index.ts"
import { Jobs } from "../../src/index.ts"

const Named = Schema.Struct({ job_id: JobId })
const Message = Schema.Union([
  Schema.Trim.pipe(Schema.decodeTo(JobId)),
  Schema.fromJsonString(JobId),
  Schema.fromJsonString(Named),
  Schema.fromJsonString(Schema.Struct({ "detail-type": Schema.String, detail: Named }))
])
const Notification = Schema.fromJsonString(Schema.Struct({ Type: Schema.Literal("Notification"), Message }))

/**
 * What a message says: `{"job_id": "…"}` or the id alone, as JSON or as text, or an event of EventBridge whose detail is the
 * former; each also in the envelope of an SNS topic.
 */
const Body = Schema.Union([Message, Notification])
const decodeBody = Schema.decodeOption(Body)
const jobOf = (body: typeof Body.Type): JobId => {
  if (typeof body === "string") return body
  if ("job_id" in body) return body.job_id
  return "detail" in body ? body.detail.job_id : jobOf(body.Message)
}

const Delivery = Schema.Struct({
  messageId: Schema.String,
  body: Schema.String,
  attributes: Schema.Struct({
    ApproximateReceiveCount: Schema.FiniteFromString,
    // A FIFO queue numbers the messages of a group; a standard one may have groups too, which have no order.
    SequenceNumber: Schema.optionalKey(Schema.String),
    MessageGroupId: Schema.optionalKey(Schema.String)
  })
})
type Delivery = typeof Delivery.Type
/** The event of an event source mapping, or of a pipe of EventBridge. */
const decodeEvent = Schema.decodeUnknownEffect(
  Schema.Union([Schema.Struct({ Records: Schema.Array(Delivery) }), Schema.Array(Delivery)])
)

/** What Lambda says about an invocation. */
type Invocation = { readonly getRemainingTimeInMillis: () => number }
/** What runs a job: the planner's `runJob`. */
type Run<E, R> = (id: JobId) => Effect.Effect<unknown, E, R>

/** How many milliseconds before the function's timeout a job is given back. */
const margin = 5000

/** Whether no delivery helps: the job is not there, or has ended. In any other case one may, as often as the queue tries. */
const isOver = (error: unknown): boolean =>
  error instanceof JobNotFound || (error instanceof JobTransitionRefused && isEnded(error.found))

/** Runs the jobs of an event, and answers with the messages that are to be delivered again. */
export const handle = Effect.fn("Sqs.handle")(function* <E, R>(event: unknown, invocation: Invocation, run: Run<E, R>) {
  const goesBack = Effect.fnUntraced(function* ({ attributes, body, messageId }: Delivery) {
    const message = `Message ${messageId}, delivery ${attributes.ApproximateReceiveCount}`
    const named = decodeBody(body)
    if (Option.isNone(named)) return yield* Effect.as(Effect.logError(`${message}, names no job.`), false)
    return yield* Effect.suspend(() => run(jobOf(named.value))).pipe(
      Effect.timeout(Duration.millis(invocation.getRemainingTimeInMillis() - margin)),
      Effect.as(false),
      Effect.catchCause((cause) => {
        const error = Cause.squash(cause)
        return isOver(error)
          ? Effect.as(Effect.logInfo(`${message}, is done. ${error}`), false)
          : Effect.as(Effect.logWarning(`${message}, goes back.`, cause), true)
      })
    )
  })
  const inOrder = Effect.fnUntraced(function* (records: ReadonlyArray<Delivery>) {
    for (const [index, record] of records.entries()) if (yield* goesBack(record)) return records.slice(index)
    return []
  })
  const sent = yield* decodeEvent(event)
  const groups = Map.groupBy("Records" in sent ? sent.Records : sent, ({ attributes, messageId }) =>
    attributes.SequenceNumber === undefined ? messageId : attributes.MessageGroupId
  )
  const failed = yield* Effect.forEach(groups.values(), inOrder, { concurrency: "unbounded" })
  return { batchItemFailures: failed.flat().map(({ messageId }) => ({ itemIdentifier: messageId })) }
})

/** For the dead-letter queue: fails the job, so that its user is not kept waiting. */
export const giveUp = (id: JobId) =>
  Jobs.use((jobs) => jobs.fail(id, "The job was begun several times and never ended."))

/** The handler of a Lambda function. Its runtime outlives an invocation, and with it the connections. */
export const onQueue = <E, R>(run: Run<E, R>, layer: Layer.Layer<R, unknown>) => {
  const runtime = ManagedRuntime.make(layer)
  return (event: unknown, invocation: Invocation) => runtime.runPromise(handle(event, invocation, run))
}
