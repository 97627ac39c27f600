import { assert, it } from "@effect/vitest"
import type { SqlParameter } from "../../src/data-api/DataApi.ts"
import * as Limits from "../../src/data-api/Limits.ts"

it("characters are code points: a pair of surrogates is one, half a pair too", () => {
  const counted = { "": 0, a: 1, é: 1, "😀": 1, "a😀b😀": 4, "\ud83d": 1, "\ude00\ud83d": 2, "\ud83d\ud83d\ude00": 2 }
  for (const [text, expected] of Object.entries(counted)) assert.strictEqual(Limits.characters(text), expected, text)
  assert.isFalse(Limits.isLonger("😀".repeat(10), 10))
  assert.isTrue(Limits.isLonger("😀".repeat(11), 10))
  for (const one of ["a", "😀"]) {
    assert.isTrue(Limits.isShorter(one.repeat(10), 11), one)
    assert.isFalse(Limits.isShorter(one.repeat(11), 11), one)
    assert.isFalse(Limits.isShorter(one.repeat(40), 11), one)
  }
})

it("a statement of 65,536 characters is sent, whichever they are, and one more is refused", () => {
  const quoted = (character: string, length: number) => `select '${character.repeat(length - 9)}'`
  for (const character of ["a", "é", "😀"]) {
    assert.isUndefined(Limits.checkSize({ sql: quoted(character, 65_536) }), character)
    assert.include(Limits.checkSize({ sql: quoted(character, 65_537) }) ?? "", "65537 characters", character)
  }
})

it("an error about a statement that is too long names the one parameter that takes its place", () => {
  const marks = Array.from({ length: 10_000 }, (_, index) => `(:p${index + 1}::int)`).join(", ")
  assert.match(Limits.checkSize({ sql: `select * from t where id in (${marks})` }) ?? "", /= any\(\$1\)/)
  assert.match(Limits.checkSize({ sql: `/* rows */ INSERT INTO t VALUES ${marks}` }) ?? "", /Bulk\.insert/)
})

const blob = (size: number): SqlParameter => ({ name: "b", value: { blobValue: new Uint8Array(size) } })
const stringOf = (value: string): SqlParameter => ({ name: "s", value: { stringValue: value } })

it("a request's size is what it takes as JSON: base64 for bytes, escapes for text", () => {
  const size = (parameter: SqlParameter) =>
    Buffer.byteLength(JSON.stringify({ ...parameter, value: jsonOf(parameter) }))
  const jsonOf = ({ value }: SqlParameter) =>
    "blobValue" in value ? { blobValue: Buffer.from(value.blobValue).toString("base64") } : value
  for (const parameter of [
    blob(0),
    blob(1),
    blob(2),
    blob(3),
    blob(1_000_000),
    stringOf(""),
    stringOf('\u0001"\\'.repeat(1_000)),
    stringOf("é😀".repeat(1_000))
  ]) {
    const bytes = size(parameter)
    assert.isAtLeast(Limits.parameterBytes(parameter), bytes)
    assert.isAtMost(Limits.parameterBytes(parameter), bytes + 80)
  }
})

it("bytes and text are refused just above 4 MiB of JSON, and sent just below", () => {
  const room = Limits.MAX_REQUEST_BYTES - Limits.REQUEST_OVERHEAD_BYTES - 200
  const fitting = [blob(Math.floor((room / 4) * 3)), stringOf("a".repeat(room)), stringOf('"'.repeat(room / 2))]
  const tooLarge = [
    blob(Math.ceil((room / 4) * 3) + 300),
    stringOf("a".repeat(room + 300)),
    stringOf('"'.repeat(room / 2 + 150))
  ]
  for (const parameter of fitting) assert.isUndefined(Limits.checkSize({ sql: "select", parameters: [parameter] }))
  for (const parameter of tooLarge) {
    const refusal = Limits.checkSize({ sql: "select", parameters: [parameter] })
    assert.include(refusal ?? "", "Bulk.insert or in smaller batches")
    assert.isDefined(Limits.checkSize({ sql: "select", parameterSets: [[], [parameter]] }))
  }
})
