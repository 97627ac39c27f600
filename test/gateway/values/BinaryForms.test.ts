/** What PostgreSQL sends for a value (`encode(date_send('1999-12-31'), 'hex')`), and the text that it writes of it. */
import { assert, describe, it } from "@effect/vitest"
import { readBinaryForm, toBinary } from "../../../src/gateway/values/BinaryForms.ts"
import { fromBinary } from "../../../src/gateway/values/ComposedForms.ts"
import { readText } from "../../../src/gateway/values/Utf8.ts"

const CHAR = 18
const FLOAT4 = 700
const FLOAT8 = 701
const DATE = 1082
const TIME = 1083
const TIMESTAMP = 1114
const TIMESTAMPTZ = 1184
const INT4_ARRAY = 1007
const TEXT_ARRAY = 1009

const values: ReadonlyArray<readonly [oid: number, text: string, hex: string]> = [
  [DATE, "2000-01-01", "00000000"],
  [DATE, "1999-12-31", "ffffffff"],
  [DATE, "2020-02-29", "00001cc4"],
  [DATE, "0001-01-01", "fff4dbf9"],
  [DATE, "0001-12-31 BC", "fff4dbf8"],
  [DATE, "0044-03-15 BC", "fff49d7b"],
  [DATE, "5874897-12-31", "7fda970c"],
  [DATE, "infinity", "7fffffff"],
  [DATE, "-infinity", "80000000"],
  [TIME, "00:00:00", "0000000000000000"],
  [TIME, "12:34:56.789", "0000000a8be62608"],
  [TIME, "23:59:59.999999", "000000141dd75fff"],
  [TIME, "24:00:00", "000000141dd76000"],
  [TIME, "00:00:00.000001", "0000000000000001"],
  [TIME, "04:05:06.7", "000000036c966ee0"],
  [TIMESTAMP, "2000-01-01 00:00:00", "0000000000000000"],
  [TIMESTAMP, "1999-12-31 23:59:59.999999", "ffffffffffffffff"],
  [TIMESTAMP, "1970-01-01 00:00:00.5", "fffca2fec4cfc120"],
  [TIMESTAMP, "0001-12-31 23:59:59 BC", "ff1fe2ffc58d1dc0"],
  [TIMESTAMP, "0044-03-15 12:00:00.25 BC", "ff1af9e8fb4aa090"],
  [TIMESTAMP, "294276-12-31 23:59:59.999999", "7fffff5bb3b29fff"],
  [TIMESTAMP, "infinity", "7fffffffffffffff"],
  [TIMESTAMP, "-infinity", "8000000000000000"],
  [TIMESTAMPTZ, "2000-01-01 00:00:00+00", "0000000000000000"],
  [TIMESTAMPTZ, "2020-06-15 07:00:00+00", "00024b18be741c00"],
  [TIMESTAMPTZ, "0044-03-15 10:00:00+00 BC", "ff1af9e74e1f8800"]
]

/** Arrays, with the text that the gateway writes: PostgreSQL reads quoted elements as the same. */
const arrays: ReadonlyArray<readonly [oid: number, text: string, hex: string, written: string]> = [
  [INT4_ARRAY, "{}", "000000000000000000000017", "{}"],
  [
    INT4_ARRAY,
    "{1,NULL,-3}",
    "00000001000000010000001700000003000000010000000400000001ffffffff00000004fffffffd",
    '{"1",NULL,"-3"}'
  ],
  [
    TEXT_ARRAY,
    '{"a b","q\\"\\\\z",NULL,"NULL","",x}',
    "0000000100000001000000190000000600000001000000036120620000000471225c7affffffff000000044e554c4c000000000000000178",
    '{"a b","q\\"\\\\z",NULL,"NULL","","x"}'
  ],
  [
    INT4_ARRAY,
    "{{1,2},{3,4}}",
    "000000020000000000000017000000020000000100000002000000010000000400000001000000040000000200000004000000030000000400000004",
    '{{"1","2"},{"3","4"}}'
  ],
  [
    INT4_ARRAY,
    "[2:3]={5,6}",
    "000000010000000000000017000000020000000200000004000000050000000400000006",
    '[2:3]={"5","6"}'
  ],
  [
    INT4_ARRAY,
    "[-1:0][5:6]={{1,2},{3,4}}",
    "00000002000000000000001700000002ffffffff00000002000000050000000400000001000000040000000200000004000000030000000400000004",
    '[-1:0][5:6]={{"1","2"},{"3","4"}}'
  ],
  [
    TEXT_ARRAY,
    '{"{","}",","}',
    "0000000100000000000000190000000300000001000000017b000000017d000000012c",
    '{"{","}",","}'
  ],
  [
    TEXT_ARRAY,
    "{{{a}}}",
    "0000000300000000000000190000000100000001000000010000000100000001000000010000000161",
    '{{{"a"}}}'
  ]
]

