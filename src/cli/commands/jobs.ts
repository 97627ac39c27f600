/** `alex-db jobs`: lists jobs, makes failed or stuck ones pending again, or cancels them. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { jobStatuses } from "../../domain/Job.ts"
import type { JobOperations } from "../../operations/index.ts"
import { durationOf } from "../duration.ts"
import { problemFound, WrongUsage } from "../Outcome.ts"
import { count, print, type Style, table } from "../output/text.ts"
import { database, defaulted, int, on, operations, root } from "../root.ts"

const runningFor = Flag.String("running-for").pipe(
  Flag.withMetavar("DURATION"),
  Flag.withDescription("How long a job runs before it counts as stuck, such as 30m (default: 1h)"),
  Flag.withDefault("1h")
)

const minute = (date: Date | null): string => date?.toISOString().slice(0, 16).replace("T", " ") ?? ""

const listText =
  (which: string) =>
  ({ jobs, more, unreadable }: JobOperations.JobsReport, { warn }: Style): string =>
    [
      jobs.length === 0
        ? `There is no ${which}job${unreadable.length === 0 ? "" : " that can be read"}.`
        : table(
            ["id", "user", "type", "status", "attempts", "created (UTC)", "started", "error"],
            jobs.map((job) => [
              job.id,
              job.clerk_user_id,
              job.job_type,
              job.status,
              String(job.attempts),
              minute(job.created_at),
              minute(job.started_at),
              (job.error_message ?? "").slice(0, 60)
            ])
          ),
      ...unreadable.map(({ id }) => `${warn("can't be read:")} ${id}; alex-db verify says why`),
      ...(more ? ["There are more: raise --limit to see them."] : [])
    ].join("\n")

const list = Command.make(
  "list",
  {
    status: Flag.Literals("status", jobStatuses).pipe(Flag.withDescription("Only jobs of this status"), Flag.optional),
    stuck: on("stuck", "Only jobs that have run longer than --running-for"),
    runningFor,
    limit: defaulted(int("limit", 1), 100, "Maximum number of jobs, the oldest first")
  },
  Effect.fnUntraced(function* (options) {
    const flags = yield* root
    const duration = yield* durationOf("running-for", options.runningFor)
    const { onDatabase } = yield* database
    const { JobOperations } = yield* operations
    const report = yield* onDatabase(flags)(
      JobOperations.list({
        status: Option.getOrUndefined(options.status),
        runningFor: options.stuck ? duration : undefined,
        limit: options.limit
      })
    )
    const which = [
      ...(options.stuck ? ["stuck "] : []),
      ...Option.toArray(Option.map(options.status, (status) => `${status} `))
    ]
    yield* print(flags.json, report, listText(which.join("")))
  })
).pipe(
  Command.withDescription("List jobs, the oldest first"),
  Command.withExamples([
    { command: "alex-db jobs list --stuck", description: "Jobs whose worker seems to be gone" },
    { command: "alex-db jobs list --status failed --json", description: "Failed jobs, for a script" }
  ])
)

const changedText =
  (done: string) =>
  ({ jobs }: JobOperations.JobsChangedReport, { bad, good }: Style): string =>
    [
      ...jobs.map(({ id, refused }) =>
        refused === null ? `${good(`${done}:`)} ${id}` : `${bad("refused:")} ${id}: ${refused}`
      ),
      `${count(jobs.filter(({ refused }) => refused === null).length, "job")} ${done}.`
    ].join("\n")

const id = Argument.String("id").pipe(Argument.withDescription("The jobs' ids"))

const requeue = Command.make(
  "requeue",
  {
    ids: id.pipe(Argument.variadic()),
    stuck: on("stuck", "All jobs that have run longer than --running-for"),
    runningFor,
    results: Flag.Literals("results", ["keep", "clear"]).pipe(
      Flag.withDescription("Keep or clear the results of earlier attempts (default: keep)"),
      Flag.withDefault("keep")
    )
  },
  Effect.fnUntraced(function* ({ ids, results, runningFor, stuck }) {
    const flags = yield* root
    const duration = yield* durationOf("running-for", runningFor)
    if (stuck === ids.length > 0) {
      return yield* new WrongUsage({
        problem: stuck ? "Ids and --stuck were both given" : "No job was named",
        fix: "Give the ids of jobs, or --stuck for all that are stuck; alex-db jobs list shows them"
      })
    }
    const { onDatabase } = yield* database
    const { JobOperations } = yield* operations
    const chosen = stuck ? { runningFor: duration } : { ids }
    const report = yield* onDatabase(flags)(JobOperations.requeue(chosen, { results, takeOver: duration }))
    yield* print(flags.json, report, changedText("pending again"))
    if (!report.ok) return yield* problemFound
  })
).pipe(
  Command.withDescription(
    "Make failed, cancelled or stuck jobs pending again, for a worker to claim; exit 3 if one is refused"
  ),
  Command.withExamples([
    {
      command: "alex-db jobs requeue --stuck --running-for 20m",
      description: "Jobs that were started and did not end"
    },
    { command: "alex-db jobs requeue --results clear 0f8e...", description: "One job, from the beginning" }
  ])
)

const cancel = Command.make(
  "cancel",
  {
    ids: id.pipe(Argument.variadic({ min: 1 })),
    reason: Flag.String("reason").pipe(Flag.withDescription("Why: the job's error message"), Flag.optional)
  },
  Effect.fnUntraced(function* ({ ids, reason }) {
    const flags = yield* root
    const { onDatabase } = yield* database
    const { JobOperations } = yield* operations
    const report = yield* onDatabase(flags)(JobOperations.cancel(ids, Option.getOrUndefined(reason)))
    yield* print(flags.json, report, changedText("cancelled"))
    if (!report.ok) return yield* problemFound
  })
).pipe(
  Command.withDescription("Cancel jobs that are pending or running; exit 3 if one is refused"),
  Command.withExamples([
    { command: 'alex-db jobs cancel 0f8e... --reason "asked for twice"', description: "One job, and why" }
  ])
)

export const jobs = Command.make("jobs").pipe(
  Command.withDescription("List jobs, make failed or stuck ones pending again, or cancel them"),
  Command.withExamples([{ command: "alex-db jobs list --stuck", description: "Jobs whose worker seems to be gone" }]),
  Command.withSubcommands([list, requeue, cancel])
)
