/** A queue on the table `jobs`: jobs are claimed with a lease, worked on, and ended, each attempt by one worker. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import { Job, type JobId, JobState, type JobTooLarge, maxJobBytes, storableMessage } from "../../domain/Job.ts"
import type { UnreadableRow } from "../../domain/Problems.ts"
import { checked, count, effect, int, length, listOf, word, workers } from "../calls/Arguments.ts"
import { isAlone } from "../DeletedMeanwhile.ts"
import {
  isRowRefused,
  keptRow,
  type Listed,
  listed,
  type RepositoryError,
  type Row,
  reader,
  refusedRow,
  warned,
  wordsOf
} from "../Rows.ts"
import * as Tables from "../Tables.ts"
import { assigned, changeJob, endedNow, type Results, type Step, type StepError } from "./JobChange.ts"

/** One attempt at a job: its operations are refused as soon as another worker has taken over the job. */
export interface JobAttempt {
  readonly id: JobId
  /** Which attempt this is; the first is 1. */
  readonly number: number

  /** Stores results: `{ report_payload: { content: "..." } }`. */
  readonly attach: (results: Results) => Effect.Effect<JobState, StepError | JobTooLarge>

  /** running -> completed. */
  readonly complete: () => Effect.Effect<JobState, StepError>

  /** running -> failed, with the reason, which is cut and cleaned as `Jobs.fail` does. */
  readonly fail: (error_message: string) => Effect.Effect<JobState, StepError>

  /** Extends the lease to end this long from now. */
  readonly extend: (lease: Duration.Input) => Effect.Effect<JobState, StepError>

  /** Gives the job back: running -> pending, so that another worker can claim it at once. */
  readonly release: () => Effect.Effect<JobState, StepError>
}

/** A job that this worker has claimed, with its request; `Jobs.findById` has what earlier attempts left. */
export interface ClaimedJob extends JobAttempt {
  readonly job: JobState & Pick<Job, "request_payload">
}

/** Which jobs to claim, and for how long. */
export interface ClaimOptions {
  /** The kinds of jobs; all unless given. */
  readonly types?: ReadonlyArray<string>
  /** How long no other worker may take the job; a minute unless given. */
  readonly lease?: Duration.Input
  /** How many times a job is started before it fails for good; 3 unless given. */
  readonly maxAttempts?: number
}

/** Options of a worker. */
export interface WorkerOptions extends ClaimOptions {
  /** How many jobs to work on at a time; 1 unless given. */
  readonly concurrency?: number
  /** How long to wait for the next claim if there is no job; 1 second unless given. */
  readonly pollEvery?: Duration.Input
  /** When this effect ends, the worker claims no more jobs, finishes those that it has, and its stream ends. */
  readonly stop?: Effect.Effect<unknown>
}

/**
 * The outcome of a job that a worker had: `lost` if it was cancelled, taken over by another worker after its lease
 * expired, or neither completed nor failed since the database refused both.
 */
export interface JobOutcome {
  readonly id: JobId
  readonly attempt: number
  readonly outcome: "completed" | "failed" | "lost"
}

/** The operations of the queue. */
export interface Queue {
  /**
   * Claims the oldest jobs, at most `limit` (1): pending ones, and running ones whose lease has expired. No two claims
   * get the same job. Jobs whose lease has expired after they were started `maxAttempts` times or more fail instead, and do
   * not count. A job that a rule or a trigger of the database does not let start is named in `unreadable`, and does not
   * keep back those behind it, except within a transaction, which such a refusal aborts.
   *
   * @errors RepositoryError
   */
  readonly claim: (
    options?: ClaimOptions & { readonly limit?: number }
  ) => Effect.Effect<Listed<ClaimedJob>, RepositoryError>

  /**
   * The operations of one attempt at a job, for a worker that started it by `Jobs.start`.
   *
   * @example
   * ```ts
   * import { Effect } from "effect"
   * import { type JobId, Jobs } from "alex-database"
   *
   * // A queue delivers a message again when the function timed out: the job is taken up.
   * const onMessage = (id: JobId) =>
   *   Effect.gen(function*() {
   *     const jobs = yield* Jobs
   *     const attempt = jobs.attempt(yield* jobs.start(id, { takeOver: "15 minutes" }))
   *     yield* attempt.attach({ report_payload: { content: "## Summary" } })
   *     yield* attempt.complete()
   *   })
   * ```
   */
  readonly attempt: (started: { readonly id: JobId; readonly attempts: number }) => JobAttempt

