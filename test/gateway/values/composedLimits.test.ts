/** What a few bytes of a stranger may stand for. */
import { assert, describe, it } from "@effect/vitest"
import { readBinaryForm, toBinary } from "../../../src/gateway/values/BinaryForms.ts"
import { fromBinary } from "../../../src/gateway/values/ComposedForms.ts"
import type { TypeShapes } from "../../../src/gateway/values/TypeShape.ts"
import { readText } from "../../../src/gateway/values/Utf8.ts"

const NUMERIC = 1700
const NUMERIC_ARRAY = 1231
const TEXT = 25
const TEXT_ARRAY = 1009
const COMPOSITE = 90_001

const int32 = (...values: ReadonlyArray<number>): Buffer => {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeInt32BE(value, index * 4)
  return bytes
}

const sized = (value: Buffer): Buffer => Buffer.concat([int32(value.length), value])

const array = (dimensions: ReadonlyArray<readonly [size: number, lower: number]>, ...values: ReadonlyArray<string>) =>
  Buffer.concat([
    int32(dimensions.length, 0, TEXT, ...dimensions.flat()),
    ...values.map((value) => sized(Buffer.from(value)))
  ])

describe("binary arrays", () => {
  it("are read with as many elements as they claim", () => {
    assert.strictEqual(fromBinary(TEXT_ARRAY, array([[2, 1]], "a", "b")), '{"a","b"}')
    assert.strictEqual(
      fromBinary(
        TEXT_ARRAY,
        array(
          [
            [1, 1],
            [2, 0]
          ],
          "a",
          "b"
        )
      ),
      '[1:1][0:1]={{"a","b"}}'
    )
    assert.strictEqual(fromBinary(TEXT_ARRAY, array([])), "{}")
    assert.strictEqual(fromBinary(TEXT_ARRAY, array([[0, 1]])), "{}")
    assert.strictEqual(
      fromBinary(
        TEXT_ARRAY,
        array([
          [2, 1],
          [0, 1]
        ])
      ),
      "{}"
    )
  })

  it("are refused if they claim more elements, or fewer, than they have", () => {
    const wrong = [
      array([[2_147_483_647, 1]]),
      array(
        [
          [1_000_000, 1],
          [1_000_000, 1]
        ],
        "a"
      ),
      array([[1, 1]], "a", "b"),
      array([], "a"),
      array(
        [
          [-1, 1],
          [-1, 1]
        ],
        "a"
      )
    ]
    for (const bytes of wrong) assert.strictEqual(fromBinary(TEXT_ARRAY, bytes), undefined)
  })

  it("of a few bytes are refused if they stand for more digits than any text has", () => {
    // 7 times 10,000 to the power of 32,767.
    const large = Buffer.from([0, 1, 127, 255, 0, 0, 0, 0, 0, 7])
    assert.strictEqual(readBinaryForm(NUMERIC)?.(large, readText), `7${"0".repeat(131_068)}`)
    const many = Array.from({ length: 65 }, () => sized(large))
    const bytes = Buffer.concat([int32(1, 0, NUMERIC, many.length, 1), ...many])
    assert.strictEqual(fromBinary(NUMERIC_ARRAY, bytes), undefined)
  })
})

describe("binary numbers", () => {
  it("are read as the text that they were written from", () => {
    const texts = "0 1 -1.50 0.0001 0.00000001 123456789.987654321 10000 100000000 0.10 -0.00001234500 NaN".split(" ")
    for (const text of texts) {
      const bytes = toBinary(NUMERIC, text) ?? assert.fail(`${text} has no binary form`)
      assert.strictEqual(fromBinary(NUMERIC, bytes), text)
    }
  })
})

describe("binary records", () => {
  const shapes: TypeShapes = new Map([[COMPOSITE, { kind: "record" }]])
  const nested = (depth: number, text: string): Buffer => {
    const inner = depth === 0 ? Buffer.from(text) : nested(depth - 1, text)
    return Buffer.concat([int32(1, depth === 0 ? TEXT : COMPOSITE), sized(inner)])
  }

  it("are read with the records in them", () => {
    assert.strictEqual(fromBinary(COMPOSITE, nested(1, "a"), shapes), '("(""a"")")')
  })

  it("are refused if the sender nests them deeper than types are, or if their quotes would fill the memory", () => {
    assert.strictEqual(fromBinary(COMPOSITE, nested(33, ""), shapes), undefined)
    assert.strictEqual(fromBinary(COMPOSITE, nested(30, '"'), shapes), undefined)
    let deep = Buffer.alloc(0)
    for (let depth = 0; depth < 2_000; depth++) deep = Buffer.concat([int32(1, COMPOSITE), sized(deep)])
    assert.strictEqual(fromBinary(COMPOSITE, deep, shapes), undefined)
  })
})
