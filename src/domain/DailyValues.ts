/** The daily values of portfolios, and the daily prices of instruments. */
import * as Schema from "effect/Schema"
import { Decimal } from "./Decimal.ts"
import { StoredSymbol } from "./Instrument.ts"
import { withJson } from "./Json.ts"

const Day = Schema.String.annotate({ description: "The day, in UTC, as YYYY-MM-DD" })
const Values = Schema.Record(Schema.String, Decimal)

/** The value of a user's portfolio on a day, in US dollars; the key `unclassified` holds what no allocation covers. */
export const PortfolioSnapshot = withJson(
  "snapshot of a portfolio",
  Schema.Struct({
    clerk_user_id: Schema.String.pipe(Schema.brand("ClerkUserId")),
    day: Day,
    cash: Decimal,
    market_value: Decimal,
    total: Decimal,
    accounts: Values.annotate({ description: "The value of each account with its cash, by the account's id" }),
    asset_classes: Values.annotate({ description: "The value by asset class, cash included" }),
    regions: Values.annotate({ description: "The market value by region" }),
    sectors: Values.annotate({ description: "The market value by sector" }),
    created_at: Schema.Date
  }).annotate({ description: "What a portfolio was worth on a day, in US dollars" })
)
export interface PortfolioSnapshot extends Schema.Schema.Type<typeof PortfolioSnapshot> {}

/** The price of an instrument on a day, in US dollars: the last one that was set on that day. */
export const DailyPrice = withJson(
  "price of a day",
  Schema.Struct({
    symbol: StoredSymbol,
    day: Day,
    price: Decimal
  }).annotate({ description: "The price of an instrument on a day, in US dollars" })
)
export interface DailyPrice extends Schema.Schema.Type<typeof DailyPrice> {}

/** How a value changed over a period: from its first day with a value to its last. */
export const Change = withJson(
  "change over a period",
  Schema.Struct({
    first_day: Schema.String,
    first: Decimal,
    last_day: Schema.String,
    last: Decimal,
    change: Decimal,
    percentage: Schema.NullOr(Decimal).annotate({
      description: "The change in percent of the first value, rounded to 2 decimals; null if that was 0"
    })
  }).annotate({ description: "How a value in US dollars changed over a period" })
)
export interface Change extends Schema.Schema.Type<typeof Change> {}
