import type { ColumnMetadata } from "../../src/data-api/DataApi.ts"

/** What the service says of a column of this type that is no table's. */
export const columnOf = (typeName: string, more: Partial<ColumnMetadata> = {}): ColumnMetadata => ({
  name: "a",
  label: "a",
  typeName,
  type: 0,
  nullable: 2,
  precision: 0,
  scale: 0,
  isSigned: false,
  isCurrency: false,
  isCaseSensitive: true,
  isAutoIncrement: false,
  schemaName: "",
  tableName: "",
  arrayBaseColumnType: 0,
  ...more
})
