/** A plan of faults: which happen to which calls, as a function of the seed and the call's number. Pure. */
import { Schema } from "effect"

/**
 * What can happen to one call. `before`: nothing is executed; `after`: it is executed and the answer lost.
 *
 * - `connect-failed`: refused before anything is sent (in process; over HTTP it looks like `dropped-before`).
 * - `transaction-expired`: the call's transaction has been rolled back as idle.
 * - `failover`: the writer is gone; the call fails, and every open transaction is lost.
 * - `statement-timeout`: the statement is cancelled, or finished after its call has failed if `continueAfterTimeout` was asked for.
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
 * Which faults to expect. Everything is optional; the empty plan is a healthy cluster.
 *
 * @example
 * ```json
 * { "seed": 7, "pause": { "seconds": 15 }, "latency": { "medianMs": 10, "p99Ms": 80 }, "rates": { "dropped-after": 0.01 } }
 * ```
 */
export const FaultPlan = Schema.Struct({
  /** Where the draws start; 1 when absent. */
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
  /** How often each fault occurs, as a share of all calls; at most one happens to a call. */
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
  /** Faults for certain calls, counted from 1 since the plan was set. They go before the rates. */
  schedule: Schema.optionalKey(Schema.Array(Schema.Struct({ call: Count, fault: Fault })))
})
export type FaultPlan = typeof FaultPlan.Type

/** One of the uniform numbers in [0, 1) that belong to a call: a 32-bit mix (murmur3's finaliser) of the three. */
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
 * What the plan does to its `call`-th call, pauses aside.
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
