/**
 * Columns of types that the Data API can't return: the statement is sent with those columns cast to text, and their
 * values are then decoded by their own types. Pure.
 */
import type { ColumnMetadata, ExecuteStatementResponse } from "../DataApi.ts"
import type { Reason } from "../DataApiError.ts"
import { quotedName } from "../statement/Quoting.ts"
import { meaningful } from "../statement/SqlLexer.ts"
import { pgTypeByName } from "../values/PgOids.ts"
import { needsCasts } from "./SqlErrors.ts"

/** A column of a statement's result. */
export interface TextColumn {
  readonly label: string
  readonly typeName: string
  /** The expression that is selected for the column `c`. */
  readonly select: (c: string) => string
}

const asItIs = (c: string): string => c
const asText = (c: string): string => `${c}::text`

const serial = /^(?:small|big)?serial$/
/** Types that have infinite values. */
export const temporal = /^_?(?:date|timestamp|timestamptz)$/

/** Whether the service returns values of the type. */
const isReturned = (typeName: string): boolean =>
  serial.test(typeName) ||
  (typeName.startsWith("_")
    ? pgTypeByName.get(typeName.slice(1))?.arrayMember !== undefined
    : pgTypeByName.get(typeName)?.member !== undefined)

/** Types whose text is not their value. */
const decoded = /^_?(?:date|timestamp|timestamptz|interval|timetz|regclass|bytea)$/

/** A NULL that PostgreSQL refuses to unite with a column of another type, which would be decoded as this one. */
const nullOf = (typeName: string): string =>
  decoded.test(typeName) ? `null::pg_catalog.${quotedName(typeName)}` : "null"

/** SQLSTATEs of a query with casts for columns that are of other types, or more, or fewer. */
export const otherColumns = /^(?:42601|42804|42846|42883)$/

/** Whether the failure of a query with casts may mean that its columns have changed since. */
export const haveChanged = (reason: Reason): boolean =>
  reason._tag === "DatabaseError" ? otherColumns.test(reason.sqlState ?? "") : needsCasts(reason)

const selectOf = (typeName: string): TextColumn["select"] => {
  // The object id, as in @effect/sql-pg.
  if (typeName === "regclass") return (c) => `${c}::oid`
  if (typeName === "_regclass") return (c) => `${c}::oid[]`
  // Infinite ones can't be returned. JSON has the others in ISO 8601, whatever the session's DateStyle is.
  if (temporal.test(typeName)) return (c) => `translate(to_json(${c})::text, '[]"', '{}')`
  return isReturned(typeName) ? asItIs : asText
}

/** The columns to select, from the result's metadata; undefined if no column needs a cast. */
export const textColumns = (
  metadata: ReadonlyArray<Pick<ColumnMetadata, "label" | "name" | "typeName">>
): ReadonlyArray<TextColumn> | undefined => {
  const columns = metadata.map(({ label, name, typeName }) => ({
    label: label || name,
    typeName,
    select: selectOf(typeName)
  }))
  return columns.every(({ select }) => select === asItIs) ? undefined : columns
}

/** The statement without a semicolon at its end, behind which a comment may stand. */
export const statementOf = (sql: string): string => {
  const last = meaningful(sql).at(-1)
  return last !== undefined && sql.slice(last.start, last.end) === ";" ? sql.slice(0, last.start) : sql
}

/** A query with the same columns and no rows, whose result can be returned whatever the types are. */
export const shapeSql = (sql: string): string => `select * from (${statementOf(sql)}\n) as t limit 0`

/** The query, so that PostgreSQL keeps a cursor's rows if a function in it is volatile, that of a view included. */
export const keptSql = (sql: string): string => `with alex_rows as (${statementOf(sql)}\n) select * from alex_rows`

/** The query with casts that let the service return its columns. PostgreSQL refuses it if these have changed. */
export const textSql = (sql: string, columns: ReadonlyArray<TextColumn>): string => {
  const names = columns.map((_, index) => `c${index + 1}`)
  const selected = columns.map(({ label, select }, index) => `${select(names[index] ?? "")} as ${quotedName(label)}`)
  const nulls = columns.map(({ typeName }) => nullOf(typeName)).join(", ")
  // A query that locks rows may stand in WITH, and not in UNION.
  return `with alex_rows as (${statementOf(sql)}\n) select ${selected.join(", ")} from (select * from alex_rows union all select ${nulls} where false) as t(${names.join(", ")})`
}

/** The type of a column that was cast. */
const castName = (typeName: string | undefined): string | undefined =>
  typeName === undefined || selectOf(typeName) === asItIs ? undefined : typeName

/** The response with the own types of the columns that were cast. */
export const restored = (
  response: ExecuteStatementResponse,
  columns: ReadonlyArray<TextColumn>
): ExecuteStatementResponse => ({
  ...response,
  columnMetadata: response.columnMetadata?.map((column, index) => ({
    ...column,
    typeName: castName(columns[index]?.typeName) ?? column.typeName
  }))
})

const NAMES = "names of the columns"

/**
 * A write with RETURNING, with casts that let the service return its columns. Their names are not known before the
 * statement runs, so an additional column holds them in the first row. PostgreSQL refuses the write, without running
 * it, if the columns have changed.
 */
export const writtenSql = (sql: string, typeNames: ReadonlyArray<string>): string => {
  const names = typeNames.map((_, index) => `c${index + 1}`)
  const selected = typeNames.map((typeName, index) => selectOf(typeName)(names[index] ?? ""))
  return `with alex_written as (${statementOf(sql)}
), alex_columns (${names.join(", ")}) as (select * from alex_written
  union all select ${typeNames.map(nullOf).join(", ")} where false)
select case when row_number() over () = 1 then (
  select array(select json_object_keys(to_json(w))) from alex_written as w limit 1
) end as "${NAMES}", ${selected.join(", ")} from alex_columns`
}

const namesIn = ({ records }: ExecuteStatementResponse): ReadonlyArray<string | null> => {
  const field = records?.[0]?.[0]
  return field !== undefined && "arrayValue" in field && "stringValues" in field.arrayValue
    ? field.arrayValue.stringValues
    : []
}

/** The response to such a write, as the original statement would have returned it. */
export const restoredWrite = (
  response: ExecuteStatementResponse,
  typeNames: ReadonlyArray<string>
): ExecuteStatementResponse => {
  const names = namesIn(response)
  const records = response.records?.map((record) => record.slice(1)) ?? []
  return {
    ...response,
    records,
    numberOfRecordsUpdated: records.length,
    columnMetadata: (response.columnMetadata ?? []).slice(1).map((column, index) => ({
      ...column,
      name: names[index] ?? column.name,
      label: names[index] ?? column.label,
      typeName: castName(typeNames[index]) ?? column.typeName
    }))
  }
}
