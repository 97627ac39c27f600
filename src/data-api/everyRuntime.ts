/** The exports of `alex-database/data-api` that need no Node; every runtime has them. */

export type { InsertOptions, WriteResult } from "./client/Bulk.ts"
export * as Bulk from "./client/Bulk.ts"
export { type Condition, DataApiClient, type Values } from "./client/DataApiClient.ts"
export {
  type ArrayValue,
  type BatchExecuteStatementRequest,
  type BatchExecuteStatementResponse,
  type BeginTransactionRequest,
  type BeginTransactionResponse,
  type ColumnMetadata,
  DataApi,
  type EndTransactionRequest,
  type EndTransactionResponse,
  type ExecuteStatementRequest,
  type ExecuteStatementResponse,
  type Field,
  type ResultSetOptions,
  type SqlParameter,
  type TypeHint
} from "./DataApi.ts"
export * from "./DataApiError.ts"
export { type Failure, type FailureTag, failureAdvice, failures, type Retry } from "./FailureTable.ts"
export { Operation } from "./Operation.ts"
export * as PostgresUrl from "./postgres/PostgresUrl.ts"
export type { Options as RetryPolicyOptions } from "./RetryPolicy.ts"
export * as RetryPolicy from "./RetryPolicy.ts"
export { reasonOf, type WireFailure } from "./rest-json/WireFailures.ts"
export type { Options as DataApiSqlOptions } from "./sql/DataApiSql.ts"
export * as DataApiSql from "./sql/DataApiSql.ts"
export * as ReadOnly from "./sql/ReadOnly.ts"
export * as Placeholders from "./statement/Placeholders.ts"
export { type ScriptStatement, splitStatements, type Token, type TokenKind, tokenize } from "./statement/SqlLexer.ts"
export type { Rows } from "./values/PgDecode.ts"
export type { Row } from "./values/PgRefusal.ts"
export * as PgValue from "./values/PgValue.ts"
