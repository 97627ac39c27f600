/** Converts values that the service returns unwrapped to PostgreSQL's text, and their metadata to columns. Pure. */
import type { ArrayValue, ColumnMetadata, ExecuteStatementResponse, Field } from "../../data-api/DataApi.ts"
import { oidOf, pgTypeByOid } from "../../data-api/values/PgOids.ts"
import type { FieldDescription } from "../protocol/BackendMessages.ts"

const TEXT = oidOf("text")

/** Sizes in bytes of the types of fixed length. */
const sizes: Readonly<Record<string, number>> = {
  bool: 1,
  char: 1,
  name: 64,
  int8: 8,
  int2: 2,
  int4: 4,
  oid: 4,
  float4: 4,
  float8: 8,
  date: 4,
  time: 8,
  timestamp: 8,
  timestamptz: 8,
  interval: 16,
  uuid: 16
}

/** A float as PostgreSQL writes it: with an exponent from 1e15 on and below 1e-4, of at least two digits. */
export const floatText = (value: number): string => {
  if (!Number.isFinite(value)) return String(value)
  if (Object.is(value, -0)) return "-0"
  const [digits = "", exponent = ""] = value.toExponential().split("e")
  const power = Number(exponent)
  if (power >= -4 && power < 15) return String(value)
  return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`
}

const boolText = (value: boolean): string => (value ? "t" : "f")

/** An element that is a text, as `array_out` writes it: only the spaces of ASCII are quoted. */
const elementText = (value: string): string =>
  value === "" || /[ \t\n\v\f\r{}",\\]/.test(value) || /^null$/i.test(value)
    ? `"${value.replaceAll(/["\\]/g, "\\$&")}"`
    : value

const arrayText = <A>(values: ReadonlyArray<A | null>, textOf: (value: A) => string): string =>
  `{${values.map((value) => (value === null ? "NULL" : textOf(value))).join(",")}}`

const textOfArray = (array: ArrayValue): string => {
  if ("stringValues" in array) return arrayText(array.stringValues, elementText)
  if ("doubleValues" in array) return arrayText(array.doubleValues, floatText)
  if ("booleanValues" in array) return arrayText(array.booleanValues, boolText)
  return "longValues" in array ? arrayText(array.longValues, String) : arrayText(array.arrayValues, textOfArray)
}

/** The text of a value; null is SQL's NULL. */
export const fieldText = (field: Field): string | null => {
  if ("stringValue" in field) return field.stringValue
  if ("longValue" in field) return String(field.longValue)
  if ("booleanValue" in field) return boolText(field.booleanValue)
  if ("doubleValue" in field) return floatText(field.doubleValue)
  if ("blobValue" in field) return `\\x${Buffer.from(field.blobValue).toString("hex")}`
  return "arrayValue" in field ? textOfArray(field.arrayValue) : null
}

/** Whether the type is one of PostgreSQL's common ones, whose object ids never change. */
export const isKnownType = (typeName: string): boolean => oidOf(typeName) !== 0

/** The type modifier of a numeric, char or varchar, from the service's precision and scale. */
const modifierOf = (type: string, { precision, scale }: ColumnMetadata): number => {
  if (type === "numeric") return precision > 0 && precision <= 1000 ? ((precision << 16) | (scale & 0x7ff)) + 4 : -1
  if (type === "bpchar" || type === "varchar") return precision > 0 && precision <= 10_485_760 ? precision + 4 : -1
  return -1
}

export const columnOf = (metadata: ColumnMetadata): FieldDescription => {
  const typeOid = oidOf(metadata.typeName) || TEXT
  const type = pgTypeByOid.get(typeOid)?.name ?? ""
  return {
    name: metadata.label || metadata.name,
    tableOid: 0,
    columnNumber: 0,
    typeOid,
    typeSize: sizes[type] ?? -1,
    typeModifier: modifierOf(type, metadata)
  }
}

/** The columns of a response; undefined if it has none. */
export const responseColumns = ({ columnMetadata, records }: ExecuteStatementResponse) =>
  records === undefined ? undefined : (columnMetadata ?? []).map(columnOf)

/** The rows of a response. */
export const responseRows = ({ records }: ExecuteStatementResponse): ReadonlyArray<ReadonlyArray<string | null>> =>
  (records ?? []).map((record) => record.map(fieldText))
