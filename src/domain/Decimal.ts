/**
 * Exact decimals: `BigDecimal` in memory, text such as `"1234.50"` at every boundary. A JavaScript number never holds
 * money, not even in between. {@link priceInput} and similar schemas take numbers from programs that send them.
 */
import * as BigDecimal from "effect/BigDecimal"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
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

/** A decimal without trailing zeros. Effect keeps that form of a decimal in `normalized`, which is this one itself. */
interface Shortest extends BigDecimal.BigDecimal {
  value: bigint
  scale: number
  normalized: BigDecimal.BigDecimal
}

/** What Effect's decimals inherit, with another `toJSON`: Effect's prints internal fields. */
const inherited: object = /* @__PURE__ */ (() =>
  Object.create(Object.getPrototypeOf(BigDecimal.make(0n, 0)), {
    toJSON: {
      value(this: BigDecimal.BigDecimal) {
        return formatDecimal(this)
      }
    }
  }))()

/** A decimal of a value without trailing zeros: equal ones are structurally equal. */
const shortest = (value: bigint, scale: number): BigDecimal.BigDecimal => {
  const decimal: Shortest = Object.create(inherited)
  decimal.value = value
  decimal.scale = scale
  decimal.normalized = decimal
  return decimal
}

/** The same decimal, which `JSON.stringify` prints as text. */
export const printable = (decimal: BigDecimal.BigDecimal): BigDecimal.BigDecimal => {
  const { scale, value } = BigDecimal.normalize(decimal)
  return shortest(value, scale)
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57

/**
 * Reads what {@link Decimal} reads, without its patterns: a sign, digits, and digits after a point. Undefined for any
 * other text.
 */
export const parseDecimal = (text: string): BigDecimal.BigDecimal | undefined => {
  const start = text.charCodeAt(0) === 45 ? 1 : 0
  let point = -1
  let digits = 0
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (isDigit(code)) digits = digits * 10 + (code - 48)
    else if (code === 46 && point === -1 && at > start) point = at
    else return undefined
  }
  if (start === text.length || point === text.length - 1) return undefined
  let scale = point === -1 ? 0 : text.length - 1 - point
  if (text.length - start - (point === -1 ? 0 : 1) > 15) {
    return printable(BigDecimal.make(BigInt(text.replace(".", "")), scale))
  }
  // Fifteen digits are exact as a number, and quicker to read as one.
  if (digits === 0) return shortest(0n, 0)
  for (; digits % 10 === 0; scale--) digits /= 10
  return shortest(BigInt(start === 0 ? digits : -digits), scale)
}

const bigDecimalFromText = SchemaTransformation.transform<BigDecimal.BigDecimal, string>({
  decode: (text) => parseDecimal(text) ?? printable(BigDecimal.fromStringUnsafe(text)),
  encode: formatDecimal
})

/** A kind of decimal: the pattern of its text, and the message for text that does not match. */
interface Kind {
  readonly pattern: RegExp
  /** The most digits after the point. */
  readonly scale: number
  readonly message: string
  readonly description: string
  readonly example: string
}

/** Text that matches `pattern`, which admits nothing but digits, one point and a sign, read as an exact decimal. */
const decimalText = ({ description, example, message, pattern }: Omit<Kind, "scale">) =>
  Schema.String.annotate({
    description: `${description}, as text`,
    examples: [example],
    message: `${message}, as text`
  }).pipe(Schema.check(Schema.isPattern(pattern, { message })), Schema.decodeTo(Schema.BigDecimal, bigDecimalFromText))

/** Any exact decimal, as the database holds it. */
export const Decimal = decimalText({
  pattern: /^-?\d+(\.\d+)?$/u,
  message: 'expected a decimal like "12.50"',
  description: "An exact decimal",
  example: "12.50"
})

const moneyKind = (description: string): Kind => ({
  pattern: /^\d{1,10}(\.\d{1,2})?$/u,
  scale: 2,
  message: 'expected an amount of money like "1234.50": not negative, at most 2 decimals, below 10000000000',
  description: `${description}, in US dollars, with at most 2 decimals`,
  example: "1234.50"
})

const priceKind: Kind = {
  pattern: /^\d{1,8}(\.\d{1,4})?$/u,
  scale: 4,
  message: 'expected a price like "450.25": not negative, at most 4 decimals, below 100000000',
  description: "The price of one share in US dollars, with at most 4 decimals",
  example: "450.25"
}

const quantityKind: Kind = {
  pattern: /^(?=.*[1-9])\d{1,12}(\.\d{1,8})?$/u,
  scale: 8,
  message: 'expected a number of shares like "12.5": more than 0, at most 8 decimals, below 1000000000000',
  description: "A number of shares, more than 0, with at most 8 decimals",
  example: "12.5"
}

const interestKind: Kind = {
  pattern: /^(0(\.\d{1,4})?|1(\.0{1,4})?)$/u,
  scale: 4,
  message: 'expected a rate from 0 to 1 with at most 4 decimals: 4.5 % is "0.045"',
  description: 'The yearly rate of interest as a fraction from "0" to "1": 4.5 % is "0.045"',
  example: "0.045"
}

