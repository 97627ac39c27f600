/**
 * JSON as the service writes and reads it, which differs from JavaScript's: integers beyond 2^53 are exact, bytes are
 * base64, and the doubles without a JSON form are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`. Pure.
 */

import type { ArrayValue, Field } from "../DataApi.ts"
import { toBase64 } from "../values/Octets.ts"

const integer = /^-?\d{16,20}$/
/** Only a text that matches may hold an integer beyond 2^53, and needs the slower parser. */
const largeInteger = /(?:^|[:,[])\s*-?\d{16}/

/**
 * Reads JSON; an integer beyond 2^53 is a `bigint`. Throws a `SyntaxError` as `JSON.parse` does.
 *
 * @example
 * ```ts
 * import { parseExact } from "./ExactJson.ts"
 *
 * parseExact('{"longValue": 9007199254740993}') // { longValue: 9007199254740993n }
 * ```
 */
export const parseExact = (text: string): unknown =>
  largeInteger.test(text)
    ? JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) =>
        typeof value === "number" &&
        !Number.isSafeInteger(value) &&
        context?.source !== undefined &&
        integer.test(context.source)
          ? BigInt(context.source)
          : value
      )
    : JSON.parse(text)

const doubleText = (value: number): string =>
  Number.isFinite(value) ? (Object.is(value, -0) ? "-0" : String(value)) : `"${value}"`

const elements = <A>(values: ReadonlyArray<A | null>, write: (value: A) => string): string =>
  `[${values.map((value) => (value === null ? "null" : write(value))).join(",")}]`

const arrayText = (value: ArrayValue): string => {
  if ("stringValues" in value) return `{"stringValues":${JSON.stringify(value.stringValues)}}`
  if ("longValues" in value) return `{"longValues":${elements(value.longValues, String)}}`
  if ("doubleValues" in value) return `{"doubleValues":${elements(value.doubleValues, doubleText)}}`
  if ("booleanValues" in value) return `{"booleanValues":${JSON.stringify(value.booleanValues)}}`
  return `{"arrayValues":${elements(value.arrayValues, arrayText)}}`
}

/** The JSON of one field. */
export const fieldText = (value: Field): string => {
  if ("stringValue" in value) return `{"stringValue":${JSON.stringify(value.stringValue)}}`
  if ("longValue" in value) return `{"longValue":${value.longValue}}`
  if ("isNull" in value) return value.isNull ? '{"isNull":true}' : '{"isNull":false}'
  if ("booleanValue" in value) return value.booleanValue ? '{"booleanValue":true}' : '{"booleanValue":false}'
  if ("doubleValue" in value) return `{"doubleValue":${doubleText(value.doubleValue)}}`
  if ("blobValue" in value) return `{"blobValue":"${toBase64(value.blobValue)}"}`
  return `{"arrayValue":${arrayText(value.arrayValue)}}`
}

/** Whether `JSON.stringify`, which is faster, writes a field as {@link fieldText} does. */
export const isPlain = (value: Field): boolean =>
  "stringValue" in value ||
  ("longValue" in value
    ? typeof value.longValue === "number"
    : !("doubleValue" in value || "blobValue" in value || "arrayValue" in value))
