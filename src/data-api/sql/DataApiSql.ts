/**
 * `effect/sql` over the RDS Data API: a `SqlClient` whose statements, values and errors are the same as with
 * `@effect/sql-pg`.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Schedule from "effect/Schedule"
import * as SqlClient from "effect/sql/SqlClient"
import * as SqlError from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import { DataApi } from "../DataApi.ts"
import { forCluster } from "../statement/StatementKind.ts"
import { json, makeCompiler } from "./Compiler.ts"
import { type ConnectionOptions, DataApiConnection } from "./DataApiConnection.ts"
import { readPages } from "./DataApiStream.ts"
import { ParameterTypes } from "./ParameterTypes.ts"
import { StatementTexts } from "./StatementTexts.ts"
import { Transactions } from "./Transactions.ts"

export { RollbackFailure } from "./Transactions.ts"

/** Settings of the client; all have a default. */
export interface Options {
  /** The database to connect to, if not the one of the `DataApi` layer. */
  readonly database?: string | undefined
  /**
   * Lets every statement continue when its call fails after 45 seconds. An effect, such as a `Context.Reference`,
   * decides for each statement. Default false.
   */
  readonly continueAfterTimeout?: boolean | Effect.Effect<boolean> | undefined
  /**
   * Looks up the outcome of a commit whose response was lost (`pg_xact_status`). It costs one more request for each
   * commit. Default false: such a commit fails with `OutcomeUnknown`.
   */
  readonly resolveCommit?: boolean | undefined
  /** How long the rollback of an interrupted transaction waits for a running statement. Default 10 seconds. */
  readonly rollbackPatience?: Duration.Input | undefined
  /** How many parsed statements are cached. Default 500. */
  readonly statementCacheSize?: number | undefined
  /**
   * The type of a string, also in an array, whose placeholder has no cast, and of a NULL with several placeholders.
   * `inferred`, the default: the type that PostgreSQL infers, as with `@effect/sql-pg`. The driver asks for it when a
   * statement is first used, which costs one more request, or two in a transaction. `text`: the type is text, nothing
   * is asked, and any other type needs a cast in the statement.
   */
  readonly parameterTypes?: "inferred" | "text" | undefined
  /**
   * What `sql.reserve` does. `refused`, the default: it fails, because it promises an exclusive session, which the Data
   * API does not have. `shared`: it returns a connection whose statements are ordinary requests, for libraries that
   * reserve one but need no session, such as the row locks of `effect/cluster`.
   */
  readonly reserve?: "refused" | "shared" | undefined
  readonly transformResultNames?: ((name: string) => string) | undefined
  readonly transformQueryNames?: ((name: string) => string) | undefined
  /** Whether names are also transformed within json values, in parameters and in results. Default true. */
  readonly transformJson?: boolean | undefined
  /** Further attributes of every span, for example `server.address`. */
  readonly spanAttributes?: Readonly<Record<string, unknown>> | undefined
}

const noSession = new SqlError.SqlError({
  reason: new SqlError.UnknownError({
    cause: new Error("The Data API has no sessions."),
    message: `sql.reserve promises an exclusive session, which the Data API does not have: use sql.withTransaction, in which every statement runs in one session. ${forCluster}`,
    operation: "reserve"
  })
})

/** Creates the client of {@link layer}. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const api = yield* DataApi
  const { continueAfterTimeout = false, database, transformResultNames } = options
  const connectionOptions: ConnectionOptions = {
    api,
    database,
    texts: new StatementTexts(options.statementCacheSize ?? 500),
    types: new ParameterTypes(options.statementCacheSize ?? 500),
    infers: options.parameterTypes !== "text",
    continueAfterTimeout,
    readPages: (connection, sql, params) =>
      connection.transaction === undefined ? transactions.readPages(sql, params) : readPages(connection, sql, params)
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
 * Every statement is one request. `withTransaction` uses a transaction of the service; a nested one is a savepoint. The
 * statements of a transaction run one after another. A transaction in which a statement failed is not committed, even
 * if the failure was caught: `withTransaction` rolls it back and fails. Outside of a transaction, statements that need
 * a session (session-level advisory locks, `SET`, `BEGIN`, `LISTEN`, temporary tables) and `reserve` fail with a
 * message that says what to do instead.
 *
 * A stream reads through a cursor, in the current transaction or else in its own, which ends before the last page is
 * emitted. The service ends a transaction after 3 minutes without a call, so a consumer must not take longer for one of
 * the other pages.
 *
 * A repeated placeholder, such as `$1` twice, becomes two parameters for the service. If PostgreSQL must see them as
 * equal, as in `GROUP BY date_trunc($1, at)`, write the expression once and refer to it by its position or alias.
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

/** Whether a failure is a serialization failure or a deadlock, after which the whole transaction can be retried. */
export const isSerializationFailure = (error: unknown): boolean =>
  SqlError.isSqlError(error) && (error.reason._tag === "SerializationError" || error.reason._tag === "DeadlockError")

/** Five retries, after 50, 100, 200, 400 and 800 ms, each with 20 per cent of jitter. */
const retryTransactionSchedule = Schedule.exponential("50 millis").pipe(Schedule.jittered, Schedule.upTo({ times: 5 }))

/**
 * Runs an effect in a transaction, and retries the whole transaction up to five times after a serialization failure
 * (40001) or a deadlock (40P01), since PostgreSQL has rolled everything back. Within another transaction it is not
 * retried: only the outermost one can be.
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

/** Sets the isolation level of the transactions that an effect begins. */
export const withIsolation =
  (level: "READ COMMITTED" | "REPEATABLE READ" | "SERIALIZABLE") =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(effect, SqlClient.BeginTransaction, `BEGIN ISOLATION LEVEL ${level}`)
