/** Runs programs, judges them by the model, and cuts down those that fail. */
import { BigDecimal, Cause, Clock, Effect, Exit, Fiber, Option, References, Schema } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { DataApiClient } from "../../src/data-api/client/DataApiClient.ts"
import { DataApiError } from "../../src/data-api/DataApiError.ts"
import * as RetryPolicy from "../../src/data-api/RetryPolicy.ts"
import { AccountId } from "../../src/domain/Account.ts"
import { InstrumentSymbol } from "../../src/domain/Instrument.ts"
import { JobId } from "../../src/domain/Job.ts"
import { ClerkUserId } from "../../src/domain/User.ts"
import type { Fault } from "../../src/local/faults/FaultPlan.ts"
import { Accounts, Instruments, Jobs, Portfolios, Positions, Users } from "../../src/repository/index.ts"
import { type Deed, type Outcome, priceOf, type Seen, sharesOf, violations } from "./Model.ts"
import { describe, otherAccount, type Program, programOf, type Step, smaller, type Work } from "./Program.ts"
import type { VirtualTime } from "./VirtualTime.ts"
import { type Ids, World } from "./World.ts"

/** What became of one program. */
export interface Report {
  readonly program: Program
  readonly violations: ReadonlyArray<string>
  readonly outcomes: Readonly<Record<Outcome, number>>
  /** Calls that were retried. */
  readonly retried: number
  readonly calls: number
  readonly injected: Readonly<Partial<Record<Fault, number>>>
  /** What happened, line by line: the same for every run of the same program. */
  readonly history: ReadonlyArray<string>
}

const shares = (mark: number) => BigDecimal.make(sharesOf(mark), 8)
const cents = (mark: number) => BigDecimal.make(sharesOf(mark), 2)
const unitsOf = (value: BigDecimal.BigDecimal, scale: number): bigint => BigDecimal.scale(value, scale).value

/** What a step gives besides its end. */
interface Given {
  readonly innerDone?: boolean
  readonly seen?: Seen
}
const nothing: Given = {}

