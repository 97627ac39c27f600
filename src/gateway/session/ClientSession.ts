/** One client's session: its settings, its transaction, and its calls of the service. */
import * as Effect from "effect/Effect"
import type { DataApi, ExecuteStatementResponse, SqlParameter } from "../../data-api/DataApi.ts"
import { type DataApiError, outcomeUnknown } from "../../data-api/DataApiError.ts"
import { isRead } from "../../data-api/sql/ReadOnly.ts"
import { cancelSql, mayRunOn, type StatementTag, type StatementTags } from "../cancel/StatementTags.ts"
import type { LockTable } from "../locks/LockTable.ts"
import type { ErrorFields, TransactionStatus } from "../protocol/BackendMessages.ts"
import type { NumberedColumn, SequenceLookup } from "../sequences/SequenceLookup.ts"
import { SessionSequences } from "../sequences/SessionSequences.ts"
import type { ClientStatement } from "../statement/ClientStatement.ts"
import type { Answer, Descriptions, Place } from "../statement/Descriptions.ts"
import { fieldText } from "../statement/FieldText.ts"
import { aborted, Refused, refusedBy } from "../statement/Refused.ts"
import type { ShapeLookup } from "../statement/ShapeLookup.ts"
import { hintOutside } from "../statement/Unsupported.ts"
import type { TypeShapes } from "../values/TypeShape.ts"
import type { ClientTexts } from "./ClientTexts.ts"
import type { HeldCursor } from "./cursors/HeldCursors.ts"
import {
  changeNames,
  type HeldLock,
  type Holding,
  KEEP_LOCK,
  KEEP_OPEN,
  type OpenTransaction,
  openTransaction
} from "./OpenTransaction.ts"
import type { Prepared } from "./PreparedText.ts"
import { SessionSettings } from "./settings/SessionSettings.ts"
import { material, modesSet, namesMoment, naming, setConfig } from "./settings/Settings.ts"
import { beginUnit, endUnit, leaves, otherLevel, releaseUnit, rollBackUnit, unitModes } from "./WholeSession.ts"

/** The services and options that all sessions of a gateway share. */
export interface Upstream {
  readonly api: DataApi["Service"]
  readonly descriptions: Descriptions
  readonly shapes: ShapeLookup
  readonly numbered: SequenceLookup
  readonly texts: ClientTexts
  readonly tags: StatementTags
  /** Advisory locks that the gateway holds itself; undefined where the database does. */
  readonly locks: LockTable | undefined
  /** Runs every statement in a READ ONLY transaction. */
  readonly readOnly: boolean
  /** Runs each session in one transaction, from its first statement to its end. */
  readonly wholeSession: boolean
}

/** Receives notices for the client. */
export interface Listener {
  readonly notice: (fields: ErrorFields) => void
}

/** A statement to send to the service. */
export interface Call {
  readonly sql: string
  /** Whether to send it before pending settings are applied, as SET and SHOW, which may precede SET TRANSACTION. */
  readonly early?: true
  readonly parameters?: ReadonlyArray<SqlParameter> | undefined
  readonly positionOf?: ((position: number) => number | undefined) | undefined
}

/** A call that may have run fails with OutcomeUnknown, even if no `RetryPolicy` has said so. */
const unclear = (error: DataApiError): DataApiError =>
  error.didRun === "unknown" && error.reason._tag !== "OutcomeUnknown" ? outcomeUnknown(error) : error

export class Session {
  readonly upstream: Upstream
  readonly database: string | undefined
  readonly listener: Listener
  readonly settings = new SessionSettings()
  readonly sequences = new SessionSequences()
  transaction: OpenTransaction | undefined
  /** The transaction of the whole session, in which the client's transactions are savepoints. */
  base: OpenTransaction | undefined
  /** The statement sent last. */
  #sent: { readonly sql: string; readonly tag: StatementTag } | undefined
  /** Advisory locks of the session. */
  readonly locks: Array<HeldLock> = []
  /** The service has ended a transaction that held an advisory lock. */
  lostLock = false
  /** The savepoint of the last transaction is still there, since that was rolled back to it. */
  #hasSavepoint = false
  /** The isolation level of the transaction of the whole session, as far as a client has asked for one. */
  #level: string | undefined
  /** Something of its statements may stay in it. */
  #leaves = false
  /** The transaction of the whole session has ended before the client: nothing of what it wrote is kept. */
  isOver = false
  /** Cursors WITH HOLD by name. */
  held = new Map<string, HeldCursor>()
  /** Prepared statements by name. */
  readonly prepared = new Map<string, Prepared>()
  #lastingCalls = 0

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

