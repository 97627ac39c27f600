/** Messages that must not reach the MCP library, over stdio or HTTP, and what is answered instead. Pure. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { isNestedAtMost } from "../../domain/Json.ts"
import { changedIn } from "../../spelling/WrittenJson.ts"

/** The arguments of a call may be nested 64 deep; the message around them adds a few. */
const deepest = 70

/** A message of JSON, if it is one. */
export const parsed = Option.liftThrowable((text: string): unknown => JSON.parse(text))

/** The error that answers a message; one without an id is answered with null. */
export const refusalFor = (message: unknown, error: { readonly code: number; readonly message: string }): string => {
  const id = Predicate.isObject(message) ? (message["id"] ?? null) : null
  return `${JSON.stringify({ jsonrpc: "2.0", id, error })}\n`
}

/** The answer to bytes that are not UTF-8, which would be read as other characters. */
export const notUtf8 = refusalFor(null, { code: -32700, message: "Parse error: a message is text in UTF-8" })

const isMessage = (one: unknown): boolean =>
  Predicate.isObject(one) && ["method", "result", "error"].some((member) => one[member] !== undefined)

const isId = (id: unknown): boolean => typeof id === "string" || typeof id === "number"

/** Whether it is a request whose id no answer can have. */
const hasOddId = (one: unknown): boolean =>
  Predicate.isObject(one) && one["method"] !== undefined && one["id"] !== undefined && !isId(one["id"])

/** The answer to what is no message of the protocol, if it is none. */
export const refusalOfForm = (message: unknown): string | undefined => {
  const all: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
  if (!Array.isArray(message) && !isMessage(message)) {
    return refusalFor(null, { code: -32600, message: "Invalid request: a message is an object with a method" })
  }
  return all.some(hasOddId)
    ? refusalFor(null, { code: -32600, message: "Invalid request: an id is text or a number" })
    : undefined
}

/** The answer to a message that is nested too deep for the library, if it is. */
export const refusalOfDepth = (message: unknown): string | undefined =>
  isNestedAtMost(message, deepest)
    ? undefined
    : refusalFor(message, { code: -32602, message: "Invalid params: nested too deep. Send flatter arguments" })

const inArguments = /^(?:\d+\.)?params\.arguments\.?/

/** The answer to arguments of a call that would be read as other ones than the text says, if they would be. */
export const refusalOfChange = (text: string, message: unknown): string | undefined => {
  const changed = changedIn(text).filter(({ path }) => inArguments.test(path))
  if (changed.length === 0) return undefined
  const named = changed.map(({ message, path }) => `${path.replace(inArguments, "")} ${message}`.trimStart())
  return refusalFor(message, { code: -32602, message: `Invalid params: ${named.join("; ")}` })
}
