/** A pool of sessions of a PostgreSQL server. */
import { Clock, Duration, Effect, type Redacted, Result, Schedule, type Scope } from "effect"
import * as PostgresUrl from "../../data-api/postgres/PostgresUrl.ts"
import type { Limits } from "../EngineLimits.ts"
import {
  type Lease,
  Refusal,
  type ResultSet,
  type RowReader,
  type SchemaVersion,
  type Session,
  type SessionLost,
  SessionPermits,
  type SessionSource,
  type Statement,
  type TransactionStatus
} from "../engine/Session.ts"
import { PostgresConnection } from "./PostgresConnection.ts"
import type { PostgresAddress } from "./PostgresSocket.ts"

export interface PostgresOptions {
  readonly address: PostgresAddress
  /** The database of a request that names none. */
  readonly database: string
  /** The most connections at a time. */
  readonly maxConnections: number
  readonly limits: Limits
}

const tlsModes: Readonly<Record<PostgresUrl.SslMode, PostgresAddress["tls"]>> = {
  disable: "off",
  allow: "preferred",
  prefer: "preferred",
  require: "required",
  "verify-ca": "verified",
  "verify-full": "verified"
}

/**
 * Parses `postgres://user:password@host:port/database?sslmode=require`.
 *
 * By default the user is `postgres`, the port is 5432, the database has the user's name, and TLS is used if the server
 * offers it. `host=` in the query may be the folder of a Unix socket.
 */
export const parseUrl = (
  url: Redacted.Redacted
): Result.Result<{ readonly address: PostgresAddress; readonly database: string }, string> =>
  Result.flatMap(
    Result.mapError(
      PostgresUrl.parse(url, { user: "postgres" }),
      (problem) => `The server's URL can't be used: ${problem}.`
    ),
    ({ database, host, options, password, port, sslmode = "prefer", user }) =>
      options === undefined
        ? Result.succeed({ address: { host, port, user, password, tls: tlsModes[sslmode] }, database })
        : Result.fail("The server's URL has the parameter options, which is not sent to it: use ALTER ROLE ... SET.")
  )

const poolExhausted = new Refusal({
  sqlState: "53300",
  message: "sorry, too many clients already",
  hint: "All connections of this server's pool are in use."
})

/** How long an idle connection is kept. */
const idleLimit = Duration.seconds(30)

/**
 * Matches statements that PostgreSQL refuses while anyone else is connected to the database that they name. A match too
 * many, in a string for example, only closes idle connections.
 */
const ofDatabases = /\b(?:create|alter|drop)\s+database\b/i

/** PostgreSQL's SQLSTATE for a database that others are connected to. */
const objectInUse = "55006"

/** A connection of the pool. */
interface Pooled {
  readonly connection: PostgresConnection
  /** When it was last returned to the pool, in milliseconds since 1970; undefined for a new one. */
  idleSince: number | undefined
}

/**
 * A session on a connection of the pool. The server may have ended an idle connection. If the first statement on it
 * fails for that reason and did not run, it is retried on another connection.
 */
class LentSession implements Session, Lease {
  readonly database: string
  readonly #pool: Pool
  #entry: Pooled

  constructor(pool: Pool, entry: Pooled) {
    this.#pool = pool
    this.#entry = entry
    this.database = entry.connection.database
  }

  get session(): Session {
    return this
  }

  get end(): Effect.Effect<void> {
    return Effect.suspend(() => this.#pool.giveBack(this.#entry))
  }

  status(): TransactionStatus {
    return this.#entry.connection.status()
  }

  isBroken(): boolean {
    return this.#entry.connection.isBroken()
  }

  run<Rows extends RowReader>(statement: Statement<Rows>): Effect.Effect<ResultSet<Rows>, Refusal | SessionLost> {
    const run = Effect.suspend(() => this.#run(statement))
    return ofDatabases.test(statement.sql) ? this.#pool.withoutIdle(this.database, run) : run
  }

  #run<Rows extends RowReader>(statement: Statement<Rows>): Effect.Effect<ResultSet<Rows>, Refusal | SessionLost> {
    const entry = this.#entry
    if (entry.idleSince === undefined) return entry.connection.run(statement)
    entry.idleSince = undefined
    return Effect.catch(entry.connection.run(statement), (failure) =>
      entry.connection.tookNothing()
        ? Effect.flatMap(this.#pool.find(entry.connection.database), (another) => {
            this.#entry = another
            return this.#run(statement)
          })
        : Effect.fail(failure)
    )
  }
}

/** Connections to the databases of one server. */
class Pool implements SessionSource {
  readonly schemaVersion: SchemaVersion = { current: 0 }
  readonly #options: PostgresOptions
  readonly #clock: Clock.Clock
  readonly #permits: SessionPermits
  readonly #settings: Readonly<Record<string, string>>
  /** Idle connections, the last used at the end. */
  #idle: Array<Pooled> = []
  #busy = 0
  #closed = false

