/** A `DataApi` that says what it was asked, for tests of what lies before it. */
import { Effect, Layer } from "effect"
import { DataApi, type Operation } from "../../../src/data-api/DataApi.ts"
import { DataApiError, type Reason } from "../../../src/data-api/DataApiError.ts"

export interface Seen {
  readonly operation: Operation
  readonly request: unknown
}

export type Scripts = Partial<{
  readonly [K in keyof DataApi["Service"]]: (
    ...args: Parameters<DataApi["Service"][K]>
  ) => Reason | Effect.Success<ReturnType<DataApi["Service"][K]>> | Effect.Effect<never>
}>

/** A service that notes its requests in `seen` and answers by the scripts, or else with a healthy default. */
export const scripted = (scripts: Scripts = {}, seen: Array<Seen> = []): DataApi["Service"] => {
  const answer = <A>(operation: Operation, request: unknown, made: A | Reason | Effect.Effect<never>) =>
    Effect.suspend((): Effect.Effect<A, DataApiError> => {
      seen.push({ operation, request })
      // A reason is an Error and can be yielded too, so it is told from an effect first.
      if (made instanceof Error) return Effect.fail(new DataApiError({ operation, reason: made }))
      return Effect.isEffect(made) ? made : Effect.succeed(made)
    })
  let transactions = 0
  return DataApi.of({
    executeStatement: (request) =>
      answer(
        "ExecuteStatement",
        request,
        scripts.executeStatement?.(request) ?? {
          records: [request.parameters?.map(({ value }) => value) ?? []],
          numberOfRecordsUpdated: 0
        }
      ),
    batchExecuteStatement: (request) =>
      answer(
        "BatchExecuteStatement",
        request,
        scripts.batchExecuteStatement?.(request) ?? {
          updateResults: (request.parameterSets ?? []).map(() => ({ generatedFields: [] }))
        }
      ),
    beginTransaction: (request) =>
      answer(
        "BeginTransaction",
        request,
        scripts.beginTransaction?.(request) ?? { transactionId: `transaction-${++transactions}` }
      ),
    commitTransaction: (request) =>
      answer(
        "CommitTransaction",
        request,
        scripts.commitTransaction?.(request) ?? { transactionStatus: "Transaction Committed" }
      ),
    rollbackTransaction: (request) =>
      answer(
        "RollbackTransaction",
        request,
        scripts.rollbackTransaction?.(request) ?? { transactionStatus: "Rollback Complete" }
      )
  })
}

export const layerScripted = (scripts?: Scripts, seen?: Array<Seen>) => Layer.succeed(DataApi, scripted(scripts, seen))
