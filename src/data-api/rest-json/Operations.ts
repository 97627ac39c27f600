/** The request, the response and the path of each operation. */
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

/** The request of each operation. */
export interface Requests {
  readonly ExecuteStatement: ExecuteStatementRequest
  readonly BatchExecuteStatement: BatchExecuteStatementRequest
  readonly BeginTransaction: BeginTransactionRequest
  readonly CommitTransaction: EndTransactionRequest
  readonly RollbackTransaction: EndTransactionRequest
}

/** The response of each operation. */
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
