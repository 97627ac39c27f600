/** PostgreSQL itself says what its octets mean: each type's send function beside the type's own text. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DataApi } from "../../../src/data-api/DataApi.ts"
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
