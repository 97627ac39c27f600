/** Reads the database's own error, whichever driver reported it. */
import { Predicate } from "effect"
import type { SqlError } from "effect/sql"
import { type FailureTag, failures, isFailureTag } from "../../data-api/FailureTable.ts"

const member = (value: unknown, key: string): unknown => (Predicate.hasProperty(value, key) ? value[key] : undefined)

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

/** The failures below an `SqlError`, outermost first: the reason's cause, and what that wraps in turn. */
const causes = (error: SqlError.SqlError): ReadonlyArray<unknown> => {
  const found: Array<unknown> = []
  for (let at: unknown = error.reason.cause; at !== undefined && found.length < 5; ) {
    found.push(at)
    at = member(at, "reason") ?? member(at, "cause")
  }
  return found
}

/** The SQLSTATE, for example `42P01`, if the database was reached and gave one. */
export const sqlStateOf = (error: SqlError.SqlError): string | undefined => {
  for (const cause of causes(error)) {
    const state = text(member(cause, "sqlState")) ?? text(member(cause, "code"))
    if (state !== undefined && /^[0-9A-Z]{5}$/.test(state)) return state
    const inMessage = /SQLState:\s*([0-9A-Z]{5})/.exec(text(member(cause, "message")) ?? "")?.[1]
    if (inMessage !== undefined) return inMessage
  }
  return undefined
}

/** The database's own words, without position and code; the driver's message where there are none. */
export const messageOf = (error: SqlError.SqlError): string => {
  for (const cause of causes(error)) {
    const primary = text(member(cause, "primary"))
    if (primary !== undefined) return primary
  }
  const messages = causes(error).flatMap((cause) => text(member(cause, "message")) ?? [])
  return messages.at(-1) ?? error.message
}

/** The function of PostgreSQL's sources that reported the error, if the driver hands it on. */
export const routineOf = (error: SqlError.SqlError): string | undefined => {
  for (const cause of causes(error)) {
    const routine = text(member(cause, "routine"))
    if (routine !== undefined) return routine
  }
  return undefined
}

/**
 * The objects that PostgreSQL names as the reason why something can't be dropped or changed, for example
 * `view reporting depends on table users`. The detail of any other refusal may hold values, and is not shown.
 */
export const dependentObjectsOf = (error: SqlError.SqlError): string | undefined => {
  if (!/^(2BP01|0A000)$/.test(sqlStateOf(error) ?? "")) return undefined
  for (const cause of causes(error)) {
    const detail = text(member(cause, "detail"))
    if (detail !== undefined) return detail.split("\n").join(", ")
  }
  return undefined
}

/**
 * The tag of the Data API failure below the error, for example `DatabaseResuming`, if there is one. If the outcome is
 * unknown, it is the tag of the failure that lost the answer.
 */
export const dataApiReasonOf = (error: SqlError.SqlError): FailureTag | undefined => {
  for (const cause of causes(error)) {
    if (member(cause, "_tag") !== "DataApiError") continue
    const reason = member(cause, "reason")
    const tag = text(member(reason, "lost")) ?? text(member(reason, "_tag"))
    if (tag !== undefined && isFailureTag(tag)) return tag
  }
  return undefined
}

/** The message of a failure in a transaction that was not committed, without "may have run". */
export const messageInTransaction = (error: SqlError.SqlError): string => {
  const tag = dataApiReasonOf(error)
  if (tag !== undefined && tag !== "DatabaseError" && failures[tag].didRun === "unknown") {
    return failures[tag].meaning.replace(/\.$/, "")
  }
  const objects = dependentObjectsOf(error)
  return objects === undefined ? messageOf(error) : `${messageOf(error)}: ${objects}`
}
