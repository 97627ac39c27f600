import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { DataApi, type ExecuteStatementRequest } from "../../../src/data-api/DataApi.ts"
import { decodeAnswer } from "../../../src/data-api/rest-json/ResponseReader.ts"
import { encodeResponse } from "../../../src/data-api/rest-json/ResponseWriter.ts"
import type { EngineRequest } from "../../../src/local/engine/Engine.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { execute, text } from "../calls.ts"
import { contract } from "./contract.ts"

const asJson = (api: DataApi["Service"], request: ExecuteStatementRequest) => {
  const forFront: EngineRequest = { ...request, recordsAsJson: true }
  return api.executeStatement(forFront)
}

/** An engine whose records are written as JSON and read again, as they are for a client of the HTTP front. */
const overText = <E>(engine: Layer.Layer<DataApi, E>): Layer.Layer<DataApi, E> =>
  Layer.effect(
    DataApi,
    Effect.map(DataApi, (api) => ({
      ...api,
      executeStatement: (request) =>
        asJson(api, request).pipe(
          Effect.flatMap((response) => {
            const answer = { status: 200, headers: {}, body: encodeResponse(response), size: 0 }
            return Effect.orDie(Effect.fromResult(decodeAnswer("ExecuteStatement", answer)))
          })
        )
    }))
  ).pipe(Layer.provide(engine))

contract("PGlite", TestDatabase.layer())
contract("PGlite, records as text", overText(TestDatabase.layer()))

const url = TestDatabase.postgresUrl
describe.skipIf(url === undefined)(TestDatabase.onPostgres("PostgreSQL"), () => {
  contract("PostgreSQL", TestDatabase.layerPostgres(url ?? ""))
  contract("PostgreSQL, records as text", overText(TestDatabase.layerPostgres(url ?? "")))
})

layer(TestDatabase.layer())("records as text", (it) => {
  /** The body of a response, from fields and from text. */
  const bodies = (sql: string, value: string) => {
    const body = (recordsAsJson: boolean) =>
      Effect.map(execute(sql, { value: text(value) }, { recordsAsJson }), encodeResponse)
    return Effect.all([body(false), body(true)])
  }

  it.effect.prop(
    "any string is written as its field would be",
    { value: Schema.String },
    ({ value }) =>
      Effect.gen(function* () {
        // PostgreSQL has no text with a null character, and half a surrogate pair is no text in UTF-8.
        const storable = value.replaceAll("\0", "").toWellFormed()
        const [fields, written] = yield* bodies("select :value, repeat(:value, 100), :value", storable)
        assert.strictEqual(written, fields)
      }),
    { arbitrary: { runs: 200 } }
  )

  it.effect.prop(
    "any integer and decimal is written as its field would be",
    { value: Schema.BigInt, scale: Schema.Int },
    ({ scale, value }) =>
      Effect.gen(function* () {
        const sql =
          `select mod(:value::numeric, 32768)::int2, mod(:value::numeric, 2147483648)::int4, ` +
          `mod(:value::numeric, 9223372036854775808)::int8, :value::numeric, ` +
          `:value::numeric * 1e${scale % 40}, round(:value::numeric / 7, ${Math.abs(scale % 30)})`
        const [fields, written] = yield* bodies(sql, String(value))
        assert.strictEqual(written, fields)
      }),
    { arbitrary: { runs: 200 } }
  )

  it.effect("every built-in type is written as its field would be, NULL included, in any number of rows", () =>
    Effect.gen(function* () {
      const values = [
        "true",
        "false",
        "(-32768)::int2",
        "(-2147483648)",
        "(-9223372036854775808)",
        "9007199254740993",
        "4294967295::oid",
        "'NaN'::float8",
        "'-Infinity'::float8",
        "-0.0::float8",
        "0.1::float4",
        "'NaN'::numeric",
        "'Infinity'::numeric",
        "0.000000000000000000001",
        "1e300::numeric",
        "-0.5",
        "'quote \" and \\ and \n'",
        "'\u007f ünï ☕ 🦉'",
        "repeat('long \"text\" ', 100)",
        '\'{"a": [1, "b c"]}\'::jsonb',
        "'\\x00ff'::bytea",
        "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid",
        "'2026-02-28'::date",
        "'0044-03-15 BC'::date",
        "'12345-06-07'::date",
        "'24:00:00'::time",
        "'01:02:03.000004'::time",
        "'1999-12-31 23:59:59.5'::timestamp",
        "'4713-01-01 00:00:00 BC'::timestamptz",
        "'::ffff:10.0.0.1/120'::inet",
        "B'0101'",
        "int4range(1, 5)",
        "array[1, null, 3]",
        "array['a\"b', null]::text[]",
        "'{}'::numeric[]",
        "null::int4",
        "null"
      ]
      for (const limit of [0, 1, 3]) {
        for (const longReturnType of ["LONG", "STRING"] as const) {
          for (const decimalReturnType of ["STRING", "DOUBLE_OR_LONG"] as const) {
            const sql = `select ${values.join(", ")} from generate_series(1, 3) limit ${limit}`
            const resultSetOptions = { decimalReturnType, longReturnType }
            const body = (recordsAsJson: boolean) =>
              Effect.map(execute(sql, {}, { resultSetOptions, recordsAsJson }), encodeResponse)
            assert.strictEqual(yield* body(true), yield* body(false))
          }
        }
      }
    })
  )

  it.effect("a result without columns has rows all the same", () =>
    Effect.gen(function* () {
      const body = (recordsAsJson: boolean) =>
        Effect.map(execute("select from generate_series(1, 2)", {}, { recordsAsJson }), encodeResponse)
      assert.strictEqual(yield* body(true), yield* body(false))
    })
  )

  it.effect("the limit on a result is met at the same octet", () =>
    Effect.gen(function* () {
      // For the row 2, for each of its columns 4, and the uuid and the decimal as text.
      const largest = 1_048_576 - 2 - 4 * 3 - 36 - 5
      const sql = (octets: number) =>
        `select repeat('x', ${octets}), 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, -12.5::numeric`
      for (const recordsAsJson of [false, true]) {
        const run = (octets: number) => execute(sql(octets), {}, { recordsAsJson })
        yield* run(largest)
        assert.strictEqual((yield* Effect.flip(run(largest + 1))).reason._tag, "UnsupportedResult")
      }
    })
  )
})
