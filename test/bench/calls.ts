/**
 * What calls cost in CPU time and in wall time. Each contender has a process of its own, and a responder answers from
 * another: what is left is the contender's own.
 */
import { type ChildProcess, fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Data, Effect } from "effect"
import type { Round, Started } from "./caller.ts"
import { everyContender } from "./everyContender.ts"
import { type Cost, type Figure, medianCost, orderOf } from "./measure.ts"
import { responder } from "./processes.ts"

/** Calls of one kind, how many come before the rounds and how many a round has, and what the ratios may be. */
interface Workload {
  readonly what: string
  readonly workload: string
  readonly warmUp: number
  readonly calls: number
  readonly concurrency: number
  readonly without?: ReadonlyArray<string>
  readonly limits?: Readonly<Record<string, number>>
}

/** The floor below effect/sql has no types for what these insert. */
const without = ["the floor below effect/sql"]

const workloads: ReadonlyArray<Workload> = [
  {
    what: "point select",
    workload: "point select",
    warmUp: 6000,
    calls: 384,
    concurrency: 32,
    limits: { sql: 0.2, "sql, without the SDK": 0.2 }
  },
  {
    what: "transaction of 3",
    workload: "transaction of 3",
    warmUp: 3000,
    calls: 96,
    concurrency: 32,
    limits: { sql: 0.2 }
  },
  {
    what: "1,000 rows",
    workload: "1,000 rows",
    warmUp: 768,
    calls: 64,
    concurrency: 32,
    limits: { sql: 0.16 }
  },
  { what: "insert of 8", workload: "insert of 8", warmUp: 4000, calls: 384, concurrency: 32, without },
  {
    what: "bulk insert of 500",
    workload: "bulk insert of 500",
    warmUp: 2000,
    calls: 32,
    concurrency: 32,
    without,
    limits: { sql: 0.2 }
  },
  {
    what: "point select, decoded by a schema",
    workload: "a position",
    warmUp: 6000,
    calls: 384,
    concurrency: 32,
    limits: { repository: 0.3 }
  },
  {
    what: "1,000 rows, decoded by a schema",
    workload: "positions",
    warmUp: 768,
    calls: 64,
    concurrency: 32,
    limits: { repository: 0.35 }
  },
  { what: "point select", workload: "point select", warmUp: 2048, calls: 512, concurrency: 256 }
]

/** Milliseconds after which a slow contender is warm enough. */
const warmUpLimit = 6000

interface Contender {
  readonly name: string
  readonly child: ChildProcess
  readonly workloads: ReadonlyArray<string>
}

const caller = fileURLToPath(new URL("caller.ts", import.meta.url))

/** A contender's process ended while it was measured. */
class ContenderEnded extends Data.TaggedError("ContenderEnded")<{ readonly message: string }> {}

/** The next message of a process. */
const messageOf = <A>(child: ChildProcess): Effect.Effect<A, ContenderEnded> =>
  Effect.callback((resume) => {
    const ended = (code: number | null) =>
      resume(Effect.fail(new ContenderEnded({ message: `${child.spawnargs.join(" ")} ended with ${code}` })))
    child.once("exit", ended)
    child.once("message", (message) => {
      child.off("exit", ended)
      resume(Effect.succeed(message as A))
    })
  })

const started = Effect.fnUntraced(function* (name: string, endpoint: string) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => fork(caller, [name, endpoint])),
    (child) => Effect.sync(() => child.connected && child.disconnect())
  )
  const first = yield* messageOf<Started>(child)
  if ("workloads" in first) return [{ name, child, workloads: first.workloads }]
  process.stderr.write(`SKIPPED: ${name}: ${first.skipped}\n`)
  return []
})

const costOf = ({ child }: Contender, round: Round): Effect.Effect<Cost, ContenderEnded> =>
  Effect.suspend(() => {
    child.send(round)
    return messageOf<Cost>(child)
  })

/** The median cost of a workload, of each contender that has it, taken in turns. */
const compare = Effect.fnUntraced(function* (
  { calls, concurrency, warmUp, workload }: Workload,
  contenders: ReadonlyArray<Contender>,
  rounds: number
) {
  const costs = new Map<string, Array<Cost>>(contenders.map(({ name }) => [name, []]))
  for (const contender of contenders) {
    const start = performance.now()
    for (let n = 0; n < warmUp && performance.now() - start < warmUpLimit; n += calls) {
      yield* costOf(contender, { workload, calls, concurrency })
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const contender of orderOf(contenders, round)) {
      costs.get(contender.name)?.push(yield* costOf(contender, { workload, calls, concurrency }))
    }
  }
  return new Map([...costs].map(([name, all]) => [name, medianCost(all)]))
})

const figuresOf = (
  { concurrency, limits = {}, what }: Workload,
  costs: ReadonlyMap<string, Cost>
): ReadonlyArray<Figure> => {
  const base = costs.get("AWS SDK")?.cpu ?? Number.NaN
  return [...costs].map(([contender, { cpu, wall }]) => {
    const limit = limits[contender]
    return {
      section: `CPU time of one call at concurrency ${concurrency}; the base is the AWS SDK with its default settings`,
      what,
      contender,
      values: { "CPU/µs": cpu, "wall/µs": wall },
      ratio: cpu / base,
      ...(limit === undefined ? {} : { limits: { ratio: limit } })
    }
  })
}

export const calls = Effect.fnUntraced(function* (options: { readonly rounds: number }) {
  const url = yield* responder
  const contenders = (yield* Effect.forEach(Object.keys(everyContender), (name) => started(name, url))).flat()
  const figures: Array<Figure> = []
  for (const workload of workloads) {
    const able = contenders.filter(
      ({ name, workloads }) => workloads.includes(workload.workload) && !workload.without?.includes(name)
    )
    figures.push(...figuresOf(workload, yield* compare(workload, able, options.rounds)))
  }
  return figures
})
