/** The trail of calls: one record for each, without what was said. */
import { createHash } from "node:crypto"
import * as Context from "effect/Context"
import * as Predicate from "effect/Predicate"

/** One call of a tool. */
export interface CallRecord {
  /** When it was made, as ISO 8601. */
  readonly at: string
  readonly user: string
  /** The job that the session is bound to, or that the call names. */
  readonly job: string | null
  readonly tool: string
  /** SHA-256 of the arguments as JSON with sorted names: equal calls have equal hashes, and nothing can be read in one. */
  readonly arguments: string
  /** `ok`, or the name of the failure. */
  readonly outcome: string
  readonly milliseconds: number
  /** How long the answer is, as JSON. */
  readonly bytes: number
}

/** The call that a tool is at: when it began, and its arguments as they came. */
export const CallInHand = Context.Reference<
  (Pick<CallRecord, "arguments"> & { readonly bytes: number; readonly began: number }) | undefined
>("alex-database/agent/CallInHand", { defaultValue: () => undefined })

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (!Predicate.isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, one]) => [name, sorted(one)])
  )
}

/** The hash of arguments, which nobody can turn back. */
export const hashOf = (args: unknown): string =>
  createHash("sha256")
    .update(JSON.stringify(sorted(args)) ?? "")
    .digest("hex")

const uuid = /^[0-9a-f-]{36}$/i

/** The job that a call names, where it is the id of one. */
export const jobOf = (args: unknown): string | null => {
  const job = Predicate.isObject(args) ? args["job_id"] : undefined
  return typeof job === "string" && uuid.test(job) ? job : null
}
