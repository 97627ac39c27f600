/** The work that agents do for a user, and how far it is. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RequestResolver from "effect/RequestResolver"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import * as SqlResolver from "effect/sql/SqlResolver"
import type { ChartsPayload, ReportPayload, RetirementPayload, SummaryPayload } from "../domain/Analysis.ts"
import {
  Job,
  JobCreate,
  JobCursor,
  type JobId,
  JobNotFound,
  JobState,
  JobStatus,
  JobTransitionRefused,
  JobUpdate,
  statusBefore
} from "../domain/Job.ts"
import { type ClerkUserId, UserNotFound } from "../domain/User.ts"
import { columnsOf, jsonOf, rowOf, rowsOf } from "./Rows.ts"

/** One page of a user's jobs. */
export interface JobPage {
  readonly jobs: ReadonlyArray<JobState>
  /** Where the next page begins; `null` on the last one. */
  readonly next: JobCursor | null
}

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const columns = columnsOf(sql, "jobs", Job)
  const stateColumns = columnsOf(sql, "jobs", JobState)
  const job = rowOf(Job)
  const state = rowOf(JobState)
  const Sized = Schema.Struct({ ...Job.fields, total: Schema.Finite })
  const sized = rowsOf(Sized)
  const encodeCreate = jsonOf(JobCreate)
  const encodeUpdate = jsonOf(JobUpdate)

  // Payloads may take a good part of the 1 MiB that an answer may have: an answer holds the jobs that fit into it, and
  // the others are asked for again. to_json shows how long the fields become in the answer.
  const findMany = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
    const all: Array<typeof Sized.Type> = []
    for (let missing = ids; ; missing = missing.filter((id) => all.every((found) => found.id !== id))) {
      const found = yield* sized(sql`
        WITH found AS (
          SELECT ${columns} FROM jobs WHERE id = ANY(${missing}::uuid[])
        ), sized AS (
          SELECT
            found.*, count(*) OVER ()::int AS total, row_number() OVER following AS number,
            sum(octet_length(to_json(to_json(found)::text)::text)) OVER following AS bytes
          FROM found WINDOW following AS (ORDER BY id)
        )
        SELECT * FROM sized WHERE number = 1 OR bytes <= 900000 ORDER BY number`)
      all.push(...found)
      if (found.length === (found[0]?.total ?? 0)) return all
    }
  })

  const lookUp = SqlResolver.request(
    SqlResolver.findById({ Id: Schema.String, Result: Job, ResultId: (found) => found.id, execute: findMany }).pipe(
      RequestResolver.batchN(100)
    )
  )

  const create = Effect.fn("Jobs.create")(function* (input: JobCreate) {
    const json = yield* encodeCreate(input)
    return yield* state(() => new UserNotFound({ clerk_user_id: input.clerk_user_id }))(sql`
      INSERT INTO jobs (clerk_user_id, job_type, request_payload)
      SELECT users.clerk_user_id, new.job_type, new.request_payload
      FROM jsonb_populate_record(NULL::jobs, ${json}::jsonb) AS new JOIN users USING (clerk_user_id)
      RETURNING ${stateColumns}`)
  })

  const Listed = rowsOf(Schema.Struct({ ...JobState.fields, cursor: JobCursor }))

  const listByUser = Effect.fn("Jobs.listByUser")(function* (
    user: ClerkUserId,
    page?: { readonly status?: JobStatus; readonly after?: JobCursor | null; readonly limit?: number }
  ) {
    const limit = page?.limit ?? 50
    const [createdAt, id] = (page?.after ?? "").split("/")
    const rows = yield* Listed(sql`
      SELECT
        ${stateColumns},
        to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '/' || id AS cursor
      FROM jobs
      WHERE clerk_user_id = ${user}
        ${page?.status === undefined ? sql.literal("") : sql`AND status = ${page.status}`}
        ${id === undefined ? sql.literal("") : sql`AND (created_at, id) < (${createdAt}::timestamptz, ${id}::uuid)`}
      ORDER BY created_at DESC, id DESC LIMIT ${limit + 1}::int`)
    const jobs = rows.slice(0, limit)
    const result: JobPage = {
      jobs: jobs.map(({ cursor: _, ...listed }) => listed),
      next: rows.length > limit ? (jobs.at(-1)?.cursor ?? null) : null
    }
    return result
  })

  const Found = Schema.Struct({ found_status: JobStatus, changed: Schema.Boolean })

  /** The operations on one job; where there is an owner, another person's job is not found. */
  const one = (owner: ClerkUserId | undefined) => {
    const owned = owner === undefined ? sql.literal("") : sql`AND clerk_user_id = ${owner}`

    // The row is locked before its status is looked at: of two that start a job at the same time one waits, and then
    // sees what the other has made of it. A statement's snapshot alone would show it the status of before.
    const change = Effect.fnUntraced(function* (id: JobId, changes: JobUpdate) {
      const json = yield* encodeUpdate(changes)
      const wanted = changes.status
      const [row] = yield* sql`
        WITH found AS (
          SELECT id, status FROM jobs WHERE id = ${id}::uuid ${owned} FOR UPDATE
        ), changed AS (
          UPDATE jobs SET
            (
              status, error_message, report_payload, charts_payload, retirement_payload, summary_payload,
              started_at, completed_at
            ) = (
              SELECT
                new.status, new.error_message, new.report_payload, new.charts_payload, new.retirement_payload,
                new.summary_payload,
                CASE WHEN new.status = 'running' AND found.status = 'pending' THEN now() ELSE jobs.started_at END,
                CASE WHEN new.status IN ('completed', 'failed') AND found.status = 'running' THEN now()
                  ELSE jobs.completed_at END
              FROM jsonb_populate_record(jobs, ${json}::jsonb) AS new
            )
          FROM found
          WHERE jobs.id = found.id
            ${wanted === undefined ? sql.literal("") : sql`AND found.status = ${statusBefore[wanted]}`}
          RETURNING ${stateColumns}
        )
        SELECT found.status AS found_status, changed.id IS NOT NULL AS changed, changed.*
        FROM found LEFT JOIN changed ON true`
      if (row === undefined) return yield* new JobNotFound({ job_id: id })
      const { changed, found_status } = yield* Schema.decodeUnknownEffect(Found)(row)
      if (!changed && wanted !== undefined) {
        return yield* new JobTransitionRefused({ job_id: id, found: found_status, wanted })
      }
      return yield* Schema.decodeUnknownEffect(JobState)(row)
    })

    // Only a change with a status can be refused.
    const attach = (id: JobId, payload: Omit<JobUpdate, "status">) =>
      Effect.catchTag(change(id, payload), "JobTransitionRefused", Effect.die)

    return {
      /**
       * Changes any subset of what agents write; a `status` is a step of the job's life and may be refused.
       *
       * @errors JobNotFound, JobTransitionRefused, RepositoryError
       */
      update: Effect.fn("Jobs.update")(change),

      /**
       * pending -> running; a job that is started twice is refused the second time.
       *
       * @errors JobNotFound, JobTransitionRefused, RepositoryError
       */
      start: Effect.fn("Jobs.start")((id: JobId) => change(id, { status: "running" })),

      /**
       * running -> completed.
       *
       * @errors JobNotFound, JobTransitionRefused, RepositoryError
       */
      complete: Effect.fn("Jobs.complete")((id: JobId) => change(id, { status: "completed" })),

      /**
       * running -> failed, with the reason.
       *
       * @errors JobNotFound, JobTransitionRefused, RepositoryError
       */
      fail: Effect.fn("Jobs.fail")((id: JobId, error_message: string) =>
        change(id, { status: "failed", error_message })
      ),

      /**
       * Stores the reporter's result.
       *
       * @errors JobNotFound, RepositoryError
       */
      attachReport: Effect.fn("Jobs.attachReport")((id: JobId, report_payload: ReportPayload) =>
        attach(id, { report_payload })
      ),

      /**
       * Stores the charter's result.
       *
       * @errors JobNotFound, RepositoryError
       */
      attachCharts: Effect.fn("Jobs.attachCharts")((id: JobId, charts_payload: ChartsPayload) =>
        attach(id, { charts_payload })
      ),

      /**
       * Stores the retirement agent's result.
       *
       * @errors JobNotFound, RepositoryError
       */
      attachRetirement: Effect.fn("Jobs.attachRetirement")((id: JobId, retirement_payload: RetirementPayload) =>
        attach(id, { retirement_payload })
      ),

      /**
       * Stores the planner's summary.
       *
       * @errors JobNotFound, RepositoryError
       */
      attachSummary: Effect.fn("Jobs.attachSummary")((id: JobId, summary_payload: SummaryPayload) =>
        attach(id, { summary_payload })
      ),

      /**
       * Deletes a job.
       *
       * @errors JobNotFound, RepositoryError
       */
      delete: Effect.fn("Jobs.delete")(function* (id: JobId) {
        return yield* state(() => new JobNotFound({ job_id: id }))(
          sql`DELETE FROM jobs WHERE id = ${id}::uuid ${owned} RETURNING ${stateColumns}`
        )
      })
    }
  }

  return {
    ...one(undefined),

    /**
     * Finds a job with all its payloads; lookups made concurrently are as few requests as it takes.
     *
     * @errors JobNotFound, RepositoryError
     */
    findById: Effect.fn("Jobs.findById")((id: JobId) =>
      lookUp(id.toLowerCase()).pipe(Effect.catchTag("NoSuchElementError", () => new JobNotFound({ job_id: id })))
    ),

    /**
     * Creates a job, pending.
     *
     * @errors UserNotFound, RepositoryError
     */
    create,

    /**
     * A user's jobs without their payloads, the newest first, of one status or of all; `limit` (50) to a page.
     *
     * @errors RepositoryError
     */
    listByUser,

    /** The same for one user: another person's job is not found, which the same statement checks. */
    forUser: (user: ClerkUserId) => ({
      ...one(user),

      /** Finds a job of the user with all its payloads. */
      findById: Effect.fn("Jobs.forUser.findById")((id: JobId) =>
        job(() => new JobNotFound({ job_id: id }))(
          sql`SELECT ${columns} FROM jobs WHERE id = ${id}::uuid AND clerk_user_id = ${user}`
        )
      ),

      /** Creates a job of the user, pending. */
      create: (input: Omit<JobCreate, "clerk_user_id">) => create({ ...input, clerk_user_id: user }),

      /** The user's jobs without their payloads, the newest first. */
      list: (page?: Parameters<typeof listByUser>[1]) => listByUser(user, page)
    })
  }
})

/**
 * The table `jobs`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { type JobId, Jobs } from "alex-database"
 *
 * // A message that is delivered twice starts the job once.
 * const onMessage = (id: JobId) =>
 *   Effect.gen(function*() {
 *     const jobs = yield* Jobs
 *     yield* jobs.start(id)
 *     yield* jobs.attachReport(id, { content: "## Summary" })
 *     yield* jobs.complete(id)
 *   }).pipe(Effect.catchTag("JobTransitionRefused", (refused) => Effect.logInfo(refused.message)))
 * ```
 */
export class Jobs extends Context.Service<Jobs>()("alex-database/repository/Jobs", { make }) {
  /** On the table `jobs` of a `SqlClient`, whoever provides it. */
  static readonly layer = Layer.effect(this, this.make)
}
