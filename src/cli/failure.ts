/** From any failure to the one line that a person reads. */
import * as CliError from "effect/cli/CliError"
import * as Predicate from "effect/Predicate"
import { isSqlError } from "effect/sql/SqlError"
import { adviceOn } from "../operations/database/Advice.ts"
import { messageOf, sqlStateOf } from "../operations/database/DatabaseFailure.ts"

const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, " ").trim()

/** What went wrong, and the fix where one is known. Never a stack trace, never a secret. */
export const lineOf = (error: unknown): string => {
  if (Predicate.isObject(error)) {
    const userMessage = CliError.getUserMessage(error)
    if (userMessage !== undefined) return oneLine(userMessage)
  }
  const advice = adviceOn(error)
  if (advice.code !== "unknown") return oneLine(`${advice.problem.replace(/\.$/, "")}. ${advice.fix}.`)
  if (isSqlError(error)) {
    const state = sqlStateOf(error)
    return oneLine(`The database refused: ${messageOf(error)}${state === undefined ? "" : ` (SQLSTATE ${state})`}`)
  }
  return oneLine(error instanceof Error ? error.message : String(error))
}
