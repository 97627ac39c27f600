/** Queries that call functions, whose results the service can't return at first: only those that may run twice do. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
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
        yield* sql`create function "Reading"() returns interval language sql stable as $$ select interval '1 hour' $$`
        yield* sql`create function one() returns int language sql as $$ select 1 $$`
        for (const [query, row] of [
          ['select "Reading"() as lasts', { lasts: hours(1) }],
          // PostgreSQL does not call what it does not need.
          ["select coalesce(lasting(1), lasting(one())) as lasts", { lasts: hours(1) }],
          ["select gen_random_uuid() is null as none, lasting(2) as lasts", { none: false, lasts: hours(2) }],
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

    it.effect(
      "one whose functions only have the names of others that may write, or are known to write nothing, comes back at once",
      () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          for (const statement of [
            "create schema mocks",
            "create function mocks.now() returns timestamptz language sql as $$ select pg_catalog.now() $$",
            "create function later(interval, interval) returns interval language sql immutable as $$ select greatest($1, $2) $$",
            "create aggregate latest(interval) (sfunc = later, stype = interval)",
            "create sequence numbers",
            "create view values_of_others as values (mocks.now()), (mocks.now())"
          ])
            yield* sql.unsafe(statement)
          const queries = [
            "select now() - now() as lasts",
            "select latest(interval '1 hour') as lasts",
            "select data_type, last_value from pg_sequences limit 1",
            "select interval '1 hour' as lasts from (values (1), (2)) as v where gen_random_uuid() is not null",
            "select transaction, prepared from pg_prepared_xacts"
          ]
          for (const query of queries) yield* sql.unsafe(query)
          yield* sql.withTransaction(
            Effect.gen(function* () {
              yield* sql`set local standard_conforming_strings = off`
              for (const query of queries) yield* sql.unsafe(`${query} -- within a transaction`)
            })
          )
        })
    )

    it.effect("one with a function that may write, or may not be known by its name, runs once and fails", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table calls (n int)`
        for (const [name, kind] of [
          ["writing", ""],
          ['"Writing"', ""],
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
          ['"Writing"()', 1],
          ["overloaded()", 1],
          ["elsewhere.lower_bound()", 1]
        ] as const) {
          yield* sql`delete from calls`
          yield* Effect.flip(sql.unsafe(`select ${call} as lasts`))
          assert.lengthOf(yield* sql`select n from calls`, written, call)
        }
      })
    )

    it.effect(
      "one that calls a function that may write without naming it runs once and fails, and may run as it is next",
      () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          for (const statement of [
            "create table hidden (n int)",
            "create table origins (n int)",
            "insert into origins values (1)",
            "create function hiding(int) returns interval language sql as $$ insert into hidden values ($1); select interval '1 hour' $$",
            "create function told(origins) returns interval language sql as $$ select hiding($1.n) $$",
            "create view plain as select hiding(n) as lasts from origins",
            "create view nested as select lasts, 1 as n from plain",
            "create operator ~~~> (rightarg = int, function = hiding)"
          ])
            yield* sql.unsafe(statement)
          for (const query of [
            "select lasts from plain",
            "table plain",
            "select * from nested where n = 1",
            "select o.told as lasts from origins o",
            "select (o).told as lasts from origins o",
            "select ~~~> n as lasts from origins"
          ]) {
            yield* sql`delete from hidden`
            yield* Effect.flip(sql.unsafe(query))
            assert.lengthOf(yield* sql`select n from hidden`, 1, query)
            const [row] = yield* sql.unsafe<{ lasts: unknown }>(query)
            assert.deepStrictEqual(row?.lasts, hours(1), query)
            assert.lengthOf(yield* sql`select n from hidden`, 2, query)
          }
          yield* sql`delete from hidden`
          yield* Effect.flip(sql`select * from nested where n = 1 for update`)
          assert.lengthOf(yield* sql`select n from hidden`, 1)
          yield* sql`create cast (int as interval) with function hiding(int) as assignment`
          yield* sql`delete from hidden`
          yield* Effect.flip(sql`select n::interval as lasts from origins`)
          assert.lengthOf(yield* sql`select n from hidden`, 1)
          yield* sql`drop cast (int as interval)`
        })
    )

    it.effect(
      "one from a view that calls a function that may write is not read again in pages, if it is too large",
      () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`create table notes (n int)`
          yield* sql`create function noting(int) returns text language sql as $$ insert into notes values ($1); select repeat('x', 1000) $$`
          yield* sql`create view large as select noting(n) as x from generate_series(1, 1100) n`
          const error = yield* Effect.flip(sql`select x from large`)
          assert.include(error.message, "Read it as a stream")
          assert.lengthOf(yield* sql`select n from notes`, 1100)
        })
    )

    it.effect("one whose plan is too large for a response, as it has long constants, is read again in pages", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const ids = Array.from({ length: 60_000 }, (_, n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`)
        const rows = yield* sql`select id, repeat('x', 20) as x from unnest(${ids}::text[]) id`
        assert.lengthOf(rows, 60_000)
        yield* sql`create table longs (n int)`
        yield* sql`create function long(int) returns text language sql as $$ insert into longs values ($1); select repeat('x', 1000) $$`
        yield* sql`create view longest as select long(n) as x from generate_series(1, 1100) n`
        yield* Effect.flip(sql`select x from longest where x <> all(${ids}::text[]) and x > ''`)
        assert.lengthOf(yield* sql`select n from longs`, 1100)
      })
    )

    it.effect("a stream of one keeps what its functions wrote once, whichever of its pages is too large at first", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table streamed (n int)`
        yield* sql`create function streaming(n int, size int) returns text language sql as $$ insert into streamed values (n); select repeat('x', size) $$`
        yield* sql`create view streams as select n, streaming(n, case when n <= 16 then 1000 else 90000 end) as x from generate_series(1, 60) n`
        for (const [firsts, rest] of [
          [1000, 90_000],
          [90_000, 1000]
        ]) {
          yield* sql`delete from streamed`
          const query = sql`select streaming(n, case when n <= 16 then ${firsts}::int else ${rest}::int end) as x from generate_series(1, 60) n`
          assert.strictEqual(yield* Stream.runCount(query.stream), 60)
          assert.lengthOf(yield* sql`select n from streamed`, 60)
          assert.strictEqual(yield* sql.withTransaction(Stream.runCount(query.stream)), 60)
          assert.lengthOf(yield* sql`select n from streamed`, 120)
        }
        yield* sql`delete from streamed`
        assert.strictEqual(yield* Stream.runCount(sql`select x from streams`.stream), 60)
        assert.lengthOf(yield* sql`select n from streamed`, 60)
        assert.strictEqual(yield* sql.withTransaction(Stream.runCount(sql`table streams`.stream)), 60)
        assert.lengthOf(yield* sql`select n from streamed`, 120)
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

    it.effect("one whose plan does not show the function, such as one of VALUES, LIMIT or a domain, runs once", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        for (const statement of [
          "create table unseen (n int)",
          "create table twos (n int)",
          "insert into twos values (1), (2)",
          "create function unseen(int) returns int language sql as $$ insert into unseen values ($1); select $1 $$",
          "create function unseen_span(int) returns interval language sql as $$ insert into unseen values ($1); select interval '1 hour' $$",
          "create domain checked as int check (unseen(value) > 0)",
          "create view unseen_values as values (unseen_span(1)), (unseen_span(2))",
          "create view unseen_limit as select interval '1 hour' as lasts from twos limit unseen(2)"
        ])
          yield* sql.unsafe(statement)
        for (const [query, written] of [
          ["values (unseen_span(1)), (unseen_span(2))", 2],
          ["select * from (values (Public . Unseen_Span /* here */ (1)), (unseen_span(2))) as v", 2],
          ["select * from unseen_values", 2],
          ["select interval '1 hour' as lasts from twos limit unseen(1)", 1],
          ["select interval '1 hour' as lasts from twos offset unseen(1)", 1],
          ["select * from unseen_limit", 1],
          ["select sum(interval '1 hour') over (order by n rows unseen(1) preceding) as lasts from twos", 1],
          ["select interval '1 hour' as lasts, n::checked from twos", 2],
          ["select interval '1 hour' as lasts from json_to_record('{\"n\": 1}') as r (n Checked)", 1]
        ] as const) {
          yield* sql`delete from unseen`
          yield* Effect.flip(sql.unsafe(query))
          assert.lengthOf(yield* sql`select n from unseen`, written, query)
        }
      })
    )
  })
}
