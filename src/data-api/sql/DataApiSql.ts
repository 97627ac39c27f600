/**
 * `effect/sql` over the RDS Data API: a `SqlClient` whose statements, values and errors mean what they mean with
 * `@effect/sql-pg`.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as SqlClient from "effect/sql/SqlClient"
import * as SqlError from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import { DataApi } from "../DataApi.ts"
import { json, makeCompiler } from "./Compiler.ts"
import { type ConnectionOptions, DataApiConnection } from "./DataApiConnection.ts"
import { isCursorQuery, streamRows } from "./DataApiStream.ts"
import { ParameterTypes } from "./ParameterTypes.ts"
import { StatementTexts } from "./StatementTexts.ts"
import { Transactions } from "./Transactions.ts"

export { RollbackFailure } from "./Transactions.ts"

/** Settings of the client; all have a default. */
export interface Options {
  /** The database to connect to, where it is not the one of the `DataApi` layer. */
  readonly database?: string | undefined
  /**
   * Lets every statement run on past the 45 seconds after which its call fails, or those for which an effect, such as a
   * `Context.Reference`, says so. Default false.
   */
  readonly continueAfterTimeout?: boolean | Effect.Effect<boolean> | undefined
  /**
   * Looks a commit up (`pg_xact_status`) whose answer was lost. Costs one request at each commit. Default false: such
   * a commit fails with `OutcomeUnknown`.
   */
  readonly resolveCommit?: boolean | undefined
  /** How long the rollback of an interrupted transaction waits for a statement that still runs. Default 10 seconds. */
  readonly rollbackPatience?: Duration.Input | undefined
  /** How many statements' texts are kept prepared for sending. Default 500. */
  readonly statementCacheSize?: number | undefined
  /**
   * What type a string has whose placeholder carries no cast, also in an array, and a NULL that several placeholders
   * stand for. `inferred`, the default: the one that PostgreSQL infers, as with `@effect/sql-pg`; the driver asks it
   * when a statement is used first, which takes one request more, in a transaction two. `text`: nothing is asked, and
   * the statement needs a cast wherever something else than text is meant.
   */
  readonly parameterTypes?: "inferred" | "text" | undefined
  /**
   * What `sql.reserve` gives. `refused`, the default: it fails, since it promises a session of one's own, which the Data
   * API does not have. `shared`: a connection whose statements are requests like any other, for libraries that reserve
   * one and need no session, as the row locks of `effect/cluster`.
   */
  readonly reserve?: "refused" | "shared" | undefined
  readonly transformResultNames?: ((name: string) => string) | undefined
  readonly transformQueryNames?: ((name: string) => string) | undefined
  /** Whether the transformations of names reach into json, as parameters and in results. Default true. */
  readonly transformJson?: boolean | undefined
  /** Further attributes of every span, for example `server.address`. */
  readonly spanAttributes?: Readonly<Record<string, unknown>> | undefined
}

const noSession = new SqlError.SqlError({
  reason: new SqlError.UnknownError({
    cause: new Error("The Data API has no sessions."),
    message:
      "sql.reserve promises a session of one's own, which the Data API does not have: use sql.withTransaction, in which every statement runs in one session. A cluster of effect/cluster uses row locks: alex-database/data-api/Cluster.",
    operation: "reserve"
  })
})

