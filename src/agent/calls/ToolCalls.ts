/** Calls tools as clients do: takes any JSON, and always returns an answer for the model, in time. */

import * as Tool from "effect/ai/Tool"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { strict } from "../../domain/index.ts"
import { deepestJson, isNestedAtMost } from "../../domain/Json.ts"
import { wordFor } from "../payloads/spellings.ts"
import { argumentSchema } from "../schemas/portable.ts"
import type { Grant } from "../tools/Grants.ts"
import { MaxResult } from "../tools/pages.ts"
import { Tools, toolsFor } from "../tools/Tools.ts"
import { ToolFailure } from "../tools/toolParts.ts"
import { acceptedArguments, deepest, unwrapped } from "./accepted.ts"
import { CallInHand, type CallRecord, hashOf, jobOf } from "./callTrail.ts"
import { shared } from "./shared.ts"

/** The answer to a model: a JSON value. */
export interface Answer {
  readonly isError: boolean
  readonly value: unknown
}

/**
 * Builds the handlers of the tools, which may have to wait for the database; a `ToolFailure` is returned to the model.
 */
export type Handlers = Layer.Layer<Tool.HandlersFor<typeof Tools.tools>, unknown>

/** What calls may do, and their limits. */
export interface CallOptions {
  /** What the tools may write; nothing unless given. */
  readonly granted?: ReadonlySet<Grant> | undefined
  /** Who calls, for the trail; the job is the one that the session is bound to. */
  readonly caller?: { readonly user: string; readonly job?: string | undefined } | undefined
  /** Called for every call, once it is answered. */
  readonly onCall?: ((record: CallRecord) => Effect.Effect<void>) | undefined
  /** How long a call may take before it is answered with when to ask again; 20 seconds by default. */
  readonly budget?: Duration.Input | undefined
  /** How many bytes of JSON an answer may have; 60,000 by default. */
  readonly maxResult?: number | undefined
}

type Name = keyof typeof Tools.tools

const isName = (name: string): name is Name => Object.hasOwn(Tools.tools, name)

const names = Object.keys(Tools.tools)

/** The tool that is meant: models repeat a namespace before its name, such as `functions.`, or spell it in another way. */
const toolOf = (name: string): Name | undefined => {
  const meant = wordFor(names, name.split(/[.:/]|__/).at(-1) ?? "")
  return meant !== undefined && isName(meant) ? meant : undefined
}

const failure = (error: ToolFailure["error"], message: string): Answer => ({ isError: true, value: { error, message } })

/** The answer to a call without a user. */
export const nobody = failure("UserNotFound", "This request names no user. Send a token of the authorization server.")

/** The schema of a tool's arguments, as every provider takes it. */
export const argumentsOf = (tool: Tool.Any) => argumentSchema(Tool.getJsonSchema(tool))

// What clients send to tools that need no arguments.
const dummies = ["dummy", "random_string", "noop", "no_params"]

const withoutDummies = (schema: { readonly [keyword: string]: unknown }, args: unknown): unknown => {
  if (!Predicate.isObject(args) || (Array.isArray(schema["required"]) && schema["required"].length > 0)) return args
  return Object.fromEntries(Object.entries(args).filter(([name]) => !dummies.includes(name)))
}

/**
 * Keeps arguments out of traces: the library writes them into the current span, which is here one that only passes on
 * its identity.
 */
const unwritten = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.matchEffect(Effect.currentSpan, {
    onFailure: () => effect,
    onSuccess: ({ sampled, spanId, traceId }) =>
      Effect.withParentSpan(effect, Tracer.externalSpan({ sampled, spanId, traceId }))
  })

const handle = Effect.fnUntraced(function* (name: Name, args: unknown) {
  const toolkit = yield* Tools
  const schema = argumentsOf(Tools.tools[name])
  const given = withoutDummies(schema, acceptedArguments(schema, args))
  const results = yield* Stream.runCollect(
    // The toolkit decodes what it is given, whatever its type says.
    Stream.unwrap(toolkit.handle(name, given as never, undefined, { ...strict, errors: "all" }))
  )
  const last = results.at(-1)
  if (last === undefined) return failure("DatabaseFailed", "The tool gave no answer. Try again in a moment.")
  if (!last.isFailure || last.failureOrigin === "handler") {
    return { isError: last.isFailure, value: last.encodedResult } satisfies Answer
  }
  return invalid(last.result)
})

const invalid = (error: unknown): Answer => {
  const reason = Predicate.isObject(error) && Predicate.isObject(error["reason"]) ? error["reason"] : error
  const message = Predicate.isObject(reason) && typeof reason["message"] === "string" ? reason["message"] : "invalid"
  return failure("InvalidData", `Correct the arguments: ${message}`)
}

const seconds = (budget: Duration.Input) => Math.ceil(Duration.toSeconds(Duration.fromInputUnsafe(budget)))

const narrower: { readonly [Tool in Name]?: string } = {
  search_instruments: "Give a smaller limit, and go on with after.",
  list_unclassified_instruments: "Give a smaller limit, and go on with after.",
  list_accounts: "Give a smaller limit, and go on with after.",
  list_jobs: "Give a smaller limit, and go on with after.",
  read_portfolio: "Name one list in include, give a smaller limit, and go on with after.",
  read_job: "Name one payload in include, with from: 0 for an excerpt."
}

