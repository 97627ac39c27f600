/** Sessions of the embedded database: PGlite, PostgreSQL in this process, which has one connection. */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import type { PGlite } from "@electric-sql/pglite"
import { Duration, Effect, Predicate, type Scope } from "effect"
import { sqlNull } from "../../data-api/postgres/BinaryValues.ts"
import {
  type Lease,
  Refusal,
  type ResultSet,
  type RowReader,
  type SchemaVersion,
  type Session,
  SessionLost,
  SessionPermits,
  type SessionSource,
  type Statement,
  type Value
} from "../engine/Session.ts"
import type { Request } from "../postgres/Exchange.ts"
import { ProtocolSession } from "../postgres/ProtocolSession.ts"
import { feed, type ReceiverSequence } from "../postgres/Receivers.ts"
import type { PgliteOptions } from "./EmbeddedPostgres.ts"
import { refusalOfDepth } from "./NestingBound.ts"

/** A command, or a call of `set_config`, that sets a client encoding that needs a conversion from UTF8. */
const otherEncoding =
  /(?:^(?:\s|--[^\n]*\n|\/\*(?:[^*]|\*(?!\/))*\*\/)*set\s+(?:(?:local|session)\s+)?(?:"?client_encoding"?\s*(?:=|\bto\b)|names\b)|\bset_config\s*\(\s*'client_encoding'\s*,)(?!\s*['"]?(?:utf-?8|unicode|sql[-_]?ascii|default)\b)/i

/** PGlite stops permanently at the first text that it must convert. */
const utf8Only = new Refusal({ sqlState: "0A000", message: "the embedded database has no client encoding but UTF8" })

/** A command that sets a time limit; captures the value. */
const timeLimit =
  /^(?:\s|--[^\n]*\n|\/\*(?:[^*]|\*(?!\/))*\*\/)*set\s+(?:(?:local|session)\s+)?"?(?:statement|transaction)_timeout"?\s*(?:=|\bto\b)\s*['"]?(\w+)/i

const noTimeLimit =
  "The embedded database can't cancel a statement: statement_timeout and transaction_timeout have no effect in it."

const copyProgram = /^\s*copy\b[\s\S]*\b(?:from|to)\s+program\b/i

const noPrograms = new Refusal({ sqlState: "0A000", message: "the embedded database can't run programs for COPY" })

const closeQuietly = (pglite: PGlite) => Effect.ignore(Effect.tryPromise(() => pglite.close()))

class PgliteSession implements Session {
  readonly database: string
  readonly #pglite: PGlite
  readonly #session: ProtocolSession
  readonly #aftermath: string
  readonly #close: NonNullable<SessionsOptions["close"]>
  readonly #isThere: () => boolean
  readonly #parser = PgProtocol.makeParser<Value>({ maxMessageSize: 1 << 30 })
  /** The receiver of the last request. */
  #receiver: ReceiverSequence | undefined
  readonly #noLimits: ReadonlySet<string | undefined>
  #stopped: SessionLost | undefined
  #hasWarned = false

  constructor(pglite: PGlite, options: SessionsOptions, schemaVersion: SchemaVersion) {
    const { close = closeQuietly, database, isMemory, isThere = () => true, limits } = options
    this.#close = close
    this.#isThere = isThere
    // The engine itself sets no limit for some statements, and then its own again.
    this.#noLimits = new Set([undefined, "0", "default", String(Duration.toMillis(limits.statementTimeout))])
    this.#pglite = pglite
    // Once, and not for each request: V8 would keep each function and all that belongs to its call (Running in
    // PostgresConnection.ts).
    this.#parser.readField = (chunk, offset, size, column) =>
      this.#receiver?.read(chunk, offset, size, column) ?? sqlNull
    this.database = database
    this.#aftermath = isMemory
      ? "The next call starts it again, empty: the data of a database in memory is lost."
      : "The next call opens it again. An open transaction is rolled back; a statement outside of a transaction may have run."
    this.#session = new ProtocolSession(this.#send, schemaVersion, {
      majorVersion: 18,
      isSuperuser: true,
      singleUser: "postgres"
    })
  }

  readonly status = () => this.#session.status
  readonly isBroken = () => this.#stopped !== undefined || !this.#isThere()

  run<Rows extends RowReader>(statement: Statement<Rows>): Effect.Effect<ResultSet<Rows>, Refusal | SessionLost> {
    if (otherEncoding.test(statement.sql)) return Effect.fail(utf8Only)
    if (copyProgram.test(statement.sql)) return Effect.fail(noPrograms)
    const refusal = refusalOfDepth(statement)
    if (refusal !== undefined) return Effect.fail(refusal)
    const run = this.#session.run(statement)
    if (this.#hasWarned || this.#noLimits.has(timeLimit.exec(statement.sql)?.[1]?.toLowerCase())) return run
    this.#hasWarned = true
    return Effect.andThen(Effect.logWarning(noTimeLimit), run)
  }

  /** Removes everything that callers left in the session. */
  readonly reset: Effect.Effect<void> = Effect.suspend(() =>
    Effect.map(this.#session.reset, (isClean) => {
      if (!isClean) this.#stop("its session can't be reset")
    })
  )

  /** Closes the database. One that has stopped is not closed: its buffers must not be written. */
  readonly close: Effect.Effect<void> = Effect.suspend(() =>
    this.#stopped === undefined ? this.#close(this.#pglite) : Effect.void
  )

  #stop(cause: unknown): SessionLost {
    const reason = Predicate.hasProperty(cause, "message") ? cause.message : cause
    this.#stopped ??= new SessionLost({ message: `The embedded database has stopped: ${reason}. ${this.#aftermath}` })
    return this.#stopped
  }

  readonly #send = ({ bytes, receiver }: Request): Effect.Effect<void, SessionLost> =>
    Effect.suspend(() => {
      if (this.#stopped === undefined && !this.#isThere()) this.#stop("its folder was moved, deleted or replaced")
      if (this.#stopped !== undefined) return Effect.fail(this.#stopped)
      this.#receiver = receiver
      const push = (octets: Uint8Array) =>
        this.#parser.pushEach(octets, (message) => {
          receiver.accept(message)
        })
      const onRawData = (chunk: Uint8Array) => feed(push, receiver, chunk)
      // Once called it can't be interrupted: the database runs on this thread.
      return Effect.tryPromise({
        try: () => this.#pglite.execProtocolRawStream(bytes, { syncToFs: false, onRawData }),
        catch: (cause) => this.#stop(cause)
      }).pipe(
        Effect.andThen(
          Effect.suspend(() => (receiver.answered ? Effect.void : Effect.fail(this.#stop("it does not answer"))))
        ),
        Effect.uninterruptible
      )
    })
}

const occupied = new Refusal({
  sqlState: "53300",
  message: "sorry, too many clients already",
  hint: "The embedded database has one connection, and an open transaction, perhaps a stream's, holds it. Run the statement in that transaction (the stream too, within one sql.withTransaction), or end it before; alex-db serve --engine postgres has many connections."
})

/** Options of the sessions of an embedded database. */
export interface SessionsOptions extends PgliteOptions {
  /** Whether its data is lost when it stops. */
  readonly isMemory: boolean
  /** How it is closed; by default failures are ignored. */
  readonly close?: ((pglite: PGlite) => Effect.Effect<void>) | undefined
}

/**
 * Sessions of an embedded database, one at a time: a transaction holds the connection, and other calls wait.
 *
 * `start` opens the database, and opens it again after it has stopped.
 */
export const sessions = Effect.fnUntraced(function* <E extends { readonly message: string }>(
  start: Effect.Effect<PGlite, E>,
  options: SessionsOptions
): Effect.fn.Return<SessionSource, E, Scope.Scope> {
  const schemaVersion: SchemaVersion = { current: 0 }
  const permits = new SessionPermits(1, options.limits.sessionWait, occupied)
  const open = Effect.map(start, (pglite) => new PgliteSession(pglite, options, schemaVersion))
  let session: PgliteSession = yield* open
  yield* Effect.addFinalizer(() => Effect.suspend(() => session.close))

  const reopen = Effect.matchEffect(Effect.uninterruptible(open), {
    onFailure: ({ message }) => Effect.fail(new SessionLost({ message })),
    onSuccess: (opened) =>
      Effect.sync(() => {
        session = opened
        schemaVersion.current++
      })
  })

  const lease = Effect.suspend((): Effect.Effect<Lease, SessionLost> => {
    if (session.isBroken()) return Effect.andThen(reopen, lease)
    const lent = session
    return Effect.succeed({ session: lent, end: Effect.andThen(lent.reset, permits.release) })
  })

  const lend = (database: string | undefined): Effect.Effect<Lease, Refusal | SessionLost> =>
    database === undefined || database === options.database
      ? Effect.andThen(
          permits.take,
          Effect.onError(lease, () => permits.release)
        ).pipe(Effect.uninterruptible)
      : Effect.fail(new Refusal({ sqlState: "3D000", message: `database "${database}" does not exist` }))

  return { lend, schemaVersion, holdsProcess: true }
})
