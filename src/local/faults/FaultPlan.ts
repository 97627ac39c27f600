/** A plan of faults. The seed and a call's number decide which fault it gets. Pure. */
import { Schema } from "effect"

/**
 * The fault of one call. `before`: the call is not executed; `after`: it is executed, and its response is lost.
 *
 * - `connect-failed`: refused before anything is sent (in process; over HTTP it looks like `dropped-before`).
 * - `transaction-expired`: the call's transaction was rolled back because it was idle.
 * - `failover`: the writer fails; the call fails, and every open transaction is lost.
 * - `statement-timeout`: the statement is cancelled; with `continueAfterTimeout` it completes, but its call fails.
 */
export const Fault = Schema.Literals([
  "resuming",
  "throttled",
  "connect-failed",
  "dropped-before",
  "dropped-after",
  "500-before",
  "500-after",
  "503-before",
  "503-after",
  "504-before",
  "504-after",
  "transaction-expired",
  "failover",
  "statement-timeout"
])
export type Fault = typeof Fault.Type

const Rate = Schema.Finite.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 1 })))
const Count = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000_000 })))
const Millis = Schema.Finite.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 3_600_000 })))

/**
 * Which faults occur. Every member is optional; with the empty plan no faults occur.
 *
 * @example
 * ```json { "seed": 7, "pause": { "seconds": 15 }, "latency": { "medianMs": 10, "p99Ms": 80 }, "rates": {
 * "dropped-after": 0.01 } }
 * ```
 */
export const FaultPlan = Schema.Struct({
  /** The seed of the random numbers. Default 1. */
  seed: Schema.optionalKey(Schema.Int),
  /** A paused cluster: it resumes `seconds` after the first call, or after `calls` of them. */
  pause: Schema.optionalKey(
    Schema.Union([
      Schema.Struct({ seconds: Schema.Finite.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 86_400 }))) }),
      Schema.Struct({ calls: Count })
    ])
  ),
  /** A log-normal delay before each call, in milliseconds. */
  latency: Schema.optionalKey(Schema.Struct({ medianMs: Millis, p99Ms: Schema.optionalKey(Millis) })),
  /** How often each fault occurs, from 0 to 1 of all calls. A call has at most one fault. */
  rates: Schema.optionalKey(
    Schema.Record(Fault, Schema.optionalKey(Rate)).pipe(
      Schema.check(
        Schema.makeFilter((rates) => {
          const total = Object.values(rates).reduce<number>((sum, rate) => sum + (rate ?? 0), 0)
          return total <= 1 ? undefined : `the rates must not exceed 1 together, got ${total}`
        })
      )
    )
  ),
  /** Faults of certain calls, counted from 1 since the plan was set. They take precedence over the rates. */
  schedule: Schema.optionalKey(Schema.Array(Schema.Struct({ call: Count, fault: Fault })))
})
export type FaultPlan = typeof FaultPlan.Type

/** A uniform number in [0, 1): a 32-bit mix (murmur3's finaliser) of the seed, the call and its `nth` number. */
const draw = (seed: number, call: number, nth: number): number => {
  let h = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(call, 0xc2b2ae35) ^ Math.imul(nth + 1, 0x27d4eb2f)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) / 0x1_0000_0000
}

/** The 99th percentile of the standard normal distribution. */
const z99 = 2.3263478740408408

const latencyOf = ({ latency, seed = 1 }: FaultPlan, call: number): number => {
  if (latency === undefined) return 0
  const { medianMs, p99Ms = medianMs } = latency
  if (medianMs === 0 || p99Ms <= medianMs) return medianMs
  const normal = Math.sqrt(-2 * Math.log(1 - draw(seed, call, 1))) * Math.cos(2 * Math.PI * draw(seed, call, 2))
  return medianMs * Math.exp((normal * Math.log(p99Ms / medianMs)) / z99)
}

/**
 * The fault and the delay of the `call`-th call, without pauses.
 *
 * @example
 * ```ts
 * import { decide } from "./FaultPlan.ts"
 *
 * decide({ schedule: [{ call: 2, fault: "dropped-after" }] }, 2)
 * // { fault: "dropped-after", delayMs: 0 }
 * ```
 */
export const decide = (
  plan: FaultPlan,
  call: number
): { readonly fault: Fault | undefined; readonly delayMs: number } => {
  const delayMs = latencyOf(plan, call)
  const scheduled = plan.schedule?.find((one) => one.call === call)
  if (scheduled !== undefined) return { fault: scheduled.fault, delayMs }
  if (plan.rates === undefined) return { fault: undefined, delayMs }
  let left = draw(plan.seed ?? 1, call, 0)
  for (const fault of Fault.literals) {
    left -= plan.rates[fault] ?? 0
    if (left < 0) return { fault, delayMs }
  }
  return { fault: undefined, delayMs }
}
