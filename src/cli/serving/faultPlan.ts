/** The faults that the flags of `alex-db serve` ask for. */
import { Effect, Option, Schema } from "effect"
import { FaultPlan } from "../../local/faults/FaultPlan.ts"
import { readJson } from "./readJson.ts"
import { refuse } from "./ServeError.ts"
import type { ServeOptions } from "./served.ts"

/** The plan of the file, if any; single flags override it. */
export const faultPlan = Effect.fnUntraced(function* (options: ServeOptions) {
  const file = Option.isSome(options.faults) ? yield* readJson(options.faults.value, FaultPlan) : {}
  const { latency, latencyP99, pause, seed, throttle } = options
  const [median, p99] = [Option.getOrElse(latency, () => 0), Option.getOrElse(latencyP99, () => Infinity)]
  if (p99 < median || (Option.isSome(latencyP99) && Option.isNone(latency)))
    return yield* refuse("--latency-p99 needs a --latency that is not above it.")
  const plan = {
    ...file,
    ...(Option.isSome(seed) ? { seed: seed.value } : {}),
    ...(Option.isSome(pause) ? { pause: { seconds: pause.value } } : {}),
    ...(Option.isSome(latency)
      ? { latency: { medianMs: latency.value, p99Ms: Option.getOrElse(latencyP99, () => latency.value) } }
      : {}),
    ...(Option.isSome(throttle) ? { rates: { ...file.rates, throttled: throttle.value } } : {})
  }
  return yield* Schema.decodeEffect(FaultPlan)(plan).pipe(
    Effect.catch((error) => refuse(`The faults are not as expected: ${error.message}`, error))
  )
})
