/** The changes of a job: of its status, and of the results that agents attach to it. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Struct from "effect/Struct"
import type * as SqlClient from "effect/sql/SqlClient"
import type { ChartsPayload, ReportPayload, RetirementPayload, SummaryPayload } from "../../domain/Analysis.ts"
import {
  type JobId,
  JobNotFound,
  type JobState,
  type JobTooLarge,
  JobUpdate,
  storableMessage
} from "../../domain/Job.ts"
import { InvalidInput } from "../../domain/Problems.ts"
import { asText } from "../../domain/Text.ts"
import { checked, flag, oneOf } from "../calls/Arguments.ts"
import { encoder, type Owner, type RepositoryError } from "../Rows.ts"
import { changeJob, isJob, type Results, readState, type Step, type StepError, stateColumns } from "./JobChange.ts"

/** The errors of attaching a result. */
type AttachError = JobNotFound | JobTooLarge | RepositoryError

/**
 * How a job is started. There is no limit of attempts here, as a claim has one: a job is started for a message of a queue,
 * which counts its deliveries, and whose dead letters fail the job.
 */
export interface StartOptions {
  /** Also takes over a job that has been running for longer than this, and whose lease, if any, has expired. */
  readonly takeOver?: Duration.Input
  /** How long no other worker may take the job; `Jobs.attempt` extends it. */
  readonly lease?: Duration.Input
}

/** Which jobs an update may change. */
export interface UpdateOptions {
  /** Only one that has not ended: not completed, failed or cancelled. */
  readonly unlessEnded?: boolean
}

/** How a job is retried. */
export interface RetryOptions {
  /** What to do with the results of earlier attempts. */
  readonly results: "keep" | "clear"
  /** Also retries a job that has been running for longer than this, and whose lease, if any, has expired. */
  readonly takeOver?: Duration.Input | undefined
}

/** The operations that change one job. */
export interface JobSteps {
  /**
   * Changes any subset of a job's status, error message and results. A `status` is refused if the job can't move to it;
   * with `unlessEnded`, every change of a job that has ended is refused.
   *
   * @errors JobNotFound, JobTransitionRefused, JobTooLarge, RepositoryError
   */
  readonly update: (
    id: JobId,
    changes: JobUpdate,
    options?: UpdateOptions
  ) => Effect.Effect<JobState, StepError | JobTooLarge>

  /**
   * pending -> running, and counts the attempt. A second start is refused, unless the first one is longer ago than
   * `takeOver`: a message that a queue delivers again then takes over the job.
   *
   * @errors JobNotFound, JobTransitionRefused, RepositoryError
   */
  readonly start: (id: JobId, options?: StartOptions) => Effect.Effect<JobState, StepError>

  /**
   * running -> completed.
   *
   * @errors JobNotFound, JobTransitionRefused, RepositoryError
   */
  readonly complete: (id: JobId) => Effect.Effect<JobState, StepError>

  /**
   * pending or running -> failed, with the reason: a message of any length and with any characters. What can't be
   * stored is cut or replaced, and the stored message says so (see `storableMessage`).
   *
   * @errors JobNotFound, JobTransitionRefused, RepositoryError
   */
  readonly fail: (id: JobId, error_message: string) => Effect.Effect<JobState, StepError>

  /**
   * pending or running -> cancelled, with an optional reason. Changes by the job's worker are refused from then on.
   *
   * @errors JobNotFound, JobTransitionRefused, RepositoryError
   */
  readonly cancel: (id: JobId, reason?: string) => Effect.Effect<JobState, StepError>

  /**
   * failed or cancelled -> pending. The results of earlier attempts are kept or cleared, as `results` says; the number
   * of attempts stays. With `takeOver` also running -> pending.
   *
   * @errors JobNotFound, JobTransitionRefused, RepositoryError
   */
  readonly retry: (id: JobId, options: RetryOptions) => Effect.Effect<JobState, StepError>

  /**
   * Stores the reporter's result.
   *
   * @errors JobNotFound, JobTooLarge, RepositoryError
   */
  readonly attachReport: (id: JobId, report_payload: ReportPayload) => Effect.Effect<JobState, AttachError>

  /**
   * Stores the charter's result.
   *
   * @errors JobNotFound, JobTooLarge, RepositoryError
   */
  readonly attachCharts: (id: JobId, charts_payload: ChartsPayload) => Effect.Effect<JobState, AttachError>

