/** `alex-db mcp`: the tools for one user's portfolio, for any MCP client. */
import * as Cause from "effect/Cause"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { EndsWhenStopped, Refused } from "../Outcome.ts"
import { database, on, root } from "../root.ts"
import { version } from "../version.ts"

const agent = Effect.promise(() =>
  Promise.all([import("../../agent/McpServer.ts"), import("../../domain/User.ts"), import("../../repository/index.ts")])
)

const unknown = (id: string, cause: unknown) =>
  new Refused({
    code: "user",
    problem: `There is no user "${id}" in this database`,
    fix: "Give --user the id of one who is in its table users, such as user_2abcDEF",
    cause
  })

const serve = Effect.fnUntraced(function* (options: { readonly user: string; readonly allowWrites: boolean }) {
  const [McpServer, { ClerkUserId }, { Users }] = yield* agent
  const user = yield* Schema.decodeEffect(ClerkUserId)(options.user).pipe(
    Effect.mapError((error) => unknown(options.user, error))
  )
  const users = yield* Users
  yield* Effect.catchTag(users.findById(user), "UserNotFound", (error) => unknown(user, error))
  yield* Effect.logInfo(`MCP server for user "${user}", ${options.allowWrites ? "reading and writing" : "read-only"}`)
  const server = yield* Effect.forkChild(
    Layer.launch(McpServer.layerStdio({ user, allowWrites: options.allowWrites, version: version() }))
  )
  // The server interrupts itself when its input ends, and that is how it ends well.
  const exit = yield* Fiber.await(server)
  if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.failCause(exit.cause)
})

export const mcp = Command.make(
  "mcp",
  {
    user: Flag.String("user").pipe(
      Flag.withMetavar("ID"),
      Flag.withDescription(
        "The id of the user whom the tools serve; they reach nobody else's accounts, positions, jobs"
      )
    ),
    allowWrites: on(
      "allow-writes",
      "Add the tools that write: classify instruments, set positions, record results of jobs"
    )
  },
  Effect.fnUntraced(function* (options) {
    const flags = yield* root
    const { onDatabase } = yield* database
    const [, , { Portfolios }] = yield* agent
    const ends = yield* EndsWhenStopped
    ends.current = true
    yield* onDatabase(flags)(serve(options).pipe(Effect.provide(Portfolios.layer)))
  })
).pipe(
  Command.withDescription("Serve an agent's tools for one user over MCP on stdin and stdout; read-only by default"),
  Command.withExamples([
    { command: "alex-db mcp --user user_2abcDEF", description: "Tools that only read" },
    { command: "alex-db mcp --user user_2abcDEF --allow-writes", description: "Tools that write too" }
  ])
)
