import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import { readAnswer } from "../../../src/data-api/sql/TypeLookup.ts"

const parameter = ["p", 1, "pg_catalog", "int4", "b", null, null, false, null]
const column = ["r", 1, "pg_catalog", "_text", "b", "text", "b", false, "names"]

it("an answer names the types of parameters and columns", () => {
  assert.deepStrictEqual(
    readAnswer(JSON.stringify([parameter, column])),
    Result.succeed({
      parameters: [{ cast: '"pg_catalog"."int4"', name: "int4", isArray: false, isReturned: true, column: undefined }],
      results: [{ cast: '"pg_catalog"."_text"', name: "_text", isArray: true, isReturned: true, column: "names" }]
    })
  )
})

it("an answer may be a refusal", () => {
  assert.deepStrictEqual(
    readAnswer('["42P01","no such table"]'),
    Result.succeed({ sqlState: "42P01", message: "no such table" })
  )
})

it("anything else is no answer", () => {
  const strange = (at: number, value: string | number | boolean | null) => parameter.with(at, value)
  const forms: ReadonlyArray<unknown> = [
    null,
    "text",
    [42, "no text"],
    ["42P01"],
    ["42P01", null],
    [null],
    [parameter.slice(1)],
    [[...parameter, null]],
    // Each place with a value of another kind.
    ...[["x"], ["1"], [null], [3], [false], [0], [true], ["true"], [1]].map(([value = null], at) => [
      strange(at, value)
    ]),
    [column, strange(3, null)]
  ]
  for (const form of forms) assert.isTrue(Result.isFailure(readAnswer(JSON.stringify(form))), JSON.stringify(form))
  assert.isTrue(Result.isFailure(readAnswer("not JSON")))
})
