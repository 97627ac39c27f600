/** Rows in binary format to the service's records, within its limit on a result's size. */
import { Result } from "effect"
import type { ArrayValue, Field, ResultSetOptions } from "../data-api/DataApi.ts"
import type { Reason } from "../data-api/DataApiError.ts"
import { int8AsText, numericArrayAsNumbers, numericAsNumber, type Reader, Unreadable } from "./BinaryValues.ts"
import { infiniteTime, multidimensionalArray, resultTooLarge, unsupportedType } from "./Failures.ts"
import type { PostgresType } from "./PostgresTypes.ts"
import type { ResultSet, Row } from "./Session.ts"

const arrayOctets = (value: ArrayValue): number => {
  const elements: ReadonlyArray<unknown> =
    "stringValues" in value
      ? value.stringValues
      : "longValues" in value
        ? value.longValues
        : "doubleValues" in value
          ? value.doubleValues
          : "booleanValues" in value
            ? value.booleanValues.map((element) => (element === null ? null : element ? "t" : "f"))
            : value.arrayValues
  let octets = 2 + Math.max(0, elements.length - 1)
  for (const element of elements) octets += element === null ? 4 : Buffer.byteLength(String(element))
  return octets
}

/** The octets of a value as text; a blob counts as its hexadecimal form. */
const fieldOctets = (field: Field): number => {
  if ("stringValue" in field) return Buffer.byteLength(field.stringValue)
  if ("longValue" in field) return String(field.longValue).length
  if ("doubleValue" in field) return String(field.doubleValue).length
  if ("booleanValue" in field) return 1
  if ("blobValue" in field) return 2 + 2 * field.blobValue.length
  return "arrayValue" in field ? arrayOctets(field.arrayValue) : 0
}

/** How values of a type are read under these options; `undefined` for a type that can't be returned. */
export const readerOf = (type: PostgresType, options: ResultSetOptions): Reader | undefined => {
  if (options.longReturnType === "STRING" && type.name === "int8") return int8AsText
  if (options.decimalReturnType === "DOUBLE_OR_LONG") {
    if (type.name === "numeric") return numericAsNumber
    if (type.name === "_numeric") return numericArrayAsNumbers
  }
  return type.read
}

/** All values were read as they arrived, which is so for the built-in types that can be returned. */
const isRecord = (row: Row): row is ReadonlyArray<Field> => {
  for (const value of row) if (value instanceof Uint8Array || value instanceof Unreadable) return false
  return true
}

/** Reads what only the catalogue knew the type of, or says why the row can't be returned. */
const readRecord = (
  row: Row,
  types: ReadonlyArray<PostgresType>,
  options: ResultSetOptions
): Result.Result<ReadonlyArray<Field>, Reason> => {
  const record: Array<Field> = []
  for (const [column, value] of row.entries()) {
    const type = types[column]
    const field = value instanceof Uint8Array ? type && readerOf(type, options)?.(value, 0, value.length) : value
    if (field === undefined) return Result.fail(unsupportedType(type?.displayName ?? "unknown"))
    if (field instanceof Unreadable) {
      return Result.fail(field.kind === "infinite" ? infiniteTime() : multidimensionalArray())
    }
    record.push(field)
  }
  return Result.succeed(record)
}

/**
 * The records of a result.
 *
 * A column of a type that the service can't return fails the call only if it holds a value. Sizes are counted as the
 * service counts them: for each row 2, for each column 4, and the octets of each value as text.
 */
export const toRecords = (
  result: ResultSet,
  types: ReadonlyArray<PostgresType>,
  options: ResultSetOptions,
  maxOctets: number
): Result.Result<ReadonlyArray<ReadonlyArray<Field>>, Reason> => {
  let octets = 0
  const records: Array<ReadonlyArray<Field>> = []
  for (const row of result.rows) {
    const read = isRecord(row) ? Result.succeed(row) : readRecord(row, types, options)
    if (Result.isFailure(read)) return Result.fail(read.failure)
    octets += 2 + 4 * row.length
    for (const field of read.success) octets += fieldOctets(field)
    if (octets > maxOctets) return Result.fail(resultTooLarge())
    records.push(read.success)
  }
  return result.truncated ? Result.fail(resultTooLarge()) : Result.succeed(records)
}
