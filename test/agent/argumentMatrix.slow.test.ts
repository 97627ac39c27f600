/**
 * Each argument of each tool, however deep, takes the place of each odd value that models send: it is stored as what it
 * means, or refused by name. Arguments and their kinds come from the tools' schemas.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { SqlClient } from "effect/sql"
import { vi } from "vitest"
import * as ToolCalls from "../../src/agent/calls/ToolCalls.ts"
import { grants } from "../../src/agent/tools/Grants.ts"
import { toolsFor } from "../../src/agent/tools/Tools.ts"
import * as UserTools from "../../src/agent/tools/UserTools.ts"
import type { Repositories } from "../../src/DbLayer.ts"
import { embedded } from "../repository/TestRepositories.ts"
import { person } from "./People.ts"

// A limit ends what hangs; a busy machine is no fault.
vi.setConfig({ testTimeout: 300_000 })

type Json = ReturnType<typeof JSON.parse>

/** What stands for a member that is left out. */
const nothing: ReadonlyArray<unknown> = [null, ""]

/** Numbers that are read where a number or an amount is expected, and which one each is. */
const numbers: ReadonlyArray<readonly [sent: unknown, means: number]> = [
  ...[0, 1, 5, 1.5, 1000, 1e21, 1e-7, 0.1 + 0.2, 1764288000].map((one) => [one, one] as const),
  ...["1", " 5 ", "5.0", "05", "5\n", "\ufeff5", ".5", "12.50000", "20261128"].map(
    (one) => [one, Number(one)] as const
  ),
  ["1,000.50", 1000.5],
  ["$12", 12],
  ["$ 12.50", 12.5],
  ["60%", 60],
  ["60 %", 60]
]

/** Texts with two meanings or none where a number is expected. */
const noNumbers = [
  ...[
    "1,000",
    "1.000,50",
    "1 000",
    "1_000",
    "+5",
    "5.",
    "0x10",
    "12 USD",
    "€5",
    "½",
    "٣",
    "５",
    "−5",
    "Infinity",
    "1e400"
  ],
  ...[
    "99999999999999999999",
    "\u200b5",
    " ",
    "null",
    "None",
    "undefined",
    "N/A",
    "nan",
    "yes",
    "no",
    "x".repeat(100_000)
  ]
]

const others = [
  ...[true, false, "true", "True", [], {}, [null], [[]], [{}], ["x"], ["5"], [5], { a: 1 }],
  ...["[]", "{}", '["x"]', '{"a":1}', "[1", "\ud800", "a\u0000b", "😀".repeat(30), "constructor", "__proto__"],
  ...["2026-11-28", "2026-02-30", "11/28/2026", "today", "2026-11-28T00:00:00Z", "2026-11-28T10:00:00+02:00"],
  ...["etf", "ETF", "Mutual Fund", "'etf'", "PIE", "Horizontal-Bar", "report", "Completed", "#3b82f6", "3b82f6"],
  ...["SPY", " spy ", "NYSE:SPY", "{3f2504e0-4f89-41d3-9a0c-0305e82c3301}", "3f2504e04f8941d39a0c0305e82c3301"],
  "3F2504E0-4F89-41D3-9A0C-0305E82C3301"
]

const odd: ReadonlyArray<unknown> = [...nothing, ...numbers.map(([sent]) => sent), ...noNumbers, ...others]

const letters = (text: unknown): string =>
  String(text)
    .toLowerCase()
    .replaceAll(/[\s_-]/g, "")

/** What is stored of a value, by the schema of its place; `undefined` if it has to be refused. */
const meant = (schema: Json, sent: unknown): { readonly value: Json } | undefined => {
  const [number] = numbers.flatMap(([one, means]) => (Object.is(one, sent) ? [means] : []))
  if (schema.type === "number" || schema.type === "integer") return number === undefined ? undefined : { value: number }
  if (schema.type === "object" || schema.type === "array") {
    const read: Json = typeof sent === "string" && /^[[{].*[\]}]$/.test(sent) ? JSON.parse(sent) : sent
    return { value: read }
  }
  if (schema.enum !== undefined) {
    const word = schema.enum.find((one: string) => letters(one) === letters(sent))
    return word === undefined ? undefined : { value: word }
  }
  const pattern = schema.pattern === undefined ? undefined : new RegExp(schema.pattern, "u")
  if (pattern?.test("1.5") === true && !pattern.test("x"))
    return number === undefined ? undefined : { value: `${number}` }
  if (typeof sent === "number" && pattern !== undefined) return { value: `${sent}` }
  return typeof sent === "string" ? { value: sent } : undefined
}

