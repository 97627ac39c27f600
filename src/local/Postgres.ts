/** Sessions of a PostgreSQL server, pooled. */
import { Clock, Duration, Effect, Redacted, Result, Schedule, type Scope } from "effect"
import type { SchemaVersion } from "./Exchange.ts"
import type { Limits } from "./Limits.ts"
import { type PostgresAddress, PostgresConnection } from "./PostgresConnection.ts"
import { Refusal, type Session, type SessionLost, SessionPermits, type SessionSource } from "./Session.ts"

export interface PostgresOptions {
  readonly address: PostgresAddress
  /** The database of a request that names none. */
  readonly database: string
  /** How many connections there may be at a time. */
  readonly maxConnections: number
  readonly limits: Limits
}

const tlsModes: Readonly<Record<string, PostgresAddress["tls"]>> = {
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
): Result.Result<{ readonly address: PostgresAddress; readonly database: string }, string> => {
  const parsed = URL.parse(Redacted.value(url))
  if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    return Result.fail("The URL is not of the form postgres://user:password@host:port/database.")
  }
  const tls = tlsModes[parsed.searchParams.get("sslmode") ?? "prefer"]
  if (tls === undefined) return Result.fail("The URL's sslmode is not one of PostgreSQL's.")
  const user = decodeURIComponent(parsed.username) || "postgres"
  const password = parsed.password === "" ? undefined : Redacted.make(decodeURIComponent(parsed.password))
  const host =
    parsed.searchParams.get("host") ?? (decodeURIComponent(parsed.hostname).replace(/^\[|\]$/g, "") || "127.0.0.1")
  const port = parsed.port === "" ? 5432 : Number(parsed.port)
  const database = decodeURIComponent(parsed.pathname.slice(1)) || user
  return Result.succeed({ address: { host, port, user, password, tls }, database })
}

const poolExhausted = new Refusal({
  sqlState: "53300",
  message: "sorry, too many clients already",
  hint: "All connections of this server's pool are in use."
})

/** How long a connection that nobody uses is kept. */
const idleLimit = Duration.seconds(30)

interface Idle {
  readonly connection: PostgresConnection
  readonly since: number
}

/** Opens a pool that connects to whichever database a request names, and closes it with the scope. */
export const sessions = Effect.fnUntraced(function* (
  options: PostgresOptions
): Effect.fn.Return<SessionSource, never, Scope.Scope> {
  const { address, limits, maxConnections } = options
  const schemaVersion: SchemaVersion = { current: 0 }
  const permits = new SessionPermits(maxConnections, limits.sessionWait, poolExhausted)
  let idle: Array<Idle> = []
  let busy = 0
  let closed = false
  const settings = {
    application_name: "alex-db",
    TimeZone: "UTC",
    statement_timeout: String(Duration.toMillis(limits.statementTimeout))
  }

  const closeIdle = (isOver: (entry: Idle) => boolean) =>
    Effect.suspend(() => {
      const over = idle.filter(isOver)
      idle = idle.filter((entry) => !over.includes(entry))
      return Effect.forEach(over, (entry) => entry.connection.close, { discard: true })
    })

  /** An idle connection to this database, or a new one; the caller's permit says that there may be one more. */
  const take = (database: string): Effect.Effect<PostgresConnection, Refusal | SessionLost> =>
    Effect.suspend(() => {
      busy++
      const index = idle.findLastIndex(({ connection }) => connection.database === database && !connection.isBroken())
      const [found] = index < 0 ? [] : idle.splice(index, 1)
      if (found !== undefined) return Effect.succeed(found.connection)
      // Connections to other databases make room.
      const [oldest] = idle
      const isInTheWay = (entry: Idle) => entry === oldest && idle.length + busy > maxConnections
      return closeIdle(isInTheWay).pipe(
        Effect.andThen(PostgresConnection.connect(address, database, settings, schemaVersion)),
        Effect.onError(() => Effect.sync(() => busy--))
      )
    })

  const cleanAndKeep = Effect.fnUntraced(
    function* (connection: PostgresConnection) {
      if (connection.status() !== "I") yield* connection.run({ sql: "ROLLBACK", parameters: [] })
      if (connection.touched()) yield* connection.run({ sql: "DISCARD ALL", parameters: [] })
      if (closed || connection.isBroken()) return yield* connection.close
      idle.push({ connection, since: yield* Clock.currentTimeMillis })
    },
    (effect, connection) => Effect.catch(effect, () => connection.close)
  )

  const giveBack = (connection: PostgresConnection) =>
    Effect.suspend(() => {
      busy--
      return cleanAndKeep(connection)
    })

  const acquire = (database: string | undefined): Effect.Effect<Session, Refusal | SessionLost, Scope.Scope> =>
    Effect.andThen(
      permits.take,
      Effect.acquireRelease(take(database ?? options.database), giveBack, { interruptible: true })
    )

  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      closed = true
      return closeIdle(() => true)
    })
  )
  yield* Clock.currentTimeMillis.pipe(
    Effect.flatMap((now) =>
      closeIdle(({ connection, since }) => connection.isBroken() || since + Duration.toMillis(idleLimit) <= now)
    ),
    Effect.schedule(Schedule.spaced(idleLimit)),
    Effect.forkScoped
  )
  return { acquire, schemaVersion }
})