/** Replaces an answer that is too large, or nested too deep, with advice on a narrower call. */
const bounded =
  (name: Name | undefined, maxResult: number) =>
  (answer: Answer): Answer => {
    if (!isNestedAtMost(answer.value, deepestJson)) return tooDeep
    const size = Buffer.byteLength(JSON.stringify(answer.value))
    if (answer.isError || size <= maxResult) return answer
    const isPreview = Predicate.hasProperty(answer.value, "preview")
    const advice = name === undefined ? undefined : narrower[name]
    return failure(
      "TooLarge",
      `The answer has ${size.toLocaleString("en-US")} bytes, of ${maxResult.toLocaleString("en-US")} that are allowed. ` +
        (isPreview
          ? "Nothing was changed: the call may be made, but is too large for a preview. Make it without preview."
          : (advice ?? "The call did what it says; read_job reads what is there, by include and from."))
    )
  }

/**
 * Makes the function that calls the tools. The first call builds the handlers, and the others share them; if that
 * fails, the next call tries again. A call never fails: a problem is an answer that says what to do.
 */
export const make = Effect.fnUntraced(function* (handlers: Handlers, options: CallOptions = {}) {
  const { budget = "20 seconds", granted = new Set(), maxResult = 60_000 } = options
  const allowed = new Set(toolsFor(granted).map(({ name }) => name))
  const services = yield* shared(Layer.provide(handlers, Layer.succeed(MaxResult, maxResult)))
  const call = Effect.fnUntraced(function* (name: Name | undefined, args: unknown) {
    if (name === undefined) {
      return failure("InvalidData", `There is no tool of this name. There are ${[...allowed].join(", ")}.`)
    }
    if (!allowed.has(name)) {
      return failure("NotAllowed", `This session may not call ${name}. The person who started it has to allow it.`)
    }
    if (!isNestedAtMost(args, deepest)) {
      return failure("InvalidData", `The arguments are nested more than ${deepest} deep. Send flatter ones.`)
    }
    return yield* Effect.provideContext(unwritten(handle(name, args)), yield* services)
  })
  const busy = failure(
    "DatabaseBusy",
    `The database did not answer within ${seconds(budget)} seconds; it may be resuming from a pause. ` +
      `Ask again in ${seconds(budget)} seconds; after a call that writes, read first what is there.`
  )
  const answered = (name: Name | undefined, args: unknown): Effect.Effect<Answer> =>
    call(name, args).pipe(
      Effect.timeoutOrElse({ duration: budget, orElse: () => Effect.succeed(busy) }),
      Effect.map(bounded(name, maxResult)),
      Effect.catchCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.interrupt : failed(name, cause)))
    )
  return (name: string, args: unknown): Effect.Effect<Answer> => {
    const tool = toolOf(name)
    const given = unwrapped(tool ?? "", args)
    return traced(options, tool ?? "unknown", given, answered(tool, given))
  }
})

/**
 * Traces a call by the conventions of OpenTelemetry for MCP. An answer with an error is not a failure of the server: it
 * sets `error.type`, not the span's status.
 */
const traced = (
  { caller, onCall }: CallOptions,
  tool: string,
  args: unknown,
  answered: Effect.Effect<Answer>
): Effect.Effect<Answer> =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    // Arguments that are nested too deep are refused, and not hashed.
    const given = isNestedAtMost(args, deepest) ? args : null
    const hash = hashOf(given)
    const bytes = Buffer.byteLength(JSON.stringify(given) ?? "")
    const answer = yield* Effect.provideService(answered, CallInHand, { arguments: hash, began, bytes })
    const ended = yield* Clock.currentTimeMillis
    const outcome = answer.isError ? String(Reflect.get(Object(answer.value), "error")) : "ok"
    if (answer.isError) yield* Effect.annotateCurrentSpan({ "error.type": outcome })
    if (onCall === undefined) return answer
    yield* onCall({
      at: new Date(began).toISOString(),
      user: caller?.user ?? "",
      job: caller?.job ?? jobOf(args),
      tool,
      arguments: hash,
      outcome,
      milliseconds: ended - began,
      bytes: Buffer.byteLength(JSON.stringify(answer.value))
    })
    return answer
  }).pipe(
    Effect.withSpan(`tools/call ${tool}`, {
      kind: "server",
      attributes: {
        "mcp.method.name": "tools/call",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": tool,
        ...(caller === undefined ? {} : { "enduser.id": caller.user })
      }
    })
  )

const isToolFailure = Schema.is(ToolFailure)

const failed = (name: Name | undefined, cause: Cause.Cause<unknown>): Effect.Effect<Answer> => {
  const error = Cause.squash(cause)
  if (isToolFailure(error)) return Effect.succeed({ isError: true, value: error })
  if (error instanceof RangeError && error.message.includes("call stack")) return Effect.succeed(tooDeep)
  return Effect.as(Effect.logWarning(`The tool ${name} failed: ${messageOf(error)}`), unreachable)
}

const messageOf = (error: unknown): string =>
  Predicate.isObject(error) && typeof error["message"] === "string" ? error["message"] : String(error)

/** The answer that is nested deeper than clients read, or than the stack: another program has stored what is in it. */
const tooDeep = failure(
  "TooLarge",
  "What is stored there is nested thousands deep, and can't be sent. read_job leaves out what include does not name."
)

/** The answer to a call whose handlers can't be built. */
export const unreachable = failure(
  "DatabaseFailed",
  "The database can't be reached. The log of this server says why. Try again in a moment."
)
