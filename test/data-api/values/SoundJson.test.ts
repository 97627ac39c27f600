import { assert, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { parseJson } from "../../../src/data-api/values/SoundJson.ts"

/** Keys that begin with a backslash, after which V8 takes escapes at their place for them. */
const misleading = ["\\", "\\\\", "\\n", "\\u", '\\"', "\\u0000", "a\\"]

it("a key with an escape is read as it is, whatever keys were read before", () => {
  const escaped = ['"', "\n", "\\", "\u0000", "\u001f", '"x', '\\"', "\nab", "a\n", 'a"', "\ud800", "\\\\", "/"]
  for (const before of ["", "I", "q"]) {
    const first = before === "" ? {} : { [before]: 1 }
    for (const key of misleading) JSON.parse(JSON.stringify({ ...first, [key]: 2 }))
    for (const key of [...escaped, ...misleading]) {
      const value = { ...first, [key]: 2, after: { [key]: [{ [key]: "\n" }] } }
      for (const text of [JSON.stringify(value), JSON.stringify(value, undefined, 2)]) {
        assert.deepStrictEqual(parseJson(text), value, text)
      }
    }
  }
})

it("a key that is written in any way JSON allows is the same key", () => {
  JSON.parse('{"s":1,"\\\\u":2}')
  assert.deepStrictEqual(parseJson('{"s":1,"\\u0041b":2}'), { s: 1, Ab: 2 })
  assert.deepStrictEqual(parseJson('{"s":1,"\\/" \r\n\t:2}'), { s: 1, "/": 2 })
})

it("everything but the key is as JSON.parse gives it", () => {
  const odd = String.raw`{"\"":-0,"__proto__":{"a":[]},"b":1,"2":0,"b":[ 1e400 , -1.5E-3,true,false,null,"",{}],"\n":"\\\" :"}`
  const read = parseJson(odd)
  assert.deepStrictEqual(read, JSON.parse(odd))
  assert.deepStrictEqual(Object.keys(Object(read)), ["2", '"', "__proto__", "b", "\n"])
  assert.isTrue(Object.is(Reflect.get(Object(read), '"'), -0))
  assert.strictEqual(Object.getPrototypeOf(read), Object.prototype)
  assert.deepStrictEqual(parseJson('"\\":1"'), '":1')
  assert.deepStrictEqual(parseJson('["\\\\", "\\"", {"a": "\\"" }]'), ["\\", '"', { a: '"' }])
})

it("a text that is no JSON is refused as JSON.parse refuses it", () => {
  for (const text of ["", "{", '{"\\":1}', '{"a\\n":}', '{"\\x":1}', '"\\', "[1,]", '{"a\\"":1}x']) {
    let own: unknown
    try {
      JSON.parse(text)
    } catch (error) {
      own = error
    }
    assert.throws(() => parseJson(text), SyntaxError, own instanceof Error ? own.message : "no error")
  }
})

it("JSON nested deeper than a stack of calls is read", () => {
  const text = `${'{"\\n":['.repeat(100_000)}${"]}".repeat(100_000)}`
  let depth = 0
  for (let inner: unknown = parseJson(text); inner !== undefined; depth++) inner = Reflect.get(Object(inner), "\n")?.[0]
  assert.strictEqual(depth, 100_000)
})

it.prop("any JSON comes back from its text", { value: Arbitrary.schema(Schema.Json) }, ({ value }) => {
  const text = JSON.stringify(value)
  assert.strictEqual(JSON.stringify(parseJson(text)), text)
})
