/**
 * The Data API for programs that write SQL with `:named` parameters.
 *
 * It stands on the `SqlClient` of `DataApiSql`: values, errors and transactions are the same, and the two can be mixed
 * within one transaction.
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
import { fromNamed, parameterName, render, type Template } from "../statement/Placeholders.ts"
import { tokenize } from "../statement/SqlLexer.ts"
import { encode, encodeJson, encodeRows, type PgParameter, type Row } from "../values/PgValue.ts"
import { columnName, type Inserted, type InsertOptions, insert, misuse, separated, written } from "./Bulk.ts"

/** Values by name. `undefined` is NULL, but in a condition it is refused. */
export type Values = Readonly<Record<string, unknown>>

/** Which rows an update or a delete is for: those whose columns equal these values. */
export interface Condition {
  readonly where?: Values | undefined
  /** Without a condition, every row is meant: that has to be said. */
  readonly all?: boolean | undefined
  /** The columns of the rows concerned that come back; `"*"` for all. None by default. */
  readonly returning?: ReadonlyArray<string> | "*" | undefined
}

type Outcome<A> = Effect.Effect<A, SqlError.SqlError>

/** The statement with `$1` for the first name, `$2` for the second. */
const numbered = (template: Template): string =>
  template.pieces.reduce((text, piece, index) => `${text}$${(template.parameters[index - 1] ?? 0) + 1}${piece}`)

/** One cast for a parameter of a batch, whose sets may hold values of different kinds. */
const commonCast = (casts: ReadonlySet<string>): string | undefined => {
  const typed = [...casts].filter((cast) => cast !== "" && cast !== "{}")
  if (typed.length === 0) return [...casts][0] ?? ""
  if (typed.length === 1) return typed[0]
  return typed.every((cast) => cast === "int4" || cast === "int8") ? "int8" : undefined
}

const textField = (parameter: PgParameter): boolean =>
  parameter.cast === "" && parameter.value !== undefined && "stringValue" in parameter.value

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
     * The rows of a statement.
     *
     * @errors SqlError
     */
    readonly query: (sql: string, values?: Values) => Outcome<ReadonlyArray<Row>>
    /**
     * The only row of a statement, or none; more than one is a failure.
     *
     * @errors SqlError
     */
    readonly queryOne: (sql: string, values?: Values) => Outcome<Option.Option<Row>>
    /**
     * The number of rows that a statement wrote.
     *
     * @errors SqlError
     */
    readonly execute: (sql: string, values?: Values) => Outcome<number>
    /**
     * Runs a statement once for each set of values, in one request and all or nothing. It can't return rows.
     *
     * @errors SqlError
     */
    readonly batch: (sql: string, sets: ReadonlyArray<Values>) => Outcome<void>
    /**
     * Inserts one row or many; see `Bulk.insert`.
     *
     * @errors SqlError
     */
    readonly insert: (table: string, rows: Values | ReadonlyArray<Values>, options?: InsertOptions) => Outcome<Inserted>
    /**
     * Sets columns of the rows that a condition is for.
     *
     * @errors SqlError
     */
    readonly update: (table: string, values: Values, condition: Condition) => Outcome<Inserted>
    /**
     * Deletes the rows that a condition is for.
     *
     * @errors SqlError
     */
    readonly delete: (table: string, condition: Condition) => Outcome<Inserted>
    /**
     * Runs an effect in a transaction; one within another is a savepoint.
     *
     * @errors SqlError
     */
    readonly transaction: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | SqlError.SqlError, R>
  }
