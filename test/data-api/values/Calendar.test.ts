import { assert, it } from "@effect/vitest"
import { DAYS_TO_2000, dateOf, daysOf } from "../../../src/data-api/values/Calendar.ts"

it("days count from 1970-01-01, and PostgreSQL's from 2000-01-01", () => {
  assert.strictEqual(daysOf(1970, 1, 1), 0)
  assert.strictEqual(daysOf(2000, 1, 1), DAYS_TO_2000)
  assert.strictEqual(daysOf(0, 3, 1), -719_468)
})

it("every day has the date that JavaScript's Date gives it, and back", () => {
  // A step that meets every day of the month and every month, over 40 centuries on either side.
  for (let days = -1_461_000; days <= 1_461_000; days += 17) {
    const date = new Date(days * 86_400_000)
    const expected = { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
    assert.deepStrictEqual(dateOf(days), expected)
    assert.strictEqual(daysOf(expected.year, expected.month, expected.day), days)
  }
})
