/** The defects that drivers for the Data API have shipped, each by name. */
import { spawnSync } from "node:child_process"
import { assert, it, layer } from "@effect/vitest"
import { Effect, Fiber, Layer, Stream } from "effect"
import { SqlClient } from "effect/sql"
import * as RetryPolicy from "../../../src/data-api/RetryPolicy.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { backends } from "../backends.ts"

for (const [way, api] of backends) {
  layer(DataApiSql.layer().pipe(Layer.provide(RetryPolicy.layer()), Layer.provide(api)))(
    `defects that others ship, ${way}`,
    (it) => {
      it.effect("parallel executions of one statement with different values do not mix their rows", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const numbers = Array.from({ length: 50 }, (_, n) => n)
          const rows = yield* Effect.forEach(numbers, (n) => sql<{ n: number }>`select ${n}::int4 as n`, {
            concurrency: "unbounded"
          })
          assert.deepStrictEqual(
            rows.map(([row]) => row?.n),
            numbers
          )
        })
      )

      it.effect("`:name` inside a string, an identifier, a comment or a dollar quote is left alone", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const rows =
            yield* sql`select ':a' as ":b", E'\\':c' as e, $$it's :d "$$ as f, $x$ :e $1 -- '$x$ as g /* :h */, ${1} as n -- :i`
          assert.deepStrictEqual(rows, [{ ":b": ":a", e: "':c", f: `it's :d "`, g: " :e $1 -- '", n: 1 }])
        })
      )

      it.effect("a function whose body is dollar-quoted works, placeholders and all", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`create function twice(n int) returns int language plpgsql as $body$
        declare result int := n * 2; -- it's :not a placeholder
        begin if result > 10 then raise notice ':x %', result; end if; return result::int; end $body$`
          assert.deepStrictEqual(yield* sql`select twice(${21}) as n, twice(n => ${1}) as m, twice(n := ${2}) as k`, [
            { n: 42, m: 2, k: 4 }
          ])
        })
      )

      it.effect("an array slice is a slice, with numbers, columns and values as bounds", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const rows = yield* sql`select a[1:2] as x, a[:2] as y, a[n:] as z, a[${1}:${2}] as v, (${[7, 8, 9]})[2] as w
        from (select array[1,2,3] as a, 2 as n) t`
          assert.deepStrictEqual(rows, [{ x: [1, 2], y: [1, 2], z: [2, 3], v: [1, 2], w: 8 }])
        })
      )

      it.effect("a `:name` of the caller's is refused, since it has no value", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const error = yield* Effect.flip(sql.unsafe("select * from t where id = :id"))
          assert.include(error.message, ":id is not a placeholder")
          assert.include((yield* Effect.flip(sql.unsafe("select $1, $2", [1]))).message, "2 parameters")
        })
      )

      it.effect("int8 above 2^53 is not rounded, within arrays, json or not", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const big = 9007199254740993n
          const rows =
            yield* sql`select ${big} as a, ${[big, null]} as b, ${big}::text as c, count(*) as d from (values (1)) t`
          assert.deepStrictEqual(rows, [{ a: big, b: [big, null], c: "9007199254740993", d: 1n }])
        })
      )

      it.effect("jsonb is stored as what it is and not as a JSON string", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`create table documents (doc jsonb)`
          yield* sql`insert into documents ${sql.insert({ doc: { a: ["x"] } })}`
          assert.deepStrictEqual(yield* sql`select doc, jsonb_typeof(doc) as type, doc->'a'->>0 as x from documents`, [
            { doc: { a: ["x"] }, type: "object", x: "x" }
          ])
        })
      )

      it.effect("text that looks like json, a number, a date or a uuid stays text", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          for (const text of [
            '{"a":1}',
            "[1]",
            "12",
            "2026-01-01T00:00:00Z",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "null"
          ]) {
            assert.deepStrictEqual(yield* sql`select ${text} as v, pg_typeof(${text})::text as type`, [
              { v: text, type: "text" }
            ])
          }
        })
      )

      it.effect("an array column reads as an array", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`create table lists (ints int[], texts text[], none text[], empty text[])`
          yield* sql`insert into lists ${sql.insert({ ints: [1, 2], texts: ["a", null], none: null, empty: [] })}`
          assert.deepStrictEqual(yield* sql`select * from lists`, [
            { ints: [1, 2], texts: ["a", null], none: null, empty: [] }
          ])
        })
      )

      it.effect("a syntax error is reported at once", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          // On the test clock, a repetition would wait for ever.
          const fiber = yield* Effect.forkChild(Effect.flip(sql`selekt`))
          assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "SqlSyntaxError")
        })
      )

      it.effect("a text with the character U+0000 or half a surrogate pair is refused before it is sent", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          for (const text of ["a\u0000b", "\ud800", ["\udfff"]]) {
            assert.include((yield* Effect.flip(sql`select ${text}`)).message, "PostgreSQL text can't hold")
          }
        })
      )

      it.effect("a statement or a request that is too long is refused before it is sent, and says what to do", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const long = `'${"x".repeat(65_536)}'`
          assert.include((yield* Effect.flip(sql.unsafe(`select ${long}`))).message, "as a parameter")
          assert.include((yield* Effect.flip(sql.unsafe(`insert into t values (${long})`))).message, "Bulk.insert")
          const error = yield* Effect.flip(sql`select length(${"x".repeat(4 * 1024 * 1024)})`)
          assert.include(error.message, "4194304")
        })
      )

      it.effect("a statement is as long as it has characters, whichever they are", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const rows = yield* sql.unsafe(`select length('${"😀".repeat(40_000)}') as length`)
          assert.deepStrictEqual(rows, [{ length: 40_000 }])
        })
      )

      it.effect("the helpers of effect/sql mean what they mean on PostgreSQL", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`create table things (id int primary key, name text, n numeric)`
          const inserted = yield* sql`insert into things ${sql
            .insert([
              { id: 1, name: "a", n: null },
              { id: 2, name: "b", n: 1.5 }
            ])
            .returning("*")}`
          assert.deepStrictEqual(inserted, [
            { id: 1, name: "a", n: null },
            { id: 2, name: "b", n: "1.5" }
          ])
          yield* sql`update things set ${sql.update({ id: 1, name: "c" }, ["id"])} where id = ${1}`
          yield* sql`update things set name = data.name from ${sql.updateValues([{ id: 2, name: "d" }], "data")} where things.id = data.id`
          assert.deepStrictEqual(
            yield* sql`select name from things where ${sql.and([sql.in("id", [1, 2]), sql`name <> ${"x"}`])} order by id`,
            [{ name: "c" }, { name: "d" }]
          )
          assert.deepStrictEqual(yield* sql`select id from things where ${sql.in("id", [])}`, [])
          assert.deepStrictEqual(yield* sql`select 1 as a, 'x' as b`.values, [[1, "x"]])
          assert.deepInclude(yield* sql`delete from things`.raw, { rowCount: 2 })
          assert.strictEqual(yield* Stream.runCount(sql`values (1), (2)`.stream), 2)
          // The service has no session to reserve.
          const reserved = yield* Effect.flip(Effect.scoped(sql.reserve))
          assert.match(reserved.message, /withTransaction/)
        })
      )
    }
  )
}

