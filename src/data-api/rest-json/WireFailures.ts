/** Failures on the wire, as a server writes them and a client reads them. Pure. */
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
import type { TextOctets } from "../values/Octets.ts"

/** A failure as the service's response states it, before it becomes a {@link Reason}. */
export interface WireFailure {
  /** The exception's name; empty if the response has none. */
  readonly code: string
  readonly status: number
  readonly message: string
  readonly dbConnectionId?: number | undefined
}

/** An HTTP response with its whole body. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  /** The body's text, or its octets if the transport has them. */
  readonly body: string | TextOctets
  /** Octets of the body. */
  readonly size: number
}

/** The text of a response's body. */
export const textOfBody = ({ body }: Pick<Answer, "body">): string =>
  typeof body === "string" ? body : body.toString("utf8")

const sqlState = /SQLState:\s*[0-9A-Z]{5}\s*$/

/** What a status alone says, whoever sends it: the request went no further. */
const refusals: Readonly<Record<number, readonly [tag: FailureTag, meaning: string]>> = {
  413: ["Validation", "the request is too large for the service, or for a proxy before it."],
  429: ["Throttled", "the service, or a proxy before it, limits the rate of requests."]
}

/** Two exceptions stand for two failures each; the message decides. */
const tagOf = ({ code, message, status }: WireFailure): FailureTag => {
  const tag = tagOfCode(code)
  if (tag === "DatabaseError" && message.includes("Transaction is still running a query")) return "TransactionBusy"
  if (tag === "BadRequest" && sqlState.test(message)) return "DatabaseError"
  return tag ?? refusals[status]?.[0] ?? "UnexpectedResponse"
}

/**
 * The reason for a failed response of the service.
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
  // The SDKs report "UnknownError" for a response without a message.
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

const isRedirect = ({ status }: Answer): boolean => status >= 300 && status < 400

/** The reason for a response that is something else's than the service's, such as a proxy's page. */
const foreign = (answer: Answer): Reason => {
  const { status } = answer
  const refusal = refusals[status]
  if (refusal !== undefined) return reasonOf({ code: "", status, message: `HTTP ${status}: ${refusal[1]}` })
  const target = isRedirect(answer) ? URL.parse(header(answer, "location") ?? "") : null
  return new UnexpectedResponse({
    message:
      target === null
        ? `HTTP ${status} with a body that is not JSON: a proxy's, perhaps.`
        : `HTTP ${status} leads to ${target.origin}, and redirects are not followed: set the endpoint to where the service is.`,
    code: bareCode(header(answer, "x-amzn-errortype") ?? ""),
    status
  })
}

/** Reads the reason of a failed response, for a client. */
export const readFailure = (answer: Answer): Reason => {
  const { status } = answer
  const body = textOfBody(answer)
  const json = parse(body)
  if (json === undefined && (body.trim() !== "" || isRedirect(answer) || status in refusals)) return foreign(answer)
  const said = json ?? {}
  const dbConnectionId = said["dbConnectionId"]
  return reasonOf({
    code: bareCode(header(answer, "x-amzn-errortype") ?? textOf(said, "code", "__type")),
    status,
    message: textOf(said, "message", "Message"),
    dbConnectionId: typeof dbConnectionId === "number" ? dbConnectionId : undefined
  })
}

/** How a server sends a failure; `"dropped"` if the connection ends without a response. */
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
    // The service's model gives these exceptions no message.
    message: isSilent === true ? "" : reason.message,
    dbConnectionId: reason._tag === "StatementTimeout" ? reason.dbConnectionId : undefined
  }
}

/** Encodes the body of a failure; its code goes into the header `x-amzn-ErrorType`. */
export const encodeFailure = ({ dbConnectionId, message }: WireFailure): string =>
  message === "" ? "{}" : JSON.stringify({ message, dbConnectionId })