  /**
   * Works on jobs as they come: claims them, extends their leases while `handler` runs, and completes them, or fails
   * them with the handler's failure. A worker that is interrupted gives its jobs back; one that is killed loses them
   * when their leases expire, and another claims them. A job that can't be read, or that a rule of the database does not
   * let end, does not end the stream: a warning in the log names it.
   *
   * @errors RepositoryError
   *
   * @example
   * ```ts
   * import { Effect, Stream } from "effect"
   * import { Jobs } from "alex-database"
   *
   * const worker = Effect.gen(function*() {
   *   const jobs = yield* Jobs
   *   yield* jobs.work({ types: ["portfolio_analysis"], concurrency: 4 }, (claimed) =>
   *     claimed.attach({ report_payload: { content: "## Summary" } })
   *   ).pipe(Stream.runForEach(({ id, outcome }) => Effect.logInfo(`job ${id} ${outcome}`)))
   * })
   * ```
   */
  readonly work: <A, E, R>(
    options: WorkerOptions,
    handler: (claimed: ClaimedJob) => Effect.Effect<A, E, R>
  ) => Stream.Stream<JobOutcome, RepositoryError, R>
}

type Sql = SqlClient.SqlClient

const Claimed = /* @__PURE__ */ Schema.Struct({ ...JobState.fields, request_payload: Job.fields.request_payload })
const columns = /* @__PURE__ */ Tables.selected(Tables.jobs, Claimed)
const read = /* @__PURE__ */ reader(Tables.jobs, Claimed)

const defaultLease = "1 minute"
const claimRules = { types: /* @__PURE__ */ listOf(word), lease: length, maxAttempts: int }

const attempt =
  (sql: Sql): Queue["attempt"] =>
  (started) => {
    // Without its number an attempt would change the job of any other.
    const guard = { attempts: started?.attempts ?? Number.NaN }
    const id = started?.id
    // Only a change with a result can be too large.
    const step = (to: JobState["status"], results: Results = {}, options: Omit<Step, "to"> = {}) =>
      Effect.catchTag(
        changeJob(sql, { id, guard, results, step: { to, from: ["running"], ...options } }),
        "JobTooLarge",
        Effect.die
      )
    return {
      id,
      number: started?.attempts,
      attach: Effect.fn("JobAttempt.attach")((results) => changeJob(sql, { id, guard, results })),
      complete: Effect.fn("JobAttempt.complete")(() => step("completed")),
      fail: Effect.fn("JobAttempt.fail")((message) => step("failed", { error_message: storableMessage(message) })),
      extend: Effect.fn("JobAttempt.extend")((lease) =>
        step("running", {}, { extends: true, lease: lease ?? Number.NaN })
      ),
      release: Effect.fn("JobAttempt.release")(() => step("pending"))
    }
  }

const lost = /* @__PURE__ */ Tables.fixed("status = 'running' AND lease_until < now() AND attempts")

type Claiming = ClaimOptions & { readonly limit?: number }

const ofTypes = (sql: Sql, { types }: ClaimOptions) =>
  Predicate.isNullish(types) ? Tables.nothing : sql`AND job_type = ANY(${types}::text[])`

