/** Payloads as models return them: schema and decoder agree in every dialect, and no number ever changes. */
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { vi } from "vitest"
import { decodePayload, type PayloadKind, payloads } from "../../src/agent/payloads/decodePayload.ts"
import { type Described, type Dialect, dialects } from "../../src/agent/schemas/JsonSchemas.ts"
import { strict } from "../../src/domain/Allocation.ts"
import { mismatches } from "./JsonSchemaRules.ts"

// A limit ends what hangs; a busy machine is no fault.
vi.setConfig({ testTimeout: 300_000 })

type Json = ReturnType<typeof JSON.parse>

/** Numbers that are the same in every run (mulberry32). */
class Random {
  state: number

  constructor(seed: number) {
    this.state = seed
  }

  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit) | 0
  }
}

const kinds: ReadonlyArray<PayloadKind> = [
  "report",
  "charts",
  "retirement",
  "summary",
  "portfolio-analysis",
  "rebalance-recommendation",
  "instrument-classification"
]

const texts = [
  "On track",
  "## Summary\n\n- a \"b\" {c} [d], 'e'",
  "日本語 – 100 %",
  "back\\slash\ttab",
  "1,234",
  "null"
]

/** Random payloads as the domain has them. */
const makers = (random: Random) => {
  const pick = <A>(items: ReadonlyArray<A>): A => items[random.below(items.length)] as A
  const maybe = (value: () => Json) => (random.below(2) === 0 ? value() : undefined)
  const money = () => `${random.below(10_000_000)}${pick(["", ".5", ".05", ".99"])}`
  const split = (names: ReadonlyArray<string>) => {
    const first = random.below(100) + 0.5
    const [one, two] = [names[random.below(3)], names[3 + random.below(3)]]
    return { [String(one)]: first, [String(two)]: 100 - first }
  }
  const chart = () => ({
    title: pick(texts),
    description: maybe(() => pick(texts)),
    type: pick(["pie", "donut", "bar", "horizontalBar"]),
    data: [{ name: pick(texts), value: random.below(1000) / 8, color: maybe(() => "#3B82F6") }]
  })
  const regions = () => split(["north_america", "europe", "asia", "latin_america", "africa", "global"])
  const sectors = () => split(["technology", "healthcare", "financials", "energy", "materials", "other"])
  const classes = () => split(["equity", "fixed_income", "real_estate", "commodities", "cash", "alternatives"])
  const shares = () => [
    { symbol: "SPY", percentage: 62.5 },
    { symbol: "BND", percentage: 37.5 }
  ]
  const json = (depth: number): Json =>
    depth === 0 || random.below(3) === 0
      ? pick<Json>([null, true, 1.5, -3, ...texts])
      : random.below(2) === 0
        ? [json(depth - 1), json(depth - 1)]
        : { a: json(depth - 1), [pick(texts)]: json(depth - 1) }
  const made: Record<PayloadKind, () => Json> = {
    report: () => ({
      content: pick(texts),
      generated_at: maybe(() => "2026-02-28T12:00:00Z"),
      agent: maybe(() => "reporter")
    }),
    charts: () => ({ first: chart(), second_one: chart() }),
    retirement: () => ({
      analysis: pick(texts),
      success_rate: maybe(() => random.below(1000) / 10),
      projected_value: maybe(money),
      projected_income: maybe(money),
      agent: maybe(() => pick(texts))
    }),
    summary: () => ({ status: json(2), next: json(2) }),
    "portfolio-analysis": () => ({
      total_value: money(),
      asset_allocation: classes(),
      region_allocation: regions(),
      sector_allocation: sectors(),
      risk_score: 1 + random.below(10),
      recommendations: [pick(texts), pick(texts)]
    }),
    "rebalance-recommendation": () => ({
      current_allocation: shares(),
      target_allocation: shares(),
      trades: [{ action: pick(["buy", "sell"]), symbol: "SPY", quantity: `${1 + random.below(99)}.125` }],
      rationale: pick(texts)
    }),
    "instrument-classification": () => ({
      instrument_type: pick(["etf", "stock", "reit"]),
      allocation_regions: regions(),
      allocation_sectors: sectors(),
      allocation_asset_class: classes()
    })
  }
  return (kind: PayloadKind): Json => JSON.parse(JSON.stringify(made[kind]()))
}