/** Makes the client of {@link layer}. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const api = yield* DataApi
  const { continueAfterTimeout = false, database, transformResultNames } = options
  const connectionOptions: ConnectionOptions = {
    api,
    database,
    texts: new StatementTexts(options.statementCacheSize ?? 500),
    types: new ParameterTypes(options.statementCacheSize ?? 500),
    infers: options.parameterTypes !== "text",
    continueAfterTimeout: Effect.isEffect(continueAfterTimeout)
      ? continueAfterTimeout
      : Effect.succeed(continueAfterTimeout),
    stream: (connection, sql, params) => {
      if (!isCursorQuery(sql)) return Stream.fromArrayEffect(connection.execute(sql, params, undefined))
      return connection.transaction === undefined
        ? transactions.stream(sql, params)
        : streamRows(connection, sql, params, "given")
    }
  }
  const plain = new DataApiConnection(connectionOptions)
  const transactions = new Transactions({
    api,
    database,
    plain,
    resolveCommit: options.resolveCommit === true,
    rollbackPatience: options.rollbackPatience ?? "10 seconds"
  })
  const spanAttributes: ReadonlyArray<readonly [string, unknown]> = [
    ["db.system.name", "postgresql"],
    ...(database === undefined ? [] : [["db.namespace", database] as const]),
    ...Object.entries(options.spanAttributes ?? {})
  ]
  const client = yield* SqlClient.make({
    acquirer: Effect.succeed(plain),
    borrower: (use) => use(plain),
    compiler: makeCompiler(options.transformQueryNames, options.transformJson),
    driver: "data-api",
    spanAttributes,
    transformRows:
      transformResultNames === undefined
        ? undefined
        : Statement.defaultTransforms(transformResultNames, options.transformJson).array
  })
  return Object.assign(client, {
    json,
    reserve: options.reserve === "shared" ? client.reserve : Effect.fail(noSession),
    withTransaction: transactions.withTransaction(client, spanAttributes)
  })
})

/**
 * Provides `SqlClient` over whichever `DataApi` is given.
 *
 * Every statement is one request. A transaction is one of the service's; nested ones are savepoints; its statements
 * run one after another. A transaction in which a statement failed is not committed, even if the failure was caught:
 * `withTransaction` then rolls back and fails. What needs a session (`reserve`, session-level advisory locks, `SET`,
 * `BEGIN`, `LISTEN`, temporary tables) is refused outside of a transaction, with what to do instead.
 *
 * A stream reads through a cursor, in the current transaction or else in one of its own. The service ends a transaction
 * after 3 minutes without a call, so a page must not take its consumer longer than that.
 *
 * A placeholder that a statement repeats, as `$1` twice, is two parameters to the service; where PostgreSQL must see
 * them as equal, in `GROUP BY date_trunc($1, at)`, name the expression once and refer to it by its position or alias.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { SqlClient } from "effect/sql"
 * import { DataApiSql, RetryPolicy } from "alex-database/data-api"
 * import { LocalDataApi } from "alex-database/local"
 *
 * const program = Effect.gen(function*() {
 *   const sql = yield* SqlClient.SqlClient
 *   return yield* sql`select ${7n} as seven` // [{ seven: 7n }]
 * })
 *
 * const database = DataApiSql.layer().pipe(
 *   Layer.provide(RetryPolicy.layer()),
 *   Layer.provide(LocalDataApi.layer({ dataDir: "memory" }))
 * )
 * ```
 */
export const layer = (options: Options = {}): Layer.Layer<SqlClient.SqlClient, never, DataApi> =>
  Layer.effect(SqlClient.SqlClient, make(options)).pipe(Layer.provide(Reactivity.layer))

/** Whether a failure is a serialization failure or a deadlock, which a retry of the whole transaction may get past. */
export const isSerializationFailure = (error: unknown): boolean =>
  SqlError.isSqlError(error) && (error.reason._tag === "SerializationError" || error.reason._tag === "DeadlockError")

/** Five repetitions, after 50 ms, 100 ms, 200 ms, 400 ms and 800 ms, each 80 to 120 per cent of it. */
const retryTransactionSchedule = Schedule.exponential("50 millis").pipe(Schedule.jittered, Schedule.upTo({ times: 5 }))

/**
 * Runs an effect in a transaction, and retries the whole of it after a serialization failure (40001) or a deadlock
 * (40P01), for which PostgreSQL has rolled everything back. Within another transaction it is not repeated: only the
 * outermost can be.
 *
 * @errors SqlError
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { SqlClient } from "effect/sql"
 * import { DataApiSql } from "alex-database/data-api"
 *
 * const transfer = Effect.gen(function*() {
 *   const sql = yield* SqlClient.SqlClient
 *   yield* sql`update accounts set cash_balance = cash_balance - 10 where account_name = 'a'`
 *   yield* sql`update accounts set cash_balance = cash_balance + 10 where account_name = 'b'`
 * }).pipe(DataApiSql.retryTransaction, DataApiSql.withIsolation("SERIALIZABLE"))
 * ```
 */
export const retryTransaction = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError.SqlError, R | SqlClient.SqlClient> =>
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    Effect.flatMap(Effect.serviceOption(sql.transactionService), (outer) =>
      Option.isSome(outer)
        ? sql.withTransaction(effect)
        : Effect.retry(sql.withTransaction(effect), {
            while: isSerializationFailure,
            schedule: retryTransactionSchedule
          })
    )
  )

/** Has the transactions that an effect begins run at an isolation level. */
export const withIsolation =
  (level: "READ COMMITTED" | "REPEATABLE READ" | "SERIALIZABLE") =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(effect, SqlClient.BeginTransaction, `BEGIN ISOLATION LEVEL ${level}`)
