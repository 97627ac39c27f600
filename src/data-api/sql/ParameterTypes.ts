/** Caches the parameter types of statements. Concurrent lookups of the same statement share one request. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { DataApiError } from "../DataApiError.ts"
import type { Lookup, Undecided } from "./TypeLookup.ts"

/** The types of a statement's parameters. `current` becomes false when they turn out to be outdated. */
export interface LearntTypes {
  /** Undefined if PostgreSQL can't infer the types: then strings are text. */
  readonly lookup: Lookup | undefined
  /** Why the statement could not be prepared. */
  readonly refusal: Undecided | undefined
  current: boolean
}

/** An answer, and whether it can be cached. */
export interface Answer {
  readonly lookup: Lookup | undefined
  readonly refusal?: Undecided
  readonly lasts: boolean
}

type Ask = Effect.Effect<Answer, DataApiError>

/** The types that one client has learnt. They hold for its one cluster, secret and database. */
export class ParameterTypes {
  /** Whether lookups are possible: they need DO and the language plpgsql. */
  usable = true
  readonly #known = new Map<string, LearntTypes>()
  readonly #asked = new Map<string, Deferred.Deferred<Option.Option<LearntTypes>, DataApiError>>()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** The types by key. A key holds the statement and everything that its types depend on. */
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

  /** Returns the cached types, or asks. */
  ask(key: string, ask: Ask): Effect.Effect<LearntTypes, DataApiError> {
    return Effect.suspend(() => {
      const known = this.find(key)
      return known === undefined ? Effect.map(ask, (answer) => this.#keep(key, answer)) : Effect.succeed(known)
    })
  }

  /** Asks, or waits for the answer to another fiber's equal question. */
  askOnce(key: string, ask: Ask): Effect.Effect<LearntTypes, DataApiError> {
    return Effect.suspend(() => {
      const asked = this.#asked.get(key)
      if (asked !== undefined) {
        return Effect.flatMap(Deferred.await(asked), (answer) =>
          // None: the fiber that asked was interrupted.
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
