/** Converts rows in binary format to the service's records, within its limit on the size of a result. */
import { Result } from "effect"
import type { ArrayValue, Field, ResultSetOptions } from "../../data-api/DataApi.ts"
import type { Reason } from "../../data-api/DataApiError.ts"
import {
  int8AsText,
  numericArrayAsNumbers,
  numericAsNumber,
  type Reader,
  sqlNull,
  Unreadable
} from "../../data-api/postgres/BinaryValues.ts"
import { resultTooLarge, unreadable, unsupportedType } from "../engine/Failures.ts"
import type { Column, Row, RowReader, Value } from "../engine/Session.ts"
import { builtInType, type PostgresType } from "./PostgresTypes.ts"

const arrayBytes = (value: ArrayValue): number => {
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

/** The number of bytes of a value as text; for a blob, of its hexadecimal form. */
export const fieldBytes = (field: Field): number => {
  if ("stringValue" in field) return Buffer.byteLength(field.stringValue)
  if ("longValue" in field) return String(field.longValue).length
  if ("doubleValue" in field) return String(field.doubleValue).length
  if ("booleanValue" in field) return 1
  if ("blobValue" in field) return 2 + 2 * field.blobValue.length
  return "arrayValue" in field ? arrayBytes(field.arrayValue) : 0
}

/** The reader for a type with these options; `undefined` for a type that can't be returned. */
export const readerOf = (type: PostgresType, options: ResultSetOptions): Reader | undefined => {
  if (options.longReturnType === "STRING" && type.name === "int8") return int8AsText
  if (options.decimalReturnType === "DOUBLE_OR_LONG") {
    if (type.name === "numeric") return numericAsNumber
    if (type.name === "_numeric") return numericArrayAsNumbers
  }
  return type.read
}

/** Reads rows into fields. Values of types that are not built in stay bytes until the catalogue was queried. */
export class FieldRows implements RowReader {
  readonly rows: Array<Row> = []
  /** Whether every value is a field. */
  isRead = true
  readonly #readers: ReadonlyArray<Reader | undefined>

  constructor(columns: ReadonlyArray<Column>, options: ResultSetOptions) {
    this.#readers = columns.map(({ dataTypeOid }) => {
      const type = builtInType(dataTypeOid)
      return type && readerOf(type, options)
    })
  }

  read(bytes: Uint8Array, offset: number, size: number, column: number): Value {
    if (size < 0) return sqlNull
    const value = this.#readers[column]?.(bytes, offset, size)
    if (value === undefined || value instanceof Unreadable) this.isRead = false
    return value ?? bytes.slice(offset, offset + size)
  }

  end(row: Row): void {
    this.rows.push(row)
  }

  /** The rows, if all of their values are fields. */
  get records(): ReadonlyArray<ReadonlyArray<Field>> | undefined {
    return allFields(this) ? this.rows : undefined
  }
}

/** Uses the flag, because checking every value would cost as much as reading it. */
const allFields = (read: FieldRows): read is FieldRows & { readonly rows: Array<ReadonlyArray<Field>> } => read.isRead

/** An upper bound of the bytes that the service counts, without reading the characters. */
const mostBytes = (records: ReadonlyArray<ReadonlyArray<Field>>): number => {
  let octets = 0
  for (const record of records) {
    octets += 2 + 4 * record.length
    for (const field of record) {
      // A UTF-16 unit takes at most three bytes of UTF-8, and the longest double has 24 characters.
      if ("stringValue" in field) octets += 3 * field.stringValue.length
      else if ("arrayValue" in field) octets += arrayBytes(field.arrayValue)
      else if ("blobValue" in field) octets += 2 + 2 * field.blobValue.length
      else octets += 24
    }
  }
  return octets
}

/** Reads the values whose types came from the catalogue, or says why the row can't be returned. */
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
    if (field instanceof Unreadable) return Result.fail(unreadable(field))
    record.push(field)
  }
  return Result.succeed(record)
}

/**
 * The records of a result.
 *
 * A column of a type that the service can't return fails the call only if it holds a value. The size is counted as the
 * service does: 2 bytes for each row, 4 for each value, and the bytes of each value as text.
 */
export const toRecords = (
  read: FieldRows,
  types: ReadonlyArray<PostgresType>,
  options: ResultSetOptions,
  maxBytes: number
): Result.Result<ReadonlyArray<ReadonlyArray<Field>>, Reason> => {
  if (read.records !== undefined && mostBytes(read.records) <= maxBytes) return Result.succeed(read.records)
  let octets = 0
  const records: Array<ReadonlyArray<Field>> = []
  for (const row of read.rows) {
    const record = readRecord(row, types, options)
    if (Result.isFailure(record)) return Result.fail(record.failure)
    octets += 2 + 4 * row.length
    for (const field of record.success) octets += fieldBytes(field)
    if (octets > maxBytes) return Result.fail(resultTooLarge())
    records.push(record.success)
  }
  return Result.succeed(records)
}