const described = (kind: PayloadKind, dialect: Dialect): Described<unknown> => payloads[kind](dialect)

const domainOf = (kind: PayloadKind, document: Json): unknown =>
  Schema.decodeUnknownSync(described(kind, "json-schema").codec, strict)(document)

/** The document as the domain writes it, from what was decoded. */
const written = (kind: PayloadKind, value: unknown): Json =>
  JSON.parse(JSON.stringify(Schema.encodeUnknownSync(described(kind, "json-schema").codec)(value)))

const inDialect = (kind: PayloadKind, document: Json, dialect: Dialect): Json =>
  JSON.parse(JSON.stringify(Schema.encodeUnknownSync(described(kind, dialect).codec)(domainOf(kind, document))))

// ALEX_LONG=1: 2,000 documents of each kind in each dialect.
const rounds = process.env["ALEX_LONG"] === "1" ? 2000 : 20

describe.each(dialects)("in the dialect %s", (dialect) => {
  it.each(kinds)("what fits the schema of a %s is decoded, and nothing of it is repaired", (kind) => {
    const make = makers(new Random(1))
    for (let round = 0; round < rounds; round++) {
      const document = make(kind)
      const sent = inDialect(kind, document, dialect)
      assert.deepStrictEqual(mismatches(described(kind, dialect).jsonSchema, sent), [])
      for (const text of [JSON.stringify(sent), JSON.stringify(sent, null, 2)]) {
        const decoded = decodePayload(kind, text)
        if (!decoded.ok) assert.fail(`${decoded.correction}\n${text}`)
        assert.deepStrictEqual(decoded.repairs, [], text)
        assert.deepStrictEqual(written(kind, decoded.value), document)
      }
    }
  })

  it.each(kinds)("what does not fit the schema of a %s is repaired aloud or asked for again", (kind) => {
    const random = new Random(2)
    const make = makers(random)
    const schema = described(kind, dialect).jsonSchema
    for (let round = 0; round < rounds; round++) {
      const sent = broken(inDialect(kind, make(kind), dialect), random)
      const fits = dialects.some((one) => {
        const other = described(kind, one)
        return (
          mismatches(other.jsonSchema, sent).length === 0 &&
          Result.isSuccess(Schema.decodeUnknownResult(other.codec, strict)(sent))
        )
      })
      const decoded = decodePayload(kind, JSON.stringify(sent))
      if (fits) continue
      if (decoded.ok)
        assert.isNotEmpty(decoded.repairs, `${JSON.stringify(sent)} ${JSON.stringify(mismatches(schema, sent))}`)
      else assert.match(decoded.correction, /^(Send|Answer|The JSON) .*\.$/s)
    }
  })

  it.each(kinds)("a %s survives what models do to JSON, and every repair is named", (kind) => {
    const make = makers(new Random(3))
    for (let round = 0; round < rounds; round++) {
      const document = make(kind)
      const sent = inDialect(kind, document, dialect)
      const spoilt: ReadonlyArray<readonly [string, string]> = [
        [`\`\`\`json\n${JSON.stringify(sent)}\n\`\`\``, "code fence"],
        [`Sure! Here it is:\n\n${JSON.stringify(sent)}\n\nLet me know.`, "text around"],
        [JSON.stringify(sent).replace(/\}$/, ",}"), "commas"],
        [pythonic(sent), "quotes"],
        [JSON.stringify(numbersAsText(sent)), ""],
        [`\uFEFF${JSON.stringify(sent)}`, ""]
      ]
      for (const [text, said] of spoilt) {
        const decoded = decodePayload(kind, text)
        if (!decoded.ok) assert.fail(`${decoded.correction}\n${text}`)
        if (kind !== "summary" || !text.includes(':"')) assert.include(decoded.repairs.join("; "), said)
        if (kind !== "summary") assert.deepStrictEqual(written(kind, decoded.value), document, text)
      }
    }
  })
})

