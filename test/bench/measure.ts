/**
 * How figures are taken: CPU time of a process, in rounds that alternate between the contenders, medians. Where contenders
 * share a process, what one leaves in the young generation is collected before the next begins, which would pay for it
 * otherwise. A full collection between rounds, when no call is under way, also takes the hidden classes of everything that
 * lives for a call; V8 then throws away the code that it compiled for them, and its compiler would be measured instead.
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** Runs `calls` calls, `concurrency` at a time. */
export type Load = (calls: number, concurrency: number) => Promise<void>

/** Loads a promise, one call after another in each of `concurrency` loops. */
export const loadOf =
  (call: () => Promise<unknown>): Load =>
  async (calls, concurrency) => {
    const loop = async () => {
      for (let n = 0; n < calls / concurrency; n++) await call()
    }
    await Promise.all(Array.from({ length: concurrency }, loop))
  }

export const median = (figures: ReadonlyArray<number>): number =>
  [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN

/** Microseconds for one call: the CPU time of this process, and the time that passed. */
export interface Cost {
  readonly cpu: number
  readonly wall: number
}

export const costOf = async (load: Load, calls: number, concurrency: number): Promise<Cost> => {
  const cpuStart = process.cpuUsage()
  const start = performance.now()
  await load(calls, concurrency)
  const { system, user } = process.cpuUsage(cpuStart)
  return { cpu: (system + user) / calls, wall: ((performance.now() - start) * 1000) / calls }
}

export const medianCost = (costs: ReadonlyArray<Cost>): Cost => ({
  cpu: median(costs.map(({ cpu }) => cpu)),
  wall: median(costs.map(({ wall }) => wall))
})

/**
 * The order of one round: each begins one in turn, and every other round runs backwards. What a contender leaves in caches
 * and to the garbage collector is so paid for by the others alike.
 */
export const orderOf = <A>(all: ReadonlyArray<A>, round: number): ReadonlyArray<A> => {
  const first = round % all.length
  const order = [...all.slice(first), ...all.slice(0, first)]
  return round % 2 === 0 ? order : order.reverse()
}

/**
 * The median cost of each load, taken in turns, once all have been run for so long that V8 has compiled what is hot: it
 * optimizes a function after 3,000 calls of it, and before that a call costs several times as much.
 */
export const compare = async <Name extends string>(
  loads: ReadonlyArray<readonly [Name, Load]>,
  options: {
    readonly calls: number
    /** Calls that are not counted. */
    readonly warmUp: number
    readonly concurrency: number
    readonly rounds: number
  }
): Promise<ReadonlyMap<Name, Cost>> => {
  const { calls, concurrency, rounds, warmUp } = options
  const costs = new Map<Name, Array<Cost>>()
  setFlagsFromString("--expose-gc")
  const collectGarbage: (options: { readonly type: "minor" }) => void = runInNewContext("gc")
  for (const [, load] of loads) await load(warmUp, concurrency)
  for (let round = 0; round < rounds; round++) {
    for (const [name, load] of orderOf(loads, round)) {
      collectGarbage({ type: "minor" })
      costs.set(name, [...(costs.get(name) ?? []), await costOf(load, calls, concurrency)])
    }
  }
  return new Map([...costs].map(([name, all]) => [name, medianCost(all)]))
}

/** One line of the results. */
export interface Figure {
  readonly section: string
  readonly what: string
  readonly contender: string
  /** Figures by their name and unit, for example `cpu µs`. */
  readonly values: Readonly<Record<string, number>>
  /** The figure of the base of the same run is 1. */
  readonly ratio?: number
  /** What the ratio, or a figure by its name, may be at most. */
  readonly limits?: Readonly<Record<string, number>>
}

/** The limits that a figure is above, in words. */
export const brokenLimits = ({ limits = {}, ratio, values }: Figure): ReadonlyArray<string> =>
  Object.entries(limits)
    // A figure that is missing is not below its limit.
    .filter(([name, limit]) => !(((name === "ratio" ? ratio : values[name]) ?? Number.NaN) <= limit))
    .map(([name, limit]) => `${labelOf(name)} is above ${limit}`)

const labelOf = (name: string): string => name.split("/")[0] ?? name

const shown = (value: number): string =>
  Number.isInteger(value) ? String(value) : value < 10 ? value.toFixed(2) : value.toFixed(0)

/** The results as a table in Markdown, a section each. */
export const tableOf = (figures: ReadonlyArray<Figure>): string => {
  const sections = [...new Set(figures.map(({ section }) => section))]
  const parts = sections.map((section) => {
    const lines = figures
      .filter((figure) => figure.section === section)
      .map((figure) => {
        const values = Object.entries(figure.values).map(([name, value]) => {
          const [label = "", unit = ""] = name.split("/")
          return `${label} ${shown(value)}${unit === "" ? "" : ` ${unit}`}`
        })
        const limits = Object.entries(figure.limits ?? {}).map(([name, limit]) => `${labelOf(name)} ${limit}`)
        const verdict = brokenLimits(figure).length > 0 ? "**above** " : ""
        return `| ${figure.what} | ${figure.contender} | ${values.join(", ")} | ${figure.ratio?.toFixed(2) ?? ""} | ${verdict}${limits.join(", ")} |`
      })
    return `### ${section}\n\n| what | who | figures | ratio | at most |\n| --- | --- | --- | ---: | ---: |\n${lines.join("\n")}\n`
  })
  return parts.join("\n")
}
