/**
 * The RDS Data API as a service: five operations, their requests and their responses.
 *
 * Shapes and names are the service's own (API version 2018-08-01). The cluster's ARN, the secret and the default
 * database are the same for every call, so they belong to the layer that implements the service, not to a request.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { DataApiError } from "./DataApiError.ts"

export type { Operation } from "./Operation.ts"

/**
 * One value on the wire: exactly one member is set.
 *
 * `longValue` is a `bigint` where a `number` would round: the in-process engine is exact beyond 2^53, the AWS SDK for
 * JavaScript is not, so clients that need exact `int8` ask for `longReturnType: "STRING"`.
 */
export type Field =
  | { readonly isNull: boolean }
  | { readonly booleanValue: boolean }
  | { readonly longValue: number | bigint }
  | { readonly doubleValue: number }
  | { readonly stringValue: string }
  | { readonly blobValue: Uint8Array }
  | { readonly arrayValue: ArrayValue }

/** An array on the wire: exactly one member is set; an SQL NULL element is `null`. */
export type ArrayValue =
  | { readonly booleanValues: ReadonlyArray<boolean | null> }
  | { readonly longValues: ReadonlyArray<number | bigint | null> }
  | { readonly doubleValues: ReadonlyArray<number | null> }
  | { readonly stringValues: ReadonlyArray<string | null> }
  | { readonly arrayValues: ReadonlyArray<ArrayValue | null> }

/** How the service is to read a `stringValue`. */
export type TypeHint = "JSON" | "UUID" | "TIMESTAMP" | "DATE" | "TIME" | "DECIMAL"

/** A value for the placeholder `:name`. */
export interface SqlParameter {
  readonly name: string
  readonly value: Field
  readonly typeHint?: TypeHint | undefined
}

/** Options for how numbers come back. */
export interface ResultSetOptions {
  /** `numeric` as text (the default) or as a double or long, which loses digits. */
  readonly decimalReturnType?: "STRING" | "DOUBLE_OR_LONG" | undefined
  /** `int8` as a number (the default) or as text, which JavaScript needs to be exact. */
  readonly longReturnType?: "LONG" | "STRING" | undefined
}

/** One statement to run, alone or in a transaction. */
export interface ExecuteStatementRequest {
  /** One statement of at most 65,536 characters, with `:name` placeholders. */
  readonly sql: string
  readonly parameters?: ReadonlyArray<SqlParameter> | undefined
  /** The database to connect to; the layer's own when absent. */
  readonly database?: string | undefined
  /** Refused by the service for Aurora PostgreSQL version 2; carried so that an implementation can refuse it. */
  readonly schema?: string | undefined
  readonly transactionId?: string | undefined
  readonly includeResultMetadata?: boolean | undefined
  /** Lets the statement continue when the call itself fails after 45 seconds. */
  readonly continueAfterTimeout?: boolean | undefined
  readonly resultSetOptions?: ResultSetOptions | undefined
  /** `JSON`: the rows come as one JSON text in `formattedRecords`. */
  readonly formatRecordsAs?: "NONE" | "JSON" | undefined
}

/** Describes one result column. `type` is the JDBC type code; `nullable` is 0 (no), 1 (yes) or 2 (unknown). */
export interface ColumnMetadata {
  readonly name: string
  readonly label: string
  readonly typeName: string
  readonly type: number
  readonly nullable: number
  readonly precision: number
  readonly scale: number
  readonly isSigned: boolean
  readonly isCurrency: boolean
  readonly isCaseSensitive: boolean
  readonly isAutoIncrement: boolean
  readonly schemaName: string
  readonly tableName: string
  readonly arrayBaseColumnType: number
}

/** The result of a statement: its rows, or the number of rows that it wrote. */
export interface ExecuteStatementResponse {
  /** The rows, positional; absent when the statement returns none or when JSON was asked for. */
  readonly records?: ReadonlyArray<ReadonlyArray<Field>> | undefined
  readonly columnMetadata?: ReadonlyArray<ColumnMetadata> | undefined
  readonly numberOfRecordsUpdated?: number | undefined
  readonly generatedFields?: ReadonlyArray<Field> | undefined
  readonly formattedRecords?: string | undefined
}

