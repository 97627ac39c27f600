import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Domain from "../../src/domain/index.ts"

const problemsOf = <A, I>(schema: Schema.Codec<A, I>, input: unknown) =>
  Effect.map(Effect.flip(Schema.decodeUnknownEffect(schema, Domain.strict)(input)), (error) => error.message)

const accepts = <A, I>(schema: Schema.Codec<A, I>, inputs: ReadonlyArray<unknown>) =>
  Effect.forEach(inputs, (input) => Schema.decodeUnknownEffect(schema, Domain.strict)(input))

const refuses = <A, I>(schema: Schema.Codec<A, I>, inputs: ReadonlyArray<unknown>) =>
  Effect.forEach(inputs, (input) => problemsOf(schema, input))

const money = Domain.money("What it costs")

describe("decimals", () => {
  it.effect("money is text with at most 10 digits and 2 decimals, and never a number", () =>
    Effect.gen(function* () {
      yield* accepts(money, ["0", "0.1", "12.50", "9999999999.99"])
      yield* refuses(money, [
        "",
        "1.",
        ".5",
        "-1",
        "+1",
        "1e3",
        "1,000",
        " 1",
        "1.234",
        "10000000000",
        "NaN",
        12.5,
        null
      ])
    })
  )

  it.effect("a quantity is more than 0 and has at most 8 decimals", () =>
    Effect.gen(function* () {
      yield* accepts(Domain.Quantity, ["1", "0.00000001", "999999999999.99999999"])
      yield* refuses(Domain.Quantity, ["0", "0.00000000", "-1", "0.000000001", "1000000000000", 1])
    })
  )

  it.effect("a rate of interest is from 0 to 1", () =>
    Effect.gen(function* () {
      yield* accepts(Domain.InterestRate, ["0", "0.0450", "1", "1.0000"])
      yield* refuses(Domain.InterestRate, ["1.0001", "4.5", "0.00001", "-0.1"])
    })
  )

  it.effect("decimals of 20 digits and more keep every digit", () =>
    Effect.gen(function* () {
      const digits = "-12345678901234567890.12345678901234567890123"
      const decimal = yield* Schema.decodeEffect(Domain.Decimal)(digits)
      assert.strictEqual(Domain.formatDecimal(decimal), digits)
      assert.strictEqual(
        Domain.formatDecimal(yield* Schema.decodeEffect(Domain.Decimal)("0.000000000000000000010")),
        "0.00000000000000000001"
      )
      assert.strictEqual(Domain.formatDecimal(yield* Schema.decodeEffect(Domain.Decimal)("1000.00")), "1000")
    })
  )
})

describe("allocations", () => {
  it.effect("percentages may miss 100 by 0.05 and no more; none at all means not classified", () =>
    Effect.gen(function* () {
      yield* accepts(Domain.RegionAllocation, [
        {},
        { europe: 100 },
        { europe: 60, asia: 39.95 },
        { europe: 60, asia: 40.05 }
      ])
      yield* refuses(Domain.RegionAllocation, [
        { europe: 99 },
        { europe: 60, asia: 40.06 },
        { europe: 60, asia: 39.94 }
      ])
      yield* refuses(Domain.CompleteRegionAllocation, [{}])
    })
  )

  it.effect("33.33 and 33.33 and 33.34 are 100, though not as floating point numbers", () =>
    accepts(Domain.SectorAllocation, [{ energy: 33.33, technology: 33.33, other: 33.34 }])
  )

  it.effect("an unknown name is refused, and the vocabulary is said", () =>
    Effect.gen(function* () {
      const problem = yield* problemsOf(Domain.AssetClassAllocation, { equity: 100, houses: 0 })
      assert.include(problem, "unknown asset class: expected one of equity, fixed_income")
      assert.include(problem, `["houses"]`)
    })
  )

  it.effect("a percentage is a number from 0 to 100", () =>
    Effect.gen(function* () {
      assert.include(
        yield* problemsOf(Domain.RegionAllocation, { europe: 110, asia: -10 }),
        "expected a percentage from 0 to 100"
      )
      yield* refuses(Domain.RegionAllocation, [{ europe: "100" }, [], null, { europe: Number.NaN }])
    })
  )

  it("the vocabularies are the names of the allocations", () => {
    assert.deepStrictEqual<ReadonlyArray<string>>(Object.keys(Domain.RegionAllocation.fields), Domain.regions)
    assert.deepStrictEqual<ReadonlyArray<string>>(Object.keys(Domain.SectorAllocation.fields), Domain.sectors)
    assert.deepStrictEqual<ReadonlyArray<string>>(Object.keys(Domain.AssetClassAllocation.fields), Domain.assetClasses)
  })
})

