import { assert, it } from "@effect/vitest"
import { fromBinary } from "../../../src/gateway/values/ComposedForms.ts"

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
