/** What one caller sets never reaches the next one, however it was set and however the caller's work ended. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { DataApi, Field } from "../../../src/data-api/DataApi.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { begin, commit, execute, query, rollback, scalar, text } from "../calls.ts"
import { type Contamination, contaminations, shadows } from "./contaminations.ts"

const setUp = [
  "create table ground as select 'permanent'::text as v",
  "create schema elsewhere",
  "create table elsewhere.ground as select 1 as number, 'elsewhere'::text as v",
  "create sequence counting",
  "create table traps (statement text)",
  "create function runs(statement text) returns int language plpgsql as $$ begin execute statement; return 1; end $$",
  `create function runs_and_fails(statement text) returns int language plpgsql as $$
    begin execute statement; raise exception 'as planned'; end $$`,
  `create function springs() returns trigger language plpgsql as $$ begin execute new.statement; return new; end $$`,
  "create trigger springs before insert on traps for each row execute function springs()",
  ...shadows
]

/** How A brings its statement to run; the text of two of them shows nothing. */
const means = {
  directly: (statement: string, transactionId?: string) => execute(statement, {}, { transactionId }),
  "in a function": (statement: string, transactionId?: string) =>
    execute("select runs(:statement)", { statement: text(statement) }, { transactionId }),
  "in a trigger": (statement: string, transactionId?: string) =>
    execute("insert into traps values (:statement)", { statement: text(statement) }, { transactionId })
} as const

type Run = (statement: string, transactionId?: string) => Effect.Effect<unknown, unknown, DataApi>

const inTransaction = (run: Run, statement: string, end: (id: string) => Effect.Effect<unknown, unknown, DataApi>) =>
  Effect.gen(function* () {
    const id = yield* begin
    // A statement that is refused there has still to leave nothing.
    yield* Effect.ignore(run(statement, id))
    yield* end(id)
  })

/** How A's work ends. */
const endings = {
  autocommit: (run: Run, statement: string) => run(statement),
  committed: (run: Run, statement: string) => inTransaction(run, statement, commit),
  "rolled back": (run: Run, statement: string) => inTransaction(run, statement, rollback),
  "failed in a transaction": (run: Run, statement: string) =>
    inTransaction(run, statement, (transactionId) =>
      Effect.andThen(
        Effect.ignore(execute("select 1 / 0", {}, { transactionId })),
        Effect.ignore(commit(transactionId))
      )
    ),
  "committed before a failure": (run: Run, statement: string) =>
    Effect.andThen(
      inTransaction(run, statement, commit),
      Effect.ignore(execute("select runs_and_fails(:statement)", { statement: text(statement) }))
    )
} as const

/** Everything that B can see of it: values, or the refusal. */
const seen = (check: string, transactionId?: string) =>
  query(check, {}, { transactionId }).pipe(
    Effect.catch((error) => Effect.succeed(`${error.sqlState}`)),
    Effect.map((found) => (typeof found === "string" ? found : JSON.stringify(found)))
  )

const inOwnTransaction = (check: string) =>
  Effect.flatMap(begin, (id) => Effect.tap(seen(check, id), () => rollback(id)))

const backend = Effect.map(scalar("select pg_backend_pid()"), (field: Field | undefined) => JSON.stringify(field))

const attempt = Effect.fnUntraced(function* (way: Contamination, directly: Run, how: string) {
  const before = [yield* seen(way.check), yield* inOwnTransaction(way.check)]
  const all = Object.entries(endings)
  const first = contaminations.indexOf(way)
  // In the short form each way ends in two of the five ways in turn.
  const chosen = process.env["ALEX_LONG"]
    ? all
    : [0, 2].flatMap((n) => all.slice((first + n) % 5, ((first + n) % 5) + 1))
  for (const [ending, work] of chosen) {
    if (way.directOnly === true && ending === "committed before a failure") continue
    yield* Effect.ignore(work(directly, way.run))
    assert.strictEqual(yield* inOwnTransaction(way.check), before[1], `${way.name}, ${how}, ${ending}`)
    yield* Effect.ignore(work(directly, way.run))
    assert.strictEqual(yield* seen(way.check), before[0], `${way.name}, ${how}, ${ending}`)
  }
})

