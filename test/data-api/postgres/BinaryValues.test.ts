/** What PostgreSQL 18 sends for a value (`encode(int4send(-2), 'hex')`), and the field that is read from it. */
import { assert, describe, it } from "@effect/vitest"
import type { Field } from "../../../src/data-api/DataApi.ts"
import * as Binary from "../../../src/data-api/postgres/BinaryValues.ts"

const text = (stringValue: string): Field => ({ stringValue })
const long = (longValue: number | bigint): Field => ({ longValue })
const double = (doubleValue: number): Field => ({ doubleValue })

const int4Array = Binary.array(Binary.int4, "longValues")

const values: ReadonlyArray<readonly [string, Binary.Reader, string, Field | Binary.Unreadable]> = [
  ["bool", Binary.bool, "01", { booleanValue: true }],
  ["bytea", Binary.bytea, "00ff", { blobValue: Uint8Array.of(0, 255) }],
  ["text of several octets a character", Binary.text, "c3bcf09fa689", text("ü🦉")],
  ["int2", Binary.int2, "8000", long(-32_768)],
  ["int4", Binary.int4, "fffffffe", long(-2)],
  ["int8 that a number holds", Binary.int8, "ffe0000000000001", long(-9_007_199_254_740_991)],
  ["int8 beyond 2^53", Binary.int8, "0020000000000001", long(9_007_199_254_740_993n)],
  ["least int8", Binary.int8, "8000000000000000", long(-9_223_372_036_854_775_808n)],
  ["int8 as text", Binary.int8AsText, "0020000000000001", text("9007199254740993")],
  ["oid", Binary.oid, "ffffffff", long(4_294_967_295)],
  ["float4", Binary.float4, "4048f5c3", double(3.14)],
  ["least float4", Binary.float4, "00000001", double(1e-45)],
  ["float8", Binary.float8, "bfb999999999999a", double(-0.1)],
  ["numeric", Binary.numeric, "0003000140000004000109291a2c", text("-12345.6700")],
  ["numeric zero with a scale", Binary.numeric, "0000000000000003", text("0.000")],
  ["small numeric", Binary.numeric, "0001fffe000000080001", text("0.00000001")],
  ["large numeric", Binary.numeric, "00010005000000000001", text("100000000000000000000")],
  ["numeric NaN", Binary.numeric, "00000000c0000000", text("NaN")],
  ["numeric -Infinity", Binary.numeric, "00000000f0000020", text("-Infinity")],
  ["numeric as a number", Binary.numericAsNumber, "0003000140000004000109291a2c", double(-12_345.67)],
  ["large numeric as a number", Binary.numericAsNumber, "00010005000000000001", double(1e20)],
  ["uuid", Binary.uuid, "a0eebc999c0b4ef8bb6d6bb9bd380a11", text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")],
  ["leap day", Binary.date, "00002279", text("2024-02-29")],
  ["date before year 1", Binary.date, "fff49d7b", text("0044-03-15 BC")],
  ["date of five digits", Binary.date, "0039a81f", text("12345-06-07")],
  ["infinite date", Binary.date, "7fffffff", Binary.infinite],
  ["end of the day", Binary.time, "000000141dd76000", text("24:00:00")],
  ["time with microseconds", Binary.time, "00000000dde878c4", text("01:02:03.000004")],
  ["timestamp with milliseconds", Binary.timestamp, "fffffffffff85ee0", text("1999-12-31 23:59:59.500")],
  ["timestamp -infinity", Binary.timestamp, "8000000000000000", Binary.infinite],
  ["last timestamp", Binary.timestamp, "7fffff5bb3b29fff", text("294276-12-31 23:59:59.999999")],
  ["first timestamp", Binary.timestamp, "fd0f7fbdaf17e000", text("4713-01-01 00:00:00 BC")],
  ["mapped inet with a prefix", Binary.inet, "0378001000000000000000000000ffff0a000001", text("::ffff:10.0.0.1/120")],
  ["inet of a host", Binary.inet, "022000040a000001", text("10.0.0.1")],
  ["inet of version 6", Binary.inet, "0380001020010db8000000010000000000000001", text("2001:db8:0:1::1")],
  ["cidr", Binary.cidr, "020801040a000000", text("10.0.0.0/8")],
  ["varbit", Binary.bits, "00000009aa80", text("101010101")],
  ["jsonb without white space", Binary.jsonb, "017b22612062223a205b312c2022632064225d7d", text('{"a b":[1,"c d"]}')],
  ["range", Binary.range(Binary.int4), "0200000004000000010000000400000005", text("[1,5)")],
  ["range without a lower bound", Binary.range(Binary.numeric), "0c0000000c000200000000000100021388", text("(,2.5]")],
  ["empty range", Binary.range(Binary.int4), "01", text("empty")],
  [
    "array with a NULL",
    int4Array,
    "00000001000000010000001700000003000000010000000400000001ffffffff00000004fffffffd",
    { arrayValue: { longValues: [1, null, -3] } }
  ],
  [
    "array of texts",
    Binary.array(Binary.text, "stringValues"),
    "000000010000000100000019000000020000000100000003612262ffffffff",
    { arrayValue: { stringValues: ['a"b', null] } }
  ],
  ["empty array", int4Array, "000000000000000000000017", { arrayValue: { longValues: [] } }],
  [
    "array of two dimensions",
    int4Array,
    "000000020000000000000017000000010000000100000001000000010000000400000001",
    new Binary.Unreadable("multidimensional")
  ],
  [
    "array of numerics as numbers",
    Binary.numericArrayAsNumbers,
    "0000000100000000000006a400000002000000010000000a000100000000000000010000000c000200000000000100021388",
    { arrayValue: { doubleValues: [1, 2.5] } }
  ]
]

describe("a value in binary format", () => {
  for (const [name, read, hex, field] of values) {
    it(`${name} is read wherever it lies in a buffer`, () => {
      const bytes = Buffer.from(hex, "hex")
      for (const before of [0, 3]) {
        const buffer = Uint8Array.from([...Buffer.alloc(before, 0xa5), ...bytes, 0xa5, 0xa5])
        assert.deepStrictEqual(read(buffer, before, bytes.length), field)
      }
    })
  }
})
