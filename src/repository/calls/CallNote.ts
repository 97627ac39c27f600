/** Records the call of an agent, in the statement that does the write. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import { nothing } from "../Tables.ts"

/** What is known of a call before it writes. */
export interface CallNote {
  readonly user: string
  readonly job: string | null
  readonly tool: string
  /** SHA-256 of the arguments. */
  readonly arguments: string
  /** The size of the arguments as JSON, in bytes. */
  readonly bytes: number
  /** When the call was made, in milliseconds since 1970. */
  readonly began: number
}

/**
 * The call to record in `agent_calls`; none by default. The changes of jobs, `Positions.put`, `addQuantity` and
 * `delete`, `Instruments.upsert`, `upsertMany` and `fillIn` record it in their own statement: there is a row if, and
 * only if, the statement carried out or refused the write.
 */
export const CurrentCall = /* @__PURE__ */ Context.Reference<CallNote | undefined>(
  "alex-database/repository/CurrentCall",
  { defaultValue: () => undefined }
)

/** Makes the part of a statement that records a call, after the other parts of its `WITH`. */
export type Noted = (
  /** The SQL of the outcome, and of whether to record the call. */
  what: { readonly outcome: string; readonly when?: string }
) => Fragment

/** The part for the current call; empty if there is none. */
export const noted = Effect.fnUntraced(function* (sql: SqlClient): Effect.fn.Return<Noted> {
  const call = yield* CurrentCall
  if (call === undefined) return () => nothing
  const milliseconds = Math.max(0, (yield* Clock.currentTimeMillis) - call.began)
  return ({ outcome, when = "true" }) => sql`, noted AS (
      INSERT INTO agent_calls (clerk_user_id, job_id, tool, arguments, outcome, milliseconds, bytes)
      SELECT
        ${call.user}::varchar, ${call.job}::uuid, ${call.tool}::varchar, ${call.arguments}::varchar,
        ${sql.literal(outcome)}, ${milliseconds}::int, ${call.bytes}::int
      WHERE ${sql.literal(when)}
    )`
})
