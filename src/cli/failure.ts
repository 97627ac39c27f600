/** From any failure to the words that a person reads, and the document that a program does. */
import { isSqlError } from "effect/sql/SqlError"
import { adviceOn } from "../operations/database/Advice.ts"
import { messageOf, sqlStateOf } from "../operations/database/DatabaseFailure.ts"
import { Refused } from "./Outcome.ts"
import { visible } from "./output/visible.ts"

/** What a command prints with `--json` when it fails. */
export interface Failure {
  readonly ok: false
  /** Names the case for programs. */
  readonly code: string
  readonly problem: string
  /** What to do, where that is known. */
  readonly fix: string | null
}

const oneLine = (text: string): string => visible(text.replaceAll(/\s*\n\s*/g, " ").trim()).replace(/\.$/, "")

const failure = (code: string, problem: string, fix: string | null): Failure => ({
  ok: false,
  code,
  problem: oneLine(problem),
  fix: fix === null ? null : oneLine(fix)
})

/** What went wrong, and the fix where one is known. Never a stack trace, never a secret. */
export const failureOf = (error: unknown): Failure => {
  if (error instanceof Refused) return failure(error.code, error.problem, error.fix)
  const advice = adviceOn(error)
  if (advice.code !== "unknown") return failure(advice.code, advice.problem, advice.fix)
  if (isSqlError(error)) {
    const state = sqlStateOf(error)
    const said = `The database refused: ${messageOf(error)}`
    return failure("database", state === undefined ? said : `${said} (SQLSTATE ${state})`, null)
  }
  return failure("failed", error instanceof Error ? error.message : String(error), null)
}

/** As much of a problem as a person reads; with `--json` there is all of it. */
const longest = 2000

const shortened = (problem: string): string =>
  problem.length <= longest
    ? problem
    : `${problem.slice(0, longest)}... (${(problem.length - longest).toLocaleString("en-US")} more characters)`

/** Both in one line. */
export const lineOf = ({ fix, problem }: Failure): string =>
  fix === null ? shortened(problem) : `${shortened(problem)}. ${fix}.`
