/** The recorded calls of agents that wrote something. */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import { ClerkUserId } from "../domain/User.ts"
import { checked, count, length, word } from "./calls/Arguments.ts"
import { interval } from "./jobs/JobChange.ts"
import { computed, type Listed, type RepositoryError, reader } from "./Rows.ts"
import * as Tables from "./Tables.ts"

/** One call, without its arguments: the user, the job, the tool and the outcome. */
export const AgentCall = /* @__PURE__ */ Schema.Struct({
  id: Schema.String,
  clerk_user_id: ClerkUserId,
  job_id: /* @__PURE__ */ Schema.NullOr(Schema.String),
  tool: Schema.String,
  arguments: Schema.String,
  outcome: Schema.String,
  called_at: Schema.Date,
  milliseconds: Schema.Int,
  bytes: Schema.Int
}).annotate({ description: "A call of an agent's tool that reached a write" })
export interface AgentCall extends Schema.Schema.Type<typeof AgentCall> {}

/** Which calls to list; all members have a default. */
export interface AgentCallListOptions {
  readonly user?: ClerkUserId | undefined
  /** How many at most; 100 unless given. */
  readonly limit?: number | undefined
}

/** The operations on the calls of agents. */
export interface Operations {
  /**
   * The calls that reached a write, the newest first.
   *
   * @errors RepositoryError
   */
  readonly list: (options?: AgentCallListOptions) => Effect.Effect<Listed<AgentCall>, RepositoryError>

  /**
   * Deletes the calls that are older than this, the oldest first, and returns how many. One request for each 10,000, so
   * that a run that was stopped can be repeated.
   *
   * @errors RepositoryError
   */
  readonly prune: (olderThan: Duration.Input) => Effect.Effect<number, RepositoryError>
}

const table = { name: "agent_calls", key: "id", row: AgentCall } as const
const columns = /* @__PURE__ */ Tables.selected(table)
const read = /* @__PURE__ */ reader(table, AgentCall)

const list = (sql: SqlClient.SqlClient): Operations["list"] =>
  Effect.fn("AgentCalls.list")(function* (options?: AgentCallListOptions) {
    yield* checked(options, { user: word, limit: count })
    return yield* read.list(sql`
      SELECT ${columns} FROM agent_calls
      ${Predicate.isNullish(options?.user) ? Tables.nothing : Tables.ofUser(sql, options.user)}
      ORDER BY called_at DESC, id DESC ${Tables.limited(sql, options?.limit ?? 100)}`)
  })

const atOnce = 10_000
const counts = /* @__PURE__ */ computed(/* @__PURE__ */ Schema.Struct({ deleted: Schema.Int }))

const prune = (sql: SqlClient.SqlClient): Operations["prune"] =>
  Effect.fn("AgentCalls.prune")(function* (olderThan) {
    yield* checked({ olderThan }, { olderThan: length }, "olderThan")
    for (let all = 0; ; ) {
      const [{ deleted } = { deleted: 0 }] = yield* counts(sql`
        WITH old AS (
          SELECT id FROM agent_calls
          WHERE called_at < now() - ${interval(sql, olderThan)}
          ORDER BY called_at, id LIMIT ${atOnce}::int
        ), deleted AS (
          DELETE FROM agent_calls USING old WHERE agent_calls.id = old.id RETURNING agent_calls.id
        )
        SELECT count(*)::int AS deleted FROM deleted`)
      all += deleted
      if (deleted < atOnce) return all
    }
  })

const make = Effect.map(SqlClient.SqlClient, (sql): Operations => ({ list: list(sql), prune: prune(sql) }))

/**
 * The table `agent_calls`. The tools that write insert into it, in the statement of the write itself.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { AgentCalls, ClerkUserId } from "alex-database"
 *
 * const written = Effect.gen(function*() {
 *   const calls = yield* AgentCalls
 *   yield* calls.prune("90 days")
 *   return yield* calls.list({ user: ClerkUserId.make("user_2abcDEF"), limit: 10 })
 * })
 * ```
 */
export class AgentCalls extends Context.Service<AgentCalls, Operations>()("alex-database/repository/AgentCalls", {
  make
}) {
  /** On any `SqlClient`. */
  static readonly layer = Layer.effect(this, this.make)
}
