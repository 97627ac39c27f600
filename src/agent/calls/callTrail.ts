/** The trail of calls: one record for each, without its arguments and answer. */
import { createHash } from "node:crypto"
import * as Context from "effect/Context"
import * as Predicate from "effect/Predicate"
import { wordFor } from "../payloads/spellings.ts"

/** One call of a tool. */
export interface CallRecord {
  /** When it was made, as ISO 8601. */
  readonly at: string
  readonly user: string
  /** The job that the session is bound to, or that the call names. */
  readonly job: string | null
  readonly tool: string
  /** SHA-256 of the arguments as JSON with sorted names: equal calls have equal hashes, which reveal nothing else. */
  readonly arguments: string
  /** `ok`, or the name of the failure. */
  readonly outcome: string
  readonly milliseconds: number
  /** The size of the answer as JSON, in bytes. */
  readonly bytes: number
}

/**
 * The call that a tool is handling: when it began, in milliseconds since 1970, and the hash and the size of its
 * arguments.
 */
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

/** The hash of arguments, which can't be reversed. */
export const hashOf = (args: unknown): string =>
  createHash("sha256")
    .update(JSON.stringify(sorted(args)) ?? "")
    .digest("hex")

const uuid = /^[0-9a-f-]{36}$/i

/** The job that a call names, in any spelling that the tools take; null if that is not a UUID. */
export const jobOf = (args: unknown): string | null => {
  const [, job] = Object.entries(Object(args)).find(([name]) => wordFor(["job_id"], name) !== undefined) ?? []
  return typeof job === "string" && uuid.test(job) ? job : null
}
