/** The five operations of the Data API on PostgreSQL sessions, answered as the service answers them. */
import { Array as Arr, Duration, Effect, Fiber, Result, Scope } from "effect"
import {
  type BatchExecuteStatementRequest,
  DataApi,
  type ExecuteStatementRequest,
  type ExecuteStatementResponse,
  type Operation,
  type ResultSetOptions,
  type SqlParameter
} from "../data-api/DataApi.ts"
import { DataApiError, type Reason, StatementTimeout } from "../data-api/DataApiError.ts"
import { Catalogue } from "./Catalogue.ts"
import { columnMetadata } from "./ColumnMetadata.ts"
import {
  duplicateLabel,
  formattedTooLong,
  outOfBounds,
  reasonOf,
  schemaNotSupported,
  unexpectedCopy
} from "./Failures.ts"
import { formatRecords } from "./FormattedRecords.ts"
import { defaultLimits, type Limits } from "./Limits.ts"
import { type PositionalStatement, toPositional } from "./NamedParameters.ts"
import { bindParameters } from "./Parameters.ts"
import { builtInType } from "./PostgresTypes.ts"
import { readerOf, toRecords } from "./ResultRecords.ts"
import type { ResultSet, Session, SessionSource, Statement } from "./Session.ts"
import * as Sessions from "./Sessions.ts"

/** What the engine does not know from its sessions. */
export interface EngineOptions {
  /** The database of a request that names none. */
  readonly database: string
  readonly limits?: Partial<Limits> | undefined
}

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

interface Bounded {
  readonly sql?: string | undefined
  readonly database?: string | undefined
  readonly schema?: string | undefined
  readonly transactionId?: string | undefined
}

