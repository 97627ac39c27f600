/**
 * Advisory locks that only exclude clients of one gateway from each other: for a database with a single connection, which
 * a lock's transaction would block.
 */
import * as Effect from "effect/Effect"

interface Held {
  readonly owner: object
  readonly shared: boolean
}

export class LockTable {
  readonly #held = new Map<string, Array<Held>>()
  readonly #waiting = new Set<() => void>()

  /** Takes a lock, unless another owner has it. An owner may take a lock several times. */
  tryTake(owner: object, key: string, shared: boolean): boolean {
    const held = this.#held.get(key) ?? []
    if (held.some((other) => other.owner !== owner && !(shared && other.shared))) return false
    this.#held.set(key, [...held, { owner, shared }])
    return true
  }

  /** Takes a lock as soon as no other owner has it. */
  take(owner: object, key: string, shared: boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      let isTaken = false
      const taken = Effect.callback<void>((resume) => {
        const attempt = () => {
          isTaken = this.tryTake(owner, key, shared)
          if (!isTaken) return
          this.#waiting.delete(attempt)
          resume(Effect.void)
        }
        this.#waiting.add(attempt)
        attempt()
        return Effect.sync(() => this.#waiting.delete(attempt))
      })
      // The interruption may come between the lock and the continuation.
      return Effect.onInterrupt(taken, () =>
        Effect.sync(() => {
          if (isTaken) this.release(owner, key, shared)
        })
      )
    })
  }

  /** Gives back a lock that the owner has taken once. */
  release(owner: object, key: string, shared: boolean): void {
    const held = this.#held.get(key) ?? []
    const at = held.findLastIndex((one) => one.owner === owner && one.shared === shared)
    const left = held.filter((_, index) => index !== at)
    if (left.length === 0) this.#held.delete(key)
    else this.#held.set(key, left)
    for (const attempt of [...this.#waiting]) attempt()
  }
}
