/** Reads what a client sends, over stdio or HTTP: what the MCP library hears of it, or what is answered instead. Pure. */
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { normalized, parsed } from "./normalizedMessages.ts"
import {
  codes,
  type Refusal,
  refusalFor,
  refusalOfChange,
  refusalOfDepth,
  refusalOfForm,
  refusalOfParams
} from "./refusedMessages.ts"

/** A message, or a batch of them, that the library may hear. */
export interface Heard {
  readonly message: unknown
  readonly text: string
}

/** A text of UTF-8; none where other bytes would be read as other characters. */
const utf8 = Option.liftThrowable((bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { fatal: true }).decode(bytes)
)

const refused = (said: string) => Result.fail(refusalFor(undefined, codes.parse, `Parse error: ${said}`))

/** What the library hears of bytes that a client sent. */
export const heard = (bytes: Uint8Array): Result.Result<Heard, Refusal> => {
  const text = utf8(bytes)
  if (Option.isNone(text)) return refused("a message is text in UTF-8")
  const json = parsed(text.value)
  if (Option.isNone(json)) return refused("a message is JSON, on one line over stdio")
  const given = json.value
  const refusal = refusalOfDepth(given) ?? refusalOfForm(given) ?? refusalOfChange(text.value, given)
  if (refusal !== undefined) return Result.fail(refusal)
  const message = normalized(given)
  const odd = refusalOfParams(message)
  if (odd !== undefined) return Result.fail(odd)
  return Result.succeed({ message, text: message === given ? text.value : JSON.stringify(message) })
}
