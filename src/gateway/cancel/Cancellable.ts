/** A running statement that another connection can cancel. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/**
 * Runs an effect that can be cancelled: `giveUp` then runs beside it, and the first of the two to end gives the result.
 *
 * Not a race, which would start both for every statement: statements are rarely cancelled.
 *
 * @param register receives the function that cancels
 */
export const cancellable = <A, E, E2>(
  effect: Effect.Effect<A, E>,
  giveUp: Effect.Effect<never, E2>,
  register: (cancel: () => void) => void
): Effect.Effect<A, E | E2> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const run = Effect.runForkWith(context)
    return Effect.callback<A, E | E2>((resume) => {
      let givingUp: Fiber.Fiber<never, E2> | undefined
      const running = run(effect)
      register(() => {
        if (givingUp !== undefined) return
        givingUp = run(giveUp)
        givingUp.addObserver((exit) => resume(Effect.andThen(Fiber.interrupt(running), exit)))
      })
      running.addObserver((exit) => {
        // The first result counts, and an interruption may end the other fiber at once.
        resume(exit)
        givingUp?.interruptUnsafe()
      })
      return Effect.suspend(() => Fiber.interruptAll(givingUp === undefined ? [running] : [running, givingUp]))
    })
  })
