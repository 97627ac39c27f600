/** The results that agents return. */
import * as Schema from "effect/Schema"
import {
  CompleteAssetClassAllocation,
  CompleteRegionAllocation,
  CompleteSectorAllocation,
  missesHundred,
  Percentage
} from "./Allocation.ts"
import { money, Quantity } from "./Decimal.ts"
import { InstrumentSymbol } from "./Instrument.ts"
import { CalendarDay, storable, text } from "./Text.ts"

const prose = (description: string, example: string) => text({ min: 1, max: 200_000, description, example })

const Recommendation = text({
  min: 1,
  max: 2000,
  description: "One recommendation, in a sentence or two",
  example: "Move 5 % from technology to bonds."
})

/** An analysis of a whole portfolio. */
export const PortfolioAnalysis = Schema.Struct({
  total_value: money("The value of the whole portfolio, cash included"),
  asset_allocation: CompleteAssetClassAllocation,
  region_allocation: CompleteRegionAllocation,
  sector_allocation: CompleteSectorAllocation,
  risk_score: Schema.Int.annotate({
    description: "The risk of the portfolio, from 1 (lowest) to 10 (highest)",
    examples: [6],
    message: "expected a whole number from 1 to 10"
  }).pipe(
    Schema.check(Schema.isBetween({ minimum: 1, maximum: 10 }, { message: "expected a whole number from 1 to 10" }))
  ),
  recommendations: Schema.Array(Recommendation)
}).annotate({ description: "An analysis of a whole portfolio" })
export interface PortfolioAnalysis extends Schema.Schema.Type<typeof PortfolioAnalysis> {}

const sumsToHundred = Schema.makeFilter((shares: ReadonlyArray<{ readonly percentage: number }>) =>
  missesHundred(shares.map(({ percentage }) => percentage))
)

const symbolsDiffer = Schema.makeFilter(
  (shares: ReadonlyArray<{ readonly symbol: string }>) =>
    new Set(shares.map(({ symbol }) => symbol)).size === shares.length || "expected each symbol only once"
)

/** Percentages of the portfolio by symbol, which sum to 100 within 0.05. */
export const SymbolAllocation = Schema.Array(
  Schema.Struct({ symbol: InstrumentSymbol, percentage: Percentage }).annotate({
    description: "The share of one instrument"
  })
)
  .annotate({
    description: "Percentages of the portfolio by symbol, which sum to 100 (within 0.05); each symbol once",
    message: "expected a list of symbols with their percentages"
  })
  .pipe(Schema.check(sumsToHundred, symbolsDiffer))

/** The sides of a trade. */
export const tradeSides = ["buy", "sell"] as const

/** One order of a rebalancing. */
export const Trade = Schema.Struct({
  action: Schema.Literals(tradeSides).annotate({ description: "Whether to buy or to sell" }),
  symbol: InstrumentSymbol,
  quantity: Quantity
}).annotate({ description: "One order: buy or sell so many shares of an instrument" })
export interface Trade extends Schema.Schema.Type<typeof Trade> {}

/** How a portfolio should be rebalanced, and why. */
export const RebalanceRecommendation = Schema.Struct({
  current_allocation: SymbolAllocation,
  target_allocation: SymbolAllocation,
  trades: Schema.Array(Trade).annotate({
    description: "The orders that lead from the current to the target allocation"
  }),
  rationale: prose("Why these trades", "Technology has grown beyond its target.")
}).annotate({ description: "How to rebalance a portfolio" })
export interface RebalanceRecommendation extends Schema.Schema.Type<typeof RebalanceRecommendation> {}

const isMoment = (text: string): boolean => {
  const [day = "", clock = ""] = text.split("T")
  const [, hours, minutes, seconds, offset] =
    /^(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:Z|[+-](\d{2}):\d{2})?$/.exec(clock) ?? []
  return (
    Schema.is(CalendarDay)(day) &&
    Number(hours) < 24 &&
    Number(minutes) < 60 &&
    Number(seconds) < 60 &&
    Number(offset ?? 0) < 24
  )
}

const aMoment = "expected a moment like 2026-02-28T12:00:00Z"
const moment = Schema.String.annotate({
  description: "When it was made, as ISO 8601 in UTC",
  examples: ["2026-02-28T12:00:00Z"],
  message: aMoment
}).pipe(
  Schema.check(
    Schema.isPattern(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})?$/u, {
      message: aMoment
    }),
    Schema.makeFilter((at: string) => isMoment(at) || "expected a day and a time that exist, like 2026-02-28T12:00:00Z")
  )
)

const agent = Schema.optionalKey(text({ min: 1, max: 100, description: "The agent that made it", example: "reporter" }))

/**
 * The open form of a schema: unknown members are kept if `jsonb` can hold them. Stored results are open, so that
 * nothing of them is lost; the input of tools is closed.
 */
