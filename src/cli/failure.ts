/** Turns any failure into a line for a person and a document for a program. */
import { adviceOn } from "../operations/database/Advice.ts"
import { Refused } from "./Outcome.ts"
import { visible } from "./output/visible.ts"

/** What a command prints with `--json` when it fails. */
export interface Failure {
  readonly ok: false
  /** Names the case for programs. */
  readonly code: string
  readonly problem: string
  /** What to do. */
  readonly fix: string
}

const oneLine = (text: string): string => {
  const lines = text.split("\n").map((line) => line.trim())
  return visible(lines.filter((line) => line !== "").join(" ")).replace(/\.$/, "")
}

/** What went wrong, and what to do. Never a stack trace, never a secret. */
export const failureOf = (error: unknown): Failure => {
  const { code, fix, problem } = error instanceof Refused ? error : adviceOn(error)
  return { ok: false, code, problem: oneLine(problem), fix: oneLine(fix) }
}

/** The most characters of a problem in a line; `--json` has all of it. */
const longest = 2000

const shortened = (problem: string): string =>
  problem.length <= longest
    ? problem
    : `${problem.slice(0, longest)}... (${(problem.length - longest).toLocaleString("en-US")} more characters)`

/** Problem and fix in one line. */
export const lineOf = ({ fix, problem }: Failure): string => `${shortened(problem)}. ${fix}.`
