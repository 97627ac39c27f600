/** The instruments that can be held: funds, shares, bonds, commodities. */
import * as BigDecimal from "effect/BigDecimal"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import {
  AssetClassAllocation,
  CompleteAssetClassAllocation,
  CompleteRegionAllocation,
  CompleteSectorAllocation,
  RegionAllocation,
  SectorAllocation,
  StoredAllocation
} from "./Allocation.ts"
import { Decimal, type DigitsOption, formatDecimal, Price, priceInput } from "./Decimal.ts"
import { withJson } from "./Json.ts"
import { asText, changeOf, text } from "./Text.ts"

/** The kinds of instruments that the vocabulary knows. */
export const instrumentTypes = ["etf", "mutual_fund", "stock", "bond", "bond_fund", "commodity", "reit"] as const

/** One of {@link instrumentTypes}. */
export const InstrumentType = Schema.Literals(instrumentTypes).annotate({ description: "The kind of instrument" })
export type InstrumentType = typeof InstrumentType.Type

const symbolText = Schema.String.annotate({
  description: "The symbol under which the instrument is traded, in capitals",
  examples: ["SPY"],
  message: "expected a symbol, as text"
}).pipe(
  Schema.check(
    Schema.isPattern(/^[!-~]([ -~]{0,18}[!-~])?$/u, {
      message: 'expected a symbol like "SPY": 1 to 20 printable ASCII characters'
    })
  )
)

/**
 * The symbol under which an instrument is traded: 1 to 20 printable ASCII characters, not blank at either end. Input is
 * put in capitals: `spy` means `SPY`.
 */
export const InstrumentSymbol = symbolText.pipe(
  Schema.decodeTo(
    symbolText.pipe(Schema.brand("InstrumentSymbol")),
    SchemaTransformation.transform({ decode: (symbol) => symbol.toUpperCase(), encode: (symbol) => symbol })
  )
)
export type InstrumentSymbol = typeof InstrumentSymbol.Type

/**
 * A symbol that keeps its spelling. The repositories find the instrument of just this spelling, which another program may
 * have stored, or the one in capitals.
 */
export const SpelledSymbol = /* @__PURE__ */ symbolText.pipe(/* @__PURE__ */ Schema.brand("InstrumentSymbol"))

/** A symbol that a row holds, whatever it looks like. */
export const StoredSymbol = Schema.String.pipe(Schema.brand("InstrumentSymbol"))

const Name = text({
  min: 1,
  max: 255,
  description: "The full name of the instrument",
  example: "SPDR S&P 500 ETF Trust"
})

/** What of an instrument may be left out. */
const optionalFields = {
  current_price: Schema.optionalKey(Schema.NullOr(Price)),
  allocation_regions: Schema.optionalKey(RegionAllocation),
  allocation_sectors: Schema.optionalKey(SectorAllocation),
  allocation_asset_class: Schema.optionalKey(AssetClassAllocation)
}

const instrumentCreateFields = {
  symbol: InstrumentSymbol,
  name: Name,
  instrument_type: InstrumentType,
  ...optionalFields
}

const newInstrument = {
  description: "A new instrument",
  messageUnexpectedKey: "unknown field of an instrument"
}

/** A new instrument as other programs send it: its price may be a JSON number. */
export const instrumentCreateInput = (options: DigitsOption) =>
  Schema.Struct({
    ...instrumentCreateFields,
    current_price: Schema.optionalKey(Schema.NullOr(priceInput(options)))
  }).annotate(newInstrument)

/** A new instrument; an allocation that is left out means not classified yet. */
export const InstrumentCreate = withJson(
  "new instrument",
  Schema.Struct(instrumentCreateFields).annotate(newInstrument),
  instrumentCreateInput
)
export interface InstrumentCreate extends Schema.Schema.Type<typeof InstrumentCreate> {}

const instrumentUpdateFields = {
  name: Schema.optionalKey(Name),
  instrument_type: Schema.optionalKey(InstrumentType),
  ...optionalFields
}

const instrumentChange = changeOf("an instrument")

/** A change of an instrument as other programs send it: its price may be a JSON number. */
export const instrumentUpdateInput = (options: DigitsOption) =>
  Schema.Struct({
    ...instrumentUpdateFields,
    current_price: Schema.optionalKey(Schema.NullOr(priceInput(options)))
  }).annotate(instrumentChange)