describe("text, days and ids", () => {
  it.effect("a day must exist", () =>
    Effect.gen(function* () {
      yield* accepts(Domain.CalendarDay, ["2026-02-28", "2024-02-29", "0001-01-01", "9999-12-31"])
      yield* refuses(Domain.CalendarDay, [
        "2026-02-29",
        "2026-02-30",
        "2026-13-01",
        "2026-00-10",
        "26-01-01",
        "2026-01-32",
        "2026-01-00",
        "1",
        "0000-01-01"
      ])
      assert.strictEqual(
        yield* problemsOf(Domain.CalendarDay, "today"),
        yield* problemsOf(Domain.CalendarDay, "2026-2-3")
      )
    })
  )

  it.effect("a cursor of jobs names a time that exists, as the database would refuse any other", () =>
    Effect.gen(function* () {
      const after = (time: string) => `${time}Z/3f2504e0-4f89-41d3-9a0c-0305e82c3301`
      const times = ["2024-02-29T23:59:59.999999", "0001-01-01T00:00:00.000000", "12026-01-01T00:00:00.000000"]
      yield* accepts(Domain.JobCursor, times.map(after))
      yield* refuses(
        Domain.JobCursor,
        [
          "2026-02-30T00:00:00.000000",
          "2026-13-01T00:00:00.000000",
          "2026-01-00T00:00:00.000000",
          "0000-01-01T00:00:00.000000",
          "999999-12-31T00:00:00.000000",
          "2026-01-01T24:00:00.000000",
          "2026-01-01T00:60:00.000000",
          "2026-01-01T00:00:60.000000"
        ].map(after)
      )
    })
  )

  it.effect("text that PostgreSQL can't hold is refused, in JSON too", () =>
    Effect.gen(function* () {
      const name = { clerk_user_id: "u", display_name: "a\u0000b" }
      assert.include(yield* problemsOf(Domain.UserCreate, name), "without the character NUL")
      yield* refuses(Domain.UserCreate, [{ clerk_user_id: "u", display_name: "\ud800" }])
      yield* refuses(Domain.JsonValue, [{ "\u0000": 1 }, ["\u0000"], "\\\u0000", "\udc00"])
      yield* accepts(Domain.JsonValue, ["\\u0000", { "\\u0000": "😀" }, null])
    })
  )

  it.effect("lengths are counted in characters, as varchar counts them", () =>
    Effect.gen(function* () {
      yield* accepts(Domain.UserCreate, [{ clerk_user_id: "u", display_name: "😀".repeat(255) }])
      yield* refuses(Domain.UserCreate, [{ clerk_user_id: "u", display_name: "😀".repeat(256) }])
    })
  )

  it.effect("a symbol is 1 to 20 printable ASCII characters", () =>
    Effect.gen(function* () {
      yield* accepts(Domain.InstrumentSymbol, ["SPY", "brk.b", "BRK B", "^GSPC", "A".repeat(20)])
      yield* refuses(Domain.InstrumentSymbol, ["", " SPY", "SPY ", "A".repeat(21), "ÄG", "A\nB", 5])
    })
  )

  it.effect("an id is a UUID", () =>
    Effect.gen(function* () {
      yield* accepts(Domain.AccountId, ["3f2504e0-4f89-41d3-9a0c-0305e82c3301", "00000000-0000-0000-0000-000000000000"])
      yield* refuses(Domain.AccountId, [
        "",
        "1",
        "3f2504e04f8941d39a0c0305e82c3301",
        "{3f2504e0-4f89-41d3-9a0c-0305e82c3301}"
      ])
    })
  )
})

