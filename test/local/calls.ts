/** The Data API as test lines say it. */
import { Effect } from "effect"
import { DataApi, type Field, type SqlParameter, type TypeHint } from "../../src/data-api/DataApi.ts"
import type { DataApiError } from "../../src/data-api/DataApiError.ts"
import type { EngineRequest } from "../../src/local/engine/Engine.ts"

type Options = Omit<EngineRequest, "sql" | "parameters">
type Parameters = Record<string, Omit<SqlParameter, "name">>

export const text = (stringValue: string, typeHint?: TypeHint) => ({ value: { stringValue }, typeHint })
export const long = (longValue: number | bigint) => ({ value: { longValue } })
export const double = (doubleValue: number) => ({ value: { doubleValue } })
export const bool = (booleanValue: boolean) => ({ value: { booleanValue } })
export const blob = (...bytes: ReadonlyArray<number>) => ({ value: { blobValue: Uint8Array.from(bytes) } })
export const sqlNull = { value: { isNull: true } }
export const field = (value: Field) => ({ value })

export const toParameters = (parameters: Parameters): ReadonlyArray<SqlParameter> =>
  Object.entries(parameters).map(([name, parameter]) => ({ name, ...parameter }))

export const execute = (sql: string, parameters: Parameters = {}, options: Options = {}) =>
  Effect.flatMap(DataApi, (api) => api.executeStatement({ sql, parameters: toParameters(parameters), ...options }))

/** The records of a query. */
export const query = (sql: string, parameters: Parameters = {}, options: Options = {}) =>
  Effect.map(execute(sql, parameters, options), ({ records }) => records ?? [])

/** The first field of the first record. */
export const scalar = (sql: string, parameters: Parameters = {}, options: Options = {}) =>
  Effect.map(query(sql, parameters, options), ([record]) => record?.[0])

/** The reason for which a call fails; a call that succeeds fails the test. */
export const failure = <A, R>(call: Effect.Effect<A, DataApiError, R>) =>
  Effect.map(Effect.flip(call), ({ reason }) => reason)

/** Tag and message of the reason for which a statement fails. */
export const refused = (sql: string, parameters: Parameters = {}, options: Options = {}) =>
  Effect.map(failure(execute(sql, parameters, options)), ({ _tag, message }) => [_tag, message] as const)

export const begin = Effect.flatMap(DataApi, (api) =>
  Effect.map(api.beginTransaction({}), (begun) => begun.transactionId)
)
export const commit = (transactionId: string) =>
  Effect.flatMap(DataApi, (api) => api.commitTransaction({ transactionId }))
export const rollback = (transactionId: string) =>
  Effect.flatMap(DataApi, (api) => api.rollbackTransaction({ transactionId }))
export const batch = (sql: string, sets: ReadonlyArray<Parameters> | undefined, transactionId?: string) =>
  Effect.flatMap(DataApi, (api) =>
    api.batchExecuteStatement({ sql, parameterSets: sets?.map(toParameters), transactionId })
  )
