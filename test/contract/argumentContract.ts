/** What the operations do with options that their types forbid, and that plain JavaScript, JSON and models send. */
import { assert, type Vitest } from "@effect/vitest"
import { BigDecimal, Effect, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { ClerkUserId, InstrumentSymbol, type JobId } from "../../src/domain/index.ts"
import {
  Accounts,
  AgentCalls,
  History,
  Instruments,
  Jobs,
  Positions,
  type RepositoryError,
  Users
} from "../../src/repository/index.ts"
import type { Services } from "./repositoryContract.ts"

// What a program without types passes.
type Untyped = never

/** What takes the place of each option: of a kind of its own each, or of none. */
const odd: ReadonlyArray<unknown> = [
  ...["", "x", "10", "true", "5 parsecs", "KEEP", 0, 10, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 10n],
  ...[Number.NEGATIVE_INFINITY, 1e300, true, false, Symbol("x"), () => Effect.void, Effect.void],
  ...[[], ["x"], [null], [1], {}, { a: 1 }, new Map([["a", 1]]), new Set(["x"]), new Date(0), new Date(Number.NaN)],
  Object.create(null)
]

const isCount = (value: unknown) => typeof value === "number" && value >= 0 && (value % 1 === 0 || value === 1 / 0)
const isLength = (value: unknown) => (typeof value === "number" && value >= 0) || value === 10n
const isFlag = (value: unknown) => typeof value === "boolean"
const isWord = (value: unknown) => typeof value === "string"
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isWord)
const none = () => false

type Failing = Effect.Effect<unknown, { readonly _tag: string; readonly message: string }>

/** An operation with a value in the place of one of its options. */
interface Place {
  readonly operation: string
  readonly option: string
  readonly call: (value: Untyped) => Failing
  /** Which of the odd values it takes. */
  readonly takes: (value: unknown) => boolean
  /** Whether it can't be left out. */
  readonly isRequired?: boolean
}

const place = (
  operation: string,
  option: string,
  takes: Place["takes"],
  call: Place["call"],
  isRequired = false
): Place => ({ operation, option, takes, call, isRequired })

const user = ClerkUserId.make("argument_user")
const symbol = InstrumentSymbol.make("ARGS")

const lists = Effect.gen(function* () {
  const [users, instruments, jobs] = [yield* Users, yield* Instruments, yield* Jobs]
  const [calls, history] = [yield* AgentCalls, yield* History]
  const period = { from: "2026-01-01", to: "2026-12-31" }
  return [
    place("Users.list", "limit", isCount, (limit) => users.list({ limit })),
    place("Users.list", "after", isWord, (after) => users.list({ after })),
    place("Instruments.search", "limit", isCount, (limit) => instruments.search("x", { limit })),
    place("Instruments.search", "part", isWord, (part) => instruments.search(part), true),
    place(
      "Instruments.search",
      "offset",
      (one) => one === 0 || one === 10,
      (offset) => instruments.search("x", { offset })
    ),
    place("Instruments.unclassified", "limit", isCount, (limit) => instruments.unclassified(user, { limit })),
    place("Instruments.unclassified", "after", isWord, (after) => instruments.unclassified(user, { after })),
    place("Instruments.findMany", "symbols", Array.isArray, (symbols) => instruments.findMany(symbols), true),
    place("Instruments.byType", "type", isWord, (type) => instruments.byType(type), true),
    place("Instruments.cached", "timeToLive", isLength, (timeToLive) => cachedIn(instruments, { timeToLive }), true),
    place("Instruments.cached", "capacity", isCount, (capacity) =>
      cachedIn(instruments, { timeToLive: "1 minute", capacity })
    ),
    place("AgentCalls.list", "limit", isCount, (limit) => calls.list({ limit })),
    place("AgentCalls.list", "user", isWord, (one) => calls.list({ user: one })),
    place("AgentCalls.prune", "olderThan", isLength, (olderThan) => calls.prune(olderThan), true),
    place("History.snapshot", "user", isWord, (one) => history.snapshot({ user: one })),
    place("History.priceChanges", "symbols", isTexts, (symbols) => history.priceChanges(symbols, period), true),
    place("History.prices", "from", none, (from) => history.prices(symbol, { ...period, from }), true),
    ...(["listByUser", "listWithPayloads"] as const).flatMap((list) => [
      place(`Jobs.${list}`, "limit", isCount, (limit) => jobs[list](user, { limit })),
      place(`Jobs.${list}`, "after", none, (after) => jobs[list](user, { after })),
      place(`Jobs.${list}`, "status", none, (status) => jobs[list](user, { status }))
    ]),
    place("Jobs.listOldest", "limit", isCount, (limit) => jobs.listOldest({ limit })),
    place("Jobs.listOldest", "status", none, (status) => jobs.listOldest({ status })),
    place("Jobs.listOldest", "runningFor", isLength, (runningFor) => jobs.listOldest({ runningFor }))
  ]
})