/** A step as the program of a service would write it. */
const perform = (work: Work, ids: Ids) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const positions = yield* Positions
    const accountId = (account: number) => AccountId.make(ids.account(account))
    const user = (nth: number) => ClerkUserId.make(ids.user(nth))
    const held = InstrumentSymbol.make(ids.held)
    const add = (account: number, mark: number, symbol = held) =>
      positions.addQuantity({ account_id: accountId(account), symbol, quantity: shares(mark) })

    switch (work.kind) {
      case "addShares": {
        yield* add(work.account, work.mark, InstrumentSymbol.make(ids[work.symbol]))
        return nothing
      }
      case "moveShares": {
        const credit = add(otherAccount(work.from), work.mark)
        yield* sql.withTransaction(
          Effect.gen(function* () {
            const found = yield* positions.listByAccount(accountId(work.from))
            const position = found.find(({ symbol }) => symbol === held)
            if (position === undefined) return yield* Effect.die(new Error("The position is gone."))
            const quantity = BigDecimal.subtract(position.quantity, shares(work.mark))
            yield* positions.update(position.id, { quantity })
            yield* work.careless ? Effect.ignore(credit) : credit
          })
        )
        return nothing
      }
      case "moveCash": {
        const accounts = yield* Accounts
        yield* sql.withTransaction(
          Effect.gen(function* () {
            const from = yield* accounts.findById(accountId(work.from))
            const to = yield* accounts.findById(accountId(otherAccount(work.from)))
            const amount = cents(work.mark)
            yield* accounts.update(accountId(work.from), {
              cash_balance: BigDecimal.subtract(from.cash_balance, amount)
            })
            yield* accounts.update(accountId(otherAccount(work.from)), {
              cash_balance: BigDecimal.sum(to.cash_balance, amount)
            })
          })
        )
        return nothing
      }
      case "nested":
        return yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* add(work.account, work.mark)
            const inner = add(otherAccount(work.account), work.innerMark)
            const result = yield* Effect.exit(
              sql.withTransaction(work.changesMind ? Effect.andThen(inner, Effect.fail("changed my mind")) : inner)
            )
            return { innerDone: Exit.isSuccess(result) }
          })
        )
      case "createJob": {
        const jobs = yield* Jobs
        yield* jobs.create({
          clerk_user_id: user(work.user),
          job_type: "portfolio_analysis",
          request_payload: { mark: work.mark }
        })
        return nothing
      }
      case "startJob": {
        yield* (yield* Jobs).start(JobId.make(ids.job(work.job)))
        return nothing
      }
      case "completeJob": {
        yield* (yield* Jobs).complete(JobId.make(ids.job(work.job)))
        return nothing
      }
      case "failJob": {
        yield* (yield* Jobs).fail(JobId.make(ids.job(work.job)), `mark ${work.mark}`)
        return nothing
      }
      case "setPrices": {
        const instruments = yield* Instruments
        const current_price = BigDecimal.fromBigInt(BigInt(priceOf(work.mark)))
        const set = instruments.setPrices(
          [ids.held, ids.new].map((symbol) => ({ symbol: InstrumentSymbol.make(symbol), current_price }))
        )
        yield* work.idempotent ? RetryPolicy.idempotent(set) : set
        return nothing
      }
      case "createUser": {
        yield* (yield* Users).create({ clerk_user_id: ClerkUserId.make(ids.newUser(work.mark)) })
        return nothing
      }
      case "createAccount": {
        yield* (yield* Accounts).create({ clerk_user_id: user(work.user), account_name: `mark ${work.mark}` })
        return nothing
      }
      case "createAccounts": {
        const client = yield* DataApiClient
        yield* client.batch(
          "insert into accounts (clerk_user_id, account_name) values (:user, :name)",
          ["a", "b"].map((half) => ({ user: ids.user(work.user), name: `mark ${work.mark} ${half}` }))
        )
        return nothing
      }
      case "read": {
        const portfolio = yield* (yield* Portfolios).load(user(work.user))
        const own = portfolio.accounts.filter(({ account_name }) => account_name === "account")
        const sum = (values: ReadonlyArray<bigint>) => values.reduce((total, value) => total + value, 0n)
        const seen: Seen = {
          cash: sum(own.map(({ cash_balance }) => unitsOf(cash_balance, 2))),
          shares: sum(
            own.flatMap((account) =>
              account.positions.flatMap(({ quantity, symbol }) => (symbol === held ? [unitsOf(quantity, 8)] : []))
            )
          ),
          prices: portfolio.instruments.flatMap(({ current_price }) =>
            current_price === null ? [] : [Number(BigDecimal.format(current_price))]
          )
        }
        return { seen }
      }
    }
  })

const inTransaction = (work: Work): boolean =>
  work.kind === "moveShares" || work.kind === "moveCash" || work.kind === "nested" || work.kind === "createAccounts"

/** Domain failures that a program may meet; any other would show that something happened twice or not at all. */
const expectedRefusals: Readonly<Partial<Record<Work["kind"], string>>> = {
  startJob: "JobTransitionRefused",
  completeJob: "JobTransitionRefused",
  failJob: "JobTransitionRefused"
}

/** What a failure tells its caller; undefined if it tells nothing, which must not be. */
const judged = (
  work: Work,
  cause: Cause.Cause<unknown>
): { readonly outcome: Outcome; readonly why: string } | undefined => {
  const found = Cause.findErrorOption(cause)
  if (Cause.hasDies(cause) || Option.isNone(found)) return undefined
  const error = found.value
  if (!SqlError.isSqlError(error)) {
    const tag = Schema.is(Schema.Struct({ _tag: Schema.String }))(error) ? error._tag : undefined
    return tag !== undefined && tag === expectedRefusals[work.kind] ? { outcome: "refused", why: tag } : undefined
  }
  const failure = error.reason.cause
  if (!(failure instanceof DataApiError)) return undefined
  const why = `${failure.operation} ${failure.reason._tag}`
  // What happens to a transaction is settled by its commit alone; a failure before it has undone the rest.
  if (inTransaction(work) && failure.operation !== "CommitTransaction") return { outcome: "not run", why }
  switch (failure.didRun) {
    case "no":
      return { outcome: "not run", why }
    case "unknown":
      return { outcome: "unknown", why }
    case "yes":
      return failure.reason._tag === "DatabaseError" ? { outcome: "refused", why } : { outcome: "done", why }
  }
}

