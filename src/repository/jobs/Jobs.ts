/** The work that agents do for a user, and how far it is. */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import {
  Job,
  JobCreate,
  JobCursor,
  type JobId,
  JobNotFound,
  JobState,
  type JobStatus,
  JobTooLarge,
  type JobType,
  JobTypes,
  jobCreateOf,
  jobStatuses,
  maxJobBytes
} from "../../domain/Job.ts"
import type { UnreadableRow } from "../../domain/Problems.ts"
import { asText } from "../../domain/Text.ts"
import { type ClerkUserId, UserNotFound } from "../../domain/User.ts"
import { checked, count, length, listOf, oneOf, type Rule } from "../calls/Arguments.ts"
import { seeingDeleted } from "../DeletedMeanwhile.ts"
import {
  computed,
  encoder,
  everyRow,
  type Listed,
  lookUp,
  type Owner,
  ownerOf,
  type RepositoryError,
  type Row,
  reader,
  type StreamOptions
} from "../Rows.ts"
import * as Tables from "../Tables.ts"
import { isJob, isStuck, jobParts, payloadBytes, readState, stateColumns } from "./JobChange.ts"
import { jobQueue, type Queue } from "./JobQueue.ts"
import { type JobSteps, jobSteps } from "./JobSteps.ts"

/** One page of a user's jobs. */
export interface JobPage<A = JobState> {
  readonly jobs: ReadonlyArray<A>
  /** Where the next page begins; `null` on the last one. */
  readonly next: JobCursor | null
  /** The jobs of this page that can't be read. */
  readonly unreadable: ReadonlyArray<UnreadableRow>
}

/** Which of a user's jobs to list: of one status or of all, after the last page, `limit` (50) to a page. */
export interface JobListOptions {
  readonly status?: JobStatus
  readonly after?: JobCursor | null
  readonly limit?: number
}

/** Which of all users' jobs to list; all members have a default. */
export interface OldestOptions {
  readonly status?: JobStatus | undefined
  readonly runningFor?: Duration.Input | undefined
  readonly limit?: number | undefined
}

/** One of the payloads of a job. */
export type JobPart = (typeof jobParts)[number]

/** Which payloads of a job to read; all unless given. Those that are not read are null. */
export interface FindJobOptions {
  readonly parts?: ReadonlyArray<JobPart>
}

/** A new job; {@link JobTypes} lists the kinds that are accepted. */
export interface NewJob extends Omit<JobCreate, "job_type"> {
  readonly job_type: JobType | (string & {})
}

/** The operations on one user's jobs. Another user's job is not found; the same statement checks that. */
interface UserJobs extends JobSteps {
  /** Finds a job of the user with its payloads, all or some. */
  readonly findById: (id: JobId, options?: FindJobOptions) => Effect.Effect<Job, JobNotFound | RepositoryError>

  /** Creates a job of the user, pending. */
  readonly create: (
    input: Omit<JobCreate, "clerk_user_id">
  ) => Effect.Effect<JobState, UserNotFound | JobTooLarge | RepositoryError>

  /** The user's jobs without their payloads, the newest first. */
  readonly list: (page?: JobListOptions) => Effect.Effect<JobPage, RepositoryError>

  /** The user's jobs with their payloads, the newest first. */
  readonly listWithPayloads: (page?: JobListOptions) => Effect.Effect<JobPage<Job>, RepositoryError>
}

/** The operations on jobs. */
export interface Operations extends JobSteps, Queue {
  /**
   * Finds a job with all or some of its payloads. Concurrent lookups with all payloads share requests.
   *
   * @errors JobNotFound, RepositoryError
   */
  readonly findById: (id: JobId, options?: FindJobOptions) => Effect.Effect<Job, JobNotFound | RepositoryError>

  /**
   * Creates a job, pending. Its kind is one of {@link JobTypes}.
   *
   * @errors UserNotFound, JobTooLarge, RepositoryError
   */
  readonly create: (input: NewJob) => Effect.Effect<JobState, UserNotFound | JobTooLarge | RepositoryError>

