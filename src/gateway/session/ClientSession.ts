/** One client's session: its settings, its transaction, and the calls that are made for it. */
import * as Effect from "effect/Effect"
import type { DataApi, ExecuteStatementResponse, SqlParameter } from "../../data-api/DataApi.ts"
import type { DataApiError } from "../../data-api/DataApiError.ts"
import type { ErrorFields, TransactionStatus } from "../protocol/BackendMessages.ts"
import type { ClientStatement } from "../statement/ClientStatement.ts"
import { literal } from "../statement/DescribeSql.ts"
import type { Answer, Descriptions } from "../statement/Descriptions.ts"
import { type Refused, refusal, refusedBy } from "../statement/Refused.ts"
import { type OpenTransaction, openTransaction } from "./OpenTransaction.ts"
import type { NamedStatement } from "./PreparedText.ts"
import { material, naming, reported } from "./Settings.ts"

/** What all sessions of a gateway share. */
export interface Upstream {
  readonly api: DataApi["Service"]
  readonly descriptions: Descriptions
  /** Every transaction is READ ONLY, and nothing runs outside of one. */
  readonly readOnly: boolean
  /** One transaction for each session, from its first statement to its end. */
  readonly wholeSession: boolean
}

/** What the client is told beside the answers to its statements. */
export interface Listener {
  readonly notice: (fields: ErrorFields) => void
  readonly setting: (name: string, value: string) => void
}

/** A statement that can be sent. */
export interface Call {
  readonly sql: string
  /** It may come before the transaction's first query, and needs no settings: SET, SHOW. */
  readonly early?: true
  readonly parameters?: ReadonlyArray<SqlParameter> | undefined
  readonly positionOf?: ((position: number) => number | undefined) | undefined
}

const aborted = (): Refused =>
  refusal("25P02", "current transaction is aborted, commands ignored until end of transaction block")

const setConfig = (settings: ReadonlyArray<readonly [name: string, value: string]>): string =>
  `select ${settings.map(([name, value]) => `set_config(${literal(name)}, ${literal(value)}, true)`).join(", ")}`

