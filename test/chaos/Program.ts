/**
 * What is run: a few people who work at the same time, and what befalls their calls. A program is plain data and
 * follows from its seed alone, so that it can be printed, cut down and run again.
 */
import { Fault, type FaultPlan } from "../../src/local/faults/FaultPlan.ts"

/**
 * What one person does. Accounts are numbered; the first two belong to user 0, the others to user 1. A `mark` is this
 * step's own place in the sums, see `Model.ts`.
 */
export type Work =
  | { readonly kind: "addShares"; readonly account: number; readonly symbol: "held" | "new"; readonly mark: number }
  | { readonly kind: "moveShares"; readonly from: number; readonly mark: number; readonly careless: boolean }
  | { readonly kind: "moveCash"; readonly from: number; readonly mark: number }
  | {
      readonly kind: "nested"
      readonly account: number
      readonly mark: number
      readonly innerMark: number
      readonly changesMind: boolean
    }
  | { readonly kind: "createJob"; readonly user: number; readonly mark: number }
  | { readonly kind: "startJob"; readonly job: number }
  | { readonly kind: "completeJob"; readonly job: number }
  | { readonly kind: "failJob"; readonly job: number; readonly mark: number }
  | { readonly kind: "setPrices"; readonly mark: number; readonly idempotent: boolean }
  | { readonly kind: "createUser"; readonly mark: number }
  | { readonly kind: "createAccount"; readonly user: number; readonly mark: number }
  | { readonly kind: "createAccounts"; readonly user: number; readonly mark: number }
  | { readonly kind: "read"; readonly user: number }

export type Step = Work & {
  /** Milliseconds of rest before it. */
  readonly rest: number
  /** Milliseconds after which the caller gives up and interrupts it. */
  readonly patience: number | undefined
}

export interface Program {
  readonly seed: number
  readonly people: ReadonlyArray<ReadonlyArray<Step>>
  readonly plan: FaultPlan
  /** When the writer fails over, in milliseconds from the start. */
  readonly failovers: ReadonlyArray<number>
}

export const users = 2
export const accounts = 4
export const jobs = 2

/** The account that a transfer from this one goes to: the other one of its owner. */
export const otherAccount = (account: number): number => account ^ 1
export const ownerOf = (account: number): number => account >> 1