const hexOf = (oid: number, text: string): string => Buffer.from(toBinary(oid, text) ?? "?").toString("hex")

describe("the binary form of dates and times", () => {
  for (const [oid, text, hex] of values) {
    it(`is written as PostgreSQL sends it, and read as the same text: ${text}`, () => {
      assert.strictEqual(hexOf(oid, text), hex)
      assert.strictEqual(readBinaryForm(oid)?.(Buffer.from(hex, "hex"), readText), text)
    })
  }

  it("takes the zone of a timestamp into account, down to its seconds", () => {
    for (const [text, utc] of [
      ["2020-06-15 12:30:00+05:30", "2020-06-15 07:00:00+00"],
      ["2020-06-15 12:30:00-03:30:15", "2020-06-15 16:00:15+00"],
      ["1999-12-31 23:00:00-01", "2000-01-01 00:00:00+00"],
      ["0044-03-15 12:00:00+02 BC", "0044-03-15 10:00:00+00 BC"],
      ["1883-11-18 12:03:58-04:56:02", "1883-11-18 17:00:00+00"]
    ] as const) {
      assert.strictEqual(hexOf(TIMESTAMPTZ, text), hexOf(TIMESTAMPTZ, utc), text)
    }
  })

  it("is none for a text that is no date and no time", () => {
    for (const oid of [DATE, TIME, TIMESTAMP, TIMESTAMPTZ]) assert.isUndefined(toBinary(oid, "today"))
    assert.isUndefined(toBinary(TIMESTAMP, "2020-01-01"))
    assert.isUndefined(toBinary(TIMESTAMP, "12:00:00"))
  })
})

describe("the binary form of an octet and of a float", () => {
  for (const [oid, text, hex] of [
    [CHAR, "a", "61"],
    [CHAR, "\\", "5c"],
    [CHAR, "", "00"],
    [CHAR, "\\351", "e9"],
    [CHAR, "\\200", "80"],
    [FLOAT4, "-0", "80000000"],
    [FLOAT4, "0", "00000000"],
    [FLOAT8, "-0", "8000000000000000"]
  ] as const) {
    it(`is written as PostgreSQL sends it, and read as the same text: ${oid} "${text}"`, () => {
      assert.strictEqual(hexOf(oid, text), hex)
      assert.strictEqual(readBinaryForm(oid)?.(Buffer.from(hex, "hex"), readText), text)
    })
  }

  it("is none for more or less than one octet", () => {
    assert.isUndefined(toBinary(CHAR, "ab"))
    for (const hex of ["", "6161"]) assert.isUndefined(readBinaryForm(CHAR)?.(Buffer.from(hex, "hex"), readText), hex)
  })
})

describe("the binary form of an array", () => {
  for (const [oid, text, hex, written] of arrays) {
    it(`is written as PostgreSQL sends it, and read as a text of the same value: ${text}`, () => {
      assert.strictEqual(hexOf(oid, text), hex)
      assert.strictEqual(fromBinary(oid, Buffer.from(hex, "hex")), written)
    })
  }
})
