import { assert, describe, it, layer } from "@effect/vitest"
import { Cause, Context, Deferred, Effect, Exit, Fiber, Layer, Stream, Tracer } from "effect"
import { SqlClient, SqlError, Statement } from "effect/sql"
import { TestClock } from "effect/testing"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import {
  AccessDenied,
  ConnectionLost,
  DataApiError,
  DatabaseError,
  OutcomeUnknown,
  type Reason,
  SecretsError,
  StatementTimeout,
  Throttled,
  Unauthenticated,
  UnsupportedResult
} from "../../../src/data-api/DataApiError.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import { backends } from "../backends.ts"
import { type Answer, type Call, scripted } from "../scripted.ts"

const lost = new ConnectionLost({ message: "ECONNRESET" })
const state = (sqlState: string) => DatabaseError.fromMessage(`ERROR: no; SQLState: ${sqlState}`)

/** Runs against a script, and gives how it ended and what was said. */
const against = Effect.fnUntraced(function* <A, E>(
  script: (call: Call, index: number) => Answer,
  effect: Effect.Effect<A, E, SqlClient.SqlClient>,
  options?: DataApiSql.Options
) {
  const { layer: api, said } = scripted(script)
  const exit = yield* Effect.exit(Effect.provide(effect, DataApiSql.layer(options).pipe(Layer.provide(api))))
  return { exit, said: said() }
})

const cause = (error: SqlError.SqlError): unknown => error.reason.cause
const failureOf = <A, E>(exit: Exit.Exit<A, E>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)

