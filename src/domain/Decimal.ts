/**
 * Exact decimals: `BigDecimal` in memory, text such as `"1234.50"` at every boundary. A JavaScript number never holds
 * money, not even on the way.
 */
import * as BigDecimal from "effect/BigDecimal"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"

/**
 * A decimal as plain text, without an exponent and without trailing zeros.
 *
 * @example
 * ```ts
 * import { BigDecimal } from "effect"
 * import { formatDecimal } from "alex-database/domain"
 *
 * formatDecimal(BigDecimal.fromStringUnsafe("450.2500")) // "450.25"
 * ```
 */
export const formatDecimal = (decimal: BigDecimal.BigDecimal): string => {
  const { scale, value } = BigDecimal.normalize(decimal)
  if (scale <= 0) return String(value * 10n ** BigInt(-scale))
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0")
  return `${value < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

// Normalised, so that equal decimals are equal in structure too, whatever their trailing zeros were.
const bigDecimalFromText = SchemaTransformation.transform<BigDecimal.BigDecimal, string>({
  decode: (text) => BigDecimal.normalize(BigDecimal.fromStringUnsafe(text)),
  encode: formatDecimal
})

/** Text that matches `pattern`, which admits nothing but digits, one point and a sign, read as an exact decimal. */
const decimalText = (options: {
  readonly pattern: RegExp
  readonly message: string
  readonly description: string
  readonly example: string
}) =>
  Schema.String.annotate({
    description: options.description,
    examples: [options.example],
    message: `${options.message}, as text`
  }).pipe(
    Schema.check(Schema.isPattern(options.pattern, { message: options.message })),
    Schema.decodeTo(Schema.BigDecimal, bigDecimalFromText)
  )

/** Any exact decimal, as the database holds it. */
export const Decimal = decimalText({
  pattern: /^-?\d+(\.\d+)?$/u,
  message: 'expected a decimal like "12.50"',
  description: "An exact decimal, as text",
  example: "12.50"
})

/** US dollars: not negative, at most 10 digits before the point and 2 after it, as `numeric(12,2)` holds them. */
export const money = (description: string) =>
  decimalText({
    pattern: /^\d{1,10}(\.\d{1,2})?$/u,
    message: 'expected an amount of money like "1234.50": not negative, at most 2 decimals, below 10000000000',
    description: `${description}, in US dollars, as text with at most 2 decimals`,
    example: "1234.50"
  })

/** The price of one share in US dollars, as `numeric(12,4)` holds it. */
export const Price = decimalText({
  pattern: /^\d{1,8}(\.\d{1,4})?$/u,
  message: 'expected a price like "450.25": not negative, at most 4 decimals, below 100000000',
  description: "The price of one share in US dollars, as text with at most 4 decimals",
  example: "450.25"
})

/** How many shares are held: more than none, as `numeric(20,8)` holds it. */
export const Quantity = decimalText({
  pattern: /^(?=.*[1-9])\d{1,12}(\.\d{1,8})?$/u,
  message: 'expected a number of shares like "12.5": more than 0, at most 8 decimals, below 1000000000000',
  description: "A number of shares, more than 0, as text with at most 8 decimals",
  example: "12.5"
})

/** A yearly rate of interest as a fraction of 1, as `numeric(5,4)` holds it: 4.5 % is `"0.045"`. */
export const InterestRate = decimalText({
  pattern: /^(0(\.\d{1,4})?|1(\.0{1,4})?)$/u,
  message: 'expected a rate from 0 to 1 with at most 4 decimals: 4.5 % is "0.045"',
  description: 'The yearly rate of interest as a fraction from "0" to "1", as text: 4.5 % is "0.045"',
  example: "0.045"
})
