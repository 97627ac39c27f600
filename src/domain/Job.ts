/** The work that agents do for a user, and how far it is. */
import * as Schema from "effect/Schema"
import { ChartsPayload, ReportPayload, RetirementPayload, SummaryPayload } from "./Analysis.ts"
import { JsonValue, text, uuid } from "./Text.ts"
import { ClerkUserId } from "./User.ts"

/** What a new job may be; rows that other programs wrote may say something else. */
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

/** How far a job can be, in this order; completed and failed are both an end. */
export const jobStatuses = ["pending", "running", "completed", "failed"] as const

/** One of {@link jobStatuses}. */
export const JobStatus = Schema.Literals(jobStatuses).annotate({
  description: "How far the job is: pending, then running, then completed or failed"
})
export type JobStatus = typeof JobStatus.Type

/** The status that a job must have before it can be moved to another. */
export const statusBefore = { running: "pending", completed: "running", failed: "running" } as const

/** The id of a job: a UUID that the database gives. */
export const JobId = uuid("a job").pipe(Schema.brand("JobId"))
export type JobId = typeof JobId.Type

/** Where a page of jobs ended: the moment of creation, to the microsecond, and the id of its last job. */
export const JobCursor = Schema.String.annotate({
  description: "Where a page of jobs ended, as the page before said",
  message: "expected a cursor, as text"
}).pipe(
  Schema.check(
    Schema.isPattern(/^\d{4,6}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u, {
      message: "expected the cursor that the page before ended with"
    })
  ),
  Schema.brand("JobCursor")
)
export type JobCursor = typeof JobCursor.Type

/** A new job; it is pending. */
export const JobCreate = Schema.Struct({
  clerk_user_id: ClerkUserId,
  job_type: JobType,
  request_payload: Schema.optionalKey(JsonValue).pipe(
    Schema.annotateKey({ description: "What is asked of the job: any JSON" })
  )
}).annotate({ description: "A new job" })
export type JobCreate = typeof JobCreate.Type

/**
 * What agents and planners change about a job. A `status` is a step of the job's life and is refused if the job is not
 * in the state before it; the times of the steps are the database's.
 */
export const JobUpdate = Schema.Struct({
  status: Schema.optionalKey(
    Schema.Literals(["running", "completed", "failed"]).annotate({ description: "The state to move the job to" })
  ),
  error_message: Schema.optionalKey(
    Schema.NullOr(text({ max: 10_000, description: "Why the job failed", example: "The model did not answer in time" }))
  ),
  report_payload: Schema.optionalKey(Schema.NullOr(ReportPayload)),
  charts_payload: Schema.optionalKey(Schema.NullOr(ChartsPayload)),
  retirement_payload: Schema.optionalKey(Schema.NullOr(RetirementPayload)),
  summary_payload: Schema.optionalKey(Schema.NullOr(SummaryPayload))
}).annotate({ description: "What to change about a job; what is left out stays as it is" })
export type JobUpdate = typeof JobUpdate.Type

/** Where a job is, without what was asked and answered. */
export const JobState = Schema.Struct({
  id: Schema.String.pipe(Schema.brand("JobId")),
  clerk_user_id: Schema.String.pipe(Schema.brand("ClerkUserId")),
  job_type: Schema.String.annotate({ description: "What the job is to do; other programs may run kinds of their own" }),
  status: JobStatus,
  error_message: Schema.NullOr(Schema.String),
  created_at: Schema.Date,
  started_at: Schema.NullOr(Schema.Date),
  completed_at: Schema.NullOr(Schema.Date),
  updated_at: Schema.Date
}).annotate({ description: "A job and its state" })
export type JobState = typeof JobState.Type

/** A job as stored, with all that was asked and answered; payloads are any JSON, as other programs may have written them. */
export const Job = Schema.Struct({
  ...JobState.fields,
  request_payload: Schema.NullOr(Schema.Json),
  report_payload: Schema.NullOr(Schema.Json),
  charts_payload: Schema.NullOr(Schema.Json),
  retirement_payload: Schema.NullOr(Schema.Json),
  summary_payload: Schema.NullOr(Schema.Json)
}).annotate({ description: "A job with its request and its results" })
export type Job = typeof Job.Type

/** There is no job with this id, or it is another person's and only one user's were asked for. */
export class JobNotFound extends Schema.TaggedError<JobNotFound>()("JobNotFound", { job_id: Schema.String }) {
  override get message() {
    return `There is no job ${this.job_id}.`
  }
}

/** The job was not in the state before the one it should move to; nothing was changed. */
export class JobTransitionRefused extends Schema.TaggedError<JobTransitionRefused>()("JobTransitionRefused", {
  job_id: Schema.String,
  /** The state that the job was found in. */
  found: JobStatus,
  /** The state that it should have moved to. */
  wanted: JobStatus
}) {
  override get message() {
    return `Job ${this.job_id} is ${this.found} and can't become ${this.wanted}: a job is pending, then running, then completed or failed.`
  }
}
