/** Operations on jobs for an operator: find stuck or failed ones, make them pending again, cancel them. */
import { type Duration, Effect, Predicate, Schema } from "effect"
import { SqlError } from "effect/sql"
import { JobId, JobState, type JobStatus, Problem } from "../domain/index.ts"
import { checked, count, length, listOf, oneOf, word } from "../repository/calls/Arguments.ts"
import { Jobs } from "../repository/index.ts"
import { messageOf } from "./database/DatabaseFailure.ts"
import { Target } from "./database/Target.ts"
import * as Progress from "./Progress.ts"

/**
 * The requested jobs, the oldest first; `unreadable` are rows that other programs wrote and that can't be read, with
 * the problems.
 */
export const JobsReport = Schema.Struct({
  database: Schema.String,
  location: Schema.String,
  jobs: Schema.Array(JobState),
  more: Schema.Boolean.annotate({ description: "Whether there are more than were asked for" }),
  unreadable: Schema.Array(Schema.Struct({ id: Schema.String, problems: Schema.Array(Problem) }))
})
export type JobsReport = typeof JobsReport.Type

/** Which jobs to list; all members have a default. */
export interface JobsOptions {
  readonly status?: JobStatus | undefined
  /** Only jobs that have been running for longer than this, and whose lease, if they have one, is over. */
  readonly runningFor?: Duration.Input | undefined
  /** How many at most; 100 unless given. */
  readonly limit?: number | undefined
}

/** The outcome for one job: its new status, or why it was not changed. */
export const JobChanged = Schema.Struct({
  id: Schema.String,
  status: Schema.NullOr(Schema.String),
  refused: Schema.NullOr(Schema.String)
})

/** The outcome for each job. */
export const JobsChangedReport = Schema.Struct({
  database: Schema.String,
  location: Schema.String,
  ok: Schema.Boolean.annotate({ description: "Whether no job was refused" }),
  jobs: Schema.Array(JobChanged)
})
export type JobsChangedReport = typeof JobsChangedReport.Type

/** Jobs by their ids, or all that have been running for longer than `runningFor`. */
export type ChosenJobs = { readonly ids: ReadonlyArray<string> } | { readonly runningFor: Duration.Input }

/** How to make jobs pending again. */
export interface RequeueOptions {
  /** What to do with the results of earlier attempts; `keep` unless given. */
  readonly results?: "keep" | "clear" | undefined
  /** Also takes a running job from its worker, if it has been running for longer than this; never unless given. */
  readonly takeOver?: Duration.Input | undefined
}

/**
 * Lists jobs without their payloads, the oldest first.
 *
 * @errors RepositoryError
 */
export const list = Effect.fn("JobOperations.list")(function* (given?: JobsOptions) {
  yield* checked(given, { limit: count })
  const options = given ?? {}
  const { database, location } = yield* Target
  const limit = options.limit ?? 100
  const jobs = yield* (yield* Jobs).listOldest({ ...options, limit: limit + 1 })
  const unreadable = (jobs.unreadable ?? []).map(({ key, problems }) => ({ id: key, problems }))
  const more = jobs.length + unreadable.length > limit
  return { database, location, jobs: jobs.slice(0, limit), more, unreadable } satisfies JobsReport
})

const decodeId = Schema.decodeUnknownEffect(JobId)

/** Why a job was refused; of the database its own words, since the driver's say only that a query failed. */
const refusalOf = (error: { readonly message: string }): string =>
  SqlError.isSqlError(error) ? messageOf(error) : error.message

/**
 * Changes the jobs one after the other; one that is refused does not stop the rest. Fails if each was refused by the
 * database itself.
 */
const changeEach = Effect.fnUntraced(function* <E extends { readonly message: string }, R>(
  ids: ReadonlyArray<string>,
  operation: string,
  change: (id: JobId) => Effect.Effect<JobState, E, R>
) {
  const { database, location } = yield* Target
  const failures: Array<SqlError.SqlError> = []
  const jobs = yield* Effect.forEach(ids, (text, done) =>
    Effect.gen(function* () {
      yield* Progress.report({ operation, done, total: ids.length, text })
      const id = yield* decodeId(text)
      return { id, status: (yield* change(id)).status, refused: null }
    }).pipe(
      Effect.catch((error) => {
        if (SqlError.isSqlError(error)) failures.push(error)
        return Effect.succeed({ id: text, status: null, refused: refusalOf(error) })
      })
    )
  )
  const [failure] = failures
  if (failure !== undefined && failures.length === ids.length) return yield* failure
  const ok = jobs.every(({ refused }) => refused === null)
  return { database, location, ok, jobs } satisfies JobsChangedReport
})

const stuckFor = Effect.fnUntraced(function* (runningFor: Duration.Input | undefined) {
  const jobs = yield* (yield* Jobs).listOldest({ runningFor, limit: 10_000 })
  return [...jobs.map(({ id }) => id), ...(jobs.unreadable ?? []).map(({ key }) => key)]
})

/**
 * Makes failed, cancelled or stuck jobs pending again, so that a worker claims them. A job that is refused is in the
 * report with the reason, and does not stop the others. One request for each job.
 *
 * @errors RepositoryError
 */
export const requeue = Effect.fn("JobOperations.requeue")(function* (chosen: ChosenJobs, options?: RequeueOptions) {
  const { ids, runningFor } = { ids: undefined, runningFor: undefined, ...chosen }
  const required = Predicate.isNullish(ids) ? "runningFor" : "ids"
  yield* checked({ ids, runningFor }, { ids: listOf(word), runningFor: length }, required)
  yield* checked(options, { results: oneOf(["keep", "clear"]), takeOver: length })
  const jobs = yield* Jobs
  const takeOver = required === "ids" ? options?.takeOver : runningFor
  const results = options?.results ?? "keep"
  return yield* changeEach(ids ?? (yield* stuckFor(runningFor)), "requeue", (id) =>
    jobs.retry(id, { results, takeOver })
  )
})

/**
 * Cancels pending or running jobs, with an optional reason; changes by the worker of a cancelled job are refused from
 * then on. One request for each job.
 *
 * @errors RepositoryError
 */
export const cancel = Effect.fn("JobOperations.cancel")(function* (ids: ReadonlyArray<string>, reason?: string) {
  yield* checked({ ids }, { ids: listOf(word) }, "ids")
  const jobs = yield* Jobs
  return yield* changeEach(ids, "cancel", (id) => jobs.cancel(id, reason))
})
