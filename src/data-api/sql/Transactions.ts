/** Begins, commits and rolls back the transactions of one client; nested ones are savepoints. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlConnection from "effect/sql/SqlConnection"
import type * as SqlError from "effect/sql/SqlError"
import { type DataApi, type ExecuteStatementResponse, oneSessionOf } from "../DataApi.ts"
import { type DataApiError, notCommitted, outcomeUnknown } from "../DataApiError.ts"
import { meaningful } from "../statement/SqlLexer.ts"
import { DataApiConnection, refused } from "./DataApiConnection.ts"
import { readPages } from "./DataApiStream.ts"
import { firstText } from "./OpenTypes.ts"
import { toSqlError } from "./SqlErrors.ts"
import { failureOf, refuseIfFailed, Transaction } from "./TransactionState.ts"

/** An annotation on the cause of a failed transaction: the failure of its rollback, if that failed as well. */
export class RollbackFailure extends Context.Service<RollbackFailure, DataApiError>()(
  "alex-database/data-api/RollbackFailure"
) {}

/** The transaction modes in a caller's BEGIN statement. */
const transactionModes = (begin: string): string =>
  meaningful(begin)
    .map(({ end, start }) => begin.slice(start, end))
    .join(" ")
    .replace(/^(?:begin(?: (?:work|transaction))?|start transaction)\b ?| ?;$/gi, "")

const isBusy = (error: DataApiError): boolean => error.reason._tag === "TransactionBusy"

/** Whether the transaction has already ended, so that there is nothing to roll back. */
const isGone = (error: DataApiError): boolean =>
  error.reason._tag === "TransactionNotFound" || error.reason._tag === "NotFound"

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * Uses the transaction of a connection. It is suspended, so that the transaction's state is read when the effect runs.
 */
const within = (
  connection: SqlConnection.Connection,
  use: (connection: DataApiConnection, transaction: Transaction) => Effect.Effect<void, SqlError.SqlError>
): Effect.Effect<void, SqlError.SqlError> =>
  Effect.suspend(() =>
    connection instanceof DataApiConnection && connection.transaction !== undefined
      ? use(connection, connection.transaction)
      : Effect.die(new Error("The connection in the transaction is not one of the Data API."))
  )

export interface TransactionOptions {
  readonly api: DataApi["Service"]
  readonly database: string | undefined
  readonly resolveCommit: boolean
  readonly rollbackPatience: Duration.Input
  /** The connection outside of every transaction. */
  readonly plain: DataApiConnection
}

export class Transactions {
  readonly #options: TransactionOptions
  readonly #whileBusy: { readonly while: typeof isBusy; readonly schedule: Schedule.Schedule<unknown> }

