/** Builds the response to a statement: records as fields, as JSON text or formatted, and column metadata. */
import { Array as Arr, Effect, Result } from "effect"
import type { ExecuteStatementRequest, ExecuteStatementResponse, Field } from "../../data-api/DataApi.ts"
import type { Reason } from "../../data-api/DataApiError.ts"
import type { JsonResponse } from "../../data-api/rest-json/ResponseWriter.ts"
import type { Limits } from "../EngineLimits.ts"
import { formatRecords } from "../values/FormattedRecords.ts"
import { JsonRows } from "../values/JsonRows.ts"
import type { PostgresType } from "../values/PostgresTypes.ts"
import { type FieldRows, toRecords } from "../values/ResultRecords.ts"
import { columnMetadata } from "./ColumnMetadata.ts"
import { duplicateLabel, formattedTooLarge, reasonOf, resultTooLarge } from "./Failures.ts"
import type { Column, ResultSet, Session } from "./Session.ts"
import type { TypeCatalogue } from "./TypeCatalogue.ts"

/** The number of rows in a command tag; the tag of an INSERT is `INSERT 0 3`. */
const affected = (commandTag: string): number =>
  /^(?:INSERT|UPDATE|DELETE|MERGE)\b/.test(commandTag) ? Number(commandTag.split(" ").at(-1)) : 0

/** The inputs of a response, except the result. */
interface Asked {
  readonly session: Session
  readonly request: ExecuteStatementRequest
  readonly catalogue: TypeCatalogue
  readonly limits: Limits
}

/** Builds the response for a statement's result. */
export const respond = (
  { catalogue, limits, request, session }: Asked,
  { columns, commandTag, rows, truncated }: ResultSet<JsonRows | FieldRows>
): Effect.Effect<ExecuteStatementResponse | JsonResponse, Reason> => {
  if (columns === undefined || rows === undefined) {
    return Effect.succeed({ generatedFields: [], numberOfRecordsUpdated: affected(commandTag) })
  }
  // Rows as text have columns of built-in types only: no catalogue is needed for them.
  if (rows instanceof JsonRows && request.includeResultMetadata !== true) {
    const response = recordsOf(rows, [], request, limits)
    return truncated && Result.isSuccess(response) ? Effect.fail(resultTooLarge()) : Effect.fromResult(response)
  }
  return Effect.matchEffect(catalogue.types(session, columns), {
    onFailure: (failure) => Effect.fail(reasonOf(failure)),
    onSuccess: (types) => {
      const response = recordsOf(rows, types, request, limits)
      if (Result.isFailure(response)) return Effect.fail(response.failure)
      if (truncated) return Effect.fail(resultTooLarge())
      // Every result with columns can be formatted, also that of RETURNING; it has no metadata.
      if (request.formatRecordsAs === "JSON") return formatted(columns, response.success.records ?? [], limits)
      if (request.includeResultMetadata !== true) return Effect.succeed(response.success)
      return Effect.map(Effect.mapError(catalogue.origins(session, columns), reasonOf), (origins) => ({
        ...response.success,
        columnMetadata: Arr.zipWith(Arr.zip(columns, types), origins, ([column, type], origin) =>
          columnMetadata(column, type, origin)
        )
      }))
    }
  })
}

const recordsOf = (
  rows: JsonRows | FieldRows,
  types: ReadonlyArray<PostgresType>,
  { resultSetOptions = {} }: ExecuteStatementRequest,
  { resultBytes }: Limits
): Result.Result<ExecuteStatementResponse | JsonResponse, Reason> =>
  rows instanceof JsonRows
    ? Result.map(rows.text(resultBytes), (recordsJson) => ({
        numberOfRecordsUpdated: 0,
        recordsJson,
        rowCount: rows.rowCount
      }))
    : Result.map(toRecords(rows, types, resultSetOptions, resultBytes), (records) => ({
        numberOfRecordsUpdated: 0,
        records
      }))

const formatted = (
  columns: ReadonlyArray<Column>,
  records: ReadonlyArray<ReadonlyArray<Field>>,
  { formattedBytes }: Limits
): Effect.Effect<ExecuteStatementResponse, Reason> => {
  const labels = columns.map(({ name }) => name)
  const duplicate = labels.find((label, index) => labels.indexOf(label) !== index)
  if (duplicate !== undefined) return Effect.fail(duplicateLabel(duplicate))
  const formattedRecords = formatRecords(labels, records)
  return Buffer.byteLength(formattedRecords) > formattedBytes
    ? Effect.fail(formattedTooLarge())
    : Effect.succeed({ formattedRecords, numberOfRecordsUpdated: 0 })
}
