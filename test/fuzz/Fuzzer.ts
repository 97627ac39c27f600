/** Changes inputs at random and keeps those that make a parser do what none before has made it do. */
import { type Random, randomOf } from "../chaos/durability/Random.ts"
import { Coverage } from "./Coverage.ts"
import type { Target } from "./targets.ts"

export interface Finding {
  readonly input: Buffer
  readonly why: string
}

export interface Report {
  readonly executions: number
  readonly covered: number
  /** Inputs that did something new. */
  readonly fresh: ReadonlyArray<Buffer>
  readonly findings: ReadonlyArray<Finding>
}

/** Milliseconds for one input, which is short: more is time that grows faster than the input. */
const patience = 2000
const longest = 4096
/** Inputs that run before V8 is asked what ran. */
const together = 32

const below = (random: Random, count: number): number => Math.floor(random() * count)

const oneOf = <A>(random: Random, all: ReadonlyArray<A>): A | undefined => all[below(random, all.length)]

const spliced = (input: Buffer, at: number, removed: number, added: Uint8Array): Buffer =>
  Buffer.concat([input.subarray(0, at), added, input.subarray(at + removed)])

const mutateOnce = (input: Buffer, { words }: Target, corpus: ReadonlyArray<Buffer>, random: Random): Buffer => {
  const at = below(random, input.length + 1)
  const length = 1 + below(random, Math.min(32, input.length + 1))
  switch (below(random, 8)) {
    case 0:
      return spliced(input, at, 1, Buffer.of(below(random, 256)))
    case 1:
      return spliced(input, at, length, Buffer.alloc(0))
    case 2:
      return spliced(input, at, 0, input.subarray(at, at + length))
    case 3:
      return spliced(input, at, 0, Buffer.from(oneOf(random, words) ?? ""))
    case 4:
      return spliced(input, at, length, Buffer.from(oneOf(random, words) ?? ""))
    case 5: {
      const other = oneOf(random, corpus) ?? input
      const from = below(random, other.length)
      return spliced(input, at, below(random, 2) * length, other.subarray(from, from + 1 + below(random, 64)))
    }
    case 6: {
      const changed = Buffer.from(input)
      if (changed.length > 0)
        changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ (1 << below(random, 8))
      return changed
    }
    default:
      return spliced(input, at, 0, Buffer.alloc(1 + below(random, 64), input[at] ?? 40))
  }
}

const mutate = (input: Buffer, target: Target, corpus: ReadonlyArray<Buffer>, random: Random): Buffer => {
  let changed = input
  for (let times = 1 + below(random, 4); times > 0; times--) changed = mutateOnce(changed, target, corpus, random)
  return changed.subarray(0, longest)
}

/** What is wrong with what a target does with an input, if anything is. */
export const wrong = async (target: Target, input: Buffer): Promise<string | undefined> => {
  const began = performance.now()
  try {
    const complaint = await target.run(input)
    if (complaint !== undefined) return complaint
  } catch (error) {
    return `it throws ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
  }
  const took = performance.now() - began
  return took > patience ? `it takes ${Math.round(took)} ms for ${input.length} octets` : undefined
}

export interface FuzzOptions {
  readonly seconds: number
  readonly seed: number
  /** Findings after which it ends early. */
  readonly enough?: number
}

/** Fuzzes a target for so many seconds, beginning with a corpus. */
export const fuzz = async (
  target: Target,
  corpus: ReadonlyArray<Buffer>,
  { enough = Number.POSITIVE_INFINITY, seconds, seed }: FuzzOptions
): Promise<Report> => {
  const random = randomOf(seed)
  const coverage = new Coverage(target.files)
  const kept: Array<Buffer> = []
  const fresh: Array<Buffer> = []
  const findings = new Map<string, Finding>()
  const until = performance.now() + seconds * 1000
  let executions = 0
  const run = async (input: Buffer) => {
    executions++
    const why = await wrong(target, input)
    // One of each kind is enough.
    if (why !== undefined && !findings.has(why.slice(0, 120))) findings.set(why.slice(0, 120), { input, why })
  }
  /** Runs inputs together, and again one by one where something is new, to see which of them it was. */
  const batch = async (inputs: ReadonlyArray<Buffer>, isNew: boolean) => {
    for (const input of inputs) await run(input)
    if (!coverage.hasNews(false)) return
    for (const input of inputs) {
      await run(input)
      if (!coverage.hasNews(true)) continue
      kept.push(input)
      if (isNew) fresh.push(input)
    }
  }
  try {
    for (const input of corpus) await batch([input], false)
    while (performance.now() < until && findings.size < enough) {
      const inputs = Array.from({ length: together }, () => {
        // What was found last leads on most often.
        const base = random() < 0.5 ? kept.at(-1 - below(random, Math.min(8, kept.length))) : oneOf(random, kept)
        return mutate(base ?? Buffer.alloc(0), target, kept, random)
      })
      await batch(inputs, true)
    }
    return { executions, covered: coverage.size, fresh, findings: [...findings.values()] }
  } finally {
    coverage.stop()
  }
}
