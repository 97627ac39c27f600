/** A `DataApi` that answers as a test says, at the seam that the driver stands on. */
import { Effect, Layer } from "effect"
import {
  type BatchExecuteStatementRequest,
  DataApi,
  type ExecuteStatementRequest,
  type ExecuteStatementResponse,
  type Operation
} from "../../src/data-api/DataApi.ts"
import { DataApiError, type Reason } from "../../src/data-api/DataApiError.ts"

/** One call that arrived. */
export interface Call {
  readonly operation: Operation
  readonly sql: string
  readonly transactionId: string | undefined
  readonly request: ExecuteStatementRequest | BatchExecuteStatementRequest | undefined
}

/** What the call is answered with: a response, a failure, or an effect that gives either. */
export type Answer = ExecuteStatementResponse | Reason | Effect.Effect<ExecuteStatementResponse | Reason>

// A failure is an effect too, which fails with itself.
const isReason = (answer: Answer): answer is Reason => answer instanceof Error

/** Answers every call by `script`, which may be asked for the n-th call from 0; keeps what arrived in `calls`. */
export const scripted = (script: (call: Call, index: number) => Answer = () => ({})) => {
  const calls: Array<Call> = []
  const answer = (call: Call) =>
    Effect.suspend(() => {
      const said = script(call, calls.push(call) - 1)
      return Effect.flatMap(!isReason(said) && Effect.isEffect(said) ? said : Effect.succeed(said), (given) =>
        isReason(given)
          ? Effect.fail(new DataApiError({ operation: call.operation, reason: given }))
          : Effect.succeed(given)
      )
    })
  const ended = (operation: Operation) => (request: { readonly transactionId: string }) =>
    Effect.as(answer({ operation, sql: "", transactionId: request.transactionId, request: undefined }), {
      transactionStatus: operation === "CommitTransaction" ? "Transaction Committed" : "Rollback Complete"
    })
  const api = DataApi.of({
    executeStatement: (request) =>
      answer({ operation: "ExecuteStatement", sql: request.sql, transactionId: request.transactionId, request }),
    batchExecuteStatement: (request) =>
      Effect.as(
        answer({ operation: "BatchExecuteStatement", sql: request.sql, transactionId: request.transactionId, request }),
        { updateResults: (request.parameterSets ?? []).map(() => ({ generatedFields: [] })) }
      ),
    beginTransaction: () =>
      Effect.as(answer({ operation: "BeginTransaction", sql: "", transactionId: undefined, request: undefined }), {
        transactionId: "tx-1"
      }),
    commitTransaction: ended("CommitTransaction"),
    rollbackTransaction: ended("RollbackTransaction")
  })
  return {
    calls,
    layer: Layer.succeed(DataApi, api),
    /** The operations and statements that arrived, in order. */
    said: () => calls.map((call) => (call.sql === "" ? call.operation : call.sql))
  }
}
