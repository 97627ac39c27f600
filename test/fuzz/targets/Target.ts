/** What is fuzzed: a parser of what comes from outside, and what has to be so whatever it is given. */
import { Cause, Effect, Exit } from "effect"

type Complaint = string | undefined

export interface Target {
  readonly name: string
  /** How many inputs a round has: those of about a second of processor time. */
  readonly round: number
  /** The sources whose texts are words of its language, beside `words`. */
  readonly files: RegExp
  readonly seeds: ReadonlyArray<string>
  /** What its language is made of. */
  readonly words: ReadonlyArray<string>
  /** Says what is wrong, if anything is; throws nothing. */
  readonly run: (input: Buffer) => Complaint | Promise<Complaint>
  /** What takes longer to find out, such as PostgreSQL's own answer: asked for what did something new, and a few others. */
  readonly judge?: (input: Buffer) => Promise<Complaint>
}

/** What JSON is made of. */
export const jsonWords = ["{", "}", "[", "]", '"', ":", ",", "null"] as const

/** An effect fails with an error of its own or succeeds; a defect is a complaint. */
export const settled = async <A, E>(
  effect: Effect.Effect<A, E>
): Promise<{ readonly value?: A; readonly complaint?: string }> => {
  const exit = await Effect.runPromiseExit(effect)
  if (Exit.isSuccess(exit)) return { value: exit.value }
  return Cause.hasDies(exit.cause) ? { complaint: `it dies: ${Cause.pretty(exit.cause)}` } : {}
}

/** The first complaint of several checks. */
export const firstOf = (...checks: ReadonlyArray<() => Complaint>): Complaint => {
  for (const check of checks) {
    const complaint = check()
    if (complaint !== undefined) return complaint
  }
  return undefined
}
