/**
 * `effect/sql` over the RDS Data API: a `SqlClient` whose statements, values and errors mean what they mean with
 * `@effect/sql-pg`.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlConnection from "effect/sql/SqlConnection"
import * as SqlError from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import { DataApi, type ExecuteStatementResponse } from "../DataApi.ts"
import { DataApiError, notCommitted, outcomeUnknown } from "../DataApiError.ts"
import { DataApiConnection, refused, Templates, type Transaction } from "./DataApiConnection.ts"
import { isCursorQuery, streamRows } from "./DataApiStream.ts"
import { sqlErrorReason, toSqlError } from "./SqlErrors.ts"

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
  readonly transformResultNames?: ((name: string) => string) | undefined
  readonly transformQueryNames?: ((name: string) => string) | undefined
  /** Whether `transformResultNames` reaches into json. Default false. */
  readonly transformJson?: boolean | undefined
  /** Further attributes of every span, for example `server.address`. */
  readonly spanAttributes?: Readonly<Record<string, unknown>> | undefined
}

/** On the cause of a failed transaction, if its rollback failed too: what the rollback failed with. */
export class RollbackFailure extends Context.Service<RollbackFailure, DataApiError>()(
  "alex-database/data-api/RollbackFailure"
) {}

const quoteIdentifier = Statement.defaultEscape('"')

/** The compiler of `@effect/sql-pg`: placeholders are `$n` until a statement is sent. */
const makeCompiler = (transform: ((name: string) => string) | undefined): Statement.Compiler =>
  Statement.makeCompiler({
    dialect: "pg",
    placeholder: (index) => `$${index}`,
    onIdentifier:
      transform === undefined
        ? quoteIdentifier
        : (value, withoutTransform) => quoteIdentifier(withoutTransform ? value : transform(value)),
    onRecordUpdate: (placeholders, alias, columns, values, returning) => [
      `(values ${placeholders}) AS ${alias}${columns}${returning === undefined ? "" : ` RETURNING ${returning[0]}`}`,
      returning === undefined ? values.flat() : values.flat().concat(returning[1])
    ],
    onCustom: () => ["", []]
  })

/** What follows BEGIN in the statement that a caller wants its transaction begun with. */
const transactionModes = (begin: string): string =>
  begin
    .trim()
    .replace(/^(?:begin(?:\s+(?:work|transaction))?|start\s+transaction)\b\s*|;$/gi, "")
    .trim()

const isBusy = (error: DataApiError): boolean => error.reason._tag === "TransactionBusy"

/** The transaction has ended already, by itself or by the service's limits: nothing is left to roll back. */
const isGone = (error: DataApiError): boolean =>
  error.reason._tag === "TransactionNotFound" || error.reason._tag === "NotFound"

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

const newTransaction = (id: string): Transaction => ({
  id,
  turn: Semaphore.makeUnsafe(1),
  failure: undefined,
  commitSent: false,
  failures: new WeakSet(),
  rollbackFailure: undefined
})

/** The text in the first column of the first row. */
const firstText = ({ records }: ExecuteStatementResponse): string | undefined => {
  const field = records?.[0]?.[0]
  return field !== undefined && "stringValue" in field ? field.stringValue : undefined
}

/** What a transaction has failed with, if the failure is its own. */
const failureOf =
  (transaction: Transaction) =>
  <E>(error: E): E | SqlError.SqlError => {
    const failure = SqlError.isSqlError(error) ? error.reason.cause : error
    return failure instanceof DataApiError &&
      failure.didRun === "unknown" &&
      transaction.failures.has(failure) &&
      !transaction.commitSent
      ? toSqlError(notCommitted(failure))
      : error
  }

/** PostgreSQL would answer the commit of an aborted transaction with success. */
const refuseIfFailed = ({ commitSent, failure }: Transaction): Effect.Effect<void, SqlError.SqlError> =>
  failure === undefined
    ? Effect.void
    : Effect.fail(
        new SqlError.SqlError({
          reason: sqlErrorReason(
            commitSent ? failure : notCommitted(failure),
            `The transaction was rolled back, since a statement in it had failed: ${failure.reason.message}`
          )
        })
      )

