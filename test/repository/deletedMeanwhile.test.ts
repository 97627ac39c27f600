/** A row that a write refers to is deleted by another session after the write has begun. */

import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { BigDecimal, Deferred, Effect, Fiber, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlError } from "effect/sql"
import { ClerkUserId, InstrumentSymbol } from "../../src/domain/index.ts"
import { Accounts, History, Instruments, Jobs, Positions, Users } from "../../src/repository/index.ts"
import { postgresUrl } from "../TestDatabase.ts"
import { hasPostgres, postgres, skipWithoutPostgres } from "./TestRepositories.ts"

const one = BigDecimal.fromBigInt(1n)

/** A user with an account, and an instrument. */
const owned = Effect.gen(function* () {
  const user = ClerkUserId.make(`user_${crypto.randomUUID()}`)
  const symbol = InstrumentSymbol.make(crypto.randomUUID().slice(0, 8).toUpperCase())
  yield* (yield* Users).create({ clerk_user_id: user })
  const { id: account_id } = yield* (yield* Accounts).create({ clerk_user_id: user, account_name: "Brokerage" })
  yield* (yield* Instruments).create({ symbol, name: "Fund", instrument_type: "etf" })
  return { user, account_id, symbol }
})

const waitsForLock = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [found] = yield* sql<{ readonly count: number }>`
    SELECT count(*)::int AS count FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query NOT LIKE '%pg_stat_activity%'`
  return (found?.count ?? 0) > 0
})

type Statement = (sql: SqlClient.SqlClient) => Effect.Effect<unknown, SqlError.SqlError>

/**
 * The outcome of a write that waits for the other session's statement, which is committed meanwhile, after one that may
 * wait for the write in turn.
 */
const beside = <A, E, R>(other: Statement, write: Effect.Effect<A, E, R>, then: Statement = () => Effect.void) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const done = yield* Deferred.make<void>()
    const mayCommit = yield* Deferred.make<void>()
    const deletion = yield* Effect.forkChild(
      sql.withTransaction(
        Effect.gen(function* () {
          // The write, which waits first, is the one that a deadlock ends.
          yield* sql`SET LOCAL deadlock_timeout = '20s'`
          yield* other(sql)
          yield* Deferred.succeed(done, undefined)
          yield* Deferred.await(mayCommit)
          yield* then(sql)
        })
      )
    )
    yield* Deferred.await(done)
    const writing = yield* Effect.forkChild(Effect.result(write))
    yield* Effect.repeat(Effect.delay(waitsForLock, "10 millis"), { until: (waits) => waits })
    yield* Deferred.succeed(mayCommit, undefined)
    yield* Fiber.join(deletion)
    return yield* Fiber.join(writing)
  })

/** The history for a role of its own, which may take snapshots, and only read what they are made of. */
const reader = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [found] = yield* sql<{ readonly name: string }>`SELECT current_database() AS name`
  const role = `reader_${crypto.randomUUID().slice(0, 8)}`
  yield* Effect.acquireRelease(sql`CREATE ROLE ${sql(role)} LOGIN`, () =>
    Effect.orDie(Effect.andThen(sql`DROP OWNED BY ${sql(role)}`, sql`DROP ROLE ${sql(role)}`))
  )
  yield* sql`GRANT SELECT ON users, accounts, positions, instruments TO ${sql(role)}`
  yield* sql`GRANT SELECT, INSERT, UPDATE ON portfolio_snapshots TO ${sql(role)}`
  const url = new URL(postgresUrl ?? "postgres://unset")
  url.username = role
  url.pathname = `/${found?.name}`
  const own = yield* PgClient.make({ url: Redacted.make(url.href), maxConnections: 4 })
  return { sql: own, history: yield* Effect.provideService(History.make, SqlClient.SqlClient, own) }
}).pipe(Effect.provide(Reactivity.layer))

/** The deletion of a user in a session of its own, which is not committed yet. */
const deleting = Effect.fnUntraced(function* (user: ClerkUserId) {
  const sql = yield* SqlClient.SqlClient
  const deleted = yield* Deferred.make<number>()
  const mayCommit = yield* Deferred.make<void>()
  const deletion = yield* Effect.forkChild(
    sql.withTransaction(
      Effect.gen(function* () {
        const [session] = yield* sql<{ readonly pid: number }>`SELECT pg_backend_pid() AS pid`
        yield* sql`DELETE FROM users WHERE clerk_user_id = ${user}`
        yield* Deferred.succeed(deleted, session?.pid ?? 0)
        yield* Deferred.await(mayCommit)
      })
    )
  )
  const pid = yield* Deferred.await(deleted)
  const waiting = sql<{ readonly found: boolean }>`
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE ${pid}::int = ANY (pg_blocking_pids(pid))) AS found`
  return {
    user,
    isWaitedFor: Effect.map(waiting, ([row]) => row?.found === true),
    commit: Effect.andThen(Deferred.succeed(mayCommit, undefined), Fiber.join(deletion))
  }
})

