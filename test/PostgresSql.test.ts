import { assert, describe, it, layer } from "@effect/vitest"
import { BigDecimal, Cause, Duration, Effect, Exit, Layer, Option, Redacted, Result } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import * as PostgresUrl from "../src/data-api/postgres/PostgresUrl.ts"
import * as DataApiSql from "../src/data-api/sql/DataApiSql.ts"
import * as PostgresSql from "../src/PostgresSql.ts"
import * as TestDatabase from "./TestDatabase.ts"

const values: Readonly<Record<string, unknown>> = {
  "a BigDecimal keeps its digits and its scale": BigDecimal.make(12345678901234567890123450n, 4),
  "a BigDecimal with a negative scale": BigDecimal.make(12n, -3),
  "a small BigDecimal": BigDecimal.make(-1n, 30),
  "a plain object is jsonb": { b: [1, null, "x"], a: { c: true } },
  "an array of BigDecimal": [BigDecimal.make(150n, 2), null, BigDecimal.make(-3n, 0)],
  "an array of objects": [{ a: 1 }, null, { b: "2" }],
  "a Date": new Date("2026-01-02T03:04:05.678Z"),
  "a bigint": 9007199254740993n,
  bytes: Uint8Array.of(0, 255),
  "an array of numbers": [1, 2, 3]
}

const url = TestDatabase.postgresUrl ?? ""

it("gives the client every member of a target by name", () => {
  const config = PostgresSql.configOf({
    host: "/tmp",
    port: 5433,
    user: "ann",
    database: "alex",
    password: Redacted.make("secret"),
    options: "-c search_path=alex",
    connectTimeout: 0
  })
  assert.deepInclude(config, {
    host: "/tmp",
    port: 5433,
    path: "/tmp/.s.PGSQL.5433",
    username: "ann",
    database: "alex",
    startupOptions: "-c search_path=alex",
    connectTimeout: Duration.infinity,
    ssl: false
  })
  const target = { host: "localhost", port: 5432, user: "ann", database: "alex" }
  assert.strictEqual(PostgresSql.configOf({ ...target, sslmode: "require" }).ssl, true)
  assert.deepInclude(PostgresSql.configOf({ ...target, sslmode: "disable" }), { ssl: false })
  assert.notProperty(PostgresSql.configOf({ ...target, sslmode: "prefer" }), "ssl")
})

