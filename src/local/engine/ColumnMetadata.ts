/** Column metadata with the values of PostgreSQL's JDBC driver, which the service uses. */
import type { ColumnMetadata } from "../../data-api/DataApi.ts"
import { ARRAY_JDBC_TYPE } from "../../data-api/values/PgOids.ts"
import type { PostgresType } from "../values/PostgresTypes.ts"
import type { Column } from "./Session.ts"
import type { TableColumn } from "./TypeCatalogue.ts"

const unbounded = 2_147_483_647

const signed = new Set(["int2", "int4", "int8", "float4", "float8", "numeric"])
const caseless = new Set([
  ...signed,
  ...["oid", "bool", "bit", "varbit", "date", "time", "timetz", "timestamp", "timestamptz", "interval"]
])
const serialNames: Readonly<Record<string, string>> = { int2: "smallserial", int4: "serial", int8: "bigserial" }
const precisions: ReadonlyMap<string, number> = new Map([
  ["int2", 5],
  ["int4", 10],
  ["int8", 19],
  ["oid", 10],
  ["float4", 8],
  ["float8", 17],
  ["bool", 1]
])

/** The number of characters of a fraction of seconds, with its point. */
const fractionWidth = (modifier: number): number => (modifier === -1 ? 7 : modifier === 0 ? 0 : modifier + 1)

const precisionOf = (type: string, modifier: number): number => {
  switch (type) {
    case "numeric":
      return modifier === -1 ? 0 : (modifier - 4) >>> 16
    case "varchar":
    case "bpchar":
      return modifier === -1 ? unbounded : modifier - 4
    case "bit":
      return modifier === -1 ? 1 : modifier
    case "varbit":
      return modifier === -1 ? unbounded : modifier
    case "date":
      return 13
    case "time":
      return 8 + fractionWidth(modifier)
    case "timetz":
      return 14 + fractionWidth(modifier)
    case "timestamp":
      return 22 + fractionWidth(modifier)
    case "timestamptz":
      return 28 + fractionWidth(modifier)
    case "interval":
      return 49
    default:
      return precisions.get(type) ?? unbounded
  }
}

const scaleOf = (type: string, modifier: number): number => {
  switch (type) {
    case "numeric":
      return modifier === -1 ? 0 : (modifier - 4) & 0xffff
    case "float4":
      return 8
    case "float8":
      return 17
    case "time":
    case "timetz":
    case "timestamp":
    case "timestamptz":
      return modifier === -1 ? 6 : modifier
    default:
      return 0
  }
}

/**
 * Metadata of one result column. `schemaName` is always empty, and `arrayBaseColumnType` is 0 in every published
 * response. A column that a sequence fills has a serial type and `isAutoIncrement`.
 */
export const columnMetadata = (column: Column, type: PostgresType, origin: TableColumn | undefined): ColumnMetadata => {
  const autoIncrement = origin?.autoIncrement ?? false
  // For an array, the driver reports the values of its elements.
  const base = type.jdbcType === ARRAY_JDBC_TYPE ? type.name.replace(/^_/, "") : type.name
  return {
    arrayBaseColumnType: 0,
    isAutoIncrement: autoIncrement,
    isCaseSensitive: !caseless.has(base),
    isCurrency: type.name === "money",
    isSigned: signed.has(base),
    label: column.name,
    name: column.name,
    nullable: origin === undefined ? 2 : origin.notNull ? 0 : 1,
    precision: precisionOf(base, column.typeModifier),
    scale: scaleOf(base, column.typeModifier),
    schemaName: "",
    tableName: origin?.tableName ?? "",
    type: type.jdbcType,
    typeName: (autoIncrement ? serialNames[type.name] : undefined) ?? type.name
  }
}
