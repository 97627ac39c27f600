/** The work that agents do for a user, and how far it is. */
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import { ChartsPayload, ReportPayload, RetirementPayload, SummaryPayload } from "./Analysis.ts"
import { withJson } from "./Json.ts"
import { asText, changeOf, JsonValue, onCalendar, text, uuid } from "./Text.ts"
import { ClerkUserId } from "./User.ts"

/** The kinds of jobs that the vocabulary knows; other programs may run kinds of their own. */
export const jobTypes = [
  "portfolio_analysis",
  "rebalance_recommendation",
  "retirement_projection",
  "risk_assessment",
  "tax_optimization",
  "instrument_research"
] as const

/** One of {@link jobTypes}. */
export const JobType = Schema.Literals(jobTypes).annotate({ description: "What the job is to do" })
export type JobType = typeof JobType.Type

/**
 * The states of a job. Completed, failed and cancelled are final, except that a retry makes failed and cancelled jobs
 * pending.
 */
export const jobStatuses = ["pending", "running", "completed", "failed", "cancelled"] as const

/** One of {@link jobStatuses}. */
export const JobStatus = Schema.Literals(jobStatuses).annotate({
  description: "How far the job is: pending, then running, then completed, failed or cancelled"
})
export type JobStatus = typeof JobStatus.Type

/** The states of a job on which nobody works any more, one of {@link jobStatuses}. */
export const endedJobStatuses = ["completed", "failed", "cancelled"] as const satisfies ReadonlyArray<JobStatus>

/** Whether a job in this state has ended. */
export const isEnded = (status: JobStatus): boolean => endedJobStatuses.some((ended) => ended === status)

/** For each state, the states from which a job can move to it; a retry moves it back to pending. */
export const statusesBefore = {
  pending: ["failed", "cancelled"],
  running: ["pending"],
  completed: ["running"],
  failed: ["pending", "running"],
  cancelled: ["pending", "running"]
} as const satisfies Record<JobStatus, ReadonlyArray<JobStatus>>

/** The id of a job: a UUID that the database gives. */
export const JobId = uuid("a job").pipe(Schema.brand("JobId"))
export type JobId = typeof JobId.Type

/** Where a page of jobs ended: the time of creation, to the microsecond, and the id of its last job. */
export const JobCursor = Schema.String.annotate({
  description: "Where a page of jobs ended, as the page before said",
  message: "expected a cursor, as text"
}).pipe(
  Schema.check(
    Schema.isPattern(
      /^(?!0+-)\d{4,6}-\d{2}-\d{2}T([01]\d|2[0-3])(:[0-5]\d){2}\.\d{6}Z\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u,
      { message: "expected the cursor that the page before ended with" }
    ).abort(),
    onCalendar
  ),
  Schema.brand("JobCursor")
)
export type JobCursor = typeof JobCursor.Type

/**
 * The schema of a new job of one of these kinds. The column holds kinds of up to 50 characters.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { Jobs } from "alex-database"
 * import { JobTypes, jobTypes } from "alex-database/domain"
 *
 * // Jobs.create then takes "daily_digest" too.
 * const jobs = Jobs.layer.pipe(Layer.provide(Layer.succeed(JobTypes, [...jobTypes, "daily_digest"])))
 * ```
 */
export const jobCreateOf = <const Types extends ReadonlyArray<string>>(types: Types) =>
  Schema.Struct({
    clerk_user_id: ClerkUserId,
    job_type: Schema.Literals(types).annotate({
      description: "What the job is to do",
      message: `expected one of ${types.join(", ")}`
    }),
    request_payload: Schema.optionalKey(JsonValue).pipe(
      Schema.annotateKey({ description: "What is asked of the job: any JSON" })
    )
  }).annotate({ description: "A new job" })

/** A new job; it is pending. */
export const JobCreate = withJson("new job", jobCreateOf(jobTypes))
export interface JobCreate extends Schema.Schema.Type<typeof JobCreate> {}

/** The kinds of jobs that `Jobs.create` takes: {@link jobTypes} unless the caller provides its own list. */
export const JobTypes = Context.Reference<ReadonlyArray<string>>("alex-database/domain/JobTypes", {
  defaultValue: () => jobTypes
})

/** The longest message of a failed job, in characters. */
const maxErrorMessage = 10_000

/**
 * A change that an agent or a planner makes to a job. A `status` is refused if the job can't move to it from its
 * current one; the database sets the times.
 */
export const JobUpdate = Schema.Struct({
  status: Schema.optionalKey(
    Schema.Literals(["running", "completed", "failed", "cancelled"]).annotate({
      description: "The state to move the job to"
    })
  ),
  error_message: Schema.optionalKey(
    Schema.NullOr(
      text({ max: maxErrorMessage, description: "Why the job failed", example: "The model did not answer in time" })
    )
  ),
  report_payload: Schema.optionalKey(Schema.NullOr(ReportPayload)),
  charts_payload: Schema.optionalKey(Schema.NullOr(ChartsPayload)),
  retirement_payload: Schema.optionalKey(Schema.NullOr(RetirementPayload)),
  summary_payload: Schema.optionalKey(Schema.NullOr(SummaryPayload))
}).annotate(changeOf("a job"))
export interface JobUpdate extends Schema.Schema.Type<typeof JobUpdate> {}