/** Longer than the service keeps a transaction that nobody uses. */
const abandonedAfter = "4 minutes"

/** The longest that a program may take; beyond it something repeats for ever. */
const longestMillis = 60 * 60_000

const play = Effect.fnUntraced(function* (program: Program) {
  const world = yield* World
  const { ids, prefix } = yield* world.setUp
  yield* world.faults.set(program.plan)
  const start = yield* Clock.currentTimeMillis
  const deeds: Array<Deed> = []
  const history: Array<string> = []
  const problems: Array<string> = []
  let moment = 0

  const take = Effect.fnUntraced(function* (step: Step, person: number) {
    const { patience, rest, ...work } = step
    if (rest > 0) yield* Effect.sleep(rest)
    const from = ++moment
    const attempt = Effect.exit(perform(work, ids))
    const ended = yield* patience === undefined ? Effect.asSome(attempt) : Effect.timeoutOption(attempt, patience)
    const to = ++moment
    const note = (outcome: Outcome, why: string, given: Given = nothing) => {
      deeds.push({ work, outcome, from, to, ...given })
      history.push(`${from}-${to} person ${person} ${JSON.stringify(work)}: ${outcome}${why === "" ? "" : `, ${why}`}`)
    }
    if (Option.isNone(ended)) return note("unknown", "given up")
    const exit = ended.value
    if (Exit.isSuccess(exit)) return note("done", "", exit.value)
    const verdict = judged(work, exit.cause)
    if (verdict !== undefined) return note(verdict.outcome, verdict.why)
    problems.push(`${JSON.stringify(work)} ended in no way that was foreseen: ${Cause.pretty(exit.cause)}`)
    note("unknown", "not foreseen")
  })

  const failovers = yield* Effect.forkChild(
    Effect.forEach(program.failovers, (at) => Effect.delay(world.faults.failover, at), { discard: true })
  )
  yield* Effect.forEach(
    program.people,
    (steps, person) => Effect.forEach(steps, (step) => take(step, person), { discard: true }),
    { concurrency: "unbounded", discard: true }
  ).pipe(Effect.provideContext(world.services))
  yield* Fiber.interrupt(failovers)
  const took = (yield* Clock.currentTimeMillis) - start
  if (took > longestMillis) problems.push(`it took ${took / 1000} seconds`)

  const { injected } = yield* world.faults.state
  const calm =
    Object.keys(injected).length === 0 &&
    program.failovers.length === 0 &&
    program.people.flat().every(({ patience }) => patience === undefined)
  for (const { outcome, work } of deeds) {
    if (calm && outcome !== "done" && outcome !== "refused") {
      problems.push(`${outcome}, though nothing was in the way: ${JSON.stringify(work)}`)
    }
  }
  const calls = world.below.calls
  const retried = calls - world.above.calls
  yield* world.faults.set({})
  yield* Effect.sleep(abandonedAfter)
  for (const id of world.above.begun) {
    if (!world.above.ended.has(id)) problems.push("a transaction was begun and neither committed nor rolled back")
  }
  if (world.held.count !== 0) problems.push(`${world.held.count} transactions are still open`)
  // What the faults believe to be open; nothing of it is left for the next program.
  yield* world.faults.failover
  const contents = yield* world.readBack(prefix)
  const outcomes = { done: 0, refused: 0, "not run": 0, unknown: 0 }
  for (const { outcome } of deeds) outcomes[outcome]++
  const report: Report = {
    program,
    violations: [...problems, ...violations(deeds, contents, ids)],
    outcomes,
    retried,
    calls,
    injected,
    history
  }
  return report
})

