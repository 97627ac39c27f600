/** Converts PostgreSQL's errors and broken sessions to the service's failures and messages. */
import {
  BadRequest,
  DatabaseError,
  DatabaseUnavailable,
  InternalServerError,
  type Reason,
  StatementTimeout,
  UnsupportedResult,
  Validation
} from "../../data-api/DataApiError.ts"
import type { Unreadable } from "../../data-api/postgres/BinaryValues.ts"
import type { Refusal, SessionLost } from "./Session.ts"

/**
 * The service's message for an error: always `ERROR:`, then hint and position if there are any, and the SQLSTATE; never
 * the detail. The position counts in the statement with `$n` in place of names, as it was sent to PostgreSQL.
 */
export const databaseMessage = (refusal: Refusal): string =>
  [
    `ERROR: ${refusal.message}`,
    ...(refusal.hint === undefined ? [] : [`Hint: ${refusal.hint}`]),
    ...(refusal.position === undefined ? [] : [`Position: ${refusal.position}`]),
    `SQLState: ${refusal.sqlState}`
  ].join("; ")

/** The error with its parts as PostgreSQL sent them. They are not parsed from the line, which may contain `; Hint:`. */
const databaseError = (refusal: Refusal): DatabaseError => {
  const { hint, message: primary, position, sqlState } = refusal
  return new DatabaseError({
    message: databaseMessage(refusal),
    primary,
    sqlState,
    ...(hint === undefined ? {} : { hint }),
    ...(position === undefined ? {} : { position: Number(position) })
  })
}

/** The reason for a failed statement or a broken session. */
export const reasonOf = (failure: Refusal | SessionLost): Reason => {
  if (failure._tag === "SessionLost") return new DatabaseUnavailable({ message: failure.message })
  if (failure.sqlState === "42601" && failure.message === "cannot insert multiple commands into a prepared statement") {
    return multistatement()
  }
  if (failure.sqlState === "57014" && failure.message === "canceling statement due to statement timeout") {
    return new StatementTimeout({ message: failure.message })
  }
  return databaseError(failure)
}

export const multistatement = (): Reason => new Validation({ message: "Multistatements aren't supported." })

export const schemaNotSupported = (): Reason => new Validation({ message: "The schema parameter isn't supported" })

/** The failure for a member of the request that is out of bounds, in the general form of AWS's front end. */
export const outOfBounds = (member: string, constraint: string): Reason =>
  new Validation({
    message: `1 validation error detected: Value at '${member}' failed to satisfy constraint: Member must have ${constraint}`
  })

export const unsupportedType = (displayName: string): Reason =>
  new UnsupportedResult({ message: `The result contains the unsupported data type ${displayName}.` })

/** The service has an internal error for an infinite date or timestamp, without a message. */
export const unreadable = ({ kind }: Unreadable): Reason =>
  kind === "infinite"
    ? new InternalServerError({ message: "", code: "InternalFailure" })
    : new UnsupportedResult({ message: "The result contains a multidimensional array." })

export const resultTooLarge = (): Reason =>
  new UnsupportedResult({ message: "The result exceeds the size limit 1 MB." })

export const formattedTooLarge = (): Reason =>
  new BadRequest({ message: "Database returned more than the allowed response size limit" })

export const duplicateLabel = (label: string): Reason =>
  new BadRequest({ message: `The result has more than one column with the label ${label}.` })

/** COPY needs a stream, which the service does not have; this is the message of its driver. */
export const unexpectedCopy = (message: string): Reason =>
  DatabaseError.fromMessage(`execute: unexpected message: ${message}`)
