/** What Alex stores: pure schemas and functions, no I/O. */
export * from "./Account.ts"
export * from "./Allocation.ts"
export * from "./Analysis.ts"
export * from "./DailyValues.ts"
export {
  Decimal,
  type DigitsOption,
  formatDecimal,
  InterestRate,
  interestRateInput,
  money,
  moneyInput,
  Price,
  priceInput,
  Quantity,
  quantityInput,
  roundMoney,
  roundPrice,
  roundQuantity,
  signedMoney
} from "./Decimal.ts"
export * from "./Instrument.ts"
export * from "./Job.ts"
export type { JsonForm } from "./Json.ts"
export * from "./Portfolio.ts"
export * from "./Position.ts"
export * from "./Problems.ts"
export { CalendarDay, JsonValue } from "./Text.ts"
export * from "./User.ts"