  constructor(options: PostgresOptions, clock: Clock.Clock) {
    const { limits, maxConnections } = options
    this.#options = options
    this.#clock = clock
    this.#permits = new SessionPermits(maxConnections, limits.sessionWait, poolExhausted)
    this.#settings = {
      application_name: "alex-db",
      TimeZone: "UTC",
      statement_timeout: String(Duration.toMillis(limits.statementTimeout))
    }
  }

  lend(database = this.#options.database): Effect.Effect<Lease, Refusal | SessionLost> {
    return Effect.flatMap(this.#permits.take, () => {
      this.#busy++
      const idle = this.#takeIdle(database)
      if (idle !== undefined) return Effect.succeed(new LentSession(this, idle))
      return Effect.onError(
        Effect.map(this.#connect(database), (entry) => new LentSession(this, entry)),
        () => this.#leave
      )
    }).pipe(Effect.uninterruptible)
  }

  /** An idle connection to this database, or a new one. */
  find(database: string): Effect.Effect<Pooled, Refusal | SessionLost> {
    return Effect.suspend(() => {
      const idle = this.#takeIdle(database)
      return idle === undefined ? this.#connect(database) : Effect.succeed(idle)
    })
  }

  #takeIdle(database: string): Pooled | undefined {
    const idle = this.#idle
    for (let index = idle.length - 1; index >= 0; index--) {
      const entry = idle[index]
      if (entry === undefined || entry.connection.database !== database || entry.connection.isBroken()) continue
      if (index === idle.length - 1) idle.pop()
      else idle.splice(index, 1)
      return entry
    }
    return undefined
  }

  /** Resets a connection, unless that is done, and takes it back into the pool. */
  giveBack(entry: Pooled): Effect.Effect<void> {
    const kept = Effect.suspend(() => Effect.andThen(this.#keep(entry), this.#leave))
    return entry.connection.isReset ? kept : Effect.andThen(entry.connection.reset, kept)
  }

  /**
   * Runs a statement without idle connections to other databases, which would be in its way. A connection may have become
   * idle meanwhile: PostgreSQL waits 5 seconds before it refuses, and the statement is run once more.
   */
  withoutIdle<A>(
    database: string,
    run: Effect.Effect<A, Refusal | SessionLost>
  ): Effect.Effect<A, Refusal | SessionLost> {
    const closed = this.#closeIdle(({ connection }) => connection.database !== database)
    const again = (failure: Refusal | SessionLost) =>
      Effect.flatMap(closed, (count) => (count === 0 ? Effect.fail(failure) : run))
    return Effect.andThen(
      closed,
      Effect.catch(run, (failure) =>
        failure._tag === "Refusal" && failure.sqlState === objectInUse ? again(failure) : Effect.fail(failure)
      )
    )
  }

  /** Closes the connections that were idle for `idleLimit`. */
  readonly closeUnused: Effect.Effect<number> = Effect.suspend(() => {
    const now = this.#clock.currentTimeMillisUnsafe()
    const oldest = now - Duration.toMillis(idleLimit)
    return this.#closeIdle(({ connection, idleSince = now }) => connection.isBroken() || idleSince <= oldest)
  })

  /** Closes the idle connections now, and the others when they are returned. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#closed = true
    return Effect.asVoid(this.#closeIdle(() => true))
  })

  readonly #leave = Effect.suspend(() => {
    this.#busy--
    return this.#permits.release
  })

  /**
   * Opens a connection, for which the caller has a permit. If the pool is full, the oldest idle one is closed first.
   */
  #connect(database: string): Effect.Effect<Pooled, Refusal | SessionLost> {
    return Effect.suspend(() => {
      const { address, maxConnections } = this.#options
      const [oldest] = this.#idle
      const isInTheWay = (entry: Pooled) => entry === oldest && this.#idle.length + this.#busy > maxConnections
      return this.#closeIdle(isInTheWay).pipe(
        Effect.andThen(PostgresConnection.connect(address, database, this.#settings, this.schemaVersion)),
        Effect.interruptible,
        Effect.map((connection) => ({ connection, idleSince: undefined }))
      )
    })
  }

  /** Closes idle connections, and returns how many. */
  #closeIdle(isOver: (entry: Pooled) => boolean): Effect.Effect<number> {
    return Effect.suspend(() => {
      const over = this.#idle.filter(isOver)
      this.#idle = this.#idle.filter((entry) => !over.includes(entry))
      return Effect.as(
        Effect.forEach(over, ({ connection }) => connection.close, { discard: true }),
        over.length
      )
    })
  }

  #keep(entry: Pooled): Effect.Effect<void> {
    if (this.#closed || entry.connection.isBroken()) return entry.connection.close
    entry.idleSince = this.#clock.currentTimeMillisUnsafe()
    this.#idle.push(entry)
    return Effect.void
  }
}

/** Opens a pool that connects to the databases that requests name, and closes it with the scope. */
export const sessions = Effect.fnUntraced(function* (
  options: PostgresOptions
): Effect.fn.Return<SessionSource, never, Scope.Scope> {
  const pool = new Pool(options, yield* Clock.Clock)
  yield* Effect.addFinalizer(() => pool.close)
  yield* Effect.forkScoped(Effect.schedule(pool.closeUnused, Schedule.spaced(idleLimit)))
  return pool
})
