/** Each type takes the values that PostgreSQL's type has, in a parameter, in an array and in a row, and no others. */
import { PgTypes } from "@effect/sql-pg"
import { assert, it } from "@effect/vitest"
import { BigDecimal, Result } from "effect"
import type { Field } from "../../../src/data-api/DataApi.ts"
import { encode, encodeRows, typedParameter } from "../../../src/data-api/values/PgEncode.ts"
import { pgTypeByName } from "../../../src/data-api/values/PgOids.ts"

const typed = (type: string, value: unknown) => typedParameter(pgTypeByName.get(type)?.oid ?? 0, value)

const messageOf = (result: Result.Result<unknown, { readonly message: string }>): string =>
  Result.isFailure(result) ? result.failure.message : "accepted"

/** What becomes of a value of a type, wherever it is. */
const verdicts = (type: string, value: unknown): ReadonlyArray<string> => [
  messageOf(encode([typed(type, value)])),
  messageOf(encode([[typed(type, value)]])),
  messageOf(encodeRows(["a"], ["a"], [{ a: typed(type, value) }])).replace("in row 0, ", "")
]

const interval = (months: number, days: number, microseconds: bigint) => ({ months, days, microseconds })

const types: ReadonlyArray<
  readonly [type: string, taken: ReadonlyArray<unknown>, refused: ReadonlyArray<unknown>, why: string]
> = [
  [
    "int2",
    [-32768, 0, 32767],
    [-32769, 32768, 0.5, "1", 1n, true],
    "a int2 parameter takes an integer from -32768 to 32767"
  ],
  [
    "int4",
    [-2147483648, 2147483647],
    [-2147483649, 2147483648, 0.5, Number.NaN, "1", 1n],
    "a int4 parameter takes an integer from -2147483648 to 2147483647"
  ],
  ["oid", [0, 4294967295], [-1, 4294967296, 0.5], "a oid parameter takes an integer from 0 to 4294967295"],
  ["regclass", [0, 4294967295], [-1, 4294967296], "a regclass parameter takes an integer from 0 to 4294967295"],
  [
    "int8",
    [-(2n ** 63n), 0n, 2n ** 63n - 1n],
    [-(2n ** 63n) - 1n, 2n ** 63n, 1, "1"],
    "an int8 parameter takes a bigint from -2^63 to 2^63 - 1"
  ],
  ["float4", [0.5, -0, Number.NaN, Infinity], ["1"], "a float4 parameter takes a number, not a string"],
  ["float8", [0.5, -0, Number.NaN, -Infinity], [1n], "a float8 parameter takes a number, not a bigint"],
  ["bytea", [new Uint8Array(2), new Int8Array(2)], ["\\x00", [1]], "a bytea parameter takes a Uint8Array"],
  ["date", ["2026-01-01"], [new Date(0)], "a date parameter takes a string, not a object"],
  [
    "time",
    [0n, 86_400_000_000n],
    [-1n, 86_400_000_001n],
    "a time parameter takes microseconds from 0 to 86,400,000,000"
  ],
  [
    "timestamptz",
    [new Date(8.64e15), new Date(-8.64e15), 0.5, Infinity],
    [new Date(Number.NaN), Number.NaN, "2026-01-01"],
    "a timestamp parameter takes a valid Date or a number"
  ],
  ["timestamp", [8.64e15], [8.64e15 + 2, -8.64e15 - 2], "the timestamp parameter is outside what a Date can hold"],
  [
    "interval",
    [interval(-2147483648, 2147483647, -(2n ** 63n)), interval(2147483647, -2147483648, 2n ** 63n - 1n)],
    ["1 day", { months: 1, days: 1 }, { months: 1, microseconds: 1n }, { days: 1, microseconds: 1n }, 1],
    "an interval parameter takes { months, days, microseconds }"
  ],
  [
    "interval",
    [interval(0, 0, 0n)],
    [interval(2147483648, 0, 0n), interval(-2147483649, 0, 0n), interval(0.5, 0, 0n)],
    "a interval's months parameter takes an integer from -2147483648 to 2147483647"
  ],
  [
    "interval",
    [interval(0, 0, 0n)],
    [interval(0, 2147483648, 0n), interval(0, -2147483649, 0n)],
    "a interval's days parameter takes an integer from -2147483648 to 2147483647"
  ],
  ["text", ["", "😀"], [1], "a text parameter takes a string, not a number"],
  ["text", ["a"], ["a\u0000"], "PostgreSQL text can't hold the character U+0000"],
  ["text", ["a"], ["\ud83d", "\ude00a"], "PostgreSQL text can't hold half of a surrogate pair"]
]

it("each type takes the values that PostgreSQL's has, and refuses others with what it takes", () => {
  for (const [type, taken, refused, why] of types) {
    for (const value of taken) assert.deepStrictEqual(verdicts(type, value), ["accepted", "accepted", "accepted"], type)
    for (const value of refused)
      assert.deepStrictEqual(verdicts(type, value), [why, why, why], `${type} ${String(value)}`)
  }
})

it("a boolean is no text, and JSON is anything that has a JSON form", () => {
  assert.deepStrictEqual(verdicts("bool", "t").slice(0, 2), Array(2).fill("a bool parameter takes a boolean"))
  for (const value of [null, "a", 1.5, [1, [2]], { a: { b: null } }]) {
    assert.strictEqual(messageOf(encode([typed("jsonb", value)])), "accepted")
  }
  assert.strictEqual(messageOf(encode([typed("json", () => 1)])), "the value has no JSON form")
})

