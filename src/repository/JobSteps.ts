/** What changes a job: the steps of its life, and the results that agents attach to it. */
import * as Effect from "effect/Effect"
import type * as SqlClient from "effect/sql/SqlClient"
import type { ChartsPayload, ReportPayload, RetirementPayload, SummaryPayload } from "../domain/Analysis.ts"
import {
  type JobId,
  JobNotFound,
  JobState,
  type JobStatus,
  JobTransitionRefused,
  JobUpdate,
  statusBefore
} from "../domain/Job.ts"
import type { ClerkUserId } from "../domain/User.ts"
import { encoder, type RepositoryError, reader } from "./Rows.ts"
import * as Tables from "./Tables.ts"

/** What a step fails with. */
type StepError = JobNotFound | JobTransitionRefused | RepositoryError

/** What attaching a result fails with. */
type AttachError = JobNotFound | RepositoryError

/** The operations that change one job. */
export interface JobSteps {
  /**
   * Changes any subset of what agents write; a `status` is a step of the job's life and may be refused.
   *
   * @errors JobNotFound, JobTransitionRefused, RepositoryError
   */
  readonly update: (id: JobId, changes: JobUpdate) => Effect.Effect<JobState, StepError>

  /**
   * pending -> running; a job that is started twice is refused the second time.
   *
   * @errors JobNotFound, JobTransitionRefused, RepositoryError
   */
  readonly start: (id: JobId) => Effect.Effect<JobState, StepError>

  /**
   * running -> completed.
   *
   * @errors JobNotFound, JobTransitionRefused, RepositoryError
   */
  readonly complete: (id: JobId) => Effect.Effect<JobState, StepError>

  /**
   * running -> failed, with the reason.
   *
   * @errors JobNotFound, JobTransitionRefused, RepositoryError
   */
  readonly fail: (id: JobId, error_message: string) => Effect.Effect<JobState, StepError>

  /**
   * Stores the reporter's result.
   *
   * @errors JobNotFound, RepositoryError
   */
  readonly attachReport: (id: JobId, report_payload: ReportPayload) => Effect.Effect<JobState, AttachError>

  /**
   * Stores the charter's result.
   *
   * @errors JobNotFound, RepositoryError
   */
  readonly attachCharts: (id: JobId, charts_payload: ChartsPayload) => Effect.Effect<JobState, AttachError>

  /**
   * Stores the retirement agent's result.
   *
   * @errors JobNotFound, RepositoryError
   */
  readonly attachRetirement: (id: JobId, retirement_payload: RetirementPayload) => Effect.Effect<JobState, AttachError>

  /**
   * Stores the planner's summary.
   *
   * @errors JobNotFound, RepositoryError
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

const stateColumns = /* @__PURE__ */ Tables.selected(Tables.jobs, JobState)
const readState = /* @__PURE__ */ reader(Tables.jobs, JobState)
const encodeUpdate = /* @__PURE__ */ encoder(JobUpdate)
const updated = /* @__PURE__ */ Tables.settable(JobUpdate)
const updatedOfNew = /* @__PURE__ */ Tables.settable(JobUpdate, "new")

/** Admits the jobs of one owner only, where there is one. */
const owned = (sql: Sql, owner: ClerkUserId | undefined) =>
  owner === undefined ? sql.literal("") : sql`AND clerk_user_id = ${owner}::varchar`

// The row is locked before its status is looked at: of two that start a job at the same time one waits, and then sees
// what the other has made of it. A statement's snapshot alone would show it the status of before.
const change = (sql: Sql, owner: ClerkUserId | undefined): JobSteps["update"] =>
  Effect.fnUntraced(function* (id, changes) {
    const json = yield* encodeUpdate(changes, `change of job ${id}`)
    const wanted = changes.status
    const [row] = yield* sql`
      WITH found AS (
        SELECT id, status FROM jobs WHERE id = ${id}::uuid ${owned(sql, owner)} FOR UPDATE
      ), changed AS (
        UPDATE jobs SET
          (${sql.literal(updated)}, started_at, completed_at) = (
            SELECT
              ${sql.literal(updatedOfNew)},
              CASE WHEN new.status = 'running' AND found.status = 'pending' THEN now() ELSE jobs.started_at END,
              CASE WHEN new.status IN ('completed', 'failed') AND found.status = 'running' THEN now()
                ELSE jobs.completed_at END
            FROM jsonb_populate_record(jobs, ${json}::jsonb) AS new
          )
        FROM found
        WHERE jobs.id = found.id
          ${wanted === undefined ? sql.literal("") : sql`AND found.status = ${statusBefore[wanted]}::varchar`}
        RETURNING ${sql.literal(stateColumns)}
      )
      SELECT found.status AS found_status, changed.id IS NOT NULL AS changed, changed.*
      FROM found LEFT JOIN changed ON true`
    if (row === undefined) return yield* new JobNotFound({ job_id: id })
    if (row["changed"] !== true && wanted !== undefined) {
      return yield* new JobTransitionRefused({ job_id: id, found: row["found_status"] as JobStatus, wanted })
    }
    return yield* readState.row(row)
  })

const remove = (sql: Sql, owner: ClerkUserId | undefined): JobSteps["delete"] =>
  Effect.fn("Jobs.delete")((id) =>
    readState.first(
      sql`DELETE FROM jobs WHERE id = ${id}::uuid ${owned(sql, owner)} RETURNING ${sql.literal(stateColumns)}`,
      () => new JobNotFound({ job_id: id })
    )
  )

/** The operations that change one job; where there is an owner, another person's job is not found. */
export const jobSteps = (sql: Sql, owner?: ClerkUserId): JobSteps => {
  const changed = change(sql, owner)
  // Only a change with a status can be refused.
  const attach = (id: JobId, payload: Omit<JobUpdate, "status">) =>
    Effect.catchTag(changed(id, payload), "JobTransitionRefused", Effect.die)
  return {
    update: Effect.fn("Jobs.update")(changed),
    start: Effect.fn("Jobs.start")((id) => changed(id, { status: "running" })),
    complete: Effect.fn("Jobs.complete")((id) => changed(id, { status: "completed" })),
    fail: Effect.fn("Jobs.fail")((id, error_message) => changed(id, { status: "failed", error_message })),
    attachReport: Effect.fn("Jobs.attachReport")((id, report_payload) => attach(id, { report_payload })),
    attachCharts: Effect.fn("Jobs.attachCharts")((id, charts_payload) => attach(id, { charts_payload })),
    attachRetirement: Effect.fn("Jobs.attachRetirement")((id, retirement_payload) =>
      attach(id, { retirement_payload })
    ),
    attachSummary: Effect.fn("Jobs.attachSummary")((id, summary_payload) => attach(id, { summary_payload })),
    delete: remove(sql, owner)
  }
}
