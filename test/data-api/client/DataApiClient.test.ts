import { randomUUID } from "node:crypto"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import * as Bulk from "../../../src/data-api/client/Bulk.ts"
import { DataApiClient } from "../../../src/data-api/client/DataApiClient.ts"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import * as TestDatabase from "../../TestDatabase.ts"

/** Counts the requests that reach the database. */
const requests: Array<string> = []
const note = (sql: string) => Effect.sync(() => requests.push(sql))
const counted = Layer.effect(
  DataApi,
  Effect.map(DataApi, (api) =>
    DataApi.of({
      ...api,
      executeStatement: (request) => Effect.andThen(note(request.sql), api.executeStatement(request)),
      batchExecuteStatement: (request) => Effect.andThen(note(request.sql), api.batchExecuteStatement(request))
    })
  )
).pipe(Layer.provide(TestDatabase.layer()))

const message = <A, R>(effect: Effect.Effect<A, { readonly message: string }, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.message)

layer(DataApiClient.layer().pipe(Layer.provide(counted)))("DataApiClient", (it) => {
  const table = Effect.fnUntraced(function* (name: string) {
    const sql = yield* SqlClient.SqlClient
    yield* sql.unsafe(
      `create table ${name} (id uuid primary key default gen_random_uuid(), "Full Name" text, amount numeric(12,4),
        at timestamptz, tags text[], doc jsonb, raw bytea, n int8)`
    )
    return yield* DataApiClient
  })
  const id = "7f1c0b0e-0000-4000-8000-000000000001"

  it.effect("a named parameter may be used twice, in any order, and not inside strings or slices", () =>
    Effect.gen(function* () {
      const db = yield* DataApiClient
      const rows = yield* db.query(
        "select :b || :a || :b as s, ':a' as quoted, $$:b it's$$ as dollar, (array[1,2,3])[2:3] as slice, /* :c */ :n::int8 as n",
        { a: "A", b: "B", n: 7 }
      )
      assert.deepStrictEqual(rows, [{ s: "BAB", quoted: ":a", dollar: ":b it's", slice: [2, 3], n: 7n }])
    })
  )

  it.effect(
    "a missing name, one too many and a numbered placeholder are refused by name, before anything is sent",
    () =>
      Effect.gen(function* () {
        const db = yield* DataApiClient
        const before = requests.length
        assert.include(yield* message(db.query("select :a, :b", { a: 1 })), ":b")
        assert.include(yield* message(db.query("select :a", { a: 1, extra: 2 })), ":extra")
        assert.include(yield* message(db.query("select $1", {})), "$1")
        assert.strictEqual(requests.length, before)
      })
  )

  it.effect("a text that ran before runs with the names that are given now, in whatever order", () =>
    Effect.gen(function* () {
      const db = yield* DataApiClient
      const text = "select :a::text || :b::text as both"
      assert.deepStrictEqual(yield* db.query(text, { a: "1", b: "2" }), [{ both: "12" }])
      assert.deepStrictEqual(yield* db.query(text, { b: "4", a: "3" }), [{ both: "34" }])
      assert.include(yield* message(db.query(text, { a: "1" })), ":b")
      assert.include(yield* message(db.query(text, { a: "1", b: "2", c: "3" })), ":c")
      assert.include(yield* message(db.query(text, { a: "1", c: "2" })), ":b")
      assert.deepStrictEqual(yield* db.query(text, { a: "5", b: "6" }), [{ both: "56" }])
    })
  )

  it.effect("queryOne gives the row, or none, and refuses several", () =>
    Effect.gen(function* () {
      const db = yield* DataApiClient
      assert.deepStrictEqual(yield* db.queryOne("select :n as n", { n: 1 }), Option.some({ n: 1 }))
      assert.deepStrictEqual(yield* db.queryOne("select 1 as n where false"), Option.none())
      assert.include(yield* message(db.queryOne("values (1), (2)")), "2 rows")
    })
  )

  it.effect("insert, update and delete need no casts, quote what they name, and count or return rows", () =>
    Effect.gen(function* () {
      const db = yield* table("people")
      const at = new Date("2026-01-02T03:04:05.678Z")
      const inserted = yield* db.insert(
        "people",
        {
          id,
          "Full Name": 'Ann "A" O\'Hara',
          amount: "12.5000",
          at,
          tags: ["a", 'b"{,}', null],
          doc: ["x", { y: null }],
          raw: new Uint8Array([0, 255]),
          n: 9007199254740993n
        },
        { returning: "*" }
      )
      assert.deepStrictEqual(inserted, {
        count: 1,
        rows: [
          {
            id,
            "Full Name": 'Ann "A" O\'Hara',
            amount: "12.5000",
            at,
            tags: ["a", 'b"{,}', null],
            doc: ["x", { y: null }],
            raw: new Uint8Array([0, 255]),
            n: 9007199254740993n
          }
        ]
      })
      const updated = yield* db.update(
        "people",
        { amount: "1", tags: null },
        { where: { id }, returning: ["amount", "tags"] }
      )
      assert.deepStrictEqual(updated, { count: 1, rows: [{ amount: "1.0000", tags: null }] })
      assert.deepStrictEqual(yield* db.update("people", { n: 1n }, { where: { tags: null, id } }), {
        count: 1,
        rows: []
      })
      assert.strictEqual((yield* db.delete("people", { where: { "Full Name": "nobody" } })).count, 0)
      assert.strictEqual((yield* db.delete("people", { where: { id } })).count, 1)
    })
  )

  it.effect("an update or delete without a condition is refused unless every row is meant", () =>
    Effect.gen(function* () {
      const db = yield* table("guarded")
      yield* db.insert("guarded", [{ n: 1n }, { n: 2n }])
      assert.include(yield* message(db.delete("guarded", {})), "all: true")
      assert.include(yield* message(db.update("guarded", { n: 3n }, { where: {} })), "all: true")
      assert.include(yield* message(db.delete("guarded", { where: { id: undefined } })), '"id"')
      assert.strictEqual((yield* db.update("guarded", { n: 3n }, { all: true })).count, 2)
      assert.strictEqual((yield* db.delete("guarded", { all: true })).count, 2)
    })
  )

  it.effect("a batch is one request and all or nothing", () =>
    Effect.gen(function* () {
      const db = yield* table("batched")
      const batch = db.batch("insert into batched (n, tags) values (:n, :tags)", [
        { n: 1, tags: ["a"] },
        { n: 5e9, tags: [] },
        { n: null, tags: null }
      ])
      const before = requests.length
      yield* batch
      // Two more for the type of :tags, which is learnt once.
      assert.strictEqual(requests.length, before + 3)
      yield* db.execute("delete from batched")
      yield* batch
      assert.strictEqual(requests.length, before + 5)
      assert.deepStrictEqual(yield* db.query("select n, tags from batched order by n"), [
        { n: 1n, tags: ["a"] },
        { n: 5000000000n, tags: [] },
        { n: null, tags: null }
      ])
      yield* Effect.flip(db.batch("insert into batched (id) values (:id::uuid)", [{ id }, { id }]))
      assert.deepStrictEqual(yield* db.query("select count(*) from batched"), [{ count: 3n }])
      assert.include(yield* message(db.batch("insert into batched (n) values (:n) returning id", [{ n: 1 }])), "insert")
      assert.include(yield* message(db.batch("select :n", [{ n: 1 }, { m: 2 }])), ":m")
      assert.include(yield* message(db.batch("select :n", [{ n: 1 }, { n: "2" }])), ":n")
    })
  )

  it.effect("the sets of a batch may hold numbers that are whole and numbers that are not", () =>
    Effect.gen(function* () {
      const db = yield* DataApiClient
      yield* db.execute("drop table if exists prices")
      yield* db.execute("create table prices (at int, n numeric, d double precision, i int)")
      const numbers = [1, 0.5, null, 5e9, -2.25, 999_999_999_999_999, 7n, Number.NaN]
      const sets = numbers.map((n, at) => ({ at, n, d: n, i: 2 }))
      const insert = "insert into prices (at, n, d, i) values (:at, :n, :d, :i)"
      for (const ordered of [sets, sets.toReversed()]) {
        yield* db.batch(insert, ordered)
        assert.deepStrictEqual(
          (yield* db.query("delete from prices returning at, n::text, d, i")).toSorted(
            (a, b) => Number(a["at"]) - Number(b["at"])
          ),
          numbers.map((n, at) => ({
            at,
            n: n === null ? null : String(n),
            d: n === null ? null : Number(n),
            i: 2
          }))
        )
      }
      const beside = (n: unknown) =>
        db.batch(insert, [
          { at: 0, n: 0.5, d: 0, i: 0 },
          { at: 1, n, d: 0, i: 0 }
        ])
      for (const n of [2n ** 60n + 1n, 1e15, "1", true]) {
        assert.include(yield* message(beside(n)), "different types for :n")
      }
    })
  )

  it.effect("a failed transaction leaves nothing", () =>
    Effect.gen(function* () {
      const db = yield* table("undone")
      yield* Effect.ignore(db.transaction(Effect.andThen(db.insert("undone", { n: 1n }), Effect.fail("no"))))
      assert.deepStrictEqual(yield* db.query("select * from undone"), [])
    })
  )

  it.effect("rows of 9 MB go in three requests, all or nothing, and are counted exactly", () =>
    Effect.gen(function* () {
      const db = yield* table("bulk")
      const rows = Array.from({ length: 3000 }, (_, n) => ({ n: BigInt(n), "Full Name": `"${"x".repeat(3000)}` }))
      const before = requests.length
      const result = yield* Bulk.insert("bulk", rows)
      assert.deepStrictEqual([result.count, requests.length - before], [3000, 3])
      const failing = rows.map((row, index) => ({ ...row, id: index === 2999 ? "no uuid" : randomUUID() }))
      yield* Effect.flip(Bulk.insert("bulk", failing))
      assert.deepStrictEqual(yield* db.query("select count(*), max(n) from bulk"), [{ count: 3000n, max: 2999n }])
    })
  )

  it.effect("an upsert sets the other columns, and a row that differs in its columns is refused by number", () =>
    Effect.gen(function* () {
      const db = yield* table("upserted")
      const onConflict = { columns: ["id"], action: "update" as const }
      yield* db.insert("upserted", { id, n: 1n }, { onConflict })
      const again = yield* db.insert("upserted", [{ id, n: 2n }], { onConflict, returning: ["n"] })
      assert.deepStrictEqual(again, { count: 1, rows: [{ n: 2n }] })
      const nothing = yield* db.insert(
        "upserted",
        { id, n: 3n },
        { onConflict: { columns: ["id"], action: "nothing" } }
      )
      assert.strictEqual(nothing.count, 0)
      assert.include(yield* message(db.insert("upserted", [{ n: 1n }, { id }])), 'Row 1 has no "n"')
      assert.include(yield* message(db.insert("upserted", [{ n: 1n }, { n: 2n, id }])), 'Row 1 has "id"')
      assert.deepStrictEqual(yield* db.insert("upserted", []), { count: 0, rows: [] })
    })
  )
})
