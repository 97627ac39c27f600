/** What the Data API might answer and no value of JavaScript stands for: refused with the reason, never guessed. */
import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import type { ColumnMetadata, Field } from "../../../src/data-api/DataApi.ts"
import { decodeRows, decodeValues } from "../../../src/data-api/values/PgDecode.ts"
import { columnOf } from "../columnOf.ts"

const refusalsOf = (columns: ReadonlyArray<ColumnMetadata>, record: ReadonlyArray<Field>) => {
  const cells = { width: record.length, values: [...record] }
  const results: ReadonlyArray<Result.Result<unknown, { readonly message: string }>> = [
    decodeValues(columns, [record]),
    decodeRows(columns, [record]),
    decodeValues(columns, cells),
    decodeRows(columns, cells)
  ]
  return new Set(results.map((result) => (Result.isFailure(result) ? result.failure.message : "accepted")))
}

const text = (stringValue: string): Field => ({ stringValue })
const number: Field = { doubleValue: 1.5 }

const odd: ReadonlyArray<readonly [typeName: string, field: Field, why: string]> = [
  ["timestamp", number, "a timestamp came back as something other than text"],
  ["timestamptz", text("yesterday"), "a timestamp came back in an unknown form"],
  ["date", number, "a date came back as something other than text"],
  ["time", number, "a time came back in an unknown form"],
  ["time", text("noon"), "a time came back in an unknown form"],
  ["timetz", text("noon"), "a timetz came back in an unknown form"],
  ["interval", text("1 fortnight"), "an interval came back in an unknown form"],
  ["_bytea", text('{"\\\\8"}'), "bytea came back as something other than bytes"],
  ["int8", { doubleValue: 2 ** 53 }, "an int8 came back as a number that JavaScript rounds"],
  ["json", number, "json came back as something other than text"],
  ["bytea", number, "bytea came back as something other than bytes"],
  ["inet", text("localhost"), "an inet or a cidr came back in an unknown form"],
  ["cidr", number, "an inet or a cidr came back in an unknown form"],
  ["_date", text("{{2026-01-01},{2026-01-02}}"), "an array came back in an unknown form"],
  ["_date", text("{,}"), "an array came back in an unknown form"],
  [
    "_int4",
    { arrayValue: { arrayValues: [{ longValues: [1] }] } },
    "an array of arrays came back, which has no form in JavaScript"
  ]
]

it("an answer in a form that its type does not have is refused with the reason, by every reader", () => {
  for (const [typeName, field, why] of odd) {
    assert.deepStrictEqual(
      [...refusalsOf([columnOf(typeName)], [field])],
      [why],
      `${typeName} ${JSON.stringify(field)}`
    )
  }
})

it("a row with more or fewer values than columns is refused by every reader", () => {
  const why = ["a row came back with more or fewer values than columns"]
  assert.deepStrictEqual([...refusalsOf([columnOf("text")], [text("a"), text("b")])], why)
  assert.deepStrictEqual([...refusalsOf([columnOf("text"), columnOf("text")], [text("a")])], why)
})

it("an empty array may come in any variant", () => {
  for (const arrayValue of [{ arrayValues: [] }, { stringValues: [] }, { longValues: [] }, { booleanValues: [] }]) {
    assert.deepStrictEqual(Result.getOrThrow(decodeValues([columnOf("_int4")], [[{ arrayValue }]])), [[[]]])
  }
})
