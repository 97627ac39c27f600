/**
 * `effect/sql`'s connection over the Data API: runs single statements, or those of one transaction of the service.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type * as SqlConnection from "effect/sql/SqlConnection"
import * as SqlError from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import type {
  BatchExecuteStatementRequest,
  ColumnMetadata,
  DataApi,
  ExecuteStatementRequest,
  ExecuteStatementResponse,
  Field,
  Operation,
  SqlParameter
} from "../DataApi.ts"
import { ConnectionLost, DataApiError, InvalidRequest, type Reason, UnsupportedResult } from "../DataApiError.ts"
import { checkSize } from "../Limits.ts"
import { listJson, type PackedList } from "../statement/PackedLists.ts"
import { parameterName } from "../statement/Placeholders.ts"
import type { StatementKind } from "../statement/StatementKind.ts"
import { cellsOf } from "../values/Cells.ts"
import { toHex } from "../values/Octets.ts"
import type { Rows } from "../values/PgDecode.ts"
import { oidOf } from "../values/PgOids.ts"
import { decodeRows, decodeValues, encode, type PgParameter, type PgValueError, type Row } from "../values/PgValue.ts"
import { isCursorQuery, joinPages, rowsOfPages } from "./DataApiStream.ts"
import { knownText, learnText, ownFailure, relearnText } from "./OpenTypes.ts"
import type { ParameterTypes } from "./ParameterTypes.ts"
import { changesNothing } from "./ReadOnly.ts"
import { isOverSize, toSqlError } from "./SqlErrors.ts"
import type { KnownStatement, ServiceText, StatementTexts } from "./StatementTexts.ts"
import type { Transaction } from "./TransactionState.ts"
import { sendReturned } from "./UnreturnedTypes.ts"

/** The result of `executeRaw`: members that `@effect/sql-pg`'s raw result has as well. */
export interface RawResult {
  /** The statement's command tag in PostgreSQL, for example `INSERT`. */
  readonly command: string
  /** Rows returned, or rows inserted, updated or deleted; 0 for CALL, EXPLAIN and SHOW, as PostgreSQL counts. */
  readonly rowCount: number
  /** 0 for an INSERT, null for any other statement, as PostgreSQL answers since version 12. */
  readonly oid: number | null
  readonly rows: ReadonlyArray<Row>
  readonly fields: ReadonlyArray<{
    readonly name: string
    readonly typeName: string
    /** The object id of a built-in type, 0 for any other. */
    readonly dataTypeId: number
  }>
}

/** The failure of a statement, or of another operation. */
export const failed = (reason: Reason, operation: Operation = "ExecuteStatement"): DataApiError =>
  new DataApiError({ operation, reason })

/** The failure of a request that could never succeed, and is not sent. */
export const refused = (message: string, operation?: Operation): DataApiError =>
  failed(new InvalidRequest({ message }), operation)

const interrupted = (): DataApiError => failed(new ConnectionLost({ message: "A statement was interrupted." }))

/** The statement has run: a caller that retries what may be retried must not run it again. */
const undecodable = (error: PgValueError): DataApiError =>
  failed(new UnsupportedResult({ message: `The result can't be read: ${error.message}.` }))

/** A value as PostgreSQL reads it from text; null for NULL. */
const fieldText = (field: Field | undefined): string | null => {
  if (field === undefined || "isNull" in field || "arrayValue" in field) return null
  if ("blobValue" in field) return `\\x${toHex(field.blobValue)}`
  if ("stringValue" in field) return field.stringValue
  return String(
    "longValue" in field ? field.longValue : "doubleValue" in field ? field.doubleValue : field.booleanValue
  )
}

/** Whether a statement was refused because an earlier failure has aborted the transaction. */
const isAborted = ({ reason: { cause } }: SqlError.SqlError): boolean =>
  cause instanceof DataApiError && cause.sqlState === "25P02"

const noParameters: ReadonlyArray<SqlParameter> = []

const namedParameters = (
  values: ReadonlyArray<PgParameter>,
  { listed, lists, literal, numbers }: ServiceText
): ReadonlyArray<SqlParameter> => {
  if (values.length === 0 && numbers.length === 0) return noParameters
  const parameters: Array<SqlParameter> = []
  for (let index = 0; index < values.length; index++) {
    const parameter = values[index]
    if (parameter === undefined || literal.has(index)) continue
    const list = listed.has(index) && "list" in parameter ? parameter.list : undefined
    parameters.push({ name: parameterName(index), value: list ?? parameter.value })
  }
  for (const { json, name } of numbers) parameters.push({ name, value: { stringValue: json } })
  const jsonOf = (list: PackedList): string => listJson(list, (value) => fieldText(values[value]?.value))
  for (const list of lists) parameters.push({ name: list.name, value: { stringValue: jsonOf(list) } })
  return parameters
}