  /**
   * A user's jobs without their payloads, the newest first, of one status or of all; `limit` (50) to a page.
   *
   * @errors RepositoryError
   */
  readonly listByUser: (user: ClerkUserId, page?: JobListOptions) => Effect.Effect<JobPage, RepositoryError>

  /**
   * `listByUser` with payloads; a page ends early if more would not fit into one response of the Data API.
   *
   * @errors RepositoryError
   */
  readonly listWithPayloads: (user: ClerkUserId, page?: JobListOptions) => Effect.Effect<JobPage<Job>, RepositoryError>

  /**
   * The oldest jobs of all users without their payloads, at most `limit` (100): of one status, or stuck ones, which
   * have been running for longer than `runningFor` and whose lease, if any, has expired.
   *
   * @errors RepositoryError
   */
  readonly listOldest: (options?: OldestOptions) => Effect.Effect<Listed<JobState>, RepositoryError>

  /**
   * All jobs of all users without their payloads, by id.
   *
   * @errors RepositoryError
   */
  readonly all: (options?: StreamOptions) => Stream.Stream<JobState, RepositoryError>

  /**
   * The JSON text of one payload, in pieces, also if it is larger than this package stores it.
   *
   * @errors SqlError
   */
  readonly streamPayload: (id: JobId, part: JobPart) => Stream.Stream<string, SqlError>

  /** The same for one user: another user's job is not found; the same statement checks that. */
  readonly forUser: (user: ClerkUserId) => UserJobs
}

type Sql = SqlClient.SqlClient

const columns = /* @__PURE__ */ Tables.selected(Tables.jobs)
const read = /* @__PURE__ */ reader(Tables.jobs, Job)
const notFound = (job_id: JobId) => () => new JobNotFound({ job_id: asText(job_id) })

/** How many rows a window has, and which of them a row is. */
const counted = /* @__PURE__ */ Tables.fixed("count(*) OVER ()::int AS total, row_number() OVER following AS number")

// Payloads may take a large part of the 1 MiB of a response: it holds the jobs that fit, and the others are requested
// again. to_json tells how many bytes the fields take in the response.
const findMany = (sql: Sql) =>
  Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
    const all: Array<Row> = []
    for (let missing = ids; ; missing = missing.filter((id) => all.every((found) => found["id"] !== id))) {
      const found: ReadonlyArray<Row> = yield* sql<Row>`
        WITH found AS (
          SELECT ${columns} FROM jobs WHERE id = ANY(${missing}::uuid[])
        ), sized AS (
          SELECT
            found.*, ${counted},
            sum(octet_length(to_json(to_json(found)::text)::text)) OVER following AS bytes
          FROM found WINDOW following AS (ORDER BY id)
        )
        SELECT * FROM sized WHERE number = 1 OR bytes <= 900000 ORDER BY number`
      all.push(...found)
      if (found.length === Number(found[0]?.["total"] ?? 0)) return all
    }
  })

/** The columns of a job with some of its payloads, and null for the others. */
const columnsWith = (sql: Sql, parts: ReadonlyArray<JobPart>) =>
  sql`${stateColumns}, ${sql.literal(jobParts.map((part) => (parts.includes(part) ? `jobs.${part}` : `NULL AS ${part}`)).join(", "))}`

const findSome = (sql: Sql, owner: Owner): Operations["findById"] =>
  Effect.fn("Jobs.findById")(function* (id, options) {
    yield* checked(options, { parts: listOf(oneOf(jobParts)) })
    return yield* read.first(
      sql`
        SELECT ${columnsWith(sql, options?.parts ?? jobParts)} FROM jobs WHERE ${isJob(sql, id, owner)}`,
      notFound(id)
    )
  })

const findById = (sql: Sql): Operations["findById"] => {
  const find = lookUp(sql, Tables.jobs, 100, findMany(sql))
  const some = findSome(sql, undefined)
  return Effect.fn("Jobs.findById")((id: JobId, options?: FindJobOptions) =>
    Predicate.isNullish(options?.parts) ? find(id, notFound(id)) : some(id, options)
  )
}

