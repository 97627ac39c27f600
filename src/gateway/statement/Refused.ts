/** Turns failures of the Data API into error fields of PostgreSQL's protocol. Pure. */
import * as Data from "effect/Data"
import type { DataApiError, DatabaseError, Reason } from "../../data-api/DataApiError.ts"
import { failures } from "../../data-api/FailureTable.ts"
import type { ErrorFields } from "../protocol/BackendMessages.ts"
import type { MessageFault } from "../protocol/FrontendMessages.ts"

/** The error that refuses a statement or a connection. */
export class Refused extends Data.TaggedError("Refused")<{
  readonly fields: ErrorFields
  /** The Data API's failure that caused it, if any. */
  readonly cause?: DataApiError | undefined
}> {
  override get message(): string {
    return this.fields.message
  }
}

/** The error that refuses a statement, from the gateway itself. */
export const refusal = (code: string, message: string, hint?: string): Refused =>
  new Refused({ fields: { severity: "ERROR", code, message, hint } })

/** PostgreSQL's refusal of all but its end in a transaction that has failed. */
export const aborted = (): Refused =>
  refusal("25P02", "current transaction is aborted, commands ignored until end of transaction block")

/** PostgreSQL's refusal of a prepared statement whose columns have changed: drivers prepare it again, and run it again. */
export const changedResult = (): Refused =>
  new Refused({
    fields: {
      severity: "ERROR",
      code: "0A000",
      message: "cached plan must not change result type",
      routine: "RevalidateCachedQuery"
    }
  })

export const isChangedResult = ({ fields }: Refused): boolean => fields.routine === "RevalidateCachedQuery"

const named = (pattern: RegExp, text: string): string | undefined => pattern.exec(text)?.[1]

/** Names that PostgreSQL sends as error fields, but the service only within the message. */
const namesIn = ({ primary, sqlState = "" }: DatabaseError): Partial<ErrorFields> =>
  sqlState.startsWith("23")
    ? {
        table: named(/(?:relation|table) "([^"]+)"/, primary),
        column: named(/column "([^"]+)"/, primary),
        constraint: named(/constraint "([^"]+)"/, primary)
      }
    : {}

/** The SQLSTATE of a failure that is the service's, not PostgreSQL's. */
const sqlStateOf = (reason: Reason): string => {
  switch (reason._tag) {
    case "OutcomeUnknown":
      return "08007"
    case "StatementTimeout":
      return "57014"
    case "DatabaseResuming":
    case "DatabaseUnavailable":
    case "DatabaseNotFound":
    case "InvalidResourceState":
      return "57P03"
    case "TransactionNotFound":
    case "NotFound":
      return "25P03"
    case "TransactionBusy":
      return "55006"
    case "UnsupportedResult":
      return /size limit/i.test(reason.message) ? "54000" : "0A000"
    case "AccessDenied":
    case "Forbidden":
      return "42501"
    case "Unauthenticated":
    case "InvalidSecret":
    case "SecretsError":
      return "28000"
    case "Throttled":
      return "53400"
    case "InvalidRequest":
    case "BadRequest":
    case "Validation":
      return "54000"
    default:
      return "08006"
  }
}

/** The hint for a failure that is the service's, not PostgreSQL's. */
const hintOn = (reason: Reason): string | undefined => {
  switch (reason._tag) {
    case "OutcomeUnknown":
      return "Check whether the statement has run before you run it again."
    case "StatementTimeout":
      return "The Data API runs a statement for 45 seconds, or for statement_timeout where that is less: add an index, or work in smaller steps."
    case "TransactionNotFound":
      return "The service ends a transaction after 3 minutes without a call, or 24 hours in all. Begin it again."
    case "UnsupportedResult":
      return /size limit/i.test(reason.message)
        ? "The Data API returns 1 MiB at once: select fewer rows or columns, or run the query in a transaction."
        : "Cast the column to text."
    case "InvalidRequest":
    case "BadRequest":
    case "Validation":
      return "The Data API takes statements of 65,536 characters and requests of 4 MiB: run them in parts."
    case "Unauthenticated":
    case "InvalidSecret":
    case "SecretsError":
    case "AccessDenied":
      return "Check the credentials that the gateway was started with."
    default:
      return undefined
  }
}

/**
 * @param positionOf maps a position in the sent text to the client's text; undefined if it is not in it
 */
export const refusedBy = (
  error: DataApiError,
  positionOf: (position: number) => number | undefined = () => undefined
): Refused => {
  const { reason } = error
  if (reason._tag === "DatabaseError") {
    const { hint, position, primary, sqlState = "XX000" } = reason
    return new Refused({
      cause: error,
      fields: {
        severity: "ERROR",
        code: sqlState,
        message: primary,
        hint,
        position: position === undefined ? undefined : positionOf(position),
        ...namesIn(reason)
      }
    })
  }
  return new Refused({
    cause: error,
    fields: {
      severity: "ERROR",
      code: sqlStateOf(reason),
      message: reason.message || failures[reason._tag].meaning,
      hint: hintOn(reason)
    }
  })
}

/** The error for a text that can't be converted, or a message that can't be read. */
export const refusedText = ({ code, message }: MessageFault): Refused => refusal(code, message)
