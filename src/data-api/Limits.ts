/** The service's limits, and whether a request is within them. Pure. */
import type { BatchExecuteStatementRequest, ExecuteStatementRequest, Field, SqlParameter } from "./DataApi.ts"
import { lengthOf } from "./values/Octets.ts"

/** Characters of the cluster's or the secret's ARN. All lengths here are from the service's model. */
export const MIN_ARN_LENGTH = 11
export const MAX_ARN_LENGTH = 100

/** Characters of one SQL text. */
export const MAX_SQL_LENGTH = 65_536

/** Characters of a database's name and of a schema's. */
export const MAX_NAME_LENGTH = 64

/** Characters of a transaction's id. */
export const MAX_TRANSACTION_ID_LENGTH = 192

/** Bytes of one HTTP request, headers and JSON syntax included (4 MiB, from the service's user guide). */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024

/** Bytes of one result, 1 MiB: its values as text, plus 2 for each row and 4 for each value. */
export const MAX_RESULT_BYTES = 1024 * 1024

/** The most rows of a cursor's page, which limits its memory if rows are small. */
const PAGE_ROWS = 20_000

/** The rows of a cursor to fetch after `rows` rows, the largest of which had `largest` bytes: half a result at most. */
export const nextPageRows = (rows: number, largest: number): number =>
  Math.max(1, Math.min(Math.floor(MAX_RESULT_BYTES / 2 / largest), rows * 8, PAGE_ROWS))

/** Bytes of one `formattedRecords`: 10 MiB. */
export const MAX_FORMATTED_BYTES = 10 * 1024 * 1024

/** Milliseconds that a statement may run. */
export const STATEMENT_TIMEOUT = 45_000

/** Milliseconds that a transaction may wait for its next call (3 minutes), and may last in all (24 hours). */
export const TRANSACTION_IDLE = 3 * 60_000
export const TRANSACTION_TOTAL = 24 * 60 * 60_000

/** The number of characters as the service and PostgreSQL count them: code points, not UTF-16 units. */
export const characters = (text: string): number => {
  let pairs = 0
  for (let index = 0; index < text.length - 1; index++) {
    if ((text.codePointAt(index) ?? 0) > 0xffff) {
      pairs++
      index++
    }
  }
  return text.length - pairs
}

/** Whether a text has fewer than `min` characters. A character takes at most two UTF-16 units. */
export const isShorter = (text: string, min: number): boolean =>
  text.length < min || (text.length < 2 * min && characters(text) < min)

/** Whether a text has more than `max` characters. */
export const isLonger = (text: string, max: number): boolean => text.length > max && characters(text) > max

/** Upper bound in bytes of the headers, the two ARNs, the transaction's id and the members' names. */
export const REQUEST_OVERHEAD_BYTES = 16 * 1024

const fieldBytes = (field: Field): number => {
  if ("stringValue" in field) return lengthOf(JSON.stringify(field.stringValue))
  if ("blobValue" in field) return Math.ceil(field.blobValue.length / 3) * 4 + 2
  return 32
}

/** Bytes of a parameter in the request's JSON. */
export const parameterBytes = (parameter: SqlParameter): number =>
  fieldBytes(parameter.value) + parameter.name.length + 64

/** A cheap upper bound: a character of JSON takes at most 6 bytes. */
const longestBytes = (parameter: SqlParameter): number => {
  const value = parameter.value
  if ("stringValue" in value) return value.stringValue.length * 6 + 128
  return "blobValue" in value ? value.blobValue.length * 2 + 128 : 256
}

const requestBytes = (sql: string, sets: ReadonlyArray<ReadonlyArray<SqlParameter>>): number => {
  const fixed = sql.length * 6 + REQUEST_OVERHEAD_BYTES
  let longest = fixed
  for (const set of sets) for (const parameter of set) longest += longestBytes(parameter)
  if (longest <= MAX_REQUEST_BYTES) return longest
  let exact = fixed
  for (const set of sets) for (const parameter of set) exact += parameterBytes(parameter)
  return exact
}

/** Advises a form with one parameter in place of one for each row or id. */
const shorter = (sql: string): string =>
  /\binsert\b/i.test(sql.slice(0, 1000))
    ? "Send many rows with Bulk.insert, which needs one parameter for them all."
    : "Send a long value as a parameter, and a long list as one array parameter: = any($1) instead of in (...)."

/** Why a request could never succeed, or undefined if it may. */
export const checkSize = (request: ExecuteStatementRequest | BatchExecuteStatementRequest): string | undefined => {
  if (isLonger(request.sql, MAX_SQL_LENGTH)) {
    return `The statement has ${characters(request.sql)} characters; the Data API takes ${MAX_SQL_LENGTH}. ${shorter(request.sql)}`
  }
  const batch = "parameterSets" in request && request.parameterSets !== undefined
  const sets = batch ? request.parameterSets : "parameters" in request ? [request.parameters ?? []] : []
  const bytes = requestBytes(request.sql, sets)
  return bytes > MAX_REQUEST_BYTES
    ? `The request has about ${bytes} bytes; the Data API takes ${MAX_REQUEST_BYTES}. Send the rows with Bulk.insert or in smaller batches, or a large value in parts.`
    : undefined
}
