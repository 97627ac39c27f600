/** Whatever the domain accepts comes back from the database as it was. */
import type { Vitest } from "@effect/vitest"
import { Effect, Schema } from "effect"
import {
  AccountCreate,
  AccountId,
  ChartsPayload,
  ClerkUserId,
  InstrumentCreate,
  JobCreate,
  Portfolio,
  PositionCreate,
  ReportPayload,
  RetirementPayload,
  SummaryPayload,
  UserCreate
} from "../../src/domain/index.ts"
import { Accounts, Instruments, Jobs, Portfolios, Positions, Users } from "../../src/repository/index.ts"
import * as Arb from "../domain/arbitraries.ts"
import type { Services } from "./repositoryContract.ts"
import { assertSame } from "./same.ts"

const isLong = process.env.ALEX_LONG === "1"

/** Some differences show once in a thousand values only. */
const options = { arbitrary: { runs: isLong ? 2000 : 40 }, timeout: isLong ? 3_600_000 : 60_000 }

let last = 0
const newUserId = () => ClerkUserId.make(`round_trip_${++last}`)

/** What was given, as far as the database has no default for what was not. */
const given = <A extends object>(input: A, stored: object) =>
  Object.fromEntries(Object.entries(stored).filter(([key]) => key in input))

export const roundTripContract = (it: Vitest.MethodsNonLive<Services>) => {
  it.effect.prop(
    "a user is the same after the database and back",
    { input: Arb.userCreate },
    Effect.fnUntraced(function* ({ input }) {
      const users = yield* Users
      const value = { ...(yield* Schema.decodeEffect(UserCreate)(input)), clerk_user_id: newUserId() }
      yield* users.create(value)
      assertSame(given(value, yield* users.findById(value.clerk_user_id)), { ...value })
    }),
    options
  )

  it.effect.prop(
    "an instrument is the same after the database and back, however it was written",
    { input: Arb.instrumentCreate },
    Effect.fnUntraced(function* ({ input }) {
      const instruments = yield* Instruments
      const value = yield* Schema.decodeEffect(InstrumentCreate)(input)
      yield* instruments.upsert(value)
      const upserted = yield* instruments.findBySymbol(value.symbol)
      yield* instruments.delete(value.symbol)
      const created = yield* instruments.create(value)
      const again = yield* instruments.upsert(value)
      yield* instruments.delete(value.symbol)
      assertSame(given(value, created), { ...value })
      assertSame(given(value, upserted), { ...value })
      assertSame(again.unchanged, [value.symbol])
    }),
    options
  )

  it.effect.prop(
    "accounts and positions are the same after the database and back, alone and in the portfolio",
    { account: Arb.accountCreate, position: Arb.positionCreate },
    Effect.fnUntraced(function* (input) {
      const clerk_user_id = newUserId()
      yield* (yield* Users).create({ clerk_user_id })
      const accountValue = { ...(yield* Schema.decodeEffect(AccountCreate)(input.account)), clerk_user_id }
      const account = yield* (yield* Accounts).create(accountValue)
      assertSame(given(accountValue, account), { ...accountValue })
      const positionValue = {
        ...(yield* Schema.decodeEffect(PositionCreate)(input.position)),
        account_id: AccountId.make(account.id)
      }
      yield* (yield* Instruments).register(positionValue.symbol)
      const position = yield* (yield* Positions).put(positionValue)
      assertSame(given(positionValue, position), { ...positionValue })
      const portfolio = yield* (yield* Portfolios).load(clerk_user_id)
      assertSame(portfolio.accounts, [{ ...account, positions: [position] }])
      const codec = Schema.toCodecJson(Portfolio)
      const json = JSON.stringify(yield* Schema.encodeEffect(codec)(portfolio))
      assertSame(yield* Schema.decodeUnknownEffect(codec)(JSON.parse(json)), portfolio)
    }),
    options
  )

  it.effect.prop(
    "a job and what agents write is the same after the database and back",
    {
      job: Arb.jobCreate,
      report: Arb.reportPayload,
      charts: Arb.chartsPayload,
      retirement: Arb.retirementPayload,
      summary: Arb.summaryPayload
    },
    Effect.fnUntraced(function* (input) {
      const jobs = yield* Jobs
      const clerk_user_id = newUserId()
      yield* (yield* Users).create({ clerk_user_id })
      const { id } = yield* jobs.create({ ...(yield* Schema.decodeEffect(JobCreate)(input.job)), clerk_user_id })
      yield* jobs.update(id, {
        report_payload: yield* Schema.decodeEffect(ReportPayload)(input.report),
        charts_payload: yield* Schema.decodeEffect(ChartsPayload)(input.charts),
        retirement_payload: yield* Schema.decodeEffect(RetirementPayload)(input.retirement),
        summary_payload: yield* Schema.decodeEffect(SummaryPayload)(input.summary)
      })
      const found = yield* jobs.findById(id)
      assertSame(found.request_payload, input.job.request_payload ?? null)
      assertSame<unknown>(found.report_payload, { ...input.report })
      assertSame<unknown>(found.charts_payload, { ...input.charts })
      assertSame(yield* Schema.decodeUnknownEffect(RetirementPayload)(found.retirement_payload), {
        ...(yield* Schema.decodeEffect(RetirementPayload)(input.retirement))
      })
      assertSame(found.summary_payload, { ...input.summary })
    }),
    options
  )
}
