/** Sessions of a PostgreSQL server, pooled. */
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
  /** How many connections there may be at a time. */
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
 * Reads `postgres://user:password@host:port/database?sslmode=require`.
 *
 * The user is `postgres` when absent, the port 5432 and the database is named like the user. TLS is used where the
 * server offers it, unless `sslmode` says otherwise. A folder as `host=` in the query is a Unix socket's.
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

/** How long a connection that nobody uses is kept. */
const idleLimit = Duration.seconds(30)

/** A connection of the pool. */
interface Pooled {
  readonly connection: PostgresConnection
  /** When it was last given back, in milliseconds since 1970; never, for a new one. */
  idleSince: number | undefined
}

/** What a lent session asks of the pool. */
interface Pool {
  readonly replace: (dead: Pooled) => Effect.Effect<Pooled, Refusal | SessionLost>
  readonly giveBack: (entry: Pooled) => Effect.Effect<void>
}

/**
 * A session on a connection of the pool. The server may have ended one while it lay idle; where its first statement
 * finds that out, and has not run, another connection takes its place.
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
    const entry = this.#entry
    if (entry.idleSince === undefined) return entry.connection.run(statement)
    entry.idleSince = undefined
    return Effect.catch(entry.connection.run(statement), (failure) =>
      entry.connection.tookNothing()
        ? Effect.flatMap(this.#pool.replace(entry), (another) => {
            this.#entry = another
            return this.run(statement)
          })
        : Effect.fail(failure)
    )
  }
}

/** Opens a pool that connects to whichever database a request names, and closes it with the scope. */
export const sessions = Effect.fnUntraced(function* (
  options: PostgresOptions
): Effect.fn.Return<SessionSource, never, Scope.Scope> {
  const { address, limits, maxConnections } = options
  const clock = yield* Clock.Clock
  const schemaVersion: SchemaVersion = { current: 0 }
  const permits = new SessionPermits(maxConnections, limits.sessionWait, poolExhausted)
  /** Those that wait for work, the one used last at the end. */
  let idle: Array<Pooled> = []
  let busy = 0
  let closed = false
  const settings = {
    application_name: "alex-db",
    TimeZone: "UTC",
    statement_timeout: String(Duration.toMillis(limits.statementTimeout))
  }

  const closeIdle = (isOver: (entry: Pooled) => boolean) =>
    Effect.suspend(() => {
      const over = idle.filter(isOver)
      idle = idle.filter((entry) => !over.includes(entry))
      return Effect.forEach(over, ({ connection }) => connection.close, { discard: true })
    })

  /** The caller's permit says that there may be one more. Connections to other databases make room. */
  const connect = (database: string): Effect.Effect<Pooled, Refusal | SessionLost> =>
    Effect.suspend(() => {
      const [oldest] = idle
      const isInTheWay = (entry: Pooled) => entry === oldest && idle.length + busy > maxConnections
      return closeIdle(isInTheWay).pipe(
        Effect.andThen(PostgresConnection.connect(address, database, settings, schemaVersion)),
        Effect.interruptible,
        Effect.map((connection) => ({ connection, idleSince: undefined }))
      )
    })

  /** An idle connection to this database, or a new one. */
  const find = (database: string): Effect.Effect<Pooled, Refusal | SessionLost> =>
    Effect.suspend(() => {
      for (let index = idle.length - 1; index >= 0; index--) {
        const entry = idle[index]
        if (entry === undefined || entry.connection.database !== database || entry.connection.isBroken()) continue
        if (index === idle.length - 1) idle.pop()
        else idle.splice(index, 1)
        return Effect.succeed(entry)
      }
      return connect(database)
    })

  const leave = Effect.suspend(() => {
    busy--
    return permits.release
  })

  const keep = (entry: Pooled): Effect.Effect<void> => {
    if (closed || entry.connection.isBroken()) return entry.connection.close
    entry.idleSince = clock.currentTimeMillisUnsafe()
    idle.push(entry)
    return Effect.void
  }

  const pool: Pool = {
    replace: ({ connection }) => find(connection.database),
    giveBack: (entry) =>
      entry.connection.reset.pipe(Effect.andThen(Effect.suspend(() => keep(entry))), Effect.andThen(leave))
  }

  const lend = (database = options.database): Effect.Effect<Lease, Refusal | SessionLost> =>
    Effect.flatMap(permits.take, () => {
      busy++
      return Effect.onError(
        Effect.map(find(database), (entry) => new LentSession(pool, entry)),
        () => leave
      )
    }).pipe(Effect.uninterruptible)

  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      closed = true
      return closeIdle(() => true)
    })
  )
  yield* Effect.suspend(() => {
    const now = clock.currentTimeMillisUnsafe()
    const oldest = now - Duration.toMillis(idleLimit)
    return closeIdle(({ connection, idleSince = now }) => connection.isBroken() || idleSince <= oldest)
  }).pipe(Effect.schedule(Schedule.spaced(idleLimit)), Effect.forkScoped)
  return { lend, schemaVersion }
})