  constructor(options: TransactionOptions) {
    this.#options = options
    this.#whileBusy = {
      while: isBusy,
      schedule: Schedule.spaced("100 millis").pipe(Schedule.upTo({ duration: options.rollbackPatience }))
    }
  }

  #connection(transaction: Transaction): DataApiConnection {
    return new DataApiConnection(this.#options.plain.options, transaction)
  }

  /** Rolls a transaction back. It never fails, so that it can't hide the reason for the rollback. */
  rollBack(transaction: Transaction): Effect.Effect<void> {
    return this.#options.api.rollbackTransaction({ transactionId: transaction.id }).pipe(
      // A statement of an interrupted caller may still be running.
      Effect.retry(this.#whileBusy),
      Effect.asVoid,
      Effect.catchIf(isGone, () => Effect.void),
      Effect.catch((error) => {
        transaction.rollbackFailure = error
        return Effect.logWarning(
          "A transaction could not be rolled back; the service does it after 3 minutes without a call."
        ).pipe(Effect.annotateLogs({ failure: error.reason._tag, requestId: error.requestId }))
      })
    )
  }

  /**
   * Begins a transaction. The caller can be interrupted while it waits; then a further 2 seconds are spent on the
   * response, because the transaction can't be rolled back without its id.
   */
  begin(restore: Restore): Effect.Effect<Transaction, SqlError.SqlError> {
    const { api, database } = this.#options
    return Effect.flatMap(Effect.forkDetach(Effect.interruptible(api.beginTransaction({ database }))), (answer) =>
      restore(Fiber.join(answer)).pipe(
        Effect.onInterrupt(() =>
          Fiber.await(answer).pipe(
            Effect.timeoutOrElse({
              duration: "2 seconds",
              orElse: () => Effect.andThen(Fiber.interrupt(answer), Fiber.await(answer))
            }),
            Effect.flatMap((exit) =>
              Exit.isSuccess(exit) ? this.rollBack(new Transaction(exit.value.transactionId)) : Effect.void
            )
          )
        ),
        Effect.map(({ transactionId }) => new Transaction(transactionId)),
        Effect.mapError((error) => toSqlError(notCommitted(error)))
      )
    )
  }

  /** The status of a transaction: `committed` or `aborted`; `in progress` only if it stays so for 2 seconds. */
  #statusOf(xactId: string): Effect.Effect<string | undefined, DataApiError> {
    return this.#options.plain.run("select pg_xact_status($1::text::xid8)", [xactId]).pipe(
      Effect.map(firstText),
      Effect.repeat({
        while: (status) => status === "in progress",
        schedule: Schedule.spaced("500 millis"),
        times: 4
      })
    )
  }

  /** Looks up the outcome of a transaction whose commit's response was lost. */
  #lookUp(transaction: Transaction, xactId: string, lost: DataApiError): Effect.Effect<void, DataApiError> {
    return Effect.flatMap(this.#statusOf(xactId), (status) =>
      // The commit has probably not arrived; the rollback makes sure that it can't arrive later.
      status === "in progress"
        ? Effect.andThen(this.rollBack(transaction), this.#statusOf(xactId))
        : Effect.succeed(status)
    ).pipe(
      Effect.mapError(() => lost),
      Effect.flatMap((status) => {
        if (status === "committed") return Effect.void
        return Effect.fail(status === "aborted" ? refused("The transaction was not committed.", lost.operation) : lost)
      })
    )
  }

  #sendCommit(transaction: Transaction, xactId: string | undefined): Effect.Effect<void, DataApiError> {
    return Effect.suspend(() => {
      transaction.commitSent = true
      return this.#options.api.commitTransaction({ transactionId: transaction.id })
    }).pipe(
      Effect.asVoid,
      Effect.mapError(outcomeUnknown),
      Effect.catchIf(
        (error) => error.didRun === "unknown" && xactId !== undefined,
        (lost) => this.#lookUp(transaction, xactId ?? "", lost)
      )
    )
  }

  commit(connection: DataApiConnection, transaction: Transaction): Effect.Effect<void, SqlError.SqlError> {
    // A transaction that wrote nothing has no id, and its outcome does not matter.
    const xactId = this.#options.resolveCommit
      ? Effect.map(connection.run("select pg_current_xact_id_if_assigned()::text", []), firstText)
      : Effect.undefined
    // A statement of a fiber that outlives the transaction's effect may have failed in the meantime.
    const sendUnlessFailed = (xact: string | undefined) =>
      transaction.turn.withPermit(
        Effect.suspend(() =>
          transaction.failure === undefined ? this.#sendCommit(transaction, xact) : Effect.fail(transaction.failure)
        )
      )
    return Effect.flatMap(xactId, sendUnlessFailed).pipe(
      Effect.catch((error) => {
        if (transaction.failure !== undefined) {
          return Effect.andThen(this.rollBack(transaction), refuseIfFailed(transaction))
        }
        const ended = error.didRun === "unknown" ? Effect.void : this.rollBack(transaction)
        return Effect.andThen(ended, Effect.fail(toSqlError(error)))
      })
    )
  }

  /** Reads the result of a query in pages in its own transaction, which a cursor needs. */
  readPages(sql: string, params: ReadonlyArray<unknown>): Stream.Stream<ExecuteStatementResponse, SqlError.SqlError> {
    return Stream.unwrap(
      Effect.uninterruptibleMask((restore) =>
        Effect.gen({ self: this }, function* () {
          const transaction = yield* this.begin(restore)
          const connection = this.#connection(transaction)
          let ended = false
          const end = Effect.suspend(() => {
            ended = true
            return this.commit(connection, transaction)
          }).pipe(
            // The commit may not have arrived.
            Effect.onInterrupt(() =>
              Effect.sync(() => {
                ended = false
              })
            )
          )
          yield* Effect.addFinalizer((exit) => {
            if (ended) return Effect.void
            // A stream that ends early is still committed, like any single statement.
            return Exit.isSuccess(exit) && transaction.failure === undefined
              ? Effect.ignore(end, {
                  log: "Warn",
                  message: "A stream that ended early was not committed."
                })
              : this.rollBack(transaction)
          })
          const rollBack = Effect.suspend(() => {
            ended = true
            return this.rollBack(transaction)
          })
          const own = { commit: end, rollBack, session: oneSessionOf(this.#options.api) }
          return Stream.mapError(readPages(connection, sql, params, own), (error) => failureOf(transaction)(error))
        })
      )
    )
  }

  /** `effect/sql`'s `withTransaction`, on transactions of the service. */
  #begun(client: SqlClient.SqlClient, spanAttributes: ReadonlyArray<readonly [string, unknown]>) {
    return SqlClient.makeWithTransaction({
      transactionService: client.transactionService,
      spanAttributes,
      acquireConnection: (restore) => Effect.map(this.begin(restore), (transaction) => this.#connection(transaction)),
      begin: (connection, statement) =>
        within(connection, (own, transaction) => {
          const modes = statement === undefined ? "" : transactionModes(statement)
          if (modes === "") return Effect.void
          return own.run(`SET TRANSACTION ${modes}`, []).pipe(
            Effect.asVoid,
            Effect.mapError(toSqlError),
            Effect.onError(() => this.rollBack(transaction))
          )
        }),
      commit: (connection) => within(connection, (own, transaction) => this.commit(own, transaction)),
      rollback: (connection) => within(connection, (_, transaction) => this.rollBack(transaction)),
      savepoint: (connection, id) =>
        within(connection, (own) =>
          own.run(`SAVEPOINT effect_sql_${id}`, []).pipe(Effect.asVoid, Effect.mapError(toSqlError))
        ),
      // A failure in one of these two is recorded on the transaction, which is then not committed.
      rollbackSavepoint: (connection, id) =>
        within(connection, (own) =>
          own
            .run(`ROLLBACK TO SAVEPOINT effect_sql_${id}`, [])
            .pipe(
              Effect.retry(this.#whileBusy),
              Effect.ignore({ log: "Warn", message: "A rollback to a savepoint failed." })
            )
        ),
      releaseSavepoint: (connection, id) =>
        within(connection, (own, transaction) =>
          transaction.failure === undefined
            ? Effect.ignore(own.run(`RELEASE SAVEPOINT effect_sql_${id}`, []))
            : Effect.void
        )
    })
  }

  /** The client's `withTransaction`: a transaction in which a statement failed is not committed. */
  withTransaction(client: SqlClient.SqlClient, spanAttributes: ReadonlyArray<readonly [string, unknown]>) {
    const begun = this.#begun(client, spanAttributes)
    return <R, E, A>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError.SqlError, R> =>
      Effect.flatMap(Effect.serviceOption(client.transactionService), (outer) => {
        let transaction: Transaction | undefined
        const checked = Effect.flatMap(Effect.serviceOption(client.transactionService), (current) => {
          const connection = Option.isSome(current) ? current.value[0] : undefined
          transaction = connection instanceof DataApiConnection ? connection.transaction : undefined
          return Effect.tap(effect, () => (transaction === undefined ? Effect.void : refuseIfFailed(transaction)))
        })
        return Effect.catchCause(begun(checked), (cause) => {
          if (transaction === undefined) return Effect.failCause(cause)
          // A nested transaction may still be committed with the outer one.
          const said = Option.isSome(outer) ? cause : Cause.map(cause, failureOf(transaction))
          return Effect.failCause(
            transaction.rollbackFailure === undefined
              ? said
              : Cause.annotate(said, Context.make(RollbackFailure, transaction.rollbackFailure))
          )
        })
      })
  }
}
