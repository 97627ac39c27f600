/** How many shares of an instrument an account holds. */
import * as Schema from "effect/Schema"
import { AccountId } from "./Account.ts"
import { Decimal, Quantity } from "./Decimal.ts"
import { InstrumentSymbol, StoredSymbol } from "./Instrument.ts"
import { CalendarDay, uuid } from "./Text.ts"

/** The id of a position: a UUID that the database gives. */
export const PositionId = uuid("a position").pipe(Schema.brand("PositionId"))
export type PositionId = typeof PositionId.Type

/** A position to add, or to put in the place of the one that the account has in the instrument; of today, unless given. */
export const PositionCreate = Schema.Struct({
  account_id: AccountId,
  symbol: InstrumentSymbol,
  quantity: Quantity,
  as_of_date: Schema.optionalKey(CalendarDay)
}).annotate({ description: "A position in an instrument" })
export interface PositionCreate extends Schema.Schema.Type<typeof PositionCreate> {}

/** Any subset of a position's fields. */
export const PositionUpdate = Schema.Struct({
  quantity: Schema.optionalKey(Quantity),
  as_of_date: Schema.optionalKey(CalendarDay)
}).annotate({ description: "What to change about a position; what is left out stays as it is" })
export interface PositionUpdate extends Schema.Schema.Type<typeof PositionUpdate> {}

/** A position as stored; `as_of_date` is a day, `YYYY-MM-DD`. */
export const Position = Schema.Struct({
  id: Schema.String.pipe(Schema.brand("PositionId")),
  account_id: Schema.String.pipe(Schema.brand("AccountId")),
  symbol: StoredSymbol,
  quantity: Decimal,
  as_of_date: Schema.String,
  created_at: Schema.Date,
  updated_at: Schema.Date
}).annotate({ description: "A position in an instrument" })
export interface Position extends Schema.Schema.Type<typeof Position> {}

/** A position together with the name, type and price of its instrument. */
export const HeldPosition = Schema.Struct({
  ...Position.fields,
  name: Schema.String,
  instrument_type: Schema.NullOr(Schema.String),
  current_price: Schema.NullOr(Decimal)
}).annotate({ description: "A position with the name, type and price of its instrument" })
export interface HeldPosition extends Schema.Schema.Type<typeof HeldPosition> {}

/** What the positions of one account come to. */
export const AccountValue = Schema.Struct({
  positions: Schema.Finite.annotate({ description: "How many positions" }),
  shares: Decimal,
  market_value: Decimal
}).annotate({
  description: "How many positions and shares an account holds, and their market value in US dollars, exact"
})
export interface AccountValue extends Schema.Schema.Type<typeof AccountValue> {}

/** There is no position with this id, or it is another person's and only one user's were asked for. */
export class PositionNotFound extends Schema.TaggedError<PositionNotFound>()("PositionNotFound", {
  position_id: Schema.String
}) {
  override get message() {
    return `There is no position ${this.position_id}.`
  }
}