const make = Effect.fnUntraced(function* (options: Options) {
  const api = yield* DataApi
  const { transformResultNames } = options
  const whileBusy = {
    while: isBusy,
    schedule: Schedule.spaced("100 millis").pipe(Schedule.upTo({ duration: options.rollbackPatience ?? "10 seconds" }))
  }

  /** Ends a transaction that is not to be kept. Never fails, so that it can't hide why. */
  const rollBack = (transaction: Transaction): Effect.Effect<void> =>
    api.rollbackTransaction({ transactionId: transaction.id }).pipe(
      // The statement of an interrupted caller may still be running there.
      Effect.retry(whileBusy),
      Effect.asVoid,
      Effect.catchIf(isGone, () => Effect.void),
      Effect.catch((error) => {
        transaction.rollbackFailure = error
        return Effect.logWarning(
          "A transaction could not be rolled back; the service does it after 3 minutes without a call."
        ).pipe(Effect.annotateLogs({ failure: error.reason._tag, requestId: error.requestId }))
      })
    )

  /**
   * Begins a transaction. The caller is interruptible while it waits, but then the answer is still waited for,
   * briefly: without the id nobody could roll back what the service has begun.
   */
  const begin = (restore: Restore): Effect.Effect<Transaction, SqlError.SqlError> =>
    Effect.flatMap(
      Effect.forkDetach(Effect.interruptible(api.beginTransaction({ database: options.database }))),
      (answer) =>
        restore(Fiber.join(answer)).pipe(
          Effect.onInterrupt(() =>
            Fiber.await(answer).pipe(
              Effect.timeoutOrElse({
                duration: "2 seconds",
                orElse: () => Effect.andThen(Fiber.interrupt(answer), Fiber.await(answer))
              }),
              Effect.flatMap((exit) =>
                Exit.isSuccess(exit) ? rollBack(newTransaction(exit.value.transactionId)) : Effect.void
              )
            )
          ),
          Effect.map(({ transactionId }) => newTransaction(transactionId)),
          Effect.mapError((error) => toSqlError(notCommitted(error)))
        )
    )

  /** `committed`, `aborted`, or for 2 seconds `in progress`. */
  const statusOf = (xactId: string): Effect.Effect<string | undefined, DataApiError> =>
    plainConnection.run("select pg_xact_status($1::text::xid8)", [xactId]).pipe(
      Effect.map(firstText),
      Effect.repeat({
        while: (status) => status === "in progress",
        schedule: Schedule.spaced("500 millis"),
        times: 4
      })
    )

  /** What has become of a transaction whose commit was not answered. */
  const lookUp = (transaction: Transaction, xactId: string, lost: DataApiError): Effect.Effect<void, DataApiError> =>
    Effect.gen(function* () {
      const status = yield* statusOf(xactId)
      if (status !== "in progress") return status
      // The commit has not arrived, it seems; after a rollback it can't any more.
      yield* rollBack(transaction)
      return yield* statusOf(xactId)
    }).pipe(
      Effect.mapError(() => lost),
      Effect.flatMap((status) => {
        if (status === "committed") return Effect.void
        return Effect.fail(status === "aborted" ? refused("The transaction was not committed.", lost.operation) : lost)
      })
    )

  const commit = (connection: DataApiConnection, transaction: Transaction): Effect.Effect<void, SqlError.SqlError> => {
    // A transaction that has written nothing has no id, and then the outcome does not matter.
    const xactId =
      options.resolveCommit === true
        ? Effect.map(connection.run("select pg_current_xact_id_if_assigned()::text", []), firstText)
        : Effect.undefined
    const send = (xact: string | undefined) =>
      Effect.suspend(() => {
        transaction.commitSent = true
        return api.commitTransaction({ transactionId: transaction.id })
      }).pipe(
        Effect.asVoid,
        Effect.mapError(outcomeUnknown),
        Effect.catchIf(
          (error) => error.didRun === "unknown" && xact !== undefined,
          (lost) => lookUp(transaction, xact ?? "", lost)
        )
      )
    // A fiber that outlives the transaction's effect may have had a failing statement in the meantime.
    const sendUnlessFailed = (xact: string | undefined) =>
      transaction.turn.withPermit(
        Effect.suspend(() => (transaction.failure === undefined ? send(xact) : Effect.fail(transaction.failure)))
      )
    return Effect.flatMap(xactId, sendUnlessFailed).pipe(
      Effect.catch((error) => {
        if (transaction.failure !== undefined) {
          return Effect.andThen(rollBack(transaction), refuseIfFailed(transaction))
        }
        const ended = error.didRun === "unknown" ? Effect.void : rollBack(transaction)
        return Effect.andThen(ended, Effect.fail(toSqlError(error)))
      })
    )
  }

  /** A stream needs a transaction for its cursor; outside of one it has its own. */
  const streamInOwnTransaction = (sql: string, params: ReadonlyArray<unknown>) =>
    Stream.unwrap(
      Effect.uninterruptibleMask(
        Effect.fnUntraced(function* (restore) {
          const transaction = yield* begin(restore)
          const connection = new DataApiConnection(connectionOptions, transaction)
          let ended = false
          const end = Effect.suspend(() => {
            ended = true
            return commit(connection, transaction)
          })
          yield* Effect.addFinalizer((exit) => {
            if (ended) return Effect.void
            // A stream that was left early has still run, as any statement on its own.
            return Exit.isSuccess(exit) && transaction.failure === undefined
              ? Effect.ignore(end)
              : rollBack(transaction)
          })
          return Stream.concat(streamRows(connection, sql, params, "own"), Stream.fromEffectDrain(end)).pipe(
            Stream.mapError((error) => failureOf(transaction)(error))
          )
        })
      )
    )

  const { continueAfterTimeout = false } = options
  const connectionOptions = {
    api,
    database: options.database,
    templates: new Templates(options.statementCacheSize ?? 500),
    continueAfterTimeout: Effect.isEffect(continueAfterTimeout)
      ? continueAfterTimeout
      : Effect.succeed(continueAfterTimeout),
    stream: (connection: DataApiConnection, sql: string, params: ReadonlyArray<unknown>) => {
      if (!isCursorQuery(sql)) {
        return Stream.fromArrayEffect(connection.execute(sql, params, undefined))
      }
      return connection.transaction === undefined
        ? streamInOwnTransaction(sql, params)
        : streamRows(connection, sql, params, "given")
    }
  }
  const plainConnection = new DataApiConnection(connectionOptions)

  const spanAttributes: ReadonlyArray<readonly [string, unknown]> = [
    ["db.system.name", "postgresql"],
    ...(options.database === undefined ? [] : [["db.namespace", options.database] as const]),
    ...Object.entries(options.spanAttributes ?? {})
  ]

  const client = yield* SqlClient.make({
    acquirer: Effect.succeed(plainConnection),
    borrower: (use) => use(plainConnection),
    compiler: makeCompiler(options.transformQueryNames),
    driver: "data-api",
    spanAttributes,
    transformRows:
      transformResultNames === undefined
        ? undefined
        : Statement.defaultTransforms(transformResultNames, options.transformJson ?? false).array
  })

  const begun = SqlClient.makeWithTransaction({
    transactionService: client.transactionService,
    spanAttributes,
    acquireConnection: (restore) =>
      Effect.map(begin(restore), (transaction) => new DataApiConnection(connectionOptions, transaction)),
    begin: (connection, statement) =>
      within(connection, (own, transaction) => {
        const modes = statement === undefined ? "" : transactionModes(statement)
        if (modes === "") return Effect.void
        return own.run(`SET TRANSACTION ${modes}`, []).pipe(
          Effect.asVoid,
          Effect.mapError(toSqlError),
          Effect.onError(() => rollBack(transaction))
        )
      }),
    commit: (connection) => within(connection, commit),
    rollback: (connection) => within(connection, (_, transaction) => rollBack(transaction)),
    savepoint: (connection, id) =>
      within(connection, (own) =>
        own.run(`SAVEPOINT effect_sql_${id}`, []).pipe(Effect.asVoid, Effect.mapError(toSqlError))
      ),
    // What fails in these two leaves the failure on the transaction, which is then not committed.
    rollbackSavepoint: (connection, id) =>
      within(connection, (own) =>
        own
          .run(`ROLLBACK TO SAVEPOINT effect_sql_${id}`, [])
          .pipe(
            Effect.retry(whileBusy),
            Effect.ignore({ log: "Warn", message: "A savepoint could not be rolled back to." })
          )
      ),
    releaseSavepoint: (connection, id) =>
      within(connection, (own, transaction) =>
        transaction.failure === undefined
          ? Effect.ignore(own.run(`RELEASE SAVEPOINT effect_sql_${id}`, []))
          : Effect.void
      )
  })

  const withTransaction = <R, E, A>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError.SqlError, R> =>
    Effect.flatMap(Effect.serviceOption(client.transactionService), (outer) => {
      let transaction: Transaction | undefined
      const checked = Effect.flatMap(Effect.serviceOption(client.transactionService), (current) => {
        const connection = Option.isSome(current) ? current.value[0] : undefined
        transaction = connection instanceof DataApiConnection ? connection.transaction : undefined
        return Effect.tap(effect, () => (transaction === undefined ? Effect.void : refuseIfFailed(transaction)))
      })
      return Effect.catchCause(begun(checked), (cause) => {
        if (transaction === undefined) return Effect.failCause(cause)
        // A transaction within another may yet be committed with it.
        const said = Option.isSome(outer) ? cause : Cause.map(cause, failureOf(transaction))
        return Effect.failCause(
          transaction.rollbackFailure === undefined
            ? said
            : Cause.annotate(said, Context.make(RollbackFailure, transaction.rollbackFailure))
        )
      })
    })

  return Object.assign(client, { withTransaction })
})

