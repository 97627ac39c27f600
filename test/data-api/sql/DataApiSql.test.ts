import { assert, layer } from "@effect/vitest"
import { BigDecimal, Effect, Exit, Layer, Stream } from "effect"
import { SqlClient } from "effect/sql"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import * as TestDatabase from "../../TestDatabase.ts"

layer(DataApiSql.layer().pipe(Layer.provide(TestDatabase.layer())))("DataApiSql", (it) => {
  it.effect("values go out and come back as what they are", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const at = new Date("2026-02-03T04:05:06.789Z")
      const decimal = BigDecimal.fromStringUnsafe("12345678901234567890.1200")
      const rows =
        yield* sql`select ${1} as i, ${2 ** 40} as big, ${9007199254740993n} as l, ${1.5} as d, ${"x:y"} as s,
        ${true} as b, ${null} as n, ${at} as at, ${decimal} as dec, ${new Uint8Array([1, 2])} as bytes,
        ${{ a: [1, "{"] }} as j, ${[1, 2]} as ints, ${["a", null, 'q"\\{,}']} as texts`
      assert.deepStrictEqual(rows, [
        {
          i: 1,
          big: 2n ** 40n,
          l: 9007199254740993n,
          d: 1.5,
          s: "x:y",
          b: true,
          n: null,
          at,
          dec: "12345678901234567890.1200",
          bytes: new Uint8Array([1, 2]),
          j: { a: [1, "{"] },
          ints: [1, 2],
          texts: ["a", null, 'q"\\{,}']
        }
      ])
    })
  )

  it.effect("a stream", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const count = yield* Stream.runCount(sql`select i, repeat('x', 100) from generate_series(1, ${30000}) i`.stream)
      assert.strictEqual(count, 30000)
    })
  )

  it.effect("a transaction", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`create table t (id int primary key, name text)`
      yield* sql.withTransaction(
        sql`insert into t ${sql.insert([
          { id: 1, name: "a" },
          { id: 2, name: "b" }
        ])}`
      )
      const exit = yield* Effect.exit(
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`insert into t ${sql.insert({ id: 3, name: "c" })}`
            yield* Effect.ignore(sql`insert into t ${sql.insert({ id: 1, name: "c" })}`)
          })
        )
      )
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(yield* sql`select count(*) from t`, [{ count: 2n }])
      assert.deepStrictEqual(yield* sql`select * from t where ${sql.in("id", [1, 5])}`, [{ id: 1, name: "a" }])
    })
  )
})