describe("what agents hand back", () => {
  it.effect("every problem is said at once, each with its path", () =>
    Effect.gen(function* () {
      const problems = yield* problemsOf(Domain.PortfolioAnalysis, {
        total_value: 104_875,
        asset_allocation: { equity: 50 },
        region_allocation: { europe: 100 },
        sector_allocation: {},
        risk_score: 11,
        recommendations: [""]
      })
      assert.strictEqual(
        problems,
        [
          'expected an amount of money like "1234.50": not negative, at most 2 decimals, below 10000000000, as text\n  at ["total_value"]',
          'expected percentages that sum to 100 (within 0.05), found a sum of 50\n  at ["asset_allocation"]',
          'expected percentages that sum to 100 (within 0.05), found a sum of 0\n  at ["sector_allocation"]',
          'expected a whole number from 1 to 10\n  at ["risk_score"]',
          'expected text of 1 to 2000 characters\n  at ["recommendations"][0]'
        ].join("\n")
      )
    })
  )

  it.effect("the problems can be had field by field, for a form", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Schema.decodeUnknownEffect(
          Domain.RebalanceRecommendation,
          Domain.strict
        )({
          current_allocation: [{ symbol: "SPY", percentage: 100 }],
          target_allocation: [{ symbol: "", percentage: 100 }],
          trades: [],
          note: "x"
        })
      )
      assert.deepStrictEqual(Domain.problemsOf(error), [
        { path: "note", message: "Expected no excess property" },
        {
          path: "target_allocation.0.symbol",
          message: 'expected a symbol like "SPY": 1 to 20 printable ASCII characters'
        },
        { path: "rationale", message: "Missing key" }
      ])
    })
  )

  it.effect("a rebalancing names each symbol once, and trades are positive", () =>
    Effect.gen(function* () {
      const target = [
        { symbol: "SPY", percentage: 50 },
        { symbol: "SPY", percentage: 50 }
      ]
      const current = [{ symbol: "SPY", percentage: 100 }]
      const problems = yield* problemsOf(Domain.RebalanceRecommendation, {
        current_allocation: current,
        target_allocation: target,
        trades: [{ action: "hold", symbol: "SPY", quantity: "0" }],
        rationale: "x"
      })
      assert.include(problems, "expected each symbol only once")
      assert.include(problems, `Expected "buy" | "sell"`)
      assert.include(problems, "more than 0")
    })
  )

  it("every schema has a description, and so has every field of what comes in", () => {
    const described = [
      Domain.UserCreate,
      Domain.UserUpdate,
      Domain.InstrumentCreate,
      Domain.InstrumentUpdate,
      Domain.InstrumentClassification,
      Domain.InstrumentPrice,
      Domain.AccountCreate,
      Domain.AccountUpdate,
      Domain.PositionCreate,
      Domain.PositionUpdate,
      Domain.JobCreate,
      Domain.JobUpdate,
      Domain.PortfolioAnalysis,
      Domain.RebalanceRecommendation,
      Domain.Trade,
      Domain.ReportPayload,
      Domain.Chart,
      Domain.RetirementPayload
    ]
    for (const schema of described) {
      const { schema: json } = Schema.toJsonSchemaDocument(schema)
      assert.property(json, "description")
      for (const [name, field] of Object.entries(json["properties"] ?? {})) {
        assert.match(JSON.stringify(field), /"description":/, name)
      }
    }
  })
})
