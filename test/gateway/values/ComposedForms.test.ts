import { assert, it } from "@effect/vitest"
import { fromBinary } from "../../../src/gateway/values/ComposedForms.ts"
import type { TypeShapes } from "../../../src/gateway/values/TypeShape.ts"

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const numbers = (...all: ReadonlyArray<number>): Buffer => Buffer.concat(all.map(int32))

const INT4 = 23
const INT4_ARRAY = 1007
/** An array of int4 with this many dimensions, each of size 1 from 1 on, and what follows. */
const array = (dimensions: number, ...rest: ReadonlyArray<number>) =>
  numbers(dimensions, 0, INT4, ...Array.from({ length: Math.max(0, dimensions) }, () => [1, 1]).flat(), ...rest)

it("a binary array has at most six dimensions and as many elements as they say, or is refused", () => {
  const read = (bytes: Buffer) => fromBinary(INT4_ARRAY, bytes)
  assert.strictEqual(read(array(0)), "{}")
  assert.strictEqual(read(array(1, 4, 7)), '{"7"}')
  assert.strictEqual(read(array(1, -1)), "{NULL}")
  assert.strictEqual(read(array(6, 4, 7)), '{{{{{{"7"}}}}}}')
  assert.isUndefined(read(array(7, 4, 7)))
  assert.isUndefined(read(array(-1)))
  const whole = array(2, 4, 7)
  for (let length = 0; length < whole.length; length++) {
    assert.isUndefined(read(whole.subarray(0, length)), `${length} of ${whole.length} bytes`)
  }
  assert.isUndefined(read(array(1, 4, 7, 4, 8)))
  assert.isUndefined(read(array(0, 4, 7)))
})

it("a binary value whose text is not UTF-8 is refused in every type, and not read as another text", () => {
  const shapes: TypeShapes = new Map([
    [90001, { kind: "text" }],
    [90002, { kind: "domain", of: 25 }],
    [90003, { kind: "record" }]
  ])
  const sized = (text: Buffer): Buffer => Buffer.concat([int32(text.length), text])
  const forms: ReadonlyArray<readonly [types: ReadonlyArray<number>, form: (text: Buffer) => Buffer]> = [
    // json, xml, text, name, bpchar, varchar, unknown, cstring, an enum, a domain.
    [[114, 142, 25, 19, 1042, 1043, 705, 2275, 90001, 90002], (text) => text],
    // jsonb, jsonpath.
    [[3802, 4072], (text) => Buffer.concat([Buffer.from([1]), text])],
    // tsvector.
    [[3614], (text) => Buffer.concat([int32(1), text, Buffer.from([0, 0, 0])])],
    // text[], a composite.
    [[1009], (text) => Buffer.concat([numbers(1, 0, 25, 1, 1), sized(text)])],
    [[90003], (text) => Buffer.concat([numbers(1, 25), sized(text)])]
  ]
  for (const [types, form] of forms) {
    for (const type of types) {
      assert.include(fromBinary(type, form(Buffer.from("1é\uFFFD")), shapes), "1é\uFFFD", String(type))
      for (const octets of [[0xff], [0x31, 0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
        assert.isUndefined(fromBinary(type, form(Buffer.from(octets)), shapes), String(type))
      }
    }
  }
})

it("a binary range is refused where bounds are missing or too many", () => {
  const range = (flags: number, ...bounds: ReadonlyArray<number>) =>
    fromBinary(
      3904,
      Buffer.concat([Buffer.from([flags]), numbers(...bounds)]),
      new Map([[3904, { kind: "range", of: INT4 }]])
    )
  assert.strictEqual(range(1), "empty")
  assert.strictEqual(range(2, 4, 1, 4, 5), '["1","5")')
  assert.strictEqual(range(2 + 4, 4, 1, 4, 5), '["1","5"]')
  assert.strictEqual(range(8, 4, 5), '(,"5")')
  assert.strictEqual(range(16 + 2, 4, 1), '["1",)')
  assert.strictEqual(range(8 + 16), "(,)")
  assert.isUndefined(range(2, 4, 1))
  assert.isUndefined(range(8, 4, 1, 4, 5))
  assert.isUndefined(range(8 + 16, 4, 1))
})
