/** One client's session: its settings, its transaction, and the calls that are made for it. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { DataApi, ExecuteStatementResponse, SqlParameter } from "../../data-api/DataApi.ts"
import { type DataApiError, outcomeUnknown } from "../../data-api/DataApiError.ts"
import { isRead } from "../../data-api/sql/ReadOnly.ts"
import type { StatementTag, StatementTags } from "../cancel/StatementTags.ts"
import type { ErrorFields, TransactionStatus } from "../protocol/BackendMessages.ts"
import type { ClientStatement } from "../statement/ClientStatement.ts"
import type { ClientTexts } from "../statement/ClientTexts.ts"
import { literal } from "../statement/DescribeSql.ts"
import type { Answer, Descriptions, Place } from "../statement/Descriptions.ts"
import { fieldText } from "../statement/FieldText.ts"
import { type Refused, refusal, refusedBy } from "../statement/Refused.ts"
import type { ShapeLookup } from "../statement/ShapeLookup.ts"
import type { TypeShapes } from "../values/TypeShape.ts"
import type { HeldLock } from "./AdvisoryLocks.ts"
import type { HeldCursor } from "./HeldCursors.ts"
import { type Holding, type OpenTransaction, openTransaction } from "./OpenTransaction.ts"
import type { Prepared } from "./PreparedText.ts"
import { material, modesSet, naming, reported, type Settings } from "./Settings.ts"

/** What all sessions of a gateway share. */
export interface Upstream {
  readonly api: DataApi["Service"]
  readonly descriptions: Descriptions
  readonly shapes: ShapeLookup
  readonly texts: ClientTexts
  readonly tags: StatementTags
  /** Every transaction is READ ONLY, and nothing runs outside of one. */
  readonly readOnly: boolean
  /** One transaction for each session, from its first statement to its end. */
  readonly wholeSession: boolean
}

/** What is sent to the client besides the answers to its statements. */
export interface Listener {
  readonly notice: (fields: ErrorFields) => void
}

/** A statement that can be sent. */
export interface Call {
  readonly sql: string
  /** It may come before the transaction's first query, and needs no settings: SET, SHOW. */
  readonly early?: true
  readonly parameters?: ReadonlyArray<SqlParameter> | undefined
  readonly positionOf?: ((position: number) => number | undefined) | undefined
}

/** The savepoint that a client's transaction is, within that of its whole session. */
const UNIT = "alex_gateway_unit"

const aborted = (): Refused =>
  refusal("25P02", "current transaction is aborted, commands ignored until end of transaction block")

/** What may have run is said to be so, whether or not a `RetryPolicy` has. */
const unclear = (error: DataApiError): DataApiError =>
  error.didRun === "unknown" && error.reason._tag !== "OutcomeUnknown" ? outcomeUnknown(error) : error

/** Whether a backend may still be at work, though nobody waits for it. */
const mayRunOn = (exit: Exit.Exit<unknown, DataApiError>): boolean => {
  const error = Exit.isFailure(exit) ? Exit.findErrorOption(exit) : undefined
  return error !== undefined && (error._tag === "None" || error.value.didRun === "unknown")
}

const setConfig = (settings: ReadonlyArray<readonly [name: string, value: string]>): string =>
  `select ${settings.map(([name, value]) => `set_config(${literal(name)}, ${literal(value)}, true)`).join(", ")}`

export class Session {
  readonly upstream: Upstream
  readonly database: string | undefined
  readonly listener: Listener
  /** What the client has set, by names in lower case. */
  settings = new Map<string, string>()
  transaction: OpenTransaction | undefined
  /** The transaction of a whole session, within which the client's own are savepoints. */
  base: OpenTransaction | undefined
  /** What was sent last. */
  #sent: { readonly sql: string; readonly tag: StatementTag } | undefined
  /** Advisory locks of the session. */
  readonly locks: Array<HeldLock> = []
  /** The service has ended a transaction that held one of them. */
  lostLock = false
  /** Cursors WITH HOLD by their names. */
  held = new Map<string, HeldCursor>()
  /** Prepared statements by their names. */
  readonly prepared = new Map<string, Prepared>()
  /** The server's own values of settings that were set, which they go back to. */
  readonly defaults = new Map<string, string>()
  /** What the client has set as it connected, which takes the place of the server's own values. */
  startup: Settings = new Map()
  /** What the client knows of them. */
  readonly #told = new Map<string, string>()