const longListInBatch =
  "A list in the statement of a batch is too long for the Data API: send it as one array parameter."

const resultSetOptions = { decimalReturnType: "STRING", longReturnType: "STRING" } as const

/** The options and caches that all connections of a client share. */
export interface ConnectionOptions {
  readonly api: DataApi["Service"]
  readonly database: string | undefined
  readonly texts: StatementTexts
  readonly types: ParameterTypes
  /** Whether PostgreSQL is asked for the parameter types that it infers; otherwise a string is text. */
  readonly infers: boolean
  /** An effect is evaluated for each statement. */
  readonly continueAfterTimeout: boolean | Effect.Effect<boolean>
  /** Reads the result of a query in pages through a cursor, in the connection's transaction or one of its own. */
  readonly readPages: (
    connection: DataApiConnection,
    sql: string,
    params: ReadonlyArray<unknown>
  ) => Stream.Stream<ExecuteStatementResponse, SqlError.SqlError>
}

/** A parsed statement with its encoded parameters. */
export interface Prepared {
  readonly statement: KnownStatement
  readonly parameters: ReadonlyArray<PgParameter>
}

type Transform = (<A extends object>(rows: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined

export class DataApiConnection implements SqlConnection.Connection {
  readonly options: ConnectionOptions
  readonly transaction: Transaction | undefined

  constructor(options: ConnectionOptions, transaction?: Transaction) {
    this.options = options
    this.transaction = transaction
  }

  /** Parses a statement with `$n` placeholders, and encodes its parameters. */
  prepare(sql: string, params: ReadonlyArray<unknown>): Result.Result<Prepared, DataApiError> {
    const encoded = encode(params)
    if (Result.isFailure(encoded)) return Result.fail(refused(`A parameter can't be sent: ${encoded.failure.message}.`))
    const statement = this.options.texts.find(sql, params.length)
    return Result.isFailure(statement)
      ? Result.fail(refused(statement.failure))
      : Result.succeed({ statement: statement.success, parameters: encoded.success })
  }

  /** Sends a statement in its final text. */
  send(
    kind: StatementKind,
    text: ServiceText,
    parameters: ReadonlyArray<PgParameter>,
    continueAfterTimeout: boolean
  ): Effect.Effect<ExecuteStatementResponse, DataApiError> {
    const request: ExecuteStatementRequest = {
      sql: text.sql,
      parameters: namedParameters(parameters, text),
      database: this.options.database,
      transactionId: this.transaction?.id,
      includeResultMetadata: true,
      continueAfterTimeout: continueAfterTimeout ? true : undefined,
      resultSetOptions
    }
    const tooLarge = checkSize(request)
    if (tooLarge !== undefined) return Effect.fail(refused(tooLarge))
    if (this.transaction !== undefined) {
      if (kind.commits) this.transaction.commitSent = true
      if (kind.changesNames) this.#changeNames(this.transaction, request)
    }
    return this.inTurn(this.options.api.executeStatement(request), kind.rollsBackToSavepoint)
  }

  #changeNames(transaction: Transaction, { parameters, sql }: ExecuteStatementRequest): void {
    transaction.names = this.options.types.namesAfter(transaction.names, `${sql}\n${JSON.stringify(parameters)}`)
  }

  /** Waits until no other statement of the transaction runs, and records a failure on the transaction. */
  inTurn<A>(run: Effect.Effect<A, DataApiError>, repairs: boolean): Effect.Effect<A, DataApiError> {
    const transaction = this.transaction
    if (transaction === undefined) return run
    return transaction.turn.withPermit(
      Effect.onExit(run, (exit) => {
        if (Exit.isSuccess(exit)) {
          if (repairs) transaction.unrepaired.clear()
        } else {
          // An interrupted statement may have run, or may still run.
          const failure = Option.getOrElse(Cause.findErrorOption(exit.cause), interrupted)
          transaction.failures.add(failure)
          transaction.unrepaired.add(failure)
        }
        return Effect.void
      })
    )
  }

  /** Removes a failure that left the transaction usable, so that it can be committed. */
  repaired(error: DataApiError): void {
    this.transaction?.unrepaired.delete(error)
  }

  /** The failure as `SqlClient` reports it. */
  sqlError(error: DataApiError | SqlError.SqlError): SqlError.SqlError {
    if (SqlError.isSqlError(error)) return error
    this.transaction?.failures.add(error)
    return toSqlError(error)
  }

  /** Runs a statement; the failure is the Data API's own. */
  run(sql: string, params: ReadonlyArray<unknown>): Effect.Effect<ExecuteStatementResponse, DataApiError> {
    const { continueAfterTimeout } = this.options
    return typeof continueAfterTimeout === "boolean"
      ? Effect.suspend(() => this.#run(sql, params, continueAfterTimeout))
      : Effect.flatMap(continueAfterTimeout, (continues) => this.#run(sql, params, continues))
  }

  #run(sql: string, params: ReadonlyArray<unknown>, continueAfterTimeout: boolean) {
    const prepared = this.prepare(sql, params)
    if (Result.isFailure(prepared)) return Effect.fail(prepared.failure)
    const { parameters, statement } = prepared.success
    const call = { connection: this, statement, parameters, continueAfterTimeout }
    const send = (text: ServiceText) => sendReturned(call, text)
    const known = knownText(call)
    if (known === undefined) {
      return Effect.flatMap(learnText(call), (text) => Effect.mapError(send(text), (error) => ownFailure(text, error)))
    }
    if (known.learnt === undefined) return send(known)
    const sent = Effect.catch(send(known), (error) => Effect.flatMap(relearnText(call, known, error), send))
    return Effect.mapError(sent, (error) => ownFailure(known, error))
  }

  /** Runs a statement once for each set of parameters. `parameters` has one parameter of each type in the sets. */
  batch(
    statement: KnownStatement,
    parameters: ReadonlyArray<PgParameter>,
    setsOf: (text: ServiceText) => ReadonlyArray<ReadonlyArray<SqlParameter>>
  ): Effect.Effect<void, DataApiError> {
    const send = (text: ServiceText) => {
      if (text.lists.length + text.numbers.length > 0)
        return Effect.fail(refused(longListInBatch, "BatchExecuteStatement"))
      const request: BatchExecuteStatementRequest = {
        sql: text.sql,
        parameterSets: setsOf(text),
        database: this.options.database,
        transactionId: this.transaction?.id
      }
      const tooLarge = checkSize(request)
      if (tooLarge !== undefined) return Effect.fail(refused(tooLarge, "BatchExecuteStatement"))
      if (this.transaction !== undefined && statement.kind.commits) this.transaction.commitSent = true
      return Effect.asVoid(this.inTurn(this.options.api.batchExecuteStatement(request), false))
    }
    return Effect.suspend(() => {
      const call = { connection: this, statement, parameters }
      const known = knownText(call)
      return known === undefined ? Effect.flatMap(learnText(call), send) : send(known)
    })
  }

  /** Whether a statement that has run, or has failed, may run again: a query that changes nothing. */
  mayRunTwice(run: Prepared, mayLock: boolean): Effect.Effect<boolean> {
    const { parameters, statement } = run
    const call = { connection: this, parameters, statement }
    const known = knownText(call)
    const texts = known === undefined ? learnText(call) : Effect.succeed(known)
    const { api, database } = this.options
    return changesNothing(
      statement.sql,
      mayLock,
      (prefix) =>
        Effect.flatMap(texts, (text) =>
          this.send(statement.kind, { ...text, sql: prefix + text.sql }, parameters, false)
        ),
      (sql, parameters) =>
        this.inTurn(api.executeStatement({ sql, parameters, database, transactionId: this.transaction?.id }), false),
      (error) => isOverSize(error.reason)
    )
  }

  /** Reads a query through a cursor after its result was too large for one response. */
  #inPages(
    sql: string,
    params: ReadonlyArray<unknown>,
    error: DataApiError
  ): Effect.Effect<ExecuteStatementResponse, DataApiError | SqlError.SqlError> {
    const prepared = this.prepare(sql, params)
    if (!isOverSize(error.reason) || !isCursorQuery(sql) || Result.isFailure(prepared)) return Effect.fail(error)
    const pages = Effect.matchEffect(joinPages(this.options.readPages(this, sql, params)), {
      onFailure: (failure) => Effect.fail(isAborted(failure) ? error : failure),
      onSuccess: (response) => {
        // The cursor could be declared, so the failure has not aborted the transaction.
        this.repaired(error)
        return Effect.succeed(response)
      }
    })
    return Effect.flatMap(this.mayRunTwice(prepared.success, false), (may) => (may ? pages : Effect.fail(error)))
  }

  /** Runs a caller's statement. Only if its span is propagated, the current span is its own and gets its verb. */
  statement(
    sql: string,
    params: ReadonlyArray<unknown>
  ): Effect.Effect<ExecuteStatementResponse, DataApiError | SqlError.SqlError> {
    return Effect.contextWith((context: Context.Context<never>) => {
      const { needsSession, verb } = this.options.texts.kind(sql)
      if (needsSession !== undefined && this.transaction === undefined) return Effect.fail(refused(needsSession))
      const run = Effect.catch(this.run(sql, params), (error) => this.#inPages(sql, params, error))
      return Context.get(context, Statement.SpanPropagationEnabled)
        ? Effect.andThen(Effect.annotateCurrentSpan("db.operation.name", verb), run)
        : run
    })
  }

  #result<A>(
    sql: string,
    params: ReadonlyArray<unknown>,
    read: (response: ExecuteStatementResponse) => Result.Result<A, DataApiError>
  ): Effect.Effect<A, SqlError.SqlError> {
    return Effect.matchEffect(this.statement(sql, params), {
      onFailure: (error) => Effect.fail(this.sqlError(error)),
      onSuccess: (response) => {
        const result = read(response)
        return Result.isFailure(result) ? Effect.fail(this.sqlError(result.failure)) : Effect.succeed(result.success)
      }
    })
  }

  execute(sql: string, params: ReadonlyArray<unknown>, transformRows: Transform) {
    return this.#result(sql, params, transformRows === undefined ? rowsOf : (r) => Result.map(rowsOf(r), transformRows))
  }

  executeRaw(sql: string, params: ReadonlyArray<unknown>): Effect.Effect<RawResult, SqlError.SqlError> {
    return this.#result(sql, params, (response) => rawResultOf(response, this.options.texts.kind(sql).command))
  }

  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return this.#result(sql, params, valuesOf)
  }

  // The service alone decides whether it prepares a statement.
  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transformRows: Transform) {
    return this.execute(sql, params, transformRows)
  }

  executeValuesUnprepared(sql: string, params: ReadonlyArray<unknown>) {
    return this.executeValues(sql, params)
  }

  executeStream(
    sql: string,
    params: ReadonlyArray<unknown>,
    transformRows: Transform
  ): Stream.Stream<Row, SqlError.SqlError> {
    const pages = isCursorQuery(sql)
      ? this.options.readPages(this, sql, params)
      : Stream.fromEffect(Effect.mapError(this.statement(sql, params), (error) => this.sqlError(error)))
    const rows = rowsOfPages(this, pages)
    return transformRows === undefined
      ? rows
      : Stream.mapArray(rows, (page) => {
          const [first, ...rest] = transformRows(page)
          return first === undefined ? page : [first, ...rest]
        })
  }
}

