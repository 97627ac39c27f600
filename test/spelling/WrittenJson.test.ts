/** What JSON.parse would silently change: said with its place, and nothing else is. */
import { assert, it } from "@effect/vitest"
import { exactNumber } from "../../src/spelling/ExactNumber.ts"
import { changedIn } from "../../src/spelling/WrittenJson.ts"

const twice = "comes twice in one object: send it once"
const inexact = "has more digits than a JSON number keeps: send fewer digits, or send an amount as text"

const shown = (text: string) => {
  JSON.parse(text)
  return changedIn(text).map(({ message, path }) => `${path}: ${message}`)
}

it("a number is exact where JavaScript writes the same value again", () => {
  const exact = ["0", "-0", "0.1", "1.50", "1e2", "1E+21", "-2.5e-7", "9007199254740992", "123456789012345680000"]
  for (const text of exact) assert.strictEqual(exactNumber(text), Number(text), text)
  const rounded = ["9007199254740993", "0.12345678901234567890", "1e400", "1e-400", "1e999999999", "123456789012345678"]
  for (const text of [...rounded, "", "1".repeat(401), "x"]) assert.isUndefined(exactNumber(text), text)
})

it("a name that comes twice in one object is told with its path, however it is written", () => {
  assert.deepStrictEqual(shown('{"a":1,"b":{"a":2},"a":3}'), [`a: ${twice}`])
  assert.deepStrictEqual(shown('[{"a":1},{"a":1,"\\u0061":2}]'), [`1.a: ${twice}`])
  assert.deepStrictEqual(shown('{"x":[[{"b":0,"b":0}]]}'), [`x.0.0.b: ${twice}`])
  assert.deepStrictEqual(shown('{"":1,"":2}'), [`: ${twice}`])
  for (const text of [
    '{"a":"a","b":["a","a"],"c":{"a":{"a":1}}}',
    '[{"a":1},{"a":1}]',
    '{"a":"\\"a\\":1,\\"a\\":2"}'
  ]) {
    assert.deepStrictEqual(shown(text), [], text)
  }
})

it("a number with more digits than are kept is told with its path, and one in a text is none", () => {
  assert.deepStrictEqual(shown("12345678901234567890"), [`: ${inexact}`])
  assert.deepStrictEqual(shown('{"a":[1,{"b": -1234567890.123456789 }],"c":2}'), [`a.1.b: ${inexact}`])
  assert.deepStrictEqual(shown("[0.1,[9007199254740993],9007199254740993]"), [`1.0: ${inexact}`, `2: ${inexact}`])
  for (const text of ['"12345678901234567890"', '{"12345678901234567890":"{\\\\"}', "[1e2,true,false,null]", " 12 "]) {
    assert.deepStrictEqual(shown(text), [], text)
  }
})

it("no more than twenty are told", () => {
  assert.strictEqual(changedIn(`[${Array(30).fill("9007199254740993").join(",")}]`).length, 20)
})
