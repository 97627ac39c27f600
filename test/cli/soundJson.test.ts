/** `JSON.parse` of a process that reads all JSON right. */
import { afterEach, assert, beforeEach, it } from "@effect/vitest"
import { Effect } from "effect"
import { readAllJsonRight } from "../../src/cli/soundJson.ts"

const { parse } = JSON

beforeEach(() => Effect.runPromise(readAllJsonRight))
afterEach(() => {
  JSON.parse = parse
})

const text = String.raw`{"a\n":"x\"y"}`

it.each([
  ["a buffer", Buffer.from(text)],
  ["a String object", new String(text)],
  ["what turns itself into text", { toString: () => text }]
])("%s is read as its text, as V8 does", (_, given) => {
  assert.deepStrictEqual(Reflect.apply(JSON.parse, JSON, [given]), { "a\n": 'x"y' })
  assert.deepStrictEqual(Reflect.apply(JSON.parse, JSON, [given, null]), { "a\n": 'x"y' })
})

it.each([[null], [undefined], [12], [""], [Symbol("s")]])("%s ends as V8 lets it end", (given) => {
  const ended = (read: typeof parse) => {
    try {
      return { value: Reflect.apply(read, JSON, [given]) }
    } catch (error) {
      return { error: String(error) }
    }
  }
  assert.deepStrictEqual(ended(JSON.parse), ended(parse))
})

it("a reviver is asked", () => {
  assert.deepStrictEqual(
    JSON.parse('{"a":[1,2]}', (_, value) => (typeof value === "number" ? value * 2 : value)),
    {
      a: [2, 4]
    }
  )
})
