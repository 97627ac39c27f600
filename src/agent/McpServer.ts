/** The tools as an MCP server on stdin and stdout. */
import { Layer } from "effect"
import { McpProtocol, McpServer } from "effect/ai"
import type { ClerkUserId } from "../domain/User.ts"
import { AllowWrites, CurrentUser, layer as layerHandlers, ReadTools, Tools } from "./Tools.ts"

const instructions = (allowWrites: boolean): string =>
  "Tools on one person's portfolio: accounts, positions, the instruments held, and the jobs of agents. Money is US " +
  'dollars as decimal text, such as "1234.50": never turn it into a floating-point number. ' +
  (allowWrites ? "Some tools write." : "All tools only read.")

/**
 * Serves the tools for one user until the input ends. Without `allowWrites` the writing tools do not exist, and their
 * handlers refuse.
 *
 * stdout belongs to the protocol: loggers must write to stderr.
 *
 * @errors IllegalArgumentError
 */
export const layerStdio = (options: {
  readonly user: ClerkUserId
  readonly allowWrites: boolean
  readonly version: string
}) =>
  McpServer.layerStdio({
    name: "alex-database",
    version: options.version,
    instructions: instructions(options.allowWrites),
    protocols: [
      McpProtocol.v2025_11_25,
      McpProtocol.v2025_06_18,
      McpProtocol.v2025_03_26,
      McpProtocol.v2024_11_05,
      McpProtocol.v2026_07_28
    ],
    registrations: options.allowWrites ? McpServer.toolkit(Tools) : McpServer.toolkit(ReadTools)
  }).pipe(
    Layer.provide(layerHandlers),
    Layer.provide(Layer.succeed(CurrentUser, options.user)),
    Layer.provide(Layer.succeed(AllowWrites, options.allowWrites))
  )
