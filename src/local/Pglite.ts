/** Sessions of the embedded database: PGlite, PostgreSQL in this process, which has one connection. */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import type { PGlite } from "@electric-sql/pglite"
import { Effect, Predicate } from "effect"
import type { Request } from "./Exchange.ts"
import type { PgliteOptions } from "./embedded/EmbeddedPostgres.ts"
import { ProtocolSession } from "./postgres/ProtocolSession.ts"
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
} from "./Session.ts"

/** A command, or a call of `set_config`, that sets the client's encoding to another one than UTF8. */
const otherEncoding =
  /(?:^(?:\s|--[^\n]*\n|\/\*(?:[^*]|\*(?!\/))*\*\/)*set\s+(?:(?:local|session)\s+)?(?:"?client_encoding"?\s*(?:=|\bto\b)|names\b)|\bset_config\s*\(\s*'client_encoding'\s*,)(?!\s*['"]?(?:utf-?8|unicode|default)\b)/i

/** PGlite stops for good at the first text that it has to convert. */
const utf8Only = new Refusal({ sqlState: "0A000", message: "the embedded database has no client encoding but UTF8" })

class PgliteSession implements Session {
  readonly database: string
  readonly #pglite: PGlite
  readonly #session: ProtocolSession
  readonly #parser = PgProtocol.makeParser<Value>({ maxMessageSize: 1 << 30 })
  #stopped: SessionLost | undefined

  constructor(pglite: PGlite, database: string, schemaVersion: SchemaVersion) {
    this.#pglite = pglite
    this.database = database
    this.#session = new ProtocolSession(this.#send, schemaVersion, {
      majorVersion: 18,
      isSuperuser: true,
      singleUser: "postgres"
    })
  }

  readonly status = () => this.#session.status
  readonly isBroken = () => this.#stopped !== undefined

  run<Rows extends RowReader>(statement: Statement<Rows>): Effect.Effect<ResultSet<Rows>, Refusal | SessionLost> {
    return otherEncoding.test(statement.sql) ? Effect.fail(utf8Only) : this.#session.run(statement)
  }

  /** Removes what callers left in the session. */
  readonly reset: Effect.Effect<void> = Effect.suspend(() =>
    Effect.map(this.#session.reset, (isClean) => {
      if (!isClean) this.#stopped ??= stopped("its session could not be reset")
    })
  )

  readonly #send = ({ bytes, receiver }: Request): Effect.Effect<void, SessionLost> =>
    Effect.suspend(() => {
      if (this.#stopped !== undefined) return Effect.fail(this.#stopped)
      this.#parser.readField = (chunk, offset, size, column) => receiver.read(chunk, offset, size, column)
      const onRawData = (chunk: Uint8Array) =>
        this.#parser.pushEach(chunk, (message) => {
          receiver.accept(message)
        })
      // Once called it can't be interrupted: the database runs on this thread.
      return Effect.tryPromise({
        try: () => this.#pglite.execProtocolRawStream(bytes, { syncToFs: false, onRawData }),
        catch: stopped
      }).pipe(
        // PGlite keeps some failures to itself, such as the end of the stack, and answers everything with nothing thereafter.
        Effect.andThen(Effect.suspend(() => (receiver.answered ? Effect.void : Effect.fail(stopped("no answer"))))),
        Effect.tapError((lost) => Effect.sync(() => (this.#stopped = lost))),
        Effect.uninterruptible
      )
    })
}

const stopped = (cause: unknown): SessionLost => {
  const reason = Predicate.hasProperty(cause, "message") ? cause.message : cause
  return new SessionLost({ message: `The embedded database has stopped: ${reason}. Start the process again.` })
}

const occupied = new Refusal({
  sqlState: "53300",
  message: "sorry, too many clients already",
  hint: "The embedded database has one connection, and an open transaction holds it."
})

/** Sessions of an open PGlite, one at a time: a transaction holds the connection, and other calls wait. */
export const sessions = (pglite: PGlite, options: PgliteOptions): SessionSource => {
  const schemaVersion: SchemaVersion = { current: 0 }
  const session = new PgliteSession(pglite, options.database, schemaVersion)
  const permits = new SessionPermits(1, options.limits.sessionWait, occupied)

  const lease: Lease = { session, end: Effect.andThen(session.reset, permits.release) }
  const lend = (database: string | undefined): Effect.Effect<Lease, Refusal> =>
    database === undefined || database === options.database
      ? Effect.uninterruptible(Effect.as(permits.take, lease))
      : Effect.fail(new Refusal({ sqlState: "3D000", message: `database "${database}" does not exist` }))

  return { lend, schemaVersion, holdsProcess: true }
}