describe("what is said to the service", () => {
  it.effect("a transaction is begun and committed once, nested ones are savepoints", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql.withTransaction(Effect.andThen(sql`insert 1`, sql.withTransaction(sql`insert 2`)))
      })
      const { said } = yield* against(() => ({}), program)
      assert.deepStrictEqual(said, [
        "BeginTransaction",
        "insert 1",
        "SAVEPOINT effect_sql_1",
        "insert 2",
        "RELEASE SAVEPOINT effect_sql_1",
        "CommitTransaction"
      ])
    })
  )

  it.effect("an isolation level is the first statement of the transaction", () =>
    Effect.gen(function* () {
      const program = Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(sql`select 1`))
      const { said } = yield* against(() => ({}), DataApiSql.withIsolation("SERIALIZABLE")(program))
      assert.deepStrictEqual(said.slice(1, 3), ["SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "select 1"])
    })
  )

  it.effect("a BEGIN of the caller's means the same with comments, words and a semicolon", () =>
    Effect.gen(function* () {
      const program = Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(sql`select 1`))
      const modes = Effect.fnUntraced(function* (begin: string) {
        const begun = Effect.provideService(program, SqlClient.BeginTransaction, begin)
        return (yield* against(() => ({}), begun)).said.slice(1, -2)
      })
      for (const begin of [
        "BEGIN READ ONLY",
        "begin transaction read only;",
        "/* why */ Begin -- so\n work READ /* not */ ONLY ; -- end",
        "\nstart transaction\n\tread only"
      ]) {
        const [said = ""] = yield* modes(begin)
        assert.strictEqual(said.toUpperCase(), "SET TRANSACTION READ ONLY", begin)
      }
      for (const begin of ["BEGIN", " begin work ; ", "-- why\nSTART TRANSACTION", "/* a /* b */ */ begin"]) {
        assert.deepStrictEqual(yield* modes(begin), [], begin)
      }
    })
  )

  it.effect("a failed statement whose error was caught can't lead to a reported commit", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        return yield* sql.withTransaction(Effect.andThen(Effect.ignore(sql`broken`), Effect.succeed("done")))
      })
      const { exit, said } = yield* against((call) => (call.sql === "broken" ? state("23505") : {}), program)
      const error = failureOf(exit)
      assert.include(String(error), "rolled back")
      assert.deepStrictEqual(said, ["BeginTransaction", "broken", "RollbackTransaction"])
    })
  )

  it.effect("a statement that fails while another's result is read in pages can't lead to a reported commit", () =>
    Effect.gen(function* () {
      const reached = yield* Deferred.make<void>()
      const script = ({ sql }: Call): Answer => {
        if (sql === "select 1") return new UnsupportedResult({ message: "The response exceeds the size limit." })
        if (sql === "insert 2") return state("23505")
        if (sql.startsWith("CLOSE")) return state("25P02")
        const meanwhile = Effect.andThen(
          Deferred.succeed(reached, undefined),
          Effect.repeat(Effect.yieldNow, { times: 9 })
        )
        // No function of its plan may write.
        if (sql.includes("pg_proc")) return { records: [] }
        return sql.startsWith("FETCH") ? Effect.as(meanwhile, {}) : {}
      }
      const program = Effect.flatMap(SqlClient.SqlClient, (sql) =>
        sql.withTransaction(
          Effect.all([sql`select 1`, Effect.andThen(Deferred.await(reached), Effect.ignore(sql`insert 2`))], {
            concurrency: "unbounded"
          })
        )
      )
      const { exit, said } = yield* against(script, program)
      assert.deepStrictEqual(
        said.slice(5).map((text) => text.replace(/ alex_stream_.*/, "")),
        ["FETCH FORWARD 16 FROM", "insert 2", "CLOSE", "RollbackTransaction"]
      )
      assert.instanceOf(failureOf(exit), SqlError.SqlError)
    })
  )

  it.effect("a refused parameter is not sent, and does not spoil the transaction", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql.withTransaction(Effect.ignore(sql`select ${"\u0000"}`))
      })
      const { said } = yield* against(() => ({}), program)
      assert.deepStrictEqual(said, ["BeginTransaction", "CommitTransaction"])
    })
  )

  it.effect("a nested transaction that fails undoes only itself, and the outer one goes on", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* Effect.ignore(sql.withTransaction(sql`broken`))
            // Here the failure was caught within; the nested transaction fails for it all the same.
            yield* Effect.flip(sql.withTransaction(Effect.ignore(sql`broken`)))
            yield* sql`insert 1`
          })
        )
      })
      const { exit, said } = yield* against((call) => (call.sql === "broken" ? state("23505") : {}), program)
      assert.isTrue(Exit.isSuccess(exit))
      const nested = [
        "SAVEPOINT effect_sql_1",
        "broken",
        "ROLLBACK TO SAVEPOINT effect_sql_1",
        "RELEASE SAVEPOINT effect_sql_1"
      ]
      assert.deepStrictEqual(said, ["BeginTransaction", ...nested, ...nested, "insert 1", "CommitTransaction"])
    })
  )

  it.effect("a failing rollback hides neither the first error nor itself", () =>
    Effect.gen(function* () {
      const program = Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(Effect.fail("the first")))
      const { exit } = yield* against((call) => (call.operation === "RollbackTransaction" ? lost : {}), program)
      assert.strictEqual(failureOf(exit), "the first")
      const attached = Exit.isFailure(exit)
        ? Context.getOrUndefined(Cause.annotations(exit.cause), DataApiSql.RollbackFailure)
        : undefined
      assert.strictEqual(attached?.reason._tag, "ConnectionLost")
    })
  )

  it.effect("a failing rollback to a savepoint dooms the transaction, and hides nothing", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql.withTransaction(
          Effect.gen(function* () {
            assert.strictEqual(yield* Effect.flip(sql.withTransaction(Effect.fail("inner"))), "inner")
          })
        )
      })
      const { exit, said } = yield* against((call) => (call.sql.startsWith("ROLLBACK TO") ? lost : {}), program)
      assert.include(String(failureOf(exit)), "rolled back")
      assert.strictEqual(said.at(-1), "RollbackTransaction")
    })
  )

  it.effect("a callback that dies leaves no transaction open", () =>
    Effect.gen(function* () {
      const program = Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(Effect.die("bug")))
      const { said } = yield* against(() => ({}), program)
      assert.deepStrictEqual(said, ["BeginTransaction", "RollbackTransaction"])
    })
  )

  it.effect("a lost commit has an unknown outcome, and is not retried", () =>
    Effect.gen(function* () {
      const program = Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(sql`insert 1`))
      const { exit, said } = yield* against((call) => (call.operation === "CommitTransaction" ? lost : {}), program)
      assert.isTrue(Exit.isFailure(exit))
      const error = failureOf(exit)
      assert.deepInclude(error, { _tag: "SqlError" })
      assert.include(String(error), "may or may not")
      assert.deepStrictEqual(said, ["BeginTransaction", "insert 1", "CommitTransaction"])
    })
  )

  it.effect("a transaction that failed before its commit was sent certainly did not commit, and says so", () =>
    Effect.gen(function* () {
      const body = (...statements: ReadonlyArray<string>) =>
        Effect.flatMap(SqlClient.SqlClient, (sql) =>
          sql.withTransaction(Effect.forEach(statements, (text) => sql.unsafe(text)))
        )
      const nested = Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(body("insert 1")))
      const stream = Effect.flatMap(SqlClient.SqlClient, (sql) => Stream.runDrain(sql`select 1 from t`.stream))
      const losing = (where: string) => (call: Call) =>
        call.operation === where || (call.sql !== "" && call.sql.includes(where)) ? lost : {}
      const cases: ReadonlyArray<
        readonly [string, Effect.Effect<unknown, unknown, SqlClient.SqlClient>, DataApiSql.Options?]
      > = [
        ["BeginTransaction", body("insert 1")],
        ["insert 1", body("insert 1")],
        ["insert 1", nested],
        ["insert 2", body("insert 1", "insert 2")],
        ["SAVEPOINT", nested],
        ["pg_current_xact_id", body("insert 1"), { resolveCommit: true }],
        ["FETCH", stream]
      ]
      for (const [where, program, options] of cases) {
        const { exit, said } = yield* against(losing(where), program, options)
        const failure = failureOf(exit)
        const failed = SqlError.isSqlError(failure) ? cause(failure) : undefined
        assert.isTrue(failed instanceof DataApiError, where)
        if (!(failed instanceof DataApiError)) continue
        assert.strictEqual(failed.reason._tag, "NotCommitted", where)
        assert.strictEqual(failed.didRun, "no", where)
        assert.match(String(failure), /did not commit|was rolled back/, where)
        assert.notInclude(said, "CommitTransaction", where)
      }
    })
  )

  it.effect("a failure is not said to be undone that a commit, a savepoint or another database may keep", () =>
    Effect.gen(function* () {
      const elsewhere = DataApiSql.layer().pipe(Layer.provide(scripted(() => lost).layer))
      const programs = {
        "a commit by statement": Effect.flatMap(SqlClient.SqlClient, (sql) =>
          sql.withTransaction(Effect.andThen(sql`/* keep it */ commit`, sql`insert 1`))
        ),
        "another database": Effect.flatMap(SqlClient.SqlClient, (sql) =>
          sql.withTransaction(
            Effect.provide(
              Effect.flatMap(SqlClient.SqlClient, (other) => other`insert 1`),
              elsewhere
            )
          )
        ),
        "the outer transaction": Effect.flatMap(SqlClient.SqlClient, (sql) =>
          sql.withTransaction(Effect.flip(sql.withTransaction(sql`insert 1`))).pipe(Effect.flatMap(Effect.fail))
        )
      }
      for (const [name, program] of Object.entries(programs)) {
        const { exit } = yield* against((call) => (call.sql === "insert 1" ? lost : {}), program)
        const failure = failureOf(exit)
        const failed = SqlError.isSqlError(failure) ? cause(failure) : undefined
        assert.strictEqual(failed instanceof DataApiError ? failed.didRun : undefined, "unknown", name)
      }
    })
  )

  it.effect("a lost commit is looked up where that was asked for", () =>
    Effect.gen(function* () {
      const program = Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(sql`insert 1`))
      const answering = (status: string) => (call: Call) => {
        if (call.operation === "CommitTransaction") return lost
        if (call.sql.includes("pg_current_xact_id")) return { records: [[{ stringValue: "731" }]] }
        return call.sql.includes("pg_xact_status") ? { records: [[{ stringValue: status }]] } : {}
      }
      const committed = yield* against(answering("committed"), program, { resolveCommit: true })
      assert.isTrue(Exit.isSuccess(committed.exit))
      const aborted = yield* against(answering("aborted"), program, { resolveCommit: true })
      assert.include(String(failureOf(aborted.exit)), "not committed")
      // A commit that has not arrived is forestalled by a rollback, and then it is known.
      let rolledBack = false
      const pending = yield* Effect.forkChild(
        against(
          (call) => {
            if (call.operation === "RollbackTransaction") rolledBack = true
            return answering(rolledBack ? "aborted" : "in progress")(call)
          },
          program,
          { resolveCommit: true }
        )
      )
      yield* TestClock.adjust("10 seconds")
      assert.include(String(failureOf((yield* Fiber.join(pending)).exit)), "not committed")
    })
  )

  it.effect("an interrupted begin is answered with a rollback", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const { layer: api, said } = scripted((call) =>
        call.operation === "BeginTransaction"
          ? Effect.andThen(Deferred.succeed(asked, undefined), Effect.as(Deferred.await(go), {}))
          : {}
      )
      const program = Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(sql`never`))
      const fiber = yield* Effect.forkChild(Effect.provide(program, DataApiSql.layer().pipe(Layer.provide(api))))
      yield* Deferred.await(asked)
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* Effect.yieldNow
      yield* Deferred.succeed(go, undefined)
      yield* Fiber.join(interrupting)
      assert.deepStrictEqual(said(), ["BeginTransaction", "RollbackTransaction"])
    })
  )

  it.effect("a serialization failure repeats the whole transaction, a failure of another kind does not", () =>
    Effect.gen(function* () {
      const program = Effect.flatMap(SqlClient.SqlClient, (sql) =>
        DataApiSql.retryTransaction(Effect.andThen(sql`insert 1`, sql`insert 2`))
      )
      let failures = 2
      const fiber = yield* Effect.forkChild(
        against((call) => (call.operation === "CommitTransaction" && failures-- > 0 ? state("40001") : {}), program)
      )
      yield* TestClock.adjust("10 seconds")
      const { exit, said } = yield* Fiber.join(fiber)
      assert.isTrue(Exit.isSuccess(exit))
      assert.strictEqual(said.filter((what) => what === "insert 2").length, 3)
      const other = yield* against((call) => (call.sql === "insert 2" ? state("23505") : {}), program)
      assert.deepStrictEqual(other.said, ["BeginTransaction", "insert 1", "insert 2", "RollbackTransaction"])
    })
  )
})