  constructor(upstream: Upstream, database: string | undefined, listener: Listener) {
    this.upstream = upstream
    this.database = database
    this.listener = listener
  }

  get status(): TransactionStatus {
    const { transaction } = this
    if (transaction === undefined || transaction.implicit) return "I"
    return transaction.failed ? "E" : "T"
  }

  /** Whether a statement needs a transaction although the client has none. */
  needsTransaction({ sql }: ClientStatement): boolean {
    return this.upstream.readOnly || this.upstream.wholeSession || material(this.settings, sql, false).length > 0
  }

  /** Sends a statement as it is, in the transaction if there is one. */
  call(call: Call): Effect.Effect<ExecuteStatementResponse, DataApiError> {
    return Effect.suspend(() => this.#call(call))
  }

  #call({ parameters, sql }: Call): Effect.Effect<ExecuteStatementResponse, DataApiError> {
    const { transaction } = this
    const sent = this.tagged(sql, (text) =>
      this.upstream.api.executeStatement({
        sql: text,
        parameters,
        database: this.database,
        transactionId: transaction?.id,
        includeResultMetadata: true,
        resultSetOptions: { longReturnType: "STRING", decimalReturnType: "STRING" }
      })
    )
    const called = Effect.mapError(sent, (error) => (isRead(sql) ? error : unclear(error)))
    return transaction === undefined ? called : this.#watched(transaction, called)
  }

  /** Sends a statement with a tag before it, by which its backend is found. */
  tagged<A>(sql: string, send: (text: string) => Effect.Effect<A, DataApiError>): Effect.Effect<A, DataApiError> {
    return Effect.suspend(() => {
      const tag = this.upstream.tags.take(sql)
      this.#sent = { sql, tag }
      return Effect.onExit(send(tag.comment + sql), (exit) => {
        tag.release()
        if (mayRunOn(exit)) this.upstream.tags.renew(sql)
        return Effect.void
      })
    })
  }

