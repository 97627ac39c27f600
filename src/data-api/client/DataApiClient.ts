/**
 * The Data API for programs that write SQL with `:named` parameters.
 *
 * It uses the `SqlClient` of `DataApiSql`: values, errors and transactions are the same, and both can be used in one
 * transaction.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import type { DataApi } from "../DataApi.ts"
import { DataApiConnection } from "../sql/DataApiConnection.ts"
import * as DataApiSql from "../sql/DataApiSql.ts"
import { toSqlError } from "../sql/SqlErrors.ts"
import { knownStatement } from "../sql/StatementTexts.ts"
import { fromNamed } from "../statement/Placeholders.ts"
import { tokenize } from "../statement/SqlLexer.ts"
import type { Row } from "../values/PgValue.ts"
import { encodeSets, parameterSets, type Values } from "./Batch.ts"
import { type InsertOptions, insert, misuse, type WriteResult } from "./Bulk.ts"
import { type Condition, deleteRows, updateRows } from "./Conditions.ts"
import { NumberedTexts } from "./NumberedTexts.ts"

export type { Values } from "./Batch.ts"
export type { Condition } from "./Conditions.ts"

type Outcome<A> = Effect.Effect<A, SqlError.SqlError>

/**
 * SQL with `:named` parameters, writes by table and condition, batches and transactions.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { DataApiClient } from "alex-database/data-api"
 *
 * const rename = Effect.gen(function*() {
 *   const db = yield* DataApiClient
 *   const { count } = yield* db.update("users", { display_name: "Ann" }, { where: { clerk_user_id: "user_1" } })
 *   return count // 1 if there is such a user
 * })
 * ```
 */
export class DataApiClient extends Context.Service<
  DataApiClient,
  {
    /**
     * Runs a statement and returns its rows.
     *
     * @errors SqlError
     */
    readonly query: (sql: string, values?: Values) => Outcome<ReadonlyArray<Row>>
    /**
     * Runs a statement and returns its row, if there is one; more than one row is an error.
     *
     * @errors SqlError
     */
    readonly queryOne: (sql: string, values?: Values) => Outcome<Option.Option<Row>>
    /**
     * Runs a statement and returns the number of rows that it wrote.
     *
     * @errors SqlError
     */
    readonly execute: (sql: string, values?: Values) => Outcome<number>
    /**
     * Runs a statement once for each set of values, in one request and one transaction. It can't return rows.
     *
     * @errors SqlError
     */
    readonly batch: (sql: string, sets: ReadonlyArray<Values>) => Outcome<void>
    /**
     * Inserts one row or many; see `Bulk.insert`.
     *
     * @errors SqlError
     */
    readonly insert: (
      table: string,
      rows: Values | ReadonlyArray<Values>,
      options?: InsertOptions
    ) => Outcome<WriteResult>
    /**
     * Updates columns of the rows that match a condition.
     *
     * @errors SqlError
     */
    readonly update: (table: string, values: Values, condition: Condition) => Outcome<WriteResult>
    /**
     * Deletes the rows that match a condition.
     *
     * @errors SqlError
     */
    readonly delete: (table: string, condition: Condition) => Outcome<WriteResult>
    /**
     * Runs an effect in a transaction; a nested one is a savepoint.
     *
     * @errors SqlError
     */
    readonly transaction: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | SqlError.SqlError, R>
  }
>()("alex-database/data-api/DataApiClient") {
  /** Uses an existing `SqlClient`, which must be one of `DataApiSql`. */
  static readonly layerNoDeps: Layer.Layer<DataApiClient, never, SqlClient.SqlClient> = Layer.effect(
    DataApiClient,
    Effect.suspend(() => make)
  )

  /**
   * Creates its own `SqlClient`, and provides it as well.
   *
   * @example
   * ```ts
   * import { Effect, Layer } from "effect"
   * import { DataApiClient, RetryPolicy } from "alex-database/data-api"
   * import { LocalDataApi } from "alex-database/local"
   *
   * const program = Effect.gen(function*() {
   *   const db = yield* DataApiClient
   *   yield* db.insert("users", { clerk_user_id: "user_1", display_name: "Ann" })
   *   return yield* db.queryOne("select * from users where clerk_user_id = :id", { id: "user_1" })
   * })
   *
   * const database = DataApiClient.layer().pipe(
   *   Layer.provide(RetryPolicy.layer()),
   *   Layer.provide(LocalDataApi.layer({ dataDir: ".alex-db" }))
   * )
   * ```
   */
  static readonly layer = (
    options?: DataApiSql.Options
  ): Layer.Layer<DataApiClient | SqlClient.SqlClient, never, DataApi> =>
    DataApiClient.layerNoDeps.pipe(Layer.provideMerge(DataApiSql.layer(options)))
}

