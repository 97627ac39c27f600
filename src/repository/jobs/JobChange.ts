/** The one statement that changes a job: its status, its results, or both. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import type * as SqlClient from "effect/sql/SqlClient"
import {
  endedJobStatuses,
  type JobId,
  JobNotFound,
  JobState,
  JobStatus,
  JobTooLarge,
  JobTransitionRefused,
  JobUpdate,
  maxJobBytes,
  statusesBefore
} from "../../domain/Job.ts"
import { asText } from "../../domain/Text.ts"
import { checked, int, length } from "../calls/Arguments.ts"
import { type Noted, noted } from "../calls/CallNote.ts"
import { computed, encoder, type Owner, type RepositoryError, reader, uuidOrNull } from "../Rows.ts"
import * as Tables from "../Tables.ts"

type Sql = SqlClient.SqlClient

/** A change of a job's status. */
export interface Step {
  readonly to: JobStatus
  /** The statuses from which it is allowed; those of {@link statusesBefore} unless given. */
  readonly from?: ReadonlyArray<JobStatus>
  /** Also takes over a job that has been running for longer than this, and whose lease, if any, has expired. */
  readonly takeOver?: Duration.Input | undefined
  /** How long the worker holds the job before others may take it. */
  readonly lease?: Duration.Input | undefined
  /** Only extends the lease of a running job. */
  readonly extends?: boolean
}

/** Which job may change: of which user, and in which attempt; any unless given. */
export interface JobGuard {
  readonly owner?: Owner
  readonly attempts?: number | undefined
  /** Only a job that has not ended: not completed, failed or cancelled. */
  readonly unlessEnded?: boolean | undefined
}

/** The errors of a change of a job's status. */
export type StepError = JobNotFound | JobTransitionRefused | RepositoryError

const Results = /* @__PURE__ */ JobUpdate.mapFields(/* @__PURE__ */ Struct.omit(["status"]))
/** The members of a job that agents write, without its status. */
export type Results = typeof Results.Type

export const stateColumns = /* @__PURE__ */ Tables.selected(Tables.jobs, JobState)
export const readState = /* @__PURE__ */ reader(Tables.jobs, JobState)

/** The payloads of a job, each a column. */
export const jobParts = [
  "request_payload",
  "report_payload",
  "charts_payload",
  "retirement_payload",
  "summary_payload"
] as const

/** The SQL of how many bytes the payloads of a row take in a response: `to_json` escapes them as the response does. */
export const payloadBytes = (row: string): string =>
  jobParts.map((part) => `coalesce(octet_length(to_json(${row}.${part}::text)::text), 0)`).join(" + ")

/** Limits a query to one job, of one owner if there is one. */
export const isJob = (sql: Sql, id: JobId, owner: Owner) => {
  const owned = owner === undefined ? Tables.nothing : sql`AND jobs.clerk_user_id = ${owner}::varchar`
  return sql`id = ${uuidOrNull(id)}::uuid ${owned}`
}

// A century, in milliseconds: an interval can't be infinite, and a row with an infinite time can't be read.
const longest = 36_525 * 86_400_000

/** A duration as an interval of SQL, at most a century. */
export const interval = (sql: Sql, duration: Duration.Input) =>
  sql`(${Math.min(Duration.toMillis(duration), longest)}::double precision * interval '1 millisecond')`

/**
 * When a lease of this length ends. It counts from the moment at which the row is written, since a statement may have
 * waited for it, and a transaction may have begun long before.
 */
const leaseUntil = (sql: Sql, lease: Duration.Input) => sql`clock_timestamp() + ${interval(sql, lease)}`

// The time of a transaction is that of its beginning, before which another one may have started the job.
/** The SQL of when a job starts. */
const startedNow = /* @__PURE__ */ Tables.fixed("greatest(now(), jobs.created_at)")
/** The SQL of when a job ends. */
export const endedNow = /* @__PURE__ */ Tables.fixed("greatest(now(), jobs.created_at, jobs.started_at)")

/** The columns that a step sets. */
export const assigned = (sql: Sql, { extends: extended, lease, to }: Step) => {
  const until = Predicate.isNullish(lease) ? sql.literal("NULL") : leaseUntil(sql, lease)
  if (extended === true) return sql`lease_until = ${until}`
  switch (to) {
    case "running":
      return sql`
        status = 'running', attempts = jobs.attempts + 1, started_at = ${startedNow}, completed_at = NULL,
        lease_until = ${until}`
    case "pending":
      return sql.literal("status = 'pending', started_at = NULL, completed_at = NULL, lease_until = NULL")
    default:
      return sql`status = ${to}::varchar, completed_at = ${endedNow}, lease_until = NULL`
  }
}

/** Whether a job is stuck: it has been running for longer than this, and its lease, if any, has expired. */
export const isStuck = (sql: Sql, row: "found" | "jobs", runningFor: Duration.Input) => {
  const job = sql.literal(row)
  return sql`(
    ${job}.status = 'running'
    AND coalesce(${job}.started_at, ${job}.created_at) < now() - ${interval(sql, runningFor)}
    AND coalesce(${job}.lease_until < now(), true)
  )`
}