  /**
   * Stores the retirement agent's result.
   *
   * @errors JobNotFound, JobTooLarge, RepositoryError
   */
  readonly attachRetirement: (id: JobId, retirement_payload: RetirementPayload) => Effect.Effect<JobState, AttachError>

  /**
   * Stores the planner's summary.
   *
   * @errors JobNotFound, JobTooLarge, RepositoryError
   */
  readonly attachSummary: (id: JobId, summary_payload: SummaryPayload) => Effect.Effect<JobState, AttachError>

  /**
   * Deletes a job.
   *
   * @errors JobNotFound, RepositoryError
   */
  readonly delete: (id: JobId) => Effect.Effect<JobState, JobNotFound | RepositoryError>
}

type Sql = SqlClient.SqlClient

const checkStatus = /* @__PURE__ */ encoder(
  /* @__PURE__ */ JobUpdate.mapFields(/* @__PURE__ */ Struct.pick(["status"]))
)

/** What a retry clears: the error message, and with `clear` the results. */
const emptied = (results: "keep" | "clear"): Results => ({
  error_message: null,
  ...(results === "clear" && {
    report_payload: null,
    charts_payload: null,
    retirement_payload: null,
    summary_payload: null
  })
})

const remove = (sql: Sql, owner: Owner): JobSteps["delete"] =>
  Effect.fn("Jobs.delete")((id) =>
    readState.first(
      sql`DELETE FROM jobs WHERE ${isJob(sql, id, owner)} RETURNING ${stateColumns}`,
      () => new JobNotFound({ job_id: asText(id) }),
      "deleted"
    )
  )

/** The operations that change one job; with an owner, another user's job is not found. */
export const jobSteps = (sql: Sql, owner?: Owner): JobSteps => {
  const guard = { owner }
  const attach = (id: JobId, results: Results) => {
    // A change takes null, which removes a result.
    const [[path, value] = [""]] = Object.entries(results)
    const problems = [{ path, message: "expected a result" }]
    if (value === null) return Effect.fail(new InvalidInput({ subject: `result of job ${asText(id)}`, problems }))
    // Only a change with a status can be refused.
    return Effect.catchTag(changeJob(sql, { id, guard, results }), "JobTransitionRefused", Effect.die)
  }
  // Only a change with a result can be too large.
  const take = (id: JobId, step: Step, results?: Results) =>
    Effect.catchTag(changeJob(sql, { id, guard, results, step }), "JobTooLarge", Effect.die)
  return {
    update: Effect.fn("Jobs.update")(function* (id: JobId, changes: JobUpdate, options?: UpdateOptions) {
      yield* checked(options, { unlessEnded: flag })
      yield* checkStatus(changes, `change of job ${asText(id)}`)
      const { status, ...results } = changes
      return yield* changeJob(sql, { id, guard: { ...guard, ...options }, results, step: status && { to: status } })
    }),
    start: Effect.fn("Jobs.start")((id: JobId, options?: StartOptions) => take(id, { ...options, to: "running" })),
    complete: Effect.fn("Jobs.complete")((id) => take(id, { to: "completed" })),
    fail: Effect.fn("Jobs.fail")((id, message) =>
      take(id, { to: "failed" }, { error_message: storableMessage(message) })
    ),
    cancel: Effect.fn("Jobs.cancel")((id: JobId, reason?: string) =>
      take(id, { to: "cancelled" }, reason === undefined ? {} : { error_message: storableMessage(reason) })
    ),
    retry: Effect.fn("Jobs.retry")((id, options) =>
      Effect.andThen(
        checked(options, { results: oneOf(["keep", "clear"]) }, "results"),
        Effect.suspend(() => take(id, { to: "pending", takeOver: options.takeOver }, emptied(options.results)))
      )
    ),
    attachReport: Effect.fn("Jobs.attachReport")((id, report_payload) => attach(id, { report_payload })),
    attachCharts: Effect.fn("Jobs.attachCharts")((id, charts_payload) => attach(id, { charts_payload })),
    attachRetirement: Effect.fn("Jobs.attachRetirement")((id, retirement_payload) =>
      attach(id, { retirement_payload })
    ),
    attachSummary: Effect.fn("Jobs.attachSummary")((id, summary_payload) => attach(id, { summary_payload })),
    delete: remove(sql, owner)
  }
}
