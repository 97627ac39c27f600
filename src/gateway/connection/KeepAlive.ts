/** Keeps what a session holds while its client idles: the service would end a transaction after 3 minutes without a call. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Session } from "../session/ClientSession.ts"

const EVERY = "2 minutes"

/** The waiting of one client, during which nothing else calls on behalf of its session. */
export class Idling {
  readonly #session: Session
  #waits = false
  #keeping: Fiber.Fiber<void> | undefined

  constructor(session: Session) {
    this.#session = session
  }

  /** Waits for what the client sends. A call that is under way meanwhile is finished first. */
  wait<A>(read: Effect.Effect<A>): Effect.Effect<A> {
    return Effect.suspend(() => {
      this.#waits = true
      return Effect.flatMap(read, (found) => {
        this.#waits = false
        return this.#keeping === undefined ? Effect.succeed(found) : Effect.as(Fiber.await(this.#keeping), found)
      })
    })
  }

  /** Calls for as long as it runs. One timer for each client, since one for each message costs more than the message. */
  readonly keepAlive: Effect.Effect<never> = Effect.forever(
    Effect.flatMap(Effect.sleep(EVERY), () => {
      if (!this.#waits || !this.#session.needsKeeping) return Effect.void
      return Effect.flatMap(Effect.forkChild(this.#session.keepAlive), (fiber) => {
        this.#keeping = fiber
        return Effect.map(Fiber.await(fiber), () => {
          this.#keeping = undefined
        })
      })
    })
  )
}
