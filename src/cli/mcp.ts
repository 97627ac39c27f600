/** `alex-db mcp`: the tools for one user's portfolio, for any MCP client. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { root } from "./root.ts"

export const mcp = Command.make(
  "mcp",
  {
    user: Flag.String("user").pipe(
      Flag.withDescription(
        "The id of the user whom the tools serve; they reach nobody else's accounts, positions, jobs"
      )
    ),
    allowWrites: Flag.Boolean("allow-writes").pipe(
      Flag.withDescription("Add the tools that write: classify instruments, set positions, record results of jobs"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* (options) {
    const flags = yield* root
    const { run } = yield* Effect.promise(() => import("./mcpRun.ts"))
    yield* run(flags, options)
  })
).pipe(
  Command.withDescription("Serve an agent's tools for one user over MCP on stdin and stdout; read-only by default")
)
