import { assert, it } from "@effect/vitest"
import { type Arbitrary, Effect, Schema } from "effect"
import { parseJson } from "../../src/data-api/values/SoundJson.ts"
import * as Domain from "../../src/domain/index.ts"
import * as Arb from "./arbitraries.ts"

const roundTrip = <A, I>(name: string, schema: Schema.Codec<A, I>, input: Arbitrary.Arbitrary<NoInfer<I>>) =>
  it.effect.prop(
    `${name}: a value is the same after JSON and back`,
    { input },
    Effect.fnUntraced(function* ({ input }) {
      const value = yield* Schema.decodeEffect(schema, Domain.strict)(input)
      const json = JSON.stringify(yield* Schema.encodeEffect(schema)(value))
      assert.deepStrictEqual(yield* Schema.decodeUnknownEffect(schema, Domain.strict)(parseJson(json)), value)
    }),
    { arbitrary: { runs: 100 } }
  )

roundTrip("UserCreate", Domain.UserCreate, Arb.userCreate)
roundTrip("InstrumentCreate", Domain.InstrumentCreate, Arb.instrumentCreate)
roundTrip("InstrumentClassification", Domain.InstrumentClassification, Arb.instrumentClassification)
roundTrip("AccountCreate", Domain.AccountCreate, Arb.accountCreate)
roundTrip("PositionCreate", Domain.PositionCreate, Arb.positionCreate)
roundTrip("JobCreate", Domain.JobCreate, Arb.jobCreate)
roundTrip("ReportPayload", Domain.ReportPayload, Arb.reportPayload)
roundTrip("ChartsPayload", Domain.ChartsPayload, Arb.chartsPayload)
roundTrip("RetirementPayload", Domain.RetirementPayload, Arb.retirementPayload)
roundTrip("SummaryPayload", Domain.SummaryPayload, Arb.summaryPayload)
roundTrip("PortfolioAnalysis", Domain.PortfolioAnalysis, Arb.portfolioAnalysis)
roundTrip("RebalanceRecommendation", Domain.RebalanceRecommendation, Arb.rebalanceRecommendation)
roundTrip("CalendarDay", Domain.CalendarDay, Arb.calendarDay)
