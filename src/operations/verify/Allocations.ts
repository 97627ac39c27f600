/** Sums the allocations of instruments, checks the sums, and computes their distribution. */
import { BigDecimal, Schema } from "effect"
import {
  assetClasses,
  formatDecimal,
  type Instrument,
  isHundred,
  regions,
  sectors,
  sumOfShares
} from "../../domain/index.ts"
import type { Finding } from "./Finding.ts"

/** One instrument with the sums of its allocations: percent as text, `null` if it is not classified. */
export const InstrumentSums = Schema.Struct({
  symbol: Schema.String,
  name: Schema.String,
  type: Schema.NullOr(Schema.String),
  price: Schema.NullOr(Schema.String),
  regions: Schema.NullOr(Schema.String),
  sectors: Schema.NullOr(Schema.String),
  assetClasses: Schema.NullOr(Schema.String)
})
export type InstrumentSums = typeof InstrumentSums.Type

/** A name, how many instruments have it, and its mean share over all instruments, in percent. */
export const Share = Schema.Struct({ name: Schema.String, instruments: Schema.Int, meanPercent: Schema.Finite })
export type Share = typeof Share.Type

type Shares = { readonly [name: string]: number | undefined }

const sumOf = (shares: Shares): string | null =>
  Object.keys(shares).length === 0 ? null : formatDecimal(sumOfShares(shares))

/** Whether a sum is 100 within the tolerance, or there is none. */
export const isAt100 = (sum: string | null): boolean => sum === null || isHundred(BigDecimal.fromStringUnsafe(sum))

/** How many instruments have one asset class, several, or none. */
export const Classes = Schema.Struct({ pure: Schema.Int, mixed: Schema.Int, none: Schema.Int })
export type Classes = typeof Classes.Type

/** Counts allocations by asset class. */
export const classesOf = (allocations: ReadonlyArray<Shares>): Classes => {
  const classes = allocations.map((shares) => Object.values(shares).filter((share) => share !== undefined && share > 0))
  return {
    pure: classes.filter(({ length }) => length === 1).length,
    mixed: classes.filter(({ length }) => length > 1).length,
    none: classes.filter(({ length }) => length === 0).length
  }
}

/** The sums of one instrument. */
export const sumsOf = (instrument: Instrument): InstrumentSums => ({
  symbol: instrument.symbol,
  name: instrument.name,
  type: instrument.instrument_type,
  price: instrument.current_price === null ? null : formatDecimal(instrument.current_price),
  regions: sumOf(instrument.allocation_regions),
  sectors: sumOf(instrument.allocation_sectors),
  assetClasses: sumOf(instrument.allocation_asset_class)
})

/** The problems and notices of an instrument's allocations. */
export const allocationFindings = (sums: InstrumentSums, instrument: Instrument): ReadonlyArray<Finding> => {
  const parts = [
    { field: "allocation_regions", sum: sums.regions, shares: instrument.allocation_regions, known: regions },
    { field: "allocation_sectors", sum: sums.sectors, shares: instrument.allocation_sectors, known: sectors },
    {
      field: "allocation_asset_class",
      sum: sums.assetClasses,
      shares: instrument.allocation_asset_class,
      known: assetClasses
    }
  ]
  const unclassified = parts.filter(({ sum }) => sum === null).map(({ field }) => field)
  return [
    ...parts
      .filter(({ sum }) => !isAt100(sum))
      .map(
        ({ field, sum }): Finding => ({
          severity: "problem",
          check: "allocations",
          message: `${sums.symbol}: ${field} sums to ${sum}, expected 100`
        })
      ),
    ...parts.flatMap(({ field, known, shares }) =>
      Object.keys(shares)
        .filter((name) => !known.some((one) => one === name))
        .map(
          (name): Finding => ({
            severity: "notice",
            check: "allocations",
            message: `${sums.symbol}: ${field} has "${name}", which is not in the vocabulary`
          })
        )
    ),
    ...(unclassified.length === 0
      ? []
      : [
          {
            severity: "notice",
            check: "allocations",
            message: `${sums.symbol}: not classified yet (${unclassified.join(", ")})`
          } satisfies Finding
        ])
  ]
}

/** Each name's number of instruments and mean share, the largest share first. */
export const distributionOf = (allocations: ReadonlyArray<Shares>): ReadonlyArray<Share> => {
  const totals = new Map<string, { instruments: number; sum: number }>()
  for (const [name, share] of allocations.flatMap((shares) => Object.entries(shares))) {
    const total = totals.get(name) ?? { instruments: 0, sum: 0 }
    totals.set(name, { instruments: total.instruments + 1, sum: total.sum + (share ?? 0) })
  }
  return [...totals]
    .map(([name, { instruments, sum }]) => ({
      name,
      instruments,
      meanPercent: Math.round((sum / allocations.length) * 100) / 100
    }))
    .sort((a, b) => b.meanPercent - a.meanPercent || a.name.localeCompare(b.name))
}
