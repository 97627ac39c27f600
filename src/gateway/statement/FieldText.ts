/** PostgreSQL's text of values that the service returns as they are, and what their columns are. Pure. */
import type { ColumnMetadata, ExecuteStatementResponse, Field } from "../../data-api/DataApi.ts"
import { pgElementByOid, pgTypeByName } from "../../data-api/values/PgOids.ts"
import type { FieldDescription } from "../protocol/BackendMessages.ts"

const TEXT = 25

const sizes: Readonly<Record<number, number>> = {
  16: 1,
  18: 1,
  19: 64,
  20: 8,
  21: 2,
  23: 4,
  26: 4,
  700: 4,
  701: 8,
  1082: 4,
  1083: 8,
  1114: 8,
  1184: 8,
  1186: 16,
  2950: 16
}

/** A float as PostgreSQL writes it: an exponent of two digits, and from 1e15 on. */
export const floatText = (value: number): string => {
  if (!Number.isFinite(value)) return String(value)
  if (Object.is(value, -0)) return "-0"
  const [digits = "", exponent = ""] = value.toExponential().split("e")
  const power = Number(exponent)
  if (value === 0 || (power >= -5 && power < 15)) {
    const text = String(value)
    return text.includes("e") ? value.toFixed(Math.max(0, digits.replace(/[-.]/g, "").length - 1 - power)) : text
  }
  return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`
}

const element = (value: boolean | number | bigint | string | null): string => {
  if (value === null) return "NULL"
  if (typeof value === "boolean") return value ? "t" : "f"
  if (typeof value !== "string") return String(value)
  return value === "" || /[\s{}",\\]/.test(value) || /^null$/i.test(value)
    ? `"${value.replaceAll(/["\\]/g, "\\$&")}"`
    : value
}

/** The text of a value; null is SQL's NULL. */
export const fieldText = (field: Field): string | null => {
  if ("stringValue" in field) return field.stringValue
  if ("longValue" in field) return String(field.longValue)
  if ("booleanValue" in field) return field.booleanValue ? "t" : "f"
  if ("doubleValue" in field) return floatText(field.doubleValue)
  if ("blobValue" in field) return `\\x${Buffer.from(field.blobValue).toString("hex")}`
  if ("arrayValue" in field) {
    const [values] = Object.values(field.arrayValue)
    return `{${(values ?? []).map(element).join(",")}}`
  }
  return null
}

const plainName = (typeName: string): string =>
  typeName.replace(/^(small|big)?serial$/, (_, size) => (size === "small" ? "int2" : size === "big" ? "int8" : "int4"))

const arrayOids = new Map([...pgElementByOid].map(([oid, { name }]) => [`_${name}`, oid]))

const knownOid = (typeName: string): number | undefined => {
  const name = plainName(typeName)
  return pgTypeByName.get(name)?.oid ?? arrayOids.get(name)
}

/** Whether the type is one of PostgreSQL's common ones, whose object ids never change. */
export const isKnownType = (typeName: string): boolean => knownOid(typeName) !== undefined

/** The modifier of a numeric or of a text of limited length, which the service gives as precision and scale. */
const modifierOf = (typeOid: number, { precision, scale }: ColumnMetadata): number => {
  if (typeOid === 1700) return precision > 0 && precision <= 1000 ? ((precision << 16) | (scale & 0x7ff)) + 4 : -1
  if (typeOid === 1042 || typeOid === 1043) return precision > 0 && precision <= 10_485_760 ? precision + 4 : -1
  return -1
}

export const columnOf = (metadata: ColumnMetadata): FieldDescription => {
  const typeOid = knownOid(metadata.typeName) ?? TEXT
  return {
    name: metadata.label || metadata.name,
    tableOid: 0,
    columnNumber: 0,
    typeOid,
    typeSize: sizes[typeOid] ?? -1,
    typeModifier: modifierOf(typeOid, metadata)
  }
}

/** The columns of an answer; undefined where it has none. */
export const columnsOf = ({ columnMetadata, records }: ExecuteStatementResponse) =>
  records === undefined ? undefined : (columnMetadata ?? []).map(columnOf)

/** The rows of an answer. */
export const rowsOf = ({ records }: ExecuteStatementResponse): ReadonlyArray<ReadonlyArray<string | null>> =>
  (records ?? []).map((record) => record.map(fieldText))