export class Session {
  readonly upstream: Upstream
  readonly database: string | undefined
  readonly listener: Listener
  /** What the client has set, by names in lower case. */
  settings = new Map<string, string>()
  transaction: OpenTransaction | undefined
  /** What PREPARE has named. */
  readonly prepared = new Map<string, NamedStatement>()
  /** The server's own values of settings that were set, which they go back to. */
  readonly defaults = new Map<string, string>()

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
    return this.upstream.readOnly || material(this.settings, sql).length > 0
  }

  /** Sends a statement as it is, in the transaction if there is one. */
  call({ parameters, sql }: Call): Effect.Effect<ExecuteStatementResponse, DataApiError> {
    const { transaction } = this
    const sent = this.upstream.api.executeStatement({
      sql,
      parameters,
      database: this.database,
      transactionId: transaction?.id,
      includeResultMetadata: true,
      resultSetOptions: { longReturnType: "STRING", decimalReturnType: "STRING" }
    })
    return transaction === undefined ? sent : this.#watched(transaction, sent)
  }

  /** Whatever ends otherwise than well has aborted the transaction, or nobody knows. */
  #watched<A>(transaction: OpenTransaction, effect: Effect.Effect<A, DataApiError>): Effect.Effect<A, DataApiError> {
    return Effect.onError(
      Effect.tapError(effect, ({ reason }) =>
        Effect.sync(() => {
          transaction.gone ||= reason._tag === "TransactionNotFound" || reason._tag === "ConnectionLost"
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
      const sent = Effect.mapError(this.call(call), (error) => refusedBy(error, call.positionOf))
      return call.early === true ? sent : Effect.andThen(this.#settled(), sent)
    })
  }

  /** Applies the session's settings to the transaction, before its first query. */
  #settled(): Effect.Effect<void, Refused> {
    const pending = this.transaction?.pending
    if (pending === undefined || pending.size === 0) return Effect.void
    const settings = [...pending]
    pending.clear()
    return Effect.asVoid(Effect.mapError(this.call({ sql: setConfig(settings) }), (error) => refusedBy(error)))
  }

  /** Asks what a statement takes and returns. */
  describe(statement: ClientStatement, types: ReadonlyArray<string>): Effect.Effect<Answer, Refused> {
    return Effect.suspend(() => {
      const { transaction } = this
      if (transaction?.failed === true) return Effect.fail(aborted())
      const asked = this.upstream.descriptions.describe(statement, types, {
        database: this.database,
        transactionId: transaction?.id,
        settings: naming(this.settings),
        names: transaction?.names ?? ""
      })
      if (transaction === undefined) return Effect.mapError(asked, (error) => refusedBy(error))
      const watched = Effect.mapError(this.#watched(transaction, asked), (error) => refusedBy(error))
      return Effect.andThen(this.#settled(), watched)
    })
  }

  /**
   * Begins a transaction, with what the session has set.
   *
   * @param modes what follows BEGIN, such as `read only`
   */
  begin(implicit: boolean, modes = ""): Effect.Effect<void, Refused> {
    const { api, readOnly } = this.upstream
    const begun = Effect.flatMap(api.beginTransaction({ database: this.database }), ({ transactionId }) => {
      const transaction = openTransaction(transactionId, implicit, this.settings)
      const wanted = readOnly ? `${modes}${modes === "" ? "" : ","} read only` : modes
      const prepared =
        wanted === ""
          ? Effect.void
          : api.executeStatement({ sql: `set transaction ${wanted}`, database: this.database, transactionId })
      return Effect.as(
        Effect.onError(prepared, () => Effect.ignore(api.rollbackTransaction({ transactionId }))),
        transaction
      )
    })
    return Effect.uninterruptible(
      Effect.map(
        Effect.mapError(begun, (error) => refusedBy(error)),
        (transaction) => {
          this.transaction = transaction
        }
      )
    )
  }

  /** Commits; false where the transaction had failed and was rolled back, as PostgreSQL answers COMMIT then. */
  commit(): Effect.Effect<boolean, Refused> {
    return Effect.suspend(() => {
      const { transaction } = this
      if (transaction === undefined) return Effect.succeed(true)
      if (transaction.failed) return Effect.as(this.rollback(), false)
      this.transaction = undefined
      const committed = this.upstream.api.commitTransaction({ transactionId: transaction.id })
      return Effect.uninterruptible(
        Effect.as(
          Effect.mapError(committed, (error) => {
            this.restore(transaction.settings)
            return refusedBy(error)
          }),
          true
        )
      )
    })
  }

  /** Rolls back. Where the call fails the service does it, since no other will come. */
  rollback(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { transaction } = this
      if (transaction === undefined) return Effect.void
      this.transaction = undefined
      this.restore(transaction.settings)
      return transaction.gone
        ? Effect.void
        : Effect.uninterruptible(
            Effect.catch(
              Effect.asVoid(this.upstream.api.rollbackTransaction({ transactionId: transaction.id })),
              (error) => Effect.logDebug("A rollback failed; the service ends the transaction", error)
            )
          )
    })
  }

  /** Goes back to what the session had set. */
  restore(settings: ReadonlyMap<string, string>): void {
    for (const name of new Set([...this.settings.keys(), ...settings.keys()])) {
      const value = settings.get(name)
      if (value !== this.settings.get(name)) this.remember(name, value)
    }
  }

  /** Keeps a setting, or takes it back to the server's own value. */
  remember(name: string, value: string | undefined): void {
    const known = this.defaults.get(name)
    if (value === undefined || value === known) this.settings.delete(name)
    else this.settings.set(name, value)
    const report = reported.get(name)
    const current = value ?? known
    if (report !== undefined && current !== undefined) this.listener.setting(report, current)
  }
}
