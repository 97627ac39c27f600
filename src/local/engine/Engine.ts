/** The five operations of the Data API on PostgreSQL sessions, answered as the service answers them. */
import { Array as Arr, Duration, Effect, Fiber, Result, Scope } from "effect"
import {
  type BatchExecuteStatementRequest,
  DataApi,
  type ExecuteStatementRequest,
  type ExecuteStatementResponse,
  type Field,
  type Operation,
  type ResultSetOptions,
  type SqlParameter
} from "../../data-api/DataApi.ts"
import { DataApiError, type Reason, StatementTimeout } from "../../data-api/DataApiError.ts"
import { isLonger } from "../../data-api/Limits.ts"
import type { JsonResponse } from "../../data-api/rest-json/ResponseWriter.ts"
import { defaultLimits, type Limits } from "../EngineLimits.ts"
import { formatRecords } from "../values/FormattedRecords.ts"
import { JsonRows } from "../values/JsonRows.ts"
import type { PostgresType } from "../values/PostgresTypes.ts"
import { FieldRows, toRecords } from "../values/ResultRecords.ts"
import { columnMetadata } from "./ColumnMetadata.ts"
import {
  duplicateLabel,
  formattedTooLong,
  outOfBounds,
  reasonOf,
  resultTooLarge,
  schemaNotSupported,
  unexpectedCopy
} from "./Failures.ts"
import { toPositional } from "./NamedParameters.ts"
import * as Sessions from "./OpenTransactions.ts"
import { bindParameters } from "./Parameters.ts"
import type { Column, ResultSet, RowReader, Session, SessionSource, Statement } from "./Session.ts"
import { Catalogue } from "./TypeCatalogue.ts"

/** A statement as the HTTP front asks for it. */
export interface EngineRequest extends ExecuteStatementRequest {
  /** Records come as their JSON text, a `JsonResponse`, where all columns are of built-in types that can be returned. */
  readonly recordsAsJson?: boolean | undefined
}

/** What the engine does not know from its sessions. */
export interface EngineOptions {
  /** The database of a request that names none. */
  readonly database: string
  readonly limits?: Partial<Limits> | undefined
}

/** What the call's only statement is, unless the catalogue is asked about its columns. */
const lastOfLease = { last: true } as const

/** Binary forms are at most this many times as long as the text that the service counts (an array of one-digit int8). */
const binaryFactor = 8

/** Rows or a count, for an INSERT's tag `INSERT 0 3` as for any other's. */
const affected = (commandTag: string): number =>
  /^(?:INSERT|UPDATE|DELETE|MERGE)\b/.test(commandTag) ? Number(commandTag.split(" ").at(-1)) : 0

const octetsOf = (text: string): number => Buffer.byteLength(text)

/** About what a parameter takes in the request's JSON. */
const parameterOctets = ({ name, value }: SqlParameter): number => {
  const base = octetsOf(name) + 40
  if ("stringValue" in value) return base + octetsOf(value.stringValue)
  return "blobValue" in value ? base + Math.ceil(value.blobValue.length / 3) * 4 : base + 16
}

const timedOut = (continues: boolean): Reason =>
  new StatementTimeout({ message: "canceling statement due to statement timeout", ...(continues ? { continues } : {}) })

interface Bounded {
  readonly sql?: string | undefined
  readonly database?: string | undefined
  readonly schema?: string | undefined
  readonly transactionId?: string | undefined
}

/** What the service refuses before it looks at the statement. */
const refusalOf = (request: Bounded, parameters: ReadonlyArray<SqlParameter>, limits: Limits): Reason | undefined => {
  if (request.schema !== undefined) return schemaNotSupported()
  if ((request.database?.length ?? 0) > 64) return outOfBounds("database", "length less than or equal to 64")
  if ((request.transactionId?.length ?? 0) > 192) {
    return outOfBounds("transactionId", "length less than or equal to 192")
  }
  const sql = request.sql ?? ""
  if (isLonger(sql, limits.sqlLength)) return outOfBounds("sql", `length less than or equal to ${limits.sqlLength}`)
  if (sql.includes("\0")) return outOfBounds("sql", "no null character")
  let octets = octetsOf(sql)
  for (const parameter of parameters) octets += parameterOctets(parameter)
  return octets > limits.requestOctets
    ? outOfBounds("request", `size less than or equal to ${limits.requestOctets} bytes`)
    : undefined
}

/**
 * Answers Data API calls on sessions of `source`.
 *
 * A call without a transaction runs on a session of its own and leaves nothing in it. Open transactions are rolled
 * back when the scope closes.
 */