/** What to do with the transaction of a connection, decided when it is done and not when it is said. */
const within = (
  connection: SqlConnection.Connection,
  use: (connection: DataApiConnection, transaction: Transaction) => Effect.Effect<void, SqlError.SqlError>
): Effect.Effect<void, SqlError.SqlError> =>
  Effect.suspend(() =>
    connection instanceof DataApiConnection && connection.transaction !== undefined
      ? use(connection, connection.transaction)
      : Effect.die(new Error("The connection in the transaction is not one of the Data API."))
  )

/**
 * Provides `SqlClient` over whichever `DataApi` is given.
 *
 * Every statement is one request. A transaction is one of the service's; nested ones are savepoints; its statements
 * run one after another. A transaction in which a statement failed is not committed, even if the failure was caught:
 * `withTransaction` then rolls back and fails. `reserve` gives no session of its own, since the service has none
 * outside a transaction.
 *
 * A stream reads through a cursor, in the transaction at hand or else in one of its own. The service ends a transaction
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

/** Whether a failure is a serialization failure or a deadlock, which a repetition of the whole transaction may mend. */
export const isSerializationFailure = (error: unknown): boolean =>
  SqlError.isSqlError(error) && (error.reason._tag === "SerializationError" || error.reason._tag === "DeadlockError")

/** Five repetitions, after 50 ms, 100 ms, 200 ms, 400 ms and 800 ms, each 80 to 120 per cent of it. */
const retryTransactionSchedule = Schedule.exponential("50 millis").pipe(Schedule.jittered, Schedule.upTo({ times: 5 }))

/**
 * Runs an effect in a transaction, and the whole of it again after a serialization failure (40001) or a deadlock
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
