/**
 * Guards the stdin of the MCP library. After a line that is blank, is not JSON, is nested thousands deep, is longer than
 * its buffer or has the id of a request in progress the library stops answering, and it reports a request with an odd id
 * or before `initialize` as a failure of its own: such lines are left out or answered here.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { advertisedIn } from "./capabilities.ts"
import { heard } from "./heardMessages.ts"
import * as OpenRequests from "./OpenRequests.ts"
import { codes, type Refusal, refusalFor } from "./refusedMessages.ts"

/** Protocol versions without sessions state their version in every request. */
const saysVersion = (message: Record<string, unknown>): boolean =>
  JSON.stringify(message["params"] ?? {}).includes("io.modelcontextprotocol/protocolVersion")

const needsSession = (message: unknown): boolean =>
  Predicate.isObject(message) &&
  message["id"] !== undefined &&
  typeof message["method"] === "string" &&
  !["initialize", "ping", "server/discover"].includes(message["method"]) &&
  !saysVersion(message)

/** A blank line in Latin-1, also one of a byte-order mark alone. */
const isBlank = /^(?:\u00EF\u00BB\u00BF)?[\t\r ]*$/

/** Characters of a line: the library's buffer has room for 16 MiB. */
const longest = 16_000_000

/** Makes what hears the lines of a session: the line for the library, or the answer to one that must not reach it. */
export const makeHearing = (requests = OpenRequests.make()) => {
  let isInitialized = false
  return (line: Uint8Array): Result.Result<string, Refusal> => {
    const read = heard(line)
    if (Result.isFailure(read)) return Result.fail(read.failure)
    const { message, text } = read.success
    const refuse = (said: string) => Result.fail(refusalFor(message, codes.request, `Invalid request: ${said}`))
    if (text.length > longest) return refuse(`a message has at most ${longest.toLocaleString("en-US")} characters`)
    if (Predicate.isObject(message) && message["method"] === "initialize") isInitialized = true
    if (!isInitialized && needsSession(message)) return refuse("send initialize first")
    const refusal = requests.begin(message)
    return refusal === undefined ? Result.succeed(`${text}\n`) : Result.fail(refusal)
  }
}

/** The process's stdin and stdout, guarded: the library writes whole messages. */
export const layer: Layer.Layer<Stdio.Stdio, never, Stdio.Stdio> = Layer.effect(
  Stdio.Stdio,
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    const requests = OpenRequests.make()
    const hear = makeHearing(requests)
    const answer = ({ line }: Refusal) => Stream.run(Stream.make(line), stdio.stdout({ endOnDone: false }))
    const listen = Effect.fnUntraced(function* (line: Buffer) {
      const read = hear(line)
      if (Result.isSuccess(read)) return read.success
      yield* answer(read.failure)
      return ""
    })
    const stdin = stdio.stdin.pipe(
      // Latin-1 has a character for each byte: lines are found in bytes, of which each line is then read alone.
      Stream.map((chunk) => Buffer.from(chunk).toString("latin1")),
      Stream.splitLines,
      Stream.filter((line) => !isBlank.test(line)),
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