/** One statement to run with many sets of parameters. */
export interface BatchExecuteStatementRequest {
  readonly sql: string
  /** The statement runs once for each set. */
  readonly parameterSets?: ReadonlyArray<ReadonlyArray<SqlParameter>> | undefined
  readonly database?: string | undefined
  readonly schema?: string | undefined
  readonly transactionId?: string | undefined
}

/** The result of a batch. */
export interface BatchExecuteStatementResponse {
  /** One entry for each parameter set; on PostgreSQL `generatedFields` is always empty. */
  readonly updateResults: ReadonlyArray<{ readonly generatedFields: ReadonlyArray<Field> }>
}

/** Where to begin a transaction. */
export interface BeginTransactionRequest {
  readonly database?: string | undefined
  readonly schema?: string | undefined
}

/** The transaction that was begun. */
export interface BeginTransactionResponse {
  /** Opaque; rolled back by the service after 3 minutes without a call, or 24 hours in all. */
  readonly transactionId: string
}

/** Which transaction to commit or roll back. */
export interface EndTransactionRequest {
  readonly transactionId: string
}

/** How the transaction ended, in the service's words: `Transaction Committed` or `Rollback Complete`. */
export interface EndTransactionResponse {
  readonly transactionStatus: string
}

/**
 * The service that runs Data API calls: AWS (`AwsDataApi`), or an engine in this process (`LocalDataApi`).
 *
 * Each operation is one request and one response: implementations of this service do not retry. `RetryPolicy` decides
 * what is retried and when; it wraps one `DataApi` into another.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { DataApi } from "alex-database/data-api"
 *
 * const now = Effect.gen(function*() {
 *   const api = yield* DataApi
 *   const { records } = yield* api.executeStatement({ sql: "select current_date" })
 *   return records?.[0]?.[0]
 * })
 * ```
 */
export class DataApi extends Context.Service<
  DataApi,
  {
    /**
     * Runs one statement, by itself or in the transaction that the request names.
     *
     * @errors DataApiError
     */
    readonly executeStatement: (
      request: ExecuteStatementRequest
    ) => Effect.Effect<ExecuteStatementResponse, DataApiError>
    /**
     * Runs one statement once for each set of parameters; it returns no rows.
     *
     * @errors DataApiError
     */
    readonly batchExecuteStatement: (
      request: BatchExecuteStatementRequest
    ) => Effect.Effect<BatchExecuteStatementResponse, DataApiError>
    /**
     * Begins a transaction; the service rolls it back after 3 minutes without a call.
     *
     * @errors DataApiError
     */
    readonly beginTransaction: (
      request: BeginTransactionRequest
    ) => Effect.Effect<BeginTransactionResponse, DataApiError>
    /**
     * Commits a transaction.
     *
     * @errors DataApiError
     */
    readonly commitTransaction: (request: EndTransactionRequest) => Effect.Effect<EndTransactionResponse, DataApiError>
    /**
     * Rolls a transaction back.
     *
     * @errors DataApiError
     */
    readonly rollbackTransaction: (
      request: EndTransactionRequest
    ) => Effect.Effect<EndTransactionResponse, DataApiError>
  }
>()("alex-database/data-api/DataApi") {}

/** The session that all calls of a `DataApi` share, which a stream holds while its transaction is open. */
export interface OneSession {
  /**
   * Makes the effect by which a stream reads its next page, so that the pages are read into memory as soon as another
   * call needs the session: the stream's consumer may be waiting for that call.
   *
   * @param next Reads a page and whether it is the last one, with which the stream's transaction has ended.
   * @param giveUp Ends the transaction after a failure.
   */
  readonly hold: <A, E>(
    next: Effect.Effect<readonly [page: A, isLast: boolean], E>,
    giveUp: Effect.Effect<void>
  ) => Effect.Effect<Effect.Effect<readonly [page: A, isLast: boolean], E>, never, Scope.Scope>
}

const sessions = /* @__PURE__ */ new WeakMap<DataApi["Service"], OneSession>()

/** The one session of a `DataApi`, if it has no more. */
export const oneSessionOf = (api: DataApi["Service"]): OneSession | undefined => sessions.get(api)

/** Says that a `DataApi` has one session, and returns it. Without a session nothing is said. */
export const withOneSession = (api: DataApi["Service"], session: OneSession | undefined): DataApi["Service"] => {
  if (session !== undefined) sessions.set(api, session)
  return api
}