const given: { [name: string]: string } = { symbol: "SPY" }

/** Arguments that a tool takes, from the examples of its schema. */
const example = (schema: Json, name = ""): Json => {
  if (given[name] !== undefined) return given[name]
  if (schema.enum !== undefined) return schema.enum[0]
  if (schema.type === "array") return [example(schema.items)]
  if (schema.type === "integer") return 1
  if (schema.type !== "object") return schema.examples[0]
  const [first, ...more] = Object.keys(schema.properties ?? {})
  // Shares of a whole.
  if (first !== undefined && schema.required === undefined && more.length > 1 && name !== "") return { [first]: 100 }
  if (first === undefined)
    return schema.additionalProperties?.type === undefined ? { a: 1 } : { one: example(schema.additionalProperties) }
  const members = Object.entries<Json>(schema.properties).filter(
    ([one]) => !["after", "from", "preview", "expected_quantity"].includes(one)
  )
  return Object.fromEntries(members.map(([one, inner]) => [one, example(inner, one)]))
}

interface Place {
  readonly at: ReadonlyArray<string>
  readonly schema: Json
  readonly isRequired: boolean
}

/** Every place of a value within arguments. */
const placesIn = (schema: Json, value: Json, at: ReadonlyArray<string> = []): ReadonlyArray<Place> => {
  const inner = (name: string, schema: Json, isRequired: boolean): ReadonlyArray<Place> => [
    { at: [...at, name], schema, isRequired },
    ...placesIn(schema, value?.[name], [...at, name])
  ]
  if (schema.type === "array") return inner("0", schema.items, true)
  const members = Object.entries<Json>(schema.properties ?? {})
  if (schema.type === "object" && members.length === 0 && value?.one !== undefined) {
    return inner("one", schema.additionalProperties, true)
  }
  const isShares = members.length > 1 && schema.required === undefined && at.length > 0
  return members.flatMap(([name, one]) =>
    isShares && value?.[name] === undefined ? [] : inner(name, one, schema.required?.includes(name) === true)
  )
}

const replaced = (value: Json, [name = "", ...rest]: ReadonlyArray<string>, by: unknown): Json => {
  const inner = rest.length === 0 ? by : replaced(value?.[name], rest, by)
  return Array.isArray(value) ? value.with(Number(name), inner) : { ...value, [name]: inner }
}

const without = (value: Json, at: ReadonlyArray<string>): Json =>
  JSON.parse(JSON.stringify(replaced(value, at, undefined)))

const opened = Effect.gen(function* () {
  const one = yield* person("matrix")
  given["account_id"] = one.account
  given["job_id"] = one.job
  const context = yield* Effect.context<Repositories | SqlClient.SqlClient>()
  const granted = new Set(grants)
  const handlers = UserTools.layer({ user: one.user, granted }).pipe(Layer.provide(Layer.succeedContext(context)))
  const call = yield* ToolCalls.make(handlers, { granted, budget: "5 minutes", maxResult: 1_000_000 })
  return (tool: string, args: unknown) =>
    Effect.map(call(tool, args), ({ isError, value }): Json => ({ isError, ...JSON.parse(JSON.stringify(value)) }))
})

