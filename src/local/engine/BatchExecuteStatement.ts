/** The operation BatchExecuteStatement: runs one statement for each set of parameters, all or nothing. */
import { Effect, Result } from "effect"
import type { BatchExecuteStatementRequest } from "../../data-api/DataApi.ts"
import type { Reason } from "../../data-api/DataApiError.ts"
import { command, type Execution, lastOfLease, run, timedOut } from "./Execution.ts"
import { toPositional } from "./NamedParameters.ts"
import { bindParameters } from "./Parameters.ts"
import { refusalOf } from "./RequestBounds.ts"
import type { Session, Statement } from "./Session.ts"

interface BatchResponse {
  readonly updateResults: ReadonlyArray<{ readonly generatedFields: [] }>
}

/** Runs the statement of a request with each of its sets. */
export const batchExecuteStatement = (
  execution: Execution,
  request: BatchExecuteStatementRequest
): Effect.Effect<BatchResponse, Reason> => {
  const { limits, maxBytes } = execution
  const sets = request.parameterSets ?? []
  const refusal = refusalOf(request, sets.flat(), limits)
  if (refusal !== undefined) return Effect.fail(refusal)
  const { names, sql } = toPositional(request.sql)
  const bound = Result.all(sets.map((set) => bindParameters(names, set)))
  if (Result.isFailure(bound)) return Effect.fail(bound.failure)
  // Rows that these statements may return are dropped.
  const statements = bound.success.map((parameters): Statement => ({ sql, parameters, maxBytes }))
  const answer: BatchResponse = { updateResults: statements.map(() => ({ generatedFields: [] })) }
  if (statements.length === 0 && request.transactionId === undefined) return Effect.succeed(answer)
  const runAll = (session: Session) =>
    Effect.forEach(statements, (statement) => run(session, statement, () => Effect.void), { discard: true })
  // The time limit of one statement applies to the whole batch.
  const inTime = Effect.timeoutOrElse({
    duration: limits.statementTimeout,
    orElse: () => Effect.fail(timedOut(false))
  })
  return Effect.as(
    execution.onSession(request, (session) => {
      const work = inTime(runAll(session))
      return request.transactionId === undefined ? allOrNothing(session, work) : aborting(session, work)
    }),
    answer
  )
}

/** Runs a batch in its own transaction. If it fails, the reset of the session rolls it back. */
const allOrNothing = (session: Session, work: Effect.Effect<void, Reason>) =>
  command(session, "BEGIN").pipe(Effect.andThen(work), Effect.andThen(command(session, "COMMIT", lastOfLease)))

/** Aborts the transaction of a batch over its time, whose last statement may end before it is cancelled. */
const aborting = (session: Session, work: Effect.Effect<void, Reason>) =>
  Effect.tapError(work, ({ _tag }) =>
    _tag === "StatementTimeout" && session.status() === "T"
      ? Effect.ignore(command(session, "select 1 / 0"))
      : Effect.void
  )
