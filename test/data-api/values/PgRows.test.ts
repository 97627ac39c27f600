/** Rows as json_populate_recordset reads them: each value as JSON that the column's type takes. */
import { assert, it } from "@effect/vitest"
import { BigDecimal, Result } from "effect"
import { encodeRows, typedParameter } from "../../../src/data-api/values/PgEncode.ts"

const jsonOf = (value: unknown) => {
  const encoded = encodeRows(["member"], ["column"], [{ member: value }])
  return Result.isSuccess(encoded) ? encoded.success[0]?.["column"] : encoded.failure.message
}

const oid = { bool: 16, int8: 20, text: 25, json: 114, jsonb: 3802, int4Array: 1007, date: 1082, unknown: 0, none: 99 }

it("a value is JSON by its own type", () => {
  const values: ReadonlyArray<readonly [value: unknown, json: unknown]> = [
    [null, null],
    [undefined, null],
    ["a", "a"],
    [true, true],
    [7.5, 7.5],
    [Number.NaN, "NaN"],
    [-0, "-0"],
    [2n ** 63n - 1n, "9223372036854775807"],
    [BigDecimal.fromStringUnsafe("1.50"), "1.50"],
    [new Date(0), "1970-01-01 00:00:00.000+00"],
    [Uint8Array.of(1, 255), "\\x01ff"],
    [
      [1, "a", null],
      [1, "a", null]
    ],
    [{ a: { b: [1] } }, { a: { b: [1] } }]
  ]
  for (const [value, json] of values) assert.deepStrictEqual(jsonOf(value), json)
})

it("a typed value is the text of its type, JSON and booleans are as they are, and an unknown type is refused", () => {
  const values: ReadonlyArray<readonly [type: keyof typeof oid, value: unknown, json: unknown]> = [
    ["text", null, null],
    ["text", undefined, null],
    ["bool", false, false],
    ["int8", 5n, "5"],
    ["text", "a", "a"],
    ["unknown", "a", "a"],
    ["json", { a: 1 }, { a: 1 }],
    ["jsonb", [1, { a: 1 }], [1, { a: 1 }]],
    ["int4Array", [1, null, undefined, 2], ["1", null, null, "2"]],
    ["date", "2026-02-28", "2026-02-28"],
    ["none", "a", "in row 0, no type name is known for the object id 99"]
  ]
  for (const [type, value, json] of values) assert.deepStrictEqual(jsonOf(typedParameter(oid[type], value)), json, type)
})
