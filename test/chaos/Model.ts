/**
 * What must be true after a program has run: judged by what its callers were told.
 *
 * Every step that moves shares or money has a mark, and moves 4^mark units: each step is one digit of every sum, and
 * the digits of what the database holds say how often each step took effect, and where.
 */

import { otherAccount, ownerOf, type Work } from "./Program.ts"
import { base, type Contents, cashMarks, digitsOf, type Ids, initialPrice, shareMarks } from "./World.ts"

/**
 * What a caller knows of a step. `done`: it was acknowledged. `refused`: the database or the domain said no; `not run`:
 * it certainly did not happen; neither has left anything behind. `unknown`: told so, or interrupted.
 */
export type Outcome = "done" | "refused" | "not run" | "unknown"

/** What a user's portfolio was seen to hold. */
export interface Seen {
  readonly shares: bigint
  readonly cash: bigint
  readonly prices: ReadonlyArray<number>
}

/** One step as its caller saw it. */
export interface Deed {
  readonly work: Work
  readonly outcome: Outcome
  /** Moments on a common count, to tell what came before what. */
  readonly from: number
  readonly to: number
  /** Of a nested transaction: whether the inner one was acknowledged. */
  readonly innerDone?: boolean
  readonly seen?: Seen
}

/** How often an effect may have happened: the least and the most. */
interface Times {
  readonly least: number
  readonly most: number
}

const never: Times = { least: 0, most: 0 }

const timesOf = (outcome: Outcome): Times =>
  outcome === "done" ? { least: 1, most: 1 } : outcome === "unknown" ? { least: 0, most: 1 } : never

const show = (work: Work): string => JSON.stringify(work)

const within = (count: number, { least, most }: Times): boolean => least <= count && count <= most

/** The price that a step sets. */
export const priceOf = (mark: number): number => mark + 1

/** Shares and cash: every digit is what its step may have made of it, and what one account lost the other has. */
const sums = (deeds: ReadonlyArray<Deed>, contents: Contents, ids: Ids): Array<string> => {
  const problems: Array<string> = []
  const accounts = [0, 1, 2, 3]
  const digits = (symbol: string) =>
    accounts.map((account) => {
      const position = contents.positions.find((one) => one.account === ids.account(account) && one.symbol === symbol)
      return digitsOf(position?.units ?? 0n, shareMarks)
    })
  const held = digits(ids.held)
  const fresh = digits(ids.new)
  const cash = accounts.map((account) =>
    digitsOf(contents.accounts.find(({ id }) => id === ids.account(account))?.cash ?? 0n, cashMarks)
  )

  /** What each digit may be, as changes from where it started; what no step explains must be as it was. */
  const expected = new Map<string, { readonly deed: Deed; readonly change: number }>()
  const key = (sum: string, account: number, mark: number) => `${sum} ${account} ${mark}`
  for (const deed of deeds) {
    const { work } = deed
    if (work.kind === "addShares") {
      expected.set(key(work.symbol, work.account, work.mark), { deed, change: 1 })
    } else if (work.kind === "moveShares" || work.kind === "moveCash") {
      const sum = work.kind === "moveCash" ? "cash" : "held"
      expected.set(key(sum, work.from, work.mark), { deed, change: -1 })
      expected.set(key(sum, otherAccount(work.from), work.mark), { deed, change: 1 })
    } else if (work.kind === "nested") {
      expected.set(key("held", work.account, work.mark), { deed, change: 1 })
      expected.set(key("held", otherAccount(work.account), work.innerMark), { deed, change: 1 })
    }
  }
  for (const [sum, found, start] of [
    ["held", held, 1],
    ["new", fresh, 0],
    ["cash", cash, 1]
  ] as const) {
    for (const [account, values] of found.entries()) {
      for (const [mark, digit] of values.entries()) {
        const one = expected.get(key(sum, account, mark))
        const times = one === undefined ? 0 : (digit - start) * one.change
        if (!within(times, one === undefined ? never : { least: 0, most: 1 })) {
          problems.push(`${sum} of account ${account}, mark ${mark}: ${times} times, by ${one && show(one.deed.work)}`)
        }
      }
    }
  }
  const applied = (found: ReadonlyArray<ReadonlyArray<number>>, account: number, mark: number, start: number) =>
    (found[account]?.[mark] ?? 0) - start
  const judge = (deed: Deed, times: number, allowed = timesOf(deed.outcome)) => {
    if (!within(times, allowed)) problems.push(`${deed.outcome}, but ${times} times there: ${show(deed.work)}`)
  }
  for (const deed of deeds) {
    const { work } = deed
    if (work.kind === "addShares") {
      judge(
        deed,
        applied(work.symbol === "held" ? held : fresh, work.account, work.mark, work.symbol === "held" ? 1 : 0)
      )
    } else if (work.kind === "moveShares" || work.kind === "moveCash") {
      const found = work.kind === "moveCash" ? cash : held
      const credit = applied(found, otherAccount(work.from), work.mark, 1)
      const debit = -applied(found, work.from, work.mark, 1)
      judge(deed, credit)
      if (credit !== debit) problems.push(`${credit} times credited, ${debit} times debited: ${show(work)}`)
    } else if (work.kind === "nested") {
      const outer = applied(held, work.account, work.mark, 1)
      const inner = applied(held, otherAccount(work.account), work.innerMark, 1)
      judge(deed, outer)
      const allowed =
        work.changesMind || outer === 0 || deed.innerDone === false
          ? never
          : deed.innerDone === true
            ? { least: 1, most: 1 }
            : { least: 0, most: 1 }
      if (!within(inner, allowed)) {
        problems.push(`inner transaction ${inner} times there, told ${deed.innerDone}: ${show(work)}`)
      }
    }
  }
  return problems
}

