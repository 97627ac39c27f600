/** The operation ExecuteStatement: runs one statement, alone or in a transaction. */
import { Duration, Effect, Fiber, Result } from "effect"
import type { ExecuteStatementRequest, ExecuteStatementResponse } from "../../data-api/DataApi.ts"
import type { Reason } from "../../data-api/DataApiError.ts"
import type { JsonResponse } from "../../data-api/rest-json/ResponseWriter.ts"
import type { Limits } from "../EngineLimits.ts"
import { JsonRows } from "../values/JsonRows.ts"
import { FieldRows } from "../values/ResultRecords.ts"
import { command, type Execution, lastOfLease, run, timedOut } from "./Execution.ts"
import { toPositional } from "./NamedParameters.ts"
import { bindParameters } from "./Parameters.ts"
import { refusalOf } from "./RequestBounds.ts"
import type { Session, Statement } from "./Session.ts"
import { respond } from "./StatementResponse.ts"

/** A request of the HTTP server. */
export interface EngineRequest extends ExecuteStatementRequest {
  /** Returns records as JSON text, a `JsonResponse`, if all columns have built-in types that can be returned. */
  readonly recordsAsJson?: boolean | undefined
}

type Answer = Effect.Effect<ExecuteStatementResponse | JsonResponse, Reason>

/** Runs the statement of a request. */
export const executeStatement = (execution: Execution, request: EngineRequest): Answer => {
  const { limits, maxBytes } = execution
  const parameters = request.parameters ?? []
  const refusal = refusalOf(request, parameters, limits)
  if (refusal !== undefined) return Effect.fail(refusal)
  const { names, sql } = toPositional(request.sql)
  const bound = bindParameters(names, parameters)
  if (Result.isFailure(bound)) return Effect.fail(bound.failure)
  const { formatRecordsAs, recordsAsJson = false, resultSetOptions = {} } = request
  const statement: Statement<JsonRows | FieldRows> = {
    sql,
    parameters: bound.success,
    maxBytes,
    ...(request.transactionId === undefined && request.includeResultMetadata !== true ? lastOfLease : {}),
    rowsOf: (columns) =>
      (recordsAsJson && formatRecordsAs !== "JSON" ? JsonRows.of(columns, resultSetOptions) : undefined) ??
      new FieldRows(columns, resultSetOptions)
  }
  const answer = (session: Session) =>
    run(session, statement, (result) =>
      respond({ session, request, catalogue: execution.catalogueOf(session), limits }, result)
    )
  if (request.continueAfterTimeout !== true) return execution.onSession(request, answer)
  const inTransaction = request.transactionId !== undefined
  return continuing(
    execution,
    execution.onSession(request, (session) => withoutTimeout(session, inTransaction, limits, answer(session)))
  )
}

/** Runs without the server's time limit, and sets the limit again if the transaction continues. */
const withoutTimeout = (session: Session, inTransaction: boolean, limits: Limits, work: Answer): Answer => {
  if (!inTransaction) return Effect.andThen(command(session, "SET statement_timeout = 0"), work)
  const milliseconds = Duration.toMillis(limits.statementTimeout)
  return command(session, "SET LOCAL statement_timeout = 0").pipe(
    Effect.andThen(work),
    Effect.tap(() =>
      session.status() === "T" ? command(session, `SET LOCAL statement_timeout = ${milliseconds}`) : Effect.void
    )
  )
}

/** Fails the call at the time limit, while its work continues. */
const continuing = ({ limits, scope }: Execution, work: Answer): Answer =>
  Effect.flatMap(Effect.forkIn(work, scope), (fiber) =>
    Effect.timeoutOrElse(Fiber.join(fiber), {
      duration: limits.statementTimeout,
      orElse: () => Effect.fail(timedOut(true))
    })
  )
