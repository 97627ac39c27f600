import { assert, it } from "@effect/vitest"
import { BigDecimal, Result, Schema } from "effect"
import { PortfolioSnapshot } from "../../src/domain/DailyValues.ts"
import * as Domain from "../../src/domain/index.ts"
import { quickReader } from "../../src/repository/RowDecoder.ts"

const schemas = {
  user: Domain.User,
  account: Domain.Account,
  accountTotals: Domain.AccountTotals,
  instrument: Domain.Instrument,
  position: Domain.Position,
  heldPosition: Domain.HeldPosition,
  accountValue: Domain.AccountValue,
  job: Domain.Job,
  snapshot: PortfolioSnapshot,
  price: Domain.DailyPrice
}

/** What a driver may put into a column: right for some of them, and wrong in many ways. */
const values: ReadonlyArray<unknown> = [
  ...[
    "",
    "a",
    "VTI",
    "12.50",
    "-0",
    "0",
    "-0.000",
    "1200",
    "007.10",
    "1e3",
    ".5",
    "5.",
    "-",
    "NaN",
    "1_0",
    " 1",
    "1\n",
    "١"
  ],
  ...["9007199254740993.1", "123456789012345", "1234567890123456", "-99999999999999999999.000100", "1.2.3", "+1"],
  ...[0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 7n, true, false, null, undefined],
  ...[new Date(0), new Date(Number.NaN), Symbol("s"), () => 1, [], [1], ["a"]],
  ...[{}, { a: 1, b: 2.5 }, { a: "1.50" }, { a: null }, { a: Number.NaN }, { a: undefined }, { 2: 1, a: 3, 1: 2 }],
  ...[JSON.parse('{"__proto__":1}'), JSON.parse('{"a":1,"__proto__":{"b":1}}'), { [Symbol("s")]: 1, a: 1 }],
  ...[Object.create({ a: 1 }), Object.assign(Object.create(null), { a: 1 }), new Map([["a", 1]]), { a: { b: [1] } }],
  ...[
    Object.defineProperty({}, "a", { value: 1 }),
    {
      get a() {
        return 1
      }
    },
    new (class {
      a = 1
    })(),
    BigDecimal.make(1n, 1)
  ]
]

const good: ReadonlyArray<unknown> = [
  "12.50",
  "pending",
  7,
  null,
  new Date(1_767_323_045_678),
  { a: 60, b: 40 },
  { a: "1.50" },
  {}
]

/** Everything of a value that one can see. */
const seen = (value: unknown): unknown =>
  typeof value !== "object" || value === null
    ? value
    : [
        Object.getPrototypeOf(value),
        value instanceof Date ? value.getTime() : undefined,
        Reflect.ownKeys(value).map((key) => {
          const { value: member, ...flags } = Object.getOwnPropertyDescriptor(value, key) ?? {}
          return [key, flags, member === value ? "itself" : seen(member)]
        })
      ]

const columnsOf = (schema: { readonly fields: object }): ReadonlyArray<string> => Object.keys(schema.fields)

/** A row that the schema takes. */
const rowOf = (schema: Schema.Codec<unknown, unknown> & { readonly fields: object }) => {
  const row: Record<string, unknown> = {}
  for (const [column, field] of Object.entries(schema.fields)) {
    const decode = Schema.decodeUnknownResult(field)
    row[column] = good.find((value) => Result.isSuccess(decode(value)))
  }
  return row
}

for (const [name, schema] of Object.entries(schemas)) {
  const quick = quickReader<unknown, unknown>(schema)
  const decode = Schema.decodeUnknownResult<Schema.Codec<unknown, unknown>>(schema)

  it(`a row of the schema ${name} is read without Schema, as Schema reads it`, () => {
    const row = { ...rowOf(schema), further: 1 }
    assert.isDefined(quick(row))
    assert.deepStrictEqual(seen(quick(row)), seen(Result.getOrThrow(decode(row))))
  })

  it(`whatever stands in a column of ${name}, a row is read as Schema reads it or left to Schema`, () => {
    const row = rowOf(schema)
    for (const column of columnsOf(schema)) {
      for (const value of values) {
        const changed = { ...row, [column]: value }
        const entity = quick(changed)
        const own = decode(changed)
        if (entity !== undefined) assert.deepStrictEqual(seen(entity), seen(Result.getOrThrow(own)), column)
      }
      const { [column]: _, ...without } = row
      assert.isUndefined(quick(without), `without ${column}`)
    }
  })
}