/** Uniform numbers in [0, 1) that follow from a seed: mulberry32. */
export const numbersOf = (seed: number): (() => number) => {
  let state = Math.imul(seed, 0x9e3779b9) ^ 0x5bf03635
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let h = Math.imul(state ^ (state >>> 15), 1 | state)
    h = (h + Math.imul(h ^ (h >>> 7), 61 | h)) ^ h
    return ((h ^ (h >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

const kinds = [
  "addShares",
  "addShares",
  "moveShares",
  "moveShares",
  "moveCash",
  "nested",
  "createJob",
  "startJob",
  "startJob",
  "completeJob",
  "failJob",
  "setPrices",
  "createUser",
  "createAccount",
  "createAccounts",
  "read"
] as const

/** The program of a seed. */
export const programOf = (seed: number): Program => {
  const next = numbersOf(seed)
  const below = (limit: number) => Math.floor(next() * limit)
  const chance = (share: number) => next() < share
  const one = <A>(values: readonly [A, ...ReadonlyArray<A>]): A => values[below(values.length)] ?? values[0]
  let marks = 0
  let cashMarks = 0
  const mark = () => marks++

  const work = (): Work => {
    const account = below(accounts)
    const user = below(users)
    const job = below(jobs)
    const kind = one(kinds)
    switch (kind) {
      case "addShares":
        return { kind, account, symbol: chance(0.3) ? "new" : "held", mark: mark() }
      case "moveShares":
        return { kind, from: account, mark: mark(), careless: chance(0.3) }
      case "moveCash":
        return { kind, from: account, mark: cashMarks++ }
      case "nested":
        return { kind, account, mark: mark(), innerMark: mark(), changesMind: chance(0.3) }
      case "createJob":
      case "createAccount":
      case "createAccounts":
        return { kind, user, mark: mark() }
      case "startJob":
      case "completeJob":
        return { kind, job }
      case "failJob":
        return { kind, job, mark: mark() }
      case "setPrices":
        return { kind, mark: mark(), idempotent: chance(0.5) }
      case "createUser":
        return { kind, mark: mark() }
      case "read":
        return { kind, user }
    }
  }

  const patient = chance(0.7)
  const step = (): Step => ({
    ...work(),
    rest: chance(0.5) ? 0 : below(200),
    patience: patient || chance(0.7) ? undefined : below(400)
  })
  const people = Array.from({ length: 2 + below(2) }, () => Array.from({ length: 2 + below(4) }, step))

  const calls = people.flat().length * 4
  const faults = Array.from({ length: below(9) }, () => ({ call: 1 + below(calls), fault: one(Fault.literals) }))
  // The same answer to several calls in a row outlasts the attempts of a policy.
  const [first] = faults
  const burst =
    first !== undefined && chance(0.15) ? [1, 2, 3, 4, 5].map((n) => ({ ...first, call: first.call + n })) : []
  const plan: FaultPlan = {
    seed,
    schedule: [...faults, ...burst],
    ...(chance(0.4) ? { latency: { medianMs: 1 + below(30), p99Ms: 200 } } : {}),
    ...(chance(0.15) ? { pause: chance(0.5) ? { seconds: 1 + below(150) } : { calls: 1 + below(8) } } : {})
  }
  const failovers = chance(0.15) ? [below(600)] : []
  return { seed, people, plan, failovers }
}

const stepText = ({ patience, rest, ...work }: Step): string => {
  const { kind, ...details } = work
  const words = Object.entries(details).map(([name, value]) => `${name} ${value}`)
  if (rest > 0) words.push(`after ${rest} ms`)
  if (patience !== undefined) words.push(`given up after ${patience} ms`)
  return `${kind} ${words.join(", ")}`
}

/** A program for a person to read. */
export const describe = ({ failovers, people, plan, seed }: Program): string =>
  [
    `seed ${seed}`,
    ...people.flatMap((steps, person) => [`person ${person}:`, ...steps.map((step) => `  ${stepText(step)}`)]),
    ...[...(plan.schedule ?? [])].sort((a, b) => a.call - b.call).map(({ call, fault }) => `call ${call}: ${fault}`),
    ...(plan.pause === undefined ? [] : [`paused: ${JSON.stringify(plan.pause)}`]),
    ...(plan.latency === undefined ? [] : [`latency: ${JSON.stringify(plan.latency)}`]),
    ...failovers.map((at) => `failover after ${at} ms`)
  ].join("\n")

const without = <A>(values: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  values.map((_, index) => values.filter((__, other) => other !== index))

/** Every program that lacks one thing of this one. */
export const smaller = (program: Program): ReadonlyArray<Program> => {
  const { failovers, people, plan } = program
  const { latency: _, ...swift } = plan
  const { pause: __, ...awake } = plan
  const withSteps = (person: number, steps: ReadonlyArray<Step>): Program => ({
    ...program,
    people: people.map((old, index) => (index === person ? steps : old))
  })
  // With a step its calls go, and what befell later ones would befall others: so the faults come sooner as well.
  const sooner = (smallerOne: Program): ReadonlyArray<Program> =>
    [0, 1, 2, 3, 4, 5, 6, 7, 8].map((calls) => ({
      ...smallerOne,
      plan: { ...plan, schedule: (plan.schedule ?? []).map((one) => ({ ...one, call: Math.max(1, one.call - calls) })) }
    }))
  return [
    ...without(people).map((rest) => ({ ...program, people: rest })),
    ...people.flatMap((steps, person) => without(steps).flatMap((rest) => sooner(withSteps(person, rest)))),
    ...without(plan.schedule ?? []).map((schedule) => ({ ...program, plan: { ...plan, schedule } })),
    ...(plan.latency === undefined ? [] : [{ ...program, plan: swift }]),
    ...(plan.pause === undefined ? [] : [{ ...program, plan: awake }]),
    ...without(failovers).map((rest) => ({ ...program, failovers: rest })),
    ...people.flatMap((steps, person) =>
      steps.flatMap((step, index) =>
        step.patience === undefined && step.rest === 0
          ? []
          : [withSteps(person, steps.with(index, { ...step, rest: 0, patience: undefined }))]
      )
    )
  ]
}