layer(embedded, { excludeTestServices: true })("each argument of each tool", (it) => {
  it.effect("is stored as what it means, or refused by its name", () =>
    Effect.gen(function* () {
      const call = yield* opened
      const counts = { stored: 0, refused: 0 }
      for (const tool of toolsFor(new Set(grants))) {
        const schema: Json = ToolCalls.argumentsOf(tool)
        const writes = schema.properties.preview !== undefined
        const base = { ...example(schema), ...(writes && { preview: true }) }
        assert.isFalse((yield* call(tool.name, base)).isError, tool.name)
        for (const place of placesIn(schema, base).filter(({ at }) => at[0] !== "preview")) {
          for (const sent of odd) {
            const args = replaced(base, place.at, sent)
            const label = `${tool.name} ${place.at.join(".")} ${JSON.stringify(sent).slice(0, 50)}`
            const answer = yield* call(tool.name, args)
            counts[answer.isError ? "refused" : "stored"]++
            if (answer.isError) refusedByName(place, sent, answer, label)
            else if (isLeftOut(place, sent)) {
              assert.deepStrictEqual(untimed(answer), untimed(yield* call(tool.name, without(base, place.at))), label)
            } else if (writes) storedAsMeant(place, sent, answer, label)
          }
        }
      }
      process.stderr.write(`${counts.stored} values were stored as what they mean, ${counts.refused} refused by name\n`)
      assert.isAbove(counts.stored, 900)
      assert.isAbove(counts.refused, 4000)
    })
  )
})

/** Whether a value stands for none: text may also be the text that is meant, and `None` an empty list. */
const isLeftOut = ({ isRequired, schema }: Place, sent: unknown): boolean => {
  const { enum: words, minLength = 0, pattern, type } = schema
  if (isRequired || sent === null) return !isRequired
  const isText = type === "string" && words === undefined && pattern === undefined
  if (sent === "") return !isText || minLength > 0
  return !isText && ["null", "undefined", ...(type === "array" ? [] : ["None"])].some((word) => word === sent)
}

const untimed = (answer: Json): Json =>
  JSON.parse(JSON.stringify(answer, (name, value) => (name === "updated_at" ? undefined : value)))

const refusedByName = ({ at, schema }: Place, sent: unknown, answer: Json, label: string) => {
  if (/^(Account|Job|Instrument|Position)NotFound$/.test(answer.error)) {
    assert.match(at.join(), /^(account_id|job_id|symbol)$/, label)
    return
  }
  if (answer.error === "PositionChanged") {
    assert.deepStrictEqual(at, ["expected_quantity"], label)
    assert.include(answer.message, `, and not ${meant(schema, sent)?.value}: nothing was added`, label)
    return
  }
  assert.strictEqual(answer.error, "InvalidData", `${label}: ${answer.message}`)
  const named = at.filter((name) => name !== "0").slice(answer.message.includes("a sum of") ? -2 : -1)
  assert.isTrue(
    named.some((name) => answer.message.includes(name)),
    `${label}: ${answer.message}`
  )
  assert.match(answer.message, /expected|missing key/i, label)
  // A plain number is refused only for its size, its decimals or its unit.
  if (schema.type === "number" && typeof sent === "number" && schema.minimum === undefined) assert.fail(label)
}

const storedAsMeant = ({ at, schema }: Place, sent: unknown, answer: Json, label: string) => {
  const { after, before } = answer.preview
  if (at[0] === "expected_quantity") {
    return assert.strictEqual(before?.quantity ?? "0", meant(schema, sent)?.value, label)
  }
  // Of a position that is closed, nothing is left.
  if (after === null) return assert.strictEqual(before.symbol, "SPY", label)
  const path = /^(report|charts|retirement|summary)$/.test(at[0] ?? "") ? at.slice(1) : at
  const stored = path.reduce((value, name) => value?.[name], after)
  const expected = meant(schema, sent)
  if (expected === undefined) return assert.fail(`${label} was stored as ${JSON.stringify(stored)}`)
  const value = at.at(-1) === "symbol" ? String(expected.value).trim().toUpperCase() : expected.value
  const isSum = label.startsWith("add_to_position quantity")
  if (isSum) return assert.strictEqual(stored, `${Number(before.quantity) + Number(value)}`, label)
  assert.deepStrictEqual(schema.type === "array" && !Array.isArray(value) ? [value] : value, stored, label)
}