const cachedIn = (instruments: Instruments["Service"], options: Parameters<Instruments["Service"]["cached"]>[0]) =>
  Effect.flatMap(instruments.cached(options), (find) => find(symbol))

const jobsOf = Effect.fnUntraced(function* (id: JobId) {
  const jobs = yield* Jobs
  const types = ["argument_none"]
  const work = (options: Parameters<typeof jobs.work>[0]) =>
    Stream.runDrain(jobs.work({ types, stop: Effect.void, ...options }, () => Effect.void))
  const attempt = { id, attempts: 1 }
  const isInt = (value: unknown) => value === 0 || value === 10
  return [
    place("Jobs.claim", "limit", isCount, (limit) => jobs.claim({ types, limit })),
    place("Jobs.claim", "types", isTexts, (given) => jobs.claim({ types: given, limit: 0 })),
    place("Jobs.claim", "lease", isLength, (lease) => jobs.claim({ types, lease })),
    place("Jobs.claim", "maxAttempts", isInt, (maxAttempts) => jobs.claim({ types, maxAttempts })),
    place("Jobs.work", "types", isTexts, (given) => work({ types: given ?? types })),
    place("Jobs.work", "lease", isLength, (lease) => work({ lease })),
    place("Jobs.work", "pollEvery", isLength, (pollEvery) => work({ pollEvery })),
    place("Jobs.work", "maxAttempts", isInt, (maxAttempts) => work({ maxAttempts })),
    place(
      "Jobs.work",
      "concurrency",
      (value) => value === 10,
      (concurrency) => work({ concurrency })
    ),
    place("Jobs.work", "stop", Effect.isEffect, (stop) => work({ stop: stop ?? Effect.void })),
    place("Jobs.start", "takeOver", isLength, (takeOver) => jobs.start(id, { takeOver })),
    place("Jobs.start", "lease", isLength, (lease) => jobs.start(id, { lease })),
    place("Jobs.retry", "takeOver", isLength, (takeOver) => jobs.retry(id, { results: "keep", takeOver })),
    place("Jobs.retry", "results", none, (results) => jobs.retry(id, { results }), true),
    place("Jobs.update", "unlessEnded", isFlag, (unlessEnded) => jobs.update(id, {}, { unlessEnded })),
    place(
      "Jobs.findById",
      "parts",
      (value) => Array.isArray(value) && value.length === 0,
      (parts) => jobs.findById(id, { parts })
    ),
    place("JobAttempt.extend", "lease", isLength, (lease) => jobs.attempt(attempt).extend(lease), true),
    place("JobAttempt.attach", "attempts", isInt, (attempts) => jobs.attempt({ id, attempts }).attach({}), true)
  ]
})

const batches = Effect.gen(function* () {
  const [instruments, positions] = [yield* Instruments, yield* Positions]
  const writes = {
    "Instruments.upsertMany": instruments.upsertMany,
    "Instruments.setPrices": instruments.setPrices,
    "Positions.putMany": positions.putMany
  }
  const places = Object.entries(writes).flatMap(([operation, write]): ReadonlyArray<Place> => {
    const call = (input: Untyped, options?: Untyped): Failing => write(input, options)
    return [
      { operation, option: "input", takes: Array.isArray, call, isRequired: true },
      {
        operation,
        option: "allOrNothing",
        takes: isFlag,
        call: (allOrNothing) => call([] as Untyped, { allOrNothing } as Untyped)
      }
    ]
  })
  const upserted = [{ symbol, name: "x", instrument_type: "etf" }] as Untyped
  return [
    ...places,
    {
      operation: "Instruments.upsertMany",
      option: "dryRun",
      takes: isFlag,
      call: (dryRun: Untyped) => instruments.upsertMany(upserted, { dryRun })
    }
  ]
})

