/** Numbers and words as people and models spell them. A spelling with two meanings is not read. */
import * as BigDecimal from "effect/BigDecimal"
import * as Option from "effect/Option"
import { formatDecimal } from "../../domain/Decimal.ts"
import { isModest } from "../../spelling/ExactNumber.ts"

/**
 * An amount as people write it: `$104,875.00`, `87.5 %`. A sign is only read where the description names its unit: 5 %
 * is no number of shares. A comma that could also be a decimal point is not accepted.
 */
export const plainNumber = (text: string, description: unknown): string | undefined => {
  const units = typeof description === "string" ? description : ""
  let number = text.trim()
  if (number.startsWith("$") && /dollar/i.test(units)) number = number.slice(1).trimStart()
  if (number.endsWith("%") && /percent/i.test(units)) number = number.slice(0, -1).trimEnd()
  if (/^-?(?:\d*\.\d+|\d+)$/.test(number)) return number
  const grouped = /^-?\d{1,3}(,\d{3})+(\.\d+)?$/.test(number)
  const isClear = text.includes("$") || number.includes(".") || number.split(",").length > 2
  return grouped && isClear ? number.replaceAll(",", "") : undefined
}

/** A number as decimal text, without an exponent and without trailing zeros; any other text as it is. */
export const decimalText = (text: string): string =>
  isModest(text) ? Option.match(BigDecimal.fromString(text), { onNone: () => text, onSome: formatDecimal }) : text

/** The amount in a text, for a schema whose pattern is that of decimals. */
export const amountFor = (schema: { readonly [keyword: string]: unknown }, text: string): string | undefined => {
  const amount = plainNumber(text, schema["description"])
  if (amount === undefined || typeof schema["pattern"] !== "string") return undefined
  const pattern = new RegExp(schema["pattern"], "u")
  const decimal = decimalText(amount)
  return pattern.test("1") && !pattern.test("x") && pattern.test(decimal) ? decimal : undefined
}

const letters = (text: string): string => text.toLowerCase().replaceAll(/[\s_-]+/g, "")

/** The word of a vocabulary that differs from the text in nothing but case, spaces, dashes and underscores. */
export const wordFor = (vocabulary: ReadonlyArray<unknown>, text: string): string | undefined =>
  vocabulary.find((word): word is string => typeof word === "string" && letters(word) === letters(text))
