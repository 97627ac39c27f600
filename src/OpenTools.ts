/** The tools for an agent loop of your own, as promises: the caller needs no Effect. */
import { Duration, Effect, Exit, Layer, Logger, Option, Result, Schema, Scope } from "effect"
import { deepest } from "./agent/calls/accepted.ts"
import type { CallRecord } from "./agent/calls/callTrail.ts"
import * as ToolCalls from "./agent/calls/ToolCalls.ts"
import { readArguments } from "./agent/payloads/argumentText.ts"
import { type Grant, grants } from "./agent/tools/Grants.ts"
import { type ToolDialect, toolDefinitions } from "./agent/tools/toolDefinitions.ts"
import * as UserTools from "./agent/tools/UserTools.ts"
import * as DbConfig from "./DbConfig.ts"
import * as DbLayer from "./DbLayer.ts"
import { ClerkUserId, InvalidInput, JobId, problemsOf, strict } from "./domain/index.ts"
import { isNestedAtMost } from "./domain/Json.ts"

/** Whose tools to open, on which database, and within which limits. */
export interface OpenToolsOptions {
  /** The id of the user for whom the tools work; no call can name another. */
  readonly user: string
  /** What the tools may write; nothing unless given. */
  readonly grants?: ReadonlyArray<Grant> | undefined
  /** The only job whose results may be recorded; any job of the user unless given. */
  readonly job?: string | undefined
  /** A backend that overrides the environment. */
  readonly backend?: DbConfig.Backend | undefined
  /** A database in place of the environment's, such as `DbLayer.layerEmbedded({ directory: "data" })`. */
  readonly database?: Layer.Layer<DbLayer.Services, unknown> | undefined
  /** Seconds after which a call that is not finished is answered with when to call again; 20 unless given. */
  readonly callSeconds?: number | undefined
  /** The most bytes of JSON in an answer; 60,000 unless given. */
  readonly maxResult?: number | undefined
  /**
   * Called once for each call that is answered, with its user, tool, hash of the arguments and outcome. If it throws, or
   * its promise rejects, that is logged to stderr: the call was made all the same.
   */
  readonly onCall?: ((record: CallRecord) => void) | undefined
}

/** The answer to a call. */
export interface ToolAnswer {
  /** Whether the tool failed: `value` then has `error` and `message`. */
  readonly isError: boolean
  readonly value: unknown
  /** `value` as JSON, which is what the model is shown. */
  readonly text: string
}

/** The open tools of one user. */
export interface OpenTools {
  /** The definitions of the tools that the grants allow, in the form that a provider's API takes. */
  readonly definitions: (dialect: ToolDialect) => ReadonlyArray<object>
  /**
   * Calls a tool with the arguments that a model gave: text, as OpenAI sends them, or the value. Never rejects: what
   * goes wrong is an answer that tells the model what to do.
   */
  readonly call: (name: string, args?: unknown) => Promise<ToolAnswer>
  /** Closes the database. */
  readonly close: () => Promise<void>
  /** The same, for `await using`. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const within = (minimum: number, maximum: number) => {
  const message = `expected a number from ${minimum} to ${maximum}`
  return Schema.Finite.annotate({ message }).check(Schema.isBetween({ minimum, maximum }, { message }))
}

const Checked = Schema.Struct({
  user: ClerkUserId,
  grants: Schema.optional(Schema.Array(Schema.Literals(grants))),
  job: Schema.optional(JobId),
  callSeconds: Schema.optional(within(0.001, 86_400)),
  maxResult: Schema.optional(within(1, 1_000_000_000)),
  onCall: Schema.optional(
    Schema.Unknown.check(Schema.makeFilter((given) => typeof given === "function" || "expected a function"))
  )
})

/** Fails for what is no JSON: a bigint, or an object that refers to itself. What is nested too deep is refused later. */
const asJson = Option.liftThrowable((args: unknown): unknown => {
  if (isNestedAtMost(args, deepest)) JSON.stringify(args)
  return args
})

const answered = ({ isError, value }: ToolCalls.Answer): ToolAnswer => ({ isError, value, text: JSON.stringify(value) })

const invalid = (message: string) => answered({ isError: true, value: { error: "InvalidData", message } })

const notJson = "The arguments are not JSON. Send one JSON object."

const closed = answered({
  isError: true,
  value: { error: "DatabaseFailed", message: "These tools were closed. Stop working." }
})

/** Tells the caller of a call, without waiting for what the caller does with it. */
const telling =
  (onCall: (record: CallRecord) => unknown) =>
  (record: CallRecord): Effect.Effect<void> =>
    Effect.tryPromise(async () => onCall(record)).pipe(
      Effect.catch(({ cause }) => Effect.logWarning(`onCall failed: ${cause}`)),
      Effect.forkDetach({ startImmediately: true }),
      Effect.asVoid
    )

/** Logs go to stderr: stdout belongs to the caller. */
const quiet = Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])

/**
 * Opens the tools for one user. The first call opens the database: the given one, or the environment's. Rejects with
 * `InvalidInput` if an option is not valid.
 *
 * @example
 * ```ts
 * import { openTools } from "alex-database/agent"
 *
 * const tools = await openTools({ user: "user_2abcDEF", grants: ["results"] })
 * const definitions = tools.definitions("anthropic") // for the request
 * const { isError, text } = await tools.call("list_accounts", {}) // for the answer
 * await tools.close()
 * ```
 */
export const openTools = async (options: OpenToolsOptions): Promise<OpenTools> => {
  const { backend, onCall } = options
  const {
    callSeconds = 20,
    grants: asked = [],
    job,
    maxResult,
    user
  } = await Effect.runPromise(
    Schema.decodeUnknownEffect(Checked, { errors: strict.errors })(options).pipe(
      Effect.mapError((error) => new InvalidInput({ subject: "options of openTools", problems: problemsOf(error) }))
    )
  )
  const granted = new Set(asked)
  const configured = Layer.unwrap(Effect.map(DbConfig.load(backend), (config) => DbLayer.layerOf(config)))
  const handlers = UserTools.layer({ granted, job, user }).pipe(Layer.provide(options.database ?? configured))
  const scope = Scope.makeUnsafe()
  const call = await Effect.runPromise(
    ToolCalls.make(handlers, {
      granted,
      maxResult,
      budget: Duration.seconds(callSeconds),
      caller: { user, job },
      onCall: onCall && telling(onCall)
    }).pipe(Effect.provideService(Scope.Scope, scope), Effect.provide(quiet))
  )
  let isOpen = true
  const close = async () => {
    isOpen = false
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
  return {
    definitions: (dialect) => toolDefinitions(dialect, granted),
    call: async (name, args = {}) => {
      if (!isOpen) return closed
      const given = typeof args === "string" ? readArguments(args) : Result.fromOption(asJson(args), () => notJson)
      if (Result.isFailure(given)) return invalid(given.failure)
      const answer = call(typeof name === "string" ? name : "", given.success)
      // Tools that are closed meanwhile interrupt the call, or fail it.
      const exit = await Effect.runPromiseExit(Effect.provide(answer, quiet))
      const { isError, value } = Exit.isSuccess(exit) ? exit.value : ToolCalls.unreachable
      return isError && !isOpen ? closed : answered({ isError, value })
    },
    close,
    [Symbol.asyncDispose]: close
  }
}
