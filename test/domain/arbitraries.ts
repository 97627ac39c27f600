/** Input for property tests, as it comes over a boundary: valid JSON of the domain's schemas. */
import { Arbitrary, Schema, Struct } from "effect"
import { parseJson } from "../../src/data-api/values/SoundJson.ts"
import * as Domain from "../../src/domain/index.ts"
import { assetClasses, regions, sectors } from "../../src/domain/index.ts"

/** Over JSON: -0 becomes 0, and what is undefined is left out. */
const overJson = <A>(value: A): A => {
  const read: ReturnType<typeof JSON.parse> = parseJson(JSON.stringify(value))
  return read
}

const encoded = <A, I>(schema: Schema.Codec<A, I>): Arbitrary.Arbitrary<I> =>
  Arbitrary.map(Arbitrary.schema(Schema.toEncoded(schema)), overJson)

const int = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum, maximum }))))

/** Percentages with up to two decimals that sum to 100 within 0.05, of at most four names; or none at all. */
const allocationOf = <Name extends string>(names: ReadonlyArray<Name>): Arbitrary.Arbitrary<{ [N in Name]?: number }> =>
  Arbitrary.map(
    Arbitrary.all([int(0, names.length - 1), int(0, 4), int(0, 10_000), int(0, 10_000), int(0, 10_000), int(-5, 5)]),
    ([from, count, a, b, c, off]) => {
      const inner = Math.max(Math.min(count, names.length) - 1, 0)
      const cuts = [0, ...[a, b, c].slice(0, inner).sort((x, y) => x - y), 10_000 + Math.min(off, 0)]
      const allocation: { [N in Name]?: number } = {}
      for (let i = 1; count > 0 && i < cuts.length; i++) {
        const name = names[(from + i) % names.length]
        if (name !== undefined) allocation[name] = Math.max((cuts[i] ?? 0) - (cuts[i - 1] ?? 0), 0) / 100
      }
      return allocation
    }
  )

const regionAllocation = allocationOf(regions)
const sectorAllocation = allocationOf(sectors)
const assetClassAllocation = allocationOf(assetClasses)

const complete = <A extends object>(allocation: Arbitrary.Arbitrary<A>) =>
  Arbitrary.filter(allocation, (shares) => Object.keys(shares).length > 0)

/** Any day from 0001-01-01 to 9999-12-31. */
export const calendarDay: Arbitrary.Arbitrary<string> = Arbitrary.map(int(-719_162, 2_932_896), (days) =>
  new Date(days * 86_400_000).toISOString().slice(0, 10)
)

export const userCreate: Arbitrary.Arbitrary<typeof Domain.UserCreate.Encoded> = Arbitrary.map(
  Arbitrary.all([encoded(Domain.UserCreate), assetClassAllocation, regionAllocation]),
  ([user, asset_class_targets, region_targets]) => ({ ...user, asset_class_targets, region_targets })
)

export const instrumentClassification: Arbitrary.Arbitrary<typeof Domain.InstrumentClassification.Encoded> =
  Arbitrary.map(
    Arbitrary.all([
      encoded(Domain.InstrumentType),
      complete(regionAllocation),
      complete(sectorAllocation),
      complete(assetClassAllocation)
    ]),
    ([instrument_type, allocation_regions, allocation_sectors, allocation_asset_class]) => ({
      instrument_type,
      allocation_regions,
      allocation_sectors,
      allocation_asset_class
    })
  )

export const instrumentCreate: Arbitrary.Arbitrary<typeof Domain.InstrumentCreate.Encoded> = Arbitrary.map(
  Arbitrary.all([encoded(Domain.InstrumentCreate), regionAllocation, sectorAllocation, assetClassAllocation]),
  ([instrument, allocation_regions, allocation_sectors, allocation_asset_class]) => ({
    ...instrument,
    allocation_regions,
    allocation_sectors,
    allocation_asset_class
  })
)

export const accountCreate = encoded(Domain.AccountCreate)

export const positionCreate: Arbitrary.Arbitrary<typeof Domain.PositionCreate.Encoded> = Arbitrary.map(
  Arbitrary.all([
    encoded(Domain.AccountId),
    encoded(Domain.InstrumentSymbol),
    int(0, 999_999),
    int(1, 99_999_999),
    calendarDay
  ]),
  ([account_id, symbol, whole, fraction, as_of_date]) => ({
    account_id,
    symbol,
    quantity: `${whole}.${String(fraction).padStart(8, "0")}`,
    as_of_date
  })
)

export const jobCreate = encoded(Domain.JobCreate)

/** Members that a schema does not know, of any JSON. */
const further = Arbitrary.map(encoded(Schema.Array(Domain.JsonValue)), (values) =>
  Object.fromEntries(values.map((value, i) => [`further_${i}`, value]))
)
const opened = <A extends object>(closed: Arbitrary.Arbitrary<A>): Arbitrary.Arbitrary<A & { generated_at?: string }> =>
  Arbitrary.map(Arbitrary.all([closed, further, calendarDay]), ([known, rest, day]) => ({
    ...rest,
    ...known,
    generated_at: `${day}T23:59:59.5Z`
  }))

export const reportPayload = opened(encoded(Domain.ClosedReportPayload.mapFields(Struct.omit(["generated_at"]))))
export const chartsPayload: Arbitrary.Arbitrary<typeof Domain.ChartsPayload.Encoded> = Arbitrary.map(
  Arbitrary.all([encoded(Domain.ClosedChartsPayload), further]),
  ([charts, rest]) =>
    Object.fromEntries(
      Object.entries(charts).map(([key, chart]) => [
        key,
        { ...rest, ...chart, data: chart.data.map((point) => ({ ...rest, ...point })) }
      ])
    )
)
export const retirementPayload = opened(
  encoded(Domain.ClosedRetirementPayload.mapFields(Struct.omit(["generated_at"])))
)
export const summaryPayload = encoded(Domain.SummaryPayload)
export const trade = encoded(Domain.Trade)

export const portfolioAnalysis: Arbitrary.Arbitrary<typeof Domain.PortfolioAnalysis.Encoded> = Arbitrary.map(
  Arbitrary.all([
    encoded(Domain.Price),
    instrumentClassification,
    int(1, 10),
    Arbitrary.array(encoded(Schema.Struct({ content: Domain.ClosedReportPayload.fields.content })))
  ]),
  ([price, classification, risk_score, reports]) => ({
    total_value: price.replace(/(\.\d\d)\d+/, "$1"),
    asset_allocation: classification.allocation_asset_class,
    region_allocation: classification.allocation_regions,
    sector_allocation: classification.allocation_sectors,
    risk_score,
    recommendations: reports.map((report) => report.content)
  })
)

export const rebalanceRecommendation: Arbitrary.Arbitrary<typeof Domain.RebalanceRecommendation.Encoded> =
  Arbitrary.map(
    Arbitrary.all([
      complete(allocationOf(["SPY", "QQQ", "BND"])),
      Arbitrary.array(trade),
      encoded(Schema.Struct({ content: Domain.ClosedReportPayload.fields.content }))
    ]),
    ([shares, trades, report]) => {
      const allocation = Object.entries(shares).map(([symbol, percentage]) => ({ symbol, percentage: percentage ?? 0 }))
      return { current_allocation: allocation, target_allocation: allocation, trades, rationale: report.content }
    }
  )
