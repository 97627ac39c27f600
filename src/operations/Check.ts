/**
 * Can the database be reached, as whom, and how fast? If not: what is wrong, and how is it fixed?
 */
import { Clock, Effect, Schedule, Schema } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { adviceOn, type Cluster, newerServer, onForeign } from "./database/Advice.ts"
import { dataApiReasonOf } from "./database/DatabaseFailure.ts"
import { takesNoWrites } from "./database/SqlStateAdvice.ts"
import { Target } from "./database/Target.ts"
import { type MigrateOptions, status } from "./migrate/Migrate.ts"
import * as Progress from "./Progress.ts"

/** What is wrong, and how to fix it. */
export const CheckProblem = Schema.Struct({ code: Schema.String, problem: Schema.String, fix: Schema.String })
export type CheckProblem = typeof CheckProblem.Type

/**
 * A database that answers, with its tables and its clock. `latencyMs` is the median of several round trips, in
 * milliseconds.
 */
export const Reachable = Schema.Struct({
  server: Schema.String,
  role: Schema.String,
  /** Whether it takes no writes: a replica, or a session that the settings make read-only. */
  readOnly: Schema.Boolean,
  database: Schema.String,
  sizeBytes: Schema.Finite,
  time: Schema.String,
  tables: Schema.Array(Schema.String),
  latencyMs: Schema.Finite,
  journal: Schema.Literals(["current", "behind", "absent", "contradicts the migrations"]),
  pending: Schema.Array(Schema.String)
})
export type Reachable = typeof Reachable.Type

/** The result: `ok` is true when the database answers and nothing has to be fixed. */
export const CheckReport = Schema.Struct({
  ok: Schema.Boolean,
  backend: Schema.String,
  location: Schema.String,
  reachable: Schema.NullOr(Reachable),
  problem: Schema.NullOr(CheckProblem)
})
export type CheckReport = typeof CheckReport.Type

const Facts = Schema.Tuple([
  Schema.Struct({
    server: Schema.String,
    role: Schema.String,
    readOnly: Schema.Boolean,
    database: Schema.String,
    sizeBytes: Schema.FiniteFromString,
    time: Schema.String,
    tables: Schema.Array(Schema.String),
    /** Whether the role may create objects in the current schema. */
    mayCreate: Schema.Boolean
  })
])

/** How many round trips the latency is the median of. */
const samples = 7

/** How long to wait for a paused cluster to resume; see docs/data-api.md. */
const resumePatience = "2 minutes"

const isPaused = (error: unknown): boolean =>
  SqlError.isSqlError(error) && dataApiReasonOf(error) === "DatabaseResuming"

const factsOf = Effect.fnUntraced(function* () {
  const sql = yield* SqlClient.SqlClient
  const { backend } = yield* Target
  const text = backend === "data-api" ? "waiting; a paused cluster takes 15 s and more" : "waiting for the first answer"
  yield* Progress.report({ operation: "check", done: 0, total: 0, text })
  const rows = yield* sql`
    select current_setting('server_version') as server, current_user::text as role,
      current_setting('transaction_read_only') = 'on' as "readOnly",
      current_database()::text as database, pg_database_size(current_database())::text as "sizeBytes",
      to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as time, (
        select coalesce(jsonb_agg(c.relname order by c.relname), '[]') from pg_class c
        where c.relkind in ('r', 'p') and c.relnamespace = to_regnamespace(quote_ident(current_schema()::text))
      ) as tables, coalesce(has_schema_privilege(current_schema(), 'create'), true) as "mayCreate"`.pipe(
    Effect.retry({
      while: isPaused,
      schedule: Schedule.spaced("3 seconds").pipe(Schedule.upTo({ duration: resumePatience }))
    })
  )
  const [facts] = yield* Schema.decodeUnknownEffect(Facts)(rows)
  return facts
})

const latency = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const times: Array<number> = []
  for (let sample = 0; sample < samples; sample++) {
    const begin = yield* Clock.currentTimeNanos
    yield* sql`select 1`
    const end = yield* Clock.currentTimeNanos
    times.push(Number(end - begin) / 1e6)
  }
  const median = times.sort((a, b) => a - b)[Math.floor(samples / 2)] ?? 0
  return Math.round(median * 100) / 100
})

const look = Effect.fnUntraced(function* (options: MigrateOptions) {
  const { mayCreate, ...facts } = yield* factsOf()
  const latencyMs = yield* latency
  const migrations = yield* status(options)
  const reachable: Reachable = {
    ...facts,
    latencyMs,
    journal: !migrations.journal
      ? "absent"
      : migrations.problems.length > 0
        ? "contradicts the migrations"
        : migrations.current
          ? "current"
          : "behind",
    pending: migrations.pending.map(({ name }) => name)
  }
  return {
    reachable,
    mayCreate,
    misplaced: migrations.problems.filter(({ kind }) => kind === "search path"),
    foreign: migrations.problems.filter(({ kind }) => kind === "foreign"),
    tooOld: migrations.problems.filter(({ kind }) => kind === "server")
  }
})

/**
 * Reads the facts of a database: version, role, size, latency, journal. Waits while a paused cluster resumes. Nine
 * requests, ten if there is no journal.
 *
 * @errors MigrationsUnreadable, RepositoryError
 */
export const reach = Effect.fn("Check.reach")(function* (options: MigrateOptions = {}) {
  const { reachable } = yield* look(options)
  return reachable
})

const mayNotCreate = (role: string): CheckProblem => ({
  code: "privilege",
  problem: `The database's role ${role} may not create tables in the current schema, and migrations are pending`,
  fix: "Run alex-db migrate as the owner of the schema or of the database, or GRANT CREATE ON SCHEMA ... TO the role"
})

const problemOf = ({ journal, pending, readOnly, role }: Reachable, mayCreate: boolean): CheckProblem | null => {
  // A migration would fail in a database that takes no writes, or in a schema that takes no tables of this role.
  if (readOnly && journal !== "current") return takesNoWrites
  if (!mayCreate && (journal === "absent" || journal === "behind")) return mayNotCreate(role)
  const fix = "Run alex-db migrate"
  switch (journal) {
    case "current":
      return null
    case "contradicts the migrations":
      return {
        code: "journal",
        problem: "The journal and the migrations contradict each other",
        fix: "Run alex-db migrate status"
      }
    case "absent":
      return { code: "not-migrated", problem: "The database has not been migrated", fix }
    case "behind":
      return { code: "behind", problem: `${pending.join(", ")} not applied`, fix }
  }
}

/**
 * The report on a database that answered.
 *
 * @errors MigrationsUnreadable, RepositoryError
 */
export const found = Effect.fn("Check.found")(function* (options: MigrateOptions = {}) {
  const { backend, location } = yield* Target
  const { foreign, mayCreate, misplaced, reachable, tooOld } = yield* look(options)
  const inTheWay = [...tooOld, ...misplaced, ...foreign].map(({ message }) => message)
  const advice = tooOld.length > 0 ? newerServer : onForeign(misplaced.length > 0)
  const problem: CheckProblem | null =
    inTheWay.length === 0 ? problemOf(reachable, mayCreate) : { problem: inTheWay.join("; "), ...advice }
  const report: CheckReport = { ok: problem === null, backend, location, reachable, problem }
  return report
})

/** The report on a database that could not be reached, with the advice on `error`. */
export const notFound = (
  error: unknown,
  target: { readonly backend: string; readonly location: string },
  cluster?: Cluster
): CheckReport => ({
  ok: false,
  backend: target.backend,
  location: target.location,
  reachable: null,
  problem: { ...adviceOn(error, cluster) }
})