const streams = Effect.gen(function* () {
  const all = { Accounts: yield* Accounts, Positions: yield* Positions, Jobs: yield* Jobs }
  return Object.entries(all).map(([name, service]): Place => {
    const stream = (onUnreadable: Untyped): Stream.Stream<unknown, RepositoryError> => service.all({ onUnreadable })
    return {
      operation: `${name}.all`,
      option: "onUnreadable",
      takes: (value) => typeof value === "function",
      call: (value) => Stream.runDrain(Stream.take(stream(value), 1))
    }
  })
})

const refusals = new Set(["JobTransitionRefused", "InstrumentNotFound"])

const shown = (value: unknown) => (typeof value === "object" ? Object.prototype.toString.call(value) : String(value))

/** Fails unless an operation takes just those values that are meant, and refuses the others by name. */
const examined = Effect.fnUntraced(function* ({ call, isRequired = false, operation, option, takes }: Place) {
  for (const value of [null, undefined, ...odd]) {
    const label = `${operation} with ${option}: ${shown(value)}`
    const taken = value === null || value === undefined ? !isRequired : takes(value)
    const failure = yield* Effect.match(call(value as Untyped), { onSuccess: () => undefined, onFailure: (one) => one })
    if (taken) {
      const isFine = failure === undefined || refusals.has(failure._tag) || takes === Array.isArray
      assert.isTrue(isFine, `${label}: ${failure?.message}`)
    } else {
      assert.strictEqual(failure?._tag, "InvalidInput", `${label}: ${failure?.message}`)
      assert.include(failure?.message, `${option}: expected `, label)
    }
  }
})

/** How options are refused, or taken. */
export const argumentContract = (it: Vitest.MethodsNonLive<Services>) => {
  it.effect("an option of another kind is refused by its name, and one that is null is left out", () =>
    Effect.gen(function* () {
      yield* (yield* Users).create({ clerk_user_id: user })
      const { id } = yield* (yield* Jobs).create({ clerk_user_id: user, job_type: "portfolio_analysis" })
      const places = [...(yield* lists), ...(yield* jobsOf(id)), ...(yield* batches), ...(yield* streams)]
      for (const place of places) yield* examined(place)
      yield* (yield* Instruments).delete(symbol)
    })
  )

  it.effect("no option of another kind takes a job from its worker, deletes calls, or writes what is a trial", () =>
    Effect.gen(function* () {
      const [jobs, instruments, sql] = [yield* Jobs, yield* Instruments, yield* SqlClient.SqlClient]
      const clerk_user_id = ClerkUserId.make("argument_held")
      yield* (yield* Users).create({ clerk_user_id })
      const { id } = yield* jobs.create({ clerk_user_id, job_type: "portfolio_analysis" })
      yield* jobs.start(id)
      yield* sql`
        INSERT INTO agent_calls (clerk_user_id, tool, arguments, outcome, milliseconds, bytes)
        VALUES (${clerk_user_id}::varchar, 'x', ${"0".repeat(64)}::varchar, 'ok', 0, 0)`
      for (const value of [null, undefined, Number.NaN, -1, {}, { minute: 5 }, new Date(), "", "x"]) {
        yield* Effect.flip(jobs.start(id, { takeOver: value as Untyped }))
        yield* Effect.flip((yield* AgentCalls).prune(value as Untyped))
        yield* Effect.flip(jobs.attempt({ id, attempts: value as Untyped }).complete())
      }
      for (const dryRun of ["true", 1, {}, "false"]) {
        const trial = [{ symbol: InstrumentSymbol.make("TRIAL"), name: "x", instrument_type: "etf" as const }]
        yield* Effect.flip(instruments.upsertMany(trial, { dryRun: dryRun as Untyped }))
      }
      assert.deepStrictEqual(yield* instruments.findMany([InstrumentSymbol.make("TRIAL")]), [])
      assert.deepInclude(yield* jobs.findById(id), { status: "running", attempts: 1 })
      assert.lengthOf(yield* (yield* AgentCalls).list({ user: clerk_user_id }), 1)
      const price = { symbol: InstrumentSymbol.make("TRIAL"), current_price: BigDecimal.fromBigInt(1n) }
      assert.deepStrictEqual((yield* instruments.setPrices([price])).unknown, ["TRIAL"])
    })
  )
}
