/** What the repositories do with ids, states and times that other programs get wrong, whatever `SqlClient` they run on. */
import { assert, type Vitest } from "@effect/vitest"
import { BigDecimal, Duration, Effect, Stream } from "effect"
import { SqlClient } from "effect/sql"
import {
  type AccountId,
  ClerkUserId,
  formatDecimal,
  InstrumentSymbol,
  type JobId,
  type PositionId
} from "../../src/domain/index.ts"
import {
  Accounts,
  AgentCalls,
  History,
  Instruments,
  Jobs,
  Portfolios,
  Positions,
  Users
} from "../../src/repository/index.ts"
import type { Services } from "./repositoryContract.ts"

let last = 0
const newJob = Effect.gen(function* () {
  const clerk_user_id = ClerkUserId.make(`stray_user_${++last}`)
  yield* (yield* Users).create({ clerk_user_id })
  const { id } = yield* (yield* Jobs).create({ clerk_user_id, job_type: "portfolio_analysis" })
  return { id, clerk_user_id }
})

/** What the body of a message may hold in place of an id. */
const strays: ReadonlyArray<unknown> = [
  "",
  "abc",
  "null",
  "1",
  "3f2504e0-4f89-41d3-9a0c",
  "3f2504e0-4f89-41d3-9a0c-0305e82c330g",
  "'; --",
  "\u0000",
  "\ud800",
  ...[null, undefined, 0, 42, 1.5, true, 10n, [], ["x"], [[[]]], {}, { id: "x" }, { toString: null }, new Date(0)]
]

/** What a program without types passes. */
const untyped = (value: unknown) => value as never