const listOldest = (sql: Sql): Operations["listOldest"] =>
  Effect.fn("Jobs.listOldest")(function* (options?: OldestOptions) {
    yield* checked(options, { status: oneOf(jobStatuses), runningFor: length, limit: count })
    const { limit, runningFor, status } = options ?? {}
    return yield* readState.list(sql`
      SELECT ${stateColumns} FROM jobs
      WHERE true ${Predicate.isNullish(status) ? Tables.nothing : sql`AND status = ${status}::varchar`}
        ${Predicate.isNullish(runningFor) ? Tables.nothing : sql`AND ${isStuck(sql, "jobs", runningFor)}`}
      ORDER BY created_at, id ${Tables.limited(sql, limit ?? 100)}`)
  })

const pageSize = 500

const all =
  (sql: Sql): Operations["all"] =>
  (options) =>
    everyRow(sql, Tables.jobs, JobState, { columns: stateColumns, pageSize }, options)

/** Characters of one piece: at most 800 KB, with 4 bytes each. */
const pieceLength = 200_000

const streamPayload =
  (sql: Sql): Operations["streamPayload"] =>
  (id, part) => {
    const pieces = sql<{ readonly piece: string }>`
      SELECT substr(payload, number * ${pieceLength}::int + 1, ${pieceLength}::int) AS piece
      FROM (SELECT ${sql.literal(jobParts.find((one) => one === part) ?? "NULL")}::text AS payload FROM jobs WHERE ${isJob(sql, id, undefined)} OFFSET 0) AS job,
        generate_series(0, (length(payload) - 1) / ${pieceLength}::int) AS number
      ORDER BY number`
    return Stream.map(pieces.stream, ({ piece }) => piece)
  }

const created = /* @__PURE__ */ Tables.settable(JobCreate)
const createdOfNew = /* @__PURE__ */ Tables.settable(JobCreate, "new")
const createdJobs = /* @__PURE__ */ computed(
  /* @__PURE__ */ Schema.Struct({ created: Schema.Boolean, user_found: Schema.Boolean, bytes: Schema.Finite })
)

const create = (sql: Sql, types: ReadonlyArray<string>): Operations["create"] => {
  const encodeCreate = encoder(jobCreateOf(types))
  return Effect.fn("Jobs.create")(function* (input) {
    const json = yield* encodeCreate(input, "new job")
    const rows = yield* seeingDeleted(sql)(sql<Row>`
      WITH new AS (
        SELECT new.*, ${sql.literal(payloadBytes("new"))} AS bytes
        FROM jsonb_populate_record(NULL::jobs, ${json}::jsonb) AS new
      ), created AS (
        INSERT INTO jobs (${created})
        SELECT ${createdOfNew} FROM new JOIN users USING (clerk_user_id) WHERE bytes <= ${maxJobBytes}::int
        RETURNING ${stateColumns}
      ) SELECT created.id IS NOT NULL AS created, new.bytes,
        EXISTS (SELECT FROM users WHERE users.clerk_user_id = new.clerk_user_id) AS user_found, created.*
      FROM new LEFT JOIN created ON true`)
    const [row] = rows
    const [outcome] = yield* createdJobs(Effect.succeed(rows))
    if (row === undefined || outcome?.user_found !== true) {
      return yield* new UserNotFound({ clerk_user_id: input.clerk_user_id })
    }
    if (!outcome.created) return yield* new JobTooLarge({ job_id: null, bytes: outcome.bytes, limit: maxJobBytes })
    return yield* readState.row(row, "written")
  })
}

const cursorRule: Rule = [/* @__PURE__ */ Schema.is(JobCursor), "the cursor that the page before ended with"]
const decodeCursor = /* @__PURE__ */ Schema.decodeUnknownOption(JobCursor)

// A time that a cursor can't hold, which is infinite, before year 1 or beyond the dates of JavaScript, is written as the
// nearest one that it can.
const cursor = /* @__PURE__ */ Tables.fixed(`to_char(
  greatest('0001-01-01T00:00:00Z', least('275760-09-12T23:59:59.999999Z', created_at)) AT TIME ZONE 'UTC',
  'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
) || '/' || id AS cursor`)

