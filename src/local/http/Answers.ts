/** The responses of the HTTP server, and how they are sent. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http"
import type { Reason } from "../../data-api/DataApiError.ts"
import { encodeFailure, failureOf, type WireFailure } from "../../data-api/rest-json/WireFailures.ts"
import type { Written } from "./WholeRequests.ts"

/** A response; `failure` is set if it is a failure. */
export interface Answer {
  readonly status: number
  readonly body: string
  readonly failure?: WireFailure
  /** The methods of the path, where the request's is none of them. */
  readonly allow?: string
}

/** The response for a failure. */
export const failed = (failure: WireFailure): Answer => ({
  status: failure.status,
  body: encodeFailure(failure),
  failure
})

/** The response for a failure that the HTTP server itself detects. */
export const refusal = (status: number, code: string, message: string): Answer => failed({ status, code, message })

/** The response for a failed call; `"dropped"` ends the connection without a response. */
export const answerOf = (reason: Reason): Answer | "dropped" => {
  const failure = failureOf(reason)
  return failure === "dropped" ? failure : failed(failure)
}

export const tooLarge = refusal(413, "RequestEntityTooLargeException", "The request exceeds the size limit of 4 MiB.")

const headersOf = (requestId: string, { allow, body, failure }: Answer): Record<string, string | number> => ({
  "content-type": "application/json",
  "content-length": Buffer.byteLength(body),
  "x-amzn-RequestId": requestId,
  ...(failure === undefined ? {} : { "x-amzn-ErrorType": failure.code }),
  ...(allow === undefined ? {} : { allow })
})

/** Sends a response with the request's id. */
export const send = (response: ServerResponse, requestId: string, answer: Answer | "dropped"): void => {
  if (answer === "dropped") response.socket?.destroy()
  else response.writeHead(answer.status, headersOf(requestId, answer)).end(answer.body)
}

/** How long a client may take to read the response that refuses its request or its connection, in milliseconds. */
export const lingerMillis = 1_000

/**
 * Sends a response to a request whose body has not arrived, and ends the connection. What the client still sends is
 * dropped for a while, because it would lose the response if some of its own data were unread.
 */
export const sendEarly = (
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  answer: Answer
): void => {
  const end = () => void response.end()
  const timer = setTimeout(end, lingerMillis)
  response.once("close", () => clearTimeout(timer))
  request.once("end", end)
  response.writeHead(answer.status, { ...headersOf(requestId, answer), connection: "close" }).write(answer.body)
  request.resume()
}

/** The value of the `Date` header, formatted once per second. */
let today = { second: 0, text: "" }

const dateText = (): string => {
  const second = Math.floor(Date.now() / 1000)
  if (today.second !== second) today = { second, text: new Date(second * 1000).toUTCString() }
  return today.text
}

/** The same response as {@link send} sends, as HTTP text. */
export const written = (requestId: string, answer: Answer | "dropped"): Written => {
  if (answer === "dropped") return answer
  const { body, failure, status } = answer
  const code = failure === undefined ? "" : `x-amzn-ErrorType: ${failure.code}\r\n`
  const length = Buffer.byteLength(body)
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\nx-amzn-RequestId: ${requestId}\r\n${code}Date: ${dateText()}\r\n`
  return length === body.length ? { head, body, encoding: "latin1" } : { head, body }
}
