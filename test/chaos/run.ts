/**
 * The simulation in its long form.
 *
 * Usage: node test/chaos/run.ts [--seeds 10000] [--seed 1] [--workers 2] [--history]
 *
 * Runs as many seeds, from `--seed` on, prints the distribution of what happened, and fails with the shortest schedule
 * of the first seed that violates something.
 */
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import { Effect } from "effect"
import { prepareSnapshot } from "../TestDatabase.ts"
import { programOf } from "./Program.ts"
import { type Distribution, distributionText, explain, noPrograms, search, simulate, together } from "./Simulation.ts"
import { VirtualTime } from "./VirtualTime.ts"
import { World } from "./World.ts"

interface Share {
  readonly snapshot: string
  readonly seeds: ReadonlyArray<number>
}

type Message =
  | { readonly _tag: "progress"; readonly distribution: Distribution }
  | { readonly _tag: "done"; readonly distribution: Distribution; readonly failing: string | undefined }

const withWorld = <A>(snapshot: string, use: (world: World["Service"]) => Promise<A>): Promise<A> =>
  Effect.runPromise(
    Effect.flatMap(World, (world) => Effect.promise(() => use(world))).pipe(Effect.provide(World.layer({ snapshot })))
  )

const work = async ({ seeds, snapshot }: Share, post: (message: Message) => void): Promise<void> => {
  let told = Date.now()
  const { distribution, failing } = await withWorld(snapshot, (world) =>
    search(seeds, world, new VirtualTime(), (soFar) => {
      if (Date.now() - told < 5000) return
      told = Date.now()
      post({ _tag: "progress", distribution: soFar })
    })
  )
  post({ _tag: "done", distribution, failing: failing && explain(failing) })
}

const print = (text: string) => process.stdout.write(`${text}\n`)

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "10000" },
      seed: { type: "string", default: "1" },
      workers: { type: "string", default: String(availableParallelism()) },
      history: { type: "boolean", default: false }
    }
  })
  const first = Number(values.seed)
  const count = Number(values.seeds)
  const snapshot = await prepareSnapshot()
  if (values.history) {
    const report = await withWorld(snapshot, (world) => simulate(programOf(first), world, new VirtualTime()))
    print(explain(report))
    return
  }
  const started = performance.now()
  const workers = Math.min(Number(values.workers), count)
  const soFar: Array<Distribution> = []
  const failures: Array<string> = []
  const total = () => soFar.reduce(together, noPrograms)
  await Promise.all(
    Array.from(
      { length: workers },
      (_, nth) =>
        new Promise<void>((resolve, reject) => {
          const seeds = Array.from({ length: Math.ceil((count - nth) / workers) }, (__, n) => first + nth + n * workers)
          const share: Share = { snapshot, seeds }
          const worker = new Worker(new URL(import.meta.url), { workerData: share })
          worker.on("message", (message: Message) => {
            soFar[nth] = message.distribution
            if (message._tag === "progress") process.stderr.write(`${total().programs} of ${count} schedules\n`)
            else if (message.failing !== undefined) failures.push(message.failing)
          })
          worker.on("error", reject)
          worker.on("exit", () => resolve())
        })
    )
  )
  print(distributionText(total()))
  print(`${failures.length} violations in ${((performance.now() - started) / 1000).toFixed(1)} s`)
  for (const failure of failures) print(`\n${failure}`)
  process.exitCode = failures.length === 0 ? 0 : 1
}

if (isMainThread) await main()
else await work(workerData, (message) => parentPort?.postMessage(message))