/** The time of the job that a cursor names, or the one in the cursor if there is no such job any more. */
const timeOf = (sql: Sql, user: ClerkUserId, createdAt: string, id: string) => sql`coalesce(
  (SELECT last.created_at FROM jobs AS last WHERE last.id = ${id}::uuid AND last.clerk_user_id = ${user}::varchar),
  ${createdAt}::timestamptz
)`

/** The rows of a page, and one more if there is one. */
const pageOf = (sql: Sql, selected: Fragment, user: ClerkUserId, page: JobListOptions | undefined, limit: number) => {
  const [createdAt = "", id] = asText(page?.after ?? "").split("/")
  return sql<Row>`
    SELECT ${selected}, ${cursor} FROM jobs
    ${Tables.ofUser(sql, user)}
      ${Predicate.isNullish(page?.status) ? Tables.nothing : sql`AND status = ${page.status}::varchar`}
      ${id === undefined ? Tables.nothing : sql`AND (created_at, id) < (${timeOf(sql, user, createdAt, id)}, ${id}::uuid)`}
    ORDER BY created_at DESC, id DESC ${Tables.limited(sql, limit + 1)}`
}

const paged = Effect.fnUntraced(function* <A>(
  reader: { readonly list: (rows: Effect.Effect<ReadonlyArray<Row>>) => Effect.Effect<Listed<A>> },
  rows: ReadonlyArray<Row>,
  more: boolean
) {
  const jobs = yield* reader.list(Effect.succeed(rows))
  const next = more ? decodeCursor(rows.at(-1)?.["cursor"]) : Option.none()
  return { jobs: [...jobs], next: Option.getOrNull(next), unreadable: jobs.unreadable ?? [] }
})

/** How many jobs a page may have, whose options are checked. */
const limitOf = (page: JobListOptions | undefined) =>
  Effect.as(checked(page, { status: oneOf(jobStatuses), after: cursorRule, limit: count }), page?.limit ?? 50)

const listByUser = (sql: Sql): Operations["listByUser"] =>
  Effect.fn("Jobs.listByUser")(function* (user: ClerkUserId, page?: JobListOptions) {
    const limit = yield* limitOf(page)
    const rows = yield* pageOf(sql, stateColumns, user, page, limit)
    return yield* paged(readState, rows.slice(0, limit), rows.length > limit)
  })

const listWithPayloads = (sql: Sql): Operations["listWithPayloads"] =>
  Effect.fn("Jobs.listWithPayloads")(function* (user: ClerkUserId, page?: JobListOptions) {
    const limit = yield* limitOf(page)
    const rows = yield* sql<Row>`
      WITH page AS (${pageOf(sql, sql`${columns}, (${sql.literal(payloadBytes("jobs"))}) AS bytes`, user, page, limit)}), sized AS (
        SELECT page.*, ${counted},
          sum(bytes) OVER following AS bytes_until
        FROM page WINDOW following AS (ORDER BY created_at DESC, id DESC)
      )
      SELECT * FROM sized WHERE number = 1 OR bytes_until <= ${maxJobBytes}::int ORDER BY number`
    const more = rows.length > limit || rows.length < Number(rows[0]?.["total"] ?? 0)
    return yield* paged(read, rows.slice(0, limit), more)
  })

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const ofUser = {
    create: create(sql, yield* JobTypes),
    listByUser: listByUser(sql),
    listWithPayloads: listWithPayloads(sql)
  }
  const operations: Operations = {
    ...ofUser,
    ...jobSteps(sql),
    ...jobQueue(sql),
    findById: findById(sql),
    listOldest: listOldest(sql),
    all: all(sql),
    streamPayload: streamPayload(sql),
    forUser: (user) => ({
      ...jobSteps(sql, ownerOf(user)),
      findById: findSome(sql, ownerOf(user)),
      create: (input) => ofUser.create({ ...input, clerk_user_id: user }),
      list: (page) => ofUser.listByUser(user, page),
      listWithPayloads: (page) => ofUser.listWithPayloads(user, page)
    })
  }
  return operations
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
export class Jobs extends Context.Service<Jobs, Operations>()("alex-database/repository/Jobs", { make }) {
  /** On the table `jobs` of any `SqlClient`. */
  static readonly layer = Layer.effect(this, this.make)
}
