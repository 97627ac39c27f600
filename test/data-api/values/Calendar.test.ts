import { assert, it } from "@effect/vitest"
import { DAYS_TO_2000, dateOf, daysOf } from "../../../src/data-api/values/Calendar.ts"

it("days count from 1970-01-01, and PostgreSQL's from 2000-01-01", () => {
  assert.strictEqual(daysOf(1970, 1, 1), 0)
  assert.strictEqual(daysOf(2000, 1, 1), DAYS_TO_2000)
  assert.strictEqual(daysOf(0, 3, 1), -719_468)
})

it("every day has the date that JavaScript's Date gives it, and back", () => {
  const wrong: Array<number> = []
  // A step that meets every day of the month and every month, over 40 centuries on either side.
  for (let days = -1_461_000; days <= 1_461_000; days += 17) {
    const date = new Date(days * 86_400_000)
    const [y, m, d] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()]
    const { day, month, year } = dateOf(days)
    if (year !== y || month !== m || day !== d || daysOf(y, m, d) !== days) wrong.push(days)
  }
  assert.deepStrictEqual(wrong, [])
})
