/** Opens services on first use, and shares them. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"

/**
 * The services of a layer, which the first use builds and the others share; if that fails, the next use tries again.
 * Interrupting a use does not stop the building.
 */
export const shared = <A, E>(
  layer: Layer.Layer<A, E>
): Effect.Effect<Effect.Effect<Context.Context<A>, E>, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    let opening: Fiber.Fiber<Context.Context<A>, E> | undefined
    const open = Effect.gen(function* () {
      const own = yield* Scope.fork(scope)
      return yield* Layer.buildWithScope(layer, own).pipe(
        Effect.onError((cause) => Scope.close(own, Exit.failCause(cause)))
      )
    }).pipe(
      Effect.onError(() =>
        Effect.sync(() => {
          opening = undefined
        })
      )
    )
    return Effect.gen(function* () {
      opening ??= yield* Effect.forkIn(open, scope)
      return yield* Fiber.join(opening)
    })
  })
