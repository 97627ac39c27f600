/**
 * How an instrument, or a user's target, is spread over regions, sectors and asset classes: percentages that sum to
 * 100.
 */
import * as BigDecimal from "effect/BigDecimal"
import * as Schema from "effect/Schema"
import { formatDecimal } from "./Decimal.ts"

/** The regions of the world that the vocabulary knows. */
export const regions = [
  "north_america",
  "europe",
  "asia",
  "latin_america",
  "africa",
  "middle_east",
  "oceania",
  "global",
  "international"
] as const

/** The sectors of the economy that the vocabulary knows; treasury to government_related are those of bonds. */
export const sectors = [
  "technology",
  "healthcare",
  "financials",
  "consumer_discretionary",
  "consumer_staples",
  "industrials",
  "energy",
  "materials",
  "utilities",
  "real_estate",
  "communication",
  "treasury",
  "corporate",
  "mortgage",
  "government_related",
  "commodities",
  "diversified",
  "other"
] as const

/** The classes of assets that the vocabulary knows. */
export const assetClasses = ["equity", "fixed_income", "real_estate", "commodities", "cash", "alternatives"] as const

/** One of {@link regions}. */
export const Region = Schema.Literals(regions).annotate({
  description: "A region of the world; international is everything but North America"
})
export type Region = typeof Region.Type

/** One of {@link sectors}. */
export const Sector = Schema.Literals(sectors).annotate({
  description: "A sector of the economy, or the kind of issuer of a bond"
})
export type Sector = typeof Sector.Type

/** One of {@link assetClasses}. */
export const AssetClass = Schema.Literals(assetClasses).annotate({ description: "A class of assets" })
export type AssetClass = typeof AssetClass.Type

/** A percentage from 0 to 100. */
export const Percentage = Schema.Finite.annotate({
  description: "A percentage from 0 to 100",
  examples: [60],
  message: "expected a percentage, as a number from 0 to 100"
}).pipe(
  Schema.check(Schema.isBetween({ minimum: 0, maximum: 100 }, { message: "expected a percentage from 0 to 100" }))
)

/** Percentages are rounded where they come from, so a sum may miss 100 by as much as this. */
export const sumTolerance = 0.05

const tolerance = BigDecimal.fromNumberUnsafe(sumTolerance)
const hundred = BigDecimal.fromBigInt(100n)

const sumOf = (percentages: ReadonlyArray<number>): BigDecimal.BigDecimal =>
  BigDecimal.sumAll(percentages.map(BigDecimal.fromNumberUnsafe))

/** Whether a sum of percentages is 100 within {@link sumTolerance}. */
export const isHundred = (sum: BigDecimal.BigDecimal): boolean =>
  !BigDecimal.isGreaterThan(BigDecimal.abs(BigDecimal.subtract(sum, hundred)), tolerance)

/** Says in words why percentages do not sum to 100 within 0.05, exactly added; `undefined` if they do. */
export const missesHundred = (percentages: ReadonlyArray<number>): string | undefined => {
  const sum = sumOf(percentages)
  return isHundred(sum)
    ? undefined
    : `expected percentages that sum to 100 (within ${sumTolerance}), found a sum of ${formatDecimal(sum)}`
}

/** Percentages by name; `undefined` means that the name is left out. */
type Shares = { readonly [name: string]: number | undefined }

const percentagesOf = (shares: Shares) => Object.values(shares).filter((percentage) => percentage !== undefined)

/** The exact sum of the percentages of an allocation. */
export const sumOfShares = (shares: Shares): BigDecimal.BigDecimal => sumOf(percentagesOf(shares))

const share = Schema.optionalKey(Percentage)

const sumsToHundred = Schema.makeFilter((shares: Shares) => missesHundred(percentagesOf(shares)))

const sumsToHundredOrEmpty = Schema.makeFilter((shares: Shares) =>
  percentagesOf(shares).length === 0 ? undefined : missesHundred(percentagesOf(shares))
)

/** A percentage for each name, any of which may be left out. */
const sharesOf = <Name extends string>(names: ReadonlyArray<Name>) =>
  // Every name of the list is a field, and nothing else is.
  Schema.Struct(Object.fromEntries(names.map((name) => [name, share])) as { readonly [N in Name]: typeof share })

const regionShares = sharesOf(regions)
const sectorShares = sharesOf(sectors)
const assetClassShares = sharesOf(assetClasses)

const completeAnnotations = <A>(what: string, vocabulary: ReadonlyArray<string>, example: A) => ({
  description: `Percentages by ${what} that sum to 100 (within ${sumTolerance})`,
  examples: [example],
  message: `expected an object with percentages by ${what}`,
  messageUnexpectedKey: `unknown ${what}: expected one of ${vocabulary.join(", ")}`
})

const annotations = <A>(what: string, vocabulary: ReadonlyArray<string>, example: A) => {
  const complete = completeAnnotations(what, vocabulary, example)
  return { ...complete, description: `${complete.description}; an empty object means not classified yet` }
}

const regionExample = { north_america: 60, europe: 40 }
const sectorExample = { technology: 70, healthcare: 30 }
const assetClassExample = { equity: 80, fixed_income: 20 }

/**
 * Percentages by region that sum to 100 within 0.05, or none at all: not classified yet.
 *
 * Decode with {@link strict}: an unknown region is otherwise dropped before the sum is taken.
 */
export const RegionAllocation = regionShares
  .annotate(annotations("region", regions, regionExample))
  .pipe(Schema.check(sumsToHundredOrEmpty))
export type RegionAllocation = typeof RegionAllocation.Type

/** Percentages by sector that sum to 100 within 0.05, or none at all: not classified yet. */
export const SectorAllocation = sectorShares
  .annotate(annotations("sector", sectors, sectorExample))
  .pipe(Schema.check(sumsToHundredOrEmpty))
export type SectorAllocation = typeof SectorAllocation.Type

/** Percentages by asset class that sum to 100 within 0.05, or none at all: not classified yet. */
export const AssetClassAllocation = assetClassShares
  .annotate(annotations("asset class", assetClasses, assetClassExample))
  .pipe(Schema.check(sumsToHundredOrEmpty))
export type AssetClassAllocation = typeof AssetClassAllocation.Type

/** {@link RegionAllocation} that may not be empty. */
export const CompleteRegionAllocation = regionShares
  .annotate(completeAnnotations("region", regions, regionExample))
  .pipe(Schema.check(sumsToHundred))

/** {@link SectorAllocation} that may not be empty. */
export const CompleteSectorAllocation = sectorShares
  .annotate(completeAnnotations("sector", sectors, sectorExample))
  .pipe(Schema.check(sumsToHundred))

/** {@link AssetClassAllocation} that may not be empty. */
export const CompleteAssetClassAllocation = assetClassShares
  .annotate(completeAnnotations("asset class", assetClasses, assetClassExample))
  .pipe(Schema.check(sumsToHundred))

/**
 * Percentages as a row holds them: rows that other programs wrote may have keys that the vocabulary does not name, and
 * reading them never fails.
 */
export const StoredAllocation = Schema.Record(Schema.String, Schema.Finite).annotate({
  description: "Percentages by name; empty if not classified yet",
  examples: [{ north_america: 100 }]
})
export type StoredAllocation = typeof StoredAllocation.Type

/**
 * How input from outside is decoded: every problem is reported, not only the first, and an unknown key is a
 * problem.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { InstrumentCreate, strict } from "alex-database/domain"
 *
 * const decode = Schema.decodeUnknownEffect(InstrumentCreate, strict)
 * ```
 */
export const strict = { errors: "all", onExcessProperty: "error" } as const