/** Counts the statements that overlap within a transaction, and the transactions that are open. */
const watched = () => {
  const open = new Set<string>()
  const running = new Map<string, number>()
  const seen = { open, overlaps: 0 }
  const wrapped = Layer.effect(
    DataApi,
    Effect.map(DataApi, (api) =>
      DataApi.of({
        ...api,
        executeStatement: (request) => {
          const id = request.transactionId
          if (id === undefined) return api.executeStatement(request)
          return Effect.suspend(() => {
            const now = (running.get(id) ?? 0) + 1
            running.set(id, now)
            if (now > 1) seen.overlaps++
            return Effect.ensuring(
              api.executeStatement(request),
              Effect.sync(() => running.set(id, (running.get(id) ?? 1) - 1))
            )
          })
        },
        beginTransaction: (request) =>
          Effect.tap(api.beginTransaction(request), ({ transactionId }) => Effect.sync(() => open.add(transactionId))),
        commitTransaction: (request) =>
          Effect.tap(api.commitTransaction(request), () => Effect.sync(() => open.delete(request.transactionId))),
        rollbackTransaction: (request) =>
          Effect.tap(api.rollbackTransaction(request), () => Effect.sync(() => open.delete(request.transactionId)))
      })
    )
  )
  return { seen, wrapped }
}

