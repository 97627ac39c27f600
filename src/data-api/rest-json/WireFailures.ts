/** Failures on the wire: what a server writes of one, and what a client reads. Pure. */
import {
  DatabaseError,
  InternalServerError,
  type Reason,
  reasons,
  StatementTimeout,
  TransactionBusy,
  Unauthenticated,
  UnexpectedResponse
} from "../DataApiError.ts"
import { type Failure, type FailureTag, failures, tagOfCode } from "../FailureTable.ts"

/** What the service's answer says, before it is a {@link Reason}. */
export interface WireFailure {
  /** The exception's name; empty when the answer had none. */
  readonly code: string
  readonly status: number
  readonly message: string
  readonly dbConnectionId?: number | undefined
}

/** An answer, its body read to the end. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  /** Its text, or its octets where they are at hand. */
  readonly body: string | Buffer
  /** Octets of the body. */
  readonly size: number
}

/** The text of an answer's body. */
export const textOfBody = ({ body }: Pick<Answer, "body">): string =>
  typeof body === "string" ? body : body.toString("utf8")

const sqlState = /SQLState:\s*[0-9A-Z]{5}\s*$/

/** Two exceptions stand for two failures each; their messages tell which. */
const tagOf = ({ code, message, status }: WireFailure): FailureTag => {
  const tag = tagOfCode(code)
  if (tag === "DatabaseError" && message.includes("Transaction is still running a query")) return "TransactionBusy"
  if (tag === "BadRequest" && sqlState.test(message)) return "DatabaseError"
  return tag ?? (status === 429 ? "Throttled" : "UnexpectedResponse")
}

/**
 * The reason that stands for a failed answer of the service.
 *
 * @example
 * ```ts
 * import { reasonOf } from "alex-database/data-api"
 *
 * reasonOf({ code: "DatabaseErrorException", status: 400, message: "ERROR: division by zero; SQLState: 22012" })._tag
 * // "DatabaseError"
 * ```
 */
export const reasonOf = (failure: WireFailure): Reason => {
  const { code, dbConnectionId, status } = failure
  const tag = tagOf(failure)
  // The SDKs say "UnknownError" for an answer without a message.
  const isSilent = failure.message === "" || failure.message === "UnknownError"
  const message = isSilent ? failures[tag].meaning : failure.message
  switch (tag) {
    case "DatabaseError":
      return DatabaseError.fromMessage(failure.message)
    case "TransactionBusy":
      return new TransactionBusy({ message })
    case "StatementTimeout":
      return new StatementTimeout({ message, ...(dbConnectionId === undefined ? {} : { dbConnectionId }) })
    case "InternalServerError":
      return new InternalServerError({ message, code })
    case "Unauthenticated":
      return new Unauthenticated({ message, code })
    case "UnexpectedResponse":
    case "OutcomeUnknown":
    case "NotCommitted":
      return new UnexpectedResponse({
        message: isSilent ? `HTTP ${status} without a reason` : message,
        code,
        status
      })
    default:
      return new reasons[tag]({ message })
  }
}

const header = (answer: Answer, name: string): string | undefined => {
  const value = answer.headers[name]
  return typeof value === "string" ? value : value?.[0]
}

/** The service's id of the request. */
export const requestIdOf = (answer: Answer): string | undefined =>
  header(answer, "x-amzn-requestid") ?? header(answer, "x-amz-request-id")

/** `ns#Code:http://...` is `Code`. */
const bareCode = (code: string): string => (code.split(":")[0] ?? "").split("#").pop() ?? ""

type Json = Readonly<Record<string, unknown>>

const parse = (text: string): Json | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

const textOf = (json: Json, ...names: ReadonlyArray<string>): string => {
  for (const name of names) {
    const value = json[name]
    if (typeof value === "string") return value
  }
  return ""
}

/** What a failed answer says, as a client reads it. */
export const readFailure = (answer: Answer): Reason => {
  const { status } = answer
  const body = textOfBody(answer)
  const json = parse(body)
  if (json === undefined && body.trim() !== "") {
    return new UnexpectedResponse({
      message: `HTTP ${status} with a body that is not JSON: a proxy's, perhaps.`,
      code: bareCode(header(answer, "x-amzn-errortype") ?? ""),
      status
    })
  }
  const said = json ?? {}
  const dbConnectionId = said["dbConnectionId"]
  return reasonOf({
    code: bareCode(header(answer, "x-amzn-errortype") ?? textOf(said, "code", "__type")),
    status,
    message: textOf(said, "message", "Message"),
    dbConnectionId: typeof dbConnectionId === "number" ? dbConnectionId : undefined
  })
}

/** How a server sends a failure; `"dropped"` when the connection ends without an answer. */
export const failureOf = (reason: Reason): WireFailure | "dropped" => {
  switch (reason._tag) {
    case "ConnectFailed":
    case "ConnectionLost":
      return "dropped"
    case "UnexpectedResponse":
      return { code: reason.code, status: reason.status, message: reason.message }
  }
  const { codes, isSilent, status }: Failure = failures[reason._tag]
  return {
    code: "code" in reason ? reason.code : codes[0],
    status,
    // The model gives these exceptions no message.
    message: isSilent === true ? "" : reason.message,
    dbConnectionId: reason._tag === "StatementTimeout" ? reason.dbConnectionId : undefined
  }
}

/** The body of a failure; its code is the header `x-amzn-ErrorType`. */
export const encodeFailure = ({ dbConnectionId, message }: WireFailure): string =>
  message === "" ? "{}" : JSON.stringify({ message, dbConnectionId })