/** Whether a job may take a step, by its status and how long it has been running. */
const admitted = (sql: Sql, { from, takeOver, to }: Step) => {
  const before = sql`found.status = ANY(${from ?? statusesBefore[to]}::text[])`
  return Predicate.isNullish(takeOver) ? before : sql`(${before} OR ${isStuck(sql, "found", takeOver)})`
}

const encodeResults = /* @__PURE__ */ encoder(Results)
const written = /* @__PURE__ */ Tables.settable(Results)
const writtenOfNew = /* @__PURE__ */ Tables.settable(Results, "new")

const outcomes = /* @__PURE__ */ computed(
  /* @__PURE__ */ Schema.Struct({
    changed: Schema.Boolean,
    found_status: Schema.String,
    found_attempts: Schema.Finite,
    bytes: Schema.Finite,
    fits: Schema.Boolean
  })
)
const readStatus = /* @__PURE__ */ reader(Tables.jobs, /* @__PURE__ */ Schema.Struct({ status: JobStatus }))

// The SQL of the outcome, for the record of the call.
const came = `
CASE
  WHEN EXISTS (SELECT FROM changed) THEN 'ok'
  WHEN NOT EXISTS (SELECT FROM found) THEN 'JobNotFound'
  WHEN EXISTS (SELECT FROM sized WHERE NOT fits) THEN 'JobTooLarge'
  ELSE 'JobEnded'
END`

/** A change of one job. */
export interface JobChange {
  readonly id: JobId
  readonly guard: JobGuard
  readonly results?: Results | undefined
  readonly step?: Step | undefined
}

/** Runs the statement, with the results as JSON; it returns no row if there is no such job. */
const run = (sql: Sql, note: Noted, { guard, id, results = {}, step }: JobChange, json: string) => {
  const sized = jobParts.some((part) => part in results && part !== "request_payload")
  // The row is locked before it is read: if two workers start a job at the same time, one waits and then sees the
  // change of the other, which the statement's snapshot alone would not show. A job that is too large already, which
  // only other programs can write, may still become smaller.
  return sql`
    WITH found AS (
      SELECT jobs AS stored, jobs.* FROM jobs WHERE ${isJob(sql, id, guard.owner)} FOR UPDATE
    ), new AS (
      SELECT new.*, ${sql.literal(sized ? payloadBytes("new") : "0")} AS bytes
      FROM found, jsonb_populate_record(found.stored, ${json}::jsonb) AS new
    ), sized AS (
      SELECT new.bytes <= greatest(${maxJobBytes}::int, ${sql.literal(sized ? payloadBytes("found") : "0")}) AS fits
      FROM found, new
    ), changed AS (
      UPDATE jobs SET
        ${step === undefined ? Tables.nothing : sql`${assigned(sql, step)},`}
        (${written}) = (${writtenOfNew})
      FROM found, new, sized WHERE jobs.id = found.id AND fits
        ${step === undefined ? Tables.nothing : sql`AND ${admitted(sql, step)}`}
        ${guard.unlessEnded === true ? sql`AND NOT found.status = ANY(${endedJobStatuses}::text[])` : Tables.nothing}
        ${guard.attempts === undefined ? Tables.nothing : sql`AND found.status = 'running' AND found.attempts = ${guard.attempts}::int`}
      RETURNING ${stateColumns}
    )${note({ outcome: came })}
    SELECT found.status AS found_status, found.attempts AS found_attempts, new.bytes, sized.fits,
      changed.id IS NOT NULL AS changed, changed.*
    FROM found CROSS JOIN new CROSS JOIN sized LEFT JOIN changed ON true`
}

/**
 * Changes a job: stores results, changes the status, or both, in one guarded statement. If two calls make the same
 * change of status at the same time, one is refused.
 */
export const changeJob = Effect.fnUntraced(function* (sql: Sql, change: JobChange) {
  const { guard, id, results = {}, step } = change
  yield* checked(guard, { attempts: int })
  yield* checked(step, { takeOver: length, lease: length })
  const json = yield* encodeResults(results, `change of job ${asText(id)}`)
  const rows = yield* run(sql, yield* noted(sql), change, json)
  const [row] = rows
  const [outcome] = yield* outcomes(Effect.succeed(rows))
  if (row === undefined || outcome === undefined) return yield* new JobNotFound({ job_id: asText(id) })
  if (outcome.changed) return yield* readState.row(row, "written")
  if (!outcome.fits) return yield* new JobTooLarge({ job_id: id, bytes: outcome.bytes, limit: maxJobBytes })
  const { status: found } = yield* readStatus.row({ id, status: outcome.found_status })
  const stale = guard.attempts !== undefined && guard.attempts !== outcome.found_attempts
  return yield* new JobTransitionRefused({
    job_id: id,
    found,
    wanted: step?.to ?? "running",
    ...(stale && { attempts: outcome.found_attempts }),
    ...(guard.attempts !== undefined && !stale && { attempt: guard.attempts }),
    ...(step === undefined && { results: true })
  })
})
