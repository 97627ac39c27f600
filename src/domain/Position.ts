/** How many shares of an instrument an account holds. */
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { AccountId } from "./Account.ts"
import { Decimal, type DigitsOption, Quantity, quantityInput } from "./Decimal.ts"
import { Instrument, InstrumentSymbol, StoredSymbol } from "./Instrument.ts"
import { withJson } from "./Json.ts"
import { CalendarDay, changeOf, uuid } from "./Text.ts"

/** The id of a position: a UUID that the database gives. */
export const PositionId = uuid("a position").pipe(Schema.brand("PositionId"))
export type PositionId = typeof PositionId.Type

const positionCreateFields = {
  account_id: AccountId,
  symbol: InstrumentSymbol,
  quantity: Quantity,
  as_of_date: Schema.optionalKey(CalendarDay)
}

const aPosition = { description: "A position in an instrument" }

/** A position as other programs send it: the quantity may be a JSON number. */
export const positionCreateInput = (options: DigitsOption) =>
  Schema.Struct({ ...positionCreateFields, quantity: quantityInput(options) }).annotate(aPosition)

/**
 * A position to add, or to replace the account's position in the instrument; `as_of_date` is today, in UTC, unless given.
 */
export const PositionCreate = withJson(
  "position",
  Schema.Struct(positionCreateFields).annotate(aPosition),
  positionCreateInput
)
export interface PositionCreate extends Schema.Schema.Type<typeof PositionCreate> {}

const positionUpdateFields = {
  quantity: Schema.optionalKey(Quantity),
  as_of_date: Schema.optionalKey(CalendarDay)
}

const positionChange = changeOf("a position")

/** A change of a position as other programs send it: the quantity may be a JSON number. */
export const positionUpdateInput = (options: DigitsOption) =>
  Schema.Struct({ ...positionUpdateFields, quantity: Schema.optionalKey(quantityInput(options)) }).annotate(
    positionChange
  )

/** Any subset of a position's fields. */
export const PositionUpdate = withJson(
  "change of a position",
  Schema.Struct(positionUpdateFields).annotate(positionChange),
  positionUpdateInput
)
export interface PositionUpdate extends Schema.Schema.Type<typeof PositionUpdate> {}

/** A position as stored; `as_of_date` is a day, `YYYY-MM-DD`. */
export const Position = withJson(
  "position",
  Schema.Struct({
    id: Schema.String.pipe(Schema.brand("PositionId")),
    account_id: Schema.String.pipe(Schema.brand("AccountId")),
    symbol: StoredSymbol,
    quantity: Decimal,
    as_of_date: Schema.String,
    created_at: Schema.Date,
    updated_at: Schema.Date
  }).annotate(aPosition)
)
export interface Position extends Schema.Schema.Type<typeof Position> {}

/** A position together with the name, type, price and allocations of its instrument. */
export const HeldPosition = withJson(
  "position",
  Schema.Struct({
    ...Position.fields,
    ...Struct.omit(Instrument.fields, ["symbol", "created_at", "updated_at"])
  }).annotate({ description: "A position with the name, type, price and allocations of its instrument" })
)
export interface HeldPosition extends Schema.Schema.Type<typeof HeldPosition> {}

/** The totals of the positions of one account. */
export const AccountValue = withJson(
  "value of an account",
  Schema.Struct({
    positions: Schema.Finite.annotate({ description: "How many positions" }),
    shares: Decimal,
    market_value: Decimal
  }).annotate({
    description: "How many positions and shares an account holds, and their market value in US dollars, exact"
  })
)
export interface AccountValue extends Schema.Schema.Type<typeof AccountValue> {}

/** There is no position with this id, or `forUser` was used and it belongs to another user. */
export class PositionNotFound extends Schema.TaggedError<PositionNotFound>()("PositionNotFound", {
  position_id: Schema.String
}) {
  override get message() {
    return `There is no position ${this.position_id}.`
  }
}
