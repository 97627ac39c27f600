import { assert, it } from "@effect/vitest"
import type { Field } from "../../../src/data-api/DataApi.ts"
import { fieldBytes } from "../../../src/local/values/ResultRecords.ts"

it("a value counts with the octets of its text, a blob with those of its hexadecimal form", () => {
  const counted: ReadonlyArray<readonly [octets: number, field: Field]> = [
    [0, { isNull: true }],
    [1, { booleanValue: true }],
    [0, { stringValue: "" }],
    [7, { stringValue: "aé😀" }],
    [3, { longValue: -12 }],
    [19, { longValue: 9_223_372_036_854_775_807n }],
    [3, { doubleValue: 0.5 }],
    [2, { blobValue: new Uint8Array() }],
    [8, { blobValue: new Uint8Array(3) }],
    // {1,NULL,23}
    [11, { arrayValue: { longValues: [1, null, 23] } }],
    [2, { arrayValue: { stringValues: [] } }],
    [6, { arrayValue: { stringValues: ["é", "😀"].slice(0, 1).concat("a") } }]
  ]
  for (const [octets, field] of counted) assert.strictEqual(fieldBytes(field), octets, Object.keys(field)[0])
})
