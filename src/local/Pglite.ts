/** Sessions of the embedded database: PGlite, PostgreSQL in this process, which has one connection. */
import { setFlagsFromString } from "node:v8"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import type { PGlite } from "@electric-sql/pglite"
import { Data, Duration, Effect, Predicate, Result, type Scope } from "effect"
import { Exchange, isStale, type SchemaVersion } from "./Exchange.ts"
import type { Limits } from "./Limits.ts"
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

export interface PgliteOptions {
  /** A folder that PGlite may fill or has filled; `undefined` keeps everything in memory. */
  readonly dataDir: string | undefined
  readonly database: string
  /** A dump of a data folder to start from, of the same PGlite version. */
  readonly snapshot?: Blob | undefined
  readonly limits: Limits
}

/**
 * PGlite's own arguments without `-O` and `search_path`, which a server does not have either, and with what the
 * service sets for each of its sessions.
 */
const startParams = (limits: Limits): Array<string> => [
  "--single",
  "-F",
  "-j",
  ...[
    "exit_on_error=false",
    "log_checkpoints=false",
    "max_worker_processes=0",
    "max_parallel_workers=0",
    "max_parallel_workers_per_gather=0",
    "max_parallel_maintenance_workers=0",
    "io_method=sync",
    // WebAssembly's stack ends before PostgreSQL's own limit of 2 MB, and PGlite does not survive that: endless
    // recursion in PL/pgSQL is refused in time up to 300 kB. The frames of the calling program come on top.
    "max_stack_depth=200kB",
    // Buffers are memory that is cleared at the start; 128 MB, the server's own figure, took a tenth of a second.
    "shared_buffers=32MB",
    // PostgreSQL's own figures would let the log grow to 1 GB; this is a folder in somebody's project.
    "max_wal_size=64MB",
    "min_wal_size=8MB",
    "TimeZone=UTC",
    `statement_timeout=${Duration.toMillis(limits.statementTimeout)}`
  ].flatMap((setting) => ["-c", setting])
]

/** Segments of 1 MB in place of 16, and no fsync of files that did not exist a moment ago: 2.1 s in place of 2.8. */
const initDbStartParams = ["--wal-segsize=1", "--no-sync", "--no-instructions"]

/**
 * The module is loaded only here: it costs 50 ms and several megabytes.
 *
 * V8 optimizes a WebAssembly function once it has run for a while. PostgreSQL has thousands that run for that long at
 * the start and never again: with a 20 times longer while a start takes two thirds of the processor time, and after its
 * first thousand statements a server is as fast as it was.
 */
const load = Effect.promise(() => {
  setFlagsFromString("--wasm-tiering-budget=300000000")
  return Promise.all([import("@electric-sql/pglite"), import("@electric-sql/pglite/contrib/uuid_ossp")])
})

/** PGlite threw. */
export class PgliteFailed extends Data.TaggedError("PgliteFailed")<{ readonly cause: unknown }> {}

/** Opens PGlite for the life of the scope. */
export const open = Effect.fnUntraced(function* (
  options: PgliteOptions
): Effect.fn.Return<PGlite, PgliteFailed, Scope.Scope> {
  const [{ PGlite }, { uuid_ossp }] = yield* load
  return yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: () =>
        PGlite.create({
          ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
          ...(options.snapshot === undefined ? {} : { loadDataDir: options.snapshot }),
          database: options.database,
          extensions: { uuid_ossp },
          startParams: startParams(options.limits),
          initDbStartParams
        }),
      catch: (cause) => new PgliteFailed({ cause })
    }),
    // A database that has stopped can't be closed, and there is nothing left to close.
    (pglite) => Effect.ignore(Effect.tryPromise(() => pglite.close()))
  )
})

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