const signedMoneyKind = (description: string): Kind => ({
  ...moneyKind(description),
  pattern: /^-?\d{1,10}(\.\d{1,2})?$/u,
  message: 'expected an amount of money like "-1234.50": at most 2 decimals, less than 10000000000 either way'
})

/** US dollars: not negative, at most 10 digits before the point and 2 after it, as `numeric(12,2)` holds them. */
export const money = (description: string) => decimalText(moneyKind(description))

/** {@link money} that may be negative: the cash of an account on margin. The database has to allow it. */
export const signedMoney = (description: string) => decimalText(signedMoneyKind(description))

/** The price of one share in US dollars, as `numeric(12,4)` holds it. */
export const Price = decimalText(priceKind)

/** How many shares are held: more than 0, as `numeric(20,8)` holds it. */
export const Quantity = decimalText(quantityKind)

/** A number of shares that may be 0, with at most 8 decimals. */
export const sharesOrNone = (description: string) =>
  decimalText({
    description,
    pattern: /^\d{1,12}(\.\d{1,8})?$/u,
    message: 'expected a number of shares like "12.5": not negative, at most 8 decimals, below 1000000000000',
    example: "12.5"
  })

/** A yearly rate of interest as a fraction of 1, as `numeric(5,4)` holds it: 4.5 % is `"0.045"`. */
export const InterestRate = decimalText(interestKind)

const rounded = (scale: number) => (decimal: BigDecimal.BigDecimal) =>
  printable(BigDecimal.round(decimal, { scale, mode: "half-even" }))

/** Rounds an amount of money to cents; a half goes to the even cent, so that sums don't drift. */
export const roundMoney = rounded(moneyKind("").scale)

/** Rounds a price to 4 decimals; a half goes to the even digit. */
export const roundPrice = rounded(priceKind.scale)

/** Rounds a number of shares to 8 decimals; a half goes to the even digit. */
export const roundQuantity = rounded(quantityKind.scale)

/** What happens to more decimals than the column holds: the input is refused, or rounded, a half to the even digit. */
export interface DigitsOption {
  readonly digits: "refuse" | "round"
}

/** A number as JSON has it, or text: a sign, digits, a point, an exponent. */
const numberOrTextOf = (message: string) =>
  Schema.Union([
    Schema.Finite,
    Schema.String.pipe(
      Schema.check(
        Schema.isMaxLength(400, { message }),
        Schema.isPattern(/^-?\d+(\.\d+)?([eE][-+]?\d{1,3})?$/u, { message })
      )
    )
  ])

/** A number of more than 15 digits may not be what the sender wrote. */
const MOST_EXACT = 10n ** 15n

/**
 * A JSON number or decimal text. A number is read as the shortest decimal that stands for it, which is what the sender
 * wrote if it had up to 15 digits: 450.25 is 450.25. One of more digits is refused, unless it is rounded. It is written as
 * text.
 */
const numberOrText = (kind: Kind, { digits }: DigitsOption) =>
  numberOrTextOf(kind.message)
    .annotate({
      description: `${kind.description}, as a number or as text; more digits are ${digits === "round" ? "rounded" : "refused"}`,
      message: `${kind.message}; a number or text`
    })
    .pipe(
      Schema.decodeTo(Schema.BigDecimal, {
        decode: SchemaGetter.transformEffect((input: number | string) => {
          const given = BigDecimal.fromStringUnsafe(String(input))
          const decimal = digits === "round" ? rounded(kind.scale)(given) : printable(given)
          const isExact = digits === "round" || typeof input === "string" || given.value < MOST_EXACT
          const message = isExact ? kind.message : `${kind.message}; send over 15 digits as text`
          return isExact && kind.pattern.test(formatDecimal(decimal))
            ? Effect.succeed(decimal)
            : Effect.fail(new SchemaIssue.InvalidValue({ message }, { value: input }))
        }),
        encode: SchemaGetter.transform(formatDecimal)
      })
    )

/** {@link money} from a JSON number or text; {@link signedMoney} where `negativeCash` says so. */
export const moneyInput = (description: string, options: DigitsOption & { readonly negativeCash?: boolean }) =>
  numberOrText(options.negativeCash === true ? signedMoneyKind(description) : moneyKind(description), options)

/**
 * {@link Price} from a JSON number or text, as price feeds send it.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { priceInput } from "alex-database/domain"
 *
 * const fromFeed = Schema.decodeUnknownEffect(priceInput({ digits: "round" })) // 450.123456 becomes 450.1235
 * ```
 */
export const priceInput = (options: DigitsOption) => numberOrText(priceKind, options)

/** {@link Quantity} from a JSON number or text. */
export const quantityInput = (options: DigitsOption) => numberOrText(quantityKind, options)

/** {@link InterestRate} from a JSON number or text. */
export const interestRateInput = (options: DigitsOption) => numberOrText(interestKind, options)