const open = <const Fields extends Schema.Struct.Fields>(closed: Schema.Struct<Fields>, description: string) => {
  const isJson = Schema.is(Schema.Json)
  const further = Schema.makeFilter((value: { readonly [member: string]: unknown }) => {
    const bad = Object.keys(value).find((member) => !Object.hasOwn(closed.fields, member) && !isJson(value[member]))
    return bad === undefined ? undefined : { path: [bad], issue: "expected JSON: text, a number, a list, an object..." }
  })
  return Schema.StructWithRest(closed, [Schema.Record(Schema.String, Schema.Unknown)])
    .annotate({ description })
    .pipe(Schema.check(further.abort(), storable))
}

/** The reporter's result in its closed form: the whole report as Markdown. */
export const ClosedReportPayload = Schema.Struct({
  content: prose("The report, as Markdown", "## Summary\n\nYour portfolio is worth $104,875."),
  generated_at: Schema.optionalKey(moment),
  agent
}).annotate({ description: "The report on a portfolio" })

/** The reporter's result: the whole report as Markdown, and any members that the reporter adds. */
export const ReportPayload = open(ClosedReportPayload, "The report on a portfolio")
export interface ReportPayload extends Schema.Schema.Type<typeof ReportPayload> {}

/** The kinds of charts that can be drawn. */
export const chartTypes = ["pie", "donut", "bar", "horizontalBar"] as const

const aColour = { message: "expected a colour like #3B82F6" }

/** One slice or bar. */
const ChartPoint = Schema.Struct({
  name: text({ min: 1, max: 200, description: "What the slice or bar stands for", example: "Technology" }),
  value: Schema.Finite.annotate({
    description: "Its size, in dollars or percent; for drawing only, money is kept elsewhere",
    examples: [28.5],
    message: "expected a number"
  }),
  color: Schema.optionalKey(
    Schema.String.annotate({
      description: "Its colour, as #RRGGBB",
      examples: ["#3B82F6"],
      ...aColour
    }).pipe(Schema.check(Schema.isPattern(/^#[0-9a-fA-F]{6}$/u, aColour)))
  )
}).annotate({ description: "One slice or bar of a chart" })

const chartFields = {
  title: text({ min: 1, max: 200, description: "The title over the chart", example: "Asset classes" }),
  description: Schema.optionalKey(text({ max: 2000, description: "What the chart shows", example: "By market value" })),
  type: Schema.Literals(chartTypes).annotate({ description: "How to draw the chart" })
}

const points = <S extends Schema.Constraint>(point: S) =>
  Schema.Array(point)
    .annotate({ description: "The slices or bars, at least one", message: "expected a list of slices or bars" })
    .pipe(Schema.check(Schema.isMinLength(1, { message: "expected at least one slice or bar" })))

/** One chart in its closed form, ready to be drawn. */
export const ClosedChart = Schema.Struct({ ...chartFields, data: points(ChartPoint) }).annotate({
  description: "One chart"
})

/** One chart, ready to be drawn, and any members that the charter adds to it or its points. */
export const Chart = open(
  Schema.Struct({ ...chartFields, data: points(open(ChartPoint, "One slice or bar of a chart")) }),
  "One chart"
)
export interface Chart extends Schema.Schema.Type<typeof Chart> {}

const charts = {
  description: "Charts by key; a key is in words_joined_by_underscores",
  message: "expected an object of charts by key"
}

/** The charter's result in its closed form: charts by their keys. */
export const ClosedChartsPayload = Schema.Record(Schema.String, ClosedChart)
  .annotate(charts)
  .pipe(Schema.check(storable))

/** The charter's result: charts by their keys, for example `asset_class_distribution`. */
export const ChartsPayload = Schema.Record(Schema.String, Chart).annotate(charts).pipe(Schema.check(storable))
export type ChartsPayload = typeof ChartsPayload.Type

/** The retirement agent's result in its closed form: the analysis as Markdown, with the figures it rests on. */
export const ClosedRetirementPayload = Schema.Struct({
  analysis: prose("The analysis of retirement readiness, as Markdown", "## Readiness\n\nYou are on track."),
  success_rate: Schema.optionalKey(Percentage),
  projected_value: Schema.optionalKey(money("The value of the portfolio expected at retirement")),
  projected_income: Schema.optionalKey(money("The yearly income expected in retirement")),
  generated_at: Schema.optionalKey(moment),
  agent
}).annotate({ description: "How ready the user is for retirement" })

/** The retirement agent's result: the analysis as Markdown, its figures, and any members that the agent adds. */
export const RetirementPayload = open(ClosedRetirementPayload, "How ready the user is for retirement")
export interface RetirementPayload extends Schema.Schema.Type<typeof RetirementPayload> {}

/** The planner's summary of a job: any JSON object. */
export const SummaryPayload = Schema.Record(Schema.String, Schema.Json)
  .annotate({ description: "A summary of the job", message: "expected an object" })
  .pipe(Schema.check(storable))
export type SummaryPayload = typeof SummaryPayload.Type
