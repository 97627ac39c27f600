/** What was learnt of the types of statements' parameters: remembered, and asked for once at a time. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { DataApiError } from "../DataApiError.ts"
import type { Lookup, Undecided } from "./TypeLookup.ts"

/** The types of a statement's parameters, until they turn out to be no longer right. */
export interface LearntTypes {
  /** Undefined where PostgreSQL can't say: strings are text. */
  readonly lookup: Lookup | undefined
  /** Why the statement could not be prepared. */
  readonly refusal: Undecided | undefined
  current: boolean
}

/** An answer, and whether it is worth remembering. */
export interface Answer {
  readonly lookup: Lookup | undefined
  readonly refusal?: Undecided
  readonly lasts: boolean
}

type Ask = Effect.Effect<Answer, DataApiError>

/** The types that one client has learnt. A client has one cluster, secret and database. */
export class ParameterTypes {
  /** Whether a DO block can be run at all: it takes the language plpgsql. */
  usable = true
  readonly #known = new Map<string, LearntTypes>()
  readonly #asked = new Map<string, Deferred.Deferred<Option.Option<LearntTypes>, DataApiError>>()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** What is known by a key, which holds the statement and all that its types depend on. */
  find(key: string): LearntTypes | undefined {
    const known = this.#known.get(key)
    if (known === undefined || known.current) return known
    this.#known.delete(key)
    return undefined
  }

  #keep(key: string, { lasts, lookup, refusal }: Answer): LearntTypes {
    const learnt: LearntTypes = { lookup, refusal, current: lasts }
    if (!lasts) return learnt
    this.#known.set(key, learnt)
    if (this.#known.size > this.#capacity) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest)
        break
      }
    }
    return learnt
  }

  /** Asks, unless it is known by now. */
  ask(key: string, ask: Ask): Effect.Effect<LearntTypes, DataApiError> {
    return Effect.suspend(() => {
      const known = this.find(key)
      return known === undefined ? Effect.map(ask, (answer) => this.#keep(key, answer)) : Effect.succeed(known)
    })
  }

  /** Asks, or waits for the answer that another fiber has asked for. */
  askOnce(key: string, ask: Ask): Effect.Effect<LearntTypes, DataApiError> {
    return Effect.suspend(() => {
      const asked = this.#asked.get(key)
      if (asked !== undefined) {
        return Effect.flatMap(Deferred.await(asked), (answer) =>
          // The fiber that asked was interrupted.
          Option.isSome(answer) ? Effect.succeed(answer.value) : this.askOnce(key, ask)
        )
      }
      const answer = Deferred.makeUnsafe<Option.Option<LearntTypes>, DataApiError>()
      this.#asked.set(key, answer)
      return Effect.onExit(this.ask(key, ask), (exit) => {
        this.#asked.delete(key)
        return Exit.hasInterrupts(exit)
          ? Deferred.succeed(answer, Option.none())
          : Deferred.done(answer, Exit.map(exit, Option.some))
      })
    })
  }
}
