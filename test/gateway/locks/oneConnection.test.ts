/** Advisory locks in front of an embedded database, which has one connection. */
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { query, RawClient } from "../RawClient.ts"
import { make } from "../TestGateway.ts"

const connected = (port: number, database = "alex") =>
  Effect.acquireRelease(
    Effect.promise(() => RawClient.connect(port, database)),
    (client) => Effect.promise(() => client.kill())
  )

layer(TestDatabase.layer(), { timeout: "2 minutes" })("an advisory lock in front of an embedded database", (it) => {
  it.effect("excludes other clients, and keeps nobody from the database", () =>
    Effect.gen(function* () {
      const { port } = yield* make("postgres://alex@127.0.0.1:1/alex", { password: "trust", ownLocks: true })
      const migrator = yield* connected(port)
      const other = yield* Effect.promise(() => RawClient.connect(port, "alex"))
      const first = (client: RawClient, sql: string) =>
        Effect.map(
          Effect.promise(() => client.ask(query(sql))),
          ({ code, firsts }) => code ?? firsts[0]
        )
      assert.strictEqual(yield* first(migrator, "select pg_try_advisory_lock(4832700189414)"), "t")
      assert.strictEqual(yield* first(other, "select pg_try_advisory_lock(4832700189414)"), "f")
      yield* first(migrator, "create table migrated(a int)")
      yield* first(migrator, "begin")
      yield* first(migrator, "insert into migrated values (1)")
      yield* first(migrator, "commit")
      assert.strictEqual(yield* first(other, "select count(*) from migrated"), "1")

      assert.strictEqual(yield* first(other, "select 1 where pg_try_advisory_lock(1)"), "0A000")
      assert.isUndefined(yield* first(other, "select pg_advisory_lock(5) where false"))
      assert.strictEqual(yield* first(migrator, "select pg_try_advisory_lock(5)"), "t")

      const within =
        "with w as (select set_config('lock_timeout', '9s', true)) select pg_advisory_lock(4832700189414) from w"
      const waiting = other.ask(query(within), query("select 'its turn'"))
      assert.strictEqual(yield* first(migrator, "select pg_advisory_unlock(4832700189414)"), "t")
      assert.strictEqual(yield* first(migrator, "select pg_advisory_unlock(4832700189414)"), "f")
      yield* Effect.promise(() => waiting)
      assert.strictEqual(yield* first(migrator, "select pg_try_advisory_lock_shared(4832700189414)"), "f")
      yield* Effect.promise(() => other.kill())
      const turn = Effect.promise(() => migrator.ask(query("select pg_advisory_lock(4832700189414)")))
      assert.isUndefined((yield* turn).code)
      assert.strictEqual(yield* first(migrator, "select pg_try_advisory_lock(no_such_column)"), "42703")
    }).pipe(Effect.scoped)
  )
})

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres("advisory locks that the gateway holds itself"),
  () => {
    it.effect("are those of one database, as in PostgreSQL", () =>
      Effect.gen(function* () {
        const url = TestDatabase.postgresUrl ?? ""
        const names = yield* Effect.forEach([1, 2], () =>
          Effect.map(TestDatabase.freshDatabase(url), (fresh) => new URL(Redacted.value(fresh)).pathname.slice(1))
        )
        const { port } = yield* make(url, { password: "trust", ownLocks: true }).pipe(
          Effect.provide(LocalDataApi.layerPostgres({ url: Redacted.make(url) }))
        )
        const [one = "", other = ""] = names
        const taken: Array<string | undefined> = []
        for (const name of [one, other, one]) {
          const client = yield* connected(port, name)
          const { code, firsts } = yield* Effect.promise(() => client.ask(query("select pg_try_advisory_lock(1)")))
          taken.push(code ?? firsts[0])
        }
        assert.deepStrictEqual(taken, ["t", "t", "f"])
      }).pipe(Effect.scoped)
    )
  }
)