  /** What outlives transactions. */
  get holding(): Holding {
    return { settings: this.settings.values, local: this.settings.local, held: this.held }
  }

  /** Whether a statement needs an implicit transaction. */
  needsTransaction({ sql }: ClientStatement): boolean {
    return this.upstream.readOnly || this.upstream.wholeSession || this.settings.due(sql).length > 0
  }

  /** Sends a statement, in the transaction if there is one, without applying pending settings. */
  call(call: Call): Effect.Effect<ExecuteStatementResponse, DataApiError> {
    return Effect.suspend(() => this.#call(call))
  }

  #call({ early, parameters, sql }: Call): Effect.Effect<ExecuteStatementResponse, DataApiError> {
    const { transaction } = this
    if (transaction !== undefined) transaction.queried ||= early !== true
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
    if (isRead(sql)) return transaction === undefined ? sent : this.#watched(transaction, sent)
    if (transaction !== undefined && early !== true) {
      transaction.wrote = true
      this.#leaves ||= leaves(sql)
    }
    const called = Effect.mapError(sent, unclear)
    return transaction === undefined ? this.#lasting(called) : this.#watched(transaction, called)
  }

  /** Whether a call is under way that takes effect even if its answer comes too late for the client. */
  get mayTakeEffect(): boolean {
    return this.#lastingCalls > 0
  }