for (const [way, api] of backends) {
  const { seen, wrapped } = watched()
  const database = DataApiSql.layer().pipe(Layer.provide(wrapped), Layer.provide(api))

  // Over HTTP an interrupted statement may still run when its rollback comes, which then waits by the real clock.
  layer(database, { excludeTestServices: true })(`on an engine, ${way}`, (it) => {
    it.effect("concurrent statements in one transaction all succeed, one after another", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table counters (n int)`
        yield* sql.withTransaction(
          Effect.forEach(
            Array.from({ length: 20 }, (_, n) => n),
            (n) => sql`insert into counters values (${n})`,
            {
              concurrency: "unbounded"
            }
          )
        )
        assert.deepStrictEqual(yield* sql`select count(*), sum(n) from counters`, [{ count: 20n, sum: 190n }])
        assert.strictEqual(seen.overlaps, 0)
      })
    )

    it.effect(
      "what is read in pages within a transaction has the types that PostgreSQL infers, and so has the rest",
      () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const large = sql`select n, repeat('x', 1000) as x from generate_series(1, 1500) n where n > ${"300"}`
          const few = sql`select n from generate_series(1, 3) n where n > ${"2"}`
          for (const concurrency of [1, "unbounded"] as const) {
            const read = Effect.all([large, few, large, few], { concurrency })
            const found = (yield* sql.withTransaction(read)).map((rows) => [rows.length, rows[0]?.["n"]])
            assert.deepStrictEqual(found, [
              [1200, 301],
              [1, 3],
              [1200, 301],
              [1, 3]
            ])
          }
          assert.strictEqual((yield* sql.withTransaction(large)).length, 1200)
        })
    )

    it.effect("interruption at any step leaves no transaction open", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table steps (n int)`
        const transaction = sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`insert into steps values (1)`
            yield* sql.withTransaction(sql`insert into steps values (2)`)
            yield* Stream.runDrain(sql`select * from generate_series(1, 100)`.stream)
          })
        )
        // Each round is interrupted a few turns of the scheduler later than the one before.
        for (let turns = 0; turns < 60; turns += 3) {
          const fiber = yield* Effect.forkChild(transaction)
          for (let turn = 0; turn < turns; turn++) yield* Effect.promise(() => new Promise((go) => setImmediate(go)))
          yield* Fiber.interrupt(fiber)
          assert.strictEqual(seen.open.size, 0)
        }
        const [row] = yield* sql<{ odd: bigint }>`select count(*) % 2 as odd from steps`
        assert.strictEqual(row?.odd, 0n)
      })
    )

    it.effect("the fate of a commit whose answer was lost can be looked up", () =>
      Effect.gen(function* () {
        const losing = Layer.effect(
          DataApi,
          Effect.map(DataApi, (inner) =>
            DataApi.of({
              ...inner,
              commitTransaction: (request) =>
                Effect.andThen(
                  inner.commitTransaction(request),
                  Effect.fail(new DataApiError({ operation: "CommitTransaction", reason: lost }))
                )
            })
          )
        )
        const rows = yield* Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`create table kept (n int)`
          yield* sql.withTransaction(sql`insert into kept values (1)`)
          return yield* sql`select * from kept`
        }).pipe(
          Effect.provide(DataApiSql.layer({ resolveCommit: true }).pipe(Layer.provide(losing), Layer.provide(api)))
        )
        assert.deepStrictEqual(rows, [{ n: 1 }])
      })
    )

    it.effect("spans say what was asked of which database, and hold no values", () =>
      Effect.gen(function* () {
        const spans: Array<Tracer.Span> = []
        const tracer = Tracer.make({
          span: (options) => {
            const span = new Tracer.NativeSpan(options)
            spans.push(span)
            return span
          }
        })
        const sql = yield* SqlClient.SqlClient
        yield* sql`select ${"hunter2"} as v`.pipe(
          Effect.provideService(Statement.SpanPropagationEnabled, true),
          Effect.provideService(Tracer.Tracer, tracer)
        )
        const attributes = Object.fromEntries(spans[0]?.attributes ?? [])
        assert.deepInclude(attributes, {
          "db.system.name": "postgresql",
          "db.operation.name": "SELECT",
          "db.query.text": "select $1 as v"
        })
        for (const span of spans) assert.notInclude(JSON.stringify([...span.attributes]), "hunter2")
      })
    )

    it.effect("callbacks after the commit run once it has happened, and not after a rollback", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const ran: Array<string> = []
        const note = (what: string) => sql.afterCommit(Effect.sync(() => ran.push(what)))
        yield* sql.withTransaction(Effect.andThen(note("kept"), sql`select 1`))
        yield* Effect.ignore(sql.withTransaction(Effect.andThen(note("lost"), Effect.ignore(sql`select broken`))))
        assert.deepStrictEqual(ran, ["kept"])
      })
    )

    it.effect("a stream reads any size in pages, within a transaction and without, and closes when left early", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        // Small rows first, then rows of 200 kB: a page planned by the small ones exceeds the limit.
        const rows = sql<{
          n: number
          size: number
        }>`select n, repeat('é', case when n < 2000 then 1 else 100000 end) as text
        from generate_series(1, 2006) as n`.stream
        const total = Stream.runFold(
          rows,
          () => 0,
          (count) => count + 1
        )
        assert.strictEqual(yield* total, 2006)
        assert.strictEqual(yield* sql.withTransaction(total), 2006)
        assert.strictEqual((yield* Stream.runCollect(Stream.take(rows, 3))).length, 3)
        const failed = yield* Effect.flip(
          Stream.runDrain(sql`select 1 / (n - 50) from generate_series(1, 100) n`.stream)
        )
        assert.strictEqual(failed.reason._tag, "UnknownError")
        assert.strictEqual(seen.open.size, 0)
      })
    )

    it.effect("a statement that writes streams what it returns, once", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table streamed (n int)`
        const rows = yield* Stream.runCollect(sql`insert into streamed values (1), (2) returning n`.stream)
        assert.deepStrictEqual([...rows], [{ n: 1 }, { n: 2 }])
        assert.deepStrictEqual(yield* sql`select count(*) from streamed`, [{ count: 2n }])
      })
    )

    it.effect("a select that exceeds the limit, and calls a function that may write, says to stream", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const error = yield* Effect.flip(
          sql`select set_config('alex.n', n::text, true), repeat('x', 1000) from generate_series(1, 1100) n`
        )
        assert.include(error.message, "Read it as a stream")
      })
    )

    it.effect("failures have effect/sql's reasons, with the failure of the Data API as cause", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table ruled (id int primary key, n int not null check (n > 0), other int references ruled)`
        yield* sql`insert into ruled values (1, 1)`
        const reason = (statement: string) =>
          Effect.map(Effect.flip(sql.unsafe(statement)), (error) => {
            assert.instanceOf(cause(error), DataApiError)
            return error.reason._tag === "UniqueViolation" ? `Unique ${error.reason.constraint}` : error.reason._tag
          })
        assert.strictEqual(yield* reason("insert into ruled values (1, 1)"), "Unique ruled_pkey")
        assert.strictEqual(yield* reason("insert into ruled values (2, 0)"), "ConstraintError")
        assert.strictEqual(yield* reason("insert into ruled values (2, null)"), "ConstraintError")
        assert.strictEqual(yield* reason("insert into ruled values (2, 1, 7)"), "ConstraintError")
        assert.strictEqual(yield* reason("selekt"), "SqlSyntaxError")
        assert.strictEqual(yield* reason("select * from nowhere"), "SqlSyntaxError")
        assert.strictEqual(yield* reason("select 1/0"), "UnknownError")
      })
    )
  })
}

