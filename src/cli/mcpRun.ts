/** What `alex-db mcp` does. */
import { Cause, Effect, Exit, Fiber, Layer, Schema } from "effect"
import { CliError } from "effect/cli"
import * as McpServer from "../agent/McpServer.ts"
import { ClerkUserId } from "../domain/User.ts"
import { Portfolios, Users } from "../repository/index.ts"
import { type DatabaseFlags, onDatabase } from "./database.ts"
import { version } from "./version.ts"

const unknown = (id: string, cause: unknown) =>
  new CliError.UserError({ cause, userMessage: `There is no user "${id}" in this database` })

const serve = Effect.fnUntraced(function* (options: { readonly user: string; readonly allowWrites: boolean }) {
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

export const run = (flags: DatabaseFlags, options: { readonly user: string; readonly allowWrites: boolean }) =>
  onDatabase(flags)(serve(options).pipe(Effect.provide(Portfolios.layer)))
