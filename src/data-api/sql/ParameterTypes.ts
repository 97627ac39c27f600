/** Caches the parameter types of statements. Concurrent lookups of the same statement share one request. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { DataApiError } from "../DataApiError.ts"
import { remember } from "../statement/RecentTexts.ts"
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

/** Longer changes of names, in UTF-16 units, are not cached. */
const LONGEST_CHANGE = 10_000

/** The types that one client has learnt. They hold for its one cluster, secret and database. */
export class ParameterTypes {
  /** Whether lookups are possible: they need DO and the language plpgsql. */
  usable = true
  readonly #known = new Map<string, LearntTypes>()
  readonly #asked = new Map<string, Deferred.Deferred<Option.Option<LearntTypes>, DataApiError>>()
  /** What stands for the changes of names, by what stands for those before the last one, and the last one. */
  readonly #names = new Map<string, string>()
  #changes = 0
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

  /**
   * A short text that stands for the changes of names so far and one more: the statements of a transaction may be long,
   * and are part of many keys.
   *
   * @param names What stands for the changes so far; empty if there is none.
   */
  namesAfter(names: string, change: string): string {
    const key = `${names}\n${change}`
    const after = this.#names.get(key) ?? String(++this.#changes)
    if (key.length <= LONGEST_CHANGE) remember(this.#names, key, after, this.#capacity)
    return after
  }

  #keep(key: string, { lasts, lookup, refusal }: Answer): LearntTypes {
    const learnt: LearntTypes = { lookup, refusal, current: lasts }
    if (!lasts) return learnt
    remember(this.#known, key, learnt, this.#capacity)
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
