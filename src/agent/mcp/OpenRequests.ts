/**
 * The requests of a session that are not answered yet. A second request under the id of one of them interrupts the
 * library's reading: it and what follows it would be lost.
 */
import * as Predicate from "effect/Predicate"
import { codes, type Refusal, refusalFor } from "./refusedMessages.ts"

const all = (message: unknown): ReadonlyArray<unknown> => (Array.isArray(message) ? message : [message])

/** The id of a request, as JSON: `1` and `"1"` are different ones. */
const requestOf = (message: unknown): string | undefined =>
  Predicate.isObject(message) && typeof message["method"] === "string" && message["id"] !== undefined
    ? JSON.stringify(message["id"])
    : undefined

/** The id of the request that a message cancels: the library does not answer it any more. */
const cancelledBy = (message: unknown): string | undefined =>
  Predicate.isObject(message) &&
  message["method"] === "notifications/cancelled" &&
  Predicate.isObject(message["params"])
    ? JSON.stringify(message["params"]["requestId"])
    : undefined

/** The id of an answer, as the library writes it: an answer may be long, and is not parsed for its id. */
const answer = /^\{"jsonrpc":"2\.0","id":("(?:[^"\\]|\\.)*"|[-+.\deE]+),"(?:result|error)":/

/** What begins and ends the requests of one session. */
export interface OpenRequests {
  /** Notes the requests of a message; the answer to one whose id is in use, if there is one: nothing is noted then. */
  readonly begin: (message: unknown) => Refusal | undefined
  /** Forgets the requests that these lines answer. */
  readonly end: (lines: string) => void
}

/** The requests of a new session. */
export const make = (): OpenRequests => {
  const open = new Set<string>()
  return {
    begin: (message) => {
      const begun = all(message).flatMap((one) => requestOf(one) ?? [])
      const used = begun.find((id, index) => open.has(id) || begun.indexOf(id) !== index)
      if (used !== undefined) {
        const said = `Invalid request: the id ${used} is that of a request without an answer yet; give each its own`
        return refusalFor(undefined, codes.request, said)
      }
      // Most versions of the protocol answer a batch as a whole, without its ids.
      if (!Array.isArray(message)) for (const id of begun) open.add(id)
      for (const one of all(message)) open.delete(cancelledBy(one) ?? "")
      return undefined
    },
    end: (lines) => {
      for (const line of lines.split("\n")) open.delete(answer.exec(line)?.[1] ?? "")
    }
  }
}
