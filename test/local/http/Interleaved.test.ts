import { randomUUID } from "node:crypto"
import { Agent } from "node:http"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result, Schedule } from "effect"
import { Reactivity } from "effect/reactivity"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import { defaultLimits } from "../../../src/local/EngineLimits.ts"
import * as Engine from "../../../src/local/engine/Engine.ts"
import { HttpServer } from "../../../src/local/http/HttpServer.ts"
import * as Postgres from "../../../src/local/postgres/PostgresPool.ts"
import { send, target } from "./RawClient.ts"

const postgresUrl = process.env["TEST_POSTGRES_URL"]
if (postgresUrl === undefined)
  process.stderr.write("SKIPPED: TEST_POSTGRES_URL is not set, so interleaved transactions are not tried.\n")

/** A database of its own, dropped with the scope; its URL and a direct client. */
const ownDatabase = Effect.fnUntraced(function* (server: string) {
  const name = `http_test_${randomUUID().replaceAll("-", "").slice(0, 12)}`
  const admin = yield* PgClient.make({ url: Redacted.make(server), maxConnections: 1 })
  yield* Effect.acquireRelease(admin.unsafe(`CREATE DATABASE ${name}`), () =>
    Effect.ignore(admin.unsafe(`DROP DATABASE ${name} WITH (FORCE)`))
  )
  const url = new URL(server)
  url.pathname = `/${name}`
  return { name, url: url.href, direct: yield* PgClient.make({ url: Redacted.make(url.href), maxConnections: 1 }) }
})

const clients = 64
const rounds = 3
const counters = 4

describe.skipIf(postgresUrl === undefined)(
  `on PostgreSQL${postgresUrl === undefined ? " (skipped: TEST_POSTGRES_URL is not set)" : ""}`,
  () => {
    it.live(
      `${clients} clients with interleaved transactions lose no update and leave no session`,
      () =>
        Effect.gen(function* () {
          const { direct, name, url } = yield* ownDatabase(postgresUrl ?? "")
          yield* direct.unsafe("CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL)")
          yield* direct.unsafe(`INSERT INTO counters SELECT i, 0 FROM generate_series(1, ${counters}) i`)
          const parsed = Result.getOrThrow(Postgres.parseUrl(Redacted.make(url)))
          const committed = yield* Effect.scoped(
            Effect.gen(function* () {
              const source = yield* Postgres.sessions({ ...parsed, maxConnections: 24, limits: defaultLimits })
              const api = yield* Engine.make(source, { database: name })
              const server = yield* HttpServer.make({ port: 0 }).pipe(Effect.provideService(DataApi, api))
              const agent = yield* Effect.acquireRelease(
                Effect.sync(() => new Agent({ keepAlive: true })),
                (agent) => Effect.sync(() => agent.destroy())
              )
              const ask = (path: string, members: object) =>
                Effect.map(
                  send(server.url, { path, body: JSON.stringify({ ...target, ...members }) }, agent),
                  ({ body }) => JSON.parse(body)
                )
              const transaction = Effect.fnUntraced(function* (client: number, round: number) {
                const { transactionId } = yield* ask("/BeginTransaction", {})
                const run = (sql: string) => ask("/Execute", { sql, transactionId })
                const id = 1 + ((client + round) % counters)
                const read = yield* run(`SELECT n FROM counters WHERE id = ${id} FOR UPDATE`)
                yield* Effect.sleep((client * 7 + round) % 4)
                yield* run(`UPDATE counters SET n = ${read.records[0][0].longValue + 1} WHERE id = ${id}`)
                const keep = (client + round) % 3 !== 0
                yield* ask(keep ? "/CommitTransaction" : "/RollbackTransaction", { transactionId })
                return keep
              })
              const kept = yield* Effect.forEach(
                Array.from({ length: clients }, (_, client) => client),
                (client) => Effect.forEach([1, 2, 3].slice(0, rounds), (round) => transaction(client, round)),
                { concurrency: "unbounded" }
              )
              return kept.flat().filter((keep) => keep).length
            })
          )
          const [sum] = yield* direct.unsafe<{ n: bigint }>("SELECT sum(n)::int8 AS n FROM counters")
          assert.strictEqual(Number(sum?.n), committed)
          // PostgreSQL takes its time to notice that a connection is closed.
          const left = yield* Effect.repeat(
            direct.unsafe(`SELECT 1 FROM pg_stat_activity WHERE datname = '${name}' AND pid <> pg_backend_pid()`),
            {
              until: ({ length }) => length === 0,
              schedule: Schedule.spaced("50 millis").pipe(Schedule.upTo({ times: 100 }))
            }
          )
          assert.strictEqual(left.length, 0)
        }).pipe(Effect.scoped, Effect.provide(Reactivity.layer)),
      120_000
    )
  }
)