it("timestamps do not depend on the process's time zone", () => {
  const script = `
      import * as PgValue from ${JSON.stringify(new URL("../../../src/data-api/values/PgValue.ts", import.meta.url).href)}
      const at = "2026-03-29 02:30:00.5"
      const column = (typeName) => ({ name: "v", label: "v", typeName })
      const read = PgValue.decodeRows([column("timestamp")], [[{ stringValue: at }]])
      const write = PgValue.encode([new Date(Date.UTC(2026, 2, 29, 2, 30, 0, 500))])
      process.stdout.write(JSON.stringify([read.success[0].v.toISOString(), write.success[0].value.stringValue]))`
  for (const TZ of ["UTC", "America/New_York", "Asia/Kathmandu"]) {
    const ran = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      env: { ...process.env, TZ },
      encoding: "utf8"
    })
    assert.strictEqual(ran.stdout, '["2026-03-29T02:30:00.500Z","2026-03-29 02:30:00.500+00"]', ran.stderr)
  }
})

layer(
  DataApiSql.layer({
    transformQueryNames: (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    transformResultNames: (name) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  }).pipe(Layer.provide(TestDatabase.layer()))
)("with names transformed", (it) => {
  it.effect("columns are camel case in the program and snake case in the database, streams included", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`create table ${sql("someThings")} (first_name text, doc jsonb)`
      yield* sql`insert into ${sql("someThings")} ${sql.insert({ firstName: "a", doc: { in_side: 1 } })}`
      const expected = [{ firstName: "a", doc: { inSide: 1 } }]
      assert.deepStrictEqual(yield* sql`select * from some_things`, expected)
      assert.deepStrictEqual([...(yield* Stream.runCollect(sql`select * from some_things`.stream))], expected)
      assert.deepStrictEqual(yield* sql.withoutTransforms()`select first_name from some_things`, [{ first_name: "a" }])
    })
  )
})