describe.skipIf(url === "")(TestDatabase.onPostgres("PostgresSql"), () => {
  const postgres = Layer.unwrap(
    Effect.map(TestDatabase.freshDatabase(url), (fresh) => PostgresSql.layer({ url: fresh }))
  )
  const single = Layer.unwrap(
    Effect.map(TestDatabase.freshDatabase(url), (fresh) => PostgresSql.layer({ url: fresh, maxConnections: 1 }))
  )
  layer(postgres)((it) => {
    it.effect("connects to what a URL says, with parameters that libpq has", () =>
      Effect.gen(function* () {
        const at = new URL(url)
        const parameters = `host=${at.hostname}&port=${at.port}&user=${at.username}&dbname=template1&sslmode=prefer`
        const target = PostgresUrl.parse(
          Redacted.make(`postgres://nobody@db.invalid:1/wrong?${parameters}&options=-c%20work_mem%3D123kB`),
          { user: undefined }
        )
        const rows = yield* Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          return yield* sql`select current_database()::text as database, current_setting('work_mem') as memory`
        }).pipe(Effect.provide(PostgresSql.layer(PostgresSql.configOf(yield* Effect.fromResult(target)))))
        assert.deepStrictEqual(rows, [{ database: "template1", memory: "123kB" }])
      })
    )

    it.effect("parameters mean what they mean over the Data API", () =>
      Effect.gen(function* () {
        const direct = yield* SqlClient.SqlClient
        yield* Effect.gen(function* () {
          const overDataApi = yield* SqlClient.SqlClient
          for (const [name, value] of Object.entries(values)) {
            const expected = yield* overDataApi`select ${value} as value`
            assert.deepStrictEqual(yield* direct`select ${value} as value`, expected, name)
          }
        }).pipe(Effect.provide(DataApiSql.layer().pipe(Layer.provide(TestDatabase.layer()))))
      })
    )

    it.effect("keys of JSON are read as they are, whatever was read before, as over the Data API", () =>
      Effect.gen(function* () {
        const direct = yield* SqlClient.SqlClient
        yield* Effect.gen(function* () {
          const overDataApi = yield* SqlClient.SqlClient
          for (const sql of [direct, overDataApi]) {
            for (const key of ["\\", "\\n", '"', "\n", "\nx", '\\"', "__proto__"]) {
              const document = Object.fromEntries([
                ["h", 1],
                [key, { [key]: [key] }]
              ])
              const text = JSON.stringify(document)
              const rows = yield* sql`
                select ${text}::text::json as json, ${text}::text::jsonb as jsonb, array[${text}::text::jsonb] as many`
              assert.deepStrictEqual(rows, [{ json: document, jsonb: document, many: [document] }], text)
            }
          }
        }).pipe(Effect.provide(DataApiSql.layer().pipe(Layer.provide(TestDatabase.layer()))))
      })
    )

    it.effect("a transaction with a failed statement is not reported as committed", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table t (x int)`
        const failed = yield* Effect.result(
          sql.withTransaction(Effect.andThen(sql`insert into t values (1)`, Effect.ignore(sql`select 1 / 0`)))
        )
        assert.isTrue(Result.isFailure(failed))
        assert.deepStrictEqual(yield* sql`select * from t`, [])
      })
    )

    it.effect("a transaction whose connection the server ends fails with that, nested or not", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const killed = Effect.andThen(
          sql`select pg_terminate_backend(pg_backend_pid())`,
          Effect.fail("it goes on after its end")
        )
        for (const transaction of [
          sql.withTransaction(killed),
          sql.withTransaction(sql.withTransaction(killed)),
          sql.withTransaction(Effect.andThen(sql.withTransaction(Effect.ignore(killed)), sql`select 1`))
        ]) {
          const exit = yield* Effect.exit(transaction)
          assert.isTrue(Exit.isFailure(exit))
          if (Exit.isSuccess(exit)) continue
          assert.isFalse(Cause.hasDies(exit.cause), Cause.pretty(exit.cause))
          const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
          assert.strictEqual(SqlError.isSqlError(error) ? error.reason._tag : error, "ConnectionError")
        }
        assert.strictEqual((yield* sql`select 1 as one`).length, 1)
      })
    )

    it.effect("a transaction in which another server could not be reached leaves its own connection usable", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table foreign_rows (x int)`
        // As postgres_fdw and dblink refuse a statement: the connection that it came on is as it was.
        for (const state of ["08001", "08006", "53300", "57P01", "57P03"]) {
          const refused = sql.unsafe(`do $$ begin raise exception 'elsewhere' using errcode = '${state}'; end $$`)
          const error = yield* Effect.flip(
            sql.withTransaction(Effect.andThen(sql`insert into foreign_rows values (1)`, refused))
          )
          assert.strictEqual(error.reason._tag, "ConnectionError", state)
          const inner = sql.withTransaction(Effect.andThen(sql`insert into foreign_rows values (2)`, refused))
          yield* sql.withTransaction(Effect.andThen(Effect.ignore(inner), sql`insert into foreign_rows values (3)`))
          assert.deepStrictEqual(yield* sql`delete from foreign_rows returning x`, [{ x: 3 }], state)
        }
      }).pipe(Effect.provide(Layer.fresh(single)))
    )

    it.effect("a nested transaction that fails is rolled back alone", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table n (x int)`
        const inner = sql.withTransaction(Effect.andThen(sql`insert into n values (2)`, Effect.fail("no")))
        yield* sql.withTransaction(Effect.andThen(sql`insert into n values (1)`, Effect.ignore(inner)))
        assert.deepStrictEqual(yield* sql`select x from n`, [{ x: 1 }])
      })
    )
  })
})