/** What the service refuses before it looks at the statement. */
const refuse = (
  request: Bounded,
  parameters: ReadonlyArray<SqlParameter>,
  limits: Limits
): Effect.Effect<void, Reason> => {
  if (request.schema !== undefined) return Effect.fail(schemaNotSupported())
  if ((request.database?.length ?? 0) > 64) {
    return Effect.fail(outOfBounds("database", "length less than or equal to 64"))
  }
  if ((request.transactionId?.length ?? 0) > 192) {
    return Effect.fail(outOfBounds("transactionId", "length less than or equal to 192"))
  }
  const sql = request.sql ?? ""
  if (sql.length > limits.sqlLength) {
    return Effect.fail(outOfBounds("sql", `length less than or equal to ${limits.sqlLength}`))
  }
  if (sql.includes("\0")) return Effect.fail(outOfBounds("sql", "no null character"))
  let octets = octetsOf(sql)
  for (const parameter of parameters) octets += parameterOctets(parameter)
  return octets > limits.requestOctets
    ? Effect.fail(outOfBounds("request", `size less than or equal to ${limits.requestOctets} bytes`))
    : Effect.void
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
      ? Effect.scoped(Effect.flatMap(Effect.mapError(source.acquire(databaseOf(request)), reasonOf), run))
      : sessions.use(request.transactionId, run)

  const prepare = (
    positional: PositionalStatement,
    parameters: ReadonlyArray<SqlParameter>,
    options: ResultSetOptions = {}
  ): Effect.Effect<Statement, Reason> =>
    Result.match(bindParameters(positional.names, parameters), {
      onFailure: Effect.fail,
      onSuccess: (bound) =>
        Effect.succeed({
          sql: positional.sql,
          parameters: bound,
          maxBytes,
          readerOf: ({ dataTypeOid }) => {
            const type = builtInType(dataTypeOid)
            return type && readerOf(type, options)
          }
        })
    })

  const run = (session: Session, statement: Statement): Effect.Effect<ResultSet, Reason> =>
    session.run(statement).pipe(
      Effect.mapError(reasonOf),
      Effect.flatMap((result) =>
        result.copy === undefined ? Effect.succeed(result) : Effect.fail(unexpectedCopy(result.copy))
      )
    )

  const respond = Effect.fnUntraced(function* (
    session: Session,
    request: ExecuteStatementRequest,
    result: ResultSet
  ): Effect.fn.Return<ExecuteStatementResponse, Reason> {
    const { columns } = result
    if (columns === undefined) return { generatedFields: [], numberOfRecordsUpdated: affected(result.commandTag) }
    const catalogue = catalogueOf(session)
    const types = yield* Effect.mapError(catalogue.types(session, columns), reasonOf)
    const records = yield* Effect.fromResult(
      toRecords(result, types, request.resultSetOptions ?? {}, limits.resultOctets)
    )
    // JSON is for SELECT only, and leaves no room for metadata.
    if (request.formatRecordsAs === "JSON" && result.commandTag.startsWith("SELECT")) {
      const labels = columns.map(({ name }) => name)
      const duplicate = labels.find((label, index) => labels.indexOf(label) !== index)
      if (duplicate !== undefined) return yield* duplicateLabel(duplicate)
      const formattedRecords = formatRecords(labels, records)
      if (formattedRecords.length > limits.formattedLength) return yield* formattedTooLong()
      return { formattedRecords, numberOfRecordsUpdated: 0 }
    }
    if (request.includeResultMetadata !== true) return { numberOfRecordsUpdated: 0, records }
    const origins = yield* Effect.mapError(catalogue.origins(session, columns), reasonOf)
    const metadata = Arr.zipWith(Arr.zip(columns, types), origins, ([column, type], origin) =>
      columnMetadata(column, type, origin)
    )
    return { columnMetadata: metadata, numberOfRecordsUpdated: 0, records }
  })

  const setTimeout = (session: Session, sql: string) =>
    Effect.asVoid(Effect.mapError(session.run({ sql, parameters: [] }), reasonOf))

  /** Runs without the server's time limit, and sets it again where the session goes on. */
  const withoutTimeout = (
    session: Session,
    inTransaction: boolean,
    work: Effect.Effect<ExecuteStatementResponse, Reason>
  ) => {
    if (!inTransaction) return Effect.andThen(setTimeout(session, "SET statement_timeout = 0"), work)
    const milliseconds = Duration.toMillis(limits.statementTimeout)
    return setTimeout(session, "SET LOCAL statement_timeout = 0").pipe(
      Effect.andThen(work),
      Effect.tap(() =>
        session.status() === "T" ? setTimeout(session, `SET LOCAL statement_timeout = ${milliseconds}`) : Effect.void
      )
    )
  }

  /** The call fails at the limit, and the work goes on. */
  const continuing = <A>(work: Effect.Effect<A, Reason>): Effect.Effect<A, Reason> =>
    Effect.flatMap(Effect.forkIn(work, engineScope), (fiber) =>
      Effect.timeoutOrElse(Fiber.join(fiber), {
        duration: limits.statementTimeout,
        orElse: () =>
          Effect.fail(
            new StatementTimeout({ message: "canceling statement due to statement timeout", continues: true })
          )
      })
    )

  const execute = Effect.fnUntraced(function* (
    request: ExecuteStatementRequest
  ): Effect.fn.Return<ExecuteStatementResponse, Reason> {
    const parameters = request.parameters ?? []
    yield* refuse(request, parameters, limits)
    const statement = yield* prepare(toPositional(request.sql), parameters, request.resultSetOptions)
    const answer = (session: Session) =>
      Effect.flatMap(run(session, statement), (result) => respond(session, request, result))
    if (request.continueAfterTimeout !== true) return yield* onSession(request, answer)
    const inTransaction = request.transactionId !== undefined
    return yield* continuing(onSession(request, (session) => withoutTimeout(session, inTransaction, answer(session))))
  })

  const executeBatch = Effect.fnUntraced(function* (
    request: BatchExecuteStatementRequest
  ): Effect.fn.Return<{ readonly updateResults: ReadonlyArray<{ readonly generatedFields: [] }> }, Reason> {
    const sets = request.parameterSets ?? []
    yield* refuse(request, sets.flat(), limits)
    const positional = toPositional(request.sql)
    const statements = yield* Effect.forEach(sets, (set) => prepare(positional, set))
    const runAll = (session: Session) =>
      Effect.forEach(statements, (statement) => run(session, statement), { discard: true })
    if (statements.length > 0) {
      yield* onSession(request, (session) =>
        request.transactionId === undefined ? allOrNothing(session, runAll(session)) : runAll(session)
      )
    }
    return { updateResults: statements.map(() => ({ generatedFields: [] })) }
  })

  /** A batch without a transaction is one of its own; what fails is rolled back when the session is given back. */
  const allOrNothing = (session: Session, work: Effect.Effect<void, Reason>) =>
    run(session, { sql: "BEGIN", parameters: [] }).pipe(
      Effect.andThen(work),
      Effect.andThen(run(session, { sql: "COMMIT", parameters: [] }))
    )

  const answering =
    (operation: Operation) =>
    <A>(effect: Effect.Effect<A, Reason>): Effect.Effect<A, DataApiError> =>
      Effect.mapError(effect, (reason) => new DataApiError({ operation, reason }))

  return DataApi.of({
    executeStatement: Effect.fn("LocalDataApi.executeStatement")(execute, answering("ExecuteStatement")),
    batchExecuteStatement: Effect.fn("LocalDataApi.batchExecuteStatement")(
      executeBatch,
      answering("BatchExecuteStatement")
    ),
    beginTransaction: Effect.fn("LocalDataApi.beginTransaction")(function* (request) {
      yield* refuse(request, [], limits)
      return { transactionId: yield* sessions.begin(databaseOf(request)) }
    }, answering("BeginTransaction")),
    commitTransaction: Effect.fn("LocalDataApi.commitTransaction")(function* (request) {
      yield* refuse(request, [], limits)
      yield* sessions.commit(request.transactionId)
      return { transactionStatus: "Transaction Committed" }
    }, answering("CommitTransaction")),
    rollbackTransaction: Effect.fn("LocalDataApi.rollbackTransaction")(function* (request) {
      yield* refuse(request, [], limits)
      yield* sessions.rollback(request.transactionId)
      return { transactionStatus: "Rollback Complete" }
    }, answering("RollbackTransaction"))
  })
})
