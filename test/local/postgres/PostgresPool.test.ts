import { randomUUID } from "node:crypto"
import { connect, createServer } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Redacted, Result } from "effect"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { parseUrl } from "../../../src/local/postgres/PostgresPool.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { batch, begin, commit, execute, failure, long, query, refused, rollback, scalar } from "../calls.ts"

describe("a PostgreSQL URL", () => {
  it("tells host, port, user, password, database and TLS", () => {
    const parsed = parseUrl(Redacted.make("postgresql://al%40ice:s%2Fe@db.example:6432/app?sslmode=require"))
    assert.isTrue(Result.isSuccess(parsed))
    if (Result.isFailure(parsed)) return
    const { address, database } = parsed.success
    assert.deepInclude(address, { host: "db.example", port: 6432, user: "al@ice", tls: "required" })
    assert.strictEqual(address.password && Redacted.value(address.password), "s/e")
    assert.strictEqual(database, "app")
  })
  it("has PostgreSQL's own defaults: the database is named like the user", () => {
    const parsed = parseUrl(Redacted.make("postgres://alice@localhost"))
    assert.deepStrictEqual(Result.isSuccess(parsed) && parsed.success.database, "alice")
  })
  it("of another form is refused without repeating it", () => {
    for (const url of ["mysql://u:secret@h/db", "secret", "postgres://u:secret@h/db?sslmode=maybe"]) {
      const parsed = parseUrl(Redacted.make(url))
      assert.isTrue(Result.isFailure(parsed) && !parsed.failure.includes("secret"))
    }
  })
})

describe("a server that can't be reached", () => {
  it.effect("fails the layer with one line", () =>
    Effect.gen(function* () {
      const url = Redacted.make("postgres://postgres:secret@127.0.0.1:1/alex")
      const error = yield* Effect.flip(execute("select 1").pipe(Effect.provide(LocalDataApi.layerPostgres({ url }))))
      assert.strictEqual(error._tag, "LocalDataApiError")
      assert.strictEqual(
        error.message,
        "PostgreSQL at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1. Check the server and its URL."
      )
    })
  )
})

/** The code that a request to cancel begins with, after its length. */
const cancelCode = 80_877_102