const failureTag = <A, E extends { readonly _tag: string }, R>(other: Statement, write: Effect.Effect<A, E, R>) =>
  Effect.map(beside(other, write), (result) => (result._tag === "Failure" ? result.failure._tag : "none"))

if (!hasPostgres) skipWithoutPostgres("rows that are deleted while a write runs")
else {
  layer(postgres, { timeout: "60 seconds", excludeTestServices: true })("a row deleted while a write runs", (it) => {
    it.effect("is not found by a position that is put", () =>
      Effect.gen(function* () {
        const positions = yield* Positions
        const { account_id, symbol, user } = yield* owned
        const put = positions.put({ account_id, symbol, quantity: one })
        assert.strictEqual(
          yield* failureTag((sql) => sql`DELETE FROM users WHERE clerk_user_id = ${user}`, put),
          "AccountNotFound"
        )
        const next = yield* owned
        const again = positions.addQuantity({ account_id: next.account_id, symbol: next.symbol, quantity: one })
        assert.strictEqual(
          yield* failureTag((sql) => sql`DELETE FROM instruments WHERE symbol = ${next.symbol}`, again),
          "InstrumentNotFound"
        )
      })
    )

    it.effect("is refused by a batch of positions, which stores the others", () =>
      Effect.gen(function* () {
        const positions = yield* Positions
        const { account_id, symbol } = yield* owned
        const other = yield* owned
        const result = yield* beside(
          (sql) => sql`DELETE FROM instruments WHERE symbol = ${other.symbol}`,
          positions.putMany([
            { account_id, symbol, quantity: one },
            { account_id, symbol: other.symbol, quantity: one }
          ])
        )
        assert.strictEqual(result._tag, "Success")
        assert.deepStrictEqual(
          (yield* positions.listByAccount(account_id)).map((position) => position.symbol),
          [symbol]
        )
      })
    )

    it.effect("is not found by an account or a job that is created", () =>
      Effect.gen(function* () {
        const first = yield* owned
        const account = (yield* Accounts).create({ clerk_user_id: first.user, account_name: "Second" })
        assert.strictEqual(
          yield* failureTag((sql) => sql`DELETE FROM users WHERE clerk_user_id = ${first.user}`, account),
          "UserNotFound"
        )
        const second = yield* owned
        const job = (yield* Jobs).create({ clerk_user_id: second.user, job_type: "portfolio_analysis" })
        assert.strictEqual(
          yield* failureTag((sql) => sql`DELETE FROM users WHERE clerk_user_id = ${second.user}`, job),
          "UserNotFound"
        )
      })
    )

    it.effect("is left out of the day's snapshots, which hold everyone else", () =>
      Effect.gen(function* () {
        const history = yield* History
        const kept = yield* owned
        const deleted = yield* owned
        const result = yield* beside(
          (sql) => sql`DELETE FROM users WHERE clerk_user_id = ${deleted.user}`,
          history.snapshot()
        )
        assert.strictEqual(result._tag, "Success")
        assert.lengthOf(yield* history.portfolio(kept.user, { from: "2000-01-01", to: "2100-01-01" }), 1)
      })
    )

    it.effect("is left out of the day's snapshots, however many follow it while they are taken", () =>
      Effect.gen(function* () {
        const history = yield* History
        const kept = yield* owned
        const deletions = yield* Effect.forEach([1, 2, 3, 4], () => Effect.flatMap(owned, ({ user }) => deleting(user)))
        // In the order of their users, in which the snapshot meets them.
        const ordered = deletions.toSorted((a, b) => (a.user < b.user ? -1 : 1))
        const taking = yield* Effect.forkChild(Effect.result(history.snapshot()))
        for (const deletion of ordered) {
          const waits = Effect.repeat(Effect.delay(deletion.isWaitedFor, "10 millis"), { until: (waits) => waits })
          yield* Effect.raceFirst(waits, Fiber.await(taking))
          yield* deletion.commit
        }
        assert.strictEqual((yield* Fiber.join(taking))._tag, "Success")
        assert.lengthOf(yield* history.portfolio(kept.user, { from: "2000-01-01", to: "2100-01-01" }), 1)
      })
    )

    it.effect("is left out of the day's snapshots that a role takes which may only read users", () =>
      Effect.gen(function* () {
        const { history, sql } = yield* reader
        const kept = yield* owned
        const deletions = yield* Effect.forEach([1, 2, 3, 4], () => Effect.flatMap(owned, ({ user }) => deleting(user)))
        const ordered = deletions.toSorted((a, b) => (a.user < b.user ? -1 : 1))
        const taking = yield* Effect.forkChild(Effect.result(history.snapshot()))
        for (const deletion of ordered) {
          const waits = Effect.repeat(Effect.delay(deletion.isWaitedFor, "10 millis"), { until: (waits) => waits })
          yield* Effect.raceFirst(waits, Fiber.await(taking))
          yield* deletion.commit
        }
        assert.strictEqual((yield* Fiber.join(taking))._tag, "Success")
        assert.lengthOf(yield* history.portfolio(kept.user, { from: "2000-01-01", to: "2100-01-01" }), 1)
        const refused = yield* Effect.flip(sql`DELETE FROM users WHERE clerk_user_id = ${kept.user}`)
        assert.strictEqual(refused.reason._tag, "AuthorizationError")
      })
    )

    it.effect("fails no snapshot of those that are taken all along, and leaves none behind", () =>
      Effect.gen(function* () {
        const { history } = yield* reader
        const users = yield* Users
        const all = yield* Effect.forEach(Array.from({ length: 60 }), () => owned)
        const last = yield* owned
        const deletions = yield* Effect.forkChild(
          Effect.forEach(all, ({ user }) => users.delete(user), { concurrency: 3 })
        )
        const taken: Array<number> = []
        const takes = Effect.gen(function* () {
          while (deletions.pollUnsafe() === undefined) taken.push(yield* history.snapshot())
        })
        yield* Effect.all([takes, takes], { concurrency: 2 })
        yield* Fiber.join(deletions)
        assert.isNotEmpty(taken)
        const sql = yield* SqlClient.SqlClient
        const left = yield* sql`
          SELECT FROM portfolio_snapshots LEFT JOIN users USING (clerk_user_id) WHERE users.clerk_user_id IS NULL`
        assert.isEmpty(left)
        assert.isAtLeast(yield* history.snapshot({ user: last.user }), 1)
      })
    )

    it.effect("keeps an instrument that came to be held", () =>
      Effect.gen(function* () {
        const { account_id, symbol } = yield* owned
        const put = (sql: SqlClient.SqlClient) =>
          sql`INSERT INTO positions (account_id, symbol, quantity) VALUES (${account_id}::uuid, ${symbol}, 1)`
        assert.strictEqual(yield* failureTag(put, (yield* Instruments).delete(symbol)), "InstrumentHeld")
      })
    )

    it.effect("deadlocks with no write, and no deletion with what changes its rows: each is done in the end", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const [users, accounts, positions] = [yield* Users, yield* Accounts, yield* Positions]
        const { account_id, symbol, user } = yield* owned
        const { id } = yield* accounts.create({ clerk_user_id: user, account_name: "IRA" })
        const [first, second] = account_id < id ? [account_id, id] : [id, account_id]
        const inFirst = { account_id: first, symbol, quantity: one }
        const change: Statement = (sql) => sql`UPDATE positions SET quantity = 2 WHERE account_id = ${first}::uuid`
        yield* positions.put(inFirst)
        const put = yield* beside(
          (sql) => sql`DELETE FROM accounts WHERE id = ${second}::uuid`,
          positions.putMany([inFirst, { ...inFirst, account_id: second }]),
          change
        )
        assert(put._tag === "Success")
        assert.deepStrictEqual(
          put.success.refused.map(({ key }) => key),
          [`${second}/${symbol}`]
        )
        const deletions: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
          accounts.delete(first),
          accounts.deleteAll(user),
          users.delete(user)
        ]
        for (const deletion of deletions) {
          const touch: Statement = (sql) => sql`UPDATE accounts SET cash_balance = 1 WHERE id = ${first}::uuid`
          assert.strictEqual((yield* beside(change, deletion, touch))._tag, "Success")
          yield* users.getOrCreate({ clerk_user_id: user })
          yield* sql`INSERT INTO accounts (id, clerk_user_id, account_name) VALUES (${first}::uuid, ${user}, 'IRA')`
          yield* positions.put(inFirst)
        }
      })
    )

    it.effect("fails the transaction that refers to it, with the key's error", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { account_id, symbol, user } = yield* owned
        const put = sql.withTransaction((yield* Positions).put({ account_id, symbol, quantity: one }))
        const result = yield* beside((own) => own`DELETE FROM users WHERE clerk_user_id = ${user}`, put)
        assert.strictEqual(result._tag === "Failure" && result.failure._tag, "SqlError")
      })
    )
  })
}
