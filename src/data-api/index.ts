/** The RDS Data API, and `effect/sql` on it: for any database, nothing here knows of Alex. */
export * as AwsDataApi from "./AwsDataApi.ts"
export * as Bulk from "./Bulk.ts"
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
  type Operation,
  type ResultSetOptions,
  type SqlParameter,
  type TypeHint
} from "./DataApi.ts"
export { type Condition, DataApiClient, type Values } from "./DataApiClient.ts"
export * from "./DataApiError.ts"
export * as DataApiSql from "./DataApiSql.ts"
export * as HttpDataApi from "./HttpDataApi.ts"
export * as PgValue from "./PgValue.ts"
export * as Placeholders from "./Placeholders.ts"
export * as PostgresUrl from "./postgres/PostgresUrl.ts"
export * as ReadOnly from "./ReadOnly.ts"
export * as RetryPolicy from "./RetryPolicy.ts"
export { type ScriptStatement, splitStatements, type Token, type TokenKind, tokenize } from "./SqlLexer.ts"
