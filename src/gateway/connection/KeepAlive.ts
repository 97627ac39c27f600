/** Keeps an idle client's transactions open: the service ends a transaction after 3 minutes without a call. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Session } from "../session/ClientSession.ts"

const EVERY = "2 minutes"

/** The idle times of one client, in which nothing else calls the service for its session. */
export class Idling {
  readonly #session: Session
  #waits = false
  #keeping: Fiber.Fiber<void> | undefined

  constructor(session: Session) {
    this.#session = session
  }

  /** Waits for the client's next message, and for a running call of `keepAlive`. */
  wait<A>(read: Effect.Effect<A>): Effect.Effect<A> {
    return Effect.suspend(() => {
      this.#waits = true
      return Effect.flatMap(read, (found) => {
        this.#waits = false
        return this.#keeping === undefined ? Effect.succeed(found) : Effect.as(Fiber.await(this.#keeping), found)
      })
    })
  }

  /** Calls the service regularly. One timer for each client: one for each message would cost more than the message. */
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