/** What is logged of so many faults would bury the report. */
const quiet = Effect.provideService(References.MinimumLogLevel, "None")

/** Runs a program on virtual time. */
export const simulate = (program: Program, world: World["Service"], time: VirtualTime): Promise<Report> =>
  time.run(quiet(Effect.provideService(play(program), World, world)), program.seed).then((exit) =>
    Exit.isSuccess(exit)
      ? exit.value
      : {
          program,
          violations: [`the program did not end: ${Cause.pretty(exit.cause)}`],
          outcomes: { done: 0, refused: 0, "not run": 0, unknown: 0 },
          retried: 0,
          calls: 0,
          injected: {},
          history: []
        }
  )

/** The smallest program, found by leaving out one thing at a time, that still fails. */
export const shrink = async (failing: Report, world: World["Service"], time: VirtualTime): Promise<Report> => {
  let best = failing
  for (let found = true; found; ) {
    found = false
    for (const program of smaller(best.program)) {
      const report = await simulate(program, world, time)
      if (report.violations.length === 0) continue
      best = report
      found = true
      break
    }
  }
  return best
}

/** A failing program for a person: what is wrong, what was done, and how to see it again. */
export const explain = (report: Report): string =>
  [
    ...report.violations.map((violation) => `VIOLATED: ${violation}`),
    describe(report.program),
    ...report.history.map((line) => `  ${line}`),
    `again: npm run test:chaos -- --seeds 1 --seed ${report.program.seed}`
  ].join("\n")

/** What became of many programs. */
export interface Distribution {
  readonly programs: number
  readonly steps: Readonly<Record<Outcome, number>>
  readonly calls: number
  readonly retried: number
  readonly injected: Readonly<Partial<Record<Fault, number>>>
}

export const noPrograms: Distribution = {
  programs: 0,
  steps: { done: 0, refused: 0, "not run": 0, unknown: 0 },
  calls: 0,
  retried: 0,
  injected: {}
}

const added = <K extends string>(
  a: Readonly<Partial<Record<K, number>>>,
  b: Readonly<Partial<Record<K, number>>>
): Partial<Record<K, number>> => {
  const sum: Partial<Record<K, number>> = { ...a }
  for (const name in b) sum[name] = (sum[name] ?? 0) + (b[name] ?? 0)
  return sum
}

export const together = (a: Distribution, b: Distribution): Distribution => ({
  programs: a.programs + b.programs,
  steps: {
    done: a.steps.done + b.steps.done,
    refused: a.steps.refused + b.steps.refused,
    "not run": a.steps["not run"] + b.steps["not run"],
    unknown: a.steps.unknown + b.steps.unknown
  },
  calls: a.calls + b.calls,
  retried: a.retried + b.retried,
  injected: added(a.injected, b.injected)
})

export const distributionText = ({ calls, injected, programs, retried, steps }: Distribution): string =>
  [
    `${programs} schedules, ${calls} calls, ${retried} of them repetitions`,
    `steps: ${Object.entries(steps)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ")}`,
    `faults: ${Object.entries(injected)
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ")}`
  ].join("\n")

/** Runs the programs of seeds until one fails; that one is cut down. */
export const search = async (
  seeds: Iterable<number>,
  world: World["Service"],
  time: VirtualTime,
  onProgress?: (distribution: Distribution) => void
): Promise<{ readonly distribution: Distribution; readonly failing: Report | undefined }> => {
  let distribution = noPrograms
  for (const seed of seeds) {
    const report = await simulate(programOf(seed), world, time)
    const { calls, injected, outcomes, retried } = report
    distribution = together(distribution, { programs: 1, steps: outcomes, calls, retried, injected })
    if (report.violations.length > 0) return { distribution, failing: await shrink(report, world, time) }
    onProgress?.(distribution)
  }
  return { distribution, failing: undefined }
}
