/** What each operation takes and gives, and the path that it is called at. */
import type {
  BatchExecuteStatementRequest,
  BatchExecuteStatementResponse,
  BeginTransactionRequest,
  BeginTransactionResponse,
  EndTransactionRequest,
  EndTransactionResponse,
  ExecuteStatementRequest,
  ExecuteStatementResponse
} from "../DataApi.ts"
import type { Operation } from "../Operation.ts"

/** What each operation takes. */
export interface Requests {
  readonly ExecuteStatement: ExecuteStatementRequest
  readonly BatchExecuteStatement: BatchExecuteStatementRequest
  readonly BeginTransaction: BeginTransactionRequest
  readonly CommitTransaction: EndTransactionRequest
  readonly RollbackTransaction: EndTransactionRequest
}

/** What each operation gives. */
export interface Responses {
  readonly ExecuteStatement: ExecuteStatementResponse
  readonly BatchExecuteStatement: BatchExecuteStatementResponse
  readonly BeginTransaction: BeginTransactionResponse
  readonly CommitTransaction: EndTransactionResponse
  readonly RollbackTransaction: EndTransactionResponse
}

/** The request path of each operation. */
export const paths: Readonly<Record<Operation, string>> = {
  ExecuteStatement: "/Execute",
  BatchExecuteStatement: "/BatchExecute",
  BeginTransaction: "/BeginTransaction",
  CommitTransaction: "/CommitTransaction",
  RollbackTransaction: "/RollbackTransaction"
}
