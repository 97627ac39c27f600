/** PostgreSQL itself says what its texts mean, and what it reads in those that are sent to it. */
import { PgTypes } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { BigDecimal, Effect, Layer, Result } from "effect"
import { DataApi, type Field } from "../../../src/data-api/DataApi.ts"
import { decodeValues } from "../../../src/data-api/values/PgDecode.ts"
import { encode } from "../../../src/data-api/values/PgEncode.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { columnOf } from "../columnOf.ts"

const read = (typeName: string, text: string): unknown =>
  Result.getOrThrow(decodeValues([columnOf(typeName)], [[{ stringValue: text }]]))[0]?.[0]

/** The text that is sent for a value. */
const written = (value: unknown): string => {
  const [parameter] = Result.getOrThrow(encode([value]))
  assert(parameter !== undefined && "stringValue" in parameter.value)
  return parameter.value.stringValue
}

const textIn = (field: Field | undefined): string => {
  assert(field !== undefined && "stringValue" in field)
  return field.stringValue
}

/** Rows of texts, for each of the values `v` in their order. */
const ask = (columns: string, values: ReadonlyArray<string>, settings = "") =>
  Effect.gen(function* () {
    const api = yield* DataApi
    const { records = [] } = yield* api.executeStatement({
      sql: `select ${columns} from json_array_elements_text(:values::json) with ordinality u(v, n)${settings} order by n`,
      parameters: [{ name: "values", value: { stringValue: JSON.stringify(values) } }]
    })
    return records.map((record) => record.map(textIn))
  })

const EPOCH_2000 = Date.UTC(2000, 0, 1)

/** The moment of PostgreSQL's microseconds since 2000, as sql-pg has it: their milliseconds, without the rest. */
const momentOf = (micros: string): Date => new Date(Number(BigInt(micros) / 1000n) + EPOCH_2000)

const sinceEpoch = (of: string): string =>
  `trunc(extract(epoch from ${of} - timestamptz '2000-01-01Z') * 1000000)::text`

const moments =
  "2026-01-02 03:04:05|2026-10-25 01:59:59.6|1999-12-31 23:59:59.999999|2000-01-01 00:00:00.000001|1969-12-31 23:59:59.000001|1883-11-18 12:03:58|1850-06-07 08:09:10.123456|0099-12-31 01:02:03.4567|0001-01-01 00:00:00|0001-12-31 23:59:58.5 BC|0044-03-15 12:34:56 BC|4713-01-01 00:00:00 BC|10000-01-01 00:00:00|9999-12-31 23:59:59.999999|200000-02-29 06:07:08.09"
const zones = ["UTC", "Asia/Kathmandu", "America/New_York", "America/St_Johns", "Pacific/Apia"]

const signs = [0n, 1n, -1n]
const intervals = signs.flatMap((months) =>
  signs.flatMap((days) =>
    signs.flatMap((clock) => [
      { months: Number(months * 14n), days: Number(days * 3n), microseconds: clock * 14_706_789_000n },
      { months: Number(months * 12n), days: Number(days), microseconds: clock * 360_123_000_001n },
      { months: Number(months * 5n), days: Number(days * 40n), microseconds: clock * 61_000_000n },
      { months: Number(-months), days: Number(days), microseconds: clock * 500_000n }
    ])
  )
)
const limits = [
  { months: 2147483647, days: 2147483647, microseconds: 2n ** 63n - 1n },
  { months: -2147483648, days: -2147483648, microseconds: -(2n ** 63n) },
  { months: 2147483647, days: -2147483648, microseconds: 2n ** 63n - 1n },
  { months: -2147483648, days: 2147483647, microseconds: -(2n ** 63n) + 1n }
]

