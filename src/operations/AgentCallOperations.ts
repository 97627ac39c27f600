/** Lists the recorded calls of agents, and deletes old ones, for an operator. */
import { Duration, Effect, Schema } from "effect"
import { Problem } from "../domain/index.ts"
import { checked, count, word } from "../repository/calls/Arguments.ts"
import { AgentCall, type AgentCallListOptions, AgentCalls } from "../repository/index.ts"
import { Target } from "./database/Target.ts"
import * as ForeignTables from "./ForeignTables.ts"

const { fields } = AgentCall

/** A call with what its members mean; the repository, which is part of every function, has no text that only a person reads. */
const DescribedCall = Schema.Struct({
  ...fields,
  job_id: fields.job_id.annotate({ description: "The job that the session was bound to, or that the call named" }),
  arguments: fields.arguments.annotate({
    description: "SHA-256 of the arguments as JSON with sorted names, as in the trail"
  }),
  outcome: fields.outcome.annotate({ description: "ok, or the name of the refusal" }),
  called_at: fields.called_at.annotate({ description: "The moment of the write" }),
  milliseconds: fields.milliseconds.annotate({ description: "Milliseconds from the call to its write" }),
  bytes: fields.bytes.annotate({ description: "The size of the arguments as JSON, in bytes" })
}).annotate({ description: "A call of an agent's tool that reached a write" })

/**
 * The calls that were asked for, the newest first; `unreadable` are entries that other programs wrote and that can't be
 * read, with the problems.
 */
export const AgentCallsReport = Schema.Struct({
  database: Schema.String,
  location: Schema.String,
  calls: Schema.Array(DescribedCall),
  more: Schema.Boolean.annotate({ description: "Whether there are more than were asked for" }),
  unreadable: Schema.Array(Schema.Struct({ id: Schema.String, problems: Schema.Array(Problem) }))
})
export type AgentCallsReport = typeof AgentCallsReport.Type

/** How many calls were deleted. */
export const AgentCallsPrunedReport = Schema.Struct({
  database: Schema.String,
  location: Schema.String,
  pruned: Schema.Int.annotate({ description: "How many calls were deleted" }),
  days: Schema.Finite.annotate({ description: "How old a call was at least, in days" })
})
export type AgentCallsPrunedReport = typeof AgentCallsPrunedReport.Type

/**
 * Lists the calls of agents that reached a write, the newest first. One request.
 *
 * @errors RepositoryError
 */
export const list = Effect.fn("AgentCallOperations.list")(function* (given?: AgentCallListOptions) {
  yield* checked(given, { user: word, limit: count })
  const options = given ?? {}
  const { database, location } = yield* Target
  const limit = options.limit ?? 100
  const found = yield* (yield* AgentCalls).list({ ...options, limit: limit + 1 })
  const unreadable = (found.unreadable ?? []).map(({ key, problems }) => ({ id: key, problems }))
  const more = found.length + unreadable.length > limit
  return { database, location, calls: found.slice(0, limit), more, unreadable } satisfies AgentCallsReport
})

/**
 * Deletes the calls that are older than this, unless the table is another application's. One request for each 10,000,
 * and one or two before.
 *
 * @errors ForeignTables, MigrationsUnreadable, RepositoryError
 */
export const prune = Effect.fn("AgentCallOperations.prune")(function* (olderThan: Duration.Input) {
  const { database, location } = yield* Target
  yield* ForeignTables.refuse()
  const pruned = yield* (yield* AgentCalls).prune(olderThan)
  return { database, location, pruned, days: Duration.toDays(olderThan) } satisfies AgentCallsPrunedReport
})