const suite = <E>(engine: "PGlite" | "PostgreSQL", database: Layer.Layer<DataApi, E>) =>
  it.live(
    `${contaminations.length} ways to leave something in a session of ${engine} leave nothing`,
    () =>
      Effect.gen(function* () {
        for (const statement of setUp) yield* execute(statement)
        const origin = "alex_engine_leak"
        if (engine === "PostgreSQL") yield* execute(`select pg_replication_origin_create('${origin}')`)
        for (const way of contaminations) {
          if (way.only !== undefined && way.only !== engine) continue
          for (const [how, run] of Object.entries(means)) {
            if (way.directOnly === true && how !== "directly") continue
            yield* attempt(way, run, how)
          }
        }
        if (engine === "PostgreSQL") yield* execute(`select pg_replication_origin_drop('${origin}')`)
      }).pipe(Effect.provide(database)),
    240_000
  )

describe("one session for all callers", () => {
  suite("PGlite", TestDatabase.layer())

  const url = TestDatabase.postgresUrl
  describe.skipIf(url === undefined)(TestDatabase.onPostgres("contamination of PostgreSQL's sessions"), () => {
    const database = TestDatabase.layerPostgres(url ?? "", { maxConnections: 1 })
    suite("PostgreSQL", database)

    it.live("what can be reset keeps its connection, and what can't be ends it", () =>
      Effect.gen(function* () {
        const first = yield* backend
        yield* execute("set work_mem = '1MB'")
        yield* execute("create temp table leak (a int)")
        yield* execute("prepare leak as select 1")
        assert.strictEqual(yield* backend, first)
        yield* execute("load 'auto_explain'")
        assert.notStrictEqual(yield* backend, first)
      }).pipe(Effect.provide(database))
    )

    it.live(
      "extensions that keep only settings keep the connection: those that the server offers of PostGIS and others",
      () =>
        Effect.gen(function* () {
          const named = "citext hll ip4r pg_partman pg_similarity pgrouting pgtap postgis postgis_topology prefix rum"
          const { records = [] } = yield* execute(
            "select name from pg_available_extensions where name = any(string_to_array(:named, ' ')) order by name",
            { named: text(named) }
          )
          const offered = records.map(([name]) => (name !== undefined && "stringValue" in name ? name.stringValue : ""))
          assert.include(offered, "citext")
          for (const name of offered) yield* execute(`create extension if not exists ${name} cascade`)
          assert.strictEqual(yield* backend, yield* backend, offered.join(", "))
        }).pipe(Effect.provide(database))
    )

    it.live("connections of dblink and what is kept by other extensions end with the caller", () =>
      Effect.gen(function* () {
        yield* execute("create extension dblink")
        const address = new URL(url ?? "")
        const target = `host=${address.hostname} port=${address.port || 5432} user=${address.username} password=${address.password} dbname=postgres`
        for (const connect of ["select dblink_connect('leak', :target)", "select dblink_connect(:target)"]) {
          yield* execute(connect, { target: text(target) })
          const unnamed = yield* Effect.flip(execute("select * from dblink('select 1') as t(a int)"))
          assert.match(unnamed.message, /connection not available|could not establish connection/)
          assert.deepStrictEqual(yield* scalar("select dblink_get_connections()"), { isNull: true })
        }
      }).pipe(Effect.provide(database))
    )

    it.live("a role that ALTER ROLE sets for each session is the role of the next caller as well", () =>
      Effect.gen(function* () {
        const login = "alex_engine_login"
        yield* execute(`create role ${login} login`)
        yield* execute(`create role ${login}_tenant`)
        yield* execute(`grant ${login}_tenant to ${login}`)
        yield* execute(`alter role ${login} set role = '${login}_tenant'`)
        const address = new URL(url ?? "")
        address.username = login
        yield* Effect.gen(function* () {
          const role = "select current_user::text"
          assert.deepStrictEqual(yield* scalar(role), { stringValue: `${login}_tenant` })
          yield* execute("reset role")
          yield* execute(`set role ${login}`)
          yield* execute("prepare leak as select 1")
          assert.deepStrictEqual(yield* scalar(role), { stringValue: `${login}_tenant` })
        }).pipe(
          Effect.provide(TestDatabase.onServer(address.href)),
          Effect.ensuring(Effect.orDie(execute(`drop role ${login}_tenant, ${login}`)))
        )
      }).pipe(Effect.provide(database))
    )
  })
})
