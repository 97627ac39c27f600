/** Arrays as parameters: they come back as they were sent, and PostgreSQL knows their elements when it plans. */
import { PgTypes } from "@effect/sql-pg"
import { assert, describe, layer } from "@effect/vitest"
import { Array as Arr, Effect, Layer, Result, Stream } from "effect"
import { SqlClient } from "effect/sql"
import type { Fragment } from "effect/sql/Statement"
import { DataApiClient } from "../../../src/data-api/client/DataApiClient.ts"
import { backends } from "../backends.ts"

/** What would be read as a separator, as NULL, as no element, or as an end of the array's text. */
const texts = [",", "NULL", "", "a", 'q"\\{}', " ", "null", "a,b", null]

/** All arrays of one and two of these, and some of three, which have at least one text. */
const arrays = Arr.flatMap(texts, (a) => [
  [a],
  ...Arr.flatMap(texts, (b) => [
    [a, b],
    [a, b, "z"]
  ])
]).filter((array) => !array.every((element) => element === null))

const typed = (elements: ReadonlyArray<unknown>, oid: number) => Result.getOrThrow(PgTypes.array(elements, oid))

const { OID } = PgTypes
const id = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"

/** Typed arrays, and those whose type is seen from their elements. */
const others: ReadonlyArray<readonly [parameter: unknown, found: unknown]> = [
  [
    [1, -2147483648, null],
    [1, -2147483648, null]
  ],
  [
    [9007199254740993n, 2n],
    [9007199254740993n, 2n]
  ],
  [
    [0.1, Number.NaN, Number.NEGATIVE_INFINITY],
    [0.1, Number.NaN, Number.NEGATIVE_INFINITY]
  ],
  [
    [true, null, false],
    [true, null, false]
  ],
  [typed([1, 2], OID.int2), [1, 2]],
  [typed([0.5, null], OID.float4), [0.5, null]],
  [typed(["1.50", "NaN"], OID.numeric), ["1.50", "NaN"]],
  [typed([id, null], OID.uuid), [id, null]],
  [typed(["a", ",", "NULL"], OID.varchar), ["a", ",", "NULL"]],
  [typed([], OID.int4), []],
  [typed([null], OID.int4), [null]],
  [typed(["2026-01-02", null], OID.date), ["2026-01-02", null]],
  [typed([{ a: [1, 2] }, null], OID.jsonb), [{ a: [1, 2] }, null]]
]

const schema = [
  "create table parts (kind text, n int) partition by list (n)",
  ...Arr.makeBy(4, (n) => `create table parts_${n} partition of parts for values in (${n})`),
  "insert into parts select 'k' || g % 4, g % 4 from generate_series(0, 99) g",
  "create table few (n int, state text)",
  "create index few_known on few (n) where state in ('a', 'b', 'c')",
  "create table kept (n int, list text[])",
  "create procedure keep(list text[]) language sql as 'insert into kept values (0, list)'"
]

for (const [backend, api] of backends) {
  const database = DataApiClient.layer().pipe(Layer.provide(api))
  const made = Layer.effectDiscard(
    Effect.flatMap(SqlClient.SqlClient, (sql) =>
      Effect.forEach(schema, (statement) => sql.unsafe(statement), { discard: true })
    )
  ).pipe(Layer.orDie, Layer.provideMerge(database))

  describe(`an array, ${backend}`, () => {
    layer(made)((it) => {
      it.effect("comes back as it was sent, whatever its elements are", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const select = (values: ReadonlyArray<unknown>, cast: string) =>
            sql.unsafe(`select ${values.map((_, at) => `$${at + 1}${cast}`).join(", ")}`, values).values
          for (const cast of ["", "::text[]"]) assert.deepStrictEqual(yield* select(arrays, cast), [arrays])
          const found = yield* select(
            others.map(([parameter]) => parameter),
            ""
          )
          assert.deepStrictEqual(found, [others.map(([, value]) => value)])
          const ids = yield* sql`select ${[id]}::uuid[] as v, ${["1", null]}::int[] as w, (${["a", "b"]})[2] as x`
          assert.deepStrictEqual(ids, [{ v: [id], w: [1, null], x: "b" }])
        })
      )

      it.effect("is known to the planner: it selects partitions, and proves that a partial index may be used", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const plan = (query: Fragment) =>
            Effect.map(sql`explain (costs off) ${query}`.values, (lines) => lines.flat().join("\n"))
          for (const numbers of [[2], [2n], typed([2, null], OID.int4), ["2"]]) {
            const found = yield* plan(sql`select * from parts where n = any(${numbers})`)
            assert.match(found, /parts_2/)
            assert.notMatch(found, /parts_[013]/)
          }
          const states = ["a", "b"]
          yield* sql.withTransaction(
            Effect.gen(function* () {
              yield* sql`set local enable_seqscan = off`
              assert.match(yield* plan(sql`select n from few where n = 1 and state = any(${states})`), /few_known/)
            })
          )
          const rows = sql`select distinct n from parts where n = any(${[1, 3]}) and kind <> all(${["k3", "x,y"]})`
          assert.deepStrictEqual(yield* rows, [{ n: 1 }])
          assert.deepStrictEqual(Arr.fromIterable(yield* Stream.runCollect(rows.stream)), [{ n: 1 }])
        })
      )

      it.effect("is stored by a batch, a call, and rows in which only some arrays hold commas", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const client = yield* DataApiClient
          const lists = Arr.make(["a"], ["a,b", "NULL"], [""], [], null)
          const stored = Effect.map(
            sql<{ list: unknown }>`delete from kept returning list`,
            Arr.map(({ list }) => list)
          )
          const rows = Arr.map(lists, (list, n): Record<string, unknown> => ({ n, list }))
          yield* client.batch("insert into kept values (:n, :list)", rows)
          assert.deepStrictEqual(yield* stored, lists)
          yield* sql`insert into kept ${sql.insert(rows)}`
          assert.deepStrictEqual(yield* stored, lists)
          for (const list of [["a", "b"], ["a,b"]]) {
            yield* sql`call keep(${list})`
            assert.deepStrictEqual(yield* stored, [list])
          }
        })
      )
    })
  })
}
