/** The handlers of all tools together. */
import * as Effect from "effect/Effect"
import { readHandlers } from "./readHandlers.ts"
import { Tools } from "./Tools.ts"
import { writeHandlers } from "./writeHandlers.ts"

/**
 * The handlers of all tools, for the {@link CurrentUser}.
 *
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
 * import * as LanguageModel from "effect/ai/LanguageModel"
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