const ids = (it: Vitest.MethodsNonLive<Services>) => {
  it.effect("an id that is none is not found, and leaves lookups made at the same time alone", () =>
    Effect.gen(function* () {
      const { clerk_user_id, id } = yield* newJob
      const [accounts, jobs, positions] = [yield* Accounts, yield* Jobs, yield* Positions]
      const own = {
        accounts: accounts.forUser(clerk_user_id),
        jobs: jobs.forUser(clerk_user_id),
        positions: positions.forUser(clerk_user_id)
      }
      const report = { content: "# Report" }
      const quantity = BigDecimal.fromStringUnsafe("1")
      for (const stray of strays) {
        const [job, account, position] = [stray as JobId, stray as AccountId, stray as PositionId]
        const calls: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
          ...[jobs, own.jobs].flatMap((all) => [
            all.findById(job),
            all.findById(job, { parts: [] }),
            all.start(job),
            all.complete(job),
            all.fail(job, "x"),
            all.cancel(job),
            all.retry(job, { results: "keep" }),
            all.attachReport(job, report),
            all.update(job, { report_payload: report }),
            all.delete(job)
          ]),
          jobs.attempt({ id: job, attempts: 1 }).complete(),
          ...[accounts, own.accounts].flatMap((all) => [
            all.findById(account),
            all.update(account, { account_name: "x" }),
            all.delete(account)
          ]),
          ...[positions, own.positions].flatMap((all) => [
            all.listByAccount(account),
            all.value(account),
            all.findById(position),
            all.update(position, { quantity }),
            all.delete(position)
          ])
        ]
        for (const call of calls) {
          assert.match((yield* Effect.flip(call))._tag, /^(Job|Account|Position)NotFound$/)
        }
      }
      const found = yield* Effect.all(
        [...strays.map((stray) => Effect.flip(jobs.findById(stray as JobId))), jobs.findById(id)],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(Object(found.at(-1)).id, id)
      const instruments = yield* Instruments
      const missing = yield* Effect.flip(instruments.findBySymbol("A\u0000" as InstrumentSymbol))
      assert.strictEqual(missing._tag, "InstrumentNotFound")
      for (const part of ["\u0000", "\ud800"]) assert.deepStrictEqual(yield* instruments.search(part), [])
    })
  )

  it.effect("an id that is no text fails every operation by a typed error", () =>
    Effect.gen(function* () {
      const [users, accounts, jobs] = [yield* Users, yield* Accounts, yield* Jobs]
      const [instruments, portfolios, positions] = [yield* Instruments, yield* Portfolios, yield* Positions]
      const quantity = BigDecimal.fromStringUnsafe("1")
      for (const stray of strays.filter((one) => typeof one !== "string").map(untyped)) {
        const calls: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string; readonly message: string }>> = [
          users.findById(stray),
          users.update(stray, { display_name: "x" }),
          users.delete(stray),
          users.create({ clerk_user_id: stray }),
          users.getOrCreate({ clerk_user_id: stray }),
          accounts.totals(stray),
          accounts.create({ clerk_user_id: stray, account_name: "x" }),
          jobs.create({ clerk_user_id: stray, job_type: "portfolio_analysis" }),
          portfolios.load(stray),
          portfolios.summary(stray),
          portfolios.add({ user: { clerk_user_id: stray }, accounts: [] }),
          portfolios.add({ user: { clerk_user_id: ClerkUserId.make("x") }, accounts: untyped(null) }),
          instruments.findBySymbol(stray),
          instruments.update(stray, { name: "x" }),
          instruments.delete(stray),
          instruments.create({ symbol: stray, name: "x", instrument_type: "etf" }),
          instruments.register(stray),
          instruments.upsert({ symbol: stray, name: "x", instrument_type: "etf" }),
          instruments.fillIn({ symbol: stray, name: "x", instrument_type: "etf" }),
          positions.put({ account_id: stray, symbol: stray, quantity }),
          positions.addQuantity({ account_id: stray, symbol: stray, quantity }),
          positions.registerAndPut({ account_id: stray, symbol: stray, quantity })
        ]
        for (const call of calls) assert.match((yield* Effect.flip(call))._tag, /NotFound$|^InvalidInput$|^SqlError$/)
        const put = yield* positions.putMany([{ account_id: stray, symbol: stray, quantity }, untyped(null)])
        assert.isNotEmpty(put.refused)
        assert.isEmpty(put.positions)
        const upserted = yield* instruments.upsertMany([
          { symbol: stray, name: "x", instrument_type: "etf" },
          untyped(null)
        ])
        assert.isNotEmpty(upserted.refused)
        assert.deepStrictEqual(yield* instruments.findMany([stray]), [])
      }
      for (const symbol of ["", "x".repeat(30)].map(untyped)) {
        for (const call of [
          instruments.register(symbol),
          instruments.create({ symbol, name: "x", instrument_type: "etf" })
        ]) {
          assert.strictEqual((yield* Effect.flip<unknown, { readonly _tag: string }, never>(call))._tag, "InvalidInput")
        }
      }
    })
  )

  it.effect("a payload of another name than a job has is none, and not SQL", () =>
    Effect.gen(function* () {
      const { id } = yield* newJob
      for (const part of ["", "x", "'{}'", "(SELECT 'x')", "status", null, undefined, {}].map(untyped)) {
        assert.deepStrictEqual(yield* Stream.runCollect((yield* Jobs).streamPayload(id, part)), [])
      }
    })
  )

  it.effect("input that is none is invalid, and a reason that is no text is stored as what it is", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { clerk_user_id, id } = yield* newJob
      for (const input of [null, undefined].map(untyped)) {
        const calls: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
          jobs.update(id, input),
          jobs.attachReport(id, input),
          (yield* Positions).put(input),
          (yield* Positions).registerAndPut(input),
          (yield* Instruments).create(input),
          (yield* Instruments).upsert(input),
          (yield* Instruments).fillIn(input),
          (yield* Portfolios).add(input),
          (yield* History).prices(InstrumentSymbol.make("SPY"), input)
        ]
        for (const [index, call] of calls.entries()) {
          assert.strictEqual((yield* Effect.flip(call))._tag, "InvalidInput", String(index))
        }
      }
      const reasons: ReadonlyArray<readonly [unknown, string]> = [
        [undefined, "undefined"],
        [null, "null"],
        [404, "404"],
        [{ code: 1 }, "[object]"],
        [["x"], "[object]"],
        [new RangeError("no model"), "RangeError: no model"]
      ]
      for (const [reason, stored] of reasons) {
        const { id } = yield* jobs.create({ clerk_user_id, job_type: "portfolio_analysis" })
        assert.strictEqual((yield* jobs.fail(id, untyped(reason))).error_message, stored)
      }
    })
  )

  it.effect("the operations of a user without an id see nobody's rows, and not everybody's", () =>
    Effect.gen(function* () {
      const [accounts, jobs, positions] = [yield* Accounts, yield* Jobs, yield* Positions]
      const { clerk_user_id, id } = yield* newJob
      const account = yield* accounts.create({ clerk_user_id, account_name: "IRA" })
      const symbol = InstrumentSymbol.make("STRAYOWN")
      const quantity = BigDecimal.fromStringUnsafe("1")
      const held = yield* positions.registerAndPut({ account_id: account.id, symbol, quantity })
      for (const nobody of strays.filter((one) => typeof one !== "string").map(untyped)) {
        const own = {
          accounts: accounts.forUser(nobody),
          jobs: jobs.forUser(nobody),
          positions: positions.forUser(nobody)
        }
        const calls: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
          own.accounts.findById(account.id),
          own.accounts.update(account.id, { account_name: "x" }),
          own.accounts.delete(account.id),
          own.positions.findById(held.id),
          own.positions.listByAccount(account.id),
          own.positions.value(account.id),
          own.positions.put({ account_id: account.id, symbol, quantity }),
          own.positions.addQuantity({ account_id: account.id, symbol, quantity }),
          own.positions.registerAndPut({ account_id: account.id, symbol, quantity }),
          own.positions.update(held.id, { quantity }),
          own.positions.delete(held.id),
          own.jobs.findById(id),
          own.jobs.start(id),
          own.jobs.attachReport(id, { content: "x" }),
          own.jobs.cancel(id),
          own.jobs.delete(id)
        ]
        for (const [index, call] of calls.entries()) {
          assert.match((yield* Effect.flip(call))._tag, /^(Job|Account|Position)NotFound$/, String(index))
        }
        const { refused } = yield* own.positions.putMany([{ account_id: account.id, symbol, quantity }])
        assert.strictEqual(refused.length, 1)
      }
    })
  )
}

