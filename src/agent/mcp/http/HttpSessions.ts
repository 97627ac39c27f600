/** The protocol's sessions: each belongs to one user, and ends when it has not been used for a while. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

interface Session {
  readonly user: string
  used: number
}

/** How many sessions are kept; the one that was not used for longest ends first. */
const most = 10_000
/** How many one user may have, so that a program that begins one for each call does not end those of others. */
const mostOfUser = 1000

/**
 * Makes the registry of sessions.
 *
 * @param end Ends a session in the protocol's own state.
 */
export const makeSessions = (idle: Duration.Input, end: (id: string) => Effect.Effect<void>) => {
  const sessions = new Map<string, Session>()
  const longest = Duration.toMillis(Duration.fromInputUnsafe(idle))
  const drop = (id: string) => Effect.suspend(() => (sessions.delete(id) ? end(id) : Effect.void))

  /** Ends sessions that have been idle for too long, the least recently used first. */
  const expire = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    for (const [id, { used }] of sessions) {
      if (now - used < longest && sessions.size <= most) break
      yield* drop(id)
    }
  })

  return {
    expire,
    /** A session that the protocol has just begun. */
    begin: (id: string, user: string) =>
      Effect.gen(function* () {
        const own = [...sessions].filter(([, session]) => session.user === user)
        for (const [oldest] of own.slice(0, Math.max(0, own.length + 1 - mostOfUser))) yield* drop(oldest)
        sessions.set(id, { user, used: yield* Clock.currentTimeMillis })
        yield* expire
      }),
    /** Whether a request of this user may use a session, which must not be another user's. */
    admits: (id: string, user: string) =>
      Effect.gen(function* () {
        yield* expire
        const session = sessions.get(id)
        if (session === undefined || session.user !== user) return false
        sessions.delete(id)
        sessions.set(id, { user, used: yield* Clock.currentTimeMillis })
        return true
      }),
    /** A session that its client ended. */
    forget: (id: string) => Effect.sync(() => void sessions.delete(id)),
    size: () => sessions.size
  }
}
