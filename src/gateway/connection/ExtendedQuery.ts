/** The extended protocol: prepared statements and portals; after an error, messages are skipped up to the next Sync. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { FieldDescription } from "../protocol/BackendMessages.ts"
import * as Backend from "../protocol/BackendMessages.ts"
import type { Format, FrontendMessage } from "../protocol/FrontendMessages.ts"
import { closePortal, cursorColumns, fetchPortal } from "../session/cursors/CursorStatements.ts"
import { endImplicit, execute } from "../session/Execute.ts"
import type { OpenTransaction } from "../session/OpenTransaction.ts"
import type { Prepared } from "../session/PreparedText.ts"
import { done, type StatementOutcome } from "../session/StatementOutcome.ts"
import { type ClientStatement, transactionControls } from "../statement/ClientStatement.ts"
import { aborted, type Refused, refusal } from "../statement/Refused.ts"
import { describedRow } from "./DescribedRow.ts"
import { bind, encodeRow, formatOf, knownColumns, newPortal, type Portal, prepare } from "./Prepared.ts"
import { type Answering, copied } from "./SimpleQuery.ts"

/** Messages of the extended protocol. */
export type ExtendedMessage = Extract<
  FrontendMessage,
  { readonly _tag: "Parse" | "Bind" | "Describe" | "Execute" | "Close" | "Flush" }
>

/** Whether no portal outlives a statement, also where no transaction was open: COMMIT, ROLLBACK and DISCARD ALL. */
const endsPortals = ({ kind, words }: ClientStatement): boolean =>
  kind === "commit" || kind === "rollback" || (kind === "discard" && words[1] === "all")

export class ExtendedQuery {
  readonly #answering: Answering
  /** The unnamed prepared statement; the session holds the named ones. */
  #unnamed: Prepared | undefined
  readonly #open = new Map<string, Portal>()
  /** The transaction of the portals. */
  #within: OpenTransaction | undefined
  #skips = false

  constructor(answering: Answering) {
    this.#answering = answering
  }

  /** The portals of the current transaction: those of one that has ended are gone with it. */
  get #portals(): Map<string, Portal> {
    const { transaction } = this.#answering.session
    if (this.#within !== undefined && this.#within !== transaction) this.#open.clear()
    this.#within = transaction
    return this.#open
  }

  /** Answers a message, or skips it after an error. */
  answer(message: ExtendedMessage): Effect.Effect<void> {
    return this.#skips ? Effect.void : Effect.catch(this.#handle(message), (error) => this.#failed(error))
  }

  /** Refuses a message whose texts can't be read. */
  refuse(error: Refused): Effect.Effect<void> {
    return this.#skips ? Effect.void : this.#failed(error)
  }

  /** Forgets the unnamed statement and portal, as a simple query does. */
  forgetUnnamed(): void {
    this.#unnamed = undefined
    this.#portals.delete("")
  }

  /** Answers Sync: ends the implicit transaction since the last one. */
  readonly sync: Effect.Effect<void> = Effect.suspend(() => {
    const { session } = this.#answering
    const failed = this.#skips
    this.#skips = false
    return Effect.andThen(
      Effect.catch(endImplicit(session, failed), (error) => this.#report(error)),
      Effect.sync(() => {
        if (session.transaction === undefined) this.#portals.clear()
      })
    )
  })

  #report({ fields }: Refused): Effect.Effect<void> {
    // Flushes like PostgreSQL: a client may wait for the error after a Flush, which is now skipped.
    return Effect.suspend(() => {
      const { session, socket } = this.#answering
      socket.send(Backend.errorResponse(fields, session.settings.encoding))
      return socket.flush
    })
  }

