/** Formats records as one compact JSON text: an array of objects with keys in the order of the columns. */
import type { ArrayValue, Field } from "../../data-api/DataApi.ts"

/** A double as Java and so the service writes it: `10.0`, `1.7976931348623157E308`, `4.9E-324`. */
export const javaDouble = (value: number): string => {
  if (!Number.isFinite(value)) return JSON.stringify(String(value))
  const magnitude = Math.abs(value)
  if (magnitude === 0 || (magnitude >= 1e-3 && magnitude < 1e7)) {
    const plain = Object.is(value, -0) ? "-0" : String(value)
    return plain.includes(".") ? plain : `${plain}.0`
  }
  // Java shows two digits of the smallest double, JavaScript one.
  if (magnitude === Number.MIN_VALUE) return value < 0 ? "-4.9E-324" : "4.9E-324"
  const [mantissa = "", exponent = ""] = value.toExponential().split("e")
  return `${mantissa.includes(".") ? mantissa : `${mantissa}.0`}E${Number(exponent)}`
}

const list = <A>(values: ReadonlyArray<A | null>, write: (value: A) => string): string =>
  `[${values.map((value) => (value === null ? "null" : write(value))).join(",")}]`

const arrayJson = (value: ArrayValue): string => {
  if ("stringValues" in value) return list(value.stringValues, JSON.stringify)
  if ("longValues" in value) return list(value.longValues, String)
  if ("doubleValues" in value) return list(value.doubleValues, javaDouble)
  return "booleanValues" in value ? list(value.booleanValues, String) : list(value.arrayValues, arrayJson)
}

const fieldJson = (field: Field): string => {
  if ("stringValue" in field) return JSON.stringify(field.stringValue)
  if ("longValue" in field) return String(field.longValue)
  if ("doubleValue" in field) return javaDouble(field.doubleValue)
  if ("booleanValue" in field) return String(field.booleanValue)
  if ("blobValue" in field) return JSON.stringify(Buffer.from(field.blobValue).toString("base64"))
  return "arrayValue" in field ? arrayJson(field.arrayValue) : "null"
}

/** The JSON text of records with these labels. */
export const formatRecords = (labels: ReadonlyArray<string>, records: ReadonlyArray<ReadonlyArray<Field>>): string => {
  const keys = labels.map((label) => `${JSON.stringify(label)}:`)
  const rows = records.map((record) => `{${record.map((field, column) => keys[column] + fieldJson(field)).join(",")}}`)
  return `[${rows.join(",")}]`
}
