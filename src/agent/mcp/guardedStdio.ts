/**
 * Guards the stdin of the MCP library. After a line that is blank, is not JSON, is nested thousands deep, is longer than
 * its buffer or has the id of a request in progress the library stops answering, and it reports a request with an odd id
 * or before `initialize` as a failure of its own: such lines are left out or answered here.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { advertisedIn } from "./capabilities.ts"
import { normalizedText, utf8 } from "./normalizedMessages.ts"
import * as OpenRequests from "./OpenRequests.ts"
import { notUtf8, parsed, refusalFor, refusalOfChange, refusalOfDepth, refusalOfForm } from "./refusedMessages.ts"

/** Protocol versions without sessions state their version in every request. */
const saysVersion = (message: Record<string, unknown>): boolean =>
  JSON.stringify(message["params"] ?? {}).includes("io.modelcontextprotocol/protocolVersion")

const needsSession = (message: unknown): boolean =>
  Predicate.isObject(message) &&
  message["id"] !== undefined &&
  typeof message["method"] === "string" &&
  !["initialize", "ping", "server/discover"].includes(message["method"]) &&
  !saysVersion(message)

/** Characters of a line: the library's buffer has room for 16 MiB. */
const longest = 16_000_000

/** The answer to a line that must not reach the library, if it is one. */
export const makeRefusal = (requests = OpenRequests.make()): ((line: string) => string | undefined) => {
  let isInitialized = false
  return (line) => {
    if (line.trim() === "") return undefined
    const read = parsed(line)
    if (Option.isNone(read))
      return refusalFor(null, { code: -32700, message: "Parse error: a message is one line of JSON" })
    const message = read.value
    if (line.length > longest) {
      const said = `Invalid request: a message has at most ${longest.toLocaleString("en-US")} characters`
      return refusalFor(message, { code: -32600, message: said })
    }
    const refusal = refusalOfDepth(message) ?? refusalOfForm(message) ?? refusalOfChange(line, message)
    if (refusal !== undefined) return refusal
    if (Predicate.isObject(message) && message["method"] === "initialize") isInitialized = true
    if (!isInitialized && needsSession(message)) {
      return refusalFor(message, { code: -32600, message: "Invalid request: send initialize first" })
    }
    return requests.begin(message)
  }
}

/** The process's stdin and stdout, guarded: the library writes whole messages. */
export const layer: Layer.Layer<Stdio.Stdio, never, Stdio.Stdio> = Layer.effect(
  Stdio.Stdio,
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    const requests = OpenRequests.make()
    const refusalOf = makeRefusal(requests)
    const answer = (refusal: string) => Stream.run(Stream.make(refusal), stdio.stdout({ endOnDone: false }))
    const listen = Effect.fnUntraced(function* (bytes: Buffer) {
      const line = utf8(bytes)
      const refusal = Option.isNone(line) ? notUtf8 : refusalOf(line.value)
      if (refusal !== undefined) yield* answer(refusal)
      return Option.isNone(line) || refusal !== undefined || line.value.trim() === ""
        ? ""
        : `${normalizedText(line.value, Option.getOrUndefined(parsed(line.value)))}\n`
    })
    const stdin = stdio.stdin.pipe(
      // Latin-1 has a character for each byte: lines are found in bytes, of which each line is then read alone.
      Stream.map((chunk) => Buffer.from(chunk).toString("latin1")),
      Stream.splitLines,
      Stream.mapEffect((line) => listen(Buffer.from(line, "latin1"))),
      Stream.filter((line) => line !== ""),
      Stream.encodeText
    )
    const stdout: typeof stdio.stdout = (options) =>
      Sink.mapInput(stdio.stdout(options), (chunk: string | Uint8Array) => {
        const lines = typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk)
        requests.end(lines)
        return advertisedIn(lines)
      })
    return Stdio.make({ ...stdio, stdin, stdout })
  })
)