/** Rows that steps create: there exactly as often as acknowledged, and all of a batch or none of it. */
const rows = (deeds: ReadonlyArray<Deed>, contents: Contents, ids: Ids): Array<string> => {
  const problems: Array<string> = []
  for (const deed of deeds) {
    const { work } = deed
    const judge = (count: number) => {
      if (!within(count, timesOf(deed.outcome))) {
        problems.push(`${deed.outcome}, but ${count} rows: ${show(work)}`)
      }
    }
    const named = (name: string) => contents.accounts.filter((account) => account.name === name).length
    if (work.kind === "createUser") judge(contents.users.filter((id) => id === ids.newUser(work.mark)).length)
    if (work.kind === "createJob") judge(contents.jobs.filter(({ mark }) => mark === work.mark).length)
    if (work.kind === "createAccount") judge(named(`mark ${work.mark}`))
    if (work.kind === "createAccounts") {
      const [first, second] = [named(`mark ${work.mark} a`), named(`mark ${work.mark} b`)]
      judge(first)
      if (first !== second) problems.push(`half a batch: ${show(work)}`)
    }
  }
  return problems
}

const forward: Readonly<Record<string, ReadonlyArray<string>>> = {
  pending: ["running", "failed"],
  running: ["completed", "failed"]
}

/** Jobs: each step forward, once, by someone who may have made it; what was acknowledged is there. */
const states = (deeds: ReadonlyArray<Deed>, contents: Contents, ids: Ids): Array<string> => {
  const problems: Array<string> = []
  for (const step of contents.steps) {
    if (!forward[step.was]?.includes(step.became)) problems.push(`a job went from ${step.was} to ${step.became}`)
  }
  const jobs = [0, 1]
  for (const job of jobs) {
    const steps = contents.steps.filter((step) => step.job === ids.job(job))
    const stored = contents.jobs.find(({ id }) => id === ids.job(job))
    for (const [kind, became] of [
      ["startJob", "running"],
      ["completeJob", "completed"],
      ["failJob", "failed"]
    ] as const) {
      const tried = deeds.filter(({ work }) => work.kind === kind && work.job === job)
      const acknowledged = tried.filter(({ outcome }) => outcome === "done").length
      const possible = tried.filter(({ outcome }) => outcome === "unknown").length
      const happened = steps.filter((step) => step.became === became).length
      if (happened > 1) problems.push(`job ${job} became ${became} ${happened} times`)
      if (acknowledged > happened)
        problems.push(`job ${job}: ${acknowledged} ${kind} acknowledged, ${happened} happened`)
      if (happened > acknowledged + possible) problems.push(`job ${job} became ${became}, but by nobody`)
    }
    const last = steps.at(-1)?.became ?? "pending"
    if (stored?.status !== last) problems.push(`job ${job} is ${stored?.status} after it became ${last}`)
    const failedBy = deeds.find(({ work }) => work.kind === "failJob" && stored?.error === `mark ${work.mark}`)
    if (stored?.error != null && (failedBy === undefined || timesOf(failedBy.outcome).most === 0)) {
      problems.push(`job ${job} failed with ${stored.error}, which nobody said`)
    }
  }
  return problems
}

