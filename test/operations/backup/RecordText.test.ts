import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { textOf, valuesOf } from "../../../src/operations/backup/RecordText.ts"

const Values = Schema.Array(
  Schema.NullOr(Schema.Array(Schema.Literals(["a", '"', "\\", ",", "(", ")", " ", "\n", "\u2028", "😀", "{", "NULL"])))
)

it.effect.prop(
  "a row's text has the values that it was made of",
  { parts: Values },
  ({ parts }) =>
    Effect.sync(() => {
      const values = parts.map((part) => part?.join("") ?? null)
      assert.deepStrictEqual(valuesOf(textOf(values), values.length), values)
    }),
  { arbitrary: { runs: 2000 } }
)

it("PostgreSQL's own ways to write a row are read", () => {
  assert.deepStrictEqual(valuesOf("()", 0), [])
  assert.deepStrictEqual(valuesOf("()", 1), [null])
  assert.deepStrictEqual(valuesOf('("")', 1), [""])
  assert.deepStrictEqual(valuesOf("(,)", 2), [null, null])
  assert.deepStrictEqual(valuesOf('(1,"a ""b"" \\\\ c",,t)', 4), ["1", 'a "b" \\ c', null, "t"])
  assert.deepStrictEqual(valuesOf('(a"b, c"d)', 1), ["ab, cd"])
})