const decodedBy =
  <A>(decode: (columns: ReadonlyArray<ColumnMetadata>, rows: Rows) => Result.Result<A, PgValueError>) =>
  (response: ExecuteStatementResponse): Result.Result<A, DataApiError> =>
    Result.mapError(decode(response.columnMetadata ?? [], cellsOf(response) ?? response.records ?? []), undecodable)

/** The rows of a response; empty if the statement returns none. */
export const rowsOf = decodedBy(decodeRows)

/** The same as arrays, in column order. */
const valuesOf = decodedBy(decodeValues)

/** Commands whose tag has no number of rows. */
const uncounted = new Set(["CALL", "EXPLAIN", "SHOW"])

const rawResultOf = (response: ExecuteStatementResponse, command: string): Result.Result<RawResult, DataApiError> =>
  Result.map(rowsOf(response), (rows) => ({
    command,
    // For a statement with RETURNING the service may report the number of rows, or 0.
    rowCount: uncounted.has(command) ? 0 : Math.max(rows.length, response.numberOfRecordsUpdated ?? 0),
    oid: command === "INSERT" ? 0 : null,
    rows,
    fields: (response.columnMetadata ?? []).map((column) => ({
      name: column.label || column.name,
      typeName: column.typeName,
      dataTypeId: oidOf(column.typeName)
    }))
  }))