layer(Layer.suspend(() => TestDatabase.layer()))((it) => {
  it.effect("a timestamp is the moment that PostgreSQL means, in whichever zone the session writes it", () =>
    Effect.gen(function* () {
      for (const zone of zones) {
        // The zone is set before the text of the row is written.
        const columns = `set_config('TimeZone', '${zone}', false), (v || ' UTC')::timestamptz::text, ${sinceEpoch("(v || ' UTC')::timestamptz")}`
        for (const [, text = "", micros = ""] of yield* ask(columns, moments.split("|"))) {
          assert.deepStrictEqual(read("timestamptz", text), momentOf(micros), text)
          assert.deepStrictEqual(read("_timestamptz", `{"${text}"}`), [momentOf(micros)], text)
        }
      }
    })
  )
  it.effect("a Date or a number is written as the moment that it is, in any year", () =>
    Effect.gen(function* () {
      const day = 86_400_000
      const year1 = Date.UTC(2001, 0, 1) - 2000 * 365.2425 * day
      const dates = [
        0,
        1,
        -1,
        1_767_323_045_678,
        -day,
        951_782_400_000,
        year1,
        year1 - 1,
        year1 - 366 * day,
        year1 - 367 * day
      ]
        .concat(Date.UTC(9999, 11, 31, 23, 59, 59, 999), Date.UTC(10_000, 0, 1), Date.UTC(123_456, 1, 3, 4, 5, 6, 7))
        .concat(Date.UTC(-43, 2, 15, 1, 2, 3), Date.UTC(-4000, 11, 31))
      // Beyond the year 2255, a number with a fraction has no microseconds.
      const fractions = [0.001, -0.001, 1.5, -1.5, 1_767_323_045_678.25, -1_767_323_045_678.25]
      const cases = [
        ...dates.map((ms) => [written(new Date(ms)), BigInt(ms) * 1000n] as const),
        ...dates.map((ms) => [written(PgTypes.timestamptz(ms)), BigInt(ms) * 1000n] as const),
        ...fractions.map((ms) => [written(PgTypes.timestamptz(ms)), BigInt(Math.trunc(ms * 1000))] as const)
      ]
      const rows = yield* ask(
        "trunc(extract(epoch from v::timestamptz) * 1000000)::text",
        cases.map(([text]) => text)
      )
      for (const [index, [text, micros]] of cases.entries()) {
        assert.strictEqual(rows[index]?.[0], String(micros), text)
      }
      const infinite = [written(PgTypes.timestamp(Number.POSITIVE_INFINITY)), written(PgTypes.timestamp(-Infinity))]
      assert.deepStrictEqual(yield* ask("v::timestamp::text", infinite), [["infinity"], ["-infinity"]])
    })
  )
  it.effect("a date is read and written in astronomical years, of which PostgreSQL has the day", () =>
    Effect.gen(function* () {
      const days = [
        "2026-02-28",
        "0001-01-01",
        "0000-12-31",
        "-0001-02-28",
        "-0043-03-15",
        "-4712-01-01",
        "10000-01-01"
      ]
      const rows = yield* ask(
        "v::date::text, (v::date - date '2000-01-01')::text",
        days.map((day) => written(PgTypes.date(day)))
      )
      for (const [index, day] of days.entries()) {
        const [text = "", since] = rows[index] ?? []
        assert.strictEqual(read("date", text), day)
        const [, year = "", rest = ""] = /^(-?\d+)(-\d\d-\d\d)$/.exec(day) ?? []
        const extended = `${year.startsWith("-") ? "-" : "+"}${year.replace("-", "").padStart(6, "0")}${rest}`
        const iso = year === "0000" ? `0000${rest}` : extended
        assert.strictEqual(Number(since), (Date.parse(iso) - EPOCH_2000) / 86_400_000, day)
      }
    })
  )
  it.effect("an interval is read from every style and written so that every style reads it", () =>
    Effect.gen(function* () {
      const all = [...intervals, ...limits]
      for (const style of ["postgres", "postgres_verbose", "sql_standard", "iso_8601"]) {
        const columns = `set_config('IntervalStyle', '${style}', false), v::interval::text`
        const rows = yield* ask(
          columns,
          all.map((interval) => written(PgTypes.interval(interval)))
        )
        for (const [index, interval] of all.entries()) {
          const text = rows[index]?.[1] ?? ""
          assert.deepStrictEqual(read("interval", text), interval, `${style}: ${text}`)
        }
      }
    })
  )
  it.effect("an interval's parts are those that PostgreSQL adds up", () =>
    Effect.gen(function* () {
      const parts = intervals.map(({ days, microseconds, months }) =>
        JSON.stringify([months, days, String(microseconds)])
      )
      const made =
        "(make_interval(months => (v::json->>0)::int, days => (v::json->>1)::int) + (v::json->>2)::int8 * interval '1 microsecond')::text"
      const rows = yield* ask(made, parts)
      for (const [index, interval] of intervals.entries()) {
        assert.deepStrictEqual(read("interval", rows[index]?.[0] ?? ""), interval)
      }
    })
  )
  it.effect("a time is its microseconds, and timetz has its zone in hours and minutes", () =>
    Effect.gen(function* () {
      const times = [
        0n,
        1n,
        999_999n,
        1_000_000n,
        59_999_999n,
        3_600_000_000n,
        45_296_500_000n,
        86_399_999_999n,
        86_400_000_000n
      ]
      const rows = yield* ask(
        "v::time::text, (extract(epoch from v::time) * 1000000)::int8::text",
        times.map((time) => written(PgTypes.time(time)))
      )
      for (const [index, time] of times.entries()) {
        assert.strictEqual(read("time", rows[index]?.[0] ?? ""), time)
        assert.strictEqual(rows[index]?.[1], String(time))
      }
      const zoned = ["12:00:00+02", "23:59:59.5-03:30", "00:00:00+00", "01:02:03.000004-15:59"]
      const texts = yield* ask("v::timetz::text", zoned)
      assert.deepStrictEqual(
        texts.map(([text = ""]) => read("timetz", text)),
        ["12:00:00+02:00", "23:59:59.5-03:30", "00:00:00+00:00", "01:02:03.000004-15:59"]
      )
    })
  )
  it.effect("bytea is the same octets in hex and in the older form", () =>
    Effect.gen(function* () {
      const values = [
        [],
        [0],
        [92],
        [92, 92, 48, 48, 48],
        [31, 32, 126, 127],
        Array.from({ length: 256 }, (_, n) => n)
      ].map((octets) => Uint8Array.from(octets))
      const hex = values.map((octets) => `\\x${Buffer.from(octets).toString("hex")}`)
      for (const form of ["hex", "escape"]) {
        const rows = yield* ask(
          `set_config('bytea_output', '${form}', false), v::bytea::text, array[v::bytea]::text`,
          hex
        )
        for (const [index, octets] of values.entries()) {
          const [, text = "", array = ""] = rows[index] ?? []
          assert.deepStrictEqual(read("bytea", text), octets)
          assert.deepStrictEqual(read("_bytea", array), [octets])
        }
      }
    })
  )
  it.effect("a decimal keeps its value and its scale", () =>
    Effect.gen(function* () {
      const decimals = [
        "0",
        "0.00",
        "7",
        "-7",
        "12.50",
        "-0.001",
        "-12345678901234567890.123",
        "0.000000000000000000001"
      ]
        .map((text) => [text, BigDecimal.fromStringUnsafe(text)] as const)
        .concat([
          ["1200", BigDecimal.make(12n, -2)],
          ["-1200", BigDecimal.make(-12n, -2)],
          ["0", BigDecimal.make(0n, -2)]
        ])
      const rows = yield* ask(
        "v::numeric::text",
        decimals.map(([, decimal]) => written(decimal))
      )
      assert.deepStrictEqual(
        rows,
        decimals.map(([text]) => [text])
      )
    })
  )
  it.effect(
    "an array that comes as text has its elements, and one with bounds of its own or more dimensions is refused",
    () =>
      Effect.gen(function* () {
        const elements = ["a", "", " a ", "a,b", '"', "\\", '\\"', "{", "}", "NULL", "null", "a b", "é😀", "\n", "("]
        const [[array = "", bounded = "", nested = "", none = ""] = []] = yield* ask(
          "(array(select json_array_elements_text(v::json)) || null::text)::text, '[0:0]={a}'::text[]::text, '{{a,b},{c,d}}'::text[]::text, '{}'::text[]::text",
          [JSON.stringify(elements)]
        )
        assert.deepStrictEqual(read("_mood", array), [...elements, null])
        assert.deepStrictEqual(read("_mood", none), [])
        const boxes = ["(3,4),(1,2)", "(7,8),(5,6)"]
        const [[ofBoxes = ""] = []] = yield* ask(
          "(array(select json_array_elements_text(v::json)::box) || null::box)::text",
          [JSON.stringify(boxes)]
        )
        assert.deepStrictEqual(read("_box", ofBoxes), [...boxes, null])
        for (const text of [bounded, nested]) {
          assert.isTrue(Result.isFailure(decodeValues([columnOf("_mood")], [[{ stringValue: text }]])), text)
        }
        const [[back = ""] = []] = yield* ask(
          "(v::text[] = array(select json_array_elements_text('" +
            JSON.stringify(elements).replaceAll("'", "''") +
            "'::json)))::text",
          [written(elements)]
        )
        assert.strictEqual(back, "true")
      })
  )
  it.effect("an address is written as PostgreSQL writes it, but for its dots", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [inet: string, read: string]> = [
        ["10.0.0.1", "10.0.0.1"],
        ["10.0.0.1/8", "10.0.0.1/8"],
        ["::1.2.3.4", "::102:304"],
        ["::1.2.3.4/100", "::102:304/100"],
        ["2001:DB8::1/128", "2001:db8::1"],
        ["::/0", "::/0"]
      ]
      const rows = yield* ask(
        "v::inet::text",
        cases.map(([text]) => text)
      )
      assert.deepStrictEqual(
        rows.map(([text = ""]) => read("inet", text)),
        cases.map(([, expected]) => expected)
      )
      assert.deepStrictEqual(
        ["10.0.0.0/8", "10.0.0.1/32", "::1/128"].map((text) => read("cidr", text)),
        ["10.0.0.0/8", "10.0.0.1/32", "::1/128"]
      )
    })
  )
})