/** Prices are written as pairs: the last pair is one that no later acknowledged one replaced. */
const prices = (deeds: ReadonlyArray<Deed>, contents: Contents): Array<string> => {
  const found = [...new Set(contents.prices.map(({ price }) => price))]
  if (contents.prices.length !== 2 || found.length !== 1) return [`torn prices: ${JSON.stringify(contents.prices)}`]
  const writes = deeds.flatMap((deed) =>
    deed.work.kind === "setPrices" && timesOf(deed.outcome).most > 0
      ? [{ ...deed, price: priceOf(deed.work.mark) }]
      : []
  )
  const written = writes.find(({ price }) => price === found[0])
  if (written === undefined && found[0] !== initialPrice) return [`a price that was never set: ${found[0]}`]
  const since = written?.to ?? -1
  const later = writes.find((one) => one.outcome === "done" && one.from > since)
  return later === undefined ? [] : [`the price ${later.price} was acknowledged and lost`]
}

/** What a reader saw: no transfer half done, nothing acknowledged missing, nothing there before it was begun. */
const readings = (deeds: ReadonlyArray<Deed>): Array<string> => {
  const problems: Array<string> = []
  for (const read of deeds) {
    const { seen, work } = read
    if (seen === undefined || work.kind !== "read") continue
    if (new Set(seen.prices).size > 1) problems.push(`torn prices were read: ${seen.prices.join(", ")}`)
    // Two accounts of the user, so that 2 stands where nothing has happened.
    const shares = digitsOf(seen.shares, shareMarks)
    const cash = digitsOf(seen.cash, cashMarks)
    if (cash.some((digit) => digit !== 2)) problems.push(`cash was read half moved: ${cash.join("")}`)
    const adders = new Map(
      deeds.flatMap((deed) =>
        deed.work.kind === "addShares" && deed.work.symbol === "held" && ownerOf(deed.work.account) === work.user
          ? [[deed.work.mark, deed] as const]
          : deed.work.kind === "nested" && ownerOf(deed.work.account) === work.user
            ? [
                [deed.work.mark, deed] as const,
                [deed.work.innerMark, { ...deed, outcome: "unknown" as const }] as const
              ]
            : []
      )
    )
    for (const [mark, digit] of shares.entries()) {
      const adder = adders.get(mark)
      const allowed =
        adder === undefined || adder.from > read.to
          ? never
          : adder.to < read.from
            ? timesOf(adder.outcome)
            : { least: 0, most: timesOf(adder.outcome).most }
      if (!within(digit - 2, allowed)) problems.push(`mark ${mark} was read ${digit - 2} times at ${read.from}`)
    }
  }
  return problems
}

/** Everything that is not as it must be; empty when all is well. */
export const violations = (deeds: ReadonlyArray<Deed>, contents: Contents, ids: Ids): ReadonlyArray<string> => [
  ...sums(deeds, contents, ids),
  ...rows(deeds, contents, ids),
  ...states(deeds, contents, ids),
  ...prices(deeds, contents),
  ...readings(deeds)
]

/** What a step moves, as decimals of the database. */
export const sharesOf = (mark: number): bigint => base ** BigInt(mark)
