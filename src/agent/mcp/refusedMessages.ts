/** Messages that must not reach the MCP library, over stdio or HTTP, and what is answered instead. Pure. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { isNestedAtMost } from "../schemas/portable.ts"

/** The arguments of a call may be nested 64 deep; the message around them adds a few. */
const deepest = 70

/** A message of JSON, if it is one. */
export const parsed = Option.liftThrowable((text: string): unknown => JSON.parse(text))

/** The error that answers a message; one without an id is answered with null. */
export const refusalFor = (message: unknown, error: { readonly code: number; readonly message: string }): string => {
  const id = Predicate.isObject(message) ? (message["id"] ?? null) : null
  return `${JSON.stringify({ jsonrpc: "2.0", id, error })}\n`
}

/** The answer to a message that is nested too deep for the library, if it is. */
export const refusalOfDepth = (message: unknown): string | undefined =>
  isNestedAtMost(message, deepest)
    ? undefined
    : refusalFor(message, { code: -32602, message: "Invalid params: nested too deep. Send flatter arguments" })
