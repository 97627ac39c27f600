/** PostgreSQL itself says what its octets mean: each type's send function beside the type's own text. */
import { assert, it, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { type ArrayValue, DataApi } from "../../../src/data-api/DataApi.ts"
import * as Binary from "../../../src/data-api/postgres/BinaryValues.ts"
import * as TestDatabase from "../../TestDatabase.ts"

/** Fractions have three digits where milliseconds suffice, else six. */
const fractions = (text: string): string =>
  text.replace(/\.(\d+)/, (_, digits: string) => `.${digits.padEnd(digits.length <= 3 ? 3 : 6, "0")}`)

const same = (text: string): string => text

interface Case {
  readonly type: string
  readonly send: string
  readonly read: Binary.Reader
  readonly values: ReadonlyArray<string>
  readonly spelled?: (text: string) => string
}

const dates =
  "2000-01-01 1999-12-31 2000-02-29 1900-02-28 1900-03-01 2100-02-28 2100-03-01 2024-02-29 2024-12-31 0001-01-01 9999-12-31 10000-01-01 294276-12-31 1600-02-29"
    .split(" ")
    .concat("0001-12-31 BC", "0044-03-15 BC", "4713-01-01 BC", "0001-02-29 BC")
const moments = ["00:00:00", "23:59:59.999999", "12:34:56.5", "01:02:03.004", "00:00:00.000001", "10:20:30.123456"]

const cases: ReadonlyArray<Case> = [
  {
    type: "numeric",
    send: "numeric_send",
    read: Binary.numeric,
    values:
      "0 1 -1 9999 10000 10001 -0.5 0.0001 0.00001 1.10 100000000 123456789.123456789 -99999999.99990000 1e40 1e-30 0.00 12345678901234567890.5 NaN Infinity -Infinity".split(
        " "
      )
  },
  {
    type: "uuid",
    send: "uuid_send",
    read: Binary.uuid,
    values: [
      "00000000-0000-0000-0000-000000000000",
      "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
      "ffffffff-ffff-ffff-ffff-ffffffffffff"
    ]
  },
  {
    type: "inet",
    send: "inet_send",
    read: Binary.inet,
    values:
      "192.168.0.1 10.0.0.0/8 0.0.0.0/0 ::1 :: ::/0 2001:db8::1 2001:db8::/32 1:2:3:4:5:6:7:8 1:0:0:4:0:0:0:8 1:0:3:4:5:6:7:8 ::ffff:1.2.3.4 ::1.2.3.4 ::2:3:4:5:6:7 1:2:3:4:5:6::".split(
        " "
      )
  },
  {
    type: "cidr",
    send: "cidr_send",
    read: Binary.cidr,
    values: "192.168.0.1/32 10.0.0.0/8 2001:db8::/32 ::1/128".split(" ")
  },
  {
    type: "varbit",
    send: "varbit_send",
    read: Binary.bits,
    values: ["", "1", "0", "10000000", "101010101", "0000000000000001"]
  },
  { type: "date", send: "date_send", read: Binary.date, values: dates },
  { type: "time", send: "time_send", read: Binary.time, values: [...moments, "24:00:00"], spelled: fractions },
  {
    type: "timestamp",
    send: "timestamp_send",
    read: Binary.timestamp,
    values: dates.flatMap((date) => moments.map((moment) => date.replace(/( BC)?$/, ` ${moment}$1`))),
    spelled: fractions
  },
  {
    type: "int4range",
    send: "range_send",
    read: Binary.range(Binary.int4),
    values: ["empty", "[1,5)", "[-3,)", "(,7)", "(,)"]
  },
  {
    type: "numrange",
    send: "range_send",
    read: Binary.range(Binary.numeric),
    values: ["empty", "[1.5,2.50]", "(1.5,2)", "(,-7.0]", "[0,)"]
  },
  { type: "text", send: "textsend", read: Binary.text, values: ["", "a", "é😀"] }
]

const string = (field: unknown): string =>
  typeof field === "object" && field !== null && "stringValue" in field
    ? String(field.stringValue)
    : JSON.stringify(field)

layer(Layer.suspend(() => TestDatabase.layer()))((it) => {
  for (const { read, send, spelled = same, type, values } of cases) {
    it.effect(`${type} is read as PostgreSQL writes it, wherever it lies`, () =>
      Effect.gen(function* () {
        const api = yield* DataApi
        const { records = [] } = yield* api.executeStatement({
          sql: `select ${send}(v::${type}), format('%s', v::${type}) from unnest(string_to_array(:values, '|')) with ordinality u(v, n) order by n`,
          parameters: [{ name: "values", value: { stringValue: values.join("|") } }]
        })
        assert.strictEqual(records.length, values.length)
        for (const [octets, text] of records) {
          assert(octets !== undefined && "blobValue" in octets)
          const size = octets.blobValue.length
          const padded = Uint8Array.of(255, 7, 9, ...octets.blobValue, 255, 1)
          assert.strictEqual(string(read(octets.blobValue, 0, size)), spelled(string(text)), string(text))
          assert.strictEqual(string(read(padded, 3, size)), spelled(string(text)), `${string(text)} at an offset`)
        }
      })
    )
  }
})

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"))
const read = (reader: Binary.Reader, hex: string) => reader(bytes(hex), 0, bytes(hex).length)

it("integers are exact, bigints where a number would round", () => {
  assert.deepStrictEqual(read(Binary.int2, "8000"), { longValue: -32_768 })
  assert.deepStrictEqual(read(Binary.int4, "7fffffff"), { longValue: 2_147_483_647 })
  assert.deepStrictEqual(read(Binary.oid, "ffffffff"), { longValue: 4_294_967_295 })
  const longs: ReadonlyArray<readonly [string, number | bigint]> = [
    ["0000000000000000", 0],
    ["ffffffffffffffff", -1],
    ["00000001 00000000", 4_294_967_296],
    ["001fffff ffffffff", 9_007_199_254_740_991],
    ["00200000 00000000", 9_007_199_254_740_992n],
    ["00200000 00000001", 9_007_199_254_740_993n],
    ["7fffffff ffffffff", 9_223_372_036_854_775_807n],
    ["80000000 00000000", -9_223_372_036_854_775_808n]
  ]
  for (const [hex, longValue] of longs) {
    assert.deepStrictEqual(read(Binary.int8, hex), { longValue })
    assert.deepStrictEqual(read(Binary.int8AsText, hex), { stringValue: String(longValue) })
  }
})

it("a float4 is the shortest decimal that reads back as it", () => {
  for (const value of [3.14, 0.1, 1e-10, 16_777_216, 1.1754944e-38, 1e-45, -2.5, 1e38, 0, 123456.79]) {
    const octets = Buffer.alloc(4)
    octets.writeFloatBE(value)
    assert.deepStrictEqual(Binary.float4(octets, 0, 4), { doubleValue: value })
  }
  assert.deepStrictEqual(read(Binary.float4, "7fc00000"), { doubleValue: Number.NaN })
  assert.deepStrictEqual(read(Binary.float4, "ff800000"), { doubleValue: Number.NEGATIVE_INFINITY })
})

it("JSON loses the white space between its tokens, and none within its texts", () => {
  const compact = (text: string) => string(Binary.json(Buffer.from(text), 0, Buffer.byteLength(text)))
  assert.strictEqual(compact('{ "a b" :\n[1,\t"c \\" d", "\\\\"  ]\r}'), '{"a b":[1,"c \\" d","\\\\"]}')
  assert.strictEqual(compact('"é  "'), '"é  "')
  assert.strictEqual(string(read(Binary.jsonb, "01 5b 31 5d")), "[1]")
})

it("infinite times and arrays of several dimensions can't be read", () => {
  const unreadable: ReadonlyArray<readonly [Binary.Reader, string, string]> = [
    [Binary.date, "7fffffff", "infinite"],
    [Binary.date, "80000000", "infinite"],
    [Binary.timestamp, "7fffffffffffffff", "infinite"],
    [Binary.timestamp, "8000000000000000", "infinite"],
    [
      Binary.array(Binary.int4, "longValues"),
      "00000002 00000000 00000017 00000001 00000001 00000001 00000001",
      "multidimensional"
    ],
    [
      Binary.array(Binary.date, "stringValues"),
      "00000001 00000000 0000043a 00000001 00000001 00000004 7fffffff",
      "infinite"
    ]
  ]
  for (const [reader, hex, kind] of unreadable) {
    const value = read(reader, hex)
    assert(value instanceof Binary.Unreadable)
    assert.strictEqual(value.kind, kind)
  }
})

it("an array holds its elements in their member, and NULL as null", () => {
  const of = (...elements: ReadonlyArray<string>) =>
    `00000001 00000001 00000000 ${elements.length.toString(16).padStart(8, "0")} 00000001 ${elements.join(" ")}`
  const arrays: ReadonlyArray<readonly [Binary.Reader, string, ArrayValue]> = [
    [Binary.array(Binary.int4, "longValues"), "00000000 00000000 00000017", { longValues: [] }],
    [
      Binary.array(Binary.int4, "longValues"),
      of("00000004 00000007", "ffffffff", "00000004 fffffffe"),
      { longValues: [7, null, -2] }
    ],
    [Binary.array(Binary.bool, "booleanValues"), of("00000001 01", "00000001 00"), { booleanValues: [true, false] }],
    [Binary.array(Binary.float8, "doubleValues"), of("00000008 3ff8000000000000"), { doubleValues: [1.5] }],
    [Binary.array(Binary.text, "stringValues"), of("00000000", "00000001 61"), { stringValues: ["", "a"] }]
  ]
  for (const [reader, hex, arrayValue] of arrays) assert.deepStrictEqual(read(reader, hex), { arrayValue })
})

it("a numeric asked for as a number is a long without a scale, else a double", () => {
  // Groups, weight, sign, scale, then the groups of four digits.
  const numbers: ReadonlyArray<readonly [string, object]> = [
    ["0001 0000 0000 0000 0007", { longValue: 7 }],
    ["0001 0000 4000 0000 0007", { longValue: -7 }],
    ["0001 0000 0000 0001 0007", { doubleValue: 7 }],
    ["0001 ffff 0000 0001 1388", { doubleValue: 0.5 }],
    ["0001 0004 0000 0000 0384", { longValue: 9_000_000_000_000_000_000n }],
    ["0001 0004 0000 0000 03e8", { doubleValue: 1e19 }]
  ]
  for (const [hex, value] of numbers) assert.deepStrictEqual(read(Binary.numericAsNumber, hex), value, hex)
  const array = (...elements: ReadonlyArray<string>) =>
    read(
      Binary.numericArrayAsNumbers,
      `00000001 00000001 000006a4 ${elements.length.toString(16).padStart(8, "0")} 00000001 ${elements.map((one) => `0000000a ${one}`).join(" ")}`
    )
  const [seven = "", , sevenPointZero = ""] = numbers.map(([hex]) => hex)
  assert.deepStrictEqual(array(seven, seven), { arrayValue: { longValues: [7, 7] } })
  assert.deepStrictEqual(array(seven, sevenPointZero), { arrayValue: { doubleValues: [7, 7] } })
})
