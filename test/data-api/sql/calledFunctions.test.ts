/** Queries that call functions, whose results the service can't return at first: only those that may run twice do. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import { backends } from "../backends.ts"

const hours = (n: number) => ({ months: 0, days: 0, microseconds: BigInt(n) * 3_600_000_000n })

for (const [way, api] of backends) {
  layer(DataApiSql.layer().pipe(Layer.provide(api)))(`the functions of a query, ${way}`, (it) => {
    it.effect("one with functions that write nothing comes back at once, within a transaction too", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create function lasting(n int) returns interval language sql immutable as $$ select n * interval '1 hour' $$`
        yield* sql`create function here(n int) returns inet language sql stable as $$ select '10.0.0.1'::inet + n $$`
        for (const [query, row] of [
          ["select daterange('2026-01-01', '2026-02-01') as span", { span: "[2026-01-01,2026-02-01)" }],
          ["select pg_catalog.int4range(1, 5) as numbers", { numbers: "[1,5)" }],
          ["select lasting(2) as lasts, sin(0) as zero", { lasts: hours(2), zero: 0 }],
          ["select PUBLIC.Lasting(3) as lasts, host(here(2)) as at", { lasts: hours(3), at: "10.0.0.3" }],
          ["with a as (select 1), b(n) as (select lasting(1)) select n from b", { n: hours(1) }],
          ["select to_tsvector('simple', 'fat cats') as words", { words: "'cats':2 'fat':1" }]
        ] as const) {
          assert.deepStrictEqual(yield* sql.unsafe(query), [row], query)
          const again = sql.unsafe(`${query} -- within a transaction`)
          assert.deepStrictEqual(yield* sql.withTransaction(again), [row], query)
        }
      })
    )

    it.effect(
      "one with functions that write nothing is read in pages, if its result is too large for one response",
      () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`create function same(t text) returns text language sql immutable as $$ select t $$`
          const large = sql`select same(repeat('x', 1000)) as x, sin(n) from generate_series(1, 1100) n`
          assert.lengthOf(yield* large, 1100)
          assert.lengthOf(yield* sql.withTransaction(large), 1100)
        })
    )

    it.effect("one with a function that may write, or may not be known by its name, runs once and fails", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table calls (n int)`
        for (const [name, kind] of [
          ["writing", ""],
          ['"Writing"', ""],
          ['"Reading"', "stable"],
          ["overloaded", ""]
        ] as const) {
          const body =
            kind === "" ? "insert into calls values (1); select interval '1 hour'" : "select interval '1 hour'"
          yield* sql.unsafe(`create function ${name}() returns interval language sql ${kind} as $$ ${body} $$`)
        }
        yield* sql`create function overloaded(n int) returns interval language sql immutable as $$ select interval '1 hour' $$`
        yield* sql`create schema elsewhere`
        yield* sql`create function elsewhere.lower_bound() returns interval language sql as $$ insert into calls values (1); select interval '1 hour' $$`
        for (const [call, written] of [
          ["writing()", 1],
          ["coalesce(lasting(1), writing())", 0],
          ['"Writing"()', 1],
          ['"Reading"()', 0],
          ["overloaded()", 1],
          ["overloaded(1)", 0],
          ["elsewhere.lower_bound()", 1]
        ] as const) {
          yield* sql`delete from calls`
          yield* Effect.flip(sql.unsafe(`select ${call} as lasts`))
          assert.lengthOf(yield* sql`select n from calls`, written, call)
        }
      })
    )

    it.effect("one with an aggregate of one's own, which does not say what it does, runs once and fails", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table marks (n int)`
        yield* sql`create function marking(a interval, n int) returns interval language sql as $$ insert into marks values (n); select a $$`
        yield* sql`create aggregate marked(int) (sfunc = marking, stype = interval, initcond = '1 hour')`
        yield* Effect.flip(sql`select marked(n) as lasts from (values (1), (2)) as v (n)`)
        assert.lengthOf(yield* sql`select n from marks`, 2)
      })
    )
  })
}
