/** What the service returns unwrapped, in the text that PostgreSQL writes of it. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import { fieldText } from "../../../src/gateway/statement/FieldText.ts"
import * as TestDatabase from "../../TestDatabase.ts"

/** By type: values whose text is not simply their digits. */
const values: Readonly<Record<string, ReadonlyArray<string>>> = {
  bool: ["true", "false"],
  int8: ["-9223372036854775808", "9007199254740993"],
  float8: [
    "0",
    "-0",
    "0.1",
    "1e15",
    "123456789012345",
    "1e-4",
    "0.00012345",
    "1e-5",
    "-1.5e-7",
    "5e-324",
    "NaN",
    "-Infinity"
  ],
  numeric: ["1.50"],
  bytea: ["\\x00ff5c"],
  text: ["a b"],
  "bool[]": ["{t,f,NULL}", "{}"],
  "int8[]": ["{1,NULL,-9223372036854775808}"],
  "float8[]": ["{1e20,1e-7,0.1,-0,NaN,NULL,100000}"],
  "text[]": [
    JSON.stringify([
      "",
      "a b",
      "a,b",
      '"',
      "\\",
      "{",
      "}",
      "NULL",
      "null",
      "nulls",
      "\t",
      "\n",
      "\r",
      "\v",
      "\f",
      "é",
      "\u00a0",
      "\u2028",
      "'",
      ";"
    ])
  ]
}

layer(Layer.suspend(() => TestDatabase.layer()))((it) => {
  it.effect("a value and an array of them has PostgreSQL's own text", () =>
    Effect.gen(function* () {
      const api = yield* DataApi
      for (const [type, texts] of Object.entries(values)) {
        for (const text of texts) {
          const given = text.startsWith("[")
            ? "array(select json_array_elements_text(:text::json))"
            : `cast(:text as ${type})`
          const { records = [] } = yield* api.executeStatement({
            sql: `select v, format('%s', v) from (select ${given} as v) t`,
            parameters: [{ name: "text", value: { stringValue: text } }]
          })
          const [value = { isNull: true }, written = { isNull: true }] = records[0] ?? []
          assert.strictEqual(
            fieldText(value),
            "stringValue" in written ? written.stringValue : undefined,
            `${type} ${text}`
          )
        }
      }
      assert.isNull(fieldText({ isNull: true }))
    })
  )
})
