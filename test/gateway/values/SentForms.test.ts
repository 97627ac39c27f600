/** PostgreSQL itself says what the octets of a value are, and what the text that is read from them means to it. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DataApi, type Field } from "../../../src/data-api/DataApi.ts"
import { isWritten, toBinary } from "../../../src/gateway/values/BinaryForms.ts"
import { fromBinary, isReadable } from "../../../src/gateway/values/ComposedForms.ts"
import type { TypeShapes } from "../../../src/gateway/values/TypeShape.ts"
import * as TestDatabase from "../../TestDatabase.ts"

const numerics =
  "0 1 -1 9999 10000 10001 -10000 0.5 -0.5 0.0001 0.00001 0.00010001 1.10 0.00 100000000 99990000.0000 123456789.123456789 -99999999.99990000 12345678901234567890.5 NaN Infinity -Infinity"
    .split(" ")
    .concat(`1${"0".repeat(40)}`, `0.${"0".repeat(30)}1`)
const moments = [
  "2000-01-01 00:00:00",
  "1999-12-31 23:59:59.999999",
  "0044-03-15 12:34:56.7 BC",
  "infinity",
  "-infinity"
]

/** By type: values whose text is PostgreSQL's own. */
const types: Readonly<Record<string, ReadonlyArray<string>>> = {
  bool: ["true", "false"],
  bytea: ["\\x", "\\x00ff5c7f"],
  '"char"': ["a", ""],
  name: ["pg_class"],
  int2: ["-32768", "0", "32767"],
  int4: ["-2147483648", "-1", "2147483647"],
  int8: ["-9223372036854775808", "-1", "9223372036854775807"],
  oid: ["0", "4294967295"],
  float4: ["0", "-0", "0.1", "3.4028235e+38", "1e-45", "1e-05", "123456", "1e+06", "NaN", "Infinity", "-Infinity"],
  float8: [
    "0",
    "-0",
    "0.1",
    "1.7976931348623157e+308",
    "5e-324",
    "1e+21",
    "123456789012345",
    "1e-07",
    "NaN",
    "-Infinity"
  ],
  text: ["", "a", "é😀", "NULL", "{,}"],
  bpchar: ["a "],
  varchar: ["ab"],
  json: ['{"b": 1, "a": [ ]}'],
  jsonb: ['{"a": [], "b": 1.50}', "null"],
  uuid: ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
  numeric: numerics,
  date: ["2000-01-01", "1999-12-31", "0001-12-31 BC", "5874897-12-31", "infinity", "-infinity"],
  time: ["00:00:00", "12:34:56.5", "23:59:59.999999", "24:00:00"],
  timestamp: moments,
  timestamptz: moments,
  "int4[]": ["{}", "{1,NULL,-3}", "{{1,2},{3,4}}", "[2:3]={5,6}", "[-1:0][5:6]={{1,2},{3,4}}"],
  "text[]": ['{"a b","q\\"\\\\z",NULL,"NULL","",x}', '{"{","}",","}', "{{{a}}}"],
  "numeric[]": ["{1.50,-0.001,NaN}"],
  "bool[]": ["{t,f}"],
  "timestamptz[]": ['{"1999-12-31 23:59:59.999999",infinity}'],
  "bytea[]": ['{"\\\\x00ff"}'],
  tid: ["(42,7)"],
  xid: ["4294967295"],
  xid8: ["18446744073709551615"],
  point: ["(1.5,-2)", "(-0,Infinity)"],
  lseg: ["[(1,2),(3,4)]"],
  path: ["[(1,2),(3,4)]", "((1,2),(3,4))"],
  box: ["(3,4),(1,2)"],
  "box[]": ["{(3,4),(1,2);(7,8),(5,6)}"],
  polygon: ["((1,2),(3,4),(5,6))"],
  line: ["{1,-2,3.5}"],
  circle: ["<(1,2),3>"],
  inet: ["10.0.0.1", "10.0.0.1/8", "::1", "2001:db8::/32", "::ffff:1.2.3.4"],
  cidr: ["10.1.0.0/16", "2001:db8::/32", "::/0"],
  macaddr: ["08:00:2b:01:02:03"],
  macaddr8: ["08:00:2b:01:02:03:04:05"],
  money: ["$0.00", "-$0.05", "$1,234.56", "-$92,233,720,368,547,758.08"],
  interval: [
    "00:00:00",
    "1 year 2 mons -3 days +04:05:06.789",
    "-5 mons +40 days -00:00:00.5",
    "infinity",
    "-infinity"
  ],
  "interval[]": ['{"1 day",-infinity}'],
  timetz: ["04:05:06.789-03:30", "04:05:06+05:30:15", "24:00:00+00"],
  bit: ["1"],
  varbit: ["", "1", "10000000", "101010101"],
  tsvector: ["'a' 'b':1 'it''s':2A,3B,16383C '\\\\':1"],
  jsonpath: ['$."a"[*]'],
  pg_lsn: ["16/B374D848", "0/0"],
  xml: ["<a/>"],
  int4range: ["empty", "[1,5)", "[-3,)", "(,7)", "(,)"],
  numrange: ["(1.5,2.50]", "[0,)"],
  tsrange: ['["2000-01-01 00:00:00","0044-03-15 12:00:00"]'.replace("2000", "0001")],
  tstzrange: ['["1999-12-31 23:59:59.5+00",)'],
  daterange: ["[2000-01-01,2000-02-01)"],
  "int4range[]": ['{"[1,5)",empty,NULL}'],
  int4multirange: ["{}", "{[1,5),[7,)}"]
}

