/**
 * Time that jumps: a clock and a scheduler in one, on which a program runs the same way every time.
 *
 * Fibers run in the order in which they were woken. When all of them wait, the clock jumps to the earliest moment that
 * one of them sleeps for, so that an hour costs nothing. The embedded database answers before the event loop's next
 * turn, so a turn in which nothing is left to run is one in which all wait.
 */
import { Cause, Clock, Duration, Effect, Exit, type Fiber, Random, type Scheduler } from "effect"

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

const nanosPerMilli = 1_000_000n

export class VirtualTime {
  #now = Date.UTC(2030, 0, 1)
  #tasks: Array<() => void> = []
  /** By time, and by the order of falling asleep. */
  #sleepers: Array<Sleeper> = []
  #turning = false
  #stuck: (() => void) | undefined

  readonly #turn = () => {
    const due = this.#tasks
    if (due.length > 0) {
      this.#tasks = []
      for (const task of due) task()
    } else {
      const next = this.#sleepers.shift()
      if (next === undefined) {
        this.#turning = false
        this.#stuck?.()
        return
      }
      this.#now = Math.max(this.#now, next.at)
      next.wake()
    }
    setImmediate(this.#turn)
  }

  #keepTurning(): void {
    if (this.#turning) return
    this.#turning = true
    setImmediate(this.#turn)
  }

  readonly #sleep = (duration: Duration.Duration): Effect.Effect<void> => {
    const millis = Duration.toMillis(duration)
    if (millis <= 0) return Effect.yieldNow
    if (!Number.isFinite(millis)) return Effect.never
    return Effect.callback<void>((resume) => {
      const sleeper: Sleeper = { at: this.#now + millis, wake: () => resume(Effect.void) }
      const after = this.#sleepers.findIndex((other) => other.at > sleeper.at)
      this.#sleepers.splice(after === -1 ? this.#sleepers.length : after, 0, sleeper)
      this.#keepTurning()
      return Effect.sync(() => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
      })
    })
  }

  readonly clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => this.#now,
    currentTimeMillis: Effect.sync(() => this.#now),
    currentTimeNanosUnsafe: () => BigInt(Math.round(this.#now)) * nanosPerMilli,
    currentTimeNanos: Effect.sync(() => BigInt(Math.round(this.#now)) * nanosPerMilli),
    monotonicTimeNanosUnsafe: () => BigInt(Math.round(this.#now)) * nanosPerMilli,
    monotonicTimeNanos: Effect.sync(() => BigInt(Math.round(this.#now)) * nanosPerMilli),
    sleep: this.#sleep
  }

  readonly scheduler: Scheduler.Scheduler = {
    executionMode: "async",
    shouldYield: (fiber: Fiber.Fiber<unknown, unknown>) => fiber.currentOpCount >= 2048,
    makeDispatcher: () => ({
      scheduleTask: (task) => {
        this.#tasks.push(task)
        this.#keepTurning()
      },
      flush: () => {
        for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) task()
      }
    })
  }

  /** Runs an effect to its end; one that waits for something that can never happen dies. Only one at a time. */
  run<A, E>(effect: Effect.Effect<A, E>, seed: number): Promise<Exit.Exit<A, E>> {
    const inTime = effect.pipe(Effect.provideService(Clock.Clock, this.clock), Random.withSeed(seed))
    return new Promise((resolve) => {
      this.#stuck = () => resolve(Exit.failCause(Cause.die(new Error("All fibers wait, and nothing can wake them."))))
      Effect.runPromiseExit(inTime, { scheduler: this.scheduler }).then((exit) => {
        this.#stuck = undefined
        resolve(exit)
      })
      this.#keepTurning()
    })
  }
}