  #failed(error: Refused): Effect.Effect<void> {
    this.#skips = true
    const { transaction } = this.#answering.session
    if (transaction !== undefined) transaction.failed = true
    return this.#report(error)
  }

  #handle(message: ExtendedMessage): Effect.Effect<void, Refused> {
    switch (message._tag) {
      case "Parse":
        return this.#parse(message)
      case "Bind":
        return this.#bind(message)
      case "Describe":
        return this.#describe(message)
      case "Execute":
        return this.#execute(message)
      case "Close":
        return this.#close(message)
      case "Flush":
        return this.#answering.socket.flush
    }
  }

  #send(bytes: Uint8Array): void {
    this.#answering.socket.send(bytes)
  }

  #parse(message: Extract<FrontendMessage, { readonly _tag: "Parse" }>) {
    const { name, parameterTypes, sql } = message
    const { session } = this.#answering
    // Also if it fails.
    if (name === "") this.#unnamed = undefined
    const isTaken = name !== "" && session.prepared.has(name)
    const isBound = isTaken ? Effect.succeed(false) : this.#isBound(name)
    return Effect.flatMap(prepare(session, sql, parameterTypes, isBound), (prepared) => {
      // PostgreSQL looks at the statement before its name.
      if (isTaken) {
        return Effect.fail(refusal("42P05", `prepared statement "${name}" already exists`))
      }
      this.#keep(name, prepared)
      this.#send(Backend.parseComplete)
      return Effect.void
    })
  }

  /** Whether a Bind of the statement follows its Parse, or nothing more. */
  #isBound(statement: string): Effect.Effect<boolean> {
    return Effect.map(
      this.#answering.socket.lookAhead(() => false),
      (read) => read._tag !== "Message" || (read.message._tag === "Bind" && read.message.statement === statement)
    )
  }

  #close({ name, target }: Extract<FrontendMessage, { readonly target: string }>): Effect.Effect<void, Refused> {
    const { session } = this.#answering
    const isCursor = target === "portal" && !this.#portals.delete(name)
    if (target === "statement") this.#keep(name, undefined)
    return Effect.map(isCursor ? closePortal(session, name) : Effect.void, () => this.#send(Backend.closeComplete))
  }

  /** Keeps or forgets a prepared statement. */
  #keep(name: string, prepared: Prepared | undefined): void {
    const { prepared: named } = this.#answering.session
    if (name === "") this.#unnamed = prepared
    else if (prepared === undefined) named.delete(name)
    else named.set(name, prepared)
  }

  #statement(name: string): Effect.Effect<Prepared, Refused> {
    const found = name === "" ? this.#unnamed : this.#answering.session.prepared.get(name)
    if (found !== undefined) return Effect.succeed(found)
    return Effect.fail(
      refusal(
        "26000",
        name === "" ? "unnamed prepared statement does not exist" : `prepared statement "${name}" does not exist`
      )
    )
  }

  #portal(name: string): Effect.Effect<Portal, Refused> {
    const found = this.#portals.get(name)
    return found === undefined
      ? Effect.fail(refusal("34000", `portal "${name}" does not exist`))
      : Effect.succeed(found)
  }

  #bind(message: Extract<FrontendMessage, { readonly _tag: "Bind" }>) {
    const { portal, resultFormats, statement } = message
    const isTaken =
      portal !== "" && (this.#portals.has(portal) || cursorColumns(this.#answering.session, portal) !== undefined)
    return Effect.flatMap(this.#statement(statement), (prepared) =>
      Effect.map(bind(this.#answering.session, prepared, message, isTaken), (bound) => {
        this.#portals.set(portal, newPortal(prepared, bound, resultFormats))
        this.#send(Backend.bindComplete)
      })
    )
  }

  #describe({ name, target }: Extract<FrontendMessage, { readonly target: string }>) {
    const { session } = this.#answering
    if (target === "statement") {
      return Effect.flatMap(this.#statement(name), (prepared) => {
        const parameters = Backend.parameterDescription(prepared.parameters)
        return this.#sendColumns(knownColumns(session, prepared), undefined, parameters)
      })
    }
    // A cursor of DECLARE is a portal too.
    const declared = this.#portals.has(name) ? undefined : cursorColumns(session, name)
    if (declared !== undefined) {
      return this.#sendColumns(declared)
    }
    return Effect.flatMap(this.#portal(name), (portal) => {
      const { statement } = portal.prepared
      // The columns of CALL are known only after it has run, and its Execute follows.
      const runs = statement?.words[0] === "call" ? this.#start(portal, statement) : Effect.void
      return Effect.flatMap(runs, () => {
        const columns = portal.outcome?.columns ?? knownColumns(session, portal.prepared)
        return this.#sendColumns(columns, portal.formats.includes("binary") ? formatOf(portal) : undefined)
      })
    })
  }

  #sendColumns(
    columns: ReadonlyArray<FieldDescription> | undefined,
    formats?: (column: number) => Format,
    before: Uint8Array = new Uint8Array(0)
  ): Effect.Effect<void, Refused> {
    if (columns !== undefined && this.#answering.session.transaction?.failed === true) return Effect.fail(aborted())
    this.#send(before)
    if (columns === undefined) return Effect.sync(() => this.#send(Backend.noData))
    const described = describedRow(columns, this.#answering.session.settings.encoding, formats)
    return Effect.map(Effect.fromResult(described), (bytes) => this.#send(bytes))
  }

  /**
   * Whether nothing else runs before the next Sync, so that the statement needs no transaction. False if the client has
   * disconnected: without a Sync, its statements are rolled back.
   */
  #isFollowedBySync(): Effect.Effect<boolean> {
    const passed = (message: FrontendMessage) => message._tag === "Close"
    return Effect.map(
      this.#answering.socket.lookAhead(passed),
      (read) => read._tag === "Message" && read.message._tag === "Sync"
    )
  }

  #start(portal: Portal, statement: ClientStatement): Effect.Effect<void, Refused> {
    const { run, session } = this.#answering
    if (portal.outcome !== undefined) return Effect.void
    const ran = Effect.map(run(statement, execute(session, statement, portal.bound)), (outcome) => {
      portal.outcome = outcome
      portal.rows = outcome.rows
      if (endsPortals(statement)) this.#open.clear()
    })
    if (session.transaction !== undefined || transactionControls.has(statement.kind)) return ran
    return Effect.flatMap(this.#isFollowedBySync(), (alone) => (alone ? ran : Effect.andThen(session.begin(true), ran)))
  }

  #execute({ maxRows, portal: name }: Extract<FrontendMessage, { readonly _tag: "Execute" }>) {
    if (!this.#portals.has(name) && cursorColumns(this.#answering.session, name) !== undefined) {
      return this.#fetch(name, maxRows)
    }
    return Effect.flatMap(this.#portal(name), (portal) => {
      const { statement } = portal.prepared
      if (statement === undefined) return Effect.sync(() => this.#send(Backend.emptyQueryResponse))
      if (portal.ended && portal.outcome?.columns === undefined) {
        return Effect.fail(refusal("55000", `portal "${name}" cannot be run`))
      }
      if (statement.kind === "copy" && portal.outcome === undefined) return this.#copy(portal, statement)
      return Effect.andThen(
        this.#start(portal, statement),
        Effect.suspend(() =>
          portal.outcome === undefined ? Effect.void : this.#sendRows(portal, portal.outcome, maxRows)
        )
      )
    })
  }

  /** Reads a cursor of DECLARE, whose rows are those of a query. */
  #fetch(name: string, maxRows: number): Effect.Effect<void, Refused> {
    const { run, session } = this.#answering
    const statement = fetchPortal(name, maxRows)
    return Effect.flatMap(run(statement, execute(session, statement)), (fetched) => {
      const outcome = { ...fetched, tag: (rows: number) => `SELECT ${rows}` }
      const portal = newPortal({ statement, description: undefined, parameters: [] }, undefined, [])
      portal.rows = outcome.rows
      return this.#sendRows(portal, outcome, maxRows)
    })
  }

  /** Runs COPY from or to the client. */
  #copy(portal: Portal, statement: ClientStatement): Effect.Effect<void, Refused> {
    const { session } = this.#answering
    return Effect.gen({ self: this }, function* () {
      if (session.transaction === undefined && !(yield* this.#isFollowedBySync())) yield* session.begin(true)
      const tag = yield* copied(this.#answering, statement)
      if (tag === undefined) {
        yield* this.#start(portal, statement)
        return yield* portal.outcome === undefined ? Effect.void : this.#sendRows(portal, portal.outcome, 0)
      }
      portal.outcome = done(tag)
      portal.ended = true
      this.#send(Backend.commandComplete(tag))
    })
  }

  /** Sends at most `maxRows` rows, or all if that is 0; the next Execute sends the rest. */
  readonly #sendRows = Effect.fnUntraced(
    { self: this },
    function* (portal: Portal, outcome: StatementOutcome, maxRows: number): Effect.fn.Return<void, Refused> {
      const { session, socket } = this.#answering
      const { encoding } = session.settings
      const { more } = outcome
      const limit = maxRows <= 0 ? Number.POSITIVE_INFINITY : maxRows
      let sent = 0
      for (;;) {
        const to = Math.min(portal.rows.length, portal.next + limit - sent)
        sent += to - portal.next
        while (portal.next < to) {
          const values = encodeRow(portal.rows[portal.next++] ?? [], outcome, portal, encoding)
          if (Result.isFailure(values)) return yield* values.failure
          if (socket.send(Backend.dataRow(values.success))) yield* socket.flush
        }
        if (sent === limit) break
        if (portal.next < portal.rows.length) continue
        if (more === undefined || portal.ended) break
        portal.rows = yield* more.next
        portal.next = 0
        portal.ended = portal.rows.length === 0
      }
      portal.sent += sent
      portal.ended ||= outcome.columns === undefined
      // PostgreSQL suspends the portal when the limit is reached, even after the last row.
      this.#send(sent === limit ? Backend.portalSuspended : Backend.commandComplete(outcome.tag(sent)))
    }
  )
}