  /** Anything but success has aborted the transaction, or may have. */
  #watched<A>(transaction: OpenTransaction, effect: Effect.Effect<A, DataApiError>): Effect.Effect<A, DataApiError> {
    return Effect.onError(
      Effect.tapError(effect, ({ reason }) =>
        Effect.sync(() => {
          transaction.gone ||= reason._tag === "TransactionNotFound"
        })
      ),
      () =>
        Effect.sync(() => {
          transaction.failed = true
        })
    )
  }

  /** Sends a statement of the client's. */
  send(call: Call): Effect.Effect<ExecuteStatementResponse, Refused> {
    return Effect.suspend(() => {
      if (this.transaction?.failed === true) return Effect.fail(aborted())
      const { positionOf } = call
      const sent = Effect.mapError(this.call(call), (error) =>
        refusedBy(error, (position) => positionOf?.(position - (this.#sent?.tag.comment.length ?? 0)))
      )
      return call.early === true ? sent : Effect.andThen(this.#settled(call.sql), sent)
    })
  }

  /** Applies those of the session's settings to the transaction that matter to a statement. */
  #settled(sql: string): Effect.Effect<void, Refused> {
    const pending = this.transaction?.pending
    if (pending === undefined || pending.size === 0) return Effect.void
    const due = material(pending, sql, true)
    if (due.length === 0) return Effect.void
    for (const [name] of due) pending.delete(name)
    return Effect.asVoid(Effect.mapError(this.call({ sql: setConfig(due) }), (error) => refusedBy(error)))
  }

  /** Asks what a statement takes and returns. */
  describe(statement: ClientStatement, types: ReadonlyArray<string>): Effect.Effect<Answer, Refused> {
    return this.#ask((place) => this.upstream.descriptions.describe(statement, types, place))
  }

  /** Asks what types are made of. */
  shapes(typeOids: ReadonlyArray<number>): Effect.Effect<TypeShapes, Refused> {
    return this.#ask((place) => this.upstream.shapes.lookup(typeOids, place))
  }

  #ask<A>(question: (place: Place) => Effect.Effect<A, DataApiError>): Effect.Effect<A, Refused> {
    return Effect.suspend(() => {
      const { transaction } = this
      if (transaction?.failed === true) return Effect.fail(aborted())
      const asked = question({
        database: this.database,
        transactionId: transaction?.id,
        settings: naming(this.settings),
        names: transaction?.names ?? ""
      })
      if (transaction === undefined) return Effect.mapError(asked, (error) => refusedBy(error))
      const watched = Effect.mapError(this.#watched(transaction, asked), (error) => refusedBy(error))
      return Effect.andThen(this.#settled(""), watched)
    })
  }

  /** Names may mean something else after a statement. */
  noteNames(sql: string): void {
    if (this.transaction !== undefined) this.transaction.names += `${sql};`
    this.forgetNames()
  }

  /** A statement has changed what names mean, or what tables and types look like. */
  forgetNames(): void {
    this.upstream.descriptions.clear()
    this.upstream.shapes.clear()
  }

  /**
   * Begins a transaction, with what the session has set.
   *
   * @param modes what follows BEGIN, such as `read only`
   */
  begin(implicit: boolean, modes = ""): Effect.Effect<void, Refused> {
    const begun = Effect.suspend(() =>
      this.base === undefined ? this.#beginAnew(implicit, modes) : Effect.succeed(this.#reopened(this.base, implicit))
    )
    return Effect.uninterruptible(
      Effect.flatMap(
        Effect.mapError(begun, (error) => refusedBy(error)),
        (transaction) => {
          this.transaction = transaction
          if (!this.upstream.wholeSession) return Effect.void
          this.base = transaction
          return Effect.asVoid(this.send({ sql: `savepoint ${UNIT}`, early: true }))
        }
      )
    )
  }

  #beginAnew(implicit: boolean, modes: string): Effect.Effect<OpenTransaction, DataApiError> {
    const { api, readOnly } = this.upstream
    return Effect.flatMap(api.beginTransaction({ database: this.database }), ({ transactionId }) => {
      const wanted = [modes, ...modesSet(this.settings, modes), readOnly ? "read only" : ""].filter(Boolean).join(", ")
      const prepared =
        wanted === ""
          ? Effect.void
          : api.executeStatement({ sql: `set transaction ${wanted}`, database: this.database, transactionId })
      return Effect.as(
        Effect.onError(prepared, () => Effect.ignore(api.rollbackTransaction({ transactionId }))),
        openTransaction(transactionId, implicit, this, wanted)
      )
    })
  }

  #reopened(base: OpenTransaction, implicit: boolean): OpenTransaction {
    return { ...openTransaction(base.id, implicit, this), names: base.names, cursors: base.cursors }
  }

  /** Commits; false where the transaction had failed and was rolled back, as PostgreSQL answers COMMIT then. */
  commit(): Effect.Effect<boolean, Refused> {
    return Effect.suspend(() => {
      const { transaction } = this
      if (transaction === undefined) return Effect.succeed(true)
      if (transaction.failed) return Effect.as(this.rollback(), false)
      if (this.base !== undefined) {
        const released = this.send({ sql: `release savepoint ${UNIT}`, early: true })
        return Effect.map(released, () => {
          this.transaction = undefined
          return true
        })
      }
      return Effect.as(this.#commitForGood(transaction), true)
    })
  }

  #commitForGood(transaction: OpenTransaction): Effect.Effect<void, Refused> {
    this.transaction = undefined
    this.base = undefined
    const { api } = this.upstream
    const { before, id: transactionId } = transaction
    return Effect.uninterruptible(Effect.asVoid(api.commitTransaction({ transactionId }))).pipe(
      Effect.tapError((error) => {
        this.restore(before)
        // One that has not arrived leaves the transaction open; of one that has, nothing is left to roll back.
        return error.reason._tag === "DatabaseError"
          ? Effect.void
          : Effect.ignore(api.rollbackTransaction({ transactionId }))
      }),
      Effect.mapError((error) => refusedBy(unclear(error)))
    )
  }

  /** Rolls back. Where the call fails the service does it, since no other will come. */
  rollback(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { transaction } = this
      if (transaction === undefined) return Effect.void
      if (this.base !== undefined && !transaction.gone) {
        const back = this.call({ sql: `rollback to savepoint ${UNIT}` })
        this.restore(transaction.before)
        return Effect.matchEffect(back, {
          onSuccess: () =>
            Effect.sync(() => {
              this.transaction = undefined
            }),
          onFailure: () => this.abandon()
        })
      }
      return this.abandon()
    })
  }

  /** Rolls back for good, whatever there is. */
  abandon(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const transaction = this.transaction ?? this.base
      if (transaction === undefined) return Effect.void
      this.transaction = undefined
      this.base = undefined
      this.restore(transaction.before)
      if (transaction.gone) return Effect.void
      const rolledBack = Effect.asVoid(this.upstream.api.rollbackTransaction({ transactionId: transaction.id }))
      return Effect.uninterruptible(
        Effect.catch(rolledBack, (error) =>
          Effect.logDebug("A rollback failed; the service ends the transaction", error)
        )
      )
    })
  }

  /** The client takes its leave: what it did in its whole session is kept, unless it is in a transaction still. */
  finish(): Effect.Effect<void, Refused> {
    return Effect.suspend(() =>
      this.base === undefined || this.transaction !== undefined ? this.abandon() : this.#commitForGood(this.base)
    )
  }

  /** A call that keeps the service from ending a transaction whose client idles. */
  readonly keepAlive: Effect.Effect<void> = Effect.suspend(() => {
    const transaction = this.transaction ?? this.base
    const held = this.locks.map(({ transactionId }) =>
      Effect.tapError(this.#touch(transactionId), ({ reason }) =>
        Effect.sync(() => {
          this.lostLock ||= reason._tag === "TransactionNotFound"
        })
      )
    )
    const open = transaction === undefined || transaction.gone ? [] : [this.#touch(transaction.id)]
    return Effect.forEach([...open, ...held], (touch) => Effect.ignore(touch), { discard: true })
  })

  #touch(transactionId: string): Effect.Effect<unknown, DataApiError> {
    return this.upstream.api.executeStatement({ sql: "select 1", database: this.database, transactionId })
  }

  /** Whether the service would end something of the session's if nothing were called. */
  get needsKeeping(): boolean {
    return this.transaction !== undefined || this.base !== undefined || this.locks.length > 0
  }

  /** Cancels the backend that runs this connection's statement; false where there is not exactly one. */
  readonly cancelBackend: Effect.Effect<boolean, DataApiError> = Effect.suspend(() => {
    const sent = this.#sent
    if (sent === undefined || !sent.tag.isAlone) return Effect.succeed(false)
    this.upstream.tags.renew(sent.sql)
    const running = `select pid, backend_start, query_start from pg_catalog.pg_stat_activity
where state = 'active' and pid <> pg_backend_pid() and starts_with(query, ${literal(sent.tag.comment)})`
    // One statement looks and cancels, so that the backend is still the one that was found.
    const sql = `select count(pg_cancel_backend(pid)) from (${running}) r where (select count(*) from (${running}) n) = 1`
    return Effect.map(this.upstream.api.executeStatement({ sql, database: this.database }), ({ records }) => {
      const field = records?.[0]?.[0]
      return field !== undefined && fieldText(field) === "1"
    })
  })

  /** Goes back to what the session held. */
  restore({ held, settings }: Holding): void {
    this.held = new Map(held)
    // The role comes back after the user whose it is.
    for (const name of new Set(["session_authorization", ...this.settings.keys(), ...settings.keys()])) {
      const value = settings.get(name)
      if (value !== this.settings.get(name)) this.remember(name, value)
    }
  }

  /** Keeps a setting, or takes it back to what the session began with. */
  remember(name: string, wanted: string | undefined): void {
    const value = wanted ?? this.startup.get(name)
    const known = this.defaults.get(name)
    // Another user has no role yet.
    if (name === "session_authorization") this.settings.delete("role")
    if (value === undefined || value === known) this.settings.delete(name)
    else this.settings.set(name, value)
  }

  /** The settings that the client is to be told of, by their names in ParameterStatus. */
  changesToReport(): ReadonlyArray<readonly [name: string, value: string]> {
    const changes: Array<readonly [string, string]> = []
    for (const [name, shown] of reported) {
      const value = this.settings.get(name) ?? this.defaults.get(name) ?? ""
      if (value === this.#told.get(name)) continue
      this.#told.set(name, value)
      changes.push([shown, value])
    }
    return changes
  }
}
