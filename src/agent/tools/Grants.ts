/** What an agent may write. It may write nothing, unless the person who starts it says so. */
import * as Context from "effect/Context"
import type { JobId } from "../../domain/Job.ts"

/**
 * What can be granted: to record `results` of jobs, to set `positions`, to fill in `instruments`, and to change the name
 * or the `prices` of instruments that are known, which all users see.
 */
export const grants = ["results", "positions", "instruments", "prices"] as const

/** One of {@link grants}. */
export type Grant = (typeof grants)[number]

/** Whether a text is one of {@link grants}. */
export const isGrant = (text: string): text is Grant => grants.some((grant) => grant === text)

/** What the tools may write; nothing by default. */
export const Granted = Context.Reference<ReadonlySet<Grant>>("alex-database/agent/Granted", {
  defaultValue: () => new Set()
})

/** The one job whose results the tools may record; any of the user's jobs by default. */
export const BoundJob = Context.Reference<JobId | undefined>("alex-database/agent/BoundJob", {
  defaultValue: () => undefined
})
