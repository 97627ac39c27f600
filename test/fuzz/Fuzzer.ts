/**
 * Changes inputs at random and keeps those that make a parser do what none before has made it do; that needs sources
 * that are instrumented, see `hooks.ts`.
 */
import { type Random, randomOf } from "../chaos/durability/Random.ts"
import { differing, Seen } from "./Probes.ts"
import type { Target } from "./targets/Target.ts"

export interface Finding {
  readonly input: Buffer
  readonly why: string
}

export interface Report {
  /** Without those of the corpus. */
  readonly executions: number
  /** Executions in a second of processor time. */
  readonly speed: number
  /** Places of the sources that were reached, by the way that led there. */
  readonly reached: number
  /** Inputs that did something new. */
  readonly fresh: ReadonlyArray<Buffer>
  readonly findings: ReadonlyArray<Finding>
}

/** Milliseconds for one input, which is short: more is time that grows faster than the input. */
const patience = 2000
const longest = 4096

const below = (random: Random, count: number): number => Math.floor(random() * count)

const oneOf = <A>(random: Random, all: ReadonlyArray<A>): A | undefined => all[below(random, all.length)]

const spliced = (input: Buffer, at: number, removed: number, added: Uint8Array): Buffer =>
  Buffer.concat([input.subarray(0, at), added, input.subarray(at + removed)])

/** An input that did something new, and what it was compared with meanwhile. */
interface Kept {
  readonly input: Buffer
  readonly pairs: ReadonlyArray<readonly [Buffer, Buffer]>
}

/** How a value may stand in an input. */
const octetsOf = (value: unknown): Buffer | undefined => {
  if (typeof value === "string") return value.length <= 64 ? Buffer.from(value) : undefined
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 0xffffffff) return undefined
  if (value < 256) return Buffer.of(value)
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(value)
  return value < 0x10000 ? octets.subarray(2) : octets
}

/** The pairs of which one stands in the input. */
const pairsIn = (input: Buffer): Kept["pairs"] =>
  differing().flatMap(([one, other]) => {
    const [found, wanted] = [octetsOf(one), octetsOf(other)]
    if (found === undefined || wanted === undefined || found.length === 0) return []
    return [
      ...(input.includes(found) ? [[found, wanted] as const] : []),
      ...(wanted.length > 0 && input.includes(wanted) ? [[wanted, found] as const] : [])
    ]
  })

/** Puts what an input was compared with in the place of what was compared. */
const solved = (input: Buffer, pairs: Kept["pairs"], random: Random): Buffer => {
  const [found, wanted] = oneOf(random, pairs) ?? []
  const at = found === undefined ? -1 : input.indexOf(found, below(random, input.length + 1))
  return at === -1 || found === undefined || wanted === undefined ? input : spliced(input, at, found.length, wanted)
}

const mutateOnce = (input: Buffer, base: Kept, words: ReadonlyArray<string>, other: Buffer, random: Random): Buffer => {
  const at = below(random, input.length + 1)
  const length = 1 + below(random, Math.min(32, input.length + 1))
  switch (below(random, 9)) {
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
      const from = below(random, other.length)
      return spliced(input, at, below(random, 2) * length, other.subarray(from, from + 1 + below(random, 64)))
    }
    case 6: {
      const changed = Buffer.from(input)
      if (changed.length > 0)
        changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ (1 << below(random, 8))
      return changed
    }
    case 7:
      return spliced(input, at, 0, Buffer.alloc(1 + below(random, 64), input[at] ?? 40))
    default:
      return solved(input, base.pairs, random)
  }
}

/** Milliseconds of processor time. */
const processorTime = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1000
}

const complaintOf = async (check: Target["run"], input: Buffer): Promise<string | undefined> => {
  try {
    return await check(input)
  } catch (error) {
    return `it throws ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
  }
}

/** What is wrong with what a target does with an input, if anything is. */
const wrongAtOnce = async (target: Target, input: Buffer): Promise<string | undefined> => {
  const began = performance.now()
  const used = processorTime()
  const complaint = await complaintOf(target.run, input)
  if (complaint !== undefined) return complaint
  // On a busy machine time passes in which nothing runs.
  if (performance.now() - began <= patience) return undefined
  const took = processorTime() - used
  return took > patience ? `it takes ${Math.round(took)} ms for ${input.length} octets` : undefined
}

/** The same, by all that there is to judge by. */
export const wrong = async (target: Target, input: Buffer): Promise<string | undefined> =>
  (await wrongAtOnce(target, input)) ?? (target.judge === undefined ? undefined : complaintOf(target.judge, input))

/** Of inputs that do nothing new one in so many is judged by what takes longer. */
const judged = 50

export interface FuzzOptions {
  readonly seconds: number
  readonly seed: number
  /** Findings after which it ends early. */
  readonly enough?: number
  /** Executions after which it ends. */
  readonly executions?: number
  /** Whether what is new is kept; without it only the corpus is changed. */
  readonly isGuided?: boolean
}

/** Fuzzes a target for so many seconds, beginning with a corpus. */
export const fuzz = async (
  target: Target,
  corpus: ReadonlyArray<Buffer>,
  { enough = Infinity, executions: most = Infinity, isGuided = true, seconds, seed }: FuzzOptions
): Promise<Report> => {
  const random = randomOf(seed)
  const seen = new Seen()
  const kept: Array<Kept> = []
  const fresh: Array<Buffer> = []
  const findings = new Map<string, Finding>()
  let executions = 0
  /** Runs an input, and says whether it did something new. */
  const run = async (input: Buffer): Promise<boolean> => {
    executions++
    seen.begin()
    let why = await wrongAtOnce(target, input)
    const isNew = seen.hasNews()
    if (why === undefined && target.judge !== undefined && (isNew || executions % judged === 0))
      why = await complaintOf(target.judge, input)
    // One of each kind is enough.
    if (why !== undefined && !findings.has(why.slice(0, 40))) findings.set(why.slice(0, 40), { input, why })
    return isNew
  }
  const keep = (input: Buffer) => kept.push({ input, pairs: isGuided ? pairsIn(input) : [] })
  /** What was found last leads on most often, and what is short runs more often in the same time. */
  const chosen = (): Kept => {
    const [one, other] = [0, 1].map(() =>
      random() < 0.3 ? kept.at(-1 - below(random, Math.min(16, kept.length))) : oneOf(random, kept)
    )
    if (one === undefined || other === undefined) return { input: Buffer.alloc(0), pairs: [] }
    return one.input.length <= other.input.length ? one : other
  }
  for (const input of corpus) if ((await run(input)) || !isGuided) keep(input)
  const until = performance.now() + seconds * 1000
  const used = processorTime()
  executions = 0
  while (performance.now() < until && findings.size < enough && executions < most) {
    const base = chosen()
    let { input } = base
    for (let times = 1 + below(random, 4); times > 0; times--)
      input = mutateOnce(input, base, target.words, oneOf(random, kept)?.input ?? input, random).subarray(0, longest)
    if (!(await run(input)) || !isGuided) continue
    keep(input)
    fresh.push(input)
  }
  const speed = Math.round(executions / Math.max(0.001, (processorTime() - used) / 1000))
  return { executions, speed, reached: seen.size, fresh, findings: [...findings.values()] }
}