>()("alex-database/data-api/DataApiClient") {
  /** On a `SqlClient` that is there already; it must be one of `DataApiSql`. */
  static readonly layerNoDeps: Layer.Layer<DataApiClient, never, SqlClient.SqlClient> = Layer.effect(
    DataApiClient,
    Effect.suspend(() => make)
  )

  /**
   * With a `SqlClient` of its own, which is provided as well.
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

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  const statement = (operation: string, text: string, values: Values) => {
    const names = Object.keys(values)
    const template = fromNamed(text, names)
    return Result.isFailure(template)
      ? Effect.fail(misuse(operation, template.failure))
      : Effect.succeed(
          sql.unsafe<Row>(
            numbered(template.success),
            names.map((name) => values[name])
          )
        )
  }

  const query = Effect.fn("DataApiClient.query")(function* (text: string, values: Values = {}) {
    return yield* yield* statement("query", text, values)
  })

  const queryOne = Effect.fn("DataApiClient.queryOne")(function* (text: string, values: Values = {}) {
    const rows = yield* yield* statement("queryOne", text, values)
    if (rows.length > 1) return yield* misuse("queryOne", `The statement gave ${rows.length} rows, not one.`)
    return Option.fromUndefinedOr(rows[0])
  })

  const execute = Effect.fn("DataApiClient.execute")(function* (text: string, values: Values = {}) {
    const result = yield* (yield* statement("execute", text, values)).raw
    return typeof result === "object" && result !== null && "rowCount" in result ? Number(result.rowCount) : 0
  })

  /** The connection of the current transaction. */
  const connection = Effect.flatMap(Effect.serviceOption(sql.transactionService), (current) =>
    Option.isSome(current) && current.value[0] instanceof DataApiConnection
      ? Effect.succeed(current.value[0])
      : Effect.fail(misuse("batch", "DataApiClient needs the SqlClient of DataApiSql."))
  )

  const batch = Effect.fn("DataApiClient.batch")(function* (text: string, sets: ReadonlyArray<Values>) {
    const first = sets[0]
    if (first === undefined) return
    const names = Object.keys(first)
    const template = fromNamed(text, names)
    if (Result.isFailure(template)) return yield* misuse("batch", template.failure)
    if (
      tokenize(text).some((token) => token.kind === "word" && /^returning$/i.test(text.slice(token.start, token.end)))
    ) {
      return yield* misuse("batch", "A batch returns no rows: use insert, or query.")
    }
    const encodedSets: Array<ReadonlyArray<PgParameter>> = []
    for (const [index, set] of sets.entries()) {
      const other =
        Object.keys(set).find((name) => !names.includes(name)) ?? names.find((name) => !Object.hasOwn(set, name))
      if (other !== undefined) return yield* misuse("batch", `Set ${index} and set 0 differ in :${other}.`)
      const encoded = encode(names.map((name) => set[name]))
      if (Result.isFailure(encoded)) {
        return yield* misuse("batch", `Set ${index} can't be sent: ${encoded.failure.message}.`)
      }
      encodedSets.push(encoded.success)
    }
    const casts: Array<string> = []
    for (const [index, name] of names.entries()) {
      const parameters = encodedSets.flatMap((set) => set[index] ?? [])
      const cast = commonCast(new Set(parameters.map((parameter) => parameter.cast)))
      // A cast would read text as another type, which is not what a text is.
      if (cast === undefined || (cast !== "" && cast !== "{}" && parameters.some(textField))) {
        return yield* misuse("batch", `The sets hold values of different types for :${name}.`)
      }
      casts.push(cast)
    }
    const parameterSets = encodedSets.map((set) =>
      set.flatMap((parameter, index) =>
        casts[index] === "{}" ? [] : [{ name: parameterName(index), value: parameter.value ?? { stringValue: "{}" } }]
      )
    )
    const request = { sql: render(template.success, casts), parameterSets }
    // Whether the service runs a batch all or nothing by itself is nowhere said.
    yield* sql.withTransaction(
      Effect.flatMap(connection, (current) => Effect.mapError(current.batch(request), toSqlError))
    )
  })

  /** Equality of columns with values of the columns' own types, which `w` holds. */
  const matching = (operation: string, table: string, { all, where = {} }: Condition) => {
    const keys = Object.keys(where)
    const open = keys.find((key) => where[key] === undefined)
    if (open !== undefined) return Effect.fail(misuse(operation, `The condition on "${open}" has no value.`))
    if (keys.length === 0 && all !== true) {
      return Effect.fail(misuse(operation, `Without a condition every row of ${table} is meant: say { all: true }.`))
    }
    return Effect.map(record(operation, table, where, "w"), (w) => ({
      from: w,
      condition: sql.and(
        keys.length === 0
          ? ["true"]
          : keys.map((key) => (where[key] === null ? sql`t.${sql(key)} is null` : sql`t.${sql(key)} = w.${sql(key)}`))
      )
    }))
  }

  /** A row of the table's types with these values. */
  const record = (operation: string, table: string, values: Values, alias: string) => {
    const keys = Object.keys(values)
    const columns = keys.map((key) => columnName(sql, key))
    const json = Result.flatMap(encodeRows(keys, columns, [values]), ([row]) => encodeJson(row))
    return Result.isFailure(json)
      ? Effect.fail(misuse(operation, `A value can't be sent: ${json.failure.message}.`))
      : Effect.succeed(sql`json_populate_record(null::${sql(table)}, ${json.success}::json) as ${sql.literal(alias)}`)
  }

  const update = Effect.fn("DataApiClient.update")(function* (table: string, values: Values, condition: Condition) {
    const keys = Object.keys(values)
    if (keys.length === 0) return yield* misuse("update", "There is no column to set.")
    const { condition: matches, from } = yield* matching("update", table, condition)
    const set = yield* record("update", table, values, "s")
    const assignments = separated(
      sql,
      ", ",
      keys.map((key) => sql`${sql(key)} = s.${sql(key)}`)
    )
    return yield* written(
      sql,
      sql`update ${sql(table)} as t set ${assignments} from ${set}, ${from} where ${matches}`,
      condition.returning,
      "t"
    )
  })

  const remove = Effect.fn("DataApiClient.delete")(function* (table: string, condition: Condition) {
    const { condition: matches, from } = yield* matching("delete", table, condition)
    return yield* written(
      sql,
      sql`delete from ${sql(table)} as t using ${from} where ${matches}`,
      condition.returning,
      "t"
    )
  })

  const insertRows = (table: string, rows: Values | ReadonlyArray<Values>, options?: InsertOptions) =>
    Effect.provideService(insert(table, isMany(rows) ? rows : [rows], options), SqlClient.SqlClient, sql)

  return DataApiClient.of({
    query,
    queryOne,
    execute,
    batch,
    insert: insertRows,
    update,
    delete: remove,
    transaction: sql.withTransaction
  })
})

const isMany = (rows: Values | ReadonlyArray<Values>): rows is ReadonlyArray<Values> => Array.isArray(rows)
