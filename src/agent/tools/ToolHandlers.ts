/** What the tools do, for one user. */
import { Effect } from "effect"
import { readHandlers } from "./readHandlers.ts"
import { Tools } from "./Tools.ts"
import { writeHandlers } from "./writeHandlers.ts"

/**
 * The handlers of all tools, for the {@link CurrentUser}.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { LanguageModel } from "effect/ai"
 * import { ClerkUserId, DbLayer } from "alex-database"
 * import { CurrentUser, layer, ReadTools } from "alex-database/agent"
 *
 * const answer = (question: string) =>
 *   Effect.flatMap(ReadTools, (toolkit) => LanguageModel.generateText({ prompt: question, toolkit }))
 *
 * const tools = layer.pipe(
 *   Layer.provide(Layer.succeed(CurrentUser, ClerkUserId.make("user_2abcDEF"))),
 *   Layer.provide(DbLayer.layer)
 * )
 * ```
 */
export const layer = Tools.toLayer(
  Effect.gen(function* () {
    return Tools.of({ ...(yield* readHandlers), ...(yield* writeHandlers) })
  })
)
