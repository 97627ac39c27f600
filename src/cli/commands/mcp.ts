/** `alex-db mcp`: the tools for one user's portfolio, for any MCP client. */
import * as Cause from "effect/Cause"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type Grant, grants, isGrant } from "../../agent/tools/Grants.ts"
import { EndsWhenStopped, WrongUsage } from "../Outcome.ts"
import { database, defaulted, int, pathFlag, root } from "../root.ts"
import { httpFlags } from "../serving/mcpHttpFlags.ts"
import { trailTo } from "../serving/trail.ts"
import { readAllJsonRight } from "../soundJson.ts"
import { version } from "../version.ts"

// What `initialize` does not need is loaded by the first call.
const server = Effect.promise(() =>
  Promise.all([import("../configuration.ts"), import("../../agent/mcp/McpServer.ts")])
)
const userTools = Effect.promise(() => import("../../agent/tools/UserTools.ts"))

const writingOf = (granted: ReadonlySet<Grant>): string =>
  granted.size > 0 ? `writing ${[...granted].join(", ")}` : "read-only"

const grantsOf = Effect.fnUntraced(function* (allow: string) {
  const names = allow
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
  const unknown = names.filter((name) => !isGrant(name))
  if (unknown.length === 0) return new Set(names.filter(isGrant))
  return yield* new WrongUsage({
    problem: `--allow does not know ${unknown.map((name) => `"${name}"`).join(", ")}`,
    fix: `Give some of ${grants.join(",")}`
  })
})

const jobOf = Effect.fnUntraced(function* (id: string) {
  const { JobId } = yield* Effect.promise(() => import("../../domain/Job.ts"))
  return yield* Effect.mapError(
    Schema.decodeEffect(JobId)(id),
    () => new WrongUsage({ problem: `--job "${id}" is not the id of a job`, fix: "Give its UUID" })
  )
})

const flags = {
  user: Flag.String("user").pipe(
    Flag.withMetavar("ID"),
    Flag.withDescription(
      "The id of the user for whom the tools work; no other user's accounts, positions or jobs can be reached"
    ),
    Flag.optional
  ),
  allow: Flag.String("allow").pipe(
    Flag.withMetavar("GRANTS"),
    Flag.withDescription(
      "What the tools may write, separated by commas: results (of jobs), positions, instruments (gaps are filled in), prices (names and prices of known instruments, which all users see); nothing by default"
    ),
    Flag.withDefault("")
  ),
  job: Flag.String("job").pipe(
    Flag.withMetavar("ID"),
    Flag.withDescription("The one job whose results the tools may record, where results are allowed"),
    Flag.optional
  ),
  callSeconds: defaulted(
    int("call-seconds", 1, 86_400),
    20,
    "Seconds after which a call that the database has not answered is answered with when to ask again"
  ),
  maxResult: defaulted(
    int("max-result", 1),
    60_000,
    "Maximum bytes of a result; a longer one comes in pages, or is refused with a hint at a narrower call"
  ),
  result: Flag.Literals("result", ["both", "structured", "text"]).pipe(
    Flag.withDescription(
      "How a result is sent: as structured content, as text, or both (default), as many clients show their model the text alone"
    ),
    Flag.withDefault("both")
  ),
  trail: pathFlag("trail").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription(
      "Append a JSON line for each call to this file, or - for stderr: user, job, tool, a hash of the arguments, outcome, time, bytes"
    ),
    Flag.optional
  ),
  ...httpFlags
}

/** The values of the flags of `alex-db mcp`. */
export type McpFlags = Command.Command.Config.Infer<typeof flags>

const stdio = Effect.fnUntraced(function* (asked: McpFlags) {
  const { allow, callSeconds, job, maxResult, result, user } = asked
  const shared = yield* root
  const [{ configure }, McpServer] = yield* server
  const granted = yield* grantsOf(allow)
  const bound = Option.isSome(job) ? yield* jobOf(job.value) : undefined
  if (Option.isNone(user)) {
    return yield* new WrongUsage({
      problem: "--user is missing",
      fix: "Give the id of a user, or serve many with --http"
    })
  }
  const config = yield* configure(shared)
  const handlers = Layer.unwrap(
    Effect.map(Effect.all([userTools, database]), ([UserTools, { layerConfigured }]) =>
      UserTools.layer({ user: user.value, granted, job: bound }).pipe(Layer.provide(layerConfigured(config)))
    )
  )
  yield* Effect.logInfo(`MCP server for user "${user.value}", ${writingOf(granted)}`)
  const limits = {
    budget: `${callSeconds} seconds`,
    maxResult,
    caller: { user: user.value, job: bound },
    onCall: yield* trailTo(asked.trail)
  } as const
  const running = yield* Effect.forkChild(
    Layer.launch(McpServer.layerStdio({ handlers, granted, version: version(), result, limits }))
  )
  // The server interrupts itself when its input ends: a normal end.
  const exit = yield* Fiber.await(running)
  if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.failCause(exit.cause)
})

const http = Effect.fnUntraced(function* (asked: McpFlags, port: number) {
  const shared = yield* root
  const { configure, layerConfigured } = yield* database
  const granted = yield* grantsOf(asked.allow)
  if (Option.isSome(asked.user) || Option.isSome(asked.job)) {
    return yield* new WrongUsage({
      problem: "--user and --job belong to one user, and --http serves many",
      fix: "Leave them out: the token of each request says whose it is"
    })
  }
  const { serveHttp } = yield* Effect.promise(() => import("../serving/mcpHttp.ts"))
  return yield* serveHttp({ ...asked, port, granted, database: layerConfigured(yield* configure(shared)) })
})

export const mcp = Command.make(
  "mcp",
  flags,
  Effect.fnUntraced(function* (asked) {
    yield* readAllJsonRight
    const ends = yield* EndsWhenStopped
    ends.current = true
    if (Option.isNone(asked.http)) return yield* stdio(asked)
    return yield* http(asked, asked.http.value)
  })
).pipe(
  Command.withDescription(
    "Serve an agent's tools over MCP: for one user on stdin and stdout, or for many over HTTP; read-only by default"
  ),
  Command.withExamples([
    { command: "alex-db mcp --user user_2abcDEF", description: "Tools that only read" },
    { command: "alex-db mcp --user user_2abcDEF --allow results,positions", description: "Tools that write too" },
    {
      command:
        "alex-db mcp --http 8787 --issuer https://clerk.example --jwks https://clerk.example/.well-known/jwks.json --audience alex",
      description: "For the user whom the token of each request names"
    }
  ])
)
