/** The service's limits on a request, found out before it is sent. Pure. */
import type { BatchExecuteStatementRequest, ExecuteStatementRequest, Field, SqlParameter } from "./DataApi.ts"

/** Characters of one SQL text, from the service's model. */
export const MAX_SQL_LENGTH = 65_536

/** Octets of one HTTP request, headers and JSON syntax included (4 MiB, from the service's user guide). */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024

/** What the headers, the two ARNs, the transaction's id and the names of the members take at most. */
export const REQUEST_OVERHEAD_BYTES = 16 * 1024

const fieldBytes = (field: Field): number => {
  if ("stringValue" in field) return Buffer.byteLength(JSON.stringify(field.stringValue))
  if ("blobValue" in field) return Math.ceil(field.blobValue.length / 3) * 4 + 2
  return 32
}

/** Octets of a parameter in the request's JSON. */
export const parameterBytes = (parameter: SqlParameter): number =>
  fieldBytes(parameter.value) + parameter.name.length + 64

/** A cheap upper bound: a character of JSON takes at most 6 octets. */
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

/** Why a request could never succeed, or undefined if it may. */
export const checkSize = (request: ExecuteStatementRequest | BatchExecuteStatementRequest): string | undefined => {
  if (request.sql.length > MAX_SQL_LENGTH) {
    return `The statement has ${request.sql.length} characters; the Data API takes ${MAX_SQL_LENGTH}. Send many rows with Bulk.insert, which needs one parameter for them all.`
  }
  const batch = "parameterSets" in request && request.parameterSets !== undefined
  const sets = batch ? request.parameterSets : "parameters" in request ? [request.parameters ?? []] : []
  const bytes = requestBytes(request.sql, sets)
  return bytes > MAX_REQUEST_BYTES
    ? `The request has about ${bytes} octets; the Data API takes ${MAX_REQUEST_BYTES}. Send the rows with Bulk.insert or in smaller batches, or a large value in parts.`
    : undefined
}