/** Any subset of an instrument's fields. */
export const InstrumentUpdate = withJson(
  "change of an instrument",
  Schema.Struct(instrumentUpdateFields).annotate(instrumentChange),
  instrumentUpdateInput
)
export interface InstrumentUpdate extends Schema.Schema.Type<typeof InstrumentUpdate> {}

/** A classifier's result for an instrument: its type and all three allocations, each complete. */
export const InstrumentClassification = Schema.Struct({
  instrument_type: InstrumentType,
  allocation_regions: CompleteRegionAllocation,
  allocation_sectors: CompleteSectorAllocation,
  allocation_asset_class: CompleteAssetClassAllocation
}).annotate({ description: "The kind of an instrument and how it is spread; each allocation sums to 100" })
export interface InstrumentClassification extends Schema.Schema.Type<typeof InstrumentClassification> {}

const itsPrice = { description: "The price of an instrument" }

/** The price of an instrument as a price feed sends it, as a JSON number or text. */
export const instrumentPriceInput = (options: DigitsOption) =>
  Schema.Struct({ symbol: InstrumentSymbol, current_price: priceInput(options) }).annotate(itsPrice)

/** The price of one instrument. */
export const InstrumentPrice = withJson(
  "price",
  Schema.Struct({ symbol: InstrumentSymbol, current_price: Price }).annotate(itsPrice),
  instrumentPriceInput
)
export interface InstrumentPrice extends Schema.Schema.Type<typeof InstrumentPrice> {}

/** An instrument as stored; rows that other programs wrote may hold types and keys outside the vocabulary. */
export const Instrument = withJson(
  "instrument",
  Schema.Struct({
    symbol: StoredSymbol,
    name: Schema.String,
    instrument_type: Schema.NullOr(Schema.String),
    current_price: Schema.NullOr(Decimal),
    allocation_regions: StoredAllocation,
    allocation_sectors: StoredAllocation,
    allocation_asset_class: StoredAllocation,
    created_at: Schema.Date,
    updated_at: Schema.Date
  }).annotate({ description: "An instrument with its price and how it is spread" })
)
export interface Instrument extends Schema.Schema.Type<typeof Instrument> {}

/**
 * The values that an unknown symbol is registered with until a classifier describes it: price 0, North America, sector
 * other. A symbol of up to five letters is taken for a stock, with asset class equity; any other for an ETF, whose
 * asset class stays open.
 */
export const unknownInstrument = (
  symbol: InstrumentSymbol,
  known?: { readonly name?: string | undefined; readonly instrument_type?: InstrumentType | undefined }
): InstrumentCreate => {
  const instrument_type = known?.instrument_type ?? (/^[A-Za-z]{1,5}$/.test(asText(symbol)) ? "stock" : "etf")
  return {
    symbol,
    name: known?.name ?? `${asText(symbol)} - User Added`,
    instrument_type,
    current_price: BigDecimal.fromBigInt(0n),
    allocation_regions: { north_america: 100 },
    allocation_sectors: { other: 100 },
    allocation_asset_class: instrument_type === "stock" ? { equity: 100 } : {}
  }
}

/** There is no instrument with this symbol. */
export class InstrumentNotFound extends Schema.TaggedError<InstrumentNotFound>()("InstrumentNotFound", {
  symbol: Schema.String
}) {
  override get message() {
    return `There is no instrument ${this.symbol}. Register it first.`
  }
}

/** An instrument with this symbol exists already; nothing was changed. */
export class InstrumentAlreadyExists extends Schema.TaggedError<InstrumentAlreadyExists>()("InstrumentAlreadyExists", {
  symbol: Schema.String
}) {
  override get message() {
    return `There is an instrument ${this.symbol} already. Update it instead of creating it.`
  }
}

/** The instrument exists with another name or price; nothing was changed. */
export class InstrumentKnown extends Schema.TaggedError<InstrumentKnown>()("InstrumentKnown", {
  symbol: Schema.String,
  name: Schema.String,
  current_price: Schema.NullOr(Decimal)
}) {
  override get message() {
    const price = this.current_price === null ? "" : ` and price "${formatDecimal(this.current_price)}"`
    return `The instrument ${this.symbol} is known, with name "${this.name}"${price}. Repeat them as they are, or leave the price out.`
  }
}

/** An instrument that positions still hold can't be deleted. */
export class InstrumentHeld extends Schema.TaggedError<InstrumentHeld>()("InstrumentHeld", { symbol: Schema.String }) {
  override get message() {
    return `The instrument ${this.symbol} is held in positions. Delete those first.`
  }
}