// Rows that other claims have locked are skipped. An expired lease means that its worker is gone: the job is claimed
// again, or fails if that has happened too often, which takes nothing from those that are claimed. A response has room
// for a limited size of requests; a job that does not fit is left for the next claim.
const claimAmong = Effect.fnUntraced(function* (sql: Sql, options: Claiming, which: Fragment) {
  const maxAttempts = options.maxAttempts ?? 3
  const rows = yield* sql<Row>`
    WITH given_up AS (
      UPDATE jobs SET status = 'failed', completed_at = ${endedNow}, lease_until = NULL,
        error_message = 'No worker finished the job: it was started ' || attempts || ' times, and the last lease ran out.'
      WHERE id IN (SELECT id FROM jobs WHERE ${lost} >= ${maxAttempts}::int ${which} FOR UPDATE SKIP LOCKED)
    ), next AS (
      SELECT id, created_at, coalesce(octet_length(to_json(request_payload::text)::text), 0) AS bytes FROM jobs
      WHERE (status = 'pending' OR ${lost} < ${maxAttempts}::int) ${which}
      ORDER BY created_at, id ${Tables.limited(sql, options.limit ?? 1)} FOR UPDATE SKIP LOCKED
    ), sized AS (
      SELECT id, row_number() OVER following = 1 OR sum(bytes) OVER following <= ${maxJobBytes}::int AS fits
      FROM next WINDOW following AS (ORDER BY created_at, id)
    ), claimed AS (
      UPDATE jobs SET ${assigned(sql, { to: "running", lease: options.lease ?? defaultLease })}
      FROM sized WHERE jobs.id = sized.id AND fits RETURNING ${columns}
    ) SELECT sized.id AS next, claimed.* FROM sized LEFT JOIN claimed USING (id) WHERE fits`
  const isClaimed = (row: Row) => row["attempts"] !== null
  const claimed = yield* read.list(Effect.succeed(rows.filter(isClaimed)), "written")
  // A trigger leaves a row as it is, without an error.
  const kept = rows.filter((row) => !isClaimed(row)).map((row) => keptRow(Tables.jobs, String(row["next"])))
  return listed(claimed, [...(claimed.unreadable ?? []), ...kept])
})

const candidates = 100

/** Goes on with a claim one by one, and names the jobs that the database refuses to change. */
const claimEach = Effect.fnUntraced(function* (sql: Sql, options: Claiming, first: Listed<typeof Claimed.Type>) {
  const jobs = [...first]
  const unreadable = [...(first.unreadable ?? [])]
  const tried = unreadable.map(({ key }) => key)
  const limit = options.limit ?? 1
  while (jobs.length < limit) {
    const next = yield* sql<{ readonly id: string }>`
      SELECT id FROM jobs WHERE (status = 'pending' OR ${lost} >= 0) ${ofTypes(sql, options)} AND id <> ALL(${tried}::uuid[])
      ORDER BY created_at, id LIMIT ${candidates}::int FOR UPDATE SKIP LOCKED`
    if (next.length === 0) break
    for (const { id } of next) {
      tried.push(id)
      const claimed = yield* claimAmong(sql, { ...options, limit: 1 }, sql`AND id = ${id}::uuid`).pipe(
        Effect.catchTag("SqlError", (error) =>
          isRowRefused(error)
            ? Effect.succeed(listed<(typeof jobs)[number]>([], [refusedRow(Tables.jobs, id, error)]))
            : Effect.fail(error)
        )
      )
      jobs.push(...claimed)
      unreadable.push(...(claimed.unreadable ?? []))
      if (jobs.length >= limit) break
    }
  }
  return listed(jobs, unreadable)
})

const claim = (sql: Sql): Queue["claim"] => {
  const attemptAt = attempt(sql)
  return Effect.fn("Jobs.claim")(function* (given?: Claiming) {
    yield* checked(given, { ...claimRules, limit: count })
    const options = given ?? {}
    const alone = yield* isAlone(sql)
    const first = yield* claimAmong(sql, options, ofTypes(sql, options)).pipe(
      Effect.catchTag("SqlError", (error) =>
        alone && isRowRefused(error) ? claimEach(sql, options, []) : Effect.fail(error)
      )
    )
    const isCut = alone && first.unreadable?.some(({ withheld }) => withheld)
    const jobs = isCut ? yield* claimEach(sql, options, first) : first
    return listed(
      [...jobs]
        .sort((a, b) => a.created_at.getTime() - b.created_at.getTime())
        .map((job) => ({ ...attemptAt(job), job })),
      jobs.unreadable
    )
  })
}

/** Whether an operation failed only because the row that it has written can't be read. */
const wasWritten = (error: StepError): boolean => error._tag === "UnreadableRow" && error.done !== undefined

/** Extends the lease until another worker has the job. */
const keepLease = (claimed: JobAttempt, lease: Duration.Input) =>
  claimed.extend(lease).pipe(
    Effect.delay(Duration.toMillis(lease) / 3),
    // If the database can't be reached, the lease may still hold: the next extension tells.
    Effect.catchTag("SqlError", (error) =>
      Effect.logWarning(
        `The lease of job ${claimed.id} could not be extended, and is tried again. If it ends first, another worker takes the job: check that the database answers, or set a longer lease. ${wordsOf(error)}`
      )
    ),
    // The lease of a row that can't be read is extended all the same, unless another program has changed its state.
    Effect.catchIf(wasWritten, () => Effect.void),
    Effect.forever,
    // What the handler does after it has completed the job goes on.
    Effect.catchTags({
      UnreadableRow: () => Effect.void,
      JobTransitionRefused: ({ attempts, found }) =>
        attempts === undefined && found === "completed" ? Effect.never : Effect.void,
      JobNotFound: () => Effect.void
    })
  )