const states = (it: Vitest.MethodsNonLive<Services>) => {
  it.effect("a state that no update can ask for is invalid, and changes nothing", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { id } = yield* newJob
      yield* jobs.cancel(id)
      for (const status of ["pending", "done", "COMPLETED", "", "__proto__", "constructor", null]) {
        const changes = { status, report_payload: { content: "x" } }
        // What a program without types sends.
        const refused = yield* Effect.flip(jobs.update(id, changes as Parameters<typeof jobs.update>[1]))
        assert.strictEqual(refused._tag, "InvalidInput", String(status))
        assert.include(refused.message, "status")
      }
      assert.deepInclude(yield* jobs.findById(id), { status: "cancelled", report_payload: null })
    })
  )

  it.effect("a refusal says what is over: the attempt, the job or the step", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { id } = yield* newJob
      const report_payload = { content: "x" }
      const said = (step: Effect.Effect<unknown, { readonly message: string }>) =>
        Effect.map(Effect.flip(step), ({ message }) => message)
      const released = jobs.attempt(yield* jobs.start(id))
      yield* released.release()
      for (const late of [released.attach({ report_payload }), released.extend("1 hour"), released.complete()]) {
        assert.include(yield* said(late), "is pending: attempt 1 is over")
      }
      const completed = jobs.attempt(yield* jobs.start(id))
      yield* completed.complete()
      assert.include(yield* said(completed.attach({ report_payload })), "is completed: attempt 2 is over")
      assert.include(yield* said(released.attach({ report_payload })), "another worker")
      const unlessEnded = jobs.update(id, { report_payload }, { unlessEnded: true })
      assert.include(yield* said(unlessEnded), "is completed: its results stay as they are")
      assert.include(yield* said(jobs.start(id)), "can't become running")
    })
  )
}

const sums = (it: Vitest.MethodsNonLive<Services>) => {
  it.effect("shares that the column can't hold together with those that are held are refused, and none is lost", () =>
    Effect.gen(function* () {
      const positions = yield* Positions
      const { clerk_user_id } = yield* newJob
      const { id: account_id } = yield* (yield* Accounts).create({ clerk_user_id, account_name: "IRA" })
      const symbol = InstrumentSymbol.make("STRAY")
      const of = (quantity: string) => ({ account_id, symbol, quantity: BigDecimal.fromStringUnsafe(quantity) })
      yield* positions.registerAndPut(of("1"))
      yield* positions.put(of("999999999999.99999998"))
      for (const quantity of ["0.00000002", "1", "999999999999"]) {
        const refused = yield* Effect.flip(positions.addQuantity(of(quantity)))
        assert.strictEqual(refused._tag, "InvalidInput")
        assert.include(refused.message, "quantity: expected no more shares")
      }
      const full = yield* positions.addQuantity(of("0.00000001"))
      assert.strictEqual(formatDecimal(full.quantity), "999999999999.99999999")
    })
  )
}