/** A job's state, without its request and results. */
export const JobState = withJson(
  "job",
  Schema.Struct({
    id: Schema.String.pipe(Schema.brand("JobId")),
    clerk_user_id: Schema.String.pipe(Schema.brand("ClerkUserId")),
    job_type: Schema.String.annotate({
      description: "What the job is to do; other programs may run kinds of their own"
    }),
    status: JobStatus,
    error_message: Schema.NullOr(Schema.String),
    attempts: Schema.Finite.annotate({ description: "How often the job was started" }),
    lease_until: Schema.NullOr(Schema.Date).annotate({
      description: "Until when its worker has the job; null if it was started without a lease"
    }),
    created_at: Schema.Date,
    started_at: Schema.NullOr(Schema.Date),
    completed_at: Schema.NullOr(Schema.Date),
    updated_at: Schema.Date
  }).annotate({ description: "A job and its state" })
)
export interface JobState extends Schema.Schema.Type<typeof JobState> {}

/** A job as stored, with its request and results. Payloads may be any JSON, since other programs write them too. */
export const Job = withJson(
  "job",
  Schema.Struct({
    ...JobState.fields,
    request_payload: Schema.NullOr(Schema.Json),
    report_payload: Schema.NullOr(Schema.Json),
    charts_payload: Schema.NullOr(Schema.Json),
    retirement_payload: Schema.NullOr(Schema.Json),
    summary_payload: Schema.NullOr(Schema.Json)
  }).annotate({ description: "A job with its request and its results" })
)
export interface Job extends Schema.Schema.Type<typeof Job> {}

/** There is no job with this id, or `forUser` was used and it belongs to another user. */
export class JobNotFound extends Schema.TaggedError<JobNotFound>()("JobNotFound", { job_id: Schema.String }) {
  override get message() {
    return `There is no job ${this.job_id}.`
  }
}

/** The job can't move from its current state to the requested one; nothing was changed. */
export class JobTransitionRefused extends Schema.TaggedError<JobTransitionRefused>()("JobTransitionRefused", {
  job_id: Schema.String,
  /** The state that the job was found in. */
  found: JobStatus,
  /** The state that it should have moved to. */
  wanted: JobStatus,
  /** How often the job had been started, if the caller's attempt is not the last one. */
  attempts: Schema.optionalKey(Schema.Finite),
  /** The caller's attempt, if it was the last one and is over. */
  attempt: Schema.optionalKey(Schema.Finite),
  /** Whether results should have been stored without a change of the state. */
  results: Schema.optionalKey(Schema.Boolean)
}) {
  override get message() {
    const { attempt, attempts, found, job_id, results, wanted } = this
    if (attempts !== undefined) {
      return `Job ${job_id} was started again (attempt ${attempts}): another worker has it, and this attempt can't change it.`
    }
    if (attempt !== undefined) {
      return `Job ${job_id} is ${found}: attempt ${attempt} is over, and can't change it. Start or claim the job again to work on it.`
    }
    if (results === true) return `Job ${job_id} is ${found}: its results stay as they are. Retry a job that failed.`
    return `Job ${job_id} is ${found} and can't become ${wanted}. ${refusals[wanted]}`
  }
}

const refusals: Record<JobStatus, string> = {
  pending:
    "Only a job that failed or was cancelled can be retried; to retry one that has been running for too long, pass takeOver.",
  running:
    "Only a pending job can be started; to start one that has been running for too long, pass takeOver; retry one that failed.",
  completed: "Only a running job can be completed.",
  failed: "Only a pending or running job can fail.",
  cancelled: "Only a pending or running job can be cancelled."
}

/** The job's payloads together would be larger than one answer of the Data API; nothing was stored. */
export class JobTooLarge extends Schema.TaggedError<JobTooLarge>()("JobTooLarge", {
  /** The job, or null if it was a new one. */
  job_id: Schema.NullOr(Schema.String),
  bytes: Schema.Finite,
  limit: Schema.Finite
}) {
  override get message() {
    const job = this.job_id === null ? "The new job" : `Job ${this.job_id}`
    return `${job} would have ${this.bytes} bytes of payloads, and may have ${this.limit}: shorten them, or keep the large parts elsewhere and store references to them.`
  }
}

/** The most bytes of JSON that the payloads of a job may have together: one answer of the Data API holds 1 MiB. */
export const maxJobBytes = 900_000

/**
 * A message as the database can store it: without NUL and halves of surrogate pairs, at most 10,000 characters. A note
 * at its end says what was cut or replaced.
 */
export const storableMessage = (message: string): string => {
  const text = asText(message)
  const clean = text.toWellFormed().replaceAll("\u0000", "\ufffd")
  const note = clean === text ? "" : " [characters that can't be stored were replaced]"
  const characters = [...clean]
  if (characters.length + note.length <= maxErrorMessage) return `${clean}${note}`
  const cut = `… [cut from ${characters.length} characters]${note}`
  return `${characters.slice(0, maxErrorMessage - cut.length).join("")}${cut}`
}
