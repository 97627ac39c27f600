/**
 * One contender in a process of its own, as a service has one library: it pays for its own garbage, and not for what
 * another leaves in V8's caches and to its compiler. `calls.ts` starts it with a name and the URL of a Data API, says over
 * IPC which workload to run, and reads what it cost.
 */
import { Effect } from "effect"
import { everyContender, type Loads } from "./everyContender.ts"
import { costOf } from "./measure.ts"

/** What `calls.ts` asks for. */
export interface Round {
  readonly workload: string
  readonly calls: number
  readonly concurrency: number
}

/** The first message: the workloads that it has, or why it has none. */
export type Started = { readonly workloads: ReadonlyArray<string> } | { readonly skipped: string }

const serve = (loads: Loads): Effect.Effect<void> =>
  Effect.callback((resume) => {
    process.once("disconnect", () => resume(Effect.void))
    process.on("message", async ({ calls, concurrency, workload }: Round) => {
      const load = loads[workload]
      if (load === undefined) return
      process.send?.(await costOf(load, calls, concurrency))
    })
    process.send?.({ workloads: Object.keys(loads) })
  })

const [name = "", endpoint = ""] = process.argv.slice(2)
const contender = everyContender[name] ?? (() => Effect.fail(`no contender is called ${name}`))
await Effect.runPromise(
  Effect.flatMap(contender(endpoint), serve).pipe(
    Effect.scoped,
    Effect.catch((error) => Effect.sync(() => process.send?.({ skipped: String(error) })))
  )
)
// Connections that the libraries keep would hold the process.
process.exit()