const times = (it: Vitest.MethodsNonLive<Services>) => {
  it.effect(
    "a job does not start before it was created nor end before it started, whatever the clocks of its writers say",
    () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const sql = yield* SqlClient.SqlClient
        const ordered = Effect.fnUntraced(function* (id: JobId) {
          const { completed_at, created_at, started_at } = yield* jobs.findById(id)
          assert.isAtLeast(started_at?.getTime() ?? 0, created_at.getTime())
          if (completed_at !== null) assert.isAtLeast(completed_at.getTime(), started_at?.getTime() ?? 0)
        })
        const early = sql.literal("now() + interval '3 hours'")
        for (const end of ["complete", "fail", "cancel", "claim"] as const) {
          const { id } = yield* newJob
          const kind = `early_${id}`
          yield* sql`UPDATE jobs SET created_at = ${early}, job_type = ${kind.slice(0, 50)}::varchar WHERE id = ${id}::uuid`
          if (end === "claim") yield* jobs.claim({ types: [kind.slice(0, 50)] })
          else yield* jobs.start(id)
          yield* ordered(id)
          yield* sql`UPDATE jobs SET started_at = ${early} + interval '1 hour' WHERE id = ${id}::uuid`
          yield* end === "fail" ? jobs.fail(id, "x") : end === "cancel" ? jobs.cancel(id) : jobs.complete(id)
          yield* ordered(id)
        }
      })
  )

  it.effect("a lease counts from its statement, not from the beginning of the transaction", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const sql = yield* SqlClient.SqlClient
      const { id } = yield* newJob
      const begun = Effect.gen(function* () {
        yield* sql`SELECT pg_sleep(0.2)::text AS slept`
        const attempt = jobs.attempt(yield* jobs.start(id, { lease: "1 minute" }))
        yield* attempt.extend("1 minute")
        return yield* sql`SELECT lease_until >= now() + interval '60.2 seconds' AS whole FROM jobs WHERE id = ${id}::uuid`
      })
      assert.deepStrictEqual(yield* sql.withTransaction(begun), [{ whole: true }])
    })
  )

  it.effect("a position is of today in UTC, as prices and snapshots are, in whatever time zone the session is", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const positions = yield* Positions
      const { clerk_user_id } = yield* newJob
      const symbol = InstrumentSymbol.make("STRAYDAY")
      const quantity = BigDecimal.fromStringUnsafe("1")
      yield* (yield* Instruments).register(symbol)
      // At any time it is another day than in UTC in one of the two.
      for (const zone of ["Pacific/Kiritimati", "Pacific/Pago_Pago"]) {
        const days = Effect.gen(function* () {
          yield* sql`SET LOCAL TimeZone = ${sql.literal(`'${zone}'`)}`
          const account_name = `IRA in ${zone}`
          yield* (yield* Portfolios).add({
            user: { clerk_user_id },
            accounts: [{ account_name, positions: [{ symbol, quantity }] }]
          })
          const { accounts } = yield* (yield* Portfolios).load(clerk_user_id)
          const account = accounts.find((one) => one.account_name === account_name)
          const [added] = account?.positions ?? []
          if (account === undefined || added === undefined) return assert.fail("was not added")
          const input = { account_id: account.id, symbol, quantity }
          const { positions: many } = yield* positions.putMany([input])
          const put = [added, ...many, yield* positions.put(input), yield* positions.registerAndPut(input)]
          const [today] = yield* sql<{ readonly day: string }>`SELECT (now() AT TIME ZONE 'UTC')::date::text AS day`
          return { found: put.map(({ as_of_date }) => as_of_date), today: put.map(() => today?.day) }
        })
        const { found, today } = yield* sql.withTransaction(days)
        assert.deepStrictEqual(found, today, zone)
      }
    })
  )

  it.effect("a limit that is none, and an age that nothing has, are those of all", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { clerk_user_id, id } = yield* newJob
      for (const limit of [Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER, 2 ** 31 - 1]) {
        const lists = [
          Effect.map(jobs.listByUser(clerk_user_id, { limit }), (page) => page.jobs),
          Effect.map(jobs.listWithPayloads(clerk_user_id, { limit }), (page) => page.jobs),
          jobs.listOldest({ limit })
        ]
        for (const list of lists)
          assert.include(
            Array.from(yield* list, (job) => job.id),
            id
          )
        const users = yield* (yield* Users).list({ limit })
        assert.include(
          Array.from(users, (user) => user.clerk_user_id),
          clerk_user_id
        )
        yield* (yield* Instruments).search("none of all", { limit })
        yield* (yield* Instruments).unclassified(clerk_user_id, { limit })
        yield* (yield* AgentCalls).list({ limit })
        assert.deepStrictEqual(yield* jobs.claim({ types: [], limit }), [])
      }
      assert.strictEqual(yield* (yield* AgentCalls).prune(Duration.infinity), 0)
    })
  )

  it.effect("a lease and a time to take over that never end are long ones", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { id } = yield* newJob
      const started = yield* jobs.start(id, { lease: Duration.infinity })
      assert.isAbove(started.lease_until?.getTime() ?? 0, Date.now() + 50 * 365 * 86_400_000)
      const taken = yield* Effect.flip(jobs.start(id, { takeOver: Duration.infinity }))
      assert.strictEqual(taken._tag, "JobTransitionRefused")
      assert.deepStrictEqual(yield* jobs.listOldest({ runningFor: Duration.infinity }), [])
    })
  )
}

/** What comes of mistakes of other programs. */
export const strayContract = (it: Vitest.MethodsNonLive<Services>) => {
  ids(it)
  states(it)
  sums(it)
  times(it)
}