/** Runs the handler, ends the job, and returns the outcome. */
const workOn = <A, E, R>(
  claimed: ClaimedJob,
  lease: Duration.Input,
  handler: (claimed: ClaimedJob) => Effect.Effect<A, E, R>
): Effect.Effect<JobOutcome, RepositoryError, R> => {
  const outcome = (became: JobOutcome["outcome"]): JobOutcome => ({
    id: claimed.id,
    attempt: claimed.number,
    outcome: became
  })
  const ended = (end: Effect.Effect<JobState, StepError>, became: "completed" | "failed") =>
    end.pipe(
      Effect.as(outcome(became)),
      Effect.catchTags({
        // The handler may have ended the job itself.
        JobTransitionRefused: ({ attempts, found }) =>
          Effect.succeed(
            outcome(attempts === undefined && (found === "completed" || found === "failed") ? found : "lost")
          ),
        JobNotFound: () => Effect.succeed(outcome("lost")),
        UnreadableRow: (row) => Effect.as(warned(row), outcome(row.done === undefined ? "lost" : became))
      })
    )
  const refused =
    <A, E2, R2>(then: (row: UnreadableRow) => Effect.Effect<A, E2, R2>) =>
    (error: SqlError) =>
      isRowRefused(error) ? then(refusedRow(Tables.jobs, claimed.id, error)) : Effect.fail(error)
  const failed = (reason: string) =>
    Effect.catchTag(
      ended(claimed.fail(reason), "failed"),
      "SqlError",
      refused((row) => Effect.as(warned(row), outcome("lost")))
    )
  return Effect.raceFirst(Effect.exit(handler(claimed)), Effect.as(keepLease(claimed, lease), undefined)).pipe(
    Effect.flatMap((exit) => {
      if (exit === undefined) return Effect.succeed(outcome("lost"))
      if (Exit.isFailure(exit)) return failed(Cause.pretty(exit.cause))
      return Effect.catchTag(
        ended(claimed.complete(), "completed"),
        "SqlError",
        refused((row) => failed(row.message))
      )
    }),
    Effect.onInterrupt(() => Effect.ignore(claimed.release()))
  )
}

const workRules = {
  ...claimRules,
  concurrency: workers,
  pollEvery: length,
  stop: effect
}

const work =
  (claimNext: Queue["claim"]): Queue["work"] =>
  (options, handler) => {
    const at = options?.concurrency ?? 1
    const lease = options?.lease ?? defaultLease
    const pollEvery = options?.pollEvery ?? "1 second"
    // Each claim finds a job again that the database does not let start.
    const told = new Set<string>()
    const outcomes = (stopped: Effect.Effect<unknown>) => {
      const next = claimNext({ ...options, limit: 1 }).pipe(
        Effect.tap(({ unreadable = [] }) =>
          Effect.forEach(
            unreadable.filter(({ key }) => !told.has(key) && told.add(key)),
            warned
          )
        ),
        Effect.flatMap(([claimed]) =>
          claimed === undefined
            ? Effect.as(Effect.raceFirst(Effect.sleep(pollEvery), stopped), [])
            : Effect.map(workOn(claimed, lease, handler), (outcome) => [outcome])
        )
      )
      // Asked after each claim: one without a job has no outcome to be asked after.
      const claims = Stream.fromEffectRepeat(next).pipe(Stream.haltWhen(stopped))
      const one = Stream.flattenIterable(claims)
      return Stream.fromIterable(Array.from({ length: at })).pipe(Stream.flatMap(() => one, { concurrency: at }))
    }
    return checked(options, workRules).pipe(
      Effect.andThen(Effect.forkScoped(options?.stop ?? Effect.never)),
      Effect.map((stopping) => outcomes(Fiber.await(stopping))),
      Stream.unwrap
    )
  }

/** The queue on the table `jobs` of a `SqlClient`. */
export const jobQueue = (sql: Sql): Queue => {
  const claimed = claim(sql)
  return { claim: claimed, attempt: attempt(sql), work: work(claimed) }
}