export const make = Effect.fnUntraced(function* (
  source: SessionSource,
  options: EngineOptions
): Effect.fn.Return<DataApi["Service"], never, Scope.Scope> {
  const engineScope = yield* Scope.Scope
  const limits: Limits = { ...defaultLimits, ...options.limits }
  const maxBytes = limits.resultOctets * binaryFactor
  const sessions = yield* Sessions.make(source, limits)
  const catalogues = new Map<string, Catalogue>()

  const catalogueOf = (session: Session): Catalogue => {
    const known = catalogues.get(session.database)
    if (known !== undefined) return known
    const catalogue = new Catalogue(source.schemaVersion)
    catalogues.set(session.database, catalogue)
    return catalogue
  }

  /** An empty name is none, as it is for PostgreSQL. */
  const databaseOf = (request: Bounded): string => request.database || options.database

  const onSession = <A>(
    request: Bounded,
    run: (session: Session) => Effect.Effect<A, Reason>
  ): Effect.Effect<A, Reason> =>
    request.transactionId === undefined
      ? Effect.acquireUseRelease(
          Effect.mapError(source.lend(databaseOf(request)), reasonOf),
          ({ session }) => run(session),
          ({ end }) => end
        )
      : sessions.use(request.transactionId, run)

  const run = <Rows extends RowReader, A>(
    session: Session,
    statement: Statement<Rows>,
    respond: (result: ResultSet<Rows>) => Effect.Effect<A, Reason>
  ): Effect.Effect<A, Reason> =>
    Effect.matchEffect(session.run(statement), {
      onFailure: (failure) => Effect.fail(reasonOf(failure)),
      onSuccess: (result) => (result.copy === undefined ? respond(result) : Effect.fail(unexpectedCopy(result.copy)))
    })

  const respond = (
    session: Session,
    request: ExecuteStatementRequest,
    { columns, commandTag, rows, truncated }: ResultSet<JsonRows | FieldRows>
  ): Effect.Effect<ExecuteStatementResponse | JsonResponse, Reason> => {
    if (columns === undefined || rows === undefined) {
      return Effect.succeed({ generatedFields: [], numberOfRecordsUpdated: affected(commandTag) })
    }
    const catalogue = catalogueOf(session)
    return Effect.matchEffect(catalogue.types(session, columns), {
      onFailure: (failure) => Effect.fail(reasonOf(failure)),
      onSuccess: (types) => {
        const response = responseOf(rows, types, request.resultSetOptions)
        if (Result.isFailure(response)) return Effect.fail(response.failure)
        if (truncated) return Effect.fail(resultTooLarge())
        // Whatever returns columns can be formatted, RETURNING included; the text leaves no room for metadata.
        if (request.formatRecordsAs === "JSON") return formatted(columns, response.success.records ?? [])
        if (request.includeResultMetadata !== true) return Effect.succeed(response.success)
        return Effect.map(Effect.mapError(catalogue.origins(session, columns), reasonOf), (origins) => ({
          ...response.success,
          columnMetadata: Arr.zipWith(Arr.zip(columns, types), origins, ([column, type], origin) =>
            columnMetadata(column, type, origin)
          )
        }))
      }
    })
  }

  const responseOf = (
    rows: JsonRows | FieldRows,
    types: ReadonlyArray<PostgresType>,
    options: ResultSetOptions = {}
  ): Result.Result<ExecuteStatementResponse | JsonResponse, Reason> =>
    rows instanceof JsonRows
      ? Result.map(rows.text(limits.resultOctets), (recordsJson) => ({
          numberOfRecordsUpdated: 0,
          recordsJson,
          rowCount: rows.rowCount
        }))
      : Result.map(toRecords(rows, types, options, limits.resultOctets), (records) => ({
          numberOfRecordsUpdated: 0,
          records
        }))

  const formatted = (
    columns: ReadonlyArray<Column>,
    records: ReadonlyArray<ReadonlyArray<Field>>
  ): Effect.Effect<ExecuteStatementResponse, Reason> => {
    const labels = columns.map(({ name }) => name)
    const duplicate = labels.find((label, index) => labels.indexOf(label) !== index)
    if (duplicate !== undefined) return Effect.fail(duplicateLabel(duplicate))
    const formattedRecords = formatRecords(labels, records)
    return formattedRecords.length > limits.formattedLength
      ? Effect.fail(formattedTooLong())
      : Effect.succeed({ formattedRecords, numberOfRecordsUpdated: 0 })
  }

  const command = (session: Session, sql: string, last = {}) =>
    run(session, { sql, parameters: [], ...last }, () => Effect.void)

  /** Runs without the server's time limit, and sets it again where the session goes on. */
  const withoutTimeout = (
    session: Session,
    inTransaction: boolean,
    work: Effect.Effect<ExecuteStatementResponse, Reason>
  ) => {
    if (!inTransaction) return Effect.andThen(command(session, "SET statement_timeout = 0"), work)
    const milliseconds = Duration.toMillis(limits.statementTimeout)
    return command(session, "SET LOCAL statement_timeout = 0").pipe(
      Effect.andThen(work),
      Effect.tap(() =>
        session.status() === "T" ? command(session, `SET LOCAL statement_timeout = ${milliseconds}`) : Effect.void
      )
    )
  }

  /** The call fails at the limit, and the work goes on. */
  const continuing = <A>(work: Effect.Effect<A, Reason>): Effect.Effect<A, Reason> =>
    Effect.flatMap(Effect.forkIn(work, engineScope), (fiber) =>
      Effect.timeoutOrElse(Fiber.join(fiber), {
        duration: limits.statementTimeout,
        orElse: () => Effect.fail(timedOut(true))
      })
    )

  const execute = (request: EngineRequest): Effect.Effect<ExecuteStatementResponse, Reason> => {
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
    const answer = (session: Session) => run(session, statement, (result) => respond(session, request, result))
    if (request.continueAfterTimeout !== true) return onSession(request, answer)
    const inTransaction = request.transactionId !== undefined
    return continuing(onSession(request, (session) => withoutTimeout(session, inTransaction, answer(session))))
  }

  const executeBatch = (
    request: BatchExecuteStatementRequest
  ): Effect.Effect<{ readonly updateResults: ReadonlyArray<{ readonly generatedFields: [] }> }, Reason> => {
    const sets = request.parameterSets ?? []
    const refusal = refusalOf(request, sets.flat(), limits)
    if (refusal !== undefined) return Effect.fail(refusal)
    const { names, sql } = toPositional(request.sql)
    const bound = Result.all(sets.map((set) => bindParameters(names, set)))
    if (Result.isFailure(bound)) return Effect.fail(bound.failure)
    // Nobody asks for the rows that these may return, and so they are dropped.
    const statements = bound.success.map((parameters): Statement => ({ sql, parameters, maxBytes }))
    const answer = { updateResults: statements.map((): { readonly generatedFields: [] } => ({ generatedFields: [] })) }
    if (statements.length === 0 && request.transactionId === undefined) return Effect.succeed(answer)
    const runAll = (session: Session) =>
      Effect.forEach(statements, (statement) => run(session, statement, () => Effect.void), { discard: true })
    return Effect.as(
      onSession(request, (session) =>
        inTime(request.transactionId === undefined ? allOrNothing(session, runAll(session)) : runAll(session))
      ),
      answer
    )
  }

  /** A batch has the time of one statement, though each of its sets could take that long by itself. */
  const inTime = <A>(work: Effect.Effect<A, Reason>): Effect.Effect<A, Reason> =>
    Effect.timeoutOrElse(work, { duration: limits.statementTimeout, orElse: () => Effect.fail(timedOut(false)) })

  /** A batch without a transaction is one of its own; what fails is rolled back when the session is given back. */
  const allOrNothing = (session: Session, work: Effect.Effect<void, Reason>) =>
    command(session, "BEGIN").pipe(Effect.andThen(work), Effect.andThen(command(session, "COMMIT", lastOfLease)))

  /** An answer whose failures are the operation's own. */
  const answering = <A>(operation: Operation, answer: Effect.Effect<A, Reason>): Effect.Effect<A, DataApiError> =>
    Effect.mapError(answer, (reason) => new DataApiError({ operation, reason }))

  /** The answer to an operation on a transaction as a whole, unless the request is refused. */
  const transacting = <A>(operation: Operation, request: Bounded, answer: Effect.Effect<A, Reason>) =>
    answering(
      operation,
      Effect.suspend(() => {
        const refusal = refusalOf(request, [], limits)
        return refusal === undefined ? answer : Effect.fail(refusal)
      })
    )

  return DataApi.of({
    executeStatement: (request: EngineRequest) =>
      answering(
        "ExecuteStatement",
        Effect.suspend(() => execute(request))
      ),
    batchExecuteStatement: (request) =>
      answering(
        "BatchExecuteStatement",
        Effect.suspend(() => executeBatch(request))
      ),
    beginTransaction: (request) =>
      transacting(
        "BeginTransaction",
        request,
        Effect.map(sessions.begin(databaseOf(request)), (transactionId) => ({ transactionId }))
      ),
    commitTransaction: (request) =>
      transacting(
        "CommitTransaction",
        request,
        Effect.as(sessions.commit(request.transactionId), { transactionStatus: "Transaction Committed" })
      ),
    rollbackTransaction: (request) =>
      transacting(
        "RollbackTransaction",
        request,
        Effect.as(sessions.rollback(request.transactionId), { transactionStatus: "Rollback Complete" })
      )
  })
})