const fieldOf = (value: unknown): readonly [type: string, field: Field] => {
  const [parameter] = Result.getOrThrow(encode([value]))
  assert(parameter !== undefined)
  return [parameter._tag === "Typed" ? parameter.type : parameter._tag, parameter.value]
}

it("a number has the narrowest type that holds it exactly, which is the one of sql-pg", () => {
  const types = [
    [-2147483648, "int4"],
    [2147483647, "int4"],
    [-2147483649, "int8"],
    [2147483648, "int8"],
    [2 ** 53 - 1, "int8"],
    [2 ** 53, "float8"],
    [-(2 ** 53), "float8"],
    [0.5, "float8"],
    [Infinity, "float8"]
  ] as const
  for (const [value, type] of types) assert.strictEqual(fieldOf(value)[0], type, String(value))
})

it("a value that JSON or a double would round, or does not have, travels as text", () => {
  const fields: ReadonlyArray<readonly [value: unknown, type: string, field: Field]> = [
    [2n ** 53n - 1n, "int8", { longValue: 2 ** 53 - 1 }],
    [-(2n ** 53n), "int8", { stringValue: "-9007199254740992" }],
    [Infinity, "float8", { stringValue: "Infinity" }],
    [typed("float8", -0), "float8", { stringValue: "-0" }],
    [typed("float8", 0), "float8", { doubleValue: 0 }],
    [typed("float4", 0.1), "float4", { doubleValue: Math.fround(0.1) }],
    [typed("float4", 1e300), "float4", { stringValue: "Infinity" }],
    [[typed("float8", -0), 0.5, Number.NaN], "float8[]", { stringValue: '{"-0","0.5","NaN"}' }],
    [[typed("float4", 0.1)], "float4[]", { stringValue: `{"${Math.fround(0.1)}"}` }],
    [[true, null, undefined, false], "bool[]", { stringValue: '{"true",NULL,NULL,"false"}' }],
    [[Uint8Array.of(0, 255), Int8Array.of(-1)], "bytea[]", { stringValue: '{"\\\\x00ff","\\\\xff"}' }],
    [[{ a: '"' }], "jsonb[]", { stringValue: '{"{\\"a\\":\\"\\\\\\"\\"}"}' }],
    [[BigDecimal.fromStringUnsafe("1.50"), null], "numeric[]", { stringValue: '{"1.50",NULL}' }]
  ]
  for (const [value, type, field] of fields) assert.deepStrictEqual(fieldOf(value), [type, field])
})

it("the type of an array is that of its elements, and where none is known the statement's", () => {
  const arrays: ReadonlyArray<readonly [value: unknown, type: string, field: Field]> = [
    [[typedParameter(0, "a"), "b", null], "TextArray", { stringValue: '{"a","b",NULL}' }],
    [[PgTypes.text("a"), "b"], "text[]", { stringValue: '{"a","b"}' }],
    [[PgTypes.uuid("a"), PgTypes.uuid(null), null], "uuid[]", { stringValue: '{"a",NULL,NULL}' }],
    [[1, PgTypes.int4(2)], "int4[]", { stringValue: '{"1","2"}' }],
    [typedParameter(1007, [1, null, 2]), "int4[]", { stringValue: '{"1",NULL,"2"}' }],
    [typedParameter(1007, null), "int4[]", { isNull: true }],
    [typedParameter(1002, ["a"]), '"char"[]', { stringValue: '{"a"}' }],
    [typed("bit", "1"), '"bit"', { stringValue: "1" }],
    [typedParameter(0, "a"), "Text", { stringValue: "a" }],
    [typedParameter(0, null), "Null", { isNull: true }]
  ]
  for (const [value, type, field] of arrays) assert.deepStrictEqual(fieldOf(value), [type, field])
  const refusals: ReadonlyArray<readonly [value: unknown, why: string]> = [
    [[[1]], "an array parameter can't be nested"],
    [[1, "a"], "the elements of an array parameter are of different types, int4 and text"],
    [[1, PgTypes.int8(1n)], "the elements of an array parameter are of different types, int4 and int8"],
    [[null, undefined], "an array with only NULL elements has no known type: use a typed array parameter"],
    [[PgTypes.int4(null)], "an array with only NULL elements has no known type: use a typed array parameter"],
    [[typedParameter(99, 1)], "no array type is known for the object id 99"],
    [typedParameter(99, 1), "no type name is known for the object id 99; send text and cast it in the statement"],
    [typedParameter(1007, "{1}"), "a int4[] parameter takes an array"],
    [typedParameter(23, undefined), "a value with a type can't be undefined; null is NULL"]
  ]
  for (const [value, why] of refusals) assert.strictEqual(messageOf(encode([value])), why)
})

it("a refusal names what is no value of PostgreSQL's, and in which row it is", () => {
  class Money {}
  const kinds: ReadonlyArray<readonly [value: unknown, kind: string]> = [
    [new Money(), "class instance"],
    [() => 1, "function"],
    [Symbol("a"), "symbol"]
  ]
  for (const [value, kind] of kinds) {
    assert.isTrue(
      messageOf(encode([value])).startsWith(`a ${kind} has no PostgreSQL type: send a string, number,`),
      kind
    )
    const rows = [{ a: 1 }, { a: 2 }, { a: value }]
    assert.isTrue(messageOf(encodeRows(["a"], ["a"], rows)).startsWith(`in row 2, a ${kind} has no PostgreSQL type`))
  }
  assert.strictEqual(fieldOf(Object.create(null))[0], "jsonb")
})