const textOf = (field: Field | undefined): string => {
  assert(field !== undefined && "stringValue" in field, JSON.stringify(field))
  return field.stringValue
}
const octetsOf = (field: Field | undefined): Buffer => {
  assert(field !== undefined && "blobValue" in field, JSON.stringify(field))
  return Buffer.from(field.blobValue)
}

/** In hexadecimal; the scale of an infinity, which means nothing, is left out. */
const hexOf = (type: string, octets: Uint8Array): string => {
  const hex = Buffer.from(octets).toString("hex")
  return type === "numeric" ? hex.replace(/^(00000000[df]000).*/, "$1") : hex
}

/** The types' send functions and object ids. */
const catalogue = Effect.gen(function* () {
  const api = yield* DataApi
  const { records = [] } = yield* api.executeStatement({
    sql: "select v, typsend::text, oid::int8 from json_array_elements_text(:types::json) u(v) join pg_type on oid = v::regtype",
    parameters: [{ name: "types", value: { stringValue: JSON.stringify(Object.keys(types)) } }]
  })
  return records.map(([type, send, oid]) => {
    assert(oid !== undefined && "longValue" in oid)
    return { type: textOf(type), send: textOf(send), oid: Number(oid.longValue) }
  })
})

/** The octets that PostgreSQL sends for values of a type, and its own texts of them. */
const sent = Effect.fnUntraced(function* (type: string, send: string, values: ReadonlyArray<string>) {
  const api = yield* DataApi
  const { records = [] } = yield* api.executeStatement({
    sql: `select ${send}(v::${type}), format('%s', v::${type}) from json_array_elements_text(:texts::json) with ordinality u(v, n) order by n`,
    parameters: [{ name: "texts", value: { stringValue: JSON.stringify(values) } }]
  })
  return records.map(([octets, text]) => ({ octets: octetsOf(octets), text: textOf(text) }))
})

const shapes: TypeShapes = new Map([
  [2249, { kind: "record" }],
  [3904, { kind: "range", of: 23 }],
  [3905, { kind: "array", of: 3904 }],
  [3906, { kind: "range", of: 1700 }],
  [3908, { kind: "range", of: 1114 }],
  [3910, { kind: "range", of: 1184 }],
  [3912, { kind: "range", of: 1082 }],
  [4451, { kind: "multirange", of: 3904 }]
])

layer(Layer.suspend(() => TestDatabase.layer()))((it) => {
  it.effect(
    "a value is written as the octets that PostgreSQL sends, and what is read from them is the same value",
    () =>
      Effect.gen(function* () {
        const known = yield* catalogue
        assert.strictEqual(known.length, Object.keys(types).length)
        for (const { oid, send, type } of known) {
          assert.isTrue(isReadable(oid, shapes), type)
          const rows = yield* sent(type, send, types[type] ?? [])
          const read = rows.map(({ octets }) => fromBinary(oid, octets, shapes) ?? `${type}: not read`)
          const again = yield* sent(type, send, read)
          for (const [index, { octets, text }] of rows.entries()) {
            const expected = hexOf(type, octets)
            if (isWritten(oid))
              assert.strictEqual(hexOf(type, toBinary(oid, text) ?? Buffer.of()), expected, `${type} ${text}`)
            assert.strictEqual(hexOf(type, again[index]?.octets ?? Buffer.of()), expected, `${type} ${read[index]}`)
          }
        }
      })
  )
  it.effect("a record is read by the types of its own columns, as deep as it is", () =>
    Effect.gen(function* () {
      const api = yield* DataApi
      const { records = [] } = yield* api.executeStatement({
        sql: `select record_send(r), r::text, record_send(row(r.*, array[7], null::text, ''::text, 'a "b", \\c'::text, int4range(1, 5)))
          from (values (1, 'x'::text, null::int)) as r`
      })
      const [[octets, text, nested] = []] = records
      assert.strictEqual(fromBinary(2249, octetsOf(octets), shapes), '("1","x",)')
      assert.strictEqual(textOf(text), "(1,x,)")
      assert.strictEqual(
        fromBinary(2249, octetsOf(nested), shapes),
        '("1","x",,"{""7""}",,"","a ""b"", \\\\c","[""1"",""5"")")'
      )
    })
  )
})
