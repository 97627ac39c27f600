/** What tells this engine from a plain PostgreSQL, one line each: the marks by which clients know the service. */
import { assert, describe, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { DataApi } from "../../src/data-api/DataApi.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { batch, begin, commit, execute, failure, query, refused, rollback, scalar, text } from "./calls.ts"

const checklist = <E>(engine: string, database: Layer.Layer<DataApi, E>): void =>
  layer(database, { timeout: "60 seconds" })(engine, (it) => {
    it.effect("dollar quotes are rewritten: $$a :b c$$ without parameters returns `a $1 c`", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* scalar("SELECT $$a :b c$$"), { stringValue: "a $1 c" })
      })
    )
    it.effect("an array slice [1:2] fails with 42601 near $1", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* refused("SELECT (ARRAY[1,2,3])[1:2]"), [
          "DatabaseError",
          'ERROR: syntax error at or near "$1"; Position: 24; SQLState: 42601'
        ])
        assert.deepStrictEqual(yield* scalar("SELECT (ARRAY[1,2,3])[1 : 2]"), { arrayValue: { longValues: [1, 2] } })
      })
    )
    it.effect("the same name twice in GROUP BY fails with 42803", () =>
      Effect.gen(function* () {
        yield* execute("create table visits (at timestamptz)")
        const sql = "select date_trunc(:u, at), count(*) from visits group by date_trunc(:u, at)"
        assert.match((yield* refused(sql, { u: text("day") }))[1], /SQLState: 42803$/)
      })
    )
    it.effect("uuid = text fails with 42883: hint, then position, then SQLSTATE, and no detail", () =>
      Effect.gen(function* () {
        yield* execute("create table keyed (id uuid)")
        assert.match(
          (yield* refused("select * from keyed where id = :s", { s: text("x") }))[1],
          /^ERROR: operator does not exist: uuid = text; Hint: .*; Position: 30; SQLState: 42883$/
        )
      })
    )
    it.effect('"char" can\'t be returned, but zero rows of it can, with metadata', () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* refused("SELECT 'x'::\"char\""), [
          "UnsupportedResult",
          'The result contains the unsupported data type "CHAR".'
        ])
        const empty = yield* execute("SELECT 'x'::\"char\" WHERE false", {}, { includeResultMetadata: true })
        assert.deepStrictEqual(empty.records, [])
        assert.deepStrictEqual(
          empty.columnMetadata?.map(({ typeName }) => typeName),
          ["char"]
        )
      })
    )
    it.effect("timestamptz prints UTC without an offset, with 0, 3 or 6 digits of fraction", () =>
      Effect.gen(function* () {
        const [record] = yield* query(
          "SELECT '2024-01-02 03:04:05+02'::timestamptz, '2024-01-02 03:04:05.8+00'::timestamptz, '2024-01-02 03:04:05.8551+00'::timestamptz"
        )
        assert.deepStrictEqual(
          record,
          ["2024-01-02 01:04:05", "2024-01-02 03:04:05.800", "2024-01-02 03:04:05.855100"].map((stringValue) => ({
            stringValue
          }))
        )
      })
    )
    it.effect("'infinity'::timestamptz is an internal failure with an empty message", () =>
      Effect.gen(function* () {
        const reason = yield* failure(execute("SELECT 'infinity'::timestamptz"))
        assert.deepInclude(reason, { _tag: "InternalServerError", code: "InternalFailure", message: "" })
      })
    )
    it.effect("two statements are refused, one trailing semicolon is fine", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* refused("SELECT 1; SELECT 2"), [
          "Validation",
          "Multistatements aren't supported."
        ])
        assert.deepStrictEqual(yield* scalar("SELECT 1;"), { longValue: 1 })
      })
    )
    it.effect("a schema is refused", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* refused("SELECT 1", {}, { schema: "public" }), [
          "Validation",
          "The schema parameter isn't supported"
        ])
      })
    )
    it.effect("of two calls at once on one transaction, one fails because a query is running", () =>
      Effect.gen(function* () {
        const transactionId = yield* begin
        const call = Effect.result(execute("select pg_sleep(0.01)::text", {}, { transactionId }))
        const outcomes = yield* Effect.all([call, call], { concurrency: "unbounded" })
        const failures = outcomes.flatMap((outcome) => (outcome._tag === "Failure" ? [outcome.failure.reason] : []))
        assert.deepStrictEqual(
          failures.map(({ _tag, message }) => [_tag, message]),
          [["TransactionBusy", "Transaction is still running a query"]]
        )
        yield* rollback(transactionId)
      })
    )
    it.effect("after an error in a transaction: 25P02, the id stays valid, a savepoint repairs", () =>
      Effect.gen(function* () {
        const transactionId = yield* begin
        const inside = { transactionId }
        yield* execute("savepoint s", {}, inside)
        yield* refused("select 1/0", {}, inside)
        assert.deepStrictEqual(yield* refused("select 1", {}, inside), [
          "DatabaseError",
          "ERROR: current transaction is aborted, commands ignored until end of transaction block; SQLState: 25P02"
        ])
        yield* execute("rollback to savepoint s", {}, inside)
        assert.deepStrictEqual(yield* scalar("select 1", {}, inside), { longValue: 1 })
        yield* commit(transactionId)
      })
    )
    it.effect("SET search_path does not reach the next call, and inside a transaction it does", () =>
      Effect.gen(function* () {
        const show = "show search_path"
        const changed = { stringValue: "elsewhere" }
        yield* execute("set search_path = elsewhere")
        assert.notDeepEqual(yield* scalar(show), changed)
        const transactionId = yield* begin
        yield* execute("set search_path = elsewhere", {}, { transactionId })
        assert.deepStrictEqual(yield* scalar(show, {}, { transactionId }), changed)
        yield* commit(transactionId)
        assert.notDeepEqual(yield* scalar(show), changed)
      })
    )
    it.effect("a serial column is of type serial and increments by itself", () =>
      Effect.gen(function* () {
        yield* execute("create table numbered (id serial)")
        const { columnMetadata = [] } = yield* execute("select id from numbered", {}, { includeResultMetadata: true })
        assert.deepInclude(columnMetadata[0], { typeName: "serial", isAutoIncrement: true })
      })
    )
    it.effect("24,800 uuids fit into a result and 25,000 do not; 522 times 1000 é fit and 523 do not", () =>
      Effect.gen(function* () {
        const uuids = "select 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid from generate_series(1, "
        assert.lengthOf(yield* query(`${uuids}24800)`), 24_800)
        const tooLarge = ["UnsupportedResult", "The result exceeds the size limit 1 MB."] as const
        assert.deepStrictEqual(yield* refused(`${uuids}25000)`), tooLarge)
        const letters = "select repeat('é', 1000) from generate_series(1, "
        assert.lengthOf(yield* query(`${letters}522)`), 522)
        assert.deepStrictEqual(yield* refused(`${letters}523)`), tooLarge)
        assert.deepStrictEqual(yield* refused("select repeat('x', 1000000) from generate_series(1, 40)"), tooLarge)
      })
    )
    it.effect("DDL and INSERT answer with empty generatedFields and without records", () =>
      Effect.gen(function* () {
        for (const sql of ["create table bare (id int)", "insert into bare values (1)"]) {
          const answer = yield* execute(sql)
          assert.deepStrictEqual(answer.generatedFields, [])
          assert.notProperty(answer, "records")
        }
      })
    )
    it.effect("a batch with RETURNING answers with empty generatedFields for each set", () =>
      Effect.gen(function* () {
        yield* execute("create table returned (id serial)")
        assert.deepStrictEqual(yield* batch("insert into returned default values returning id", [{}, {}]), {
          updateResults: [{ generatedFields: [] }, { generatedFields: [] }]
        })
      })
    )
    it.effect("the JSON format has no metadata although it is asked for", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(
          yield* execute("select 1 as a", {}, { formatRecordsAs: "JSON", includeResultMetadata: true }),
          { formattedRecords: '[{"a":1}]', numberOfRecordsUpdated: 0 }
        )
      })
    )
  })

checklist("PGlite", TestDatabase.layer())

const url = TestDatabase.postgresUrl
describe.skipIf(url === undefined)(TestDatabase.onPostgres("PostgreSQL checklist"), () => {
  checklist("PostgreSQL", TestDatabase.layerPostgres(url ?? ""))
})