it.effect("failures of the service have effect/sql's reasons", () =>
  Effect.gen(function* () {
    const message = "no"
    const reasons: ReadonlyArray<readonly [Reason, SqlError.SqlErrorReason["_tag"]]> = [
      [state("08006"), "ConnectionError"],
      [state("28P01"), "AuthenticationError"],
      [state("42501"), "AuthorizationError"],
      [state("40P01"), "DeadlockError"],
      [state("40001"), "SerializationError"],
      [state("55P03"), "LockTimeoutError"],
      [state("57014"), "StatementTimeoutError"],
      [state("23505"), "UniqueViolation"],
      [new StatementTimeout({ message }), "StatementTimeoutError"],
      [new AccessDenied({ message }), "AuthorizationError"],
      [new Unauthenticated({ message, code: "ExpiredTokenException" }), "AuthenticationError"],
      [new SecretsError({ message }), "AuthenticationError"],
      [new Throttled({ message }), "ConnectionError"],
      [new OutcomeUnknown({ message, lost: "ConnectionLost" }), "ConnectionError"]
    ]
    for (const [reason, tag] of reasons) {
      const { exit } = yield* against(
        () => reason,
        Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert 1`)
      )
      const error = failureOf(exit)
      assert.isTrue(SqlError.isSqlError(error) && error.reason._tag === tag, `${reason.message} ${reason._tag}`)
    }
  })
)