/** A way to a server on which requests to cancel take their time. */
const slowToCancel = Effect.fnUntraced(function* (url: string, delay: Duration.Input) {
  const { hostname, port } = new URL(url)
  const proxy = createServer((client) => {
    const server = connect(Number(port === "" ? 5432 : port), hostname)
    client.on("error", () => server.destroy())
    server.on("error", () => client.destroy())
    client.once("data", (first) => {
      const pass = () => {
        server.write(first)
        client.pipe(server)
        server.pipe(client)
      }
      if (first.readInt32BE(4) === cancelCode) setTimeout(pass, Duration.toMillis(delay))
      else pass()
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      proxy.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () => Effect.sync(() => proxy.close())
  )
  const address = proxy.address()
  const through = new URL(url)
  through.hostname = "127.0.0.1"
  through.port = typeof address === "object" && address !== null ? String(address.port) : ""
  through.searchParams.set("sslmode", "disable")
  return Redacted.make(through.href)
})

const url = TestDatabase.postgresUrl
describe.skipIf(url === undefined)(TestDatabase.onPostgres("sessions of a PostgreSQL server"), () => {
  const database = (options: Partial<LocalDataApi.PostgresOptions> = {}) =>
    TestDatabase.layerPostgres(url ?? "", options)

  it.live("a request to cancel that arrives late cancels nothing of the session's next caller", () =>
    Effect.gen(function* () {
      const sleeping = yield* Effect.forkChild(execute("select pg_sleep(0.2)"))
      yield* Effect.sleep("100 millis")
      yield* Fiber.interrupt(sleeping)
      assert.deepStrictEqual(yield* scalar("select 1 from pg_sleep(1)"), { longValue: 1 })
    }).pipe(
      Effect.provide(
        Layer.unwrap(
          Effect.map(slowToCancel(url ?? "", "500 millis"), (url) =>
            LocalDataApi.layerPostgres({ url, maxConnections: 1 })
          )
        )
      )
    )
  )

  it.live("transactions run beside each other and see only what is committed", () =>
    Effect.gen(function* () {
      yield* execute("create table beside (id int)")
      const first = yield* begin
      const second = yield* begin
      yield* execute("insert into beside values (1)", {}, { transactionId: first })
      assert.deepStrictEqual(yield* scalar("select count(*) from beside", {}, { transactionId: second }), {
        longValue: 0
      })
      yield* commit(first)
      assert.deepStrictEqual(yield* scalar("select count(*) from beside", {}, { transactionId: second }), {
        longValue: 1
      })
      yield* rollback(second)
    }).pipe(Effect.provide(database()))
  )

  it.live("a write skew of serializable transactions is a 40001 with its hint", () =>
    Effect.gen(function* () {
      yield* execute("create table skew (id int primary key, n int)")
      yield* execute("insert into skew values (1, 0), (2, 0)")
      const ids = [yield* begin, yield* begin]
      for (const transactionId of ids) {
        yield* execute("set transaction isolation level serializable", {}, { transactionId })
        yield* execute("select sum(n) from skew", {}, { transactionId })
      }
      for (const [index, transactionId] of ids.entries()) {
        yield* Effect.ignore(execute(`update skew set n = 1 where id = ${index + 1}`, {}, { transactionId }))
      }
      yield* commit(ids[0] ?? "")
      const reason = yield* failure(commit(ids[1] ?? ""))
      assert.strictEqual(
        reason.message,
        "ERROR: could not serialize access due to read/write dependencies among transactions; Hint: The transaction might succeed if retried.; SQLState: 40001"
      )
    }).pipe(Effect.provide(database()))
  )

  it.live("a statement over its time is cancelled, and aborts its transaction", () =>
    Effect.gen(function* () {
      const tooLong = ["StatementTimeout", "canceling statement due to statement timeout"] as const
      assert.deepStrictEqual(yield* refused("select pg_sleep(30)"), tooLong)
      const transactionId = yield* begin
      assert.deepStrictEqual(yield* refused("select pg_sleep(30)", {}, { transactionId }), tooLong)
      assert.match((yield* refused("select 1", {}, { transactionId }))[1], /SQLState: 25P02$/)
      yield* rollback(transactionId)
    }).pipe(Effect.provide(database({ limits: { statementTimeout: "50 millis" } })))
  )

  it.live("with continueAfterTimeout the call fails and the statement goes on", () =>
    Effect.gen(function* () {
      yield* execute("create table going (id int)")
      const slowInsert = "insert into going select 1 from pg_sleep(0.4)"
      const transactionId = yield* begin
      const reason = yield* failure(execute(slowInsert, {}, { transactionId, continueAfterTimeout: true }))
      assert.deepInclude(reason, { _tag: "StatementTimeout", continues: true })
      assert.strictEqual((yield* refused("select 1", {}, { transactionId }))[0], "TransactionBusy")
      const count = scalar("select count(*) from going", {}, { transactionId })
      const seen = yield* Effect.retry(count, { while: (error) => error.reason._tag === "TransactionBusy" })
      assert.deepStrictEqual(seen, { longValue: 1 })
      yield* commit(transactionId)
      yield* failure(execute(slowInsert, {}, { continueAfterTimeout: true }))
      yield* Effect.repeat(scalar("select count(*) from going"), {
        until: (field) => field !== undefined && "longValue" in field && field.longValue === 2
      })
    }).pipe(Effect.provide(database({ limits: { statementTimeout: "100 millis" } })))
  )

  it.live("an interrupted call stops its statement and leaves the session usable", () =>
    Effect.gen(function* () {
      const transactionId = yield* begin
      const running = scalar(
        "select count(*) from pg_stat_activity where query like 'select pg_sleep(30)%' and state = 'active' and datname = current_database()"
      )
      for (const options of [{ transactionId }, {}]) {
        const fiber = yield* Effect.forkChild(execute("select pg_sleep(30)", {}, options))
        yield* Effect.repeat(running, {
          until: (field) => field !== undefined && "longValue" in field && field.longValue === 1
        })
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* running, { longValue: 0 })
      }
      assert.match((yield* refused("select 1", {}, { transactionId }))[1], /SQLState: 25P02$/)
      yield* rollback(transactionId)
    }).pipe(Effect.provide(database()))
  )

  it.live("a pool that is used up says so with 53300, and serves again when a session is given back", () =>
    Effect.gen(function* () {
      const transactionId = yield* begin
      const other = yield* begin
      const error = yield* Effect.flip(execute("select 1"))
      assert.strictEqual(error.sqlState, "53300")
      yield* commit(transactionId)
      assert.deepStrictEqual(yield* scalar("select 1"), { longValue: 1 })
      yield* rollback(other)
    }).pipe(Effect.provide(database({ maxConnections: 2, limits: { sessionWait: "50 millis" } })))
  )

  it.live("a session that the server ends costs its transaction and nothing else", () =>
    Effect.gen(function* () {
      const transactionId = yield* begin
      const pid = yield* scalar("select pg_backend_pid()", {}, { transactionId })
      if (pid === undefined || !("longValue" in pid)) return assert.fail("no pid")
      yield* execute(`select pg_terminate_backend(${pid.longValue})`)
      // Which of the two depends on whether the server's last words arrive before or after the call.
      const ended = yield* Effect.flip(execute("select 1", {}, { transactionId }))
      assert.isTrue(ended.sqlState === "57P01" || ended.reason._tag === "DatabaseUnavailable", ended.message)
      assert.strictEqual((yield* refused("select 1", {}, { transactionId }))[0], "TransactionNotFound")
      for (let call = 0; call < 5; call++) assert.deepStrictEqual(yield* scalar("select 1"), { longValue: 1 })
    }).pipe(Effect.provide(database()))
  )

  it.live("sessions that the server ends while they lie idle are replaced before anybody notices", () =>
    Effect.gen(function* () {
      const others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
      for (let round = 0; round < 10; round++) {
        yield* Effect.forEach(Array.from({ length: 4 }), () => execute("select pg_sleep(0.01)"), { concurrency: 4 })
        yield* execute(`select count(pg_terminate_backend(pid)) ${others}`)
        const calls = Effect.forEach(Array.from({ length: 4 }), () => scalar("select 1"), { concurrency: 4 })
        for (const field of yield* calls) assert.deepStrictEqual(field, { longValue: 1 })
        yield* rollback(yield* begin)
      }
    }).pipe(Effect.provide(database()))
  )

  it.live("a batch has the time of one statement, however many sets it has", () =>
    Effect.gen(function* () {
      yield* execute("create table slow (id int)")
      const insert = "insert into slow select :id from pg_sleep(0.12)"
      const reason = yield* failure(batch(insert, [{ id: long(1) }, { id: long(2) }]))
      assert.deepInclude(reason, { _tag: "StatementTimeout", message: "canceling statement due to statement timeout" })
      assert.deepStrictEqual(yield* scalar("select count(*) from slow"), { longValue: 0 })
      const transactionId = yield* begin
      yield* failure(batch(insert, [{ id: long(1) }, { id: long(2) }], transactionId))
      assert.match((yield* refused("select 1", {}, { transactionId }))[1], /SQLState: 25P02$/)
      yield* rollback(transactionId)
    }).pipe(Effect.provide(database({ limits: { statementTimeout: "200 millis" } })))
  )

  it.live("a batch over its time leaves nothing to commit, even if a statement ends well when it is cancelled", () =>
    Effect.gen(function* () {
      yield* execute("create table late (id int)")
      yield* execute(`create function ends_late(id int) returns int language plpgsql as $$ begin
        perform pg_sleep(0.6); return id; exception when query_canceled then return id; end $$`)
      const insert = "insert into late select ends_late(:id::int)"
      const sets = [1, 2].map((id) => ({ id: long(id) }))
      const transactionId = yield* begin
      assert.strictEqual((yield* failure(batch(insert, sets, transactionId)))._tag, "StatementTimeout")
      assert.match((yield* refused("select 1", {}, { transactionId }))[1], /SQLState: 25P02$/)
      yield* commit(transactionId)
      assert.strictEqual((yield* failure(batch(insert, sets)))._tag, "StatementTimeout")
      assert.deepStrictEqual(yield* scalar("select count(*) from late"), { longValue: 0 })
    }).pipe(Effect.provide(database({ limits: { statementTimeout: "1 second" } })))
  )

  it.live("a statement whose session is ended while it runs fails with the reason", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.flip(execute("select pg_sleep(31)")))
      const kill =
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where query = 'select pg_sleep(31)' and state = 'active' and datname = current_database()"
      yield* Effect.repeat(scalar(kill), {
        until: (field) => field !== undefined && "longValue" in field && field.longValue === 1
      })
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.sqlState, "57P01")
    }).pipe(Effect.provide(database()))
  )

  it.live("a query that another client's DDL has made stale is prepared again", () =>
    Effect.gen(function* () {
      const fresh = yield* TestDatabase.freshDatabase(url ?? "")
      const another = LocalDataApi.layerPostgres({ url: fresh })
      yield* Effect.gen(function* () {
        yield* execute("create table shifting as select 1 as a")
        assert.deepStrictEqual(yield* query("select * from shifting"), [[{ longValue: 1 }]])
        yield* execute("alter table shifting add b int default 2").pipe(Effect.provide(another))
        assert.deepStrictEqual(yield* query("select * from shifting"), [[{ longValue: 1 }, { longValue: 2 }]])
        yield* execute("alter table shifting alter a type text").pipe(Effect.provide(another))
        const transactionId = yield* begin
        assert.deepStrictEqual(yield* refused("select * from shifting", {}, { transactionId }), [
          "DatabaseError",
          "ERROR: cached plan must not change result type; SQLState: 0A000"
        ])
        yield* rollback(transactionId)
        assert.deepStrictEqual(yield* query("select * from shifting"), [[{ stringValue: "1" }, { longValue: 2 }]])
      }).pipe(Effect.provide(LocalDataApi.layerPostgres({ url: fresh })))
    }).pipe(Effect.scoped)
  )

  it.live("a database can be copied, renamed and dropped as soon as its last call has ended", () =>
    Effect.gen(function* () {
      const own = `pool_${randomUUID().replaceAll("-", "")}`
      const use = (name: string) => execute("select 1", {}, { database: name })
      yield* execute(`create database ${own}`)
      yield* Effect.all([use(own), use(own), use(own)], { concurrency: "unbounded" })
      yield* execute(`/* a copy */ create database ${own}_copy template ${own}`)
      yield* use(own)
      yield* execute(`alter database ${own} rename to ${own}_new`)
      yield* use(`${own}_new`)
      yield* use(`${own}_copy`)
      yield* execute(`Drop  Database ${own}_new`)
      yield* execute(`-- and\ndrop database if exists ${own}_copy`)
      const names = `select count(*) from pg_database where datname like '${own}%'`
      assert.deepStrictEqual(yield* scalar(names), { longValue: 0 })
    }).pipe(Effect.provide(database()))
  )

  it.live("a database in which a transaction is open is not dropped", () =>
    Effect.gen(function* () {
      const own = `pool_${randomUUID().replaceAll("-", "")}`
      yield* execute(`create database ${own}`)
      const { transactionId } = yield* Effect.flatMap(DataApi, (api) => api.beginTransaction({ database: own }))
      const [tag, message] = yield* refused(`drop database ${own}`)
      assert.strictEqual(tag, "DatabaseError")
      assert.include(message, "SQLState: 55006")
      yield* rollback(transactionId)
      yield* execute(`drop database ${own}`)
    }).pipe(Effect.provide(database()))
  )

  it.live("closing the engine rolls back what is open and ends its sessions", () =>
    Effect.gen(function* () {
      const fresh = yield* TestDatabase.freshDatabase(url ?? "")
      const engine = LocalDataApi.layerPostgres({ url: fresh })
      yield* Effect.gen(function* () {
        yield* execute("create table open (id int)")
        const transactionId = yield* begin
        yield* execute("insert into open values (1)", {}, { transactionId })
      }).pipe(Effect.provide(engine))
      yield* Effect.gen(function* () {
        assert.deepStrictEqual(yield* scalar("select count(*) from open"), { longValue: 0 })
        const sessions = "select count(*) from pg_stat_activity where datname = current_database()"
        yield* Effect.repeat(scalar(sessions), {
          until: (field) => field !== undefined && "longValue" in field && field.longValue === 1
        })
      }).pipe(Effect.provide(engine))
    }).pipe(Effect.scoped)
  )

  it.live("many clients with interleaved transactions lose no update", () =>
    Effect.gen(function* () {
      yield* execute("create table counter (n int)")
      yield* execute("insert into counter values (0)")
      const increment = Effect.gen(function* () {
        const transactionId = yield* begin
        yield* execute("select n from counter for update", {}, { transactionId })
        yield* execute("update counter set n = n + 1", {}, { transactionId })
        yield* commit(transactionId)
      })
      yield* Effect.forEach(Array.from({ length: 200 }), () => increment, { concurrency: 16, discard: true })
      assert.deepStrictEqual(yield* scalar("select n from counter"), { longValue: 200 })
    }).pipe(Effect.provide(database({ maxConnections: 8 })))
  )
})