  #lasting<A, E>(call: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      this.#lastingCalls += 1
      return Effect.ensuring(
        call,
        Effect.sync(() => {
          this.#lastingCalls -= 1
        })
      )
    })
  }

  /** Sends a statement with a tag, by which a cancel request finds its backend. */
  tagged<A>(sql: string, send: (text: string) => Effect.Effect<A, DataApiError>): Effect.Effect<A, DataApiError> {
    return Effect.suspend(() => {
      const read = this.settings.reading(this.transaction?.sets ?? "") + sql
      if (namesMoment(sql)) this.upstream.tags.renew(read)
      const tag = this.upstream.tags.take(read)
      this.#sent = { sql: read, tag }
      return Effect.onExit(send(tag.comment + sql), (exit) => {
        tag.release()
        if (mayRunOn(exit)) this.upstream.tags.renew(read)
        return Effect.void
      })
    })
  }

  /** Marks the transaction as failed after a failure or an interruption, which may have aborted it. */
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

  /** Sends a client's statement, after the pending settings that matter to it. */
  send(call: Call): Effect.Effect<ExecuteStatementResponse, Refused> {
    return Effect.suspend(() => {
      if (this.transaction?.failed === true) return Effect.fail(aborted())
      if (this.#needsOwn) return Effect.andThen(this.begin(true), this.send(call))
      const isOutside = this.transaction === undefined
      const sent = Effect.mapError(this.call(call), (error) => {
        const refused = refusedBy(error, (position) =>
          call.positionOf?.(position - (this.#sent?.tag.comment.length ?? 0))
        )
        const hint = isOutside ? hintOutside(refused.fields.code, call.sql) : undefined
        return hint === undefined ? refused : new Refused({ ...refused, fields: { ...refused.fields, hint } })
      })
      return call.early === true ? sent : Effect.andThen(this.#settled(call.sql), sent)
    })
  }

  /** Only the transaction of the whole session sees its temporary tables, and what it has created. */
  get #needsOwn(): boolean {
    return this.transaction === undefined && this.upstream.wholeSession
  }

  /** Applies the pending settings that matter to a statement. */
  #settled(sql: string): Effect.Effect<void, Refused> {
    const pending = this.transaction?.pending
    if (pending === undefined || pending.size === 0) return Effect.void
    const due = material(pending, sql, true, this.settings.own)
    if (due.length === 0) return Effect.void
    for (const [name] of due) {
      pending.delete(name)
      this.transaction?.changed.add(name)
    }
    return Effect.asVoid(Effect.mapError(this.call({ sql: setConfig(due), early: true }), (error) => refusedBy(error)))
  }

  /** Asks for the parameters and columns of a statement. */
  describe(statement: ClientStatement, types: ReadonlyArray<string>): Effect.Effect<Answer, Refused> {
    return this.#ask((place) => this.upstream.descriptions.describe(statement, types, place))
  }

  /** Asks for the only column of a table that uses a sequence. */
  numbered(table: string): Effect.Effect<NumberedColumn | undefined, Refused> {
    return this.#ask((place) => this.upstream.numbered.columnOf(table, place))
  }

  /** Asks for the shapes of types. */
  shapes(typeOids: ReadonlyArray<number>): Effect.Effect<TypeShapes, Refused> {
    return this.#ask((place) => this.upstream.shapes.lookup(typeOids, place))
  }

  #ask<A>(question: (place: Place) => Effect.Effect<A, DataApiError>): Effect.Effect<A, Refused> {
    return Effect.suspend(() => {
      if (this.#needsOwn) return Effect.andThen(this.begin(true), this.#ask(question))
      const { transaction } = this
      if (transaction?.failed === true) return Effect.fail(aborted())
      const asked = question({
        database: this.database,
        transactionId: transaction?.id,
        settings: naming(this.settings.values),
        names: transaction?.names ?? "",
        isReadOnly: this.upstream.readOnly || /\bread only\b/i.test(transaction?.modes ?? "")
      })
      if (transaction === undefined) return Effect.mapError(asked, (error) => refusedBy(error))
      transaction.queried = true
      const watched = Effect.mapError(this.#watched(transaction, asked), (error) => refusedBy(error))
      return Effect.andThen(this.#settled(""), watched)
    })
  }

  /** Notes a statement after which names may mean something else. */
  noteNames(sql: string): void {
    if (this.transaction !== undefined) changeNames(this.transaction, sql)
    this.forgetNames()
  }

  /** Clears the caches, after a statement that may have changed a table, a type, or what a name means. */
  forgetNames(): void {
    this.upstream.descriptions.clear()
    this.upstream.shapes.clear()
    this.upstream.numbered.clear()
  }

  /**
   * Begins a transaction with the session's settings.
   *
   * @param modes what follows BEGIN, such as `read only`
   */
  begin(implicit: boolean, modes = ""): Effect.Effect<void, Refused> {
    const asked = [modes, ...modesSet(this.settings.values, modes)].filter(Boolean).join(", ")
    const begun = Effect.suspend(() => {
      if (this.base !== undefined) return Effect.succeed(this.#reopened(this.base, implicit))
      this.#level = unitModes(asked).isolation
      const ofSession = this.#level === undefined ? "" : `isolation level ${this.#level}`
      const opened = this.open(this.upstream.wholeSession ? ofSession : asked)
      return Effect.map(opened, ({ id, wanted }) => openTransaction(id, implicit, this.holding, wanted))
    })
    return Effect.uninterruptible(
      Effect.flatMap(
        Effect.mapError(begun, (error) => refusedBy(error)),
        (transaction) => {
          this.transaction = transaction
          return this.upstream.wholeSession ? this.#beginUnit(transaction, asked) : Effect.void
        }
      )
    )
  }

  /** Begins a client's transaction within that of the session. */
  #beginUnit(transaction: OpenTransaction, modes: string): Effect.Effect<void, Refused> {
    this.base = transaction
    const begun = this.#hasSavepoint ? Effect.void : this.send({ sql: beginUnit, early: true })
    if (modes === "") return Effect.asVoid(begun)
    transaction.modes = modes
    return Effect.onError(Effect.andThen(begun, this.setModes(modes)), () => this.rollback())
  }

  /** Gives the client's transaction modes, as SET TRANSACTION does. */
  setModes(modes: string): Effect.Effect<void, Refused> {
    return Effect.suspend(() => {
      const set = (all: string) => Effect.asVoid(this.send({ sql: `set transaction ${all}`, early: true }))
      if (this.base === undefined || this.transaction?.queried !== false) return set(modes)
      const { isolation, others } = unitModes(modes)
      const setOthers = others === "" ? Effect.void : set(others)
      if (isolation === undefined || isolation === this.#level) return setOthers
      const isSet = this.#leaves
        ? // PostgreSQL takes the level that it has already.
          Effect.mapError(set(`isolation level ${isolation}`), (error) =>
            error.fields.code === "25001" ? otherLevel(isolation) : error
          )
        : this.#beginAgain(isolation)
      return Effect.andThen(isSet, setOthers)
    })
  }

  /** Begins the transaction of the session again, of which nothing would stay, with another isolation level. */
  #beginAgain(level: string): Effect.Effect<void, Refused> {
    return Effect.suspend(() => {
      const { transaction } = this
      if (transaction === undefined) return Effect.void
      const ended = Effect.ignore(this.upstream.api.rollbackTransaction({ transactionId: transaction.id }))
      const opened = Effect.onError(this.open(`isolation level ${level}`), () =>
        Effect.sync(() => {
          transaction.failed = true
          transaction.gone = true
        })
      )
      const begun = Effect.flatMap(opened, ({ id }) => {
        this.#level = level
        this.base = this.transaction = { ...transaction, id, pending: new Map(this.settings.values) }
        return this.call({ sql: beginUnit, early: true })
      })
      const all = Effect.andThen(ended, begun)
      return Effect.uninterruptible(Effect.asVoid(Effect.mapError(all, (error) => refusedBy(error))))
    })
  }

  /** Opens a transaction of the service with these modes, and READ ONLY where the gateway is. */
  open(modes: string): Effect.Effect<{ readonly id: string; readonly wanted: string }, DataApiError> {
    const { api, readOnly } = this.upstream
    return Effect.flatMap(api.beginTransaction({ database: this.database }), ({ transactionId }) => {
      const wanted = [modes, readOnly ? "read only" : ""].filter(Boolean).join(", ")
      const prepared =
        wanted === ""
          ? Effect.void
          : api.executeStatement({ sql: `set transaction ${wanted}`, database: this.database, transactionId })
      return Effect.as(
        Effect.onError(prepared, () => Effect.ignore(api.rollbackTransaction({ transactionId }))),
        { id: transactionId, wanted }
      )
    })
  }

  #reopened(base: OpenTransaction, implicit: boolean): OpenTransaction {
    return { ...openTransaction(base.id, implicit, this.holding), names: base.names }
  }

  /** Commits. Like PostgreSQL, rolls a failed transaction back instead, and returns false. */
  commit(): Effect.Effect<boolean, Refused> {
    return Effect.suspend(() => {
      const { transaction } = this
      if (transaction === undefined) return Effect.succeed(true)
      if (transaction.failed) return Effect.as(this.rollback(), false)
      if (this.base === undefined) return Effect.as(this.#commitForGood(transaction), true)
      const release = this.send({ sql: releaseUnit, early: true })
      const { changed, wrote } = transaction
      const ended =
        wrote || changed.size > 0 ? Effect.andThen(this.send({ sql: endUnit(changed), early: true }), release) : release
      return Effect.matchEffect(ended, {
        onSuccess: () => {
          this.transaction = undefined
          this.settings.local.clear()
          this.#hasSavepoint = false
          return Effect.succeed(true)
        },
        onFailure: (error) => Effect.andThen(this.rollback(), Effect.fail(error))
      })
    })
  }

  #commitForGood(transaction: OpenTransaction): Effect.Effect<void, Refused> {
    this.transaction = undefined
    this.base = undefined
    this.settings.local.clear()
    const { api } = this.upstream
    const { before, id: transactionId } = transaction
    return this.#lasting(Effect.uninterruptible(Effect.asVoid(api.commitTransaction({ transactionId })))).pipe(
      Effect.tapError((error) => {
        this.restore(before)
        // If the commit never arrived, the transaction is still open; if it did, the rollback has no effect.
        return error.reason._tag === "DatabaseError"
          ? Effect.void
          : Effect.ignore(api.rollbackTransaction({ transactionId }))
      }),
      Effect.mapError((error) => refusedBy(unclear(error)))
    )
  }

  /** Rolls back. If the call fails, the service rolls back after its idle timeout. */
  rollback(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { transaction } = this
      if (transaction === undefined) return Effect.void
      if (this.base !== undefined && !transaction.gone) {
        const back = this.call({ sql: rollBackUnit, early: true })
        this.restore(transaction.before)
        return Effect.matchEffect(back, {
          onSuccess: () =>
            Effect.sync(() => {
              this.transaction = undefined
              this.#hasSavepoint = true
            }),
          onFailure: () => this.abandon()
        })
      }
      return this.abandon()
    })
  }

  /** Rolls back the client's transaction and that of the whole session. */
  abandon(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const transaction = this.transaction ?? this.base
      if (transaction === undefined) return Effect.void
      this.isOver ||= this.base !== undefined
      this.transaction = undefined
      this.base = undefined
      this.restore(transaction.before)
      if (transaction.gone) return Effect.void
      const rolledBack = Effect.asVoid(this.upstream.api.rollbackTransaction({ transactionId: transaction.id }))
      return Effect.uninterruptible(
        Effect.catch(rolledBack, (error) =>
          Effect.logDebug("A rollback failed; the service will end the transaction", error)
        )
      )
    })
  }

  /** The connection has ended: rolls the client's transaction back, and commits that of the whole session. */
  finish(): Effect.Effect<void, Refused> {
    return Effect.andThen(
      this.rollback(),
      Effect.suspend(() => (this.base === undefined ? Effect.void : this.#commitForGood(this.base)))
    )
  }

  /** Keeps the service from ending the transactions of an idle session. */
  readonly keepAlive: Effect.Effect<void> = Effect.suspend(() => {
    const transaction = this.transaction ?? this.base
    const holding = this.locks.flatMap(({ transactionId }) => (transactionId === undefined ? [] : [transactionId]))
    const held = holding.map((transactionId) =>
      Effect.tapError(this.#touch(transactionId, KEEP_LOCK), ({ reason }) =>
        Effect.sync(() => {
          this.lostLock ||= reason._tag === "TransactionNotFound"
        })
      )
    )
    const open = transaction === undefined || transaction.gone ? [] : [this.#touch(transaction.id, KEEP_OPEN)]
    return Effect.forEach([...open, ...held], (touch) => Effect.ignore(touch), { discard: true })
  })

  #touch(transactionId: string, sql: string): Effect.Effect<unknown, DataApiError> {
    return this.upstream.api.executeStatement({ sql, database: this.database, transactionId })
  }

  /** Whether the session has transactions that the service would end without calls. */
  get needsKeeping(): boolean {
    return this.transaction !== undefined || this.base !== undefined || this.locks.length > 0
  }

  /** Cancels the backend that runs this connection's statement; false unless exactly one is found. */
  readonly cancelBackend: Effect.Effect<boolean, DataApiError> = Effect.suspend(() => {
    const sent = this.#sent
    if (sent === undefined || !sent.tag.isUnique) return Effect.succeed(false)
    this.upstream.tags.renew(sent.sql)
    const request = { sql: cancelSql(sent.tag.comment), database: this.database }
    return Effect.map(this.upstream.api.executeStatement(request), ({ records }) => {
      const field = records?.[0]?.[0]
      return field !== undefined && fieldText(field) === "1"
    })
  })

  /** Restores the session's settings and cursors WITH HOLD. */
  restore({ held, local, settings }: Holding): void {
    this.held = new Map(held)
    this.settings.restore(settings, local)
  }
}