/** A document with one thing wrong. */
const broken = (document: Json, random: Random): Json => {
  const copy = structuredClone(document)
  const paths: Array<readonly [Json, string]> = []
  const visit = (node: Json) => {
    if (typeof node !== "object" || node === null) return
    for (const name of Object.keys(node)) {
      paths.push([node, name])
      visit(node[name])
    }
  }
  visit(copy)
  const [holder, name] = paths[random.below(paths.length)] ?? [copy, "x"]
  const wrongs: ReadonlyArray<() => void> = [
    () => delete holder[name],
    () => (holder[name] = null),
    () => (holder[name] = "wrong"),
    () => (holder[name] = -1.5),
    () => (holder[name] = 1e300),
    () => (holder[name] = []),
    () => (holder[name] = { surprise: 1 }),
    () => (copy["surprise"] = 1)
  ]
  wrongs[random.below(wrongs.length)]?.()
  return copy
}

/** As Python prints a dictionary. */
const pythonic = (value: Json): string => {
  if (value === null) return "None"
  if (value === true) return "True"
  if (value === false) return "False"
  if (Array.isArray(value)) return `[${value.map(pythonic).join(", ")}]`
  if (typeof value === "string")
    return `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
  if (typeof value !== "object") return String(value)
  return `{${Object.entries(value)
    .map(([name, one]) => `${pythonic(name)}: ${pythonic(one)}`)
    .join(", ")}}`
}

const numbersAsText = (value: Json): Json => {
  if (typeof value === "number") return String(value)
  if (Array.isArray(value)) return value.map(numbersAsText)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, numbersAsText(one)]))
}

describe("a number", () => {
  const analysis = (amount: string) => `{"analysis": "x", "projected_value": ${amount}}`
  const read = (text: string) => {
    const decoded = decodePayload("retirement", text)
    return decoded.ok ? written("retirement", decoded.value).projected_value : decoded.correction
  }

  it.each([
    ["1250000.50", "1250000.5"],
    ['"1250000.50"', "1250000.5"],
    ["1.25e6", "1250000"],
    ["9999999999.99", "9999999999.99"],
    ['"$1,250,000"', "1250000"],
    ['"$104,875"', "104875"],
    ['"1,234.50"', "1234.5"]
  ])("that is written %s is %s", (given, meant) => assert.strictEqual(read(analysis(given)), meant))

  it.each([
    ["1.005", "at most 2 decimals"],
    ['"1,234"', "expected an amount"],
    ['"1.234,50"', "expected an amount"],
    ["-5", "not negative"],
    ['"about 5000"', "expected an amount"],
    ['"5k"', "expected an amount"],
    ["1e999999999", "expected an amount"],
    ["NaN", "can't be read"],
    ["0x10", "can't be read"],
    ["1_000", "can't be read"]
  ])("that is written %s is asked for again", (given, said) => assert.include(read(analysis(given)), said))

  it("of a text without an end of blanks or digits is asked for again at once", () => {
    for (const unit of ["\\t", " ", "0", "0,", "."]) {
      for (const end of ["x", "0x", "%%", "$"]) {
        assert.include(read(analysis(`"${unit.repeat(100_000)}${end}"`)), "expected an amount", unit)
      }
    }
  })

  it("of more digits than a JavaScript number keeps, or a member twice, is asked for again in a summary that is text", () => {
    const asText = (json: string) => JSON.stringify({ summary: json })
    const decoded = (json: string) => JSON.stringify(decodePayload("summary", asText(json)))
    assert.include(decoded('{"a": {"b": 9007199254740993}}'), "a.b: has more digits")
    assert.include(decoded('{"a": 1, "a": 2}'), "comes twice")
    assert.include(decoded('{"a": 1'), "summary: ")
    assert.include(decoded('{"a": "\\q"}'), "is no escape of JSON")
    assert.deepStrictEqual(decodePayload("summary", asText(' {"a": 1.50} ')), {
      ok: true,
      value: { a: 1.5 },
      repairs: []
    })
    assert.deepStrictEqual(decodePayload("summary", asText("{'a': None,}")), {
      ok: true,
      value: { a: null },
      repairs: [
        "other quotes were read as double quotes",
        "words of other languages were read as true, false and null",
        "commas before an end were left out"
      ]
    })
    for (const text of ["All well", "{date}: all well", "{}x", "[1]", "5"]) {
      assert.deepStrictEqual(decodePayload("summary", asText(text)), {
        ok: true,
        value: { summary: text },
        repairs: []
      })
    }
    const { codec } = described("summary", "openai")
    for (const json of ['{"a": 9007199254740993}', '{"a": 1, "a": 2}', "{"]) {
      assert.isTrue(Result.isFailure(Schema.decodeUnknownResult(codec, strict)({ summary: json })), json)
    }
  })

  it("of more digits than a JavaScript number keeps is asked for as text, and stays one", () => {
    const long = decodePayload("summary", '{"total": 0.12345678901234567890123}')
    assert.include(JSON.stringify(long), "send it as text")
    const text = decodePayload("summary", '{"total": "0.12345678901234567890123"}')
    assert.deepStrictEqual(text, { ok: true, value: { total: "0.12345678901234567890123" }, repairs: [] })
  })
})

describe("an answer", () => {
  it("has the escapes of JSON, and those of Python and JavaScript that have one meaning, which are named", () => {
    const read = (escaped: string, quote = '"') => decodePayload("report", `{"content": ${quote}a${escaped}b${quote}}`)
    const plain: ReadonlyArray<readonly [string, string]> = [
      ['\\"', '"'],
      ["\\\\", "\\"],
      ["\\/", "/"],
      ["\\b\\f\\n\\r\\t", "\b\f\n\r\t"],
      ["\\u00e9", "é"],
      ["\\uD83D\\uDE00", "😀"]
    ]
    for (const [escaped, meant] of plain) {
      assert.deepStrictEqual(read(escaped), { ok: true, value: { content: `a${meant}b` }, repairs: [] }, escaped)
    }
    const others: ReadonlyArray<readonly [string, string]> = [
      ["\\'", "'"],
      ["\\\n", ""],
      ["\\xa0", "\u00a0"],
      ["\\x41", "A"],
      ["\\U0001F600", "😀"],
      ["\\u{1F600}", "😀"],
      ["\\u{e9}", "é"]
    ]
    const said = "escapes of other languages were read as the characters that they mean"
    for (const [escaped, meant] of others) {
      assert.deepStrictEqual(read(escaped), { ok: true, value: { content: `a${meant}b` }, repairs: [said] }, escaped)
      assert.deepInclude(read(escaped, "'"), { ok: true, value: { content: `a${meant}b` } }, escaped)
    }
    for (const escaped of [
      "\\(",
      "\\$",
      "\\_",
      "\\d",
      "\\a",
      "\\v",
      "\\0",
      "\\xg",
      "\\u12",
      "\\u{}",
      "\\U000",
      "\\U00110000",
      "\\é",
      "\\😀"
    ]) {
      const decoded = read(escaped)
      if (decoded.ok) assert.fail(`${escaped} was read as ${decoded.value.content}`)
      const [sign = ""] = /^\\./u.exec(escaped) ?? []
      assert.include(decoded.correction, `${sign}`)
      assert.include(decoded.correction, "is no escape of JSON; write \\\\")
      assert.isTrue(decoded.correction.isWellFormed())
    }
    for (const end of ["\\", "\\u", "\\u00e", "\\x4", "\\U0001F6", "\\u{1F"]) {
      assert.include(JSON.stringify(decodePayload("report", `{"content": "a${end}`)), "cut off", end)
    }
  })

  it("that can't be read is asked for again and is no report, with text before it too", () => {
    for (const json of [
      '{"content": "x" "agent": "y"}',
      "{'content': 'it's'}",
      '{"content": "\\(x\\)"}',
      '{"content": x}'
    ]) {
      for (const text of [json, `Here is the report:\n${json}`, `Sure!\n\`\`\`json\n${json}\n\`\`\``]) {
        assert.include(JSON.stringify(decodePayload("report", text)), "can't be read", text)
      }
    }
    for (const text of ["As {asked}: fine.", "On track. {x, y} is a set.", "a {'quoted'} word"]) {
      assert.deepInclude(decodePayload("report", text), { ok: true, value: { content: text } }, text)
    }
  })

  it("without JSON is the report itself, and for other kinds a sentence that asks for JSON", () => {
    assert.deepStrictEqual(decodePayload("report", "## Summary\n\nFine."), {
      ok: true,
      value: { content: "## Summary\n\nFine." },
      repairs: ["the whole text was taken as content"]
    })
    for (const text of ["", "I can't do that.", "null", "42"]) {
      const decoded = decodePayload("charts", text)
      assert.isFalse(decoded.ok)
    }
  })

  it("that was cut off is asked for again, wherever the cut is", () => {
    const whole = JSON.stringify({ content: "A report", agent: "reporter" })
    for (let end = 1; end < whole.length; end++) {
      const decoded = decodePayload("report", whole.slice(0, end))
      assert.include(JSON.stringify(decoded), "cut off", whole.slice(0, end))
    }
    for (let end = '{"content": '.length; end < whole.length; end++) {
      const decoded = decodePayload("report", `A [first] draft: {"content": "x"}\nThe report: ${whole.slice(0, end)}`)
      assert.include(JSON.stringify(decoded), "cut off", whole.slice(0, end))
    }
  })

  it("with a member twice, nested too deep, or too long is asked for again, at once", () => {
    const said = (text: string) => JSON.stringify(decodePayload("summary", text))
    assert.include(said('{"a": 1, "a": 2}'), "comes twice")
    assert.include(said(`{"a": ${"[".repeat(100_000)}${"]".repeat(100_000)}}`), "can't be read")
    assert.include(said(`{"a": "${"x".repeat(5_000_000)}"}`), "too long")
    assert.isFalse(decodePayload("summary", "{[".repeat(200_000)).ok)
    assert.isFalse(decodePayload("summary", '{"a":['.repeat(200_000)).ok)
    assert.isFalse(decodePayload("summary", '[{"a": N/A, "'.repeat(200_000)).ok)
  })

  it("is found behind many beginnings that fail late, at once", () => {
    const failing = (length: number) => `${"[".repeat(40)}"${"x".repeat(length)}" y`
    const decoded = (length: number) =>
      decodePayload("retirement", `${failing(length)} {"analysis": "On track", "success_rate": 87.5}`)
    assert.deepInclude(decoded(20_000), { ok: true })
    assert.deepInclude(decoded(500_000), { ok: true })
  })

  it("is not taken from inside of one that can't be read", () => {
    for (const text of [
      '{"detail": {"x": 1}, "rate": NaN}',
      '[{"x": 1}, N/A]',
      '{"a": {"x": 1} "b": 2}',
      '{"a": 1 "b": {"y": 2}}',
      '{"a": N/A, "b": {"y": 2}}',
      '[{"x": 1}, N/A, {"y": 2}]',
      '{"a": "it"s", "b": {"y": 2}}',
      "{'a': 1 'b': {'y': 2}}",
      '{"a": 1 "b": {"y": 2}} or [{"x": 1}, N/A, {"y": 2}]'
    ]) {
      assert.include(JSON.stringify(decodePayload("summary", text)), "can't be read", text)
    }
    const answer = '{"analysis": "On track"}'
    for (const prose of [
      `As {asked}: [see below] ${answer}`,
      `The form is {"analysis": ..., "x": {"y": <number>}}. ${answer}`,
      `The form is {"analysis": ...}.\n\`\`\`json\n${answer}\n\`\`\``,
      `[{"x": ...}] [and] ${answer}`,
      `{${answer}}`
    ]) {
      assert.deepInclude(decodePayload("retirement", prose), { ok: true, value: { analysis: "On track" } }, prose)
    }
  })

  it("that a program has written as JSON once more, or as a list of one, is read", () => {
    const answer = { analysis: 'On "track"', success_rate: 87.5 }
    for (const text of [JSON.stringify(JSON.stringify(answer)), JSON.stringify([answer])]) {
      const decoded = decodePayload("retirement", text)
      assert.deepInclude(decoded, { ok: true, value: answer })
      assert.match(JSON.stringify(decoded), /the (quotes|list) around the answer w(as|ere) left out/)
    }
    assert.deepInclude(decodePayload("report", '"# Report"'), { ok: true, value: { content: "# Report" } })
    assert.isFalse(decodePayload("retirement", JSON.stringify([answer, answer])).ok)
  })

  it("keeps members whose names are spelled in another way, in case, dashes, spaces or none", () => {
    const answer = { analysis: "On track", success_rate: 87.5 }
    for (const name of ["successRate", "SuccessRate", "success-rate", "Success Rate", "SUCCESS_RATE", "successrate"]) {
      const decoded = decodePayload("retirement", JSON.stringify({ analysis: "On track", [name]: 87.5 }))
      const repairs = ["success_rate: its name was spelled as the schema has it"]
      assert.deepStrictEqual(decoded, { ok: true, value: answer, repairs }, name)
    }
    const twice = decodePayload("retirement", '{"analysis": "x", "success_rate": 50, "successRate": 60}')
    assert.include(JSON.stringify(twice), "comes twice, in two spellings")
  })

  it("of objects that are equal by value is taken once, in whatever order and spelling their members come", () => {
    const equal: ReadonlyArray<readonly [kind: PayloadKind, one: string, other: string]> = [
      ["report", '{"content": "A", "agent": "reporter"}', '{"agent": "reporter", "content": "A"}'],
      ["report", '{"content": "A"}', '{"agent": null, "content": "A"}'],
      [
        "retirement",
        '{"analysis": "x", "projected_income": "1250000.50", "success_rate": 80}',
        '{"success_rate": "80%", "projected_income": 1250000.5, "analysis": "x"}'
      ],
      ["summary", '{"a": {"b": [1, {"c": 2, "d": 3}], "e": 0}}', '{"a": {"e": -0.0, "b": [1.0, {"d": 3, "c": 2}]}}'],
      ["summary", '{"__proto__": 1, "a": 2}', '{"a": 2, "__proto__": 1}']
    ]
    for (const [kind, one, other] of equal) {
      assert.isTrue(decodePayload(kind, `${one}\nAgain:\n${other}`).ok, one)
    }
    const different = [
      ['{"a": [1, 2]}', '{"a": [2, 1]}'],
      ['{"a": 1}', '{"a": "1"}'],
      ['{"a": {"b": 1}}', '{"a": {"b": 1, "c": null}}'],
      ['{"__proto__": 1, "a": 2}', '{"__proto__": 2, "a": 2}']
    ]
    for (const [one, other] of different) {
      assert.include(
        JSON.stringify(decodePayload("summary", `${one}\n${other}`)),
        "several JSON objects that differ",
        one
      )
    }
  })

  it("of several objects that fit and differ is asked for again, wherever they are", () => {
    const [draft, last] = ['{"content": "A draft"}', '{"content": "The report"}']
    const fence = (json: string) => `\`\`\`json\n${json}\n\`\`\``
    for (const text of [
      `${draft}${last}`,
      `<think>Maybe ${draft}</think>\n${last}`,
      `${fence(draft)}\nNo, rather:\n${fence(last)}`
    ]) {
      assert.include(JSON.stringify(decodePayload("report", text)), "several JSON objects that differ", text)
    }
    const value = { content: "The report" }
    for (const text of [
      `${last}\n${last}`,
      `{} ${last}`,
      `First {"x": 1}, then ${last}`,
      `Not ${draft}:\n${fence(last)}`
    ]) {
      assert.deepInclude(decodePayload("report", text), { ok: true, value }, text)
    }
  })

  it("that is a word or a number alone is no report", () => {
    for (const text of ["null", "None", "N/A", "42", "true", '""', '"null"', "[]", "```json\nnull\n```"]) {
      assert.isFalse(decodePayload("report", text).ok, text)
    }
  })

  it("with shares of what is not known, or of one name in two spellings, is asked for again by name", () => {
    const said = (asset_allocation: object) => {
      const allocations = { region_allocation: { global: 100 }, sector_allocation: { other: 100 } }
      const answer = { total_value: "1", asset_allocation, ...allocations, risk_score: 5, recommendations: [] }
      return JSON.stringify(decodePayload("portfolio-analysis", JSON.stringify(answer)))
    }
    assert.match(said({ equity: 100, gold: 5 }), /asset_allocation\.gold: .*expected one of equity, fixed_income/)
    assert.match(said({ stocks: 70, bonds: 30 }), /asset_allocation\.stocks: .*asset_allocation\.bonds: /)
    assert.match(said({ equity: 30, Equity: 100 }), /asset_allocation\.equity: comes twice/)
  })

  it("is corrected where it fits best, in the dialect in which it is", () => {
    const point = { label: "Equity", value: 60 }
    const chart = { title: "A", type: "pie", data: [point] }
    assert.include(JSON.stringify(decodePayload("charts", JSON.stringify({ a: chart }))), "a.data.0.name")
    const twice = ["a", "a"].map((key) => ({ key, title: "A", type: "pie", data: [{ name: "Equity", value: 60 }] }))
    for (const answer of [twice, { charts: twice }]) {
      assert.include(
        JSON.stringify(decodePayload("charts", JSON.stringify(answer))),
        "charts: expected each key only once"
      )
    }
    for (const answer of ['{"a": "\\ud83d"}', '{"a\\u0000": "x"}', '{"a": {"b": "\\u0000"}}']) {
      const said = JSON.stringify(decodePayload("summary", answer))
      assert.include(said, "halves of surrogate pairs", answer)
      assert.notInclude(said, "summary:", answer)
    }
    const listed = { charts: [{ key: "a", ...chart }] }
    assert.include(JSON.stringify(decodePayload("charts", JSON.stringify(listed))), "charts.0.data.0.name")
  })

  it("has the unit that its field has: dollars and percent are no numbers of shares", () => {
    const shares = [{ symbol: "SPY", percentage: "100%" }]
    const traded = (quantity: unknown, symbol = "SPY") => ({
      current_allocation: shares,
      target_allocation: shares,
      trades: [{ action: "buy", symbol, quantity }],
      rationale: "x"
    })
    const said = (answer: object) => JSON.stringify(decodePayload("rebalance-recommendation", JSON.stringify(answer)))
    for (const quantity of ["$5,000", "10%", "$12.50", "10 shares"]) {
      assert.include(said(traded(quantity)), "trades.0.quantity", quantity)
    }
    assert.include(said(traded("1", " 5 %")), "trades.0.symbol")
    assert.include(said(traded("1,234.5")), '"ok":true')
    const retirement = (members: object) =>
      JSON.stringify(decodePayload("retirement", JSON.stringify({ analysis: "x", ...members })))
    assert.include(retirement({ projected_income: "80%" }), "Send the whole JSON")
    assert.include(retirement({ success_rate: "$80" }), "Send the whole JSON")
  })

  it("may be wrapped, and have the vocabulary in other spellings", () => {
    const classes = { Equity: 80, "Fixed Income": 20 }
    const answer = {
      portfolio_analysis: {
        total_value: 104875,
        asset_allocation: classes,
        region_allocation: { "North America": 100 },
        sector_allocation: { technology: 100 },
        risk_score: "6",
        recommendations: ["Hold."]
      }
    }
    const decoded = decodePayload("portfolio-analysis", JSON.stringify(answer))
    if (!decoded.ok) assert.fail(decoded.correction)
    assert.deepStrictEqual(decoded.value.asset_allocation, { equity: 80, fixed_income: 20 })
    assert.include(decoded.repairs.join("; "), "the member portfolio_analysis around the answer was left out")
  })

  it("a member that only names the answer is left out, and no other", () => {
    const inner = { content: "# Report" }
    for (const name of ["report", "Report", "report_payload", "payload", "answer", "result", "response"]) {
      const decoded = decodePayload("report", JSON.stringify({ [name]: inner }))
      assert.deepInclude(decoded, {
        ok: true,
        value: inner,
        repairs: [`the member ${name} around the answer was left out`]
      })
    }
    for (const name of ["", "charts", "answers", "data"]) {
      assert.deepInclude(decodePayload("report", JSON.stringify({ [name]: inner })), { ok: false }, name)
    }
  })
})
