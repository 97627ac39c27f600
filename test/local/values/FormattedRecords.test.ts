import { assert, describe, it } from "vitest"
import { javaDouble } from "../../../src/local/values/FormattedRecords.ts"

describe("a double in a JSON result", () => {
  const written: ReadonlyArray<readonly [number, string]> = [
    [10, "10.0"],
    [0, "0.0"],
    [-0, "-0.0"],
    [0.1, "0.1"],
    [-1234567.25, "-1234567.25"],
    [9_999_999, "9999999.0"],
    [10_000_000, "1.0E7"],
    [0.001, "0.001"],
    [0.0001, "1.0E-4"],
    [Number.MAX_VALUE, "1.7976931348623157E308"],
    [Number.MIN_VALUE, "4.9E-324"],
    [Number.NaN, '"NaN"'],
    [Number.NEGATIVE_INFINITY, '"-Infinity"']
  ]
  for (const [value, expected] of written) {
    it(`${value} is written ${expected}`, () => assert.strictEqual(javaDouble(value), expected))
  }
})
