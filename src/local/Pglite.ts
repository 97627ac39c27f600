/** Sessions of the embedded database: PGlite, PostgreSQL in this process, which has one connection. */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import type { PGlite } from "@electric-sql/pglite"
import { Effect, Predicate, Result } from "effect"
import { Exchange, isStale, type SchemaVersion } from "./Exchange.ts"
import type { PgliteOptions } from "./embedded/EmbeddedPostgres.ts"
import {
  type Lease,
  Refusal,
  type ResultSet,
  type RowReader,
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
  readonly #exchange: Exchange
  readonly #parser = PgProtocol.makeParser<Value>({ maxMessageSize: 1 << 30 })
  #stopped: SessionLost | undefined

  constructor(pglite: PGlite, database: string, schemaVersion: SchemaVersion) {
    this.#pglite = pglite
    this.database = database
    this.#exchange = new Exchange(schemaVersion)
  }

  readonly status = () => this.#exchange.status
  readonly touched = () => this.#exchange.touched
  readonly isBroken = () => this.#stopped !== undefined

  run<Rows extends RowReader>(
    statement: Statement<Rows>,
    again = false
  ): Effect.Effect<ResultSet<Rows>, Refusal | SessionLost> {
    return Effect.gen({ self: this }, function* () {
      if (this.#stopped !== undefined) return yield* this.#stopped
      if (otherEncoding.test(statement.sql)) return yield* utf8Only
      const { bytes, answer } = yield* Effect.fromResult(this.#exchange.begin(statement))
      this.#parser.readField = (chunk, offset, size, column) => answer.read(chunk, offset, size, column)
      const onRawData = (chunk: Uint8Array) =>
        this.#parser.pushEach(chunk, (message) => {
          answer.accept(message)
        })
      // Once called it can't be interrupted: the database runs on this thread.
      const ran = yield* Effect.tryPromise({
        try: () => this.#pglite.execProtocolRawStream(bytes, { syncToFs: false, onRawData }),
        catch: stopped
      }).pipe(Effect.result, Effect.uninterruptible)
      // PGlite keeps some failures to itself, such as the end of the stack, and answers everything with nothing thereafter.
      if (Result.isFailure(ran) || !answer.ended) {
        this.#stopped = Result.isFailure(ran) ? ran.failure : stopped("no answer")
        return yield* this.#stopped
      }
      if (isStale(answer.refusal) && this.status() === "I" && !again) return yield* this.run(statement, true)
      return yield* Effect.fromResult(answer.result())
    })
  }
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

  // These two fail only where the database has stopped, and then every later call says so.
  const giveBack = Effect.gen(function* () {
    if (session.status() !== "I") yield* session.run({ sql: "ROLLBACK", parameters: [] })
    if (session.touched()) yield* session.run({ sql: "DISCARD ALL", parameters: [] })
  }).pipe(Effect.ignore)

  const lease: Lease = { session, end: Effect.andThen(giveBack, permits.release) }
  const lend = (database: string | undefined): Effect.Effect<Lease, Refusal> =>
    database === undefined || database === options.database
      ? Effect.uninterruptible(Effect.as(permits.take, lease))
      : Effect.fail(new Refusal({ sqlState: "3D000", message: `database "${database}" does not exist` }))

  return { lend, schemaVersion, holdsProcess: true }
}