/** Builds the statement of a text with named parameters and their values, or fails. */
const statementBy = (sql: SqlClient.SqlClient) => {
  const texts = new NumberedTexts()
  return (operation: string, text: string, values: Values) => {
    const names = Object.keys(values)
    const numbered = texts.find(text, names)
    return Result.isFailure(numbered)
      ? Effect.fail(misuse(operation, numbered.failure))
      : Effect.succeed(
          sql.unsafe<Row>(
            numbered.success,
            names.map((name) => values[name])
          )
        )
  }
}

/** The connection of the current transaction. */
const connection = (sql: SqlClient.SqlClient) =>
  Effect.flatMap(Effect.serviceOption(sql.transactionService), (current) =>
    Option.isSome(current) && current.value[0] instanceof DataApiConnection
      ? Effect.succeed(current.value[0])
      : Effect.fail(misuse("batch", "DataApiClient needs the SqlClient of DataApiSql."))
  )

const returnsRows = (text: string): boolean =>
  tokenize(text).some((token) => token.kind === "word" && /^returning$/i.test(text.slice(token.start, token.end)))

const runBatch = Effect.fnUntraced(function* (sql: SqlClient.SqlClient, text: string, sets: ReadonlyArray<Values>) {
  const first = sets[0]
  if (first === undefined) return
  const names = Object.keys(first)
  const template = fromNamed(text, names)
  if (Result.isFailure(template)) return yield* misuse("batch", template.failure)
  if (returnsRows(text)) return yield* misuse("batch", "A batch returns no rows: use insert, or query.")
  const batch = encodeSets(names, sets)
  if (Result.isFailure(batch)) return yield* misuse("batch", batch.failure)
  const known = knownStatement(text, template.success)
  // The service does not document that a batch is atomic.
  yield* sql.withTransaction(
    Effect.flatMap(connection(sql), (current) =>
      Effect.mapError(
        current.batch(known, batch.success.parameters, ({ literal }) => parameterSets(batch.success, literal)),
        toSqlError
      )
    )
  )
})

const isMany = (rows: Values | ReadonlyArray<Values>): rows is ReadonlyArray<Values> => Array.isArray(rows)

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const statement = statementBy(sql)
  return DataApiClient.of({
    query: Effect.fn("DataApiClient.query")(function* (text: string, values: Values = {}) {
      return yield* yield* statement("query", text, values)
    }),
    queryOne: Effect.fn("DataApiClient.queryOne")(function* (text: string, values: Values = {}) {
      const rows = yield* yield* statement("queryOne", text, values)
      if (rows.length > 1) return yield* misuse("queryOne", `The statement gave ${rows.length} rows, not one.`)
      return Option.fromUndefinedOr(rows[0])
    }),
    execute: Effect.fn("DataApiClient.execute")(function* (text: string, values: Values = {}) {
      const result = yield* (yield* statement("execute", text, values)).raw
      return typeof result === "object" && result !== null && "rowCount" in result ? Number(result.rowCount) : 0
    }),
    batch: Effect.fn("DataApiClient.batch")((text: string, sets: ReadonlyArray<Values>) => runBatch(sql, text, sets)),
    insert: (table, rows, options) =>
      Effect.provideService(insert(table, isMany(rows) ? rows : [rows], options), SqlClient.SqlClient, sql),
    update: Effect.fn("DataApiClient.update")((table: string, values: Values, condition: Condition) =>
      updateRows(sql, table, values, condition)
    ),
    delete: Effect.fn("DataApiClient.delete")((table: string, condition: Condition) =>
      deleteRows(sql, table, condition)
    ),
    transaction: sql.withTransaction
  })
})
